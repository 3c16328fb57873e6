//! Kubernetes' `HorizontalPodAutoscaler` (`autoscaling/v2`), as its controller computes it.
//!
//! Source of the algorithm: `pkg/controller/podautoscaler` of Kubernetes 1.36/1.37. The order of the steps, integer
//! truncation and the strictness of every comparison are the controller's; `tests/oracle.rs` compares with the controller
//! itself. All time and input are arguments.
//!
//! A [`Controller`] is one HPA: [`decide`](Controller::decide) takes what one sync reads, an [`Observation`], and
//! [`commit`](Controller::commit) whether the write succeeded. [`Hpa`] is the same for every service of a
//! [`Snapshot`], which has Resource metrics only.
//!
//! Left out: the API server, the metrics APIs and the texts of condition messages.

mod constants;
mod controller;
pub mod manifest;
mod metric;
mod observation;
mod pods;
mod policy;
mod reconcile;
mod requests;
mod spec;
mod status;

pub use constants::{Constants, FeatureGates, Release};
pub use controller::{Controller, Outcome, Sync};
pub use manifest::Manifest;
pub use metric::{Tolerances, per_pod_usage, usage_ratio, utilization_ratio};
pub use observation::{Observation, Reading, Requests, Scale};
pub use pods::{Group, Pod, PodSample, ReadyCondition, ReadyStatus, group};
pub use policy::{History, Range, Recommendation, ScaleEvent, change_within, limit_without_behavior};
pub use requests::{ContainerRequest, InitRequest, PodRequests, pod_request};
pub use spec::{
    Behavior, HpaSpec, LabelSelector, LabelSelectorRequirement, Metric, MetricIdentifier, ObjectReference,
    Policy, PolicyKind, Resource, Rules, Select, Target,
};
pub use status::{
    Condition, ConditionType, Conditions, Event, MetricError, Reason, Reported, Rescale, RescaleReason,
    SelectorError, Status, SyncError,
};

use crate::{Autoscaler, Result};
use trimtab_model::{Application, Decision, Snapshot};

/// One HPA for each service of an application.
#[derive(Clone, Debug)]
pub struct Hpa {
    controllers: Vec<Controller>,
}

impl Hpa {
    /// An HPA for each spec, in the application's order.
    ///
    /// # Errors
    /// A spec that the Kubernetes API would refuse.
    pub fn new(specs: Vec<HpaSpec>, constants: Constants) -> Result<Self> {
        let controllers =
            specs.into_iter().map(|spec| Controller::new(spec, constants)).collect::<Result<_>>()?;
        Ok(Self { controllers })
    }

    /// What `kubectl autoscale` gives every service: CPU at 80 % of the request, no behaviour.
    ///
    /// # Errors
    /// Never for an application that was read from a file.
    pub fn default_for(application: &Application) -> Result<Self> {
        let specs = application.services.iter().map(|s| HpaSpec::cpu(s.replicas, 80)).collect();
        Self::new(specs, Constants::default())
    }

    /// The controllers, in the application's order.
    pub fn controllers(&self) -> &[Controller] {
        &self.controllers
    }

    /// The controllers, to trim their targets.
    pub fn controllers_mut(&mut self) -> &mut [Controller] {
        &mut self.controllers
    }
}

impl Autoscaler for Hpa {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        for (service, controller) in self.controllers.iter_mut().enumerate() {
            let view = &seen.services[service];
            let sync = controller.sync(seen.time, view, view.replicas.spec, 1.0);
            proposal.services[service].replicas = Some(sync.desired);
        }
    }

    fn reset(&mut self) {
        for controller in &mut self.controllers {
            controller.reset();
        }
    }
}

#[cfg(test)]
mod tests;
