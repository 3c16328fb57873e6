use super::*;
use crate::Error;
use trimtab_model::Seconds;

fn read(name: &str, text: &str) -> UsageReading {
    read_usage(name, text, &UsageOptions::default()).unwrap()
}

#[test]
fn alibaba_machines_are_percentages_of_a_machine() {
    let text = "m_1,30,50,25,,,43.0,33.1,5\nm_2,10,10,20,,,1,1,5\nm_1,10,100,50,,,43.0,33.1,5\nm_2,20,,20,,,1,1,5\nm_2,40,101,20,,,1,1,5\n";
    let reading = read("usage", text);
    assert_eq!(
        (reading.format, reading.rows_left_out, reading.series_left_out),
        (UsageFormat::AlibabaMachine, 2, 1)
    );
    let machine = &reading.series[0];
    assert_eq!((machine.name.as_str(), machine.points.len(), machine.has_memory), ("m_1", 2, true));
    assert_eq!((machine.points[0].cpu_cores, machine.points[1].cpu_cores), (96.0, 48.0));
    assert_eq!(machine.points[0].memory_bytes, 192e9);
    assert_eq!(reading.assumed, UsageFormat::AlibabaMachine.assumed_size());
    let told = UsageOptions { cores: Some(10.0), memory_bytes: Some(1e9), ..UsageOptions::default() };
    let reading = read_usage("usage", text, &told).unwrap();
    assert_eq!((reading.series[0].points[0].cpu_cores, reading.assumed), (10.0, None));
}

#[test]
fn alibaba_containers_have_eleven_columns() {
    let text = "c_1,m_1,10,50,25,1,2,3,4,5,6\nc_1,m_1,20,25,25,1,2,3,4,5,6\n";
    let reading = read("usage", text);
    assert_eq!(reading.format, UsageFormat::AlibabaContainer);
    assert_eq!(reading.series[0].points[0].cpu_cores, 2.0);
}

#[test]
fn a_bitbrains_machine_says_what_it_was_given() {
    let text = "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%];\tMemory capacity provisioned [KB];\tMemory usage [KB];\tDisk read throughput [KB/s]\n1376314846;\t2;\t5200.0;\t520.0;\t10.0;\t2097152.0;\t1024.0;\t0.0\n1376315146;\t2;\t5200.0;\t520.0;\t50.0;\t2097152.0;\t2048.0;\t0.0\n";
    let reading = read("bitbrains_vm", text);
    let vm = &reading.series[0];
    assert_eq!(vm.name, "bitbrains_vm");
    assert_eq!(vm.size, Size { cores: 2.0, memory_bytes: 2_147_483_648.0 });
    assert_eq!((vm.points[0].cpu_cores, vm.points[0].memory_bytes), (0.2, 1_048_576.0));
    assert_eq!(vm.length(), Seconds(300.0));
    assert_eq!(reading.assumed, None);
}

#[test]
fn a_planetlab_day_is_a_percentage_every_five_minutes() {
    let reading = read("node_root", "50\n4\n38\n");
    let node = &reading.series[0];
    assert_eq!((reading.format, node.has_memory), (UsageFormat::PlanetLab, false));
    assert_eq!((node.points[2].at.0, node.points[0].cpu_cores), (600.0, 0.5));
    assert_eq!(node.peak().cores, 0.5);
}

#[test]
fn azure_readings_are_by_machine() {
    let text = "0,+ZcrOp5/c,2.0,4.0,3.0\n0,abc,1,1,1\n300,+ZcrOp5/c,2.0,4.0,8.0\n";
    let reading = read("readings", text);
    assert_eq!((reading.format, reading.series.len(), reading.series_left_out), (UsageFormat::AzureVm, 1, 1));
    assert_eq!(reading.series[0].points[1].cpu_cores, 0.32);
}

#[test]
fn a_borg_instance_is_named_by_collection_and_index() {
    let text = "collection_id,instance_index,start_time,end_time,average_usage.cpus,average_usage.memory\n7,1,300000000,600000000,0.5,0.25\n7,1,600000000,900000000,0.25,0.25\n";
    let reading = read("borg", text);
    let instance = &reading.series[0];
    assert_eq!((reading.format, instance.name.as_str()), (UsageFormat::Borg, "7,1"));
    assert_eq!((instance.points[0].at.0, instance.points[0].cpu_cores), (300.0, 32.0));
}

#[test]
fn a_table_has_its_units_in_its_header() {
    let reading = read("workload", "memory_mb,cpu_millicores\n2500,500\n5000,1000\n");
    let point = reading.series[0].points[1];
    assert_eq!((point.at.0, point.cpu_cores, point.memory_bytes), (60.0, 1.0, 5e9));
    let text = "container,time_secs,cpu_cores,memory_gb\nb,5,1,2\na,0,1,2\na,10,3,4\nb,0,1,1\n";
    let reading = read("workload", text);
    assert_eq!(reading.series.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(reading.series[0].points[1].memory_bytes, 4e9);
}

#[test]
fn what_is_no_recording_is_refused() {
    let refused = |text: &str| read_usage("x", text, &UsageOptions::default()).unwrap_err();
    assert_eq!(refused("hello world\n"), Error::UsageFormat);
    assert_eq!(refused("1\n"), Error::Empty);
    assert_eq!(refused("-1\n-2\n-3\n"), Error::Empty);
    let forced = UsageOptions { format: Some(UsageFormat::Table), ..UsageOptions::default() };
    let error = read_usage("x", "a,b\n1,2\n", &forced).unwrap_err().to_string();
    assert!(error.contains("cpu_millicores") && error.contains("a, b"), "{error}");
}
