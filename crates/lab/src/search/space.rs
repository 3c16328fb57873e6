//! Which values parameters may take.
//!
//! In a file a space is a table of parameters, each by its name:
//!
//! ```toml
//! "ppo.learning_rate.linear" = { low = 1e-4, high = 1e-2, log = true }
//! "ppo.n_steps" = { low = 16, high = 256, log = true }
//! "ppo.network.hidden" = { choices = [[32], [64], [64, 64]] }
//! ```
//!
//! Whole bounds make a whole number. Left out: parameters that exist only for some values of others.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Named parameters, in the order of their names when read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    parameters: Vec<Parameter>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its values.
    pub domain: Domain,
}

/// The values of a parameter; both bounds belong to them.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// A number.
    Float {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
        /// Searched on a logarithmic scale.
        log: bool,
    },
    /// A whole number.
    Integer {
        /// Least.
        low: i64,
        /// Greatest.
        high: i64,
        /// Searched on a logarithmic scale.
        log: bool,
    },
    /// One of these, in no order.
    Choice(Vec<Value>),
}

/// A value for each parameter, by name.
pub type Point = BTreeMap<String, Value>;

/// A parameter as it stands in a file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    low: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    high: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<Value>>,
}

impl Space {
    /// A space of these parameters.
    ///
    /// # Errors
    /// [`Error::Config`] for bounds or choices that leave nothing to choose, for a logarithm of what is not above
    /// zero, and for a name that comes twice or a space without any.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self> {
        if parameters.is_empty() {
            return Err(Error::config("space", "is empty, expected at least one parameter"));
        }
        for (at, parameter) in parameters.iter().enumerate() {
            if parameters[..at].iter().any(|other| other.name == parameter.name) {
                return Err(Error::config(&parameter.name, "comes twice, expected each parameter once"));
            }
            parameter.domain.check().map_err(|message| Error::config(&parameter.name, message))?;
        }
        Ok(Self { parameters })
    }

    /// Reads a space from a file's text.
    ///
    /// # Errors
    /// [`Error::Config`] with the file's name, or as [`Space::new`].
    pub fn parse(place: &str, text: &str) -> Result<Self> {
        let wrong = |message: String| Error::config(place, message);
        let table = text.parse::<Table>().map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        let mut parameters = Vec::new();
        for (name, value) in table {
            let entry: Entry = value
                .try_into()
                .map_err(|e: toml::de::Error| wrong(format!("{name}: {}", e.to_string().trim_end())))?;
            let domain = entry.domain().map_err(|message| wrong(format!("{name}: {message}")))?;
            parameters.push(Parameter { name, domain });
        }
        Self::new(parameters).map_err(|error| wrong(error.to_string()))
    }

    /// The space as a file's text.
    ///
    /// # Panics
    /// Never: every parameter has a TOML form.
    pub fn to_toml(&self) -> String {
        let entries = self.parameters.iter().map(|p| (p.name.clone(), Entry::of(&p.domain)));
        let table: BTreeMap<String, Entry> = entries.collect();
        let table = Table::try_from(table).expect("every parameter has a TOML form");
        let line = |(name, value): (&String, &Value)| format!("{} = {value}\n", Value::from(name.as_str()));
        table.iter().map(line).collect()
    }

    /// The parameters.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The point at these coordinates, one for each parameter.
    pub fn point(&self, coordinates: &[f64]) -> Point {
        let pairs = self.parameters.iter().zip(coordinates);
        pairs.map(|(parameter, at)| (parameter.name.clone(), parameter.domain.value(*at))).collect()
    }

    /// Coordinates of a point; `None` for one that is not in the space.
    pub fn coordinates(&self, point: &Point) -> Option<Vec<f64>> {
        if point.len() != self.parameters.len() {
            return None;
        }
        self.parameters.iter().map(|p| p.domain.coordinate(point.get(&p.name)?)).collect()
    }
}

impl Domain {
    fn check(&self) -> Result<(), String> {
        let bounds = |low: f64, high: f64, log: bool| {
            if !(low < high && low.is_finite() && high.is_finite()) {
                Err(format!("goes from {low} to {high}, expected a lower bound below the upper one"))
            } else if log && low <= 0.0 {
                Err(format!("starts at {low} on a logarithmic scale, expected a bound above zero"))
            } else {
                Ok(())
            }
        };
        match self {
            Self::Float { low, high, log } => bounds(*low, *high, *log),
            Self::Integer { low, high, log } => bounds(*low as f64, *high as f64, *log),
            Self::Choice(choices) if choices.len() < 2 => {
                Err(format!("has {} choices, expected at least 2", choices.len()))
            }
            Self::Choice(_) => Ok(()),
        }
    }

    /// The least value, or the first choice.
    pub fn first(&self) -> Value {
        self.value(self.ends().map_or(0.0, |ends| ends.0))
    }

    /// The greatest value, or the last choice.
    pub fn last(&self) -> Value {
        self.value(self.ends().map_or(f64::MAX, |ends| ends.1))
    }

