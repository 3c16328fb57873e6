//! From what was typed to a configuration: defaults < file < `TRIMTAB__` variables < flags.
//!
//! Left out: what the settings mean and which values are right; `trimtab_lab::config` checks that and names the layer.

use crate::invocation::quoted;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use trimtab_lab::{
    RunConfig,
    config::{InnerConfig, Layer, resolve},
    files, parallel,
    run_dir::RunDir,
    traffic::TrafficConfig,
};

/// Flags that reach every setting.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML); `trimtab config` prints one to start from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting by its path, such as ppo.gamma=0.95; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    /// Fails if one was given, saying why.
    ///
    /// # Errors
    /// The flag and `why`.
    pub(crate) fn refuse(&self, why: &str) -> Result<()> {
        let flag = if self.config.is_some() { "--config" } else { "--set" };
        if self.config.is_some() || !self.set.is_empty() {
            bail!("{flag}: {why}");
        }
        Ok(())
    }
}

/// Flags that say which traffic, and how to read it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Traffic")]
pub(crate) struct TrafficArgs {
    /// Traffic: a recording or a synthetic workload that ships (`trimtab workload list`), or a file of times and counts;
    /// several separated by commas or spaces
    #[arg(long, visible_alias = "traces", value_name = "NAME|FILE", num_args = 1.., value_delimiter = ',')]
    trace: Vec<String>,
    /// Days to train and to calibrate on, such as 0..5 or 1998-06-11..=1998-06-19 [default: recommended days, else the first 70 %]
    #[arg(long, value_name = "DAYS")]
    train_days: Option<String>,
    /// Days to score on [default: the others]
    #[arg(long, value_name = "DAYS")]
    test_days: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Flags of whoever scores.
#[derive(Args, Clone, Debug)]
pub(crate) struct ScoringArgs {
    /// Simulations of each day, with seeds 0 to N - 1
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    #[command(flatten)]
    threads: ThreadsArgs,
}

impl ScoringArgs {
    /// Each seed.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        (0..self.seeds).collect()
    }

    /// Threads to use.
    pub(crate) fn threads(&self) -> usize {
        self.threads.get()
    }
}

/// The flag about threads.
#[derive(Args, Clone, Debug)]
pub(crate) struct ThreadsArgs {
    /// Threads to use [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl ThreadsArgs {
    /// Threads to use.
    pub(crate) fn get(&self) -> usize {
        self.threads.map_or_else(parallel::cores, usize::from)
    }
}

/// Flags that say how a file of times and counts is read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Traffic")]
pub(crate) struct ReadingArgs {
    /// Seconds between two rows of the file [default: found]
    #[arg(long, value_name = "N")]
    step_secs: Option<f64>,
    /// Name of the time column, for files of more than two columns
    #[arg(long, value_name = "NAME")]
    time_column: Option<String>,
    /// Name of the count column, for files of more than two columns
    #[arg(long, value_name = "NAME")]
    count_column: Option<String>,
}

impl ReadingArgs {
    /// Overrides what was given.
    pub(crate) fn apply(&self, traffic: &mut TrafficConfig) {
        let Self { step_secs, time_column, count_column } = self;
        step_secs.inspect(|secs| traffic.step_secs = *secs);
        override_with(&mut traffic.time_column, time_column.as_ref());
        override_with(&mut traffic.count_column, count_column.as_ref());
    }

    fn given(&self) -> impl Iterator<Item = &'static str> {
        let Self { step_secs, time_column, count_column } = self;
        let flags = [
            ("--step-secs", step_secs.is_some()),
            ("--time-column", time_column.is_some()),
            ("--count-column", count_column.is_some()),
        ];
        flags.into_iter().filter_map(|(flag, given)| given.then_some(flag))
    }
}

fn override_with(setting: &mut String, given: Option<&String>) {
    if let Some(given) = given {
        setting.clone_from(given);
    }
}

impl TrafficArgs {
    /// The traffic of a configuration with what was given; `None` when nothing was.
    fn layer(&self, traffic: &[TrafficConfig]) -> Result<Option<Layer>> {
        let flags = [
            ("--trace", !self.trace.is_empty()),
            ("--train-days", self.train_days.is_some()),
            ("--test-days", self.test_days.is_some()),
        ];
        let flags = flags.into_iter().filter_map(|(flag, given)| given.then_some(flag));
        let place = flags.chain(self.reading.given()).collect::<Vec<_>>().join(" ");
        if place.is_empty() {
            return Ok(None);
        }
        let mut traffic = if self.trace.is_empty() {
            traffic.to_vec()
        } else {
            let source =
                |source: &String| TrafficConfig { source: source.clone(), ..TrafficConfig::default() };
            self.trace.iter().map(source).collect()
        };
        for entry in &mut traffic {
            override_with(&mut entry.train, self.train_days.as_ref());
            override_with(&mut entry.test, self.test_days.as_ref());
            self.reading.apply(entry);
        }
        let table = Table::from_iter([("traffic".to_owned(), Value::try_from(traffic)?)]);
        Ok(Some(Layer { place, table }))
    }
}

