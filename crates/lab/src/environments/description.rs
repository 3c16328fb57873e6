//! What an environment is made of, as data: the text of `trimtab env describe` and of the reference page follows from it.
//!
//! Left out: applications, whose page is written from their services ([`crate::environment::describe`]).

use super::Registered;
use std::fmt::Write;
use trimtab_rl::EnvSpec;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Agents, and who they are, such as `1 agent`.
    pub agents: String,
    /// What an agent sees, in the order of its observation.
    pub observation: Vec<Entry>,
    /// What an agent does: an entry for each head of choices or for each number.
    pub action: Vec<ActionEntry>,
    /// When choices are forbidden, in a sentence; empty: they are not.
    pub masks: String,
    /// Terms of the reward, which is their weighted sum.
    pub reward: Vec<Term>,
    /// Constraint signals beside the reward: name and meaning.
    pub costs: Vec<(String, String)>,
    /// Where an episode starts.
    pub start: String,
    /// When an episode reaches a terminal state.
    pub terminated: String,
    /// When it is cut off.
    pub truncated: String,
    /// What else a reader must know, a sentence or two each: rules that differ from a source and why, defects of the data.
    pub notes: Vec<String>,
}

/// One number of an observation, or several alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Numbers it takes.
    pub width: usize,
    /// What it says.
    pub meaning: String,
    /// Unit as the number is given; `1` for a share or a flag.
    pub unit: String,
    /// Least value; minus infinity where there is none.
    pub low: f64,
    /// Largest value; infinity where there is none.
    pub high: f64,
}

/// One entry of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionEntry {
    /// Name.
    pub name: String,
    /// What it decides.
    pub meaning: String,
    /// What there is to choose from.
    pub values: Values,
}

/// Values of an entry of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One of these, by its index.
    Choices(Vec<String>),
    /// A number in [-1, 1], which means this range of that unit.
    Number {
        /// What -1 means.
        low: f64,
        /// What 1 means.
        high: f64,
        /// Unit of both.
        unit: String,
    },
}

/// A term of the reward.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Name.
    pub name: String,
    /// Weight as configured.
    pub weight: f64,
    /// Its formula, in words and symbols that the observation's names explain.
    pub meaning: String,
}

/// Choices that are all listed; of longer lists, the first and the last.
const LISTED: usize = 12;

impl Entry {
    /// One number.
    pub fn number(name: &str, meaning: &str, unit: &str, low: f64, high: f64) -> Self {
        let (name, meaning, unit) = (name.to_owned(), meaning.to_owned(), unit.to_owned());
        Self { name, width: 1, meaning, unit, low, high }
    }

    /// `width` flags of which one is set.
    pub fn one_hot(name: &str, meaning: &str, width: usize) -> Self {
        Self { width, ..Self::number(name, meaning, "1", 0.0, 1.0) }
    }
}

