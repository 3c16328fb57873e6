use super::*;
use crate::vpa::{
    ContainerResources, LimitRangeItem, LimitRanges, Replay, ReplayConfig, UsagePoint, Way, replay,
};
use trimtab_model::Time;

const T0: f64 = 1_700_006_400.0;

fn series(days: u32, use_at: impl Fn(f64) -> (f64, f64)) -> Vec<UsagePoint> {
    (0..=days * 288)
        .map(|k| {
            let hour = f64::from(k) / 12.0;
            let (cpu_cores, memory_bytes) = use_at(hour);
            UsagePoint { at: Time(T0 + hour * 3600.0), cpu_cores, memory_bytes }
        })
        .collect()
}

fn given(millicores: i64, bytes: i64) -> ContainerResources {
    let requests = ResourceList::of(millicores, bytes);
    ContainerResources { requests, limits: ResourceList { memory: requests.memory, cpu: None } }
}

fn played(series: &[UsagePoint], resources: ContainerResources, scaler: &mut dyn Vertical) -> Replay {
    replay(series, &ReplayConfig::new(resources), scaler).unwrap()
}

fn last(result: &Replay) -> ContainerResources {
    result.allocations[result.allocations.len() - 1].1
}

fn exact(mode: Mode) -> ContainerVpa {
    let config = ExactConfig { mode, ..ExactConfig::default() };
    ContainerVpa::exact(&config, LimitRanges::default()).unwrap()
}

#[test]
fn a_vpa_gives_back_what_is_not_used() {
    let idle = series(4, |_| (0.1, 3e8));
    for mode in [Mode::Recreate, Mode::InPlaceOrRecreate] {
        let result = played(&idle, given(4000, 4_000_000_000), &mut exact(mode));
        assert_eq!(last(&result).requests.cpu.unwrap().milli(), 126);
        assert!(result.tally.cpu.slack < 0.6 * 3.9 * 96.0, "{}", result.tally.cpu.slack);
        let moved = [result.tally.evictions, result.tally.resizes];
        let recreates = mode == Mode::Recreate;
        assert_eq!(moved.map(|n| n > 0), [recreates, !recreates], "{moved:?}");
    }
}

#[test]
fn a_vpa_that_is_off_changes_nothing() {
    let idle = series(4, |_| (0.1, 3e8));
    assert_eq!(played(&idle, given(4000, 4_000_000_000), &mut exact(Mode::Off)).allocations.len(), 1);
}

#[test]
fn an_oom_kill_raises_the_memory_at_the_next_look() {
    let growing = series(1, |hour| (0.1, if hour < 6.0 { 3e8 } else { 6e8 }));
    let result = played(&growing, given(200, 500_000_000), &mut exact(Mode::Recreate));
    assert!((1..5).contains(&result.tally.oom_kills), "{:?}", result.tally);
    assert!(last(&result).requests.memory.unwrap().units() > 600_000_000);
}

#[test]
fn the_simplified_recommender_restarts_more_often() {
    let wavy = series(3, |hour| (1.0 + 0.9 * (hour * 0.26).sin(), 5e8));
    let exact = played(&wavy, given(2000, 600_000_000), &mut exact(Mode::Recreate));
    let mut simplified = SimplifiedVpaConfig::default().build(LimitRanges::default());
    let simple = played(&wavy, given(2000, 600_000_000), &mut simplified);
    assert!(simple.tally.restarts() > exact.tally.restarts(), "{:?} {:?}", simple.tally, exact.tally);
}

#[test]
fn the_three_updater_rules_differ_as_their_sources_do() {
    let resources = given(500, 1_000_000_000);
    let advice = recommendation(
        [Amount(100), Amount(500_000_000)],
        [Amount(300), Amount(600_000_000)],
        [Amount(400), Amount(900_000_000)],
    );
    let at = Stamp::from(Time(T0));
    let running = Running { resources, started: at, last_termination: None };
    let changed = |rule: UpdaterRule, cpu: i64| {
        let settings = UpdaterSettings { rule, ..UpdaterSettings::default() };
        let usage = [Amount(cpu), Amount(700_000_000)];
        let change = ContainerUpdater::new(settings).decide(at, &running, usage, advice.clone());
        assert!(change.is_none_or(|change| change.way == Way::Recreate));
        change.map(|change| change.resources.requests.cpu.unwrap().milli())
    };
    // The request of 500 lies above the upper bound whatever is used.
    assert_eq!(changed(UpdaterRule::Upstream, 200), Some(300));
    assert_eq!(changed(UpdaterRule::Usage, 200), None);
    assert_eq!(changed(UpdaterRule::Usage, 450), Some(300));
    assert_eq!(changed(UpdaterRule::Readme, 200), Some(300));
    assert_eq!(changed(UpdaterRule::Readme, 450), None);
}

