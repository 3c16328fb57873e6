//! Named tensors with string metadata, to and from safetensors bytes.
//!
//! Equal contents give equal bytes: tensors and metadata are written in the order of their names. (The
//! `safetensors` crate reads and validates; it writes metadata in a random order, so the header is written
//! here.)
//!
//! Left out: files and element types other than 32-bit floats.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

use crate::{Error, Result};

/// Numbers in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `shape`.
    ///
    /// # Panics
    /// If the data do not fill the shape.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "the data do not fill the shape {shape:?}");
        Self { shape, data }
    }

    /// Sizes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements.
    pub fn data(&self) -> &[f32] {
        &self.data
    }
}

/// A set of named tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    tensors: BTreeMap<String, Tensor>,
    /// Strings that travel along.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Info<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, Info<'a>>,
}

impl Tensors {
    /// Adds or replaces one.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.tensors.insert(name.into(), tensor);
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Looks at one.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Removes one and returns its elements.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`] or [`Error::NotFinite`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.tensors.remove(name).ok_or_else(|| Error::Missing { name: name.into() })?;
        if tensor.shape != shape {
            return Err(Error::Shape { name: name.into(), expected: shape.into(), found: tensor.shape });
        }
        if !tensor.data.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { name: name.into() });
        }
        Ok(tensor.data)
    }

    /// Adds all of `others`, each name after `prefix`, without their metadata.
    pub fn insert_all(&mut self, prefix: &str, others: Tensors) {
        let named = others.tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        self.tensors.extend(named);
    }

    /// Removes all whose name starts with `prefix` and returns them under the rest of their name.
    #[must_use]
    pub fn take_all(&mut self, prefix: &str) -> Tensors {
        let (taken, left) =
            std::mem::take(&mut self.tensors).into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.tensors = left;
        let taken: BTreeMap<String, Tensor> = taken;
        let rest = |(name, tensor): (String, Tensor)| (name[prefix.len()..].to_owned(), tensor);
        Tensors { tensors: taken.into_iter().map(rest).collect(), metadata: BTreeMap::new() }
    }

    /// Checks that nothing is left after every [`Tensors::take`].
    ///
    /// # Errors
    /// [`Error::Unexpected`].
    pub fn finish(self) -> Result<()> {
        if self.tensors.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.tensors.into_keys().collect();
        Err(Error::Unexpected { names: names.join(", ") })
    }

    /// The safetensors file as bytes.
    ///
    /// # Panics
    /// Never: a header of strings and numbers is always valid JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut offset = 0;
        let info = |tensor: &'_ Tensor| {
            let start = offset;
            offset += tensor.data.len() * 4;
            [start, offset]
        };
        let offsets: Vec<[usize; 2]> = self.tensors.values().map(info).collect();
        let tensors = self.tensors.iter().zip(offsets).map(|((name, tensor), data_offsets)| {
            (name.as_str(), Info { dtype: "F32", shape: &tensor.shape, data_offsets })
        });
        let header = Header { metadata: &self.metadata, tensors: tensors.collect() };
        let mut header = serde_json::to_vec(&header).expect("strings and numbers are valid JSON");
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = Vec::with_capacity(8 + header.len() + offset);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for tensor in self.tensors.values() {
            bytes.extend(tensor.data.iter().flat_map(|x| x.to_le_bytes()));
        }
        bytes
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are not a whole file, [`Error::Type`] for other element types.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(Error::Format)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let file = SafeTensors::deserialize(bytes).map_err(Error::Format)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(Error::Type { name: name.into(), found: format!("{:?}", view.dtype()) });
            }
            let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let data = view.data().chunks_exact(4).map(number).collect();
            tensors.insert(name.into(), Tensor::new(view.shape().to_vec(), data));
        }
        Ok(Self { tensors, metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensors {
        let mut tensors = Tensors::default();
        tensors.insert("b", Tensor::new(vec![2, 3], vec![1.0, -2.5, f32::MIN_POSITIVE, 0.1, 3e38, -0.0]));
        tensors.insert("a", Tensor::new(vec![], vec![7.0]));
        for key in ["one", "two", "three", "four"] {
            tensors.metadata.insert(key.into(), format!("{{\"{key}\": \"ü\"}}"));
        }
        tensors
    }

    #[test]
    fn bytes_hold_everything_and_equal_contents_give_equal_bytes() {
        let bytes = sample().to_bytes();
        assert_eq!(Tensors::from_bytes(&bytes).unwrap(), sample());
        assert_eq!(bytes, sample().to_bytes());
    }

    #[test]
    fn prefixes_join_and_part_sets() {
        let mut joined = sample();
        joined.insert_all("x.", sample());
        let mut parted = joined.take_all("x.");
        assert_eq!((joined, parted.names().count()), (sample(), 2));
        parted.metadata = sample().metadata;
        assert_eq!(parted, sample());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample().to_bytes();
        for length in 0..bytes.len() {
            assert!(matches!(Tensors::from_bytes(&bytes[..length]), Err(Error::Format(_))), "{length}");
        }
    }

    #[test]
    fn missing_extra_misshapen_and_infinite_tensors_are_named() {
        let mut tensors = sample();
        assert_eq!(tensors.take("c", &[1]).unwrap_err().to_string(), "tensor \"c\" is missing");
        let error = tensors.take("b", &[3, 2]).unwrap_err();
        assert_eq!(error.to_string(), "tensor \"b\": expected shape [3, 2], found [2, 3]");
        tensors.insert("d", Tensor::new(vec![1], vec![f32::NAN]));
        assert!(matches!(tensors.take("d", &[1]), Err(Error::NotFinite { .. })));
        assert_eq!(sample().finish().unwrap_err().to_string(), "unexpected tensors: a, b");
    }
}
