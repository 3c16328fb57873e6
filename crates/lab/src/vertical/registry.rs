//! The one table of vertical autoscalers: name, what it is, where it comes from, what can be tuned, how it is built.
//! To add one, add a row.
//!
//! Left out: the rules themselves (`trimtab_control::vertical`).

use super::{
    calibration,
    cases::{Case, CaseConfig, Recording},
    lstm::{self, LstmConfig},
    random::{self, RandomConfig},
};
use crate::{
    Error, Result,
    contenders::{Settings, defaults},
};
use std::collections::BTreeMap;
use toml::Value;
use trimtab_control::{
    Parameter,
    vertical::{
        AutopilotConfig, BoundsConfig, ContainerVpa, ExactConfig, ForecastConfig, Ladder, LadderConfig, Mode,
        Oracle, OracleConfig, SimplifiedVpaConfig, WindowConfig, autopilot, bounds, exact, forecast, ladder,
        oracle, simplified, window,
    },
    vpa::{ContainerResources, LimitRanges, Unchanging, Vertical},
};

/// The vertical autoscaler that the others are judged against.
pub const BASELINE: &str = "vpa";

/// The same, resizing in place.
const IN_PLACE: &str = "vpa_in_place";

/// What a rule is fitted to.
pub struct Fitting<'a> {
    /// The containers of one recording.
    pub cases: &'a [Case],
    /// All recordings, that one among them.
    pub recordings: &'a [Recording],
    /// How they are run.
    pub config: &'a CaseConfig,
    /// Threads to use.
    pub threads: usize,
}

/// Makes a fresh rule for a container.
type Build = dyn Fn(&Case) -> Result<Box<dyn Vertical>> + Sync;

/// A rule for each container.
pub struct Fitted {
    /// How it was fitted, in words; empty where it was not.
    pub how: String,
    /// What each container starts with, where it is not what it was given.
    pub starts: Option<Vec<ContainerResources>>,
    build: Box<Build>,
}

impl Fitted {
    pub(super) fn plain(build: impl Fn(&Case) -> Result<Box<dyn Vertical>> + Sync + 'static) -> Self {
        Self { how: String::new(), starts: None, build: Box::new(build) }
    }

    /// A fresh rule for a container.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn build(&self, case: &Case) -> Result<Box<dyn Vertical>> {
        (self.build)(case)
    }

    /// What the container of this index starts with.
    pub fn start(&self, index: usize, case: &Case) -> ContainerResources {
        self.starts.as_ref().map_or(case.replay.resources, |starts| starts[index])
    }
}

/// A vertical autoscaler.
pub struct KnownVertical {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence or two.
    pub description: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What can be tuned.
    pub parameters: &'static [Parameter],
    defaults: fn() -> BTreeMap<String, Value>,
    fit: fn(&Fitting<'_>, &Settings) -> Result<Fitted>,
}

impl KnownVertical {
    /// The default of one of its parameters.
    ///
    /// # Panics
    /// For a parameter of another autoscaler.
    pub fn default_of(&self, parameter: &Parameter) -> Value {
        let found = (self.defaults)().remove(parameter.name);
        found.expect("every parameter has a default of its name")
    }

    /// The parameters that a search changes.
    pub fn searched(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|parameter| parameter.searched)
    }

    /// Fits it.
    ///
    /// # Errors
    /// Settings out of range, or a series that cannot be played.
    pub fn fit(&self, fitting: &Fitting<'_>, settings: &Settings) -> Result<Fitted> {
        (self.fit)(fitting, settings)
    }
}

/// The one called `name`.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest.
pub fn find(name: &str) -> Result<&'static KnownVertical> {
    let found = KNOWN.iter().find(|known| known.name == name);
    found.ok_or_else(|| Error::unknown("vertical autoscaler", name, KNOWN.iter().map(|known| known.name)))
}

