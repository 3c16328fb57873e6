//! One HPA's reconcile loop: its spec, its memory and its status.
//!
//! Source: `horizontal.go`, what surrounds `reconcileAutoscaler`. Left out: the API server, so that reading comes as an
//! [`Observation`] and writing is the caller's: [`Controller::decide`], then [`Controller::commit`].

use super::{
    constants::Constants,
    observation::{Observation, Service},
    policy::History,
    reconcile::{Reconcile, failure},
    spec::HpaSpec,
    status::{ConditionType, Event, MetricError, Reason, Rescale, SelectorError, Status, SyncError},
};
use crate::Result;
use serde::{Deserialize, Serialize};
use trimtab_model::{ServiceState, Time};

/// Result of one reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `spec.replicas` as it was read; 0 when it could not be.
    pub current: i32,
    /// What to write to the scale subresource; `None` leaves it as it is.
    pub rescale: Option<Rescale>,
    /// Replicas that the metrics alone propose; absent when no metric was usable or none was read.
    pub proposed: Option<i32>,
    /// What went wrong. A count may have been decided all the same.
    pub error: Option<SyncError>,
}

impl Outcome {
    /// Replicas that are asked for.
    pub fn desired(&self) -> i32 {
        self.rescale.map_or(self.current, |rescale| rescale.replicas)
    }
}

/// Result of one reconcile of a simulated or observed service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Replicas to ask for.
    pub desired: u32,
    /// Replicas that the metrics alone propose; absent when no metric was usable or none was read.
    pub proposed: Option<u32>,
    /// First metric that failed.
    pub error: Option<MetricError>,
}

/// One HPA: its spec, what the controller remembers of it between syncs, and its status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    spec: HpaSpec,
    constants: Constants,
    history: History,
    status: Status,
}

impl Controller {
    /// A controller that has seen nothing.
    ///
    /// # Errors
    /// As [`HpaSpec::validate`].
    pub fn new(spec: HpaSpec, constants: Constants) -> Result<Self> {
        spec.validate(&constants.gates)?;
        Ok(Self::admitted(spec, constants))
    }

    /// A controller of a spec that some API server has accepted, whatever [`HpaSpec::validate`] says of it.
    pub fn admitted(spec: HpaSpec, constants: Constants) -> Self {
        Self { spec, constants, history: History::default(), status: Status::default() }
    }

    /// The spec.
    pub fn spec(&self) -> &HpaSpec {
        &self.spec
    }

    /// The status, as it would be written.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What is remembered.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A user's change of the spec. Memory and status stay.
    pub fn set_spec(&mut self, spec: HpaSpec) {
        self.spec = spec;
    }

    /// Takes on a status read from the HPA object, as after a restart.
    pub fn set_status(&mut self, status: Status) {
        self.status = status;
    }

    /// Takes on a memory.
    pub fn set_history(&mut self, history: History) {
        self.history = history;
    }

    /// Forgets everything, as when the HPA is deleted and made again.
    pub fn reset(&mut self) {
        self.history = History::default();
        self.status = Status::default();
    }

    /// Reconciles up to the write. When [`Outcome::rescale`] is set, write it and [`commit`](Self::commit).
    pub fn decide(&mut self, now: Time, seen: &Observation<'_>) -> Outcome {
        self.reconcile(now).run(seen, 1.0)
    }

    /// Completes a reconcile that asked for a write: `written` tells whether the write succeeded.
    pub fn commit(&mut self, now: Time, outcome: &mut Outcome, written: bool) {
        let Some(rescale) = outcome.rescale else { return };
        let mut reconcile = self.reconcile(now);
        if written {
            reconcile.rescaled(outcome.current, rescale.replicas);
        } else {
            reconcile.condition(ConditionType::AbleToScale, false, Reason::FailedUpdateScale);
            reconcile.status.current_replicas = outcome.current;
            outcome.error = Some(SyncError::FailedUpdateScale);
        }
    }

    /// Events of a reconcile, in upstream's order. Call it after [`commit`](Self::commit) where that is called.
    pub fn events(&self, outcome: &Outcome) -> impl Iterator<Item = Event> {
        let metrics = self.spec.metrics.iter().zip(&self.status.current_metrics).enumerate();
        let failed = metrics.filter_map(|(i, (metric, value))| {
            value.is_err().then(|| Event::FailedMetric(i, failure(metric)))
        });
        let (first, last) = match (outcome.error, outcome.rescale) {
            (Some(SyncError::FailedGetScale), _) => (Some(Event::FailedGetScale), None),
            (Some(SyncError::Selector(error)), _) => {
                let event = match error {
                    SelectorError::Missing => Event::SelectorRequired,
                    SelectorError::Invalid => Event::InvalidSelector,
                    SelectorError::Ambiguous => Event::AmbiguousSelector,
                };
                (Some(event), Some(Event::FailedComputeMetricsReplicas))
            }
            (Some(SyncError::FailedUpdateScale), Some(rescale)) => {
                (None, Some(Event::FailedRescale(rescale)))
            }
            (_, Some(rescale)) => (None, Some(Event::SuccessfulRescale(rescale))),
            (Some(SyncError::InvalidMetrics { .. }), None) if outcome.proposed.is_none() => {
                (None, Some(Event::FailedComputeMetricsReplicas))
            }
            _ => (None, None),
        };
        let metrics_read = !matches!(outcome.error, Some(SyncError::FailedGetScale));
        first.into_iter().chain(failed.filter(move |_| metrics_read)).chain(last)
    }

    /// One reconcile at `now` for a service that has `current` replicas. Every metric's target is multiplied by
    /// `trim`; 1 is the exact HPA. Only Resource metrics can be read of a service.
    ///
    /// A desired count that differs from `current` counts as written at once.
    pub fn sync(&mut self, now: Time, seen: &ServiceState, current: u32, trim: f64) -> Sync {
        let mut reconcile = self.reconcile(now);
        let service = Service { state: seen, current, metrics: &reconcile.spec.metrics };
        let mut outcome = reconcile.run(&service, trim);
        if outcome.rescale.is_some() {
            self.commit(now, &mut outcome, true);
        }
        let error = match outcome.error {
            Some(SyncError::InvalidMetrics { first, .. }) => Some(first),
            _ => None,
        };
        Sync {
            desired: outcome.desired() as u32,
            proposed: outcome.proposed.map(|replicas| replicas.max(0) as u32),
            error,
        }
    }

    fn reconcile(&mut self, now: Time) -> Reconcile<'_> {
        let Self { spec, constants, history, status } = self;
        Reconcile { spec, constants, history, status, now }
    }
}
