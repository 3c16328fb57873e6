//! Settings of the simulated cluster.

use crate::{Error, FaultsConfig, LoadConfig, MemoryConfig, NodesConfig, ResizeConfig, Result};
use serde::{Deserialize, Serialize};

/// How requests arrive within a sub-step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// As a Poisson process: counts vary around the rate.
    #[default]
    Poisson,
    /// Exactly the rate.
    Fluid,
}

/// Settings of the simulated cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimConfig {
    /// Seconds of a sub-step; must divide the scrape interval, the metrics resolution and the SLO window.
    pub substep_secs: f64,
    /// Milliseconds of a CPU quota period (kubelet's `cpuCFSQuotaPeriod`); the table scales with it.
    pub quota_period_ms: f64,
    /// Highest utilisation at which the steady-state waiting time is used; load beyond it queues as backlog.
    pub max_utilization: f64,
    /// How requests arrive.
    pub arrivals: Arrivals,
    /// Sigma of the log-normal factor on each pod start, 0 for none.
    pub start_jitter: f64,
    /// Seconds between two samples of the resource metrics pipeline (metrics-server `--metric-resolution`).
    pub metrics_resolution_secs: f64,
    /// Seconds between two scrapes of application metrics (Prometheus `scrape_interval`).
    pub scrape_secs: f64,
    /// Seconds over which a request rate is taken (`rate(…[w])` in Prometheus).
    pub rate_window_secs: f64,
    /// Keep a histogram of all response times (needed for percentiles over a whole run; slower).
    pub record_latency: bool,
    /// Who sends the requests.
    pub load: LoadConfig,
    /// How changed resources reach pods.
    pub resize: ResizeConfig,
    /// What happens when memory runs out.
    pub memory: MemoryConfig,
    /// Nodes and their room.
    pub nodes: NodesConfig,
    /// Failures of replicas.
    pub faults: FaultsConfig,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            substep_secs: 5.0,
            quota_period_ms: 100.0,
            max_utilization: 0.95,
            arrivals: Arrivals::Poisson,
            start_jitter: 0.2,
            metrics_resolution_secs: 15.0,
            scrape_secs: 15.0,
            rate_window_secs: 60.0,
            record_latency: false,
            load: LoadConfig::default(),
            resize: ResizeConfig::default(),
            memory: MemoryConfig::default(),
            nodes: NodesConfig::default(),
            faults: FaultsConfig::default(),
        }
    }
}

/// The same settings as whole numbers of sub-steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Periods {
    pub(crate) resolution: u32,
    pub(crate) scrape: u32,
    pub(crate) rate_window: u32,
    pub(crate) slo_window: u32,
}

impl SimConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first setting that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |key, value: f64, right: bool, expected| {
            if right && value.is_finite() {
                Ok(())
            } else {
                Err(Error::Config { key, expected, found: value.to_string() })
            }
        };
        check("substep_secs", self.substep_secs, self.substep_secs > 0.0, "a number above zero")?;
        check("quota_period_ms", self.quota_period_ms, self.quota_period_ms > 0.0, "a number above zero")?;
        let share = self.max_utilization > 0.0 && self.max_utilization < 1.0;
        check("max_utilization", self.max_utilization, share, "a number above 0 and below 1")?;
        check(
            "start_jitter",
            self.start_jitter,
            (0.0..=1.0).contains(&self.start_jitter),
            "a number from 0 to 1",
        )?;
        self.load.validate()?;
        self.resize.validate()?;
        self.memory.validate()?;
        self.nodes.validate()?;
        self.faults.validate()?;
        let scrapes = self.rate_window_secs / self.scrape_secs;
        check(
            "rate_window_secs",
            self.rate_window_secs,
            scrapes >= 1.0 && scrapes.fract() == 0.0,
            "a multiple of scrape_secs",
        )
    }

    pub(crate) fn periods(&self, slo_window: f64) -> Result<Periods> {
        self.validate()?;
        let whole = |key, secs: f64| {
            let n = secs / self.substep_secs;
            if n >= 1.0 && n.fract() == 0.0 {
                Ok(n as u32)
            } else {
                Err(Error::Config {
                    key,
                    expected: "a multiple of sim.substep_secs",
                    found: secs.to_string(),
                })
            }
        };
        Ok(Periods {
            resolution: whole("metrics_resolution_secs", self.metrics_resolution_secs)?,
            scrape: whole("scrape_secs", self.scrape_secs)?,
            rate_window: whole("rate_window_secs", self.rate_window_secs)?,
            slo_window: whole("slo.window_secs", slo_window)?,
        })
    }
}
