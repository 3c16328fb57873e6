//! Composition of an endpoint's response time from those of the services it calls.
//!
//! Sequential calls add means and variances; parallel branches take the larger ([`tail::larger`]). A call
//! tree is compiled once to a short program over a stack of partial sums, each a vector over the lanes.

#![expect(
    clippy::inline_always,
    reason = "a body must be compiled inside the function that chose the vectors"
)]

use crate::tail;
use trimtab_model::{Application, ServiceId, Step};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Add `times` calls of a service to the top.
    Call { service: ServiceId, times: f32 },
    /// Push an empty sum.
    Open,
    /// Replace the top two by the larger of them.
    Larger,
    /// Pop, and add `times` of it to the new top.
    Close { times: f32 },
}

#[derive(Clone, Debug)]
struct Program {
    ops: Vec<Op>,
    /// Mean calls of each service in one request; empty entries left out.
    calls: Vec<(ServiceId, f32)>,
}

/// Compiled call trees of an application.
#[derive(Clone, Debug)]
pub(crate) struct CallPlan {
    endpoints: Vec<Program>,
    depth: usize,
}

/// Partial sums of a call tree's evaluation: `depth × lanes`.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    mean: Vec<f32>,
    variance: Vec<f32>,
}

/// A sum and the one above it.
type Pair<'a> = (&'a mut [f32], &'a [f32]);

impl Scratch {
    /// Means and variances of the sum below the top and of the top.
    #[inline(always)]
    fn top_two(&mut self, top: usize, lanes: usize) -> (Pair<'_>, Pair<'_>) {
        let (below, above) = self.mean[(top - 1) * lanes..(top + 1) * lanes].split_at_mut(lanes);
        let (low, high) = self.variance[(top - 1) * lanes..(top + 1) * lanes].split_at_mut(lanes);
        ((below, above), (low, high))
    }
}

impl CallPlan {
    pub(crate) fn new(application: &Application) -> Self {
        let endpoints: Vec<Program> = application
            .endpoints
            .iter()
            .map(|endpoint| {
                let mut ops = vec![Op::Call { service: endpoint.service, times: 1.0 }];
                compile(&endpoint.steps, 1.0, &mut ops);
                let mut calls = vec![(endpoint.service, 1.0)];
                count(&endpoint.steps, 1.0, &mut calls);
                Program { ops, calls }
            })
            .collect();
        let depth = endpoints.iter().map(|p| deepest(&p.ops)).max().unwrap_or(1);
        Self { endpoints, depth }
    }

    pub(crate) fn scratch(&self, lanes: usize) -> Scratch {
        Scratch { mean: vec![0.0; self.depth * lanes], variance: vec![0.0; self.depth * lanes] }
    }

    /// Whether some request makes calls at the same time.
    pub(crate) fn has_parallel(&self) -> bool {
        self.endpoints.iter().any(|program| program.ops.iter().any(|op| matches!(op, Op::Larger)))
    }

    pub(crate) fn calls(&self, endpoint: usize) -> &[(ServiceId, f32)] {
        &self.endpoints[endpoint].calls
    }

    /// Mean and variance of `endpoint`'s response time in each lane, given those of a call to each service
    /// (`services × lanes`).
    #[inline(always)]
    pub(crate) fn compose<'a>(
        &self,
        endpoint: usize,
        mean: &[f32],
        variance: &[f32],
        lanes: usize,
        scratch: &'a mut Scratch,
    ) -> (&'a [f32], &'a [f32]) {
        scratch.mean[..lanes].fill(0.0);
        scratch.variance[..lanes].fill(0.0);
        let mut top = 0;
        for op in &self.endpoints[endpoint].ops {
            match *op {
                Op::Call { service, times } => {
                    let (at, sum) = (service * lanes..(service + 1) * lanes, top * lanes..(top + 1) * lanes);
                    add(times, &mean[at.clone()], &mut scratch.mean[sum.clone()]);
                    add(times, &variance[at], &mut scratch.variance[sum]);
                }
                Op::Open => {
                    top += 1;
                    scratch.mean[top * lanes..(top + 1) * lanes].fill(0.0);
                    scratch.variance[top * lanes..(top + 1) * lanes].fill(0.0);
                }
                Op::Larger => {
                    let ((mean, other_mean), (variance, other_variance)) = scratch.top_two(top, lanes);
                    take_larger(mean, variance, other_mean, other_variance);
                    top -= 1;
                }
                Op::Close { times } => {
                    let ((mean, other_mean), (variance, other_variance)) = scratch.top_two(top, lanes);
                    add(times, other_mean, mean);
                    add(times, other_variance, variance);
                    top -= 1;
                }
            }
        }
        (&scratch.mean[..lanes], &scratch.variance[..lanes])
    }
}

/// Adds `times` of each number to its sum.
#[inline(always)]
fn add(times: f32, numbers: &[f32], sums: &mut [f32]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += times * number;
    }
}

