//! What can keep a cluster from being built.

/// Why a cluster cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("sim.{key} is {found}, expected {expected}")]
    Config {
        /// Name of the setting.
        key: &'static str,
        /// What would have been right.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The application cannot be simulated.
    #[error("the application cannot be simulated")]
    Application(#[from] trimtab_model::Error),
}

/// Result of building a cluster.
pub type Result<T, E = Error> = std::result::Result<T, E>;
