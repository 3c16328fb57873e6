//! Search for good parameters of anything that gives a number: the engine of `trimtab tune`.
//!
//! A [`Study`] asks a [`Sampler`] for points of a [`Space`], has an objective try them side by side, and lets a
//! [`Pruner`] end those that fall behind. It minimises.
//!
//! Trials come in batches of a fixed size: what is proposed, and what is pruned, follows from the batches before it
//! alone. So a study is a function of its settings and its objective, whatever the number of threads, and one that
//! was killed and resumed ends as one that was not.
//!
//! Left out: what is tuned ([`crate::tuning`] tunes training runs), clocks, and several objectives at once.

mod importance;
mod pruner;
mod sampler;
mod space;
mod study;
#[cfg(test)]
mod testbed;
mod tpe;

pub use importance::importances;
pub use pruner::{MedianConfig, Pruner};
pub use sampler::Sampler;
pub use space::{Domain, Parameter, Point, Space};
pub use study::{Attempt, Found, State, Study, StudyConfig, Trial, Verdict};
