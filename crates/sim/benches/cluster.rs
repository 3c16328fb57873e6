//! Speed of the simulated cluster on `online_boutique`, for several batch sizes, on one thread. A step is one
//! decision interval of 15 s: three sub-steps of eleven services. Times are those on the CPU, so that other processes
//! disturb them less. Prints medians and spread; asserts nothing.
//!
//! `cargo bench -p trimtab-sim --bench cluster`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark looks at the clock and prints"
)]

use trimtab_model::{Application, Time};
use trimtab_sim::{Cluster, SimConfig};

const ROUNDS: usize = 11;

fn main() {
    let application = Application::from_toml(include_str!("../../../apps/online_boutique.toml"))
        .expect("a shipped application reads");
    for lanes in [1, 8, 32, 128] {
        let mut cluster = Cluster::new(&application, SimConfig::default(), lanes).expect("the defaults work");
        for lane in 0..lanes {
            cluster.reset(lane, Time(0.0), &vec![3; application.services.len()], lane as u64);
        }
        let steps = 20_000 / lanes;
        let mut nanos: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = cpu_nanos();
                for _ in 0..steps {
                    cluster.advance(3, &mut |_, _| 50.0);
                }
                (cpu_nanos() - start) / (steps * lanes) as f64
            })
            .collect();
        nanos.sort_by(f64::total_cmp);
        println!(
            "{lanes:4} lanes: median {:.0} ns a step ({:.0} to {:.0})",
            nanos[ROUNDS / 2],
            nanos[0],
            nanos[ROUNDS - 1]
        );
    }
}

/// Nanoseconds that this process has spent on a CPU (Linux).
fn cpu_nanos() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux keeps scheduler statistics");
    text.split(' ')
        .next()
        .and_then(|nanos| nanos.parse().ok())
        .expect("the first number is the time on the CPU")
}
