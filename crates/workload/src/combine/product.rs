//! A rate modulated by others that stand for factors: a trend, a holiday, a campaign.

use super::shortest;
use crate::ArrivalRate;
use trimtab_model::{PerSecond, Seconds};

/// `λ(t) = Π λ_i(t)`, where all parts but one are factors without a unit; lasts as long as its shortest part.
/// The product of no parts is 1.
pub struct Product {
    /// What is multiplied.
    pub parts: Vec<Box<dyn ArrivalRate>>,
}

impl ArrivalRate for Product {
    fn rate(&self, t: Seconds) -> PerSecond {
        PerSecond(self.parts.iter().map(|part| part.rate(t).0).product())
    }

    /// Product of the means: exact where at most one part varies within the interval.
    fn mean(&self, from: Seconds, to: Seconds) -> PerSecond {
        PerSecond(self.parts.iter().map(|part| part.mean(from, to).0).product())
    }

    fn duration(&self) -> Option<Seconds> {
        shortest(self.parts.iter().map(ArrivalRate::duration))
    }
}
