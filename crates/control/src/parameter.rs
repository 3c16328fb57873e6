//! What can be tuned of an autoscaler: names, units, ranges and scales, for people and for a search.
//!
//! An autoscaler's file has its parameters beside its settings; a parameter has the name that its setting has in a
//! file, with dots where settings lie within settings. Defaults are those of the settings.
//!
//! Left out: reading values ([`serde`] does) and the search itself.

/// Values that a parameter may take; both bounds belong to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A number.
    Float {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
        /// Whether ratios matter rather than differences.
        log: bool,
    },
    /// A whole number.
    Integer {
        /// Least.
        low: i64,
        /// Greatest.
        high: i64,
        /// Whether ratios matter rather than differences.
        log: bool,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text: a setting that no search should touch.
    Text,
}

/// One tunable number or word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Name of the setting.
    pub name: &'static str,
    /// Unit; empty for a number without one.
    pub unit: &'static str,
    /// What it does, in a phrase.
    pub meaning: &'static str,
    /// Values to choose from.
    pub range: Range,
    /// Whether a search changes it; see [`Parameter::left_as_set`].
    pub searched: bool,
}

impl Parameter {
    /// A number from `low` to `high`.
    pub const fn float(
        name: &'static str,
        unit: &'static str,
        low: f64,
        high: f64,
        meaning: &'static str,
    ) -> Self {
        Self { name, unit, meaning, range: Range::Float { low, high, log: false }, searched: true }
    }

    /// A whole number from `low` to `high`.
    pub const fn integer(
        name: &'static str,
        unit: &'static str,
        low: i64,
        high: i64,
        meaning: &'static str,
    ) -> Self {
        Self { name, unit, meaning, range: Range::Integer { low, high, log: false }, searched: true }
    }

    /// One of `words`.
    pub const fn choice(name: &'static str, words: &'static [&'static str], meaning: &'static str) -> Self {
        Self { name, unit: "", meaning, range: Range::Choice(words), searched: true }
    }

    /// Any text.
    pub const fn text(name: &'static str, unit: &'static str, meaning: &'static str) -> Self {
        Self { name, unit, meaning, range: Range::Text, searched: false }
    }

    /// The same, searched on a logarithmic scale.
    #[must_use]
    pub const fn on_log_scale(mut self) -> Self {
        self.range = match self.range {
            Range::Float { low, high, .. } => Range::Float { low, high, log: true },
            Range::Integer { low, high, .. } => Range::Integer { low, high, log: true },
            other => other,
        };
        self
    }

    /// The same, out of reach of a search: for what acts only where a simulated cluster has nothing to show, such as metrics
    /// that fail and applications at zero, or what says when rather than how much.
    #[must_use]
    pub const fn left_as_set(mut self) -> Self {
        self.searched = false;
        self
    }
}
