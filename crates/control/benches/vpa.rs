//! Speed and size of the VPA: taking a sample, making a recommendation, one look of the updater at a container.
//! Prints medians and spread; asserts nothing.
//!
//! `cargo bench -p trimtab-control --bench vpa`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark looks at the clock and prints"
)]

use std::time::Instant;
use trimtab_control::{
    vertical::{ContainerVpa, ExactConfig},
    vpa::{
        AggregationConfig, Amount, ContainerResources, History, LimitRanges, Recommender, RecommenderConfig,
        ReplayConfig, Resource, ResourceList, ResourcePolicy, Span, Stamp, UsagePoint, replay,
    },
};
use trimtab_model::{PodPhase, Time};

const ROUNDS: usize = 11;
const SAMPLES: i64 = 8 * 24 * 60;

fn show(what: &str, mut micros: Vec<f64>) {
    micros.sort_by(f64::total_cmp);
    println!("{what}: median {:.3} µs ({:.3} to {:.3})", micros[ROUNDS / 2], micros[0], micros[ROUNDS - 1]);
}

fn history(start: Stamp) -> History {
    let mut history = History::new(AggregationConfig::default(), ResourcePolicy::default())
        .expect("the defaults are in range");
    history.observe_pod("pod", "app=web", PodPhase::Running, ["web"], start);
    history
}

fn fill(history: &mut History, start: Stamp) -> Stamp {
    let mut at = start;
    for k in 0..SAMPLES {
        at = start.plus(Span::MINUTE.times(k));
        history.add_sample("pod", "web", Resource::Cpu, Amount(10 + 37 * k % 991), at, at);
        let memory = Amount((64 << 20) + 7919 * k % 4096 * 262_144);
        history.add_sample("pod", "web", Resource::Memory, memory, at, at);
    }
    at
}

fn main() {
    let start = Stamp::from_secs(1_700_006_400);
    println!("bytes of one container history: {}", History::bytes_per_history());
    let sample = (0..ROUNDS).map(|_| {
        let mut history = history(start);
        let clock = Instant::now();
        fill(&mut history, start);
        clock.elapsed().as_secs_f64() * 1e6 / (2 * SAMPLES) as f64
    });
    show("one sample", sample.collect());

    let recommender = Recommender::new(RecommenderConfig::default()).expect("the defaults are in range");
    let mut full = history(start);
    let now = fill(&mut full, start);
    let recommendation = (0..ROUNDS).map(|_| {
        let clock = Instant::now();
        let containers: usize =
            (0..1000).map(|_| recommender.recommend(&mut full, now).containers.len()).sum();
        clock.elapsed().as_secs_f64() * 1e6 / containers as f64
    });
    show("one recommendation", recommendation.collect());

    let series: Vec<UsagePoint> = (0..=SAMPLES)
        .map(|k| UsagePoint {
            at: Time(1_700_006_400.0 + 60.0 * k as f64),
            cpu_cores: (10 + 37 * k % 991) as f64 / 1000.0,
            memory_bytes: ((64 << 20) + 7919 * k % 4096 * 262_144) as f64,
        })
        .collect();
    let resources =
        ContainerResources { requests: ResourceList::of(500, 1 << 30), limits: ResourceList::default() };
    let minute = (0..ROUNDS).map(|_| {
        let mut vpa = ContainerVpa::exact(&ExactConfig::default(), LimitRanges::default())
            .expect("the defaults are in range");
        let clock = Instant::now();
        let result =
            replay(&series, &ReplayConfig::new(resources), &mut vpa).expect("the series is in order");
        assert!(result.tally.hours > 0.0);
        clock.elapsed().as_secs_f64() * 1e6 / SAMPLES as f64
    });
    show("one replayed minute (samples, recommendation, updater)", minute.collect());
}