/// The flags that lead to `traffic`, as they would be typed, as far as its entries share them.
pub(crate) fn traffic_flags(traffic: &[TrafficConfig]) -> String {
    let mut flags = vec!["--trace".to_owned()];
    flags.extend(traffic.iter().map(|entry| quoted(&entry.source)));
    let mut add = |flag: &str, of: fn(&TrafficConfig) -> String| {
        let values: Vec<String> = traffic.iter().map(of).collect();
        if let Some(first) =
            values.first().filter(|v| !v.is_empty() && values.iter().all(|other| other == *v))
        {
            flags.extend([flag.to_owned(), quoted(first)]);
        }
    };
    add("--train-days", |entry| entry.train.clone());
    add("--test-days", |entry| entry.test.clone());
    add(
        "--step-secs",
        |entry| if entry.step_secs > 0.0 { entry.step_secs.to_string() } else { String::new() },
    );
    add("--time-column", |entry| entry.time_column.clone());
    add("--count-column", |entry| entry.count_column.clone());
    flags.join(" ")
}

/// Layers of a configuration, weakest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    layers: Vec<Layer>,
    traffic: TrafficArgs,
}

impl Settings {
    /// File, variables and `--set`.
    ///
    /// # Errors
    /// A file that cannot be read or is not TOML, or a `--set` without `=`.
    pub(crate) fn new(args: &ConfigArgs) -> Result<Self> {
        let mut layers = Vec::new();
        if let Some(path) = &args.config {
            layers.push(Layer::file(&path.to_string_lossy(), &files::read_text(path)?)?);
        }
        let variables = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        layers.extend(Layer::variables(variables));
        for set in &args.set {
            let (key, text) = set.split_once('=').with_context(|| {
                format!("--set {set}: has no `=`, expected KEY=VALUE such as ppo.gamma=0.95")
            })?;
            let path: Vec<&str> = key.split('.').map(str::trim).collect();
            layers.push(Layer::key(&format!("--set {key}"), &path, text.trim()));
        }
        Ok(Self { layers, traffic: TrafficArgs::default() })
    }

    /// [`Settings::new`] above the configuration of a run.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn of_run(dir: &RunDir, own: &RunConfig, args: &ConfigArgs) -> Result<Self> {
        let mut settings = Self::new(args)?;
        settings.layers.insert(0, Layer::file(&dir.file("config.toml").to_string_lossy(), &own.to_toml())?);
        Ok(settings)
    }

    /// Layers below all others.
    pub(crate) fn above(mut self, layers: Vec<Layer>) -> Self {
        self.layers.splice(0..0, layers);
        self
    }

    /// A flag that is a number, if it was given.
    pub(crate) fn number(mut self, flag: &str, key: &str, value: Option<u64>) -> Self {
        self.layers.extend(value.map(|value| Layer::key(flag, &path(key), &value.to_string())));
        self
    }

    /// A flag that is a fraction, if it was given.
    pub(crate) fn fraction(mut self, flag: &str, key: &str, value: Option<f64>) -> Self {
        self.layers.extend(value.map(|value| Layer::key(flag, &path(key), &Value::Float(value).to_string())));
        self
    }

    /// A flag that is text, if it was given.
    pub(crate) fn text(mut self, flag: &str, key: &str, value: Option<&String>) -> Self {
        self.layers.extend(
            value.map(|value| Layer::key(flag, &path(key), &Value::from(value.as_str()).to_string())),
        );
        self
    }

    /// A flag that is a list of texts, if any was given.
    pub(crate) fn texts(mut self, flag: &str, key: &str, values: &[String]) -> Self {
        if !values.is_empty() {
            let list = Value::Array(values.iter().map(|value| Value::from(value.as_str())).collect());
            self.layers.push(Layer::key(flag, &path(key), &list.to_string()));
        }
        self
    }

    /// The flags about traffic.
    pub(crate) fn traffic(mut self, args: &TrafficArgs) -> Self {
        self.traffic = args.clone();
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// What is wrong with a key or a value, with the layer's name.
    pub(crate) fn resolve(&self) -> Result<RunConfig> {
        let config = resolve(&self.layers)?;
        match self.traffic.layer(&config.traffic)? {
            None => Ok(config),
            Some(traffic) => Ok(resolve(&[&self.layers[..], &[traffic]].concat())?),
        }
    }

    /// Fails if a layer contradicts the configuration `own` of a run, which is in `place`.
    ///
    /// # Errors
    /// The first contradiction: where, which key, both values.
    pub(crate) fn agree_with(&self, own: &RunConfig, place: &Path) -> Result<()> {
        let base = Layer::file(&place.to_string_lossy(), &own.to_toml())?;
        let traffic = self.traffic.layer(&own.traffic)?;
        for layer in self.layers.iter().chain(&traffic) {
            let mut with = resolve(&[base.clone(), layer.clone()])?;
            if with.inner.target_percent.is_empty() {
                // "To be calibrated" is what the run was started with, too.
                let calibration = with.inner.calibration;
                with.inner = InnerConfig { calibration, ..own.inner.clone() };
            }
            if let Some(Difference { key, first, second }) = difference(own, &with) {
                bail!("{}: {key} is {second}, expected {first} as in {}", layer.place, place.display());
            }
        }
        Ok(())
    }
}

