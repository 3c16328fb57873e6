//! The least that never runs short: it knows the series and requests, period by period, the most that will be used in it.
//!
//! No rule that changes requests at the same moments can have less slack without overrun. Left out: rounding up to what nodes have.

use super::list;
use crate::{
    Result,
    error::check,
    parameter::Parameter,
    vpa::{
        Amount, Change, ContainerResources, ResourceList, Running, Span, Stamp, UsagePoint, Vertical, Way,
        limits,
    },
};
use serde::{Deserialize, Serialize};
use trimtab_model::Seconds;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OracleConfig {
    /// Minutes between two changes.
    pub period_minutes: f64,
}

impl Default for OracleConfig {
    fn default() -> Self {
        Self { period_minutes: 60.0 }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] =
    &[Parameter::float("period_minutes", "min", 1.0, 10_080.0, "time between two changes").on_log_scale()];

/// See the module.
#[derive(Clone, Debug)]
pub struct Oracle {
    period: Span,
    series: Vec<UsagePoint>,
    /// Index of the last point at or before now.
    index: usize,
    next: Stamp,
}

impl Oracle {
    /// An oracle that knows `series`, which is in order of time.
    ///
    /// # Errors
    /// A period of no length.
    pub fn new(config: OracleConfig, series: &[UsagePoint]) -> Result<Self> {
        let minutes = config.period_minutes;
        check("oracle.period_minutes", minutes > 0.0, "above 0", minutes)?;
        let period = Span::from(Seconds(60.0 * minutes));
        Ok(Self { period, series: series.to_vec(), index: 0, next: Stamp::NEVER })
    }

    /// The most used from `now` to the end of the period.
    fn peak(&mut self, now: Stamp) -> [Amount; 2] {
        let time = |point: &UsagePoint| Stamp::from(point.at);
        while self.series.get(self.index + 1).is_some_and(|point| time(point) <= now) {
            self.index += 1;
        }
        let until = now.plus(self.period);
        let period = self.series[self.index..].iter().take_while(|point| time(point) <= until);
        let most = period.fold([0.0, 0.0], |most: [f64; 2], point| {
            [most[0].max(point.cpu_cores), most[1].max(point.memory_bytes)]
        });
        [Amount::truncated((1000.0 * most[0]).ceil()), Amount::truncated(most[1].ceil())]
    }
}

impl Vertical for Oracle {
    fn observe(&mut self, _: Stamp, _: [Amount; 2], _: &Running) {}

    fn out_of_memory(&mut self, _: Stamp, _: &Running) {}

    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change> {
        if self.series.is_empty() || now < self.next {
            return None;
        }
        self.next = now.plus(self.period);
        let own = running.resources;
        // A request of nothing would leave a limit without proportion.
        let requests = list(self.peak(now).map(|amount| amount.max(Amount(1))));
        let limits =
            limits::proportional_limits(&own.limits, &own.requests, &requests, &ResourceList::default());
        Some(Change { resources: ContainerResources { requests, limits }, way: Way::InPlace })
    }
}
