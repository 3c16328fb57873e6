//! KEDA's `ScaledObject` for each service: an operator that polls its triggers and scales to and from zero, and the exact
//! HPA on External metrics between 1 and the most.
//!
//! Source: `pkg/scaling/executor/scale_scaledobjects.go`, `pkg/fallback/fallback.go` and the cron scaler of kedacore/keda,
//! in the versions whose fallback has a `behavior`. Settings are called as in a `ScaledObject`:
//!
//! * a trigger on calls per second with `threshold` (an `averageValue`) and `activationThreshold`;
//! * a `cron` trigger: `desiredReplicas` from `start` to `end`, and activity in between;
//! * `pollingInterval`: how often activity is looked at. Active, a service at zero gets its first replicas; inactive for
//!   `cooldownPeriod`, a service whose minimum is 0 goes to zero. The HPA reads its metrics at every sync, not at polls;
//! * `fallback`: after more than `failureThreshold` failed readings in a row the metric is what asks for `replicas`.
//!
//! `minReplicaCount` and `maxReplicaCount` are the application's bounds.
//!
//! Left out: other scalers, `idleReplicaCount`, `initialCooldownPeriod` (0), `useCachedMetrics`, formulas, time zones (all
//! is UTC), pausing.

pub mod manifest;

use crate::{
    Autoscaler, Result, capacity::Capacity, cron::Cron, error::check, external_hpa::ExternalHpa,
    parameter::Parameter,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, ReplicaBounds, Seconds, ServiceState, Snapshot, Time};

/// What replicas a fallback asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Behavior {
    /// `replicas`.
    #[default]
    Static,
    /// Those there are.
    CurrentReplicas,
    /// Those there are, but at least `replicas`.
    CurrentReplicasIfHigher,
    /// Those there are, but at most `replicas`.
    CurrentReplicasIfLower,
}

/// `fallback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fallback {
    /// Failed readings in a row that are put up with.
    pub failure_threshold: u32,
    /// Replicas to fall back to; 0 for no fallback.
    pub replicas: u32,
    /// What that number means.
    pub behavior: Behavior,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { failure_threshold: 3, replicas: 0, behavior: Behavior::default() }
    }
}

/// The cron trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CronTrigger {
    /// Cron expression of the window's start, UTC.
    pub start: String,
    /// Cron expression of the window's end, UTC.
    pub end: String,
    /// Replicas within the window; 0 for no such trigger.
    pub desired_replicas: u32,
}

impl Default for CronTrigger {
    fn default() -> Self {
        Self { start: "0 6 * * *".to_owned(), end: "0 20 * * *".to_owned(), desired_replicas: 0 }
    }
}

/// Settings of [`Keda`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KedaConfig {
    /// Seconds between two looks at activity.
    pub polling_interval: f64,
    /// Seconds without activity before zero.
    pub cooldown_period: f64,
    /// Calls per second and pod that are aimed at, in percent of what a pod serves at its CPU limit.
    pub threshold: f64,
    /// Calls per second above which a service is active.
    pub activation_threshold: f64,
    /// What to do without a metric.
    pub fallback: Fallback,
    /// A window with replicas of its own.
    pub cron: CronTrigger,
}

