//! The use that is forecast for the next minutes, plus a margin.
//!
//! CPU and memory have a forecast each ([`crate::forecast`]), and the largest value within the horizon counts. What is used now is
//! the least that is recommended, and after an OOM kill a fifth more than the limit for as long as the horizon.
//!
//! Left out: intervals around the forecast; the margin stands for them.

use super::{ContainerUpdater, Managed, Mode, Recommend, UpdaterSettings, around, beyond_limit};
use crate::{
    Result,
    error::check,
    forecast::{Forecaster, HoltWinters, HoltWintersConfig, SeasonalNaive, SeasonalNaiveConfig, SlotMean},
    parameter::Parameter,
    vpa::{Amount, ContainerRecommendation, LimitRanges, Running, Span, Stamp, Vertical},
};
use serde::{Deserialize, Serialize};
use trimtab_model::{Seconds, Time};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForecastConfig {
    /// What forecasts.
    pub model: Model,
    /// Minutes to look ahead.
    pub horizon_minutes: f64,
    /// Percent added.
    pub margin_percent: f64,
    /// Length of a season in hours.
    pub season_hours: u32,
    /// Percent by which a request may be off before the container is touched.
    pub band_percent: f64,
    /// How it is touched.
    pub mode: Mode,
}

/// Forecasts to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Holt–Winters.
    #[default]
    HoltWinters,
    /// What was used a season ago.
    SeasonalNaive,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            model: Model::HoltWinters,
            horizon_minutes: 60.0,
            margin_percent: 15.0,
            season_hours: 24,
            band_percent: 10.0,
            mode: Mode::InPlaceOrRecreate,
        }
    }
}

/// What can be tuned.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::choice("model", &["holt_winters", "seasonal_naive"], "what forecasts"),
    Parameter::float("horizon_minutes", "min", 1.0, 1440.0, "how far to look ahead").on_log_scale(),
    Parameter::float("margin_percent", "%", 0.0, 200.0, "added to the forecast"),
    Parameter::integer("season_hours", "h", 1, 168, "length of a season"),
    Parameter::float("band_percent", "%", 0.0, 90.0, "how far off a request may be"),
    Parameter::choice("mode", Mode::NAMES, "how the container is touched"),
];

/// Time between two forecasts.
const EVERY: Span = Span::secs(300);

/// See the module.
#[derive(Clone, Debug)]
pub struct Forecast<F> {
    config: ForecastConfig,
    models: [F; 2],
    means: [SlotMean; 2],
    usage: Option<[Amount; 2]>,
    target: [Amount; 2],
    looked: Stamp,
    /// Memory that an OOM kill asks for, and until when.
    floor: (Amount, Stamp),
}

impl<F: Forecaster> Forecast<F> {
    /// A rule whose models have seen nothing.
    ///
    /// # Errors
    /// A horizon of no length.
    pub fn new(config: ForecastConfig, model: F) -> Result<Self> {
        check("forecast.horizon_minutes", config.horizon_minutes > 0.0, "above 0", config.horizon_minutes)?;
        Ok(Self {
            config,
            models: [model.clone(), model],
            means: [SlotMean::default(); 2],
            usage: None,
            target: [Amount(0); 2],
            looked: Stamp::NEVER,
            floor: (Amount(0), Stamp::NEVER),
        })
    }

    fn horizon(&self) -> Seconds {
        Seconds(60.0 * self.config.horizon_minutes)
    }

    fn look(&mut self, now: Stamp, usage: [Amount; 2]) {
        let from = time(now);
        let until = from + self.horizon();
        let margin = 1.0 + self.config.margin_percent / 100.0;
        for slot in [0, 1] {
            let ahead = self.models[slot].peak(from, until).map_or(Amount(0), Amount::truncated);
            self.target[slot] = ahead.max(usage[slot]).scaled(margin);
        }
        self.looked = now;
    }
}

/// Seconds since the epoch; a replay's instants are all set.
fn time(at: Stamp) -> Time {
    Time(at.millis().unwrap_or(0) as f64 / 1000.0)
}

impl ForecastConfig {
    /// The rule with the VPA's updater.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn build(&self, limit_ranges: LimitRanges) -> Result<Box<dyn Vertical>> {
        let settings = UpdaterSettings { mode: self.mode, limit_ranges, ..UpdaterSettings::default() };
        let updater = ContainerUpdater::new(settings);
        let season_hours = self.season_hours;
        Ok(match self.model {
            Model::HoltWinters => {
                let model = HoltWinters::new(HoltWintersConfig { season_hours, ..Default::default() })?;
                Box::new(Managed::new(Forecast::new(*self, model)?, updater))
            }
            Model::SeasonalNaive => {
                let model = SeasonalNaive::new(&SeasonalNaiveConfig { season_hours })?;
                Box::new(Managed::new(Forecast::new(*self, model)?, updater))
            }
        })
    }
}

impl<F: Forecaster> Recommend for Forecast<F> {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], _: &Running) {
        for slot in [0, 1] {
            if let Some((at, mean)) = self.means[slot].add(time(now), usage[slot].0 as f64) {
                self.models[slot].observe(at, mean);
            }
        }
        self.usage = Some(usage);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        self.floor = (beyond_limit(running), now.plus(Span::from(self.horizon())));
        self.looked = Stamp::NEVER;
    }

    fn recommend(&mut self, now: Stamp, _: &Running) -> Option<ContainerRecommendation> {
        let usage = self.usage?;
        if !self.looked.is_set() || now.since(self.looked) >= EVERY {
            self.look(now, usage);
        }
        let mut target = self.target;
        if now < self.floor.1 {
            target[1] = target[1].max(self.floor.0);
        }
        Some(around(target, self.config.band_percent))
    }
}
