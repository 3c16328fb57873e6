//! What can be wrong with a network description, a tensor file or a gradient.

/// A problem with a network, phrased so that its reader can fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value in an [`Architecture`](crate::Architecture) or [`Initialisation`](crate::Initialisation)
    /// outside its range.
    #[error("network {key}: expected {expected}, found {found}")]
    Architecture {
        /// Field of the description.
        key: &'static str,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Bytes that are not a complete safetensors file: truncated, damaged or something else.
    #[error("not a complete safetensors file")]
    Format(#[source] safetensors::SafeTensorError),
    /// A tensor of another element type than 32-bit floats.
    #[error("tensor {name:?}: expected type F32, found {found}")]
    Type {
        /// Tensor.
        name: String,
        /// Its type.
        found: String,
    },
    /// A tensor that is needed and not there.
    #[error("tensor {name:?} is missing")]
    Missing {
        /// Tensor.
        name: String,
    },
    /// Tensors that nothing asked for.
    #[error("unexpected tensors: {names}")]
    Unexpected {
        /// Their names, separated by commas.
        names: String,
    },
    /// A tensor with other sizes than the network's.
    #[error("tensor {name:?}: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// Tensor.
        name: String,
        /// What the network has.
        expected: Vec<usize>,
        /// What the file has.
        found: Vec<usize>,
    },
    /// A tensor with an infinite entry or one that is not a number.
    #[error("tensor {name:?} has entries that are not finite")]
    NotFinite {
        /// Tensor.
        name: String,
    },
    /// A metadata entry that is needed and not there.
    #[error("metadata {key:?} is missing")]
    MissingMetadata {
        /// Entry.
        key: &'static str,
    },
    /// A metadata entry that cannot be read.
    #[error("metadata {key:?} cannot be read")]
    Metadata {
        /// Entry.
        key: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The norm of a gradient is infinite or not a number; nothing was changed.
    #[error("the gradient's norm is {norm}, expected a finite number")]
    Gradient {
        /// The norm.
        norm: f32,
    },
}

/// Result of building, reading or improving a network.
pub type Result<T, E = Error> = std::result::Result<T, E>;
