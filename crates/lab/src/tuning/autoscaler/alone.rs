//! Each parameter's best value alone, from the default on: what a default costs.
//!
//! Values are tried all over a parameter's range, then between the best one and its neighbours. Left out: what parameters
//! do together, which the search finds.

use super::{
    course::{Course, Figures, Run},
    ledger::{Ledger, Stage},
};
use crate::{
    Result,
    contenders::{Parameter, Range, Settings},
    parallel,
    search::{Domain, Space},
};
use serde::Serialize;
use toml::Value;

/// Values over the range at first.
const LEVELS: usize = 7;
/// Times that values between the best one and its neighbours are tried.
const REFINEMENTS: usize = 4;

/// A value that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// The value.
    pub value: Value,
    /// What it did, on the days that were simulated.
    pub figures: Figures,
    /// Whether it was simulated on all days; where not, it could not be preferred to the default any more.
    pub whole: bool,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alone {
    /// Its name.
    pub parameter: String,
    /// Its unit.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Its default.
    pub default: Value,
    /// Its best value.
    pub best: Value,
    /// What that did on the training days.
    pub figures: Figures,
    /// Every value that was tried, and the default.
    pub tried: Vec<Tried>,
    #[serde(skip)]
    pub(super) settings: Settings,
}

impl Alone {
    /// Whether its best value is another than the default.
    pub fn is_better(&self) -> bool {
        self.best != self.default
    }
}

/// Tries every parameter of `space`.
///
/// # Errors
/// `Interrupted`, or a ledger that cannot be written.
pub(super) fn analyse(
    space: &Space,
    course: &Course<'_>,
    ledger: &Ledger,
    told: &dyn Fn(f64),
) -> Result<Vec<Alone>> {
    let mut found = Vec::new();
    for (number, parameter) in space.parameters().iter().enumerate() {
        told(number as f64 / space.parameters().len() as f64);
        let Some(own) = course.known().parameters.iter().find(|p| p.name == parameter.name) else { continue };
        let mut scale = along(&parameter.domain, own, Stage::Alone, course, ledger, f64::INFINITY)?;
        let best = scale.best(course.budget()).clone();
        scale.tried.sort_by(|a, b| {
            scale_of(&parameter.domain, &a.value).total_cmp(&scale_of(&parameter.domain, &b.value))
        });
        found.push(Alone {
            parameter: own.name.to_owned(),
            unit: own.unit,
            meaning: own.meaning,
            settings: Settings::default().with(course.known(), own.name, &best.value)?,
            default: course.known().default_of(own),
            best: best.value,
            figures: best.figures,
            tried: scale.tried,
        });
    }
    Ok(found)
}

/// Tries the first parameter of the autoscaler's own list, which is the one that a rule is about, while `hours` are sure to
/// suffice: a search that begins here cannot end behind it.
///
/// # Errors
/// `Interrupted`, or a ledger that cannot be written.
pub(super) fn begin(space: &Space, course: &Course<'_>, ledger: &Ledger, hours: f64) -> Result<()> {
    let Some(own) = course.known().searched().next() else { return Ok(()) };
    if let Some(parameter) = space.parameters().iter().find(|parameter| parameter.name == own.name) {
        along(&parameter.domain, own, Stage::Line, course, ledger, hours)?;
    }
    Ok(())
}