#[test]
fn limits_keep_their_ratio_and_the_limit_range() {
    let requests = ResourceList::of(1000, 1_000_000_000);
    let limits = ResourceList::of(4000, 5_000_000_000);
    let max = ResourceList { cpu: Some(Quantity::from_milli(2000)), memory: None };
    let limit_ranges = LimitRanges {
        container: Some(LimitRangeItem { max, ..LimitRangeItem::default() }),
        ..LimitRanges::default()
    };
    let at = Stamp::from(Time(T0));
    let running =
        Running { resources: ContainerResources { requests, limits }, started: at, last_termination: None };
    let target = [Amount(600), Amount(2_000_000_000)];
    let settings = UpdaterSettings { mode: Mode::InPlace, limit_ranges, ..UpdaterSettings::default() };
    let advice = recommendation(target, target, target);
    let change = ContainerUpdater::new(settings).decide(at, &running, [Amount(1); 2], advice).unwrap();
    // A limit of 2,000 at a ratio of 4 leaves a request of 500.
    assert_eq!(change.resources.requests, ResourceList::of(500, 2_000_000_000));
    assert_eq!(change.resources.limits, ResourceList::of(2000, 10_000_000_000));
}

#[test]
fn the_ladder_climbs_to_its_band_and_leaves_memory_alone() {
    let busy = series(1, |_| (0.6, 9e8));
    let mut resources = given(500, 1_000_000_000);
    resources.limits.cpu = resources.requests.cpu;
    let mut ladder = Ladder::new(LadderConfig::default()).unwrap();
    let result = played(&busy, resources, &mut ladder);
    assert_eq!(last(&result).requests, ResourceList::of(1000, 1_000_000_000));
    assert_eq!((result.tally.resizes, result.tally.evictions), (20, 0));
}

#[test]
fn the_window_forgets_what_is_older_than_it() {
    let fallen = series(3, |hour| (if hour < 24.0 { 2.0 } else { 0.5 }, 5e8));
    let config = WindowConfig { window_hours: 12.0, cpu_percentile: 100.0, ..WindowConfig::default() };
    let result =
        played(&fallen, given(3000, 1_000_000_000), &mut config.build(LimitRanges::default()).unwrap());
    assert_eq!(last(&result).requests, ResourceList::of(575, 575_000_000));
    assert_eq!(result.tally.restarts(), 0);
}

#[test]
fn autopilot_counts_work_and_not_time() {
    // One hour in ten at two cores is most of the work.
    let bursty = series(4, |hour| (if hour % 10.0 < 1.0 { 2.0 } else { 0.1 }, 5e8));
    let autopilot = &mut AutopilotConfig { cpu_percentile: 50.0, ..AutopilotConfig::default() }
        .build(LimitRanges::default())
        .unwrap();
    let work = last(&played(&bursty, given(3000, 1_000_000_000), autopilot)).requests.cpu.unwrap().milli();
    let window = &mut WindowConfig { cpu_percentile: 50.0, ..WindowConfig::default() }
        .build(LimitRanges::default())
        .unwrap();
    let time = last(&played(&bursty, given(3000, 1_000_000_000), window)).requests.cpu.unwrap().milli();
    assert!(work > 2000 && time < 200, "{work} {time}");
}

#[test]
fn a_forecast_knows_the_hour_that_is_coming() {
    let day = |hour: f64| (if (8.0..18.0).contains(&(hour % 24.0)) { 2.0 } else { 0.2 }, 5e8);
    let config = ForecastConfig { model: forecast::Model::SeasonalNaive, ..ForecastConfig::default() };
    let mut rule = config.build(LimitRanges::default()).unwrap();
    let result = played(&series(3, day), given(3000, 1_000_000_000), &mut rule);
    let at = Stamp::from(Time(T0 + 3600.0 * (48.0 + 7.5)));
    let before = result.allocations.iter().rfind(|(from, _)| *from <= at).unwrap().1;
    assert!(before.requests.cpu.unwrap().milli() > 2000, "{before:?}");
    let night = Stamp::from(Time(T0 + 3600.0 * (48.0 + 4.0)));
    let asleep = result.allocations.iter().rfind(|(from, _)| *from <= night).unwrap().1;
    assert!(asleep.requests.cpu.unwrap().milli() < 300, "{asleep:?}");
}

#[test]
fn the_oracle_never_runs_short() {
    let wavy = series(3, |hour| (1.0 + 0.9 * (hour * 0.26).sin(), 5e8 + 1e8 * (hour * 0.4).cos()));
    let mut oracle = Oracle::new(OracleConfig::default(), &wavy).unwrap();
    let result = played(&wavy, given(3000, 1_000_000_000), &mut oracle);
    assert!(result.tally.cpu.overrun < 1e-9 && result.tally.memory.overrun < 1e-9, "{:?}", result.tally);
    assert!(result.tally.cpu.slack < 0.2 * result.tally.cpu.used, "{:?}", result.tally);
    assert_eq!(result.tally.resizes, 72);
}

#[test]
fn constant_bounds_are_the_systems_six_numbers() {
    let config = BoundsConfig::default();
    let mut rule = config.build(LimitRanges::default()).unwrap();
    let flat = series(1, |_| (0.5, 1e9));
    let result = played(&flat, given(600, 2_000_000_000), &mut rule);
    assert_eq!(result.allocations.len(), 1);
    let mut rule = config.build(LimitRanges::default()).unwrap();
    let busy = series(1, |_| (1.2, 1e9));
    assert_eq!(last(&played(&busy, given(500, 2_000_000_000), &mut rule)).requests.cpu.unwrap().milli(), 600);
    assert!(Bounds::new(&BoundsConfig { cpu_lower: 700.0, ..config }).is_err());
}
