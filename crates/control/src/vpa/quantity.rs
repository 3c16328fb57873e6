//! API quantities of CPU and memory, and lists of them.
//!
//! A quantity is a whole number of thousandths, which holds millicores, bytes and the fractions of a byte that a
//! humanised recommendation has. Left out: other resources and quantities finer than a thousandth.

use super::amount::{Amount, hundredths_of_unit};
use serde::{Deserialize, Serialize};

/// What a list has entries for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Cores.
    Cpu,
    /// Bytes.
    Memory,
}

impl Resource {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Memory];
}

/// A number of cores or bytes in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quantity(i128);

impl Quantity {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// The most millicores that a quantity can be built from.
    pub const MOST_MILLICORES: Self = Self::from_milli(i64::MAX);
    /// The most bytes that a quantity can be built from.
    pub const MOST_BYTES: Self = Self::from_units(i64::MAX);

    /// Thousandths of a core or a byte.
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli as i128)
    }

    /// Cores or bytes.
    pub const fn from_units(units: i64) -> Self {
        Self(units as i128 * 1000)
    }

    /// A recommender's amount of a resource.
    pub const fn from_amount(resource: Resource, amount: Amount) -> Self {
        match resource {
            Resource::Cpu => Self::from_milli(amount.0),
            Resource::Memory => Self::from_units(amount.0),
        }
    }

    /// A number of bytes rounded to two decimals of its largest binary unit.
    pub(crate) fn humanized(bytes: i64) -> Self {
        let (hundredths, unit, _) = hundredths_of_unit(bytes);
        Self(hundredths * i128::from(unit) * 10)
    }

    /// Thousandths, exact.
    pub const fn thousandths(self) -> i128 {
        self.0
    }

    /// Thousandths in 64 bits; above 9 PB they wrap around, as those of upstream's `MilliValue` do.
    pub const fn milli(self) -> i64 {
        self.0 as i64
    }

    /// Whole cores or bytes, rounded up (away from zero).
    pub fn units(self) -> i64 {
        let units = self.rounded_up().0 / 1000;
        i64::try_from(units).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }

    /// The next whole number of cores or bytes, away from zero.
    #[must_use]
    pub const fn rounded_up(self) -> Self {
        let over = self.0 % 1000;
        if over == 0 { self } else { Self(self.0 - over + 1000 * over.signum()) }
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// This much less `milli` thousandths.
    #[must_use]
    pub(crate) const fn minus_milli(self, milli: i64) -> Self {
        Self(self.0 - milli as i128)
    }
}

/// Quantities by resource; an absent entry is not in the list, which differs from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceList {
    /// Cores.
    pub cpu: Option<Quantity>,
    /// Bytes.
    pub memory: Option<Quantity>,
}

impl ResourceList {
    /// A list with both entries.
    pub const fn new(cpu: Quantity, memory: Quantity) -> Self {
        Self { cpu: Some(cpu), memory: Some(memory) }
    }

    /// A list of millicores and bytes.
    pub const fn of(millicores: i64, bytes: i64) -> Self {
        Self::new(Quantity::from_milli(millicores), Quantity::from_units(bytes))
    }

    /// The entry of a resource.
    pub const fn get(&self, resource: Resource) -> Option<Quantity> {
        match resource {
            Resource::Cpu => self.cpu,
            Resource::Memory => self.memory,
        }
    }

    /// The entry of a resource; zero where there is none.
    pub fn or_zero(&self, resource: Resource) -> Quantity {
        self.get(resource).unwrap_or_default()
    }

    /// The entry of a resource, to write.
    pub const fn get_mut(&mut self, resource: Resource) -> &mut Option<Quantity> {
        match resource {
            Resource::Cpu => &mut self.cpu,
            Resource::Memory => &mut self.memory,
        }
    }

    /// Whether it has no entry.
    pub const fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }

    /// Entries that are in the list.
    pub fn entries(&self) -> impl Iterator<Item = (Resource, Quantity)> {
        let list = *self;
        Resource::ALL.into_iter().filter_map(move |resource| list.get(resource).map(|q| (resource, q)))
    }

    /// Replaces each entry by what `change` makes of it.
    pub fn map_entries(&mut self, mut change: impl FnMut(Resource, Quantity) -> Quantity) {
        for resource in Resource::ALL {
            if let Some(quantity) = self.get_mut(resource) {
                *quantity = change(resource, *quantity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_rounded_up() {
        assert_eq!(Quantity::from_milli(1).units(), 1);
        assert_eq!(Quantity::from_milli(2000).units(), 2);
        assert_eq!(Quantity::from_milli(8100).rounded_up(), Quantity::from_units(9));
    }

    #[test]
    fn a_humanised_quantity_keeps_its_fraction_of_a_byte() {
        assert_eq!(Quantity::humanized(6_499_152_537).thousandths(), 6_496_138_035_200);
        assert_eq!(Quantity::humanized(1 << 20), Quantity::from_units(1 << 20));
        assert_eq!(Quantity::humanized(700), Quantity::from_units(700));
    }
}