/// Replaces each lane's first time by the larger of two.
#[inline(always)]
fn take_larger(mean: &mut [f32], variance: &mut [f32], other_mean: &[f32], other_variance: &[f32]) {
    let lanes = mean.len();
    let (variance, other_mean) = (&mut variance[..lanes], &other_mean[..lanes]);
    let other_variance = &other_variance[..lanes];
    for l in 0..lanes {
        (mean[l], variance[l]) = tail::larger((mean[l], variance[l]), (other_mean[l], other_variance[l]));
    }
}

/// Purely sequential subtrees are flattened to calls; a subtree with parallel steps gets a sum of its own.
fn compile(steps: &[Step], times: f32, ops: &mut Vec<Op>) {
    for step in steps {
        match step {
            Step::Call { service, times: n, steps } => {
                let n = times * *n as f32;
                ops.push(Op::Call { service: *service, times: n });
                if steps.iter().any(has_parallel) {
                    ops.push(Op::Open);
                    compile(steps, 1.0, ops);
                    ops.push(Op::Close { times: n });
                } else {
                    compile(steps, n, ops);
                }
            }
            Step::Parallel(branches) => {
                for (i, branch) in branches.iter().enumerate() {
                    ops.push(Op::Open);
                    compile(std::slice::from_ref(branch), 1.0, ops);
                    if i > 0 {
                        ops.push(Op::Larger);
                    }
                }
                ops.push(Op::Close { times });
            }
        }
    }
}

fn has_parallel(step: &Step) -> bool {
    match step {
        Step::Parallel(_) => true,
        Step::Call { steps, .. } => steps.iter().any(has_parallel),
    }
}

fn count(steps: &[Step], times: f32, calls: &mut Vec<(ServiceId, f32)>) {
    for step in steps {
        match step {
            Step::Call { service, times: n, steps } => {
                let n = times * *n as f32;
                match calls.iter_mut().find(|c| c.0 == *service) {
                    Some(entry) => entry.1 += n,
                    None => calls.push((*service, n)),
                }
                count(steps, n, calls);
            }
            Step::Parallel(branches) => count(branches, times, calls),
        }
    }
}

fn deepest(ops: &[Op]) -> usize {
    let (mut depth, mut deepest) = (1, 1);
    for op in ops {
        match op {
            Op::Call { .. } => {}
            Op::Open => depth += 1,
            Op::Larger | Op::Close { .. } => depth -= 1,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &str) -> CallPlan {
        let service = |name: &str| {
            format!(
                "[[service]]\nname = \"{name}\"\ncpu_request_m = 100\nmemory_request_mib = 64\n\
                 replicas = {{ min = 1, max = 2 }}\ncpu_per_call_ms = 1\n"
            )
        };
        let text = format!(
            "name = \"x\"\nslo = {{ p95_ms = 100 }}\n{}{}{}[[endpoint]]\nname = \"e\"\nweight = 1\nservice = \"a\"\nsteps = {steps}\n",
            service("a"),
            service("b"),
            service("c")
        );
        CallPlan::new(&Application::from_toml(&text).unwrap())
    }

    fn compose(plan: &CallPlan, mean: &[f32], variance: &[f32]) -> (f32, f32) {
        let mut scratch = plan.scratch(1);
        let (m, v) = plan.compose(0, mean, variance, 1, &mut scratch);
        (m[0], v[0])
    }

    #[test]
    fn sequential_calls_add_with_nested_multiplicity() {
        // a + 2·(b + 3·c) = 1 + 2·(10 + 300).
        let plan = plan("[{ call = \"b\", times = 2, steps = [{ call = \"c\", times = 3 }] }]");
        assert_eq!(compose(&plan, &[1.0, 10.0, 100.0], &[0.0; 3]).0, 621.0);
        assert_eq!(plan.calls(0), [(0, 1.0), (1, 2.0), (2, 6.0)]);
    }

    #[test]
    fn parallel_calls_take_the_larger() {
        let plan = plan("[{ parallel = [{ call = \"b\" }, { call = \"c\" }] }]");
        assert!((compose(&plan, &[1.0, 10.0, 100.0], &[0.0; 3]).0 - 101.0).abs() < 1e-3);
        let (mean, _) = compose(&plan, &[1.0, 10.0, 10.0], &[0.0, 4.0, 4.0]);
        assert!(mean > 12.0 && mean < 12.5, "{mean}");
    }

    #[test]
    fn a_parallel_step_inside_a_repeated_call_counts_each_time() {
        let inner = "[{ parallel = [{ call = \"c\" }, { call = \"c\" }] }]";
        let plan = plan(&format!("[{{ call = \"b\", times = 2, steps = {inner} }}]"));
        assert!((compose(&plan, &[1.0, 10.0, 100.0], &[0.0; 3]).0 - 221.0).abs() < 1e-2);
    }
}
