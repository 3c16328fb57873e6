use super::*;
use crate::vpa::ResourceList;
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

/// Gives the container something once.
struct Once(Option<Change>);

impl Vertical for Once {
    fn observe(&mut self, _: Stamp, _: [Amount; 2], _: &Running) {}

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn decide(&mut self, _: Stamp, _: &Running) -> Option<Change> {
        self.0.take()
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

#[test]
fn slack_and_overrun_are_areas_between_use_and_request() {
    let flat = series(1, |hour| (if hour < 12.0 { 0.5 } else { 2.0 }, 5e8));
    let tally = replay(&flat, &ReplayConfig::new(given(1000, 1_000_000_000)), &mut Unchanging).unwrap().tally;
    close(tally.hours, 24.0);
    close(tally.cpu.requested, 24.0);
    close(tally.cpu.slack, 6.0);
    close(tally.cpu.overrun, 12.0);
    close(tally.cpu.used, 30.0);
    close(tally.memory.slack, 12.0);
    assert_eq!(tally.restarts(), 0);
}

#[test]
fn cpu_above_its_limit_is_throttled_time() {
    let flat = series(1, |hour| (if hour < 18.0 { 0.5 } else { 2.0 }, 1e8));
    let mut resources = given(1000, 1_000_000_000);
    resources.limits.cpu = Some(Quantity::from_milli(1500));
    let tally = replay(&flat, &ReplayConfig::new(resources), &mut Unchanging).unwrap().tally;
    close(tally.throttled_hours, 6.0);
}

#[test]
fn a_recreated_container_is_down_and_wastes_its_request() {
    let flat = series(1, |_| (0.5, 5e8));
    let config = ReplayConfig { restart: Span::secs(90), ..ReplayConfig::new(given(1000, 1_000_000_000)) };
    let mut once = Once(Some(Change { resources: given(500, 1_000_000_000), way: Way::Recreate }));
    let tally = replay(&flat, &config, &mut once).unwrap().tally;
    assert_eq!((tally.evictions, tally.resizes), (1, 0));
    close(tally.down_hours, 90.0 / 3600.0);
    close(tally.cpu.slack, 0.5 * 90.0 / 3600.0);
    let mut once = Once(Some(Change { resources: given(500, 1_000_000_000), way: Way::InPlace }));
    let tally = replay(&flat, &config, &mut once).unwrap().tally;
    assert_eq!((tally.evictions, tally.resizes), (0, 1));
    close(tally.down_hours, 0.0);
}

#[test]
fn memory_is_not_lowered_in_place_below_its_use() {
    let flat = series(1, |_| (0.5, 5e8));
    let mut once = Once(Some(Change { resources: given(500, 400_000_000), way: Way::InPlace }));
    let result = replay(&flat, &ReplayConfig::new(given(1000, 1_000_000_000)), &mut once).unwrap();
    assert_eq!(result.allocations[1].1, given(500, 1_000_000_000));
    assert_eq!(result.tally.oom_kills, 0);
}

#[test]
fn use_over_the_memory_limit_kills_again_and_again() {
    let growing = series(1, |hour| (0.1, if hour < 6.0 { 3e8 } else { 6e8 }));
    let tally = replay(&growing, &ReplayConfig::new(given(200, 500_000_000)), &mut Unchanging).unwrap().tally;
    assert_eq!(tally.oom_kills, 18 * 60);
}

#[test]
fn a_series_that_starts_again_goes_on_in_time() {
    let wave = series(1, |hour| (hour, 1e8));
    let config = ReplayConfig {
        interval: Span::HOUR,
        round_robin: true,
        ..ReplayConfig::new(given(1000, 1_000_000_000))
    };
    let mut player = Player::new(&wave[..], config).unwrap();
    let mut seen = Vec::new();
    for _ in 0..30 {
        seen.push(player.look().unwrap().usage[0].0);
        player.advance(None);
    }
    assert_eq!(seen[..3], [0, 1000, 2000]);
    assert_eq!(seen[24..28], [0, 1000, 2000, 3000]);
    assert_eq!(player.progress().now, Stamp::from(Time(T0 + 30.0 * 3600.0)));
    close(player.progress().tally.hours, 30.0);
}

#[test]
fn a_series_out_of_order_is_refused() {
    let mut points = series(1, |_| (0.1, 1e8));
    points.swap(0, 1);
    let config = ReplayConfig::new(given(100, 1));
    assert!(replay(&points, &config, &mut Unchanging).is_err());
    assert!(replay(&points[..1], &config, &mut Unchanging).is_err());
}