fn path(key: &str) -> Vec<&str> {
    key.split('.').collect()
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Its path.
    pub(crate) key: String,
    /// Its value in the first configuration.
    pub(crate) first: String,
    /// Its value in the second one.
    pub(crate) second: String,
}

/// The first setting in which two configurations differ.
pub(crate) fn difference(first: &RunConfig, second: &RunConfig) -> Option<Difference> {
    let read = |config: &RunConfig| config.to_toml().parse::<Table>().ok().map(Value::Table);
    differing("", read(first).as_ref(), read(second).as_ref())
}

fn differing(key: &str, first: Option<&Value>, second: Option<&Value>) -> Option<Difference> {
    match (first, second) {
        (Some(Value::Table(a)), Some(Value::Table(b))) => {
            let more = b.keys().filter(|name| !a.contains_key(*name));
            let path = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
            a.keys().chain(more).find_map(|name| differing(&path(name), a.get(name), b.get(name)))
        }
        (Some(Value::Array(a)), Some(Value::Array(b)))
            if a.len() == b.len() && a.iter().any(Value::is_table) =>
        {
            a.iter()
                .zip(b)
                .enumerate()
                .find_map(|(i, (a, b))| differing(&format!("{key}[{i}]"), Some(a), Some(b)))
        }
        _ if first == second => None,
        _ => {
            let shown = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), Value::to_string);
            Some(Difference { key: key.to_owned(), first: shown(first), second: shown(second) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let first = RunConfig::default();
        assert_eq!(difference(&first, &first), None);
        let mut second = first.clone();
        second.traffic[0].source = "shop.csv".to_owned();
        let found = difference(&first, &second).unwrap();
        assert_eq!((found.key.as_str(), found.second.as_str()), ("traffic[0].source", "\"shop.csv\""));
    }

    #[test]
    fn flags_about_traffic_replace_the_traffic_of_the_file() {
        let args = TrafficArgs { trace: vec!["a.csv".into(), "b.csv".into()], ..TrafficArgs::default() };
        let config = Settings::default().traffic(&args).resolve().unwrap();
        let sources: Vec<&str> = config.traffic.iter().map(|t| t.source.as_str()).collect();
        assert_eq!(sources, ["a.csv", "b.csv"]);
    }

    #[test]
    fn traffic_is_written_as_the_flags_that_lead_to_it() {
        let shop = TrafficConfig {
            source: "my shop.csv".to_owned(),
            train: "0..3".to_owned(),
            count_column: "hits".to_owned(),
            ..TrafficConfig::default()
        };
        assert_eq!(traffic_flags(&[shop]), "--trace 'my shop.csv' --train-days 0..3 --count-column hits");
    }

    #[test]
    fn a_contradiction_to_a_run_names_flag_key_and_both_values() {
        let own = RunConfig { seed: 7, ..RunConfig::default() };
        let place = Path::new("runs/a/config.toml");
        Settings::default().number("--seed", "seed", Some(7)).agree_with(&own, place).unwrap();
        let error =
            Settings::default().number("--seed", "seed", Some(8)).agree_with(&own, place).unwrap_err();
        assert_eq!(error.to_string(), "--seed: seed is 8, expected 7 as in runs/a/config.toml");
    }

    #[test]
    fn a_run_that_was_calibrated_agrees_with_a_file_that_asks_for_calibration() {
        let mut own = RunConfig::default();
        own.inner.target_percent = vec![70, 80];
        let file = Layer::file("my.toml", &RunConfig::default().to_toml()).unwrap();
        let settings = Settings { layers: vec![file], ..Settings::default() };
        settings.agree_with(&own, Path::new("config.toml")).unwrap();
    }
}
