//! The lab: environments over any plant, training runs, evaluation, calibration, comparison and reports.
//!
//! This is where learning meets the simulated cluster, and where clocks and files are. Left out: HTTP and
//! Kubernetes client types.

pub mod applications;
pub mod calibration;
mod clock;
pub mod comparison;
pub mod config;
pub mod contenders;
pub mod demand;
pub mod environment;
mod error;
pub mod evaluation;
pub mod experiment;
pub mod files;
pub mod initial;
pub mod learning_curves;
pub mod parallel;
pub mod policy_file;
pub mod report;
pub mod reward;
pub mod run_dir;
pub mod settle;
pub mod statistics;
pub mod traffic;
pub mod training;

pub use config::RunConfig;
pub use error::{Error, Result};
