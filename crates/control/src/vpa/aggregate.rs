//! What is remembered of all containers of one name with one set of pod labels: two histograms and three numbers.
//!
//! Source: `pkg/recommender/model/aggregate_container_state.go` and `aggregations_config.go` of the VPA. Since early 2025
//! every CPU sample weighs the same; older releases weighed it by the CPU request.
//! Left out: quality metrics of past recommendations.

use super::{
    Amount, BucketLayout, CheckpointError, ContainerPolicy, DecayingHistogram, HistogramCheckpoint, Resource,
    Span, Stamp,
};
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};

/// Weight of a CPU sample.
pub(super) const CPU_SAMPLE_WEIGHT: f64 = 0.1;
/// Weight of a memory peak.
pub(super) const MEMORY_PEAK_WEIGHT: f64 = 1.0;
const EPSILON: f64 = 0.001 * CPU_SAMPLE_WEIGHT;
const GROWTH: f64 = 1.0 + 0.05;
/// Format of a checkpoint.
const CHECKPOINT_VERSION: &str = "v3";

/// How samples become histograms (the recommender's flags).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregationConfig {
    /// Length of the interval of which the memory peak is kept.
    pub memory_interval: Span,
    /// Intervals after which an idle history expires.
    pub memory_interval_count: i64,
    /// Half-life of CPU samples.
    pub cpu_half_life: Span,
    /// Half-life of memory peaks.
    pub memory_half_life: Span,
    /// Factor on memory after an OOM kill.
    pub oom_bump_up_ratio: f64,
    /// Least increase of memory after an OOM kill, in bytes.
    pub oom_min_bump_up: f64,
}

impl Default for AggregationConfig {
    fn default() -> Self {
        Self {
            memory_interval: Span::DAY,
            memory_interval_count: 8,
            cpu_half_life: Span::DAY,
            memory_half_life: Span::DAY,
            oom_bump_up_ratio: 1.2,
            oom_min_bump_up: 100.0 * 1024.0 * 1024.0,
        }
    }
}

impl AggregationConfig {
    /// # Errors
    /// A length of time that is not positive.
    pub fn validate(&self) -> Result<()> {
        for (key, span) in [
            ("vpa.memory_interval", self.memory_interval),
            ("vpa.cpu_half_life", self.cpu_half_life),
            ("vpa.memory_half_life", self.memory_half_life),
        ] {
            check(key, span.is_positive(), "positive", span.over(Span::secs(1)))?;
        }
        Ok(())
    }

    /// Buckets of CPU use, in cores.
    ///
    /// # Panics
    /// Never: the constants are in range.
    pub fn cpu_layout() -> BucketLayout {
        BucketLayout::exponential(1000.0, 0.01, GROWTH, EPSILON).expect("the constants are in range")
    }

    /// Buckets of memory peaks, in bytes.
    ///
    /// # Panics
    /// Never: the constants are in range.
    pub fn memory_layout() -> BucketLayout {
        BucketLayout::exponential(1e12, 1e7, GROWTH, EPSILON).expect("the constants are in range")
    }
}

/// What the API server keeps of an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Format; `v3`.
    pub version: String,
    /// First CPU sample.
    pub first_sample: Stamp,
    /// Last CPU sample.
    pub last_sample: Stamp,
    /// CPU samples.
    pub samples: i64,
    /// CPU use.
    pub cpu: HistogramCheckpoint,
    /// Memory peaks.
    pub memory: HistogramCheckpoint,
}

/// Takes what a container's samples come to. The recommender's is an [`Aggregate`]; a test may record the calls.
pub trait UsageSink {
    /// A sample or a peak.
    fn add(&mut self, resource: Resource, amount: Amount, at: Stamp);
    /// Takes back a memory peak that was added for `at`.
    fn subtract_memory(&mut self, amount: Amount, at: Stamp);
    /// Factor on memory after an OOM kill.
    fn oom_bump_up_ratio(&mut self) -> f64;
    /// Least increase of memory after an OOM kill, in bytes.
    fn oom_min_bump_up(&mut self) -> f64;
    /// Length of a memory aggregation interval.
    fn memory_interval(&mut self) -> Span;
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// CPU use in cores.
    pub cpu: DecayingHistogram,
    /// Memory peaks in bytes.
    pub memory: DecayingHistogram,
    first_sample: Stamp,
    last_sample: Stamp,
    samples: i64,
    created: Stamp,
    config: AggregationConfig,
}

