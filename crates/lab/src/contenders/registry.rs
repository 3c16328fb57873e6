//! The one table of autoscalers that need no training run: name, what it is, where it comes from, what can be tuned,
//! how it is built. To add an autoscaler, add a row.
//!
//! Left out: the rules themselves (`trimtab-control`) and looking a name up ([`super::Entrant`]).

use super::{
    CALIBRATED, DEFAULT, Fitting,
    settings::{Settings, defaults},
};
use crate::{
    Error, Result,
    calibration::{self, Outcome},
    comparison::Build,
    history::history,
    oracle,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write};
use toml::Value;
use trimtab_control::{
    Autoscaler, CpuHpaConfig, Fixed, Keda, KedaConfig, Largest, LatencyTracking, LatencyTrackingConfig,
    Parameter, Predictive, PredictiveConfig, Range, RequestTracking, RequestTrackingConfig, Schedule,
    ScheduleConfig, Threshold, ThresholdConfig, cpu_hpa,
    forecast::{
        Dsp, DspConfig, Forecaster, HoltWinters, HoltWintersConfig, SeasonalNaive, SeasonalNaiveConfig, dsp,
        holt_winters, seasonal_naive,
    },
    keda, predictive, schedule,
    target_tracking::{latency, requests},
    threshold,
};

/// An autoscaler that needs no file.
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence or two.
    pub description: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What can be tuned.
    pub parameters: &'static [Parameter],
    defaults: fn() -> BTreeMap<String, Value>,
    pub(super) fit: Fit,
}

/// Makes a builder, and says in words how it was fitted.
type Fit = fn(&mut Fitting<'_>, &Settings, &mut dyn FnMut(&str, f64)) -> Result<(String, Build<'static>)>;

impl Known {
    /// The default of one of its parameters.
    ///
    /// # Panics
    /// For a parameter of another autoscaler.
    pub fn default_of(&self, parameter: &Parameter) -> Value {
        let found = (self.defaults)().remove(parameter.name);
        found.expect("every parameter has a default of its name")
    }

    /// How many settings it has.
    #[cfg(test)]
    pub(super) fn settings(&self) -> usize {
        (self.defaults)().len()
    }

    /// The parameters that a search changes.
    pub fn searched(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| parameter.searched)
    }

    /// The parameters that a search changes as its space, in the form of a space file; empty where there is nothing to tune.
    pub fn space(&self) -> String {
        space(self.parameters)
    }
}

/// Those of `parameters` that a search changes as its space, in the form of a space file.
pub fn space(parameters: &[Parameter]) -> String {
    let mut text = String::new();
    for Parameter { name, range, .. } in parameters.iter().filter(|parameter| parameter.searched) {
        // Writing to a string cannot fail.
        let _ = match range {
            Range::Float { low, high, log } => {
                writeln!(text, "{name:?} = {{ low = {low:?}, high = {high:?}, log = {log} }}")
            }
            Range::Integer { low, high, log } => {
                writeln!(text, "{name:?} = {{ low = {low}, high = {high}, log = {log} }}")
            }
            Range::Choice(words) => writeln!(text, "{name:?} = {{ choices = {words:?} }}"),
            Range::Text => Ok(()),
        };
    }
    text
}

/// The one called `name`.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The one called `name`.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest.
pub fn find(name: &str) -> Result<&'static Known> {
    known(name).ok_or_else(|| Error::unknown("autoscaler", name, KNOWN.iter().map(|known| known.name)))
}

