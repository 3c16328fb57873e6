//! Requests and limits that keep their proportion.
//!
//! Source: `pkg/utils/vpa/limit_and_request_scaling.go` of the VPA. Products are taken in 128 bits and divided once,
//! downwards. The detail others get wrong: "rounding up" a memory share does nothing, because the division has
//! already truncated; only CPU goes up. Left out: resources other than CPU and memory.

use super::{Quantity, Resource, ResourceList};

/// What becomes of the remainder of a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// It is dropped.
    Truncate,
    /// CPU goes up to the next millicore; memory as with truncation.
    Up,
    /// Memory of nothing becomes −1 byte, as upstream has it; the rest as with truncation.
    Down,
}

/// A limit, and whether upstream annotates the pod with why it is missing or capped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProportionalLimit {
    /// The limit; nothing where none is set.
    pub limit: Option<Quantity>,
    /// Whether the pod gets an annotation about it.
    pub annotated: bool,
}

/// `quantity · result / base` and whether it had to be capped. A CPU base of zero leaves the quantity as it is.
pub fn scaled(
    resource: Resource,
    quantity: Quantity,
    base: Quantity,
    result: Quantity,
    rounding: Rounding,
) -> (Quantity, bool) {
    match resource {
        Resource::Cpu => {
            if base.is_zero() {
                return (quantity, false);
            }
            let product = i128::from(quantity.milli()) * i128::from(result.milli());
            let base = i128::from(base.milli());
            let (quotient, rest) = (product.div_euclid(base), product.rem_euclid(base));
            match i64::try_from(quotient) {
                Ok(milli) if rest != 0 && rounding == Rounding::Up => {
                    (Quantity::from_milli(milli.saturating_add(1)), false)
                }
                Ok(milli) => (Quantity::from_milli(milli), false),
                Err(_) => (Quantity::MOST_MILLICORES, true),
            }
        }
        Resource::Memory => {
            let base = i128::from(base.units());
            if base == 0 {
                return (quantity, false);
            }
            let product = i128::from(quantity.units()) * i128::from(result.units());
            match i64::try_from(product.div_euclid(base)) {
                Ok(bytes) if rounding == Rounding::Down => {
                    (Quantity::from_units(bytes).minus_milli(999).rounded_up(), false)
                }
                Ok(bytes) => (Quantity::from_units(bytes), false),
                Err(_) => (Quantity::MOST_BYTES, true),
            }
        }
    }
}

/// The limit that is to the recommended request what the original limit (the default where it is zero) is to the
/// original request.
pub fn proportional_limit(
    resource: Resource,
    limit: Quantity,
    request: Quantity,
    recommended: Quantity,
    default: Quantity,
) -> ProportionalLimit {
    let limit = if limit.units() == 0 { default } else { limit };
    if limit.units() == 0 || recommended.units() == 0 {
        return ProportionalLimit { limit: None, annotated: true };
    }
    if request.units() == 0 || request.milli() == limit.milli() {
        return ProportionalLimit { limit: Some(recommended), annotated: false };
    }
    let (limit, capped) = scaled(resource, limit, request, recommended, Rounding::Truncate);
    ProportionalLimit { limit: Some(limit), annotated: capped }
}

/// Proportional limits of both resources; a resource without one has no entry.
pub fn proportional_limits(
    limits: &ResourceList,
    requests: &ResourceList,
    recommended: &ResourceList,
    defaults: &ResourceList,
) -> ResourceList {
    let mut list = ResourceList::default();
    for resource in Resource::ALL {
        *list.get_mut(resource) = proportional_limit(
            resource,
            limits.or_zero(resource),
            requests.or_zero(resource),
            recommended.or_zero(resource),
            defaults.or_zero(resource),
        )
        .limit;
    }
    list
}

/// The request at which a proportional limit reaches `boundary`; zero where no limit follows the request.
pub fn boundary_request(
    resource: Resource,
    request: Quantity,
    limit: Quantity,
    boundary: Quantity,
    default: Quantity,
) -> Quantity {
    let limit = if limit.units() == 0 { default } else { limit };
    if limit.units() == 0 {
        return Quantity::ZERO;
    }
    if request.units() == 0 {
        return boundary;
    }
    scaled(resource, request, limit, boundary, Rounding::Truncate).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_its_ratio_to_the_request() {
        let [limit, request, wish] = [2000, 1500, 1000].map(Quantity::from_milli);
        let scaled = proportional_limit(Resource::Cpu, limit, request, wish, Quantity::ZERO);
        assert_eq!(scaled.limit, Some(Quantity::from_milli(1333)));
    }

    #[test]
    fn only_cpu_is_rounded_up() {
        let [one, three, ten] = [1, 3, 10].map(Quantity::from_milli);
        assert_eq!(scaled(Resource::Cpu, ten, three, one, Rounding::Up).0, Quantity::from_milli(4));
        let [one, three, ten] = [1, 3, 10].map(Quantity::from_units);
        assert_eq!(scaled(Resource::Memory, ten, three, one, Rounding::Up).0, Quantity::from_units(3));
        assert_eq!(scaled(Resource::Memory, one, ten, one, Rounding::Down).0, Quantity::from_units(-1));
    }
}
