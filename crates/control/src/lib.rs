//! Every decision that trimtab makes: autoscalers, learned or not, and the guardrails after each of them.
//!
//! All of it is pure: `(what is seen, own memory) → decision`. The same compiled code runs in training, in
//! scoring and in production. Left out: input and output, clocks, and learning.

pub mod autoscaler;
pub mod capacity;
pub mod codec;
pub mod contract;
pub mod cpu_hpa;
pub mod cron;
mod error;
pub mod external_hpa;
pub mod fixed;
pub mod forecast;
pub mod guardrails;
pub mod hpa;
pub mod keda;
pub mod largest;
pub mod learned;
pub mod oracle;
pub mod parameter;
pub mod predictive;
pub mod quantity;
pub mod rate_series;
pub mod schedule;
pub mod steering;
pub mod target_tracking;
pub mod threshold;
pub mod vertical;
pub mod vpa;

pub use autoscaler::Autoscaler;
pub use codec::{Codec, CodecConfig};
pub use cpu_hpa::CpuHpaConfig;
pub use error::{Error, Result};
pub use fixed::Fixed;
pub use guardrails::{Guardrails, GuardrailsConfig, ResourceGuard, Verdict};
pub use hpa::Hpa;
pub use keda::{Keda, KedaConfig};
pub use largest::Largest;
pub use learned::Learned;
pub use oracle::Oracle;
pub use parameter::{Parameter, Range};
pub use predictive::{Predictive, PredictiveConfig};
pub use rate_series::RateSeries;
pub use schedule::{Schedule, ScheduleConfig};
pub use steering::{ActionKind, Steering};
pub use target_tracking::{LatencyTracking, LatencyTrackingConfig, RequestTracking, RequestTrackingConfig};
pub use threshold::{Threshold, ThresholdConfig};
pub use vpa::Vpa;