/// Every autoscaler that needs no file.
pub const KNOWN: [Known; 13] = [
    Known {
        name: "fixed",
        description: "The cheapest constant replicas within the violation budget on the training days.",
        source: "searched for by this program",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |fitting, _, progress| {
            let (replicas, outcome) = fitting.fixed(progress)?.clone();
            let fitted = format!("{replicas:?}, {}", in_words(&outcome));
            Ok((fitted, each(move || Ok(Fixed::new(replicas.clone())))))
        },
    },
    Known {
        name: DEFAULT,
        description: "Kubernetes' HPA as kubectl autoscale makes it: CPU at 80 %, no behaviour.",
        source: "Kubernetes 1.37, pkg/controller/podautoscaler",
        parameters: cpu_hpa::PARAMETERS,
        defaults: defaults::<CpuHpaConfig>,
        fit: |fitting, settings, _| {
            let config: CpuHpaConfig = settings.config(DEFAULT, cpu_hpa::PARAMETERS)?;
            let application = fitting.scenario.application.clone();
            checked(move || Ok(config.build(&application)?))
        },
    },
    Known {
        name: CALIBRATED,
        description: "Kubernetes' HPA with the cheapest targets (one for all, then one a service), scale-down window and rate within the violation budget on the training days.",
        source: "Kubernetes 1.37, pkg/controller/podautoscaler; searched for by this program",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |fitting, _, progress| {
            let hpa = fitting.calibrated_hpa(progress)?.clone();
            let fitted = format!(
                "targets {:?} % (one for all: {} %), window {} s, at most {} % fewer a minute, {}",
                hpa.target_percent,
                hpa.common_target_percent,
                hpa.scale_down_secs,
                hpa.scale_down_percent,
                in_words(&hpa.outcome)
            );
            let application = fitting.scenario.application.clone();
            let build = each(move || {
                let (targets, window) = (&hpa.target_percent, hpa.scale_down_secs);
                calibration::hpa(&application, targets, window, hpa.scale_down_percent)
            });
            Ok((fitted, build))
        },
    },
    Known {
        name: "threshold",
        description: "A step of replicas more above one CPU utilisation, one fewer below another, then rest.",
        source: "the baseline of MARLISE (arXiv 2507.07671), in replicas",
        parameters: threshold::PARAMETERS,
        defaults: defaults::<ThresholdConfig>,
        fit: |fitting, settings, _| {
            let config: ThresholdConfig = settings.config("threshold", threshold::PARAMETERS)?;
            let bounds: Vec<_> = fitting.scenario.application.services.iter().map(|s| s.replicas).collect();
            checked(move || Ok(Threshold::new(config.clone(), bounds.clone())?))
        },
    },
    Known {
        name: "target_tracking_rps",
        description: "Holds requests per second and pod at a target, out after 3 minutes above it and in after 15 below, with cooldowns.",
        source: "AWS Application Auto Scaling, target tracking (ALBRequestCountPerTarget)",
        parameters: requests::PARAMETERS,
        defaults: defaults::<RequestTrackingConfig>,
        fit: |fitting, settings, _| {
            let config: RequestTrackingConfig =
                settings.config("target_tracking_rps", requests::PARAMETERS)?;
            let application = fitting.scenario.application.clone();
            checked(move || Ok(RequestTracking::new(config.clone(), &application)?))
        },
    },
    Known {
        name: "target_tracking_latency",
        description: "Holds the clients' p95 at a share of the SLO by damped steps of the busier services, with the same waits and cooldowns.",
        source: "AWS Application Auto Scaling, target tracking with a custom metric",
        parameters: latency::PARAMETERS,
        defaults: defaults::<LatencyTrackingConfig>,
        fit: |fitting, settings, _| {
            let config: LatencyTrackingConfig =
                settings.config("target_tracking_latency", latency::PARAMETERS)?;
            let application = fitting.scenario.application.clone();
            checked(move || Ok(LatencyTracking::new(config.clone(), &application)?))
        },
    },
    Known {
        name: "keda",
        description: "KEDA's ScaledObject on requests per second: polling, activation, cooldown, cron and fallback around Kubernetes' HPA.",
        source: "kedacore/keda, pkg/scaling/executor and pkg/fallback",
        parameters: keda::PARAMETERS,
        defaults: defaults::<KedaConfig>,
        fit: |fitting, settings, _| {
            let config: KedaConfig = settings.config("keda", keda::PARAMETERS)?;
            let application = fitting.scenario.application.clone();
            checked(move || Ok(Keda::new(config.clone(), &application)?))
        },
    },
    Known {
        name: "predictive_naive",
        description: "Kubernetes' HPA on the CPU that the traffic of one season ago would need within the horizon.",
        source: "Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 5.2",
        parameters: NAIVE,
        defaults: || both::<PredictiveConfig, SeasonalNaiveConfig>(),
        fit: |fitting, settings, _| {
            let config: SeasonalNaiveConfig =
                settings.config("predictive_naive", seasonal_naive::PARAMETERS)?;
            forecasting(fitting, settings, SeasonalNaive::new(&config)?)
        },
    },
    Known {
        name: "predictive_holt_winters",
        description: "Kubernetes' HPA on the CPU that Holt-Winters expects to be needed within the horizon; it goes on learning from today.",
        source: "Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 8.3",
        parameters: HOLT_WINTERS,
        defaults: || both::<PredictiveConfig, HoltWintersConfig>(),
        fit: |fitting, settings, _| {
            let config: HoltWintersConfig =
                settings.config("predictive_holt_winters", holt_winters::PARAMETERS)?;
            forecasting(fitting, settings, HoltWinters::new(config)?)
        },
    },
    Known {
        name: "predictive_dsp",
        description: "Kubernetes' HPA on the CPU that Crane's DSP forecast expects to be needed within the horizon.",
        source: "gocrane/crane, pkg/prediction/dsp",
        parameters: DSP,
        defaults: || both::<PredictiveConfig, DspConfig>(),
        fit: |fitting, settings, _| {
            let config: DspConfig = settings.config("predictive_dsp", dsp::PARAMETERS)?;
            forecasting(fitting, settings, Dsp::new(config)?)
        },
    },
    Known {
        name: MAX,
        description: "The larger of Kubernetes' HPA on CPU and a predictive one, service by service: a forecast may add and never remove.",
        source: "Crane's EffectiveHorizontalPodAutoscaler, which keeps the metric beside its forecast",
        parameters: LARGEST,
        defaults: || both::<PredictiveConfig, FloorConfig>(),
        fit: |fitting, settings, _| {
            let floor: FloorConfig = settings.config(MAX, FLOOR)?;
            let (_, predicted) = match floor.model {
                Model::SeasonalNaive => {
                    forecasting(fitting, settings, SeasonalNaive::new(&SeasonalNaiveConfig::default())?)
                }
                Model::HoltWinters => {
                    forecasting(fitting, settings, HoltWinters::new(HoltWintersConfig::default())?)
                }
                Model::Dsp => forecasting(fitting, settings, Dsp::new(DspConfig::default())?),
            }?;
            let target_percent = floor.reactive_target_percent;
            let reactive = CpuHpaConfig { target_percent, ..CpuHpaConfig::default() };
            let application = fitting.scenario.application.clone();
            let build: Build<'static> = Box::new(move |seed| {
                let reactive = Box::new(reactive.build(&application)?);
                Ok(Box::new(Largest::new(vec![reactive, predicted(seed)?])))
            });
            Ok((String::new(), build))
        },
    },
    Known {
        name: "schedule",
        description: "A timetable: replicas for each hour from a quantile of the training days' rates; looks at no metric.",
        source: "what cron entries are written from",
        parameters: schedule::PARAMETERS,
        defaults: defaults::<ScheduleConfig>,
        fit: |fitting, settings, _| {
            let config: ScheduleConfig = settings.config("schedule", schedule::PARAMETERS)?;
            let days = history(&fitting.traffic.train);
            let schedule = Schedule::learn(&config, &days, &fitting.scenario.application)?;
            Ok(plain(move || Ok(schedule.clone())))
        },
    },
    Known {
        name: "oracle",
        description: "Knows the traffic to come, of test days too, and the smallest allocation that meets the SLO at each rate: no rival, but what is left to gain.",
        source: "searched for by this program on the simulated cluster",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |fitting, _, progress| {
            let budget = fitting.settings.violation_budget;
            let oracle =
                oracle::oracle(fitting.scenario, fitting.traffic, budget, fitting.threads, progress)?;
            Ok(plain(move || Ok(oracle.clone())))
        },
    },
];

