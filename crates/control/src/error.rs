//! What can keep an autoscaler from being built.

/// Why an autoscaler cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{key} is {found}, expected {expected}")]
    Config {
        /// Path of the setting.
        key: String,
        /// What would have been right.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A policy was trained with other observations or actions.
    #[error("the policy's {what} is {found}, expected {expected}")]
    Policy {
        /// What differs.
        what: &'static str,
        /// What this program has.
        expected: String,
        /// What the policy has.
        found: String,
    },
}

/// Result of building an autoscaler.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn check(
    key: &str,
    right: bool,
    expected: &'static str,
    found: impl std::fmt::Display,
) -> Result<()> {
    if right {
        Ok(())
    } else {
        Err(Error::Config { key: key.to_owned(), expected, found: found.to_string() })
    }
}
