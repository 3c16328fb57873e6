use super::*;
use crate::vpa::{ContainerVpa, ContainerVpaConfig, ResourceList, SimplifiedVpa, UpdateMode, UpdatePolicy};

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

#[test]
fn slack_and_overrun_are_areas_between_use_and_request() {
    let flat = series(1, |hour| (if hour < 12.0 { 0.5 } else { 2.0 }, 5e8));
    let result = replay(&flat, given(1000, 1_000_000_000), Span::MINUTE, &mut Unchanging).unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    close(result.hours, 24.0);
    close(result.cpu.requested, 24.0);
    close(result.cpu.slack, 6.0);
    close(result.cpu.overrun, 12.0);
    close(result.cpu.used, 30.0);
    close(result.memory.slack, 12.0);
    assert_eq!(result.restarts(), 0);
}

#[test]
fn a_vpa_gives_back_what_is_not_used() {
    let idle = series(4, |_| (0.1, 3e8));
    for mode in [UpdateMode::Recreate, UpdateMode::InPlaceOrRecreate] {
        let config = ContainerVpaConfig {
            update: UpdatePolicy { mode, min_replicas: Some(1), ..UpdatePolicy::default() },
            ..ContainerVpaConfig::default()
        };
        let mut vpa = ContainerVpa::new(config).unwrap();
        let result = replay(&idle, given(4000, 4_000_000_000), Span::MINUTE, &mut vpa).unwrap();
        let (_, last) = result.allocations[result.allocations.len() - 1];
        assert_eq!(last.requests.cpu.unwrap().milli(), 126);
        assert!(result.cpu.slack < 0.6 * 3.9 * 96.0, "{}", result.cpu.slack);
        let moved = [result.evictions.len(), result.resizes.len()];
        let recreates = mode == UpdateMode::Recreate;
        assert_eq!(moved.map(|n| n > 0), [recreates, !recreates], "{moved:?}");
    }
}

#[test]
fn an_oom_kill_raises_the_memory_at_the_next_look() {
    let growing = series(1, |hour| (0.1, if hour < 6.0 { 3e8 } else { 6e8 }));
    let config = ContainerVpaConfig {
        update: UpdatePolicy { min_replicas: Some(1), ..UpdatePolicy::default() },
        ..ContainerVpaConfig::default()
    };
    let mut vpa = ContainerVpa::new(config).unwrap();
    let result = replay(&growing, given(200, 500_000_000), Span::MINUTE, &mut vpa).unwrap();
    assert!(!result.oom_kills.is_empty() && result.oom_kills.len() < 5, "{:?}", result.oom_kills);
    let (_, last) = result.allocations[result.allocations.len() - 1];
    assert!(last.requests.memory.unwrap().units() > 600_000_000);
    let mut none = Unchanging;
    let worst = replay(&growing, given(200, 500_000_000), Span::MINUTE, &mut none).unwrap();
    assert!(worst.oom_kills.len() > 100);
}

#[test]
fn the_simplified_recommender_restarts_more_often() {
    let wavy = series(3, |hour| (1.0 + 0.9 * (hour * 0.26).sin(), 5e8));
    let mut vpa = ContainerVpa::new(ContainerVpaConfig {
        update: UpdatePolicy { min_replicas: Some(1), ..UpdatePolicy::default() },
        ..ContainerVpaConfig::default()
    })
    .unwrap();
    let exact = replay(&wavy, given(2000, 600_000_000), Span::MINUTE, &mut vpa).unwrap();
    let mut simplified = SimplifiedVpa::default();
    let simple = replay(&wavy, given(2000, 600_000_000), Span::MINUTE, &mut simplified).unwrap();
    assert!(simple.restarts() > exact.restarts(), "{} {}", simple.restarts(), exact.restarts());
}

#[test]
fn a_series_out_of_order_is_refused() {
    let mut points = series(1, |_| (0.1, 1e8));
    points.swap(0, 1);
    assert!(replay(&points, given(100, 1), Span::MINUTE, &mut Unchanging).is_err());
    assert!(replay(&points[..1], given(100, 1), Span::MINUTE, &mut Unchanging).is_err());
}
