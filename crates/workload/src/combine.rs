//! Arrival rates made of arrival rates, one a file.
//!
//! All of them own what they combine (`Box<dyn ArrivalRate>`, `Arc`, or a type of their own), and a seed
//! never reaches them. Left out: noise, which has a seed ([`crate::Noise`]).

mod clip;
mod concatenate;
mod delay;
mod product;
mod repeat;
mod scale;
mod sum;
mod switch;
mod window;

pub use clip::Clip;
pub use concatenate::Concatenate;
pub use delay::Delay;
pub use product::Product;
pub use repeat::Repeat;
pub use scale::Scale;
pub use sum::Sum;
pub use switch::Switch;
pub use window::Window;

use trimtab_model::Seconds;

/// The longest of some durations; endless if one is.
fn longest(durations: impl Iterator<Item = Option<Seconds>>) -> Option<Seconds> {
    durations.reduce(|a, b| Some(Seconds(a?.0.max(b?.0)))).flatten()
}

/// The shortest of some durations; endless if all are.
fn shortest(durations: impl Iterator<Item = Option<Seconds>>) -> Option<Seconds> {
    durations.flatten().reduce(|a, b| Seconds(a.0.min(b.0)))
}