    /// Ends of the coordinates: a number itself or its logarithm, with half a unit to either side of whole numbers;
    /// `None` for choices, whose coordinate is their number.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        let scale = |low: f64, high: f64, log: bool| if log { (low.ln(), high.ln()) } else { (low, high) };
        match self {
            Self::Float { low, high, log } => Some(scale(*low, *high, *log)),
            Self::Integer { low, high, log } => Some(scale(*low as f64 - 0.5, *high as f64 + 0.5, *log)),
            Self::Choice(_) => None,
        }
    }

    /// The value at a coordinate.
    pub(super) fn value(&self, at: f64) -> Value {
        let number = |log: bool| if log { at.exp() } else { at };
        match self {
            // The exponential of a bound's logarithm may be a little beyond the bound.
            Self::Float { low, high, log } => Value::Float(number(*log).clamp(*low, *high)),
            Self::Integer { low, high, log } => {
                Value::Integer((number(*log).round() as i64).clamp(*low, *high))
            }
            Self::Choice(choices) => choices[(at as usize).min(choices.len() - 1)].clone(),
        }
    }

    /// The coordinate of a value; `None` for one that does not belong here.
    pub(super) fn coordinate(&self, value: &Value) -> Option<f64> {
        let scale = |number: f64, log: bool| if log { number.ln() } else { number };
        match (self, value) {
            (Self::Float { low, high, log }, Value::Float(number)) => {
                (low..=high).contains(&number).then(|| scale(*number, *log))
            }
            (Self::Integer { low, high, log }, Value::Integer(number)) => {
                (low..=high).contains(&number).then(|| scale(*number as f64, *log))
            }
            (Self::Choice(choices), value) => choices.iter().position(|c| c == value).map(|at| at as f64),
            _ => None,
        }
    }
}

impl Entry {
    fn domain(self) -> Result<Domain, String> {
        let log = self.log.unwrap_or(false);
        match (self.low, self.high, self.choices) {
            (Some(Value::Integer(low)), Some(Value::Integer(high)), None) => {
                Ok(Domain::Integer { low, high, log })
            }
            (Some(low), Some(high), None) => {
                let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64));
                match (number(&low), number(&high)) {
                    (Some(low), Some(high)) => Ok(Domain::Float { low, high, log }),
                    _ => Err(format!("goes from {low} to {high}, expected two numbers")),
                }
            }
            (None, None, Some(choices)) if self.log.is_none() => Ok(Domain::Choice(choices)),
            _ => Err("expected either low and high (and log), or choices".to_owned()),
        }
    }

    fn of(domain: &Domain) -> Self {
        let range = |low: Value, high: Value, log: bool| Self {
            low: Some(low),
            high: Some(high),
            log: log.then_some(true),
            choices: None,
        };
        match domain {
            Domain::Float { low, high, log } => range((*low).into(), (*high).into(), *log),
            Domain::Integer { low, high, log } => range((*low).into(), (*high).into(), *log),
            Domain::Choice(choices) => {
                Self { low: None, high: None, log: None, choices: Some(choices.clone()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\"a.rate\" = { low = 1e-4, high = 1.0, log = true }\n\
                        b = { low = 1, high = 8 }\nc = { choices = [[32], [64, 64]] }\n";

    #[test]
    fn a_space_is_read_from_a_file_and_written_back() {
        let space = Space::parse("space.toml", FILE).unwrap();
        assert_eq!(space.parameters()[0].domain, Domain::Float { low: 1e-4, high: 1.0, log: true });
        assert_eq!(space.parameters()[1].domain, Domain::Integer { low: 1, high: 8, log: false });
        assert_eq!(Space::parse("again", &space.to_toml()).unwrap(), space);
    }

    #[test]
    fn a_point_has_coordinates_and_they_have_the_point() {
        let space = Space::parse("space.toml", FILE).unwrap();
        let ends = |at: usize| space.parameters()[at].domain.ends().unwrap();
        for coordinates in [[ends(0).0, ends(1).0, 0.0], [ends(0).1, ends(1).1, 1.0], [-3.0, 4.4, 1.0]] {
            let point = space.point(&coordinates);
            let back = space.coordinates(&point).unwrap();
            assert_eq!(space.point(&back), point);
        }
        assert_eq!(space.point(&[ends(0).1, ends(1).1, 1.0])["a.rate"], Value::Float(1.0));
        assert_eq!(space.point(&[0.0, 8.5, 1.0])["b"], Value::Integer(8));
        let mut other = space.point(&[0.0, 3.0, 0.0]);
        other.insert("b".to_owned(), Value::Integer(9));
        assert_eq!(space.coordinates(&other), None);
    }

    #[test]
    fn what_leaves_nothing_to_choose_is_refused_by_name() {
        let refused = |text: &str| Space::parse("s.toml", text).unwrap_err().to_string();
        assert!(refused("a = { low = 2, high = 2 }").contains("s.toml: a: goes from 2 to 2, expected"));
        assert!(refused("a = { low = 0.0, high = 1, log = true }").contains("expected a bound above zero"));
        assert!(refused("a = { choices = [1] }").contains("has 1 choices, expected at least 2"));
        assert!(refused("a = { low = 1 }").contains("expected either low and high"));
        assert!(refused("a = { low = 1, hihg = 2 }").contains("hihg"));
        assert!(refused("").contains("expected at least one parameter"));
    }
}
