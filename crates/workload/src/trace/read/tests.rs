use super::*;

fn plain(text: &str) -> Trace {
    read(text, &ReadOptions::default()).unwrap()
}

fn message(text: &str, options: &ReadOptions) -> String {
    read(text, options).unwrap_err().to_string()
}

#[test]
fn seconds_with_any_header_or_none_are_read() {
    for text in ["time,count\n0,5\n15,6\n30,7\n", "0,5\n15,6\n30,7", "Zeit,Anfragen\n0,5\n15,6\n30,7\n"] {
        let trace = plain(text);
        assert_eq!((trace.origin(), trace.step()), (Origin::Relative(Seconds(0.0)), Seconds(15.0)), "{text}");
        assert_eq!((trace.counts(), trace.missing()), ([5.0, 6.0, 7.0].as_slice(), [].as_slice()));
    }
}

#[test]
fn the_column_name_or_an_option_gives_the_unit_of_time() {
    assert_eq!(plain("minute,count\n0,5\n1,6\n").step(), Seconds(60.0));
    assert_eq!(plain("hour,n\n0,5\n1,6\n").step(), Seconds(3600.0));
    assert_eq!(plain("t_ms,n\n0,5\n500,6\n").step(), Seconds(0.5));
    let options = ReadOptions { time_unit: Some(TimeUnit::Minutes), ..ReadOptions::default() };
    assert_eq!(read("0,5\n5,6\n", &options).unwrap().step(), Seconds(300.0));
}

#[test]
fn timestamps_and_epochs_give_a_calendar() {
    let start = Origin::Calendar(Time(10_382.0 * 86_400.0));
    let epoch = 10_382 * 86_400;
    for text in [
        "period,count\n1998-06-05 00:00:00,5\n1998-06-05 00:01:00,6\n".to_owned(),
        "at,n\n1998-06-05T00:00:00Z,5\n1998-06-05T00:01:00Z,6\n".to_owned(),
        format!("{epoch},5\n{},6\n", epoch + 60),
        format!("{epoch}000,5\n{}000,6\n", epoch + 60),
    ] {
        let trace = plain(&text);
        assert_eq!((trace.origin(), trace.step(), trace.total()), (start, Seconds(60.0), 11.0), "{text}");
    }
    let options = ReadOptions { start: Some(Time(10_382.0 * 86_400.0)), ..ReadOptions::default() };
    assert_eq!(read("minute,count\n0,5\n1,6\n", &options).unwrap().origin(), start);
}

#[test]
fn absent_rows_are_missing_unless_they_are_said_to_be_zero() {
    let text = "0,5\n60,6\n240,7\n300,8\n";
    let trace = plain(text);
    assert_eq!(trace.counts(), [5.0, 6.0, 0.0, 0.0, 7.0, 8.0]);
    assert_eq!(trace.missing(), std::iter::once(2..4).collect::<Vec<_>>());
    assert!(trace.is_missing(3) && !trace.is_missing(4));
    let options = ReadOptions { gaps: Gaps::Zero, ..ReadOptions::default() };
    assert!(read(text, &options).unwrap().missing().is_empty());
}

#[test]
fn the_step_is_the_most_common_difference_or_the_given_one() {
    assert_eq!(plain("0,1\n60,1\n120,1\n300,1\n360,1\n").step(), Seconds(60.0));
    let options = ReadOptions { step: Some(Seconds(30.0)), ..ReadOptions::default() };
    assert_eq!(read("0,1\n60,1\n", &options).unwrap().counts().len(), 3);
}

#[test]
fn one_count_a_line_needs_a_step() {
    let options = ReadOptions { step: Some(Seconds(1.0)), ..ReadOptions::default() };
    assert_eq!(read("157\n158\n159\n", &options).unwrap().counts(), [157.0, 158.0, 159.0]);
    assert_eq!(read("rps\n157\n158\n", &options).unwrap().counts(), [157.0, 158.0]);
    let expected = "the trace has one column and no times, expected its time step as an option";
    assert_eq!(message("157\n158\n", &ReadOptions::default()), expected);
}

#[test]
fn limbo_lines_are_stamped_in_the_middle() {
    let options = ReadOptions { time_unit: Some(TimeUnit::Hours), ..ReadOptions::default() };
    let trace = read("0.5,230634.0;\n1.5,336057.0;\n2.5,599728.0;\n", &options).unwrap();
    assert_eq!((trace.origin(), trace.step()), (Origin::Relative(Seconds(0.0)), Seconds(3600.0)));
    assert_eq!(trace.counts()[1], 336_057.0);
}

#[test]
fn rates_become_counts() {
    let options = ReadOptions { values: Values::Rates, ..ReadOptions::default() };
    assert_eq!(read("0,2.5\n60,3\n", &options).unwrap().counts(), [150.0, 180.0]);
}

#[test]
fn columns_of_a_wider_table_are_found_by_name() {
    let options = ReadOptions {
        time_column: Some("at".into()),
        count_column: Some("hits".into()),
        ..ReadOptions::default()
    };
    assert_eq!(read("host,hits,at\na,5,0\na,6,10\n", &options).unwrap().counts(), [5.0, 6.0]);
}

#[test]
fn each_kind_of_bad_input_has_one_sentence_with_its_line() {
    let default = ReadOptions::default();
    for (text, expected) in [
        ("", "the trace is empty, expected at least two rows"),
        ("\n# nothing\n", "the trace is empty, expected at least two rows"),
        ("time,count\n", "the trace is empty, expected at least two rows"),
        ("time,count\n0,5\n", "line 2: the only row of the trace, expected at least two"),
        ("time,count\n0,5\n60,-3\n", "line 3: count -3, expected a number of zero or more"),
        ("time,count\n0,5\n60,NaN\n", "line 3: count NaN, expected a number of zero or more"),
        ("time,count\n0,5\n60,inf\n", "line 3: count inf, expected a number of zero or more"),
        ("time,count\n0,5\n60,many\n", "line 3: count \"many\", expected a number of zero or more"),
        ("time,count\n0,5\n60,\n", "line 3: count is empty, expected a number of zero or more"),
        ("time,count\n0,5\nsoon,6\n", "line 3: time \"soon\", expected a number"),
        (
            "time,count\nsoon,6\n1,2\n",
            "line 2: time \"soon\", expected a number or a time such as 1998-06-05 12:30:00",
        ),
        (
            "0,5\n60,6\n30,7\n",
            "line 3: time 30 is before that of the row above, expected rows sorted by time",
        ),
        (
            "0,5\n60,6\n60,7\n",
            "line 3: time 60 repeats that of the row above, expected one row for each time",
        ),
        ("0,5\n60,6\n120,6\n200,7\n", "line 4: time 200 is 20 s off the grid, expected one row every 60 s"),
        ("0,5\n60\n", "line 2: 1 columns, expected 2 as in the first row"),
        (
            "0,5,1\n60,6,1\n",
            "line 1: 3 columns, expected two, or the names of the time and count columns among: no header",
        ),
        (
            "0,5\n1,6\n1e9,7\n",
            "the trace spans 1000000001 steps of 1 s, expected at most 20000000; is the time unit right?",
        ),
    ] {
        assert_eq!(message(text, &default), expected, "{text:?}");
    }
}

#[test]
fn a_step_that_the_rows_do_not_keep_is_an_error() {
    let options = ReadOptions { step: Some(Seconds(60.0)), ..ReadOptions::default() };
    let expected = "line 2: time 15 is 15 s off the grid, expected one row every 60 s";
    assert_eq!(message("0,5\n15,6\n30,7\n", &options), expected);
}
