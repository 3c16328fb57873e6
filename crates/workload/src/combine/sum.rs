//! Traffic of several sources together.

use super::longest;
use crate::ArrivalRate;
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = Σ λ_i(t)`; lasts as long as its longest part. The sum of no parts is 0.
pub struct Sum {
    /// What is added.
    pub parts: Vec<Box<dyn ArrivalRate>>,
}

impl ArrivalRate for Sum {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.parts.iter().map(|part| part.rate(t).0).sum())
    }

    /// As exact as its parts.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        PerSecond(self.parts.iter().map(|part| part.mean(from, to).0).sum())
    }

    fn duration(&self) -> Option<Seconds> {
        longest(self.parts.iter().map(ArrivalRate::duration))
    }
}
