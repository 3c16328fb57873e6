//! Pods that are born, start, become ready and leave, and some that do none of it in the right order.

use super::pick;
use crate::story::{Amounts, Container, Pod, Ready, Story};
use rand::{Rng, RngExt};

/// The pods of a story.
pub(crate) struct Population {
    pods: Vec<Pod>,
    born: u32,
    /// How often something unusual happens to a pod in a step.
    trouble: f64,
    template: Template,
    cpu_init: f64,
    readiness: f64,
    period: f64,
}

/// What every pod of the story is made of.
struct Template {
    containers: Vec<Container>,
    init: Vec<Container>,
    pod_level: Option<Amounts>,
    /// How often a pod lacks a request.
    unrequested: f64,
}

impl Template {
    fn new(rng: &mut impl Rng) -> Self {
        let amounts = |rng: &mut _| Amounts {
            cpu: Some(pick(rng, &[100, 100, 250, 1000, 333, 1])),
            memory: Some(pick(rng, &[64 << 20, 128 << 20, 100_000_000])),
        };
        let container =
            |name: &str, requests, restartable| Container { name: name.to_owned(), requests, restartable };
        let mut containers = vec![container("c0", amounts(rng), false)];
        if rng.random_bool(0.4) {
            containers.push(container("c1", amounts(rng), false));
        }
        let mut init = Vec::new();
        if rng.random_bool(0.15) {
            init.push(container("setup", amounts(rng), false));
        }
        if rng.random_bool(0.15) {
            init.push(container("side", amounts(rng), true));
        }
        if rng.random_bool(0.1) {
            init.push(container("late", amounts(rng), false));
        }
        let pod_level = rng.random_bool(0.12).then(|| Amounts {
            cpu: rng.random_bool(0.7).then(|| pick(rng, &[150, 500])),
            memory: rng.random_bool(0.7).then_some(256 << 20),
        });
        Self { containers, init, pod_level, unrequested: pick(rng, &[0.0, 0.0, 0.0, 0.0, 0.02, 0.5]) }
    }
}

impl Population {
    pub(crate) fn new(rng: &mut impl Rng, story: &Story) -> Self {
        let mut population = Self {
            pods: Vec::new(),
            born: 0,
            trouble: pick(rng, &[0.0, 0.01, 0.05, 0.2]),
            template: Template::new(rng),
            cpu_init: story.cpu_init,
            readiness: story.readiness,
            period: story.period,
        };
        for _ in 0..story.replicas {
            let mut pod = population.birth(rng);
            if rng.random_bool(0.9) {
                let started = pick(rng, &[-100_000.0, -1_000.0, 1.0, 0.0]);
                pod.phase = "Running".to_owned();
                pod.started = Some(started);
                pod.ready =
                    Some(Ready { status: "True".to_owned(), since: started + pick(rng, &[0.0, 5.0]) });
            }
            population.pods.push(pod);
        }
        population
    }

    /// The pods as a sync at `now` finds them when `replicas` are asked for.
    pub(crate) fn advance(&mut self, rng: &mut impl Rng, now: f64, replicas: i32) -> Vec<Pod> {
        // What was leaving is gone after a step or some.
        self.pods.retain(|pod| !pod.deleting || rng.random_bool(0.4));
        for pod in &mut self.pods {
            grow(rng, pod, now, self.period);
            if rng.random_bool(self.trouble) {
                trouble(rng, pod, now, self.cpu_init, self.readiness);
            }
        }
        let wanted = replicas.max(0) as usize;
        let alive = |pods: &[Pod]| pods.iter().filter(|pod| !pod.deleting).count();
        while alive(&self.pods) < wanted && self.pods.len() < 40 {
            let pod = self.birth(rng);
            self.pods.push(pod);
        }
        while alive(&self.pods) > wanted && rng.random_bool(0.95) {
            if let Some(pod) = self.pods.iter_mut().rev().find(|pod| !pod.deleting) {
                pod.deleting = true;
            }
        }
        if rng.random_bool(self.trouble * 0.1) {
            self.pods.clear();
        }
        self.pods.clone()
    }

    fn birth(&mut self, rng: &mut impl Rng) -> Pod {
        self.born += 1;
        let mut containers = self.template.containers.clone();
        for container in &mut containers {
            if rng.random_bool(self.template.unrequested) {
                container.requests = pick(
                    rng,
                    &[
                        Amounts::default(),
                        Amounts { cpu: Some(0), memory: Some(0) },
                        Amounts { memory: None, ..container.requests },
                    ],
                );
            }
        }
        Pod {
            name: format!("p{}", self.born),
            phase: "Pending".to_owned(),
            deleting: false,
            started: None,
            ready: None,
            containers,
            init: self.template.init.clone(),
            pod_level: self.template.pod_level,
        }
    }
}

/// One step of an ordinary life: scheduled, started, running, ready.
fn grow(rng: &mut impl Rng, pod: &mut Pod, now: f64, period: f64) {
    let recent = now - pick(rng, &[0.0, 0.25, 1.0, period / 2.0, period]);
    match (pod.phase.as_str(), &pod.started, &pod.ready) {
        ("Pending", None, _) if rng.random_bool(0.7) => pod.started = Some(recent),
        ("Pending", Some(started), None) if rng.random_bool(0.7) => {
            pod.phase = "Running".to_owned();
            let since = started + pick(rng, &[0.0, 1.0, 10.0]);
            pod.ready = Some(Ready { status: "False".to_owned(), since });
        }
        ("Running", _, Some(ready)) if ready.status == "False" && rng.random_bool(0.5) => {
            pod.ready = Some(Ready { status: "True".to_owned(), since: recent });
        }
        _ => {}
    }
}

fn trouble(rng: &mut impl Rng, pod: &mut Pod, now: f64, cpu_init: f64, readiness: f64) {
    match rng.random_range(0..9) {
        0 => pod.phase = pick(rng, &["Failed", "Succeeded", "Unknown", "Pending", "Running"]).to_owned(),
        1 => pod.deleting = !pod.deleting,
        2 => pod.started = None,
        3 => pod.ready = None,
        // Exactly at, just before and just after the end of the initialisation period.
        4 => pod.started = Some(now - cpu_init + pick(rng, &[0.0, 0.25, -0.25])),
        5..=6 => {
            let status = pick(rng, &["True", "False", "False", "Unknown"]).to_owned();
            let since = now - pick(rng, &[0.0, 15.0, 30.0, 60.0, 400.0]);
            pod.ready = Some(Ready { status, since });
        }
        7 => {
            // Became unready exactly when the delay ended, or nearly so.
            let since = pod.started.unwrap_or(now) + readiness + pick(rng, &[0.0, 0.25, -0.25]);
            pod.ready = Some(Ready { status: "False".to_owned(), since });
        }
        _ => {
            pod.phase = "Running".to_owned();
            pod.started = Some(now - 5_000.0);
            pod.ready = Some(Ready { status: "True".to_owned(), since: now - 4_000.0 });
        }
    }
}
