//! The same replicas at all times: the baseline that every autoscaler has to justify itself against.

use crate::Autoscaler;
use trimtab_model::{Decision, Snapshot};

/// A constant number of replicas for each service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    replicas: Vec<u32>,
}

impl Fixed {
    /// `replicas` of each service, in the application's order.
    pub fn new(replicas: Vec<u32>) -> Self {
        Self { replicas }
    }

    /// The constants.
    pub fn replicas(&self) -> &[u32] {
        &self.replicas
    }
}

impl Autoscaler for Fixed {
    fn decide(&mut self, _: &Snapshot, proposal: &mut Decision) {
        for (wish, &replicas) in proposal.services.iter_mut().zip(&self.replicas) {
            wish.replicas = Some(replicas);
        }
    }

    fn reset(&mut self) {}
}
