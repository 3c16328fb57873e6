//! The largest of several autoscalers' proposals: a reactive one that a predictive one may only add to, as Crane's
//! and Thoras' floor.
//!
//! A part without an opinion on a service does not count there. Left out: taking a part out that forecasts badly.

use crate::Autoscaler;
use trimtab_model::{Decision, Snapshot};

/// See the module.
pub struct Largest {
    parts: Vec<Box<dyn Autoscaler>>,
    proposal: Decision,
}

impl Largest {
    /// The largest proposal of `parts`.
    pub fn new(parts: Vec<Box<dyn Autoscaler>>) -> Self {
        Self { parts, proposal: Decision::default() }
    }
}

impl Autoscaler for Largest {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        for part in &mut self.parts {
            self.proposal.clear(proposal.services.len());
            part.decide(seen, &mut self.proposal);
            for (wish, other) in proposal.services.iter_mut().zip(&self.proposal.services) {
                // `None` is less than every number.
                wish.replicas = wish.replicas.max(other.replicas);
            }
        }
    }

    fn reset(&mut self) {
        for part in &mut self.parts {
            part.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    /// An autoscaler that has nothing to say.
    struct Silent;

    impl Autoscaler for Silent {
        fn decide(&mut self, _: &Snapshot, _: &mut Decision) {}
        fn reset(&mut self) {}
    }

    fn decide(parts: Vec<Box<dyn Autoscaler>>) -> Vec<Option<u32>> {
        let mut proposal = Decision::default();
        proposal.clear(2);
        Largest::new(parts).decide(&Snapshot::default(), &mut proposal);
        proposal.services.iter().map(|s| s.replicas).collect()
    }

    #[test]
    fn each_service_gets_the_largest_proposal_of_those_with_an_opinion() {
        let parts: Vec<Box<dyn Autoscaler>> =
            vec![Box::new(Fixed::new(vec![1, 7])), Box::new(Silent), Box::new(Fixed::new(vec![4, 2]))];
        assert_eq!(decide(parts), [Some(4), Some(7)]);
        assert_eq!(decide(vec![Box::new(Silent)]), [None, None]);
    }
}