impl Default for KedaConfig {
    fn default() -> Self {
        Self {
            polling_interval: 30.0,
            cooldown_period: 300.0,
            threshold: 50.0,
            activation_threshold: 0.0,
            fallback: Fallback::default(),
            cron: CronTrigger::default(),
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::float("pollingInterval", "s", 5.0, 300.0, "how often activity is looked at").on_log_scale(),
    Parameter::float(
        "cooldownPeriod",
        "s",
        0.0,
        3600.0,
        "without activity before zero; where the minimum is 0",
    )
    .left_as_set(),
    Parameter::float("threshold", "% of what a pod serves", 5.0, 100.0, "calls per second and pod")
        .on_log_scale(),
    Parameter::float("activationThreshold", "calls/s", 0.0, 100.0, "above it a service is active")
        .left_as_set(),
    Parameter::integer(
        "fallback.failureThreshold",
        "readings",
        0,
        100,
        "failed ones in a row that are put up with",
    )
    .left_as_set(),
    Parameter::integer("fallback.replicas", "replicas", 0, 100, "what to fall back to; 0: nothing")
        .left_as_set(),
    Parameter::choice(
        "fallback.behavior",
        &["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"],
        "what that number means",
    )
    .left_as_set(),
    Parameter::text("cron.start", "cron, UTC", "start of the cron trigger's window"),
    Parameter::text("cron.end", "cron, UTC", "its end"),
    Parameter::integer("cron.desiredReplicas", "replicas", 0, 100, "within the window; 0: no such trigger")
        .left_as_set(),
];

/// See the module.
#[derive(Clone, Debug)]
pub struct Keda {
    config: KedaConfig,
    window: Option<Window>,
    services: Vec<ScaledObject>,
}

/// A window that opens and closes by two cron expressions.
#[derive(Clone, Debug)]
struct Window {
    start: Cron,
    end: Cron,
    /// Whether it is open, and until when that is known.
    known: Option<(bool, Time, Time)>,
}

impl Window {
    /// Open when its end comes before its start.
    fn is_open(&mut self, now: Time) -> bool {
        if let Some((open, from, until)) = self.known
            && from <= now
            && now < until
        {
            return open;
        }
        let never = Time(f64::INFINITY);
        let start = self.start.next(now).unwrap_or(never);
        let end = self.end.next(now).unwrap_or(never);
        let open = end <= start && end < never;
        self.known = Some((open, now, if start <= end { start } else { end }));
        open
    }
}

#[derive(Clone, Debug)]
struct ScaledObject {
    bounds: ReplicaBounds,
    /// `threshold` in calls per second and pod.
    threshold: f64,
    hpa: ExternalHpa,
    polled: Option<Time>,
    last_active: Option<Time>,
    failures: u32,
}

impl Keda {
    /// One `ScaledObject` for each service.
    ///
    /// # Errors
    /// A setting out of its range or a cron expression that is none.
    pub fn new(config: KedaConfig, application: &Application) -> Result<Self> {
        check("pollingInterval", config.polling_interval > 0.0, "above zero", config.polling_interval)?;
        check("cooldownPeriod", config.cooldown_period >= 0.0, "zero or more", config.cooldown_period)?;
        check("threshold", config.threshold > 0.0, "above zero", config.threshold)?;
        check(
            "activationThreshold",
            config.activation_threshold >= 0.0,
            "zero or more",
            config.activation_threshold,
        )?;
        let cron = &config.cron;
        let window = if cron.desired_replicas > 0 {
            let (start, end) = (Cron::parse("cron.start", &cron.start)?, Cron::parse("cron.end", &cron.end)?);
            Some(Window { start, end, known: None })
        } else {
            None
        };
        let service = |capacity: Capacity| {
            let threshold = capacity.calls_per_pod * config.threshold / 100.0;
            // The cron scaler's target is one replica a replica.
            let targets = [("calls_per_second", threshold), ("cron", 1.0)];
            let hpa = ExternalHpa::new(capacity.bounds, &targets[..=usize::from(window.is_some())], None)?;
            let bounds = capacity.bounds;
            Ok(ScaledObject { bounds, threshold, hpa, polled: None, last_active: None, failures: 0 })
        };
        let services = Capacity::of(application).into_iter().map(service).collect::<Result<_>>()?;
        Ok(Self { config, window, services })
    }
}

impl ScaledObject {
    /// The operator's poll: replicas that it asks for itself, if any.
    fn poll(
        &mut self,
        config: &KedaConfig,
        now: Time,
        rate: Option<f64>,
        cron: bool,
        spec: u32,
    ) -> Option<u32> {
        if self.polled.is_some_and(|at| now - at < Seconds(config.polling_interval)) {
            return None;
        }
        self.polled = Some(now);
        let failed = rate.is_none();
        if cron || rate.is_some_and(|rate| rate > config.activation_threshold) {
            if spec == 0 {
                self.last_active = Some(now);
                return Some(self.bounds.min.max(1));
            }
            if !failed {
                self.last_active = Some(now);
            }
            return None;
        }
        // With a metric that failed, neither zero nor the minimum is known to be right.
        if failed {
            return None;
        }
        let cold = self.last_active.is_none_or(|at| now - at > Seconds(config.cooldown_period));
        (spec > 0 && self.bounds.min == 0 && cold).then_some(0)
    }

    /// The metric as KEDA's metrics server gives it to the HPA.
    fn reading(&mut self, fallback: Fallback, rate: Option<f64>, current: u32) -> Option<f64> {
        if rate.is_some() {
            self.failures = 0;
            return rate;
        }
        self.failures = self.failures.saturating_add(1);
        if fallback.replicas == 0 || self.failures <= fallback.failure_threshold {
            return None;
        }
        let replicas = match fallback.behavior {
            Behavior::Static => fallback.replicas,
            Behavior::CurrentReplicas => current,
            Behavior::CurrentReplicasIfHigher => current.max(fallback.replicas),
            Behavior::CurrentReplicasIfLower => current.min(fallback.replicas),
        };
        Some(self.threshold * f64::from(replicas))
    }

    fn decide(
        &mut self,
        config: &KedaConfig,
        now: Time,
        view: &ServiceState,
        cron: Option<bool>,
    ) -> Option<u32> {
        let spec = view.replicas.spec;
        let rate = view.rate.map(|rate| rate.value.0).filter(|rate| rate.is_finite());
        let polled = self.poll(config, now, rate, cron == Some(true), spec);
        // An HPA leaves a target of zero replicas alone.
        if polled.is_some() || spec == 0 {
            return polled;
        }
        let reading = self.reading(config.fallback, rate, spec);
        let desired = f64::from(config.cron.desired_replicas);
        let replicas = match cron {
            Some(open) => self.hpa.sync(now, view, &[reading, Some(if open { desired } else { 1.0 })]),
            None => self.hpa.sync(now, view, &[reading]),
        };
        Some(replicas)
    }
}

impl Autoscaler for Keda {
    fn decide(&mut self, seen: &Snapshot, proposal: &mut Decision) {
        let cron = self.window.as_mut().map(|window| window.is_open(seen.time));
        for (service, object) in self.services.iter_mut().enumerate() {
            proposal.services[service].replicas =
                object.decide(&self.config, seen.time, &seen.services[service], cron);
        }
    }

    fn reset(&mut self) {
        if let Some(window) = &mut self.window {
            window.known = None;
        }
        for object in &mut self.services {
            object.hpa.reset();
            (object.polled, object.last_active, object.failures) = (None, None, 0);
        }
    }
}