impl Aggregate {
    /// Nothing seen yet.
    pub fn new(config: &AggregationConfig, now: Stamp) -> Self {
        Self {
            cpu: DecayingHistogram::new(AggregationConfig::cpu_layout(), config.cpu_half_life),
            memory: DecayingHistogram::new(AggregationConfig::memory_layout(), config.memory_half_life),
            first_sample: Stamp::NEVER,
            last_sample: Stamp::NEVER,
            samples: 0,
            created: now,
            config: *config,
        }
    }

    /// Takes over what a container's policy says about OOM kills and memory intervals. What it leaves out stays as it
    /// was, also when an earlier policy had said otherwise.
    pub fn follow(&mut self, policy: Option<&ContainerPolicy>) {
        let Some(policy) = policy else { return };
        if let Some(ratio) = policy.oom_bump_up_ratio {
            self.config.oom_bump_up_ratio = ratio.milli() as f64 / 1000.0;
        }
        if let Some(least) = policy.oom_min_bump_up {
            self.config.oom_min_bump_up = least.milli() as f64 / 1000.0;
        }
        if let Some(seconds) = policy.memory_aggregation_interval_secs {
            self.config.memory_interval = Span::secs(seconds);
        }
        if let Some(count) = policy.memory_aggregation_interval_count {
            self.config.memory_interval_count = count;
        }
    }

    /// Adds everything of `other`; see [`DecayingHistogram::merge`] for what that does to `other`.
    pub fn merge(&mut self, other: &mut Self) {
        self.cpu.merge(&mut other.cpu);
        self.memory.merge(&mut other.memory);
        if !self.first_sample.is_set()
            || (other.first_sample.is_set() && other.first_sample < self.first_sample)
        {
            self.first_sample = other.first_sample;
        }
        self.last_sample = self.last_sample.max(other.last_sample);
        self.samples += other.samples;
    }

    /// Days of history, `min(last − first sample, samples taken once a minute)` in units of `interval`.
    pub fn confidence(&self, interval: Span) -> f64 {
        let lifespan = self.last_sample.since(self.first_sample).over(interval);
        let sampled = self.samples as f64 / interval.minutes();
        lifespan.min(sampled)
    }

    /// Whether no CPU sample was ever taken.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Whether its last sample, or its creation where there is none, is a whole history ago.
    pub fn is_expired(&self, now: Stamp) -> bool {
        let from = if self.is_empty() { self.created } else { self.last_sample };
        now.since(from) >= self.config.memory_interval.times(self.config.memory_interval_count)
    }

    /// What the API server keeps; instants lose their fraction of a second.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            version: CHECKPOINT_VERSION.to_owned(),
            first_sample: self.first_sample.whole_seconds(),
            last_sample: self.last_sample.whole_seconds(),
            samples: self.samples,
            cpu: self.cpu.checkpoint(),
            memory: self.memory.checkpoint(),
        }
    }

    /// Takes over a checkpoint; histograms are added to.
    ///
    /// # Errors
    /// Another version, or a histogram that does not fit.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        if checkpoint.version != CHECKPOINT_VERSION {
            return Err(CheckpointError::Version(checkpoint.version.clone()));
        }
        self.samples = checkpoint.samples;
        self.first_sample = checkpoint.first_sample;
        self.last_sample = checkpoint.last_sample;
        self.memory.load(&checkpoint.memory)?;
        self.cpu.load(&checkpoint.cpu)
    }
}

impl UsageSink for Aggregate {
    fn add(&mut self, resource: Resource, amount: Amount, at: Stamp) {
        match resource {
            Resource::Memory => self.memory.add(amount.0 as f64, MEMORY_PEAK_WEIGHT, at),
            Resource::Cpu => {
                self.cpu.add(amount.cores(), CPU_SAMPLE_WEIGHT, at);
                self.last_sample = self.last_sample.max(at);
                if !self.first_sample.is_set() || at < self.first_sample {
                    self.first_sample = at;
                }
                self.samples += 1;
            }
        }
    }

    fn subtract_memory(&mut self, amount: Amount, at: Stamp) {
        self.memory.subtract(amount.0 as f64, MEMORY_PEAK_WEIGHT, at);
    }

    fn oom_bump_up_ratio(&mut self) -> f64 {
        self.config.oom_bump_up_ratio
    }

    fn oom_min_bump_up(&mut self) -> f64 {
        self.config.oom_min_bump_up
    }

    fn memory_interval(&mut self) -> Span {
        self.config.memory_interval
    }
}
