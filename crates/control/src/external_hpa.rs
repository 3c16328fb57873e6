//! The exact HPA of one service on External metrics with an `averageValue`: what KEDA makes, and what a forecast can
//! be fed into.
//!
//! Left out: where the metrics come from.

use crate::{
    Result,
    hpa::{Constants, Controller, HpaSpec, Metric, MetricIdentifier, Observation, Reading, Scale, Target},
};
use trimtab_model::{ReplicaBounds, ServiceState, Time};

/// See the module.
#[derive(Clone, Debug)]
pub struct ExternalHpa {
    controller: Controller,
    /// Readings of one sync, in thousandths.
    values: Vec<Option<i64>>,
}

impl ExternalHpa {
    /// An HPA that holds each of the named metrics at its target a pod, with a scale-down window in seconds; `None`
    /// leaves `behavior` out. A minimum of 0 is 1: scaling to zero is somebody else's.
    ///
    /// # Errors
    /// A target that is not above zero after rounding to thousandths, or a window that the Kubernetes API would refuse.
    pub fn new(bounds: ReplicaBounds, targets: &[(&str, f64)], window: Option<f64>) -> Result<Self> {
        let metrics = targets
            .iter()
            .map(|&(name, target)| Metric::External {
                metric: MetricIdentifier { name: name.to_owned(), selector: None },
                target: Target::AverageValue(thousandths(target)),
            })
            .collect();
        let (min_replicas, max_replicas) = (bounds.min.max(1), bounds.max.max(1));
        let mut spec = HpaSpec { min_replicas, max_replicas, metrics, behavior: None };
        if let Some(window) = window {
            spec = spec.with_scale_down_window(window);
        }
        let controller = Controller::new(spec, Constants::default())?;
        Ok(Self { values: vec![None; targets.len()], controller })
    }

    /// One sync with a value for each metric, `None` for one that could not be read. Returns the replicas to ask for.
    pub fn sync(&mut self, now: Time, seen: &ServiceState, values: &[Option<f64>]) -> u32 {
        self.values.clear();
        self.values.extend(values.iter().map(|value| value.filter(|v| v.is_finite()).map(thousandths)));
        let readings: Vec<Reading<'_>> = self
            .values
            .iter()
            .map(|value| {
                value.as_ref().map_or(Reading::Failed, |value| Reading::Series(std::slice::from_ref(value)))
            })
            .collect();
        let scale = Scale {
            spec_replicas: seen.replicas.spec as i32,
            status_replicas: (seen.replicas.ready + seen.replicas.starting) as i32,
        };
        let observation =
            Observation { scale: Some(scale), selector: Ok(()), pods: &[], readings: &readings };
        let mut outcome = self.controller.decide(now, &observation);
        self.controller.commit(now, &mut outcome, true);
        outcome.desired().max(0) as u32
    }

    /// Forgets everything seen.
    pub fn reset(&mut self) {
        self.controller.reset();
    }
}

fn thousandths(value: f64) -> i64 {
    (1000.0 * value).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_model::Replicas;

    fn service(replicas: u32) -> ServiceState {
        let replicas = Replicas { spec: replicas, ready: replicas, starting: 0 };
        ServiceState { replicas, ..ServiceState::default() }
    }

    #[test]
    fn the_metric_that_asks_for_most_counts_and_a_failed_one_forbids_to_shrink() {
        let bounds = ReplicaBounds { min: 0, max: 20 };
        let mut hpa = ExternalHpa::new(bounds, &[("calls", 10.0), ("cron", 1.0)], Some(0.0)).unwrap();
        assert_eq!(hpa.sync(Time(0.0), &service(2), &[Some(35.0), Some(1.0)]), 4);
        assert_eq!(hpa.sync(Time(15.0), &service(4), &[Some(35.0), Some(6.0)]), 6);
        assert_eq!(hpa.sync(Time(30.0), &service(6), &[None, Some(1.0)]), 6);
        assert_eq!(hpa.sync(Time(45.0), &service(6), &[Some(5.0), Some(1.0)]), 1);
    }

    #[test]
    fn within_a_tenth_of_the_target_nothing_changes() {
        let bounds = ReplicaBounds { min: 1, max: 20 };
        let mut hpa = ExternalHpa::new(bounds, &[("calls", 10.0)], None).unwrap();
        assert_eq!(hpa.sync(Time(0.0), &service(4), &[Some(43.9)]), 4);
        assert_eq!(hpa.sync(Time(15.0), &service(4), &[Some(44.1)]), 5);
    }
}
