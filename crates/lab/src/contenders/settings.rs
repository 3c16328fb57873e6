//! Settings of an autoscaler as they are typed, `threshold:upper_percent=70,step=2`, or as a search proposes them.
//!
//! Left out: what the settings mean; each autoscaler's own configuration reads them.

use super::Known;
use crate::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use toml::{Table, Value};
use trimtab_control::{Parameter, Range};

/// Values of some of an autoscaler's parameters, each within its range; the others are at their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By the parameter's name, dots included.
    values: BTreeMap<String, Value>,
}

impl Settings {
    /// Reads `name=value` pairs separated by commas.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest parameter, [`Error::Config`] for a value outside its range.
    pub fn parse(known: &Known, text: &str) -> Result<Self> {
        Self::parse_for(known.name, known.parameters, text)
    }

    /// Reads the settings of the autoscaler `name` that has `parameters`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_for(name: &str, parameters: &'static [Parameter], text: &str) -> Result<Self> {
        let autoscaler = name;
        let mut values = BTreeMap::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                let message = format!("has {pair:?}, expected name=value");
                return Err(Error::config(autoscaler, message));
            };
            let parameter = find(parameters, name.trim())?;
            values.insert(parameter.name.to_owned(), read(autoscaler, parameter, value.trim())?);
        }
        Ok(Self { values })
    }

    /// Takes the point of a search.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_point(known: &Known, point: &BTreeMap<String, Value>) -> Result<Self> {
        let read = |(name, value): (&String, &Value)| {
            let parameter = find(known.parameters, name)?;
            Ok((name.clone(), read(known.name, parameter, &in_text(value))?))
        };
        Ok(Self { values: point.iter().map(read).collect::<Result<_>>()? })
    }

    /// Whether everything is at its default.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether a parameter is set.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of one parameter; `None` where it is at its default.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The same with one parameter set.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn with(&self, known: &Known, name: &str, value: &Value) -> Result<Self> {
        let mut values = self.values.clone();
        values.extend(Self::of_point(known, &BTreeMap::from([(name.to_owned(), value.clone())]))?.values);
        Ok(Self { values })
    }

    /// The same without what says no more than the defaults.
    #[must_use]
    pub fn without_defaults(&self, known: &Known) -> Self {
        let is_default = |name: &str, value: &Value| {
            known.parameters.iter().any(|p| p.name == name && known.default_of(p) == *value)
        };
        let values = self.values.iter().filter(|(name, value)| !is_default(name, value));
        Self { values: values.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// What [`Self::parse`] reads back.
    pub fn text(&self) -> String {
        let pairs = self.values.iter().map(|(name, value)| format!("{name}={}", in_text(value)));
        pairs.collect::<Vec<_>>().join(",")
    }

    /// The autoscaler with these settings, as it is typed.
    pub fn name(&self, known: &Known) -> String {
        if self.is_empty() { known.name.to_owned() } else { format!("{}:{}", known.name, self.text()) }
    }

    /// A configuration with those settings that are among `parameters`.
    pub(crate) fn config<C: DeserializeOwned>(&self, known: &str, parameters: &[Parameter]) -> Result<C> {
        let mut table = Table::new();
        let own = |name: &&String| parameters.iter().any(|parameter| parameter.name == **name);
        for name in self.values.keys().filter(own) {
            nest(&mut table, name, self.values[name].clone());
        }
        table.try_into().map_err(|error: toml::de::Error| Error::config(known, error.message()))
    }
}

/// A value as it is typed.
pub fn in_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// A configuration's defaults by name, dots included.
///
/// # Panics
/// Never: every configuration has a TOML form.
pub(crate) fn defaults<C: Default + Serialize>() -> BTreeMap<String, Value> {
    let table = Table::try_from(C::default()).expect("every configuration has a TOML form");
    let mut flat = BTreeMap::new();
    flatten("", table, &mut flat);
    flat
}

fn flatten(prefix: &str, table: Table, flat: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flatten(&name, inner, flat),
            value => {
                flat.insert(name, value);
            }
        }
    }
}

fn nest(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                nest(inner, rest, value);
            }
        }
    }
}

