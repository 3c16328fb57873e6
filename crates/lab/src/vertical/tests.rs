use super::*;
use crate::contenders;
use trimtab_control::vpa::Stamp;
use trimtab_workload::usage::UsageWorkload;

fn cases(containers: u64) -> Vec<Case> {
    (0..containers)
        .map(|seed| {
            let example = UsageWorkload::example("alibaba").unwrap();
            let series = UsageWorkload { seed, ..example }.build().unwrap();
            Case::of(&series, &CaseConfig { interval_secs: 300.0, ..CaseConfig::default() })
        })
        .enumerate()
        .map(|(number, case)| Case { container: format!("c{number}"), ..case })
        .collect()
}

fn compared(cases: Vec<Case>, names: &[&str]) -> UsageComparison {
    let recordings = [Recording { name: "made-up".to_owned(), remark: String::new(), cases }];
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    compare(&recordings, &names, &CaseConfig::default(), 1, "command".to_owned(), &|_| ()).unwrap()
}

#[test]
fn every_rule_plays_every_case_and_has_a_name_of_its_own() {
    let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
    let comparison = compared(cases(2), &names);
    assert_eq!(comparison.cells.len(), 2 * KNOWN.len());
    for cell in &comparison.cells {
        assert!(cell.score.loss.is_finite() && cell.score.cpu_slack >= 0.0, "{cell:?}");
    }
    for known in &KNOWN {
        assert!(contenders::find(known.name).is_err(), "{} is horizontal, too", known.name);
        for parameter in known.parameters {
            let value = known.default_of(parameter);
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let typed = format!("{}={text}", parameter.name);
            contenders::Settings::parse_for(known.name, known.parameters, &typed).unwrap();
        }
    }
}

#[test]
fn the_oracle_runs_short_of_nothing_and_loses_least() {
    let comparison = compared(cases(3), &["vpa", "window", "constant", "provisioned", "vertical_oracle"]);
    let loss = |name: &str| comparison.value("made-up", name, "loss").unwrap().mean;
    let oracle = loss("vertical_oracle");
    for name in ["vpa", "window", "constant", "provisioned"] {
        assert!(oracle < loss(name), "{name}: {} {oracle}", loss(name));
    }
    assert!(comparison.value("made-up", "vertical_oracle", "cpu_overrun").unwrap().mean < 1e-9);
    assert!(loss("constant") < loss("provisioned"));
}

#[test]
fn the_same_rule_under_two_names_shows_no_difference() {
    let comparison = compared(cases(4), &["vpa", "vpa_in_place:mode=recreate"]);
    assert!(comparison.paired.iter().all(|paired| paired.shown == Shown::Nothing));
    assert!(comparison.overall.iter().all(|test| test.shown == Shown::Nothing && test.pairs == 4));
}

#[test]
fn only_the_part_after_the_split_is_scored() {
    let case = &cases(1)[0];
    let end = Stamp::from(case.points[case.points.len() - 1].at);
    let mut scaler = trimtab_control::vpa::Unchanging;
    let (tally, days) = played(case, case.replay.resources, &mut scaler).unwrap();
    let hours = end.since(case.split).over(trimtab_control::vpa::Span::HOUR);
    assert!((tally.hours - hours).abs() < 0.1, "{} {hours}", tally.hours);
    assert!(days.iter().all(|day| (day.hours - 24.0).abs() < 1e-6));
}

#[test]
fn a_recording_of_one_container_is_judged_by_its_days() {
    let example = UsageWorkload::example("alibaba").unwrap();
    let series = UsageWorkload { timesteps: 8 * 1440, ..example }.build().unwrap();
    let case = Case::of(&series, &CaseConfig { interval_secs: 300.0, ..CaseConfig::default() });
    let comparison = compared(vec![case], &["vpa", "vertical_oracle"]);
    assert_eq!(comparison.recordings[0].blocks, "days");
    let days = comparison.cells.iter().filter(|cell| cell.autoscaler == "vpa").count();
    assert!((3..=4).contains(&days), "{days}");
    assert_eq!(comparison.overall[0].pairs, 1);
}
