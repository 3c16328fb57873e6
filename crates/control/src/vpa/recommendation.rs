//! What a recommender says: target, bounds and uncapped target for each container.
//!
//! Left out: how the numbers come about ([`Recommender`](super::Recommender)) and what a pod makes of them
//! ([`capping`](super::capping)).

use super::{Amount, Quantity, Resource, ResourceList};
use serde::{Deserialize, Serialize};

/// Recommendation for one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecommendation {
    /// Name of the container.
    pub container: String,
    /// What it should request.
    pub target: ResourceList,
    /// Below this it has too little.
    pub lower_bound: ResourceList,
    /// Above this it wastes.
    pub upper_bound: ResourceList,
    /// The target before policies and limits.
    pub uncapped_target: ResourceList,
}

/// Recommendations in the order of the list they came in; the recommender sorts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// One entry for each container.
    pub containers: Vec<ContainerRecommendation>,
}

impl Recommendation {
    /// The recommendation for a container.
    pub fn of(&self, container: &str) -> Option<&ContainerRecommendation> {
        self.containers.iter().find(|entry| entry.container == container)
    }

    /// Whether some target of some container is below what `earlier` had for it.
    pub fn is_lower_somewhere_than(&self, earlier: &Self) -> bool {
        self.containers.iter().any(|new| {
            earlier.containers.iter().filter(|old| old.container == new.container).any(|old| {
                new.target
                    .entries()
                    .any(|(resource, target)| old.target.get(resource).is_some_and(|was| target < was))
            })
        })
    }
}

/// How amounts are written into a recommendation (the recommender's flags).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Whether memory is rounded to two decimals of its binary unit (deprecated upstream).
    pub humanize_memory: bool,
    /// CPU is rounded up to a multiple of this many millicores.
    pub round_cpu_millicores: i64,
    /// Memory is rounded up to a multiple of this many bytes.
    pub round_memory_bytes: i64,
}

impl Default for Format {
    fn default() -> Self {
        Self { humanize_memory: false, round_cpu_millicores: 1, round_memory_bytes: 1 }
    }
}

impl Format {
    /// An amount as it is written. A step that is not positive leaves it as it is.
    pub fn quantity(&self, resource: Resource, amount: Amount) -> Quantity {
        let step = match resource {
            Resource::Cpu => self.round_cpu_millicores,
            Resource::Memory => self.round_memory_bytes,
        };
        let rounded = if step == 1 { amount } else { amount.rounded_up_to(step).unwrap_or(amount) };
        if resource == Resource::Memory && self.humanize_memory {
            Quantity::humanized(rounded.0)
        } else {
            Quantity::from_amount(resource, rounded)
        }
    }
}