/// Every vertical autoscaler.
pub const KNOWN: [KnownVertical; 14] = [
    KnownVertical {
        name: BASELINE,
        description: "Kubernetes' VPA, recommender and updater exactly, with its default flags and update mode Recreate.",
        source: "Kubernetes VPA 1.8, pkg/recommender and pkg/updater",
        parameters: exact::PARAMETERS,
        defaults: defaults::<ExactConfig>,
        fit: |_, settings| {
            let config: ExactConfig = settings.config(BASELINE, exact::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(ContainerVpa::exact(&config, LimitRanges::default())?))))
        },
    },
    KnownVertical {
        name: IN_PLACE,
        description: "The same with update mode InPlaceOrRecreate: pods are resized without a restart.",
        source: "Kubernetes VPA 1.8, pkg/updater/inplace",
        parameters: exact::PARAMETERS,
        defaults: || defaults_of(&in_place()),
        fit: |_, settings| {
            let config = overlaid(IN_PLACE, &in_place(), settings)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(ContainerVpa::exact(&config, LimitRanges::default())?))))
        },
    },
    KnownVertical {
        name: "vpa_calibrated",
        description: "vpa_in_place with the safety margin and the CPU percentile that lose least on the training part of the recording, one pair for all its containers.",
        source: "Kubernetes VPA 1.8; searched for by this program",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |fitting, _| {
            let config = calibration::best_vpa(fitting.cases, &in_place(), fitting.threads)?;
            let how =
                format!("margin {}, CPU percentile {}", config.safety_margin, config.target_cpu_percentile);
            let fitted =
                Fitted::plain(move |_| Ok(Box::new(ContainerVpa::exact(&config, LimitRanges::default())?)));
            Ok(Fitted { how, ..fitted })
        },
    },
    KnownVertical {
        name: "simplified",
        description: "The smart-vpa system's VPA: percentiles of every sample, recreated when use leaves the bounds.",
        source: "saeid93/smart-vpa",
        parameters: simplified::PARAMETERS,
        defaults: defaults::<SimplifiedVpaConfig>,
        fit: |_, settings| {
            let config: SimplifiedVpaConfig = settings.config("simplified", simplified::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(config.build(LimitRanges::default())))))
        },
    },
    KnownVertical {
        name: "bounds",
        description: "The smart-vpa system's threshold recommender: six constant numbers.",
        source: "saeid93/smart-vpa",
        parameters: bounds::PARAMETERS,
        defaults: defaults::<BoundsConfig>,
        fit: |_, settings| {
            let config: BoundsConfig = settings.config("bounds", bounds::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(config.build(LimitRanges::default())?))))
        },
    },
    KnownVertical {
        name: "vertical_threshold",
        description: "A step up above one share of the limit and down below another, in place.",
        source: "MARLISE (arXiv 2507.07671), its baseline",
        parameters: ladder::PARAMETERS,
        defaults: defaults::<LadderConfig>,
        fit: |_, settings| {
            let config: LadderConfig = settings.config("vertical_threshold", ladder::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(Ladder::new(config)?))))
        },
    },
    KnownVertical {
        name: "window",
        description: "A percentile of a moving window plus a margin; 95 % of CPU and the peak of memory of a week by default.",
        source: "in the manner of Robusta's KRR",
        parameters: window::PARAMETERS,
        defaults: defaults::<WindowConfig>,
        fit: |_, settings| {
            let config: WindowConfig = settings.config("window", window::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(config.build(LimitRanges::default())?))))
        },
    },
    KnownVertical {
        name: "autopilot",
        description: "Autopilot's moving windows: a percentile of CPU work, the peak of memory, held for an hour.",
        source: "in the manner of Google's Autopilot (EuroSys 2020)",
        parameters: autopilot::PARAMETERS,
        defaults: defaults::<AutopilotConfig>,
        fit: |_, settings| {
            let config: AutopilotConfig = settings.config("autopilot", autopilot::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(Box::new(config.build(LimitRanges::default())?))))
        },
    },
    KnownVertical {
        name: "forecast",
        description: "The highest use forecast for the next hour plus a margin.",
        source: "Holt–Winters or the season before; the time-series recommender that smart-vpa left to do",
        parameters: forecast::PARAMETERS,
        defaults: defaults::<ForecastConfig>,
        fit: |_, settings| {
            let config: ForecastConfig = settings.config("forecast", forecast::PARAMETERS)?;
            Ok(Fitted::plain(move |_| Ok(config.build(LimitRanges::default())?)))
        },
    },
    KnownVertical {
        name: "lstm",
        description: "An LSTM that puts out a factor on the exact VPA's target, trained for the quantile that slack and overrun imply: one network for the training parts of all recordings, margins for each recording.",
        source: "the LSTM recommender that smart-vpa left to do; pinball loss, Koenker & Bassett 1978",
        parameters: lstm::PARAMETERS,
        defaults: defaults::<LstmConfig>,
        fit: |fitting, settings| {
            let config: LstmConfig = settings.config("lstm", lstm::PARAMETERS)?;
            lstm::fit(fitting, config)
        },
    },
    KnownVertical {
        name: "random",
        description: "The smart-vpa system's random recommender: bounds and target drawn anew each time, in order.",
        source: "saeid93/smart-vpa",
        parameters: random::PARAMETERS,
        defaults: defaults::<RandomConfig>,
        fit: |_, settings| {
            let config: RandomConfig = settings.config("random", random::PARAMETERS)?;
            Ok(Fitted::plain(move |case| Ok(random::build(&config, case))))
        },
    },
    KnownVertical {
        name: "constant",
        description: "The constant request that loses least on the training part of each container.",
        source: "searched for by this program",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |fitting, _| {
            let constants = fitting.cases.iter().map(|case| calibration::best_constant(case, fitting.config));
            let starts: Vec<ContainerResources> = constants.collect::<Result<_>>()?;
            let how = "a constant for each container".to_owned();
            let fitted = Fitted::plain(|_| Ok(Box::new(Unchanging)));
            Ok(Fitted { how, starts: Some(starts), ..fitted })
        },
    },
    KnownVertical {
        name: "provisioned",
        description: "What the container was given in the first place, or its peak on the training part where that is not known.",
        source: "the recording",
        parameters: &[],
        defaults: BTreeMap::new,
        fit: |_, _| Ok(Fitted::plain(|_| Ok(Box::new(Unchanging)))),
    },
    KnownVertical {
        name: "vertical_oracle",
        description: "Knows the recording: each hour the most that will be used in it. A bound, not a rival.",
        source: "the recording",
        parameters: oracle::PARAMETERS,
        defaults: defaults::<OracleConfig>,
        fit: |_, settings| {
            let config: OracleConfig = settings.config("vertical_oracle", oracle::PARAMETERS)?;
            Ok(Fitted::plain(move |case| Ok(Box::new(Oracle::new(config, &case.points)?))))
        },
    },
];

/// What Kubernetes' own VPA is set to; nothing for what is not its.
///
/// # Errors
/// Settings that do not fit together.
pub(super) fn exact_config(known: &KnownVertical, settings: &Settings) -> Result<Option<ExactConfig>> {
    match known.name {
        BASELINE => Ok(Some(overlaid(BASELINE, &ExactConfig::default(), settings)?)),
        IN_PLACE => Ok(Some(overlaid(IN_PLACE, &in_place(), settings)?)),
        _ => Ok(None),
    }
}

fn in_place() -> ExactConfig {
    ExactConfig { mode: Mode::InPlaceOrRecreate, ..ExactConfig::default() }
}

fn defaults_of(config: &ExactConfig) -> BTreeMap<String, Value> {
    let mut values = defaults::<ExactConfig>();
    let mode = Value::try_from(config.mode).expect("a mode has a TOML form");
    values.insert("mode".to_owned(), mode);
    values
}

/// `base` with what was set.
fn overlaid(name: &str, base: &ExactConfig, settings: &Settings) -> Result<ExactConfig> {
    let set: ExactConfig = settings.config(name, exact::PARAMETERS)?;
    Ok(if settings.has("mode") { set } else { ExactConfig { mode: base.mode, ..set } })
}