fn find(parameters: &'static [Parameter], name: &str) -> Result<&'static Parameter> {
    let found = parameters.iter().find(|parameter| parameter.name == name);
    found.ok_or_else(|| Error::unknown("parameter", name, parameters.iter().map(|p| p.name)))
}

fn read(autoscaler: &str, parameter: &Parameter, text: &str) -> Result<Value> {
    let wrong = |expected: String| {
        Error::config(format!("{autoscaler}:{}", parameter.name), format!("is {text}, expected {expected}"))
    };
    match parameter.range {
        Range::Float { low, high, .. } => {
            let number = text.parse::<f64>().ok().filter(|number| (low..=high).contains(number));
            number.map(Value::Float).ok_or_else(|| wrong(format!("a number from {low} to {high}")))
        }
        Range::Integer { low, high, .. } => {
            let number = text.parse::<i64>().ok().filter(|number| (low..=high).contains(number));
            number.map(Value::Integer).ok_or_else(|| wrong(format!("a whole number from {low} to {high}")))
        }
        Range::Choice(words) if words.contains(&text) => {
            Ok(text.parse::<bool>().map_or_else(|_| Value::from(text), Value::Boolean))
        }
        Range::Choice(words) => Err(wrong(format!("one of {}", words.join(", ")))),
        Range::Text => Ok(Value::from(text)),
    }
}

/// Puts a list that was cut at its commas together again: a piece with `=` and without a name of its own belongs to the
/// autoscaler before it.
pub fn rejoin(pieces: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in pieces {
        let head = piece.split('=').next().unwrap_or(piece);
        match names.last_mut() {
            Some(name) if piece.contains('=') && !head.contains(':') && name.contains(':') => {
                name.push(',');
                name.push_str(piece);
            }
            _ => names.push(piece.clone()),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> &'static Known {
        super::super::known(name).unwrap()
    }

    #[test]
    fn a_list_that_was_cut_at_commas_is_put_together() {
        let pieces = ["hpa", "threshold:step=2", "cooldown_secs=0", "keda:cron.start=0 6 * * *", "runs/a=b"];
        let joined = rejoin(&pieces.map(str::to_owned));
        assert_eq!(joined[..2], ["hpa", "threshold:step=2,cooldown_secs=0"]);
        // A directory with `=` in its name cannot follow one with settings.
        assert_eq!(joined[2..], ["keda:cron.start=0 6 * * *,runs/a=b"]);
        assert_eq!(rejoin(&["runs/a=b".to_owned()]), ["runs/a=b"]);
    }

    #[test]
    fn settings_reach_the_configuration_with_the_type_of_their_parameter() {
        let threshold = known("threshold");
        let settings = Settings::parse(threshold, "upper_percent=70, step=2").unwrap();
        let config: trimtab_control::ThresholdConfig =
            settings.config("threshold", threshold.parameters).unwrap();
        assert_eq!((config.upper_percent, config.step, config.lower_percent), (70.0, 2, 30.0));
        let keda = known("keda");
        let text =
            "fallback.replicas=4,fallback.behavior=currentReplicasIfHigher,cron.start=0 7 * * *,threshold=40";
        let config: trimtab_control::KedaConfig =
            Settings::parse(keda, text).unwrap().config("keda", keda.parameters).unwrap();
        assert_eq!((config.fallback.replicas, config.threshold), (4, 40.0));
        assert_eq!((config.fallback.failure_threshold, config.cron.start.as_str()), (3, "0 7 * * *"));
    }

    #[test]
    fn settings_are_written_as_they_are_typed() {
        let hpa = known("hpa");
        let text = "scale_down_secs=60,target_percent=63,targets=front:70/cart:90,tolerance=0.05";
        let settings = Settings::parse(hpa, text).unwrap();
        assert_eq!(settings.text(), text);
        assert_eq!(Settings::parse(hpa, &settings.text()).unwrap(), settings);
        assert_eq!(settings.name(hpa), format!("hpa:{text}"));
        assert_eq!(Settings::default().name(hpa), "hpa");
        let more = settings.with(hpa, "target_percent", &Value::Integer(80)).unwrap().without_defaults(hpa);
        assert_eq!(more.text(), "scale_down_secs=60,targets=front:70/cart:90,tolerance=0.05");
        assert!(settings.with(hpa, "target_percent", &Value::Integer(5)).is_err());
    }

    #[test]
    fn a_search_and_a_user_say_the_same() {
        let keda = known("keda");
        let point = BTreeMap::from([
            ("threshold".to_owned(), Value::Float(40.0)),
            ("fallback.replicas".to_owned(), Value::Integer(4)),
            ("fallback.behavior".to_owned(), Value::from("static")),
        ]);
        let typed =
            Settings::parse(keda, "threshold=40,fallback.replicas=4,fallback.behavior=static").unwrap();
        assert_eq!(Settings::of_point(keda, &point).unwrap(), typed);
    }

    #[test]
    fn what_is_no_setting_is_refused_by_name() {
        let refused = |text: &str| Settings::parse(known("threshold"), text).unwrap_err().to_string();
        assert!(refused("uper_percent=3").contains("did you mean \"upper_percent\""));
        assert!(refused("step").contains("threshold") && refused("step").contains("name=value"));
        assert_eq!(refused("step=0"), "threshold:step: is 0, expected a whole number from 1 to 10");
        assert!(refused("lower_percent=NaN").contains("expected a number from 1 to 400"));
        let wrong = Settings::parse(known("keda"), "fallback.behavior=higher").unwrap_err().to_string();
        assert!(wrong.contains("currentReplicasIfHigher"), "{wrong}");
    }
}