impl Description {
    /// What does not agree with a specification; empty where all of it is described.
    pub fn gaps(&self, spec: &EnvSpec) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut compare = |what: &str, described: String, found: String| {
            if described != found {
                gaps.push(format!("{what}: {described} described, {found} found"));
            }
        };
        let width: usize = self.observation.iter().map(|entry| entry.width).sum();
        compare("observation entries", width.to_string(), spec.obs_dim.to_string());
        compare("action entries", self.action.len().to_string(), spec.action_space.width().to_string());
        let choices: usize = self.action.iter().map(ActionEntry::choices).sum();
        compare("choices", choices.to_string(), spec.action_space.choices().to_string());
        let costs: Vec<&str> = self.costs.iter().map(|(name, _)| name.as_str()).collect();
        compare("costs", format!("{costs:?}"), format!("{:?}", spec.costs));
        compare("masks", (!self.masks.is_empty()).to_string(), spec.masked.to_string());
        let entries = self.observation.iter().map(|entry| (&entry.name, &entry.meaning));
        let actions = self.action.iter().map(|entry| (&entry.name, &entry.meaning));
        let terms = self.reward.iter().map(|term| (&term.name, &term.meaning));
        for (name, meaning) in entries.chain(actions).chain(terms) {
            if name.is_empty() || meaning.is_empty() {
                gaps.push(format!("{name:?} has no name or no meaning"));
            }
        }
        for (what, text) in
            [("agents", &self.agents), ("terminated", &self.terminated), ("truncated", &self.truncated)]
        {
            if text.is_empty() {
                gaps.push(format!("{what} is empty"));
            }
        }
        gaps
    }

    /// The page, with the name and source of the entry it belongs to.
    pub fn to_markdown(&self, registered: &Registered) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut page, registered);
        page
    }

    fn write(&self, w: &mut String, registered: &Registered) -> std::fmt::Result {
        let Registered { name, family, summary, source, .. } = registered;
        writeln!(w, "## `{name}`\n\n{summary}. Kind: {}. Source: {source}.\n", family.name())?;
        let width: usize = self.observation.iter().map(|entry| entry.width).sum();
        writeln!(w, "**Observation**: {width} numbers for each of {}.\n", self.agents)?;
        writeln!(w, "| at | entry | meaning | unit | bounds |\n|---|---|---|---|---|")?;
        let mut at = 0;
        for entry in &self.observation {
            let place =
                if entry.width == 1 { at.to_string() } else { format!("{at}–{}", at + entry.width - 1) };
            let (low, high) = (bound(entry.low), bound(entry.high));
            writeln!(
                w,
                "| {place} | `{}` | {} | {} | {low} to {high} |",
                entry.name, entry.meaning, entry.unit
            )?;
            at += entry.width;
        }
        writeln!(w, "\n**Action**\n\n| entry | meaning | values |\n|---|---|---|")?;
        for entry in &self.action {
            writeln!(w, "| `{}` | {} | {} |", entry.name, entry.meaning, entry.values.shown())?;
        }
        if !self.masks.is_empty() {
            writeln!(w, "\n**Masks**: {}", self.masks)?;
        }
        writeln!(w, "\n**Reward**: the weighted sum of\n\n| term | weight | meaning |\n|---|---|---|")?;
        for term in &self.reward {
            writeln!(w, "| `{}` | {} | {} |", term.name, term.weight, term.meaning)?;
        }
        if !self.costs.is_empty() {
            let costs = self.costs.iter().map(|(name, meaning)| format!("`{name}` ({meaning})"));
            writeln!(
                w,
                "\n**Constraint signals** beside the reward: {}.",
                costs.collect::<Vec<_>>().join(", ")
            )?;
        }
        writeln!(w, "\n**Episode**\n\n* start: {}", self.start)?;
        writeln!(w, "* terminated: {}\n* truncated: {}", self.terminated, self.truncated)?;
        if !self.notes.is_empty() {
            writeln!(w, "\n**Notes**\n")?;
            for note in &self.notes {
                writeln!(w, "* {note}")?;
            }
        }
        Ok(())
    }
}

impl ActionEntry {
    fn choices(&self) -> usize {
        match &self.values {
            Values::Choices(choices) => choices.len(),
            Values::Number { .. } => 0,
        }
    }
}

impl Values {
    fn shown(&self) -> String {
        match self {
            Self::Number { low, high, unit } => {
                format!("−1 to 1: {} to {} {unit}", bound(*low), bound(*high))
            }
            Self::Choices(choices) => {
                let name = |(at, choice): (usize, &String)| format!("{at} {choice}");
                let mut shown: Vec<String> = choices.iter().enumerate().map(name).collect();
                if shown.len() > LISTED {
                    let last = shown.split_off(shown.len() - 1);
                    shown.truncate(3);
                    shown.push("…".to_owned());
                    shown.extend(last);
                }
                format!("{}: {}", choices.len(), shown.join(", "))
            }
        }
    }
}

fn bound(value: f64) -> String {
    match value {
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "−∞".to_owned(),
        value => value.to_string().replace('-', "−"),
    }
}
