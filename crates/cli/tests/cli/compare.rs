//! `compare` over several traffics: what it writes, and what it refuses.

use crate::place::{Place, tells};
use serde_json::Value;

const COMPARE: [&str; 11] = [
    "compare",
    "--app",
    "redis",
    "--autoscalers",
    "hpa,hpa_calibrated",
    "--set",
    "inner.calibration.per_service=false",
    "--set",
    "inner.calibration.scale_down_percent=[100]",
    "--quiet",
    "--out",
];

/// A comparison on one test day each of two synthetic workloads.
fn compared(place: &Place, out: &str, more: &[&str]) -> String {
    let traffic = [out, "--traces", "bursts,flash_crowd", "--train-days", "0", "--test-days", "1"];
    place.fine(&[&COMPARE[..], &traffic, more].concat())
}

fn report(place: &Place, out: &str) -> Value {
    serde_json::from_slice(&place.read(&format!("{out}/report.json"))).unwrap()
}

#[test]
fn several_traffics_are_judged_one_by_one_and_together() {
    let place = Place::new();
    let table = compared(&place, "out", &["--seeds", "3", "--shift"]);
    tells(&table, &["bursts: 1 unseen day", "flash_crowd: 1 unseen day", "out/report.html"]);
    let report = report(&place, "out");
    assert_eq!(report["schema"], "trimtab-report/1");
    assert_eq!(report["runs"].as_array().unwrap().len(), 2 * 2 * 3);
    assert_eq!(report["not_applicable"], serde_json::json!(["node_hours"]));
    let tests = report["analysis"]["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 3);
    assert!(tests.iter().all(|test| test["p_holm"].as_f64() >= test["p_value"].as_f64()));
    // Only the calibrated HPA is fitted; it meets two traffics from two.
    assert_eq!(report["shift"].as_array().unwrap().len(), 4);
    assert!(report["time"]["decision"][0]["decisions"].as_u64().unwrap() > 10_000);
    let page = String::from_utf8(place.read("out/report.html")).unwrap();
    tells(&page, &["Over all traffic", "Performance profiles", "When traffic is not what it was fitted to"]);
}

#[test]
fn equal_seeds_give_equal_figures_but_for_the_time_to_decide() {
    let place = Place::new();
    compared(&place, "a", &["--seeds", "1", "--threads", "1"]);
    compared(&place, "b", &["--seeds", "1", "--threads", "2"]);
    let without_time = |out: &str| {
        let mut report = report(&place, out);
        let fields = report.as_object_mut().unwrap();
        fields.remove("time").unwrap();
        fields.remove("command").unwrap();
        report
    };
    assert_eq!(without_time("a"), without_time("b"));
}

#[test]
fn a_report_is_rendered_again_with_its_decision_times() {
    let place = Place::new();
    compared(&place, "out", &["--seeds", "1"]);
    let first = place.read("out/report.json");
    let page = place.read("out/report.html");
    std::fs::remove_file(place.path("out/report.html")).unwrap();
    place.fine(&["report", "out"]);
    assert!(place.read("out/report.json") == first && place.read("out/report.html") == page);
}

#[test]
fn a_shift_needs_two_traffics() {
    let place = Place::new();
    let one = [&COMPARE[..], &["out", "--traces", "bursts", "--shift"]].concat();
    tells(&place.refused(&one), &["traffic", "two or more"]);
}

#[test]
fn an_unknown_workload_names_the_nearest() {
    let place = Place::new();
    let unknown = [&COMPARE[..], &["out", "--traces", "flash_crowds"]].concat();
    tells(&place.refused(&unknown), &["flash_crowds", "did you mean \"flash_crowd\""]);
}
