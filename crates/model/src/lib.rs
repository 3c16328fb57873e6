//! The words everything in trimtab speaks: quantities with units, applications as data, what a controller
//! may see ([`Snapshot`]), what it may ask for ([`Decision`]), and the seam between the two ([`Plant`]).
//!
//! Left out: input and output, clocks, randomness, Kubernetes client types and anything about learning.

pub mod application;
pub mod decision;
mod error;
pub mod plant;
pub mod quantity;
pub mod snapshot;
pub mod usage;

pub use application::{
    Application, Endpoint, Faults, Jvm, ReplicaBounds, Service, ServiceId, Slo, StartUp, Step,
};
pub use decision::{Decision, Receipt, Refusal, ServiceDecision};
pub use error::{Error, Result};
pub use plant::Plant;
pub use quantity::{Bytes, Millicores, PerSecond, Seconds, Time};
pub use snapshot::{
    Allocation, Flow, Latency, PodGroup, PodPhase, PodUsage, Readiness, Replicas, Resizing, Sample,
    ServiceState, Snapshot,
};
pub use usage::UsagePoint;
