//! Histories of weeks: usage with gaps, late and odd samples, OOM kills, pods that come and go, restarts from
//! checkpoints, and policies that change.

use crate::story::{Amounts, Flags, Policy, RecommenderStory, Step, Story};
use rand::{RngExt, seq::IndexedRandom};
use rand_pcg::Pcg64Mcg;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const CONTAINERS: [&str; 3] = ["a", "b", "c"];

pub(crate) fn choose<T: Copy>(rng: &mut Pcg64Mcg, from: &[T]) -> T {
    *from.choose(rng).expect("there is something to choose from")
}

pub(crate) fn random(rng: &mut Pcg64Mcg) -> Story {
    let mut plot = Plot::new(rng);
    for _ in 0..plot.rng.random_range(4..30) {
        plot.advance();
    }
    let integer_cpu = if plot.rng.random_bool(0.3) { vec!["a".to_owned()] } else { Vec::new() };
    let recommender = RecommenderStory {
        config: plot.config,
        policies: plot.first_policies,
        integer_cpu,
        steps: plot.steps,
    };
    Story { kind: "recommender".into(), recommender: Some(recommender), ..Story::default() }
}

/// A story under way.
struct Plot<'a> {
    rng: &'a mut Pcg64Mcg,
    config: Flags,
    first_policies: Option<Vec<Policy>>,
    containers: usize,
    templates: usize,
    now: i64,
    born: usize,
    pods: Vec<String>,
    steps: Vec<Step>,
    level: [i64; 2],
}

impl<'a> Plot<'a> {
    fn new(rng: &'a mut Pcg64Mcg) -> Self {
        let config = flags(rng);
        let first_policies = policies(rng);
        let containers = choose(rng, &[1, 1, 2, 3]);
        let templates = choose(rng, &[1, 1, 1, 2]);
        let start =
            1_700_000_000_000 + rng.random_range(0..400) * DAY + rng.random_range(0..DAY) / 1000 * 1000;
        let level = [rng.random_range(1..4000), rng.random_range(1_000_000..8_000_000_000)];
        let mut plot = Self {
            rng,
            config,
            first_policies,
            containers,
            templates,
            now: start,
            born: 0,
            pods: Vec::new(),
            steps: Vec::new(),
            level,
        };
        for _ in 0..plot.rng.random_range(1..5) {
            plot.add_pod();
        }
        plot
    }

    fn advance(&mut self) {
        match self.rng.random_range(0..100) {
            0..60 => self.sample(),
            60..70 => self.kill_for_memory(),
            70..76 => self.add_pod(),
            81..86 => {
                let policies = policies(self.rng);
                self.step(Step { what: "policies".into(), policies, ..Step::default() });
            }
            86..91 => {
                let controller_exists = self.rng.random_bool(0.7);
                self.step(Step { what: "collect_garbage".into(), controller_exists, ..Step::default() });
            }
            // Upstream takes the open peaks out of a checkpoint in the random order of its pods.
            91..97 if self.pods.len() <= 2 => self.step(Step { what: "restart".into(), ..Step::default() }),
            76..81 | 91..97 => self.delete_pod(),
            _ => self.now += self.rng.random_range(0..12) * DAY,
        }
        if self.rng.random_bool(0.85) {
            self.step(Step { what: "recommend".into(), ..Step::default() });
        }
    }

    fn step(&mut self, step: Step) {
        self.steps.push(Step { at: self.now, ..step });
    }

    fn add_pod(&mut self) {
        let again = self.rng.random_bool(0.2) && !self.pods.is_empty();
        let name = if again { self.a_pod() } else { format!("p{}", self.born) };
        if !again {
            self.born += 1;
            self.pods.push(name.clone());
        }
        let number: usize = name[1..].parse().expect("pods are numbered");
        // A later template, as after a rollout.
        let labels = if number >= 2 && self.templates == 2 { "y" } else { "x" };
        let phase = choose(self.rng, &["Running", "Running", "Running", "Pending", "Succeeded", "Failed"]);
        let containers = CONTAINERS[..self.containers].iter().map(|&name| name.to_owned()).collect();
        self.step(Step {
            what: "pod".into(),
            pod: name,
            labels: labels.into(),
            phase: phase.into(),
            containers,
            ..Step::default()
        });
    }

