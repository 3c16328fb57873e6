//! The page and the table as a whole: what they must say, and that missing data breaks neither.

use super::fixture::comparison;
use super::{SCHEMA, document, table, time_of};
use crate::comparison::{Analysis, Comparison};
use crate::statistics::Estimate;

fn render(comparison: &Comparison) -> String {
    super::render(comparison, &Analysis::of(comparison))
}

/// Every opened element is closed, in order.
fn assert_well_formed(page: &str) {
    let void = ["meta", "br"];
    let mut open: Vec<&str> = Vec::new();
    let page = page.strip_prefix("<!DOCTYPE html>").expect("the page begins with its type");
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag ends");
        let name = tag.split([' ', '\n']).next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn assert_sound(page: &str) {
    assert_well_formed(page);
    for bad in ["NaN", "inf", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.replace("information", "").contains(bad), "the page contains {bad}");
    }
}

#[test]
fn the_page_names_everybody_and_gives_every_verdict() {
    let comparison = comparison();
    let page = render(&comparison);
    assert_sound(&page);
    for paired in &comparison.paired {
        assert!(page.contains(&paired.verdict), "{}", paired.verdict);
    }
    for autoscaler in &comparison.autoscalers {
        assert!(page.contains(&format!("<th scope=\"row\">{}</th>", autoscaler.name)), "{}", autoscaler.name);
    }
    for service in &comparison.services {
        assert!(page.contains(&format!("<h5>{service}</h5>")), "{service}");
    }
    assert!(page.contains("comparison.json") && page.contains(&comparison.command));
}

#[test]
fn text_of_others_is_escaped() {
    let mut comparison = comparison();
    comparison.title = "<b>bold & brave</b>".into();
    comparison.autoscalers[3].name = "<i>".into();
    for summary in comparison.summaries.iter_mut().filter(|s| s.autoscaler == "trim") {
        summary.autoscaler = "<i>".into();
    }
    let page = render(&comparison);
    assert!(page.contains("&lt;b&gt;bold &amp; brave") && !page.contains("<b>bold") && !page.contains("<i>"));
    assert_sound(&page);
}

#[test]
fn a_comparison_with_nothing_in_it_is_still_a_page() {
    let all = comparison();
    let empty = Comparison {
        services: vec![],
        traffic: vec![],
        autoscalers: vec![],
        cells: vec![],
        summaries: vec![],
        paired: vec![],
        timelines: vec![],
        learning: vec![],
        ..all.clone()
    };
    assert_sound(&render(&empty));
    assert_eq!(table(&empty), "");
    let headings_only = Comparison { traffic: all.traffic, ..empty };
    assert_sound(&render(&headings_only));
}

#[test]
fn each_list_may_be_empty_on_its_own() {
    let empty: [fn(&mut Comparison); 8] = [
        |c| c.services.clear(),
        |c| c.autoscalers.clear(),
        |c| c.cells.clear(),
        |c| c.summaries.clear(),
        |c| c.paired.clear(),
        |c| c.timelines.clear(),
        |c| c.learning.clear(),
        |c| c.timelines[0].tracks.clear(),
    ];
    for clear in empty {
        let mut comparison = comparison();
        clear(&mut comparison);
        assert_sound(&render(&comparison));
        table(&comparison);
    }
}

#[test]
fn one_day_one_seed_and_one_point_are_enough() {
    let mut comparison = comparison();
    comparison.cells.retain(|c| c.day.ends_with("15") && c.seed == 0);
    for timeline in &mut comparison.timelines {
        timeline.rate.truncate(1);
        for track in &mut timeline.tracks {
            track.pods.truncate(1);
            track.p95_ms.truncate(1);
            track.replicas.iter_mut().for_each(|r| r.truncate(1));
        }
    }
    for curve in &mut comparison.learning {
        curve.points.truncate(1);
        curve.points[0].multiplier = None;
    }
    let page = render(&comparison);
    assert_sound(&page);
    assert!(!page.contains("multiplier of the constraint") && page.contains("1 seed."));
}

