//! The namespace's `LimitRange`: what counts of all its items of one type.
//!
//! Source: `pkg/utils/limitrange` of the VPA. Left out: default requests and `maxLimitRequestRatio`, which the VPA does
//! not read.

use super::{Resource, ResourceList};
use serde::{Deserialize, Serialize};

/// What an item limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitType {
    /// Each container.
    Container,
    /// The sum over a pod's containers.
    Pod,
}

/// Least and greatest limit, and the limit of a container that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitRangeItem {
    /// Least.
    pub min: ResourceList,
    /// Greatest.
    pub max: ResourceList,
    /// Limit of a container that has none.
    pub default: ResourceList,
}

impl LimitRangeItem {
    const fn is_empty(&self) -> bool {
        self.min.is_empty() && self.max.is_empty() && self.default.is_empty()
    }

    /// Narrows the range by another item; of the defaults the last one counts as a whole.
    fn narrow(&mut self, item: &Self) {
        if !item.default.is_empty() {
            self.default = item.default;
        }
        for resource in Resource::ALL {
            if let Some(max) = item.max.get(resource) {
                let slot = self.max.get_mut(resource);
                *slot = Some(slot.map_or(max, |old| old.min(max)));
            }
            if let Some(min) = item.min.get(resource) {
                let slot = self.min.get_mut(resource);
                *slot = Some(slot.map_or(min, |old| old.max(min)));
            }
        }
    }
}

/// The ranges in force in a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitRanges {
    /// For each container.
    pub container: Option<LimitRangeItem>,
    /// For the sum over a pod.
    pub pod: Option<LimitRangeItem>,
}

impl LimitRanges {
    /// The narrowest range that all items of a type leave.
    pub fn of(items: &[(LimitType, LimitRangeItem)]) -> Self {
        let narrowest = |wanted| {
            let mut range = LimitRangeItem::default();
            for (_, item) in items.iter().filter(|&&(kind, _)| kind == wanted) {
                range.narrow(item);
            }
            (!range.is_empty()).then_some(range)
        };
        Self { container: narrowest(LimitType::Container), pod: narrowest(LimitType::Pod) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_range_counts() {
        let item = |min, max| LimitRangeItem {
            min: ResourceList::of(min, min),
            max: ResourceList::of(max, max),
            ..LimitRangeItem::default()
        };
        let items =
            [(LimitType::Pod, item(1, 9)), (LimitType::Pod, item(2, 8)), (LimitType::Pod, item(0, 10))];
        let ranges = LimitRanges::of(&items);
        assert_eq!(ranges.pod, Some(item(2, 8)));
        assert_eq!(ranges.container, None);
    }
}