    fn delete_pod(&mut self) {
        if !self.pods.is_empty() {
            let index = self.rng.random_range(0..self.pods.len());
            let pod = self.pods.remove(index);
            self.step(Step { what: "delete_pod".into(), pod, ..Step::default() });
        }
    }

    fn a_pod(&mut self) -> String {
        let index = self.rng.random_range(0..self.pods.len());
        self.pods[index].clone()
    }

    /// A stretch of samples of all pods at the same instants, so that weights tie.
    fn sample(&mut self) {
        let spacing = choose(self.rng, &[15_000, MINUTE, MINUTE, 5 * MINUTE, HOUR, 7 * HOUR, DAY]);
        let count = self.rng.random_range(1..40);
        let shape = self.rng.random_range(0..4);
        if self.rng.random_bool(0.2) {
            for level in &mut self.level {
                *level = (*level as f64 * self.rng.random_range(0.2..3.0)) as i64 + 1;
            }
        }
        let start = self.now;
        for pod in self.pods.clone() {
            for container in &CONTAINERS[..self.containers] {
                let samples = (0..count).map(|k| self.one(start + k * spacing, shape, k)).collect();
                let what = "usage".to_owned();
                let container = (*container).to_owned();
                self.step(Step { what, pod: pod.clone(), container, samples, ..Step::default() });
            }
        }
        self.now = start + count * spacing;
    }

    fn one(&mut self, at: i64, shape: i32, k: i64) -> [i64; 3] {
        let [cpu, memory] = self.level;
        let (mut cpu, mut memory) = match shape {
            0 => (cpu, memory),
            1 => (cpu + k * 7 % 50, memory + k * 1_000_003),
            2 => (self.rng.random_range(0..=cpu), self.rng.random_range(0..=memory)),
            _ if self.rng.random_bool(0.1) => (cpu * 5, memory * 3),
            _ => (cpu / 3, memory / 2),
        };
        let at = match self.rng.random_range(0..100) {
            0..3 => at - self.rng.random_range(0..3 * DAY),
            3..5 => at + self.rng.random_range(0..1000),
            5 => at + self.rng.random_range(0..2 * DAY),
            _ => at,
        };
        if self.rng.random_bool(0.01) {
            (cpu, memory) = choose(self.rng, &[(-1, -1), (0, 0), (2_000_000, 2_000_000_000_000)]);
        }
        [at, cpu, memory]
    }

    fn kill_for_memory(&mut self) {
        if self.pods.is_empty() {
            return;
        }
        let pod = self.a_pod();
        let container = choose(self.rng, &CONTAINERS[..self.containers]).to_owned();
        let late = choose(self.rng, &[0, 0, 0, HOUR, DAY, 3 * DAY]);
        let time = self.now - late + self.rng.random_range(0..60) * 1000;
        let request = choose(self.rng, &[0, 1000, self.level[1], self.level[1] * 2]);
        self.step(Step { what: "oom".into(), pod, container, time, request, ..Step::default() });
    }
}

