//! Traffic: how many requests a second reach an application, as a function of time; and what containers use of CPU and memory.
//!
//! * [`ArrivalRate`] is that function. [`shape`] has the synthetic ones, [`Replay`] plays a recording,
//!   [`Noise`] and [`combine`] build new functions from old ones.
//! * [`Workload`] is the same as data: a tree that can be written in TOML and built with a seed; [`gallery`]
//!   names some.
//! * [`Trace`] is recorded traffic: a reader for `time,count` text, resampling that keeps every request,
//!   whole days and their split into training and test days. [`shipped`] has two real ones.
//! * [`UsageSeries`] is recorded use of CPU and memory, with a reader for published formats ([`usage`]).
//!
//! Everything is a pure function of its arguments, seed included: equal inputs give equal bits. Left out:
//! files (callers pass text), drawing single arrivals from a rate, the mix of endpoints, and sending
//! anything.

pub mod combine;
mod error;
pub mod gallery;
mod noise;
mod rate;
mod replay;
mod seed;
pub mod shape;
pub mod shipped;
pub mod spec;
pub mod trace;
pub mod usage;

pub use error::{Error, Field, Result};
pub use noise::{Noise, NoiseConfig};
pub use rate::ArrivalRate;
pub use replay::Replay;
pub use spec::Workload;
pub use trace::{Origin, Trace, read};

#[cfg(test)]
mod properties;
pub use usage::{UsageFormat, UsageOptions, UsageReading, UsageSeries, read_usage};
