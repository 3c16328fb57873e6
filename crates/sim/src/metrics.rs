//! The metrics pipelines between what happens and what a controller sees, one set a lane.
//!
//! * resource metrics (metrics-server): mean CPU over one resolution window, latched at its end; the
//!   kubelet's own sampling makes some clusters see the previous window, which a lane draws at its start;
//! * application metrics (Prometheus): call counters scraped at an interval, `rate[w]` over whole scrapes;
//!   percentiles of the last SLO window that had ended when the scrape was made.
//!
//! Scrapes and windows have a phase that each lane draws at its start.

use crate::config::Periods;
use serde::{Deserialize, Serialize};

/// Per-service values of one latch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Latch {
    /// End of the window; before the first latch, minus infinity.
    pub(crate) at: f64,
    /// Mean millicores of a ready pod, by service.
    pub(crate) cpu: Vec<f32>,
    /// Bytes of a ready pod, by service.
    pub(crate) memory: Vec<f32>,
    /// Whether any pod was ready at all, by service.
    pub(crate) present: Vec<bool>,
}

/// Percentiles of the application's responses in one SLO window.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WindowLatency {
    pub(crate) end: f64,
    pub(crate) mean: f32,
    pub(crate) p95: f32,
    pub(crate) p99: f32,
}

/// What one lane measures between two readings, as a column of arrays that are `[service][lane]`.
pub(crate) struct Measured<'a> {
    pub(crate) lane: usize,
    pub(crate) lanes: usize,
    /// Sum of the millicores of a ready pod over sub-steps, emptied when it is latched.
    pub(crate) cpu_sum: &'a mut [f32],
    /// Bytes of a ready pod.
    pub(crate) memory: &'a [f32],
    /// Ready pods.
    pub(crate) ready: &'a [f32],
    /// Counters of calls; the last row is outside traffic.
    pub(crate) counters: &'a [f64],
}

/// Calls per second between two scrapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates<'a> {
    newest: &'a [f64],
    oldest: &'a [f64],
    per_second: f64,
    /// When the newest scrape was made.
    pub(crate) at: f64,
}

impl Rates<'_> {
    /// The rate of a service; that of outside traffic follows those of all services.
    pub(crate) fn of(&self, service: usize) -> f64 {
        (self.newest[service] - self.oldest[service]) * self.per_second
    }
}

/// Pipelines of one lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Metrics {
    resolution_phase: u32,
    scrape_phase: u32,
    /// Which of the two latches is visible: 0 the newest, 1 the one before.
    staleness: usize,
    latches: [Latch; 2],
    samples: u32,
    /// Ring of scraped counters: `(rate window / scrape + 1) × (services + 1)`; the last column is outside traffic.
    counters: Vec<f64>,
    scrapes: usize,
    scraped_at: f64,
    visible_latency: Option<WindowLatency>,
    window_latency: Option<WindowLatency>,
}

impl Metrics {
    pub(crate) fn new(services: usize, periods: &Periods) -> Self {
        let latch = Latch {
            at: f64::NEG_INFINITY,
            cpu: vec![0.0; services],
            memory: vec![0.0; services],
            present: vec![false; services],
        };
        let slots = (periods.rate_window / periods.scrape) as usize + 1;
        Self {
            resolution_phase: 0,
            scrape_phase: 0,
            staleness: 0,
            latches: [latch.clone(), latch],
            samples: 0,
            counters: vec![0.0; slots * (services + 1)],
            scrapes: 0,
            scraped_at: f64::NEG_INFINITY,
            visible_latency: None,
            window_latency: None,
        }
    }

    /// Forgets everything and takes new phases, each in sub-steps.
    pub(crate) fn restart(&mut self, resolution_phase: u32, scrape_phase: u32, staleness: usize) {
        self.resolution_phase = resolution_phase;
        self.scrape_phase = scrape_phase;
        self.staleness = staleness;
        for latch in &mut self.latches {
            latch.at = f64::NEG_INFINITY;
        }
        self.samples = 0;
        self.counters.fill(0.0);
        self.scrapes = 0;
        self.scraped_at = f64::NEG_INFINITY;
        self.visible_latency = None;
        self.window_latency = None;
    }

    pub(crate) fn record_window(&mut self, latency: WindowLatency) {
        self.window_latency = Some(latency);
    }

