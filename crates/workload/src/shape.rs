//! Synthetic arrival rates, one a file. Each has a `…Config` (plain data, TOML) and the function built from
//! it.
//!
//! Left out: anything recorded ([`crate::Replay`]) and anything that wraps another rate ([`crate::combine`],
//! [`crate::Noise`]).

mod constant;
mod diurnal;
mod flash_crowd;
mod mmpp;
mod ramp;
mod step;

pub use constant::{Constant, ConstantConfig};
pub use diurnal::{Diurnal, DiurnalConfig, Harmonic};
pub use flash_crowd::{FlashCrowd, FlashCrowdConfig};
pub use mmpp::{Mmpp, MmppConfig};
pub use ramp::{Ramp, RampConfig};
pub use step::{Level, Step, StepConfig};
