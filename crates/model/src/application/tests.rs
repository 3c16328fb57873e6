use super::*;

const PAIR: &str = r#"
name = "pair"
slo = { p95_ms = 200 }
[defaults]
memory_request_mib = 64
replicas = { min = 1, max = 4 }
[[service]]
name = "front"
cpu_request_m = 100
cpu_limit_m = 200
cpu_per_call_ms = 10
idle_cpu_m = 20
[[service]]
name = "back"
cpu_request_m = 100
cpu_limit_m = 500
cpu_per_call_ms = 5
[[endpoint]]
name = "GET /"
weight = 3
service = "front"
steps = [{ call = "back", times = 2 }]
[[endpoint]]
name = "GET /static"
weight = 1
service = "front"
"#;

fn with(from: &str, to: &str) -> String {
    assert!(PAIR.contains(from), "{from}");
    let error = Application::from_toml(&PAIR.replacen(from, to, 1)).unwrap_err();
    format!("{error} {}", std::error::Error::source(&error).map_or(String::new(), ToString::to_string))
}

#[test]
fn visits_follow_the_weights_and_the_call_trees() {
    let pair = Application::from_toml(PAIR).unwrap();
    assert_eq!(pair.visits(), [1.0, 1.5]);
    assert_eq!(pair.edges(), [(0, 1, 1.5)]);
    assert_eq!(pair.call_order().unwrap(), [0, 1]);
}

#[test]
fn the_largest_capacity_is_that_of_the_bottleneck() {
    // front: 4 × 0.18 / 0.010 = 72 requests/s; back: 4 × 0.5 / 0.005 / 1.5 = 266.7.
    let pair = Application::from_toml(PAIR).unwrap();
    assert!((pair.largest_capacity() - 72.0).abs() < 1e-9);
}

#[test]
fn a_cycle_is_named_in_calling_order() {
    let text =
        with("[{ call = \"back\", times = 2 }]", "[{ call = \"back\", steps = [{ call = \"front\" }] }]");
    assert!(text.contains("front → back → front") || text.contains("back → front → back"), "{text}");
}

#[test]
fn an_unknown_callee_is_named_with_the_known_ones() {
    let text = with("call = \"back\"", "call = \"bakc\"");
    assert!(text.contains("\"bakc\"") && text.contains("front, back"), "{text}");
}

#[test]
fn values_out_of_range_name_their_key() {
    assert!(with("cpu_per_call_ms = 10", "cpu_per_call_ms = 0").contains("front: cpu_per_call_ms"));
    assert!(with("min = 1, max = 4", "min = 5, max = 4").contains("front: replicas: expected 1 ≤ min ≤ max"));
    assert!(with("cpu_request_m = 100", "cpu_request_m = 0").contains("front: cpu_request_m"));
    assert!(with("weight = 3", "weight = -3").contains("GET /: weight"));
}

#[test]
fn a_heap_and_failures_out_of_range_name_their_key() {
    let jvm =
        "jvm = { off_heap_mib = 200, fill_mib = 300, fill_scale_mib = 300, live_mib = 80, gc_cost = 0.05 }";
    let small = format!("cpu_per_call_ms = 10\nheap_mib = 64\n{jvm}");
    assert!(
        with("cpu_per_call_ms = 10", &small).contains("front: jvm.live_mib: expected less than heap_mib")
    );
    assert!(
        with("cpu_per_call_ms = 10", &format!("cpu_per_call_ms = 10\n{jvm}")).contains("front: heap_mib")
    );
    let faults = "cpu_per_call_ms = 10\nfaults = { error = 1.5 }";
    assert!(with("cpu_per_call_ms = 10", faults).contains("front: faults.error: expected a probability"));
}

#[test]
fn an_unknown_key_and_bad_syntax_say_what_was_wrong() {
    assert!(with("idle_cpu_m", "idel_cpu_m").contains("idel_cpu_m"));
    let text = with("p95_ms = 200", "p95_ms = = 200");
    assert!(text.contains("line 3"), "{text}");
}
