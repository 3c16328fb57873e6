//! Rates of work over several rounds, by the clock and by the time on the CPU, which other processes disturb less, as rows
//! of a table of medians and ranges.
//!
//! Left out: what is measured, and opinions on it: benchmarks assert nothing.

use std::time::Instant;

const ROUNDS: usize = 7;
/// Seconds of a round: long against a tick of the scheduler, by which its statistics move.
const ROUND_SECS: f64 = 0.4;

/// Units per second over several rounds.
pub(crate) struct Rates {
    by_clock: Vec<f64>,
    by_cpu: Vec<f64>,
}

impl Rates {
    /// Those of work that returns how many units it did, after a first call that does not count.
    pub(crate) fn of(mut work: impl FnMut() -> f64) -> Self {
        work();
        let mut rates = Self { by_clock: Vec::new(), by_cpu: Vec::new() };
        for _ in 0..ROUNDS {
            let (start, cpu) = (Instant::now(), cpu_seconds());
            let mut units = 0.0;
            while start.elapsed().as_secs_f64() < ROUND_SECS {
                units += work();
            }
            rates.by_clock.push(units / start.elapsed().as_secs_f64());
            rates.by_cpu.push(units / (cpu_seconds() - cpu));
        }
        rates.by_clock.sort_by(f64::total_cmp);
        rates.by_cpu.sort_by(f64::total_cmp);
        rates
    }

    /// Median of those on the CPU.
    pub(crate) fn cpu(&self) -> f64 {
        self.by_cpu[ROUNDS / 2]
    }
}

/// Seconds that this process has spent on a CPU, as far as the system says (Linux does); else those of the clock.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    match text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()) {
        Some(nanos) => 1e-9 * nanos,
        None => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64()),
    }
}

/// The line above the rows.
pub(crate) fn heading(unit: &str, target: &str, rest: &str) {
    let columns = ["by the clock", "CPU second", "range"];
    let [clock, cpu, range] = columns;
    println!("{unit:<50} {clock:>12} {cpu:>10} {range:>19} {target:>10} {rest}");
}

/// Median by the clock, median and range on the CPU.
pub(crate) fn row(name: &str, rates: &Rates, target: &str, rest: &str) {
    let range = format!("{:.0}–{:.0}", rates.by_cpu[0], rates.by_cpu[ROUNDS - 1]);
    let (clock, cpu) = (rates.by_clock[ROUNDS / 2], rates.cpu());
    println!("{name:<50} {clock:>12.0} {cpu:>10.0} {range:>19} {target:>10} {rest}");
}
