//! Whole runs of every on-policy algorithm: what they learn, that they repeat and resume bit for bit, and what stops
//! them.

mod agents;
mod bad_input;
mod masking;
pub(crate) mod probe;
mod recurrent;
mod reproducing;
pub(crate) mod tasks;
