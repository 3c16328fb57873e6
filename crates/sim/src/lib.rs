//! A Kubernetes cluster as a function of (state, decision, arrivals, seed).
//!
//! Fidelity L1, "fluid + table": for each service and sub-step the utilisation law, processor sharing,
//! the wait that a CPU quota causes (from a table made by a request-level simulation, [`quota`]), a fluid
//! backlog in overload, and composition over the call tree to mean, p95 and p99. Around it what an
//! autoscaler meets in a cluster: pods that take time to start, and metrics that are old when they arrive.
//!
//! [`Cluster`] holds a batch of independent clusters ("lanes") in struct-of-arrays form and allocates
//! nothing while it advances. [`SimulatedPlant`] is one lane behind the [`trimtab_model::Plant`] seam.
//!
//! Off by default, each in its section of [`SimConfig`]: users who wait for answers ([`LoadConfig`]), resizes that take time
//! or restarts ([`ResizeConfig`]), memory that runs out ([`MemoryConfig`]), nodes that are full ([`NodesConfig`]), and
//! replicas that fail ([`FaultsConfig`]).
//!
//! Left out: learning, rewards, files and clocks; request-level simulation.

mod call_plan;
mod cluster;
mod config;
mod elementary;
mod error;
mod faults;
mod fleet;
mod histogram;
mod load;
mod memory;
mod metrics;
mod nodes;
mod plant;
mod pods;
pub mod queueing;
pub mod quota;
mod quota_pod;
mod resize;
pub mod tail;
mod tally;

pub use cluster::{Cluster, ClusterState, Ledger};
pub use config::{Arrivals, SimConfig};
pub use error::{Error, Result};
pub use faults::FaultsConfig;
pub use histogram::LatencyHistogram;
pub use load::{LoadConfig, LoadKind, Wait};
pub use memory::MemoryConfig;
pub use nodes::NodesConfig;
pub use plant::SimulatedPlant;
pub use quota_pod::{PodStep, QuotaPod, QuotaPodConfig};
pub use resize::{ResizeConfig, ResizeMethod};
pub use tally::Tally;
