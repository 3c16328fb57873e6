//! Every decision that trimtab makes: autoscalers, learned or not, and the guardrails after each of them.
//!
//! All of it is pure: `(what is seen, own memory) → decision`. The same compiled code runs in training, in
//! scoring and in production. Left out: input and output, clocks, and learning.

pub mod autoscaler;
pub mod codec;
mod error;
pub mod fixed;
pub mod guardrails;
pub mod hpa;
pub mod learned;
pub mod quantity;
pub mod steering;
pub mod threshold;

pub use autoscaler::Autoscaler;
pub use codec::{Codec, CodecConfig};
pub use error::{Error, Result};
pub use fixed::Fixed;
pub use guardrails::{Guardrails, GuardrailsConfig, Verdict};
pub use hpa::Hpa;
pub use learned::Learned;
pub use steering::{ActionKind, Steering};
pub use threshold::Threshold;
