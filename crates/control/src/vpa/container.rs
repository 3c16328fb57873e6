//! From one container's samples and OOM kills to additions and subtractions of histogram samples.
//!
//! CPU samples pass through in order. Of memory only the peak of each interval counts: a higher sample takes the
//! interval's earlier peak back. Source: `pkg/recommender/model/container.go` of the VPA.
//! Left out: the container's request, which weighs nothing since early 2025.

use super::{Amount, Resource, Span, Stamp, UsageSink};

/// Whether a sample is a measurement or stands for an OOM kill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Measured,
    OutOfMemory,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerState {
    last_cpu: Stamp,
    last_memory: Stamp,
    window_end: Stamp,
    memory_peak: Amount,
    oom_peak: Amount,
}

impl ContainerState {
    /// Takes a sample of either resource; whether it counted. Negative ones and those out of order do not.
    pub fn add(&mut self, resource: Resource, usage: Amount, at: Stamp, sink: &mut impl UsageSink) -> bool {
        match resource {
            Resource::Cpu => self.add_cpu(usage, at, sink),
            Resource::Memory => self.add_memory(usage, at, Origin::Measured, sink),
        }
    }

    /// Takes an OOM kill of a container that requested `request` bytes; whether it counted. One that is an interval
    /// older than the last memory sample does not.
    pub fn out_of_memory(&mut self, request: Amount, at: Stamp, sink: &mut impl UsageSink) -> bool {
        if self.last_memory.is_set() && at < self.last_memory.minus(sink.memory_interval()) {
            return false;
        }
        // The peak of measurements only: OOM kills one after the other would run away.
        let used = request.max(self.memory_peak);
        let at_least = Amount(used.0 + Amount::truncated(sink.oom_min_bump_up()).0);
        let needed = at_least.max(used.scaled(sink.oom_bump_up_ratio()));
        self.add_memory(needed, at, Origin::OutOfMemory, sink)
    }

    /// The peak of the running interval, and when that ends: what a checkpoint leaves out, because it may still change.
    pub fn open_peak(&self) -> (Amount, Stamp) {
        (self.memory_peak.max(self.oom_peak), self.window_end)
    }

    fn add_cpu(&mut self, usage: Amount, at: Stamp, sink: &mut impl UsageSink) -> bool {
        if usage.0 < 0 || at <= self.last_cpu {
            return false;
        }
        sink.add(Resource::Cpu, usage, at);
        self.last_cpu = at;
        true
    }

    fn add_memory(&mut self, usage: Amount, at: Stamp, origin: Origin, sink: &mut impl UsageSink) -> bool {
        if usage.0 < 0 || (origin == Origin::Measured && at < self.last_memory) {
            return false;
        }
        self.last_memory = at;
        if !self.window_end.is_set() {
            self.window_end = at;
        }
        let is_peak = if at < self.window_end {
            let (old, end) = self.open_peak();
            let higher = old != Amount(0) && usage > old;
            if higher {
                sink.subtract_memory(old, end);
            }
            higher
        } else {
            self.open_window(at, sink.memory_interval());
            true
        };
        if is_peak {
            sink.add(Resource::Memory, usage, self.window_end);
            match origin {
                Origin::Measured => self.memory_peak = usage,
                Origin::OutOfMemory => self.oom_peak = usage,
            }
        }
        true
    }

    /// Moves the end of the interval by whole intervals to the first one after `at`.
    fn open_window(&mut self, at: Stamp, interval: Span) {
        let over = at.since(self.window_end).whole(interval);
        self.window_end = self.window_end.plus(over).plus(interval);
        self.memory_peak = Amount(0);
        self.oom_peak = Amount(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpa::{Aggregate, AggregationConfig};

    #[test]
    fn an_interval_keeps_its_highest_sample_only() {
        let t = Stamp::from_secs(1_700_000_000);
        let mut aggregate = Aggregate::new(&AggregationConfig::default(), t);
        let mut container = ContainerState::default();
        for (minute, mib) in [(0, 100), (1, 400), (2, 300)] {
            let at = t.plus(Span::MINUTE.times(minute));
            assert!(container.add(Resource::Memory, Amount(mib << 20), at, &mut aggregate));
        }
        assert_eq!(container.open_peak(), (Amount(400 << 20), t.plus(Span::DAY)));
        let low = aggregate.memory.percentile(0.01);
        assert!(low > f64::from(400 << 20), "{low}");
    }

    #[test]
    fn an_oom_kill_asks_for_a_fifth_more_and_a_hundred_mebibytes_at_least() {
        let t = Stamp::from_secs(1_700_000_000);
        let mut aggregate = Aggregate::new(&AggregationConfig::default(), t);
        let mut container = ContainerState::default();
        container.out_of_memory(Amount(1000 << 20), t, &mut aggregate);
        assert_eq!(container.open_peak().0, Amount(1200 << 20));
        container.out_of_memory(Amount(100 << 20), t.plus(Span::DAY), &mut aggregate);
        assert_eq!(container.open_peak().0, Amount(200 << 20));
    }
}
