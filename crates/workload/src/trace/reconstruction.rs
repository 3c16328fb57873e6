//! From counts to a rate at every instant.
//!
//! Piecewise linear, one line an interval: `λ(t) = r_i + s_i·(t − middle of i)`, `r_i` the interval's mean
//! rate. A line through the middle value keeps the interval's count whatever its slope. The slope is van
//! Leer's monotonised central difference (J. Comput. Phys. 32, 1979): half the difference of the neighbours,
//! but never so steep that an end passes a neighbour's rate, and zero at a local peak or trough. The rate is
//! therefore never negative and never above the largest interval rate, which a spline or a line between
//! middles, rescaled, cannot promise.
//!
//! Left out: arrivals within an interval other than their number.

use super::Trace;

/// Rate and cumulative requests of a trace at any instant, both in constant time.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    step: f64,
    /// Mean rate of each interval.
    rates: Vec<f64>,
    /// Rise per second within each interval.
    slopes: Vec<f64>,
    /// Requests before each interval, then all of them.
    before: Vec<f64>,
}

impl Reconstruction {
    /// Counts as they are, a missing interval holding only what was seen of it: for work that must conserve
    /// them.
    pub fn exact(trace: &Trace) -> Self {
        Self::of(trace.step().0, trace.counts().to_vec())
    }

    /// Missing intervals replaced by a straight line between their neighbours, the nearest one at the ends of
    /// the trace: for traffic to be played.
    pub fn bridged(trace: &Trace) -> Self {
        let mut counts = trace.counts().to_vec();
        for gap in trace.missing() {
            let before = gap.start.checked_sub(1).map(|i| counts[i]);
            let after = counts.get(gap.end).copied();
            let (Some(a), Some(b)) = (before.or(after), after.or(before)) else { continue };
            let width = (gap.len() + 1) as f64;
            for (k, i) in gap.clone().enumerate() {
                counts[i] = a + (b - a) * (k + 1) as f64 / width;
            }
        }
        Self::of(trace.step().0, counts)
    }

    fn of(step: f64, counts: Vec<f64>) -> Self {
        let mut before = Vec::with_capacity(counts.len() + 1);
        let mut sum = 0.0;
        before.push(0.0);
        for count in &counts {
            sum += count;
            before.push(sum);
        }
        let mut rates = counts;
        for rate in &mut rates {
            *rate /= step;
        }
        let mut slopes = vec![0.0; rates.len()];
        for i in 1..rates.len().saturating_sub(1) {
            slopes[i] = limited(rates[i] - rates[i - 1], rates[i + 1] - rates[i]) / step;
        }
        Self { step, rates, slopes, before }
    }

    /// Length in seconds.
    pub fn length(&self) -> f64 {
        self.step * self.rates.len() as f64
    }

    /// Requests/s at `t` seconds; 0 outside.
    pub fn rate(&self, t: f64) -> f64 {
        if !(0.0..self.length()).contains(&t) {
            return 0.0;
        }
        let i = self.interval(t);
        (self.rates[i] + self.slopes[i] * (t - (i as f64 + 0.5) * self.step)).max(0.0)
    }

    /// Requests from the start until `t` seconds; all of them beyond the end.
    pub fn requests_until(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return 0.0;
        }
        if t >= self.length() {
            return self.before[self.rates.len()];
        }
        let i = self.interval(t);
        let x = t - i as f64 * self.step;
        self.before[i] + x * (self.rates[i] + self.slopes[i] * (x - self.step) / 2.0)
    }

    fn interval(&self, t: f64) -> usize {
        ((t / self.step) as usize).min(self.rates.len() - 1)
    }
}

/// Rise over an interval, given the rises between its middle and those of its neighbours.
fn limited(left: f64, right: f64) -> f64 {
    if left * right <= 0.0 {
        return 0.0;
    }
    let steepest = 2.0 * left.abs().min(right.abs());
    (f64::midpoint(left, right).abs()).min(steepest).copysign(left)
}