    /// Ends sub-step number `substep` (counted from 1) at time `now`, with what its lane has measured.
    pub(crate) fn end_substep(&mut self, substep: u64, now: f64, periods: &Periods, measured: Measured<'_>) {
        self.samples += 1;
        let Measured { lane, lanes, cpu_sum, memory, ready, counters } = measured;
        if (substep + u64::from(self.resolution_phase)).is_multiple_of(u64::from(periods.resolution)) {
            self.latches.swap(0, 1);
            let latch = &mut self.latches[0];
            latch.at = now;
            let scale = 1.0 / self.samples as f32;
            let latched = latch.cpu.iter_mut().zip(&mut latch.memory).zip(&mut latch.present);
            for (service, ((latched_cpu, latched_memory), present)) in latched.enumerate() {
                let at = service * lanes + lane;
                *latched_cpu = cpu_sum[at] * scale;
                cpu_sum[at] = 0.0;
                *latched_memory = memory[at];
                *present = ready[at] > 0.0;
            }
            self.samples = 0;
        }
        if (substep + u64::from(self.scrape_phase)).is_multiple_of(u64::from(periods.scrape)) {
            let width = counters.len() / lanes;
            let slot = self.scrapes % (self.counters.len() / width);
            let scraped = &mut self.counters[slot * width..(slot + 1) * width];
            for (row, value) in scraped.iter_mut().enumerate() {
                *value = counters[row * lanes + lane];
            }
            self.scrapes += 1;
            self.scraped_at = now;
            self.visible_latency = self.window_latency;
        }
    }

    /// The resource sample that a controller sees; absent before the first.
    pub(crate) fn resources(&self) -> Option<&Latch> {
        let latch = &self.latches[self.staleness];
        (latch.at > f64::NEG_INFINITY).then_some(latch)
    }

    /// The rates that a controller sees, of `services` services and of outside traffic. Absent before two scrapes; over
    /// a shorter window until enough have been made.
    pub(crate) fn rates(&self, services: usize, scrape_secs: f64) -> Option<Rates<'_>> {
        let width = services + 1;
        let slots = self.counters.len() / width;
        let intervals = (slots - 1).min(self.scrapes.checked_sub(1)?);
        if intervals == 0 {
            return None;
        }
        let newest = (self.scrapes - 1) % slots * width;
        let oldest = (self.scrapes - 1 - intervals) % slots * width;
        Some(Rates {
            newest: &self.counters[newest..newest + width],
            oldest: &self.counters[oldest..oldest + width],
            per_second: 1.0 / (intervals as f64 * scrape_secs),
            at: self.scraped_at,
        })
    }

    pub(crate) fn latency(&self) -> Option<WindowLatency> {
        self.visible_latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIODS: Periods = Periods { resolution: 3, scrape: 3, rate_window: 12, slo_window: 3 };

    /// Pipelines of one service with what is measured between two readings.
    struct Bench {
        metrics: Metrics,
        cpu_sum: [f32; 1],
        counters: [f64; 2],
    }

    fn bench(staleness: usize) -> Bench {
        let mut metrics = Metrics::new(1, &PERIODS);
        metrics.restart(0, 0, staleness);
        Bench { metrics, cpu_sum: [0.0], counters: [0.0; 2] }
    }

    fn run(bench: &mut Bench, substeps: std::ops::RangeInclusive<u64>, cpu: f32, calls: f32) {
        for i in substeps {
            bench.cpu_sum[0] += cpu;
            bench.counters[0] += f64::from(calls);
            let measured = Measured {
                lane: 0,
                lanes: 1,
                cpu_sum: &mut bench.cpu_sum,
                memory: &[0.0],
                ready: &[1.0],
                counters: &bench.counters,
            };
            bench.metrics.end_substep(i, 5.0 * i as f64, &PERIODS, measured);
        }
    }

    #[test]
    fn nothing_is_visible_before_the_first_window_has_ended() {
        let mut bench = bench(0);
        run(&mut bench, 1..=2, 100.0, 50.0);
        assert!(bench.metrics.resources().is_none() && bench.metrics.rates(1, 15.0).is_none());
    }

    #[test]
    fn cpu_is_the_mean_of_its_window_and_dated_at_its_end() {
        let mut bench = bench(0);
        run(&mut bench, 1..=3, 100.0, 50.0);
        run(&mut bench, 4..=5, 900.0, 50.0);
        let latch = bench.metrics.resources().unwrap();
        assert_eq!((latch.cpu[0], latch.at), (100.0, 15.0));
    }

    #[test]
    fn a_stale_lane_sees_the_window_before() {
        let mut bench = bench(1);
        run(&mut bench, 1..=3, 100.0, 50.0);
        assert!(bench.metrics.resources().is_none());
        run(&mut bench, 4..=6, 900.0, 50.0);
        assert_eq!(bench.metrics.resources().unwrap().cpu[0], 100.0);
    }

    #[test]
    fn a_rate_lags_a_step_by_half_its_window() {
        let mut bench = bench(0);
        run(&mut bench, 1..=30, 0.0, 50.0);
        assert!((bench.metrics.rates(1, 15.0).unwrap().of(0) - 10.0).abs() < 1e-9);
        run(&mut bench, 31..=36, 0.0, 100.0);
        assert!((bench.metrics.rates(1, 15.0).unwrap().of(0) - 15.0).abs() < 1e-9);
    }
}
