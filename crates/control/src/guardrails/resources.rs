//! The guard of a pod's resources: bounds, and the largest step from what the pods have now.
//!
//! Requests and limits go through the same bounds and the same relative step, so that a request that was at most its limit
//! still is.

use super::Verdict;
use crate::{Result, error::check};
use serde::{Deserialize, Serialize};
use trimtab_model::{Allocation, Bytes, Millicores, ServiceDecision};

/// Bounds and largest step of requests, limits and heap. 0 is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceGuard {
    /// Least CPU of a pod in millicores.
    pub min_cpu_m: u32,
    /// Most CPU of a pod in millicores.
    pub max_cpu_m: u32,
    /// Least memory of a pod in MiB.
    pub min_memory_mib: u64,
    /// Most memory of a pod in MiB.
    pub max_memory_mib: u64,
    /// Largest change in one decision, in percent of what the pods have.
    pub max_step_percent: f64,
}

impl ResourceGuard {
    pub(super) fn validate(&self) -> Result<()> {
        let cpu = self.max_cpu_m == 0 || self.min_cpu_m <= self.max_cpu_m;
        check("guardrails.resources.max_cpu_m", cpu, "0 or at least min_cpu_m", self.max_cpu_m)?;
        let memory = self.max_memory_mib == 0 || self.min_memory_mib <= self.max_memory_mib;
        check(
            "guardrails.resources.max_memory_mib",
            memory,
            "0 or at least min_memory_mib",
            self.max_memory_mib,
        )?;
        let step = self.max_step_percent;
        check("guardrails.resources.max_step_percent", step.is_finite() && step >= 0.0, "zero or more", step)
    }

    /// Cuts `wish` to what is allowed for pods that have `now`. Most wishes are of replicas alone, and nothing is compared then:
    /// every decision of every lane in training comes through here.
    #[inline]
    pub(super) fn check(&self, now: &Allocation, wish: &mut ServiceDecision) -> Verdict {
        let ServiceDecision { replicas: _, cpu_request, cpu_limit, memory_request, memory_limit, heap } =
            wish;
        let cpu = cpu_request.is_some() || cpu_limit.is_some();
        let memory = memory_request.is_some() || memory_limit.is_some() || heap.is_some();
        if cpu || memory { self.cut(now, wish) } else { Verdict::Passed }
    }

    fn cut(&self, now: &Allocation, wish: &mut ServiceDecision) -> Verdict {
        let proposed = *wish;
        self.step(now, wish);
        let stepped = *wish;
        let cpu = |m: Millicores| {
            Millicores(bounded(m.0.into(), self.min_cpu_m.into(), self.max_cpu_m.into()) as u32)
        };
        let memory = |b: Bytes| Bytes(bounded(b.0, self.min_memory_mib << 20, self.max_memory_mib << 20));
        wish.cpu_request = wish.cpu_request.map(cpu);
        wish.cpu_limit = wish.cpu_limit.map(cpu);
        wish.memory_request = wish.memory_request.map(memory);
        wish.memory_limit = wish.memory_limit.map(memory);
        wish.heap = wish.heap.map(memory);
        if *wish != stepped {
            Verdict::Bounded
        } else if stepped != proposed {
            Verdict::RateLimited
        } else {
            Verdict::Passed
        }
    }

    fn step(&self, now: &Allocation, wish: &mut ServiceDecision) {
        if self.max_step_percent == 0.0 {
            return;
        }
        let cpu =
            |to: Millicores, from: Millicores| Millicores(self.reach(to.0.into(), from.0.into()) as u32);
        let memory = |to: Bytes, from: Bytes| Bytes(self.reach(to.0, from.0));
        wish.cpu_request = wish.cpu_request.map(|to| cpu(to, now.cpu_request));
        // A limit where there was none has nothing to be a step from.
        wish.cpu_limit = wish.cpu_limit.map(|to| now.cpu_limit.map_or(to, |from| cpu(to, from)));
        wish.memory_request = wish.memory_request.map(|to| memory(to, now.memory_request));
        wish.memory_limit = wish.memory_limit.map(|to| now.memory_limit.map_or(to, |from| memory(to, from)));
        wish.heap = wish.heap.map(|to| now.heap.map_or(to, |from| memory(to, from)));
    }

    /// The nearest to `to` that one step from `from` reaches; at least one unit is always allowed.
    fn reach(&self, to: u64, from: u64) -> u64 {
        // The cast rounds towards zero.
        let reach = ((from as f64 * self.max_step_percent / 100.0) as u64).max(1);
        to.clamp(from.saturating_sub(reach), from.saturating_add(reach))
    }
}

fn bounded(value: u64, least: u64, most: u64) -> u64 {
    let value = value.max(least);
    if most > 0 { value.min(most) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUARD: ResourceGuard = ResourceGuard {
        min_cpu_m: 100,
        max_cpu_m: 1000,
        min_memory_mib: 64,
        max_memory_mib: 512,
        max_step_percent: 50.0,
    };

    fn now(request: u32, limit: u32) -> Allocation {
        Allocation {
            cpu_request: Millicores(request),
            cpu_limit: Some(Millicores(limit)),
            memory_request: Bytes::mebibytes(128),
            memory_limit: Some(Bytes::mebibytes(256)),
            heap: None,
        }
    }

    fn asked(request: u32, limit: u32) -> ServiceDecision {
        ServiceDecision {
            cpu_request: Some(Millicores(request)),
            cpu_limit: Some(Millicores(limit)),
            ..ServiceDecision::default()
        }
    }

    #[test]
    fn the_step_and_the_bounds_of_resources_are_kept_and_named() {
        let check = |request, limit| {
            let mut wish = asked(request, limit);
            let verdict = GUARD.check(&now(200, 800), &mut wish);
            (wish.cpu_request.unwrap().0, wish.cpu_limit.unwrap().0, verdict)
        };
        assert_eq!(check(250, 900), (250, 900, Verdict::Passed));
        assert_eq!(check(500, 900), (300, 900, Verdict::RateLimited));
        assert_eq!(check(250, 1200), (250, 1000, Verdict::Bounded));
        assert_eq!(check(10, 10), (100, 400, Verdict::RateLimited));
    }

    #[test]
    fn without_bounds_every_allocation_passes() {
        let mut wish = asked(1, 100_000);
        let verdict = ResourceGuard::default().check(&now(200, 800), &mut wish);
        assert_eq!((wish, verdict), (asked(1, 100_000), Verdict::Passed));
    }

    proptest! {
        #[test]
        fn a_request_within_its_limit_stays_within_it(
            has in 1u32..2000, more in 0u32..2000, wants in 1u32..5000, over in 0u32..5000, step in 0.0f64..200.0,
        ) {
            let guard = ResourceGuard { max_step_percent: step, ..GUARD };
            let mut wish = asked(wants, wants + over);
            guard.check(&now(has, has + more), &mut wish);
            let (request, limit) = (wish.cpu_request.unwrap().0, wish.cpu_limit.unwrap().0);
            prop_assert!(request <= limit && request >= 100 && limit <= 1000, "{request} of {limit}");
        }
    }
}
