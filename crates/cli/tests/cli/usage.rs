//! Vertical autoscalers on recorded use, made-up workloads, and what is refused of them.

use crate::place::{Place, tells};
use std::fmt::Write;

/// Two containers over two days in the plain format.
fn recording() -> String {
    let mut text = String::from("container,time_secs,cpu_millicores,memory_mb\n");
    for name in ["api", "worker"] {
        for step in 0..576 {
            let busy = (step / 12) % 24 >= 8 && (step / 12) % 24 < 18;
            let cpu = if busy { 800 } else { 100 } + (step * 37) % 50;
            writeln!(text, "{name},{},{cpu},{}", step * 300, 400 + (step * 13) % 40).unwrap();
        }
    }
    text
}

#[test]
fn vertical_autoscalers_are_compared_on_recorded_use() {
    let place = Place::new();
    place.write("shop.csv", recording());
    let names = "vpa,vpa_in_place,window:margin_percent=20,cpu_percentile=99,constant,vertical_oracle";
    let told =
        place.fine(&["compare", "--usage", "shop.csv", "--autoscalers", names, "--out", "out", "--quiet"]);
    tells(&told, &["shop: 2 containers, 24 h of test each", "vertical_oracle", "restarts", "shop: "]);
    let json: serde_json::Value = serde_json::from_slice(&place.read("out/report.json")).unwrap();
    assert_eq!(json["schema"], "trimtab-usage/1");
    assert_eq!(json["baseline"], "vpa");
    assert_eq!(json["cells"].as_array().unwrap().len(), 10);
    let page = String::from_utf8(place.read("out/report.html")).unwrap();
    tells(&page, &["Vertical autoscalers on recorded use", "constant", "Differences from vpa"]);
    let again =
        place.fine(&["compare", "--usage", "shop.csv", "--autoscalers", names, "--out", "again", "--quiet"]);
    assert_eq!(told.lines().next(), again.lines().next());
}

#[test]
fn what_is_wrong_with_recorded_use_is_said() {
    let place = Place::new();
    place.write("shop.csv", recording());
    place.write("words.csv", "hello\nworld\n");
    let refused = |args: &[&str]| place.refused(&[&["compare", "--usage"], args].concat());
    tells(&refused(&["shop.csv", "--autoscalers", "vpa_inplace"]), &["did you mean \"vpa_in_place\""]);
    tells(&refused(&["words.csv"]), &["words.csv", "none of the usage formats"]);
    tells(&refused(&["shop.csv", "--train-share", "2"]), &["train_share", "between 0 and 1"]);
}

#[test]
fn a_vertical_autoscaler_is_tuned_and_its_name_taken_by_a_comparison() {
    let place = Place::new();
    place.write("shop.csv", recording());
    // Twice a day of training, for twelve settings.
    let tune =
        ["tune", "vpa", "--usage", "shop.csv", "--interval-secs", "600", "--hours", "576", "--dir", "d"];
    let told = place.fine(&[&tune[..], &["--quiet"]].concat());
    tells(&told, &["of 576 simulated hours", "setting: vpa:", "kubectl apply -f d/kubernetes.yaml"]);
    let yaml = String::from_utf8(place.read("d/kubernetes.yaml")).unwrap();
    tells(&yaml, &["kind: VerticalPodAutoscaler", "name: worker", "updateMode: ", "#   - --"]);
    tells(&String::from_utf8(place.read("d/report.html")).unwrap(), &["Tuning vpa on shop", "updateMode: "]);
    let best: toml::Table = String::from_utf8(place.read("d/best.toml")).unwrap().parse().unwrap();
    let name = best["autoscaler"].as_str().unwrap();
    let compare = ["compare", "--usage", "shop.csv", "--interval-secs", "600", "--out", "out", "--quiet"];
    place.fine(&[&compare[..], &["--autoscalers", &format!("vpa,{name}")]].concat());
    // The same command finds the same again; another one is refused.
    assert_eq!(place.fine(&[&tune[..], &["--quiet"]].concat()), told);
    tells(
        &place.refused(&[&tune[..], &["--restart-secs", "9"]].concat()),
        &["d/tuning.toml", "something else"],
    );
}

#[test]
fn what_cannot_be_tuned_on_recorded_use_is_refused_with_one_sentence() {
    let place = Place::new();
    place.write("shop.csv", recording());
    let refused = |more: &[&str]| place.refused(&[&["tune"], more].concat());
    tells(
        &refused(&["hpa", "--usage", "shop.csv"]),
        &["hpa: sets replicas, expected one of these with --usage: vpa"],
    );
    tells(&refused(&["vpa"]), &["vpa: sets the requests of containers, expected --usage"]);
    tells(&refused(&["windw", "--usage", "shop.csv"]), &["did you mean \"window\""]);
    tells(&refused(&["vpaa"]), &["no autoscaler \"vpaa\" (did you mean \"vpa\"?)"]);
    tells(
        &refused(&["constant", "--usage", "shop.csv"]),
        &["constant: has nothing to tune, expected one of: vpa"],
    );
    tells(
        &refused(&["vpa", "--usage", "shop.csv", "--hours", "9"]),
        &["hours: is 9, expected at least 95.8"],
    );
    tells(&refused(&["vpa", "--usage", "no.csv"]), &["no.csv"]);
}

#[test]
fn a_made_up_workload_is_written_with_its_picture() {
    let place = Place::new();
    let told = place.fine(&["workload", "generate", "--type", "alibaba", "--timesteps", "600", "--out", "w"]);
    tells(&told, &["600 steps of alibaba", "a synthetic stand-in, not the recording"]);
    let info: serde_json::Value = serde_json::from_slice(&place.read("w/0/info.json")).unwrap();
    assert_eq!(info["synthetic_stand_in"], true);
    tells(&String::from_utf8(place.read("w/0/figure.svg")).unwrap(), &["<svg", "memory in MB"]);
    let told = place.fine(&["workload", "generate", "--type", "low_high", "--out", "w"]);
    tells(&told, &["10 steps of low_high"]);
    let table = String::from_utf8(place.read("w/1/workload.csv")).unwrap();
    tells(&table, &["time_secs,memory_mb,cpu_millicores\n0,2500,500\n60,5000,1000\n"]);
    place.fine(&["workload", "generate", "--type", "borg", "--source", "w/0/workload.csv", "--out", "w"]);
    tells(&place.refused(&["workload", "generate", "--type", "alibab"]), &["did you mean \"alibaba\""]);
}

#[test]
fn the_vertical_environment_is_described_trained_and_compared() {
    let place = Place::new();
    tells(&place.fine(&["env", "describe", "vpa"]), &["memory_upper", "overrun", "Kubernetes VPA 1.8"]);
    let settings = ["--set", "vpa={ containers = 2, days = 2.0, max_steps = 64 }"];
    let train = ["train", "--env", "vpa", "--total-timesteps", "2048", "--run-dir", "run", "--quiet"];
    place.fine(&[&train[..], &settings[..], &["--set", "ppo={ n_steps = 64, batch_size = 64 }"]].concat());
    place.write("shop.csv", recording());
    let told = place.fine(&[
        "compare",
        "--usage",
        "shop.csv",
        "--autoscalers",
        "vpa,run",
        "--out",
        "out",
        "--quiet",
    ]);
    tells(&told, &["vpa  ", "run  ", "shop: ", "(loss "]);
}
