use super::*;
use crate::Origin;

fn build(text: &str) -> Result<Box<dyn ArrivalRate>> {
    let traces = |name: &str| {
        assert_eq!(name, "mine");
        let counts = (0..72).map(|hour| 3600.0 * f64::from(hour)).collect();
        Trace::new(Origin::Relative(Seconds(0.0)), Seconds(3600.0), counts, vec![])
    };
    toml::from_str::<Workload>(text).unwrap().build_with(1, &traces)
}

fn rates<const N: usize>(text: &str, at: [f64; N]) -> [f64; N] {
    let built = build(text).unwrap();
    at.map(|t| built.rate(Seconds(t)).0)
}

#[test]
fn whole_numbers_and_nested_tables_are_fine() {
    let text = "kind = 'sum'\n[[parts]]\nkind = 'constant'\nrate = 5\n[[parts]]\nkind = 'ramp'\nfrom = 0\nto = 10\nlength_secs = 10\n";
    assert_eq!(rates(text, [0.0, 5.0, 10.0]), [5.0, 10.0, 15.0]);
}

#[test]
fn each_combinator_does_what_its_name_says() {
    let constant = |rate: u32| format!("{{ kind = 'constant', rate = {rate} }}");
    let ramp = "{ kind = 'ramp', from = 0, to = 100, length_secs = 100 }";
    let at = [0.0, 40.0, 90.0, 210.0];
    for (text, expected) in [
        (format!("kind = 'product'\nparts = [{ramp}, {}]", constant(2)), [0.0, 80.0, 180.0, 200.0]),
        (format!("kind = 'scale'\nfactor = 0.5\nof = {ramp}"), [0.0, 20.0, 45.0, 50.0]),
        (format!("kind = 'clip'\nmin = 10\nmax = 60\nof = {ramp}"), [10.0, 40.0, 60.0, 60.0]),
        (
            format!("kind = 'switch'\nat_secs = 90\nbefore = {ramp}\nafter = {}", constant(7)),
            [0.0, 40.0, 7.0, 7.0],
        ),
        (
            format!(
                "kind = 'concatenate'\nparts = [{{ length_secs = 40, of = {} }}, {{ length_secs = 1, of = {ramp} }}]",
                constant(9)
            ),
            [9.0, 0.0, 50.0, 100.0],
        ),
        (format!("kind = 'repeat'\nperiod_secs = 60\nof = {ramp}"), [0.0, 40.0, 30.0, 30.0]),
        (format!("kind = 'delay'\nby_secs = 30\nof = {ramp}"), [0.0, 10.0, 60.0, 100.0]),
        (
            format!("kind = 'window'\nstart_secs = 10\nlength_secs = 50\nof = {ramp}"),
            [10.0, 50.0, 100.0, 100.0],
        ),
    ] {
        assert_eq!(rates(&text, at), expected, "{text}");
    }
}

#[test]
fn means_of_combinators_add_up_over_their_seams() {
    let ramp = "{ kind = 'ramp', from = 0, to = 100, length_secs = 100 }";
    for text in [
        format!("kind = 'repeat'\nperiod_secs = 60\nof = {ramp}"),
        format!("kind = 'switch'\nat_secs = 90\nbefore = {ramp}\nafter = {{ kind = 'constant', rate = 7 }}"),
        format!(
            "kind = 'concatenate'\nparts = [{{ length_secs = 40, of = {ramp} }}, {{ length_secs = 50, of = {ramp} }}]"
        ),
        format!("kind = 'delay'\nby_secs = 33\nof = {ramp}"),
    ] {
        let built = build(&text).unwrap();
        let (n, width) = (4000, 0.1);
        let sum: f64 = (0..n).map(|i| built.rate(Seconds((f64::from(i) + 0.5) * width)).0 * width).sum();
        let whole = built.mean(Seconds(0.0), Seconds(400.0)).0 * 400.0;
        assert!((whole - sum).abs() < 1e-6 * sum, "{text}: {whole} {sum}");
    }
}

#[test]
fn a_replay_takes_days_peak_and_speed() {
    // Hour h has h requests/s; 71 at most.
    let text = "kind = 'replay'\ntrace = 'mine'\ndays = '2,1'\n";
    let built = build(text).unwrap();
    assert_eq!(built.duration(), Some(Seconds(2.0 * 86_400.0)));
    assert!((built.rate(Seconds(1800.0)).0 - 24.0).abs() < 1e-9);
    let text = "kind = 'replay'\ntrace = 'mine'\ndays = '1..=2'\npeak = 710\nspeed = 60\n";
    let fast = build(text).unwrap();
    assert_eq!(fast.duration(), Some(Seconds(2.0 * 1440.0)));
    assert!((fast.rate(Seconds(30.0)).0 - 240.0).abs() < 1e-9);
}

#[test]
fn seeds_change_the_random_parts_and_parts_differ_from_each_other() {
    let mmpp = "{ kind = 'mmpp', low = 1, high = 9, low_secs = 20, high_secs = 20 }";
    let workload: Workload = toml::from_str(&format!(
        "kind = 'sum'\nparts = [{mmpp}, {{ kind = 'scale', factor = 10, of = {mmpp} }}]"
    ))
    .unwrap();
    let path = |seed| {
        let built = workload.build(seed).unwrap();
        (0..500).map(|t| built.rate(Seconds(f64::from(t))).0).collect::<Vec<_>>()
    };
    assert_eq!(path(3), path(3));
    assert_ne!(path(3), path(4));
    assert!(path(3).contains(&19.0) || path(3).contains(&91.0), "both parts took the same path");
}

#[test]
fn a_wrong_setting_is_named_with_its_path() {
    let text = "kind = 'sum'\nparts = [{ kind = 'constant', rate = 1 }, { kind = 'scale', factor = 2, of = { kind = 'constant', rate = -1 } }]";
    let error = build(text).err().map(|e| e.to_string());
    let expected = "parts[1].of.rate: expected a finite number of zero or more, found -1";
    assert_eq!(error.as_deref(), Some(expected));
    let error = build("kind = 'repeat'\nof = { kind = 'constant', rate = 1 }").err().map(|e| e.to_string());
    let expected = "period_secs: expected a length, as this workload has no end, found none";
    assert_eq!(error.as_deref(), Some(expected));
}

#[test]
fn unknown_kinds_and_unknown_keys_are_errors() {
    for text in [
        "kind = 'sawtooth'",
        "kind = 'constant'\nrate = 1\nrates = 2",
        "kind = 'scale'\nfactor = 1\nfactors = 2\nof = { kind = 'constant', rate = 1 }",
        "kind = 'scale'\nfactor = 1\nof = { kind = 'constant', rate = 1, t = 1 }",
        "rate = 1",
    ] {
        assert!(toml::from_str::<Workload>(text).is_err(), "{text}");
    }
}

#[test]
fn an_unknown_trace_lists_the_known_ones() {
    let workload: Workload = toml::from_str("kind = 'replay'\ntrace = 'nasa'").unwrap();
    let error = workload.build(0).err().map(|e| e.to_string());
    assert_eq!(error.as_deref(), Some("no trace \"nasa\", expected one of: worldcup98, nasa_http"));
}
