//! Whole tunings on two short days of the smallest application.

use super::*;
use crate::{
    search::{MedianConfig, Pruner, Sampler},
    traffic::TrafficConfig,
};
use std::fs;

/// Three days of two hours each would be one day to a reader; so a file of three days with a row an hour.
fn config(dir: &Path) -> RunConfig {
    let path = dir.join("shop.csv");
    let count = |hour: u32| 100 + 60 * (hour % 24).min(24 - hour % 24);
    let rows: Vec<String> = (0..72).map(|hour| format!("{},{}", 3600 * hour, count(hour))).collect();
    fs::write(&path, format!("time,count\n{}\n", rows.join("\n"))).unwrap();
    let source = path.to_string_lossy().into_owned();
    let traffic = vec![TrafficConfig { source, ..TrafficConfig::default() }];
    RunConfig { env: "redis".to_owned(), traffic, ..RunConfig::default() }
}

fn tuning(dir: &Path, autoscaler: &str, hours: f64) -> Tuning {
    let task = Task { autoscaler: autoscaler.to_owned(), hours, seeds: 2, config: config(dir) };
    Tuning::new(task, default_space(autoscaler).unwrap()).unwrap()
}

fn study() -> StudyConfig {
    let pruner = Pruner::Median(MedianConfig::default());
    StudyConfig { seed: 0, sampler: Sampler::Tpe, pruner, batch: 4 }
}

fn run(tuning: &Tuning, dir: &Path, threads: usize, stop: &AtomicBool) -> Option<TunedAutoscaler> {
    tuning.run(dir, study(), threads, "trimtab tune", stop, &|_| ()).unwrap()
}

#[test]
fn a_tuned_hpa_is_preferred_to_the_default_within_its_hours_and_leaves_what_a_user_needs() {
    let place = tempfile::tempdir().unwrap();
    let tuning = tuning(place.path(), "hpa", 1500.0);
    assert_eq!(tuning.hours_of_a_setting(), 48.5);
    let dir = place.path().join("tuned");
    let tuned = run(&tuning, &dir, 2, &AtomicBool::new(false)).unwrap();
    assert!(tuned.hours.search <= 1500.0 && tuned.hours.search > 700.0, "{:?}", tuned.hours);
    assert_eq!(tuned.found.len(), 2);
    assert!(tuned.best().figures.beats(tuned.default.figures, 0.01), "{:?}", tuned.best());
    assert!(tuned.best().figures.violation_share <= 0.01);
    assert_eq!(tuned.alone.len(), 4);
    let alone = tuned.costliest().unwrap();
    assert!(alone.is_better() && alone.figures.beats(tuned.default.figures, 0.01));
    assert_eq!(tuned.verdicts().count(), 1);
    for name in ["tuning.toml", "study.toml", "trials.jsonl", "ledger.jsonl", "best.toml", "result.json"] {
        assert!(dir.join(name).exists(), "{name}");
    }
    let yaml = fs::read_to_string(dir.join("kubernetes.yaml")).unwrap();
    assert_eq!(yaml.matches("kind: HorizontalPodAutoscaler").count(), 2);
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    for part in ["Tuning hpa on redis", "kind: HorizontalPodAutoscaler", "cores fewer", &alone.parameter] {
        assert!(page.contains(part), "{part}");
    }
    for bad in ["NaN", "href=", "<script"] {
        assert!(!page.contains(bad), "the page contains {bad}");
    }
    // A comparison takes the directory.
    let traffic = &tuning.traffics[0];
    let entrant = Entrant::find(&dir.to_string_lossy(), &tuning.scenario, traffic, &[0]).unwrap();
    assert_eq!(entrant.name(), "tuned");
    // And the name.
    Entrant::find(&tuned.best().name, &tuning.scenario, traffic, &[0]).unwrap();
}

#[test]
fn a_tuning_that_was_stopped_anywhere_ends_as_a_whole_one() {
    let place = tempfile::tempdir().unwrap();
    let tuning = tuning(place.path(), "hpa", 700.0);
    let (whole, cut) = (place.path().join("whole"), place.path().join("cut"));
    run(&tuning, &whole, 1, &AtomicBool::new(false)).unwrap();
    // Each call is stopped a little later than the one before.
    for seen in 1..60 {
        let stop = AtomicBool::new(false);
        let told = std::sync::atomic::AtomicUsize::new(0);
        let tell = |_: Progress| {
            if told.fetch_add(1, Ordering::Relaxed) >= seen {
                stop.store(true, Ordering::Relaxed);
            }
        };
        if tuning.run(&cut, study(), 2, "trimtab tune", &stop, &tell).unwrap().is_some() {
            break;
        }
    }
    run(&tuning, &cut, 2, &AtomicBool::new(false)).unwrap();
    for name in ["trials.jsonl", "best.toml", "kubernetes.yaml", "result.json"] {
        assert!(fs::read(whole.join(name)).unwrap() == fs::read(cut.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn what_cannot_be_tuned_is_refused_before_any_work() {
    let place = tempfile::tempdir().unwrap();
    let refused = |autoscaler: &str, hours: f64, space: Option<&str>| {
        let task = Task { autoscaler: autoscaler.to_owned(), hours, seeds: 2, config: config(place.path()) };
        let space = match space {
            Some(text) => Space::parse("space.toml", text),
            None => default_space(autoscaler),
        };
        space.and_then(|space| Tuning::new(task, space)).err().unwrap().to_string()
    };
    assert!(refused("hpaa", 900.0, None).contains("did you mean \"hpa\""));
    let fixed = refused("fixed", 900.0, None);
    assert!(fixed.contains("nothing to tune, expected one of: hpa, threshold"), "{fixed}");
    assert!(refused("hpa", 60.0, None).contains("is 60, expected at least 97.0"));
    assert!(refused("hpa", f64::NAN, None).contains("is NaN, expected at least"));
    assert!(refused("hpa", 900.0, Some("step = { low = 1, high = 3 }")).contains("no parameter \"step\""));
    let beyond = refused("hpa", 900.0, Some("target_percent = { low = 1, high = 90 }"));
    assert!(beyond.contains("is 1, expected a whole number from 10 to 400"), "{beyond}");
    let dir = place.path().join("tuned");
    assert!(!tuning(place.path(), "hpa", 900.0).open(&dir).unwrap());
    assert!(tuning(place.path(), "hpa", 1800.0).open(&dir).unwrap());
    let other = tuning(place.path(), "keda", 900.0).open(&dir).unwrap_err().to_string();
    assert!(other.contains("tuning.toml: tunes something else"), "{other}");
}

#[test]
fn an_autoscaler_without_a_kubernetes_object_is_tuned_too_and_said_to_have_none() {
    let place = tempfile::tempdir().unwrap();
    let tuning = tuning(place.path(), "threshold", 400.0);
    let dir = place.path().join("tuned");
    let tuned = run(&tuning, &dir, 2, &AtomicBool::new(false)).unwrap();
    assert_eq!(tuned.found.len(), 1);
    assert!(!dir.join("kubernetes.yaml").exists());
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains("threshold is no Kubernetes object"));
}

#[test]
fn a_learned_policys_hours_are_its_steps_times_their_length() {
    assert_eq!(hours_of_learning(&RunConfig::default()).round(), 8333.0);
}
