//! A stopped run as bytes: tensors (safetensors) and a description (JSON).
//!
//! The two name each other by a digest, so that a crash between writing two files is found when reading.
//!
//! Left out: files. The caller writes, syncs and renames them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use trimtab_nn::Tensors;

use crate::error::{Error, Result};

const DIGEST_KEY: &str = "description_digest";

/// Everything a run needs to go on as if it had not been stopped, except the environment's own state
/// ([`VecEnv::save`](crate::VecEnv::save)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Weights, moments, observations: a safetensors file.
    pub tensors: Vec<u8>,
    /// Configuration, counters, statistics, generator: a JSON file.
    pub description: Vec<u8>,
}

/// 64-bit FNV-1a.
fn digest(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

impl Checkpoint {
    /// Joins tensors and what describes them, a structure whose maps have strings for keys.
    pub(crate) fn new(mut tensors: Tensors, description: &impl Serialize) -> Self {
        let description =
            serde_json::to_vec_pretty(description).expect("structures of numbers and names are JSON");
        tensors.metadata.insert(DIGEST_KEY.into(), digest(&description));
        Self { tensors: tensors.to_bytes(), description }
    }

    /// What stands under `format` in a description.
    pub(crate) fn format(algorithm: &str, version: u32) -> String {
        format!("{algorithm}/{version}")
    }

    /// Name of the algorithm whose run this is.
    ///
    /// # Errors
    /// [`Error::Description`] if the description cannot be read.
    pub fn algorithm(&self) -> Result<String> {
        let format = self.found_format()?;
        Ok(format.split_once('/').map_or(format.as_str(), |(algorithm, _)| algorithm).into())
    }

    fn found_format(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let Format { format } = serde_json::from_slice(&self.description).map_err(Error::Description)?;
        Ok(format)
    }

    /// Fails unless this is a run of an algorithm in a version.
    pub(crate) fn check_format(&self, algorithm: &str, version: u32) -> Result<()> {
        let (expected, found) = (Self::format(algorithm, version), self.found_format()?);
        if expected == found {
            return Ok(());
        }
        match self.algorithm()? {
            same if same == algorithm => Err(Error::Format { expected, found }),
            found => Err(Error::OtherAlgorithm { expected: algorithm.into(), found }),
        }
    }

    /// Reads both parts.
    ///
    /// # Errors
    /// Either is damaged, or they do not belong together.
    pub(crate) fn parts<T: DeserializeOwned>(&self) -> Result<(Tensors, T)> {
        let tensors = Tensors::from_bytes(&self.tensors).map_err(Error::Tensors)?;
        let description = serde_json::from_slice(&self.description).map_err(Error::Description)?;
        if tensors.metadata.get(DIGEST_KEY) != Some(&digest(&self.description)) {
            return Err(Error::TornCheckpoint);
        }
        Ok((tensors, description))
    }
}
