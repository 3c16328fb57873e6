use super::*;

const WALK_HEADER: &str = "re heap  cpu  inc_tps  out_tps max_sess curr_sess cpu ram cost goodness reward re heap cpu actionstate Qvalue";

fn walk(rows: &[&str]) -> Result<Table, String> {
    let line = |row: &&str| format!(" {row} -1.0 0.5 4 500 0.50 3-500-500-0 0.1\n");
    Table::parse(&format!("{WALK_HEADER}\n{}", rows.iter().map(line).collect::<String>()))
}

#[test]
fn the_random_walk_is_read_by_position() {
    let table = walk(&["3 400 500 831.089 879.900 102 146 0.2353 0.8054 0.0326"]).unwrap();
    let Row { replicas, cpu, heap, values } = table.rows[0];
    assert_eq!((replicas, cpu, heap), (3, 5, 4));
    assert_eq!(values[..5], [831.089, 879.9, 0.2353, 0.8054, 0.0326]);
    assert!(values[5..].iter().all(|value| value.is_nan()));
    assert!(table.has(Column::Cost) && !table.has(Column::Response));
}

#[test]
fn rows_that_cannot_be_used_are_counted_and_told() {
    let text = format!("{WALK_HEADER}\n{WALK_HEADER}\n");
    let good = " 3 400 500 1.0 2.0 1 1 0.2 0.8 0.1 -1.0 0.5 4 500 0.50 x 0.1\n";
    let rows = [
        good.to_owned(),
        good.replace(" 1.0 2.0 ", " NaN NaN "),
        good.replace(" 3 400 ", " 0 400 "),
        good.replace(" 400 500 ", " 400 550 "),
        good.replace(" 3 400 ", " nan 400 "),
        good.replace(" 0.2 0.8 ", " NaN 0.8 "),
    ];
    let Report { rows, repeated_headers, off_grid, without_cpu, missing } =
        Table::parse(&(text + &rows.concat())).unwrap().report;
    assert_eq!((rows, repeated_headers, off_grid, without_cpu), (2, 1, 3, 1));
    assert_eq!(missing, [("inc_tps", 1), ("out_tps", 1)]);
    let notes = Report { rows, repeated_headers, off_grid, without_cpu, missing }.notes();
    assert_eq!(
        notes,
        [
            "2 rows of measurements",
            "1 headers that came again, passed over",
            "3 rows left out: replicas, CPU or heap missing or on no step of the grid",
            "1 rows left out: no used CPU",
            "1 rows without inc_tps: a reward that needs it is 0",
            "1 rows without out_tps: a reward that needs it is 0",
        ]
    );
}

#[test]
fn files_with_commas_are_read_by_name() {
    let text = "response_time,replica,cpu,cpu_usage,ignored,num_request,expected_tps\n\
                26.5,3.0,4.0,0.144,x,32.1,48\n,1,6,0.3,x,48,48\n";
    let table = Table::parse(text).unwrap();
    let first = table.rows[0];
    assert_eq!((first.replicas, first.cpu, first.heap), (3, 4, 0));
    assert_eq!(
        [Column::Response, Column::Requests, Column::Expected].map(|c| first.get(c)),
        [26.5, 32.1, 48.0]
    );
    assert!(table.rows[1].get(Column::Response).is_nan());
    assert_eq!(table.report.missing, [("response_time", 1)]);
}

#[test]
fn files_that_cannot_be_read_say_where() {
    let refused = |text: &str| Table::parse(text).unwrap_err();
    assert_eq!(refused(""), "is empty, expected a header and rows");
    assert!(refused("a b c\n1 2 3\n").contains("expected names separated by commas, or 17 columns"));
    assert!(refused("replica,cpu\n1,4\n").starts_with("has no column \"cpu_usage\""));
    assert!(refused("replica,cpu,cpu,cpu_usage\n").starts_with("has column \"cpu\" twice"));
    assert_eq!(refused("replica,cpu,cpu_usage\n1,4,0.1\n1,4\n"), "line 3: has 2 fields, expected 3");
    let text = "replica,cpu,cpu_usage\n1,4,fast\n";
    assert_eq!(refused(text), "line 2: column cpu_usage is \"fast\", expected a number or NaN");
    assert!(refused("replica,cpu,cpu_usage\n1,4,inf\n").contains("\"inf\""));
    assert_eq!(refused("replica,cpu,cpu_usage\n0,4,0.1\n"), "has no row that can be used");
}
