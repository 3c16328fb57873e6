//! The lab: environments over any plant, training runs, evaluation, calibration, comparison and reports.
//!
//! This is where learning meets the simulated cluster, and where clocks and files are. Left out: HTTP and
//! Kubernetes client types.

pub mod applications;
pub mod artefacts;
pub mod calibration;
mod clock;
pub mod cloning;
pub mod comparison;
pub mod compat;
pub mod config;
pub mod contenders;
pub mod demand;
pub mod environment;
pub mod environments;
mod error;
pub mod evaluation;
pub mod experiment;
pub mod files;
pub mod history;
pub mod initial;
pub mod learning_curves;
pub mod manifest;
pub mod oracle;
pub mod parallel;
pub mod policy_file;
pub mod report;
pub mod reward;
pub mod run_dir;
pub mod search;
pub mod settle;
pub mod statistics;
pub mod tensorboard;
pub mod traffic;
pub mod training;
pub mod tuning;
pub mod validation;
pub mod vertical;

pub use config::RunConfig;
pub use error::{Error, Result};

/// The programs of the guide, which compile and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/learning.md")]
pub struct LearningGuide;