#[test]
fn figures_that_are_not_finite_are_dashes_and_gaps() {
    let mut comparison = comparison();
    let missing = Estimate { mean: f64::NAN, low: f64::NEG_INFINITY, high: f64::NAN };
    comparison.summaries[0].core_hours = missing;
    comparison.summaries[1].violation_share = missing;
    comparison.paired[0].cost_percent = missing;
    comparison.cells[0].score.core_hours = f64::INFINITY;
    comparison.cells[1].score.violation_share = f64::NAN;
    for track in &mut comparison.timelines[0].tracks {
        track.p95_ms[10] = f32::NAN;
        track.p95_ms[11] = f32::INFINITY;
        track.p95_ms[12] = 0.0;
        track.pods[20] = f32::NAN;
    }
    comparison.learning[0].points[3].episode_return = f64::NAN;
    assert_sound(&render(&comparison));
    let text = table(&comparison);
    assert!(!text.contains("NaN") && !text.contains("inf") && text.contains('–'));
}

#[test]
fn the_table_gives_means_with_intervals_within_its_width() {
    let comparison = comparison();
    let text = table(&comparison);
    assert!(text.lines().all(|l| l.chars().count() <= super::table::WIDTH), "{text}");
    let summary = &comparison.summaries[0];
    let cost = summary.core_hours;
    assert!(text.contains(&format!("{:.1} [{:.1}, {:.1}]", cost.mean, cost.low, cost.high)), "{text}");
    let share = summary.violation_share;
    let percent = [share.mean, share.low, share.high].map(|s| s * 100.0);
    assert!(text.contains(&format!("{:.2} [{:.2}, {:.2}]", percent[0], percent[1], percent[2])), "{text}");
    let unbroken = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for paired in &comparison.paired {
        assert!(unbroken.contains(&paired.verdict), "{text}");
    }
}

#[test]
fn long_names_do_not_widen_the_table() {
    let mut comparison = comparison();
    for summary in &mut comparison.summaries {
        summary.autoscaler = format!("runs/{}", summary.autoscaler.repeat(12));
        summary.core_hours.mean *= -1e6;
    }
    comparison.traffic[0].name = "traffic".repeat(30);
    assert!(table(&comparison).lines().all(|l| l.chars().count() <= super::table::WIDTH));
}

#[test]
fn equal_comparisons_give_equal_pages() {
    assert_eq!(render(&comparison()), render(&comparison()));
}

#[test]
fn the_document_names_its_schema_and_every_metric_and_gives_decision_times_back() {
    let comparison = comparison();
    let text = document(&comparison, &Analysis::of(&comparison));
    assert!(text.trim_start_matches(['{', '\n', ' ']).starts_with(&format!("\"schema\": \"{SCHEMA}\"")));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["not_applicable"][0], "node_hours");
    assert_eq!(value["runs"].as_array().unwrap().len(), comparison.cells.len());
    assert_eq!(value["shift"].as_array().unwrap().len(), 8);
    let keys = value["metrics"].as_array().unwrap().len() * 4 * 2;
    assert_eq!(value["analysis"]["by_traffic"].as_array().unwrap().len(), keys);
    assert_eq!(time_of(&text), comparison.time);
    assert!(time_of("no JSON").is_empty());
}

#[test]
fn what_tests_show_is_told_and_what_they_do_not_show_too() {
    let page = render(&comparison());
    assert!(page.contains("trim against hpa_calibrated over 2 traffics: costs less"), "{page}");
    assert!(page.contains("not applicable") && page.contains("Performance profiles"));
    assert!(page.contains("When traffic is not what it was fitted to"));

    let mut alike = comparison();
    let baseline: Vec<_> = alike.cells.iter().filter(|c| c.autoscaler == "hpa_calibrated").cloned().collect();
    for (cell, twin) in alike.cells.iter_mut().filter(|c| c.autoscaler == "trim").zip(baseline) {
        cell.score = twin.score;
    }
    let page = render(&alike);
    assert!(page.contains("trim against hpa_calibrated over 2 traffics: no difference shown in cost"));
}
