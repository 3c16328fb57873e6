//! What a controller may ask for, and what the plant answers.

use crate::quantity::{Bytes, Millicores};
use serde::{Deserialize, Serialize};

/// A request for one service; `None` leaves a setting as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDecision {
    /// Replicas.
    pub replicas: Option<u32>,
    /// CPU request of each pod.
    pub cpu_request: Option<Millicores>,
    /// CPU limit of each pod.
    pub cpu_limit: Option<Millicores>,
    /// Memory request of each pod.
    pub memory_request: Option<Bytes>,
    /// Memory limit of each pod.
    pub memory_limit: Option<Bytes>,
    /// Maximum JVM heap of each pod.
    pub heap: Option<Bytes>,
}

/// A request for every service of an application, in its order. A buffer that its owner reuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// One entry for each service.
    pub services: Vec<ServiceDecision>,
}

impl Decision {
    /// Empties the decision and sizes it for `services` services.
    pub fn clear(&mut self, services: usize) {
        self.services.clear();
        self.services.resize(services, ServiceDecision::default());
    }
}

/// Why a plant did not do part of what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The plant has no such setting.
    Unsupported,
    /// A request would exceed its own limit.
    RequestOverLimit,
    /// A resize in place would change the pods' quality-of-service class.
    QosClass,
}

/// What became of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Services in which something changed.
    pub changed: u32,
    /// Services that did not get all they asked for, and why.
    pub refused: Vec<(usize, Refusal)>,
}
