//! What can be wrong with an application file.

/// A problem in an application file, phrased so that the file's author can fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not TOML, a wrong type, a missing or an unknown key. The source names line and column.
    #[error("not a valid application file")]
    Syntax(#[source] Box<toml::de::Error>),
    /// A value outside its range.
    #[error("{key}: expected {expected}, found {found}")]
    Value {
        /// Path of the key, such as `services.frontend.replicas`.
        key: String,
        /// What would have been right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A call names a service that the file does not define.
    #[error("endpoint {endpoint:?} calls {callee:?}, expected one of: {known}")]
    UnknownCallee {
        /// Endpoint whose call tree has the call.
        endpoint: String,
        /// The name that was not found.
        callee: String,
        /// The names that exist.
        known: String,
    },
    /// The calls of all endpoints together form a cycle between services.
    #[error("the call graph has a cycle: {path}; expected calls that never come back to their caller")]
    Cycle {
        /// The services on the cycle, in calling order.
        path: String,
    },
}

/// Result of reading an application.
pub type Result<T, E = Error> = std::result::Result<T, E>;
