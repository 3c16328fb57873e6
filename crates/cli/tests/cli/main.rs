//! The binary as a user meets it: exit codes, sentences on stderr, files, and runs that are killed and resumed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod algorithms;
mod bad_input;
mod bad_learning;
mod bad_run;
mod callbacks;
mod compare;
mod environments;
mod old_flags;
mod output;
mod place;
mod runs;
mod sharing;
mod start;
mod tensorboard;
mod tune;
mod usage;
