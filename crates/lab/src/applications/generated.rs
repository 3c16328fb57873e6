//! Applications from a number of services and a seed: call graphs to try policies on that were trained elsewhere.
//!
//! Service 0 is the entrance. Every other one is called by one before it, the recent ones more often, so that there are chains
//! as well as stars; a sixth of the services get a second caller. CPU of a call, requests and bounds are drawn around those of Online
//! Boutique. The same numbers give the same application everywhere.
//!
//! Left out: likeness to any real application.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::fmt::Write;
use trimtab_model::Application;

/// Services that may be asked for.
const SERVICES: std::ops::RangeInclusive<usize> = 2..=200;
/// Calls to a depth beyond which a service calls nobody: trees double with each second caller.
const DEEPEST: usize = 8;

/// The numbers in a name such as `generated-18-7`: services and seed.
pub(super) fn numbers(name: &str) -> Option<(usize, u64)> {
    let (services, seed) = name.strip_prefix("generated-")?.split_once('-')?;
    let (services, seed) = (services.parse().ok()?, seed.parse().ok()?);
    SERVICES.contains(&services).then_some((services, seed))
}

/// The application of so many services from a seed.
///
/// # Errors
/// None within [`numbers`]'s range: a test makes some of each size.
pub(super) fn make(services: usize, seed: u64) -> Result<Application, trimtab_model::Error> {
    let mut rng =
        Pcg64::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(services as u64));
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); services];
    let mut depth = vec![0; services];
    for service in 1..services {
        // The square root leans towards the recent ones.
        let share: f64 = rng.random::<f64>().sqrt();
        let drawn = (share * service as f64) as usize;
        let caller = if depth[drawn] < DEEPEST { drawn } else { 0 };
        callees[caller].push(service);
        depth[service] = depth[caller] + 1;
        let other = rng.random_range(0..service);
        if service > 1 && rng.random_range(0..6) == 0 && other != caller && depth[other] < depth[service] {
            callees[other].push(service);
        }
    }
    let mut toml = format!(
        "name = \"generated-{services}-{seed}\"\ndescription = \"{services} services, generated from seed {seed}\"\nsource = \"generated\"\nslo = {{ p95_ms = 500, window_secs = 15 }}\n[defaults]\nreplicas = {{ min = 1, max = 8 }}\nidle_cpu_m = 16.1\ncpu_cv2 = 1.0\nmemory_per_call_kib = 64\nstart = {{ schedule_secs = 2.0, pull_secs = 5.0, readiness_secs = 5.0, cpu_work_secs = 0.5 }}\n"
    );
    let visits = visits(&callees);
    for (service, visits) in visits.iter().enumerate() {
        let request = [100, 100, 150, 200][rng.random_range(0..4)];
        let memory = [64, 128, 200][rng.random_range(0..3)];
        // What one pod serves differs by a factor of three, whatever the place in the graph.
        let work = request as f64 / 100.0 * rng.random_range(2.0..6.0) / visits;
        let idle = (f64::from(memory) * rng.random_range(0.25..0.5)).round();
        // Writing to a string cannot fail.
        let _ = write!(
            toml,
            "[[service]]\nname = \"s{service}\"\ncpu_request_m = {request}\ncpu_limit_m = {}\nmemory_request_mib = {memory}\nmemory_limit_mib = {}\ncpu_per_call_ms = {work:.4}\nidle_memory_mib = {idle:.1}\n",
            2 * request,
            2 * memory
        );
    }
    let _ = write!(
        toml,
        "[[endpoint]]\nname = \"GET /\"\nweight = 1\nservice = \"s0\"\nsteps = {}\n",
        steps(0, &callees)
    );
    Application::from_toml(&toml)
}

/// Mean calls of each service for a request; callers come before those they call by depth, not by number.
fn visits(callees: &[Vec<usize>]) -> Vec<f64> {
    fn visit(service: usize, callees: &[Vec<usize>], visits: &mut [f64]) {
        visits[service] += 1.0;
        for callee in &callees[service] {
            visit(*callee, callees, visits);
        }
    }
    let mut visits = vec![0.0; callees.len()];
    visit(0, callees, &mut visits);
    visits
}

fn steps(service: usize, callees: &[Vec<usize>]) -> String {
    let call = |callee: &usize| format!("{{ call = \"s{callee}\", steps = {} }}", steps(*callee, callees));
    format!("[{}]", callees[service].iter().map(call).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_follows_from_its_numbers() {
        for services in [2, 6, 18, 40, 200] {
            for seed in 0..4 {
                let made = make(services, seed).unwrap();
                assert_eq!(made.services.len(), services);
                assert_eq!(made, make(services, seed).unwrap());
                let capacity = made.largest_capacity();
                assert!(capacity > 100.0 && capacity < 2000.0, "{services} from {seed}: {capacity}");
            }
        }
        assert_ne!(make(18, 1).unwrap().edges(), make(18, 2).unwrap().edges());
    }

    #[test]
    fn names_carry_the_numbers() {
        assert_eq!(numbers("generated-18-7"), Some((18, 7)));
        assert_eq!(
            (numbers("generated-1-7"), numbers("generated-18"), numbers("generated-x-1")),
            (None, None, None)
        );
    }
}