const MAX: &str = "max_reactive_predictive";

/// A forecast for [`MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Model {
    SeasonalNaive,
    #[default]
    HoltWinters,
    Dsp,
}

/// What [`MAX`] has besides the settings of its predictive part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FloorConfig {
    model: Model,
    reactive_target_percent: u32,
}

impl Default for FloorConfig {
    fn default() -> Self {
        Self { model: Model::default(), reactive_target_percent: 80 }
    }
}

const FLOOR: &[Parameter] = &[
    Parameter::choice("model", &["seasonal_naive", "holt_winters", "dsp"], "the forecast"),
    Parameter::integer(
        "reactive_target_percent",
        "% of the CPU request",
        10,
        400,
        "averageUtilization of the HPA on CPU",
    )
    .on_log_scale(),
];

/// Parameters of a predictive HPA and of its model, one after the other.
const fn joined<const N: usize>(model: &[Parameter]) -> [Parameter; N] {
    let mut all = [predictive::PARAMETERS[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < predictive::PARAMETERS.len() {
            predictive::PARAMETERS[i]
        } else {
            model[i - predictive::PARAMETERS.len()]
        };
        i += 1;
    }
    all
}

const NAIVE: &[Parameter] = &joined::<{ predictive::PARAMETERS.len() + seasonal_naive::PARAMETERS.len() }>(
    seasonal_naive::PARAMETERS,
);
const HOLT_WINTERS: &[Parameter] =
    &joined::<{ predictive::PARAMETERS.len() + holt_winters::PARAMETERS.len() }>(holt_winters::PARAMETERS);
const DSP: &[Parameter] =
    &joined::<{ predictive::PARAMETERS.len() + dsp::PARAMETERS.len() }>(dsp::PARAMETERS);
const LARGEST: &[Parameter] = &joined::<{ predictive::PARAMETERS.len() + FLOOR.len() }>(FLOOR);

fn both<A: Default + Serialize, B: Default + Serialize>() -> BTreeMap<String, Value> {
    let mut all = defaults::<A>();
    all.extend(defaults::<B>());
    all
}

fn each<A: Autoscaler + 'static>(make: impl Fn() -> Result<A> + Sync + 'static) -> Build<'static> {
    Box::new(move |_| Ok(Box::new(make()?) as Box<dyn Autoscaler>))
}

/// An autoscaler that was not fitted to anything that needs words.
fn plain<A: Autoscaler + 'static>(make: impl Fn() -> Result<A> + Sync + 'static) -> (String, Build<'static>) {
    (String::new(), each(make))
}

/// The same, built once to see that its settings fit together.
fn checked<A: Autoscaler + 'static>(
    make: impl Fn() -> Result<A> + Sync + 'static,
) -> Result<(String, Build<'static>)> {
    make()?;
    Ok(plain(make))
}

/// A predictive HPA whose model learns from the training days.
fn forecasting<F: Forecaster + Sync + 'static>(
    fitting: &Fitting<'_>,
    settings: &Settings,
    mut model: F,
) -> Result<(String, Build<'static>)> {
    let config: PredictiveConfig = settings.config("predictive", &predictive::PARAMETERS)?;
    model.learn(&history(&fitting.traffic.train));
    let application = fitting.scenario.application.clone();
    checked(move || Ok(Predictive::new(config.clone(), model.clone(), &application)?))
}

fn in_words(outcome: &Outcome) -> String {
    format!(
        "{:.1} core-hours a day and {:.2} % of windows violated on the training days",
        outcome.core_hours,
        100.0 * outcome.violation_share
    )
}