/// Values of one parameter, the others at their defaults.
fn along<'a>(
    domain: &'a Domain,
    own: &'static Parameter,
    stage: Stage,
    course: &Course<'_>,
    ledger: &Ledger,
    mut hours: f64,
) -> Result<Scale<'a>> {
    let (default, run) = (course.known().default_of(own), course.default_run());
    let first = Tried { value: default, figures: course.figures(run), whole: true };
    let mut scale = Scale { domain, range: own.range, tried: vec![first] };
    for round in 0..=REFINEMENTS {
        let mut values = if round == 0 { scale.levels() } else { scale.between(course.budget()) };
        while !values.is_empty() {
            // Most values are given up early, so that there are hours for others again.
            let sure = (hours / course.hours()).floor().min(values.len() as f64) as usize;
            if sure == 0 {
                return Ok(scale);
            }
            let later = values.split_off(sure);
            let trials: Vec<Result<_>> = parallel::map(values.len(), course.threads(), |i| {
                let settings = Settings::default().with(course.known(), own.name, &values[i])?;
                // A value that does not go with the other defaults is none.
                let run = match ledger.get(Stage::Line, &settings) {
                    Some(run) => Ok(run),
                    None => ledger.get_or(stage, &settings, || simulate(course, &settings)),
                };
                Ok(run.map(|run| (values[i].clone(), run)))
            });
            for trial in trials {
                match trial? {
                    Ok((value, run)) => {
                        hours -= run.hours.iter().sum::<f64>();
                        let whole = run.days() == course.days();
                        scale.tried.push(Tried { value, figures: course.figures(&run), whole });
                    }
                    Err(crate::Error::Control(_) | crate::Error::Config { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            values = later;
        }
    }
    Ok(scale)
}

fn simulate(course: &Course<'_>, settings: &Settings) -> Result<Run> {
    course.run(settings, 1, 1, &mut |run| course.is_hopeless(run, None))
}

/// A parameter's values and what they did.
struct Scale<'a> {
    domain: &'a Domain,
    range: Range,
    tried: Vec<Tried>,
}

/// Where a value lies: itself, its logarithm or its place among choices.
fn scale_of(domain: &Domain, value: &Value) -> f64 {
    let number = value.as_float().or(value.as_integer().map(|n| n as f64)).unwrap_or(0.0);
    match domain {
        Domain::Float { log: true, .. } | Domain::Integer { log: true, .. } => number.ln(),
        Domain::Float { .. } | Domain::Integer { .. } => number,
        Domain::Choice(choices) => choices.iter().position(|c| c == value).unwrap_or(0) as f64,
    }
}

impl Scale<'_> {
    /// The preferred one; of equals the first, which is the default.
    fn best(&self, budget: f64) -> &Tried {
        let mut best = &self.tried[0];
        for next in self.tried.iter().filter(|tried| tried.whole) {
            if next.figures.beats(best.figures, budget) {
                best = next;
            }
        }
        best
    }

    fn value(&self, at: f64) -> Value {
        let number = |log: bool| if log { at.exp() } else { at };
        let value = match self.domain {
            Domain::Float { low, high, log } => Value::Float(number(*log).clamp(*low, *high)),
            Domain::Integer { low, high, log } => {
                Value::Integer((number(*log).round() as i64).clamp(*low, *high))
            }
            Domain::Choice(choices) => return choices[(at as usize).min(choices.len() - 1)].clone(),
        };
        rounded(&value, &self.range)
    }

    /// Values not tried yet.
    fn untried(&self, places: impl Iterator<Item = f64>) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        for at in places {
            let value = self.value(at);
            if !values.contains(&value) && self.tried.iter().all(|tried| tried.value != value) {
                values.push(value);
            }
        }
        values
    }

    fn levels(&self) -> Vec<Value> {
        let ends = [self.domain.first(), self.domain.last()];
        let [low, high] = ends.map(|end| scale_of(self.domain, &end));
        match self.domain {
            Domain::Choice(choices) => self.untried((0..choices.len()).map(|i| i as f64)),
            _ => self.untried((0..LEVELS).map(|i| low + (high - low) * i as f64 / (LEVELS - 1) as f64)),
        }
    }

    /// Values between the best one and its neighbours.
    fn between(&self, budget: f64) -> Vec<Value> {
        if matches!(self.domain, Domain::Choice(_)) {
            return Vec::new();
        }
        let best = scale_of(self.domain, &self.best(budget).value);
        let all = || self.tried.iter().map(|tried| scale_of(self.domain, &tried.value));
        let below = all().filter(|at| *at < best).fold(f64::NEG_INFINITY, f64::max);
        let above = all().filter(|at| *at > best).fold(f64::INFINITY, f64::min);
        self.untried([below, above].into_iter().filter(|at| at.is_finite()).map(|at| f64::midpoint(best, at)))
    }
}

/// A number that is not whole to two significant digits, within its range: more would be a precision that nothing here has.
pub(crate) fn rounded(value: &Value, range: &Range) -> Value {
    let digits = |number: f64| {
        if number == 0.0 {
            return 0.0;
        }
        let unit = 10f64.powi(number.abs().log10().floor() as i32 - 1);
        // By division where the unit is small: 0.07 is 7 / 100, and not 7 × 0.01.
        if unit < 1.0 {
            (number / unit).round() / (1.0 / unit).round()
        } else {
            (number / unit).round() * unit
        }
    };
    match (value, range) {
        (Value::Float(number), Range::Float { low, high, .. }) => {
            Value::Float(digits(*number).clamp(*low, *high))
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_two_significant_digits_and_whole_ones_all() {
        let float = Range::Float { low: 0.0, high: 3600.0, log: false };
        let round = |number: f64| rounded(&Value::Float(number), &float).as_float().unwrap();
        assert_eq!([0.0, 0.0713, 0.3449, 17.6, 1843.2].map(round), [0.0, 0.071, 0.34, 18.0, 1800.0]);
        assert_eq!(round(3599.0), 3600.0);
        let whole = Range::Integer { low: 10, high: 400, log: true };
        assert_eq!(rounded(&Value::Integer(117), &whole), Value::Integer(117));
    }

    #[test]
    fn values_lie_all_over_the_range_then_beside_the_best() {
        let domain = Domain::Integer { low: 10, high: 400, log: true };
        let range = Range::Integer { low: 10, high: 400, log: true };
        let tried = |value: i64, cost: f64, violation_share: f64| Tried {
            value: Value::Integer(value),
            figures: Figures { core_hours: cost, cost, violation_share },
            whole: true,
        };
        let mut scale = Scale { domain: &domain, range, tried: vec![tried(80, 1.0, 0.0)] };
        let levels: Vec<i64> = scale.levels().iter().filter_map(Value::as_integer).collect();
        assert_eq!(levels, [10, 18, 34, 63, 117, 216, 400]);
        scale.tried.push(tried(100, 0.8, 0.005));
        scale.tried.push(tried(160, 0.5, 0.02));
        assert_eq!(scale.best(0.01).value, Value::Integer(100));
        let between: Vec<i64> = scale.between(0.01).iter().filter_map(Value::as_integer).collect();
        assert_eq!(between, [89, 126]);
    }
}
