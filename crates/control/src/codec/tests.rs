use super::*;
use trimtab_model::{Millicores, PerSecond, Replicas, Sample, Seconds, ServiceState};

const ONE: &str = r#"
name = "one"
slo = { p95_ms = 100 }
[[service]]
name = "only"
cpu_request_m = 100
cpu_limit_m = 200
memory_request_mib = 64
replicas = { min = 1, max = 4 }
cpu_per_call_ms = 10
[[endpoint]]
name = "GET /"
weight = 1
service = "only"
"#;

fn codec(layout: Layout) -> Codec {
    let config = CodecConfig { layout, targets: vec![0.5] };
    Codec::new(&config, &Application::from_toml(ONE).unwrap())
}

fn seen(time: f64, rate: Option<f64>, cpu: Option<u32>) -> Snapshot {
    let service = ServiceState {
        replicas: Replicas { spec: 2, ready: 2, starting: 0 },
        cpu: cpu.map(|m| Sample { value: Millicores(m), age: Seconds(15.0) }),
        ..ServiceState::default()
    };
    Snapshot {
        time: Time(time),
        rate: rate.map(|r| Sample { value: PerSecond(r), age: Seconds(0.0) }),
        services: vec![ServiceState {
            allocation: trimtab_model::Allocation {
                cpu_request: Millicores(100),
                cpu_limit: Some(Millicores(200)),
                ..Default::default()
            },
            ..service
        }],
        ..Snapshot::default()
    }
}

fn encode(codec: &mut Codec, seen: &Snapshot) -> Vec<f32> {
    let mut out = vec![f32::NAN; codec.rows() * codec.width()];
    codec.encode(seen, &[Echo::default()], &mut out);
    out
}

fn named(out: &[f32], name: &str) -> f32 {
    let all: Vec<_> = SERVICE.iter().chain(SHARED).collect();
    out[all.iter().position(|f| f.name == name).unwrap()]
}

#[test]
fn load_is_relative_to_the_inner_target() {
    let out = encode(&mut codec(Layout::PerService), &seen(0.0, Some(20.0), Some(75)));
    // 75 m of a 100 m request at a target of 50 %: half over.
    assert!((named(&out, "load") - 0.5).abs() < 1e-6);
    // 1.5 × 2 ready = 3 wanted, one more than asked for.
    assert!((named(&out, "wanted") - 1.0 / 3.0).abs() < 1e-6);
    assert_eq!(named(&out, "load_age"), 0.5);
    assert!((named(&out, "saturation") - 0.375).abs() < 1e-6);
}

#[test]
fn a_missing_metric_is_flagged_and_neutral() {
    let out = encode(&mut codec(Layout::PerService), &seen(0.0, None, None));
    assert_eq!((named(&out, "load"), named(&out, "load_missing")), (0.0, 1.0));
    assert_eq!((named(&out, "rate"), named(&out, "rate_missing")), (0.0, 1.0));
    assert!(out.iter().all(|x| x.is_finite()));
}

#[test]
fn a_rising_rate_shows_in_every_trend_until_it_settles() {
    let mut codec = codec(Layout::PerService);
    encode(&mut codec, &seen(0.0, Some(10.0), Some(50)));
    let risen = encode(&mut codec, &seen(15.0, Some(20.0), Some(50)));
    assert!(named(&risen, "trend_1m") > 0.5 && named(&risen, "trend_30m") > 0.6);
    let mut later = risen;
    for i in 2..80 {
        later = encode(&mut codec, &seen(15.0 * f64::from(i), Some(20.0), Some(50)));
    }
    assert!(named(&later, "trend_1m").abs() < 1e-3 && named(&later, "trend_30m") > 0.3);
}

#[test]
fn both_layouts_hold_the_same_numbers_for_one_service() {
    let at = seen(86_400.0 * 2.0, Some(20.0), Some(75));
    assert_eq!(encode(&mut codec(Layout::PerService), &at), encode(&mut codec(Layout::Flat), &at));
}

#[test]
fn the_calendar_knows_the_weekend() {
    // 1998-06-13 was a Saturday: day 10390 of the epoch.
    let out = encode(&mut codec(Layout::Flat), &seen(86_400.0 * 10_390.0, Some(1.0), Some(1)));
    assert_eq!(named(&out, "weekend"), 1.0);
    let out = encode(&mut codec(Layout::Flat), &seen(86_400.0 * 10_392.0, Some(1.0), Some(1)));
    assert_eq!(named(&out, "weekend"), 0.0);
}
