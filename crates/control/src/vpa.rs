//! Kubernetes' `VerticalPodAutoscaler`: recommender and updater, as release 1.8 computes them.
//!
//! Source of the algorithms: `kubernetes/autoscaler`, `vertical-pod-autoscaler` 1.8; each file names the package it
//! follows. Amounts are whole millicores and bytes, truncated where upstream truncates; instants are whole
//! nanoseconds; sums of weights round as upstream's do, to the last bit. All time and input are arguments.
//!
//! From the top: [`History`] takes samples and OOM kills and [`Recommender`] reads it; [`Updater`] looks at pods and
//! says which to resize or evict. [`Vpa`] does both over snapshots, and [`replay()`] over a recorded usage series.
//! `oracle/vpa` asks upstream's own code the same questions.
//!
//! Left out: CPU startup boost, the admission webhook's patches of anything but resources, rate limits, and the Prometheus
//! history of a recommender that starts without checkpoints.

mod aggregate;
mod amount;
mod autoscaler;
mod bucket_layout;
pub mod capping;
mod container;
mod decaying_histogram;
pub mod disruption;
mod elementary;
mod histogram;
mod history;
mod limit_range;
pub mod limits;
pub mod manifest;
mod pod;
mod policy;
pub mod priority;
mod quantity;
mod recommendation;
pub mod recommender;
pub mod replay;
mod simplified;
mod stamp;
mod updater;

pub use aggregate::{Aggregate, AggregationConfig, Checkpoint, UsageSink};
pub use amount::{Amount, humanized};
pub use autoscaler::{Vpa, VpaConfig, VpaSpec};
pub use bucket_layout::BucketLayout;
pub use container::ContainerState;
pub use decaying_histogram::DecayingHistogram;
pub use disruption::{Disruption, DisruptionConfig, InPlaceDecision};
pub use histogram::{CheckpointError, Histogram, HistogramCheckpoint};
pub use history::History;
pub use limit_range::{LimitRangeItem, LimitRanges, LimitType};
pub use pod::{
    Container, ContainerResources, Group, GroupKind, Pod, ResizeCondition, ResizeKind, Termination,
};
pub use policy::{
    ChangeRequirement, ContainerPolicy, ControlledValues, EvictionRequirement, ResourcePolicy, ScalingMode,
    UpdateMode, UpdatePolicy,
};
pub use priority::{Priority, Thresholds};
pub use quantity::{Quantity, Resource, ResourceList};
pub use recommendation::{ContainerRecommendation, Format, Recommendation};
pub use recommender::{Estimate, Percentiles, Recommender, RecommenderConfig};
pub use replay::{
    Area, Change, Look, Player, Progress, Replay, ReplayConfig, Running, Tally, Unchanging, UsagePoint,
    Vertical, Way, replay,
};
pub use simplified::{Simplified, SimplifiedConfig};
pub use stamp::{Span, Stamp};
pub use updater::{Actuator, EvictionRefused, ResizeError, Situation, Updater, UpdaterConfig, pod_resources};
