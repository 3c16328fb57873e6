//! What can go wrong before, during and after a run, phrased for the person who started it.

use std::path::PathBuf;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that nothing has.
    #[error("no {what} {name:?}{nearest}, expected one of: {known}")]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// A hint such as `(did you mean "x"?)`, or nothing.
        nearest: String,
        /// The names that exist.
        known: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that cannot be written. What was there before is still there.
    #[error("cannot write {}; what was there before is unchanged", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An application file with a mistake.
    #[error("{file}")]
    Application {
        /// Name of the file or application.
        file: String,
        /// What is wrong.
        #[source]
        source: trimtab_model::Error,
    },
    /// A trace with a mistake.
    #[error("{file}")]
    Trace {
        /// Name of the file or trace.
        file: String,
        /// What is wrong.
        #[source]
        source: trimtab_workload::Error,
    },
    /// A setting that is wrong, with where it was set.
    #[error("{place}: {message}")]
    Config {
        /// File, variable, flag or key.
        place: String,
        /// What is there and what was expected.
        message: String,
    },
    /// The simulated cluster cannot be built.
    #[error("the simulated cluster cannot be built")]
    Sim(#[from] trimtab_sim::Error),
    /// An autoscaler cannot be built.
    #[error("the autoscaler cannot be built")]
    Control(#[from] trimtab_control::Error),
    /// Learning stopped.
    #[error("learning stopped")]
    Rl(#[from] trimtab_rl::Error),
    /// A number that was learned from or with is not finite.
    #[error("learning stopped; the last sound policy is kept in {}", kept.display())]
    Diverged {
        /// Directory of the state.
        kept: PathBuf,
        /// Which number, where and when.
        #[source]
        source: trimtab_rl::Error,
    },
    /// Stopped on request before there was a result.
    #[error("stopped on request")]
    Interrupted,
    /// A checkpoint that is damaged or belongs to another run.
    #[error("{}", path.display())]
    Checkpoint {
        /// Its directory.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: trimtab_rl::Error,
    },
    /// A run directory that cannot be used for what was asked.
    #[error("{}: {message}", path.display())]
    Run {
        /// The directory or file.
        path: PathBuf,
        /// What is there and what was expected.
        message: String,
    },
}

/// Result of work in the lab.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// [`Error::Unknown`] with the nearest of `known`.
    pub fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        Self::Unknown { what, name: name.to_owned(), nearest: nearest(name, &known), known: known.join(", ") }
    }

    pub(crate) fn config(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config { place: place.into(), message: message.into() }
    }

    pub(crate) fn run(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::Run { path: path.into(), message: message.into() }
    }
}

/// ` (did you mean "x"?)` for the candidate that `name` most resembles, or nothing when none does.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|&candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > 0.75)
        .map(|(_, candidate)| format!(" (did you mean {candidate:?}?)"))
        .unwrap_or_default()
}