fn flags(rng: &mut Pcg64Mcg) -> Flags {
    let mut flags = Flags {
        memory_interval_secs: 86_400,
        memory_interval_count: 8,
        cpu_half_life_secs: 86_400,
        memory_half_life_secs: 86_400,
        oom_bump_up_ratio: 1.2,
        oom_min_bump_up: 104_857_600.0,
        margin: 0.15,
        pod_min_cpu_millicores: 25.0,
        pod_min_memory_mb: 250.0,
        target_cpu: 0.9,
        lower_cpu: 0.5,
        upper_cpu: 0.95,
        target_memory: 0.9,
        lower_memory: 0.5,
        upper_memory: 0.95,
        confidence_cpu_secs: 86_400,
        confidence_memory_secs: 86_400,
        humanize: false,
        round_cpu_millicores: 1,
        round_memory_bytes: 1,
        whole_cpu: rng.random_bool(0.2),
        max_allowed: Amounts::default(),
    };
    if rng.random_bool(0.5) {
        return flags;
    }
    flags.memory_interval_secs = choose(rng, &[3600, 21_600, 86_400]);
    flags.memory_interval_count = rng.random_range(1..9);
    flags.cpu_half_life_secs = choose(rng, &[600, 3600, 25_200, 86_400, 172_800]);
    flags.memory_half_life_secs = choose(rng, &[600, 3600, 25_200, 86_400, 172_800]);
    flags.oom_bump_up_ratio = choose(rng, &[1.0, 1.2, 1.55, 2.0]);
    flags.oom_min_bump_up = choose(rng, &[0.0, 1.5, 104_857_600.0]);
    flags.margin = choose(rng, &[0.0, 0.1, 0.15, 0.5]);
    flags.pod_min_cpu_millicores = choose(rng, &[0.0, 10.0, 25.0, 100.0]);
    flags.pod_min_memory_mb = choose(rng, &[0.0, 0.1, 10.0, 250.0]);
    let shares = [0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];
    for share in [
        &mut flags.target_cpu,
        &mut flags.lower_cpu,
        &mut flags.upper_cpu,
        &mut flags.target_memory,
        &mut flags.lower_memory,
        &mut flags.upper_memory,
    ] {
        *share = choose(rng, &shares);
    }
    flags.confidence_cpu_secs = choose(rng, &[90, 3600, 86_400]);
    flags.confidence_memory_secs = choose(rng, &[90, 3600, 86_400]);
    flags.humanize = rng.random_bool(0.3);
    flags.round_cpu_millicores = choose(rng, &[1, 10, 13, 0, -3]);
    flags.round_memory_bytes = choose(rng, &[1, 1_048_576, 134_217_728, 1000]);
    if rng.random_bool(0.3) {
        flags.max_allowed = bounds(rng, 4000, 4_000_000_000_000);
    }
    flags
}

fn bounds(rng: &mut Pcg64Mcg, cpu: i64, memory: i64) -> Amounts {
    let mut one = |most: i64| match rng.random_range(0..4) {
        0 => None,
        1 if rng.random_bool(0.1) => Some(0),
        _ => Some(rng.random_range(1..most)),
    };
    Amounts { cpu: one(cpu), memory: one(memory) }
}

pub(crate) fn policies(rng: &mut Pcg64Mcg) -> Option<Vec<Policy>> {
    if rng.random_bool(0.4) {
        return None;
    }
    let mut one = |_| {
        let rng = &mut *rng;
        Policy {
            container: choose(rng, &["a", "b", "c", "*"]).to_owned(),
            off: rng.random_bool(0.1),
            min: if rng.random_bool(0.3) { bounds(rng, 500, 500_000_000_000) } else { Amounts::default() },
            max: if rng.random_bool(0.3) { bounds(rng, 3000, 3_000_000_000_000) } else { Amounts::default() },
            controlled: rng.random_bool(0.2).then(|| {
                let lists: [&[&str]; 4] = [&["cpu"], &["memory"], &["memory", "cpu"], &[]];
                choose(rng, &lists).iter().map(|&name| name.to_owned()).collect()
            }),
            requests_only: rng.random_bool(0.2),
            oom_bump_up_ratio: rng.random_bool(0.2).then(|| rng.random_range(1000..2500)),
            oom_min_bump_up: rng.random_bool(0.2).then(|| rng.random_range(0..300_000_000_000)),
            memory_interval_secs: rng.random_bool(0.15).then(|| choose(rng, &[3600, 43_200, 86_400])),
            memory_interval_count: rng.random_bool(0.15).then(|| rng.random_range(1..10)),
        }
    };
    Some((0..2).map(&mut one).collect())
}
