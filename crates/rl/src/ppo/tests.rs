//! Whole runs: what they learn, that they repeat and resume bit for bit, and what stops them.

mod bad_input;
mod learning;
mod masking;
mod probe;
mod reproducing;
