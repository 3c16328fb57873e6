//! Predictive HPA: the CPU that the traffic of the next minutes will need, fed into the exact HPA as an External metric.
//!
//! The forecast is of the requests from outside, once for the application; each service's CPU follows from its calls
//! a request and its CPU a call. The largest forecast within the horizon counts, as in Crane, so that replicas are
//! ready when the peak comes and stay while it lasts. A model without a forecast falls back to the rate seen now.
//!
//! Left out: looking at CPU at all; [`Largest`](crate::Largest) adds a reactive HPA below it.

use crate::{
    Autoscaler, Result,
    capacity::Capacity,
    error::check,
    external_hpa::ExternalHpa,
    forecast::{Forecaster, SlotMean},
    parameter::Parameter,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, Seconds, Snapshot};

/// Settings of [`Predictive`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PredictiveConfig {
    /// CPU of a pod that is aimed at, percent of its request.
    pub target_percent: f64,
    /// Seconds to look ahead.
    pub horizon_secs: f64,
    /// `scaleDown.stabilizationWindowSeconds` of the HPA.
    pub scale_down_secs: f64,
}

impl Default for PredictiveConfig {
    fn default() -> Self {
        Self { target_percent: 80.0, horizon_secs: 300.0, scale_down_secs: 300.0 }
    }
}

/// What can be tuned besides the forecast.
pub const PARAMETERS: [Parameter; 3] = [
    Parameter::float("target_percent", "% of the CPU request", 10.0, 400.0, "predicted CPU of a pod")
        .on_log_scale(),
    Parameter::float("horizon_secs", "s", 30.0, 7200.0, "how far to look ahead").on_log_scale(),
    Parameter::float(
        "scale_down_secs",
        "s",
        0.0,
        3600.0,
        "scaleDown.stabilizationWindowSeconds, whole seconds",
    ),
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Predictive<F> {
    config: PredictiveConfig,
    /// As it was after learning.
    learned: F,
    model: F,
    mean: SlotMean,
    services: Vec<(Capacity, ExternalHpa)>,
}

impl<F: Forecaster> Predictive<F> {
    /// A predictive HPA for each service with a model that has learned.
    ///
    /// # Errors
    /// A target or a horizon that is not above zero.
    pub fn new(config: PredictiveConfig, learned: F, application: &Application) -> Result<Self> {
        check("target_percent", config.target_percent > 0.0, "above zero", config.target_percent)?;
        check("horizon_secs", config.horizon_secs >= 0.0, "zero or more", config.horizon_secs)?;
        let service = |capacity: Capacity| {
            let pod = f64::from(capacity.request.0) * config.target_percent / 100.0;
            // What an idle pod uses serves nobody; a target below that leaves a token millicore.
            let target = (pod - f64::from(capacity.idle.0)).max(1.0);
            let window = Some(config.scale_down_secs.round());
            Ok((capacity, ExternalHpa::new(capacity.bounds, &[("predicted_cpu", target)], window)?))
        };
        let services = Capacity::of(application).into_iter().map(service).collect::<Result<_>>()?;
        Ok(Self { model: learned.clone(), learned, mean: SlotMean::default(), services, config })
    }

    /// The rate to prepare for.
    fn rate(&mut self, seen: &Snapshot) -> Option<f64> {
        let sample = seen.rate.filter(|sample| sample.value.0.is_finite());
        if let Some(sample) = sample
            && let Some((at, rate)) = self.mean.add(seen.time - sample.age, sample.value.0)
        {
            self.model.observe(at, rate);
        }
        let until = seen.time + Seconds(self.config.horizon_secs);
        self.model.peak(seen.time, until).or(sample.map(|sample| sample.value.0))
    }
}

impl<F: Forecaster> Autoscaler for Predictive<F> {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let rate = self.rate(seen);
        for (service, (capacity, hpa)) in self.services.iter_mut().enumerate() {
            let cpu = rate.map(|rate| rate * capacity.visits * capacity.millicores_per_call);
            let replicas = hpa.sync(seen.time, &seen.services[service], &[cpu]);
            proposal.services[service].replicas = Some(replicas);
        }
    }

    fn reset(&mut self) {
        self.model.clone_from(&self.learned);
        self.mean = SlotMean::default();
        for (_, hpa) in &mut self.services {
            hpa.reset();
        }
    }
}
