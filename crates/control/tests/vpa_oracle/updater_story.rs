//! Situations of the updater: groups with pods missing, pending, resizing, killed for memory; every mode; limit ranges,
//! policies, refused calls.

use crate::{
    recommender_story::{choose, policies},
    story::{
        Allocated, Amounts, ContainerStory, Ended, GroupStory, LimitItem, Loop, PodStory, Requirement,
        ResizeStory, Story, Update, UpdaterStory, Wish,
    },
};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Upstream's sort is stable up to this many pods.
const MOST_PODS: usize = 12;

pub(crate) fn random(rng: &mut Pcg64Mcg) -> Story {
    let mut now = 1_700_000_000_000 + rng.random_range(0..100_000) * 1000;
    let mut seen = first(rng, now);
    let mut loops = vec![seen.clone()];
    for _ in 0..rng.random_range(0..3) {
        now += choose(rng, &[MINUTE, 4 * MINUTE, 6 * MINUTE, 61 * MINUTE]);
        seen = next(rng, &seen, now);
        loops.push(seen.clone());
    }
    let updater = UpdaterStory {
        min_replicas: choose(rng, &[1, 2, 2, 3]),
        tolerance: choose(rng, &[0.0, 0.1, 0.5, 0.5, 0.8, 1.0]),
        skip_budget: rng.random_bool(0.25),
        threshold: choose(rng, &[0.0, 0.1, 0.5]),
        lifetime_secs: choose(rng, &[0, 3600, 43_200]),
        evict_after_oom_secs: choose(rng, &[0, 600, 3600]),
        loops,
    };
    Story { kind: "updater".into(), updater: Some(updater), ..Story::default() }
}

fn first(rng: &mut Pcg64Mcg, now: i64) -> Loop {
    let kinds = ["ReplicaSet", "ReplicaSet", "StatefulSet", "ReplicationController", "DaemonSet", "Job"];
    let groups: Vec<GroupStory> = (0..rng.random_range(1..4))
        .map(|index| GroupStory {
            kind: choose(rng, &kinds).to_owned(),
            name: format!("g{index}"),
            replicas: rng.random_range(0..7),
        })
        .collect();
    let mut pods = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let count = match rng.random_range(0..3) {
            0 => rng.random_range(0..6),
            _ => group.replicas as usize,
        };
        for _ in 0..count.min(MOST_PODS - pods.len()) {
            let name = format!("p{}", pods.len());
            let group = (!rng.random_bool(0.03)).then_some(index);
            pods.push(pod(rng, name, group, now));
        }
    }
    let mut story = Loop { at: now, groups, pods, ..Loop::default() };
    set_policies(rng, &mut story);
    story.recommendations = wishes(rng, &story.pods);
    story
}

/// The same some time later: some things changed.
fn next(rng: &mut Pcg64Mcg, before: &Loop, now: i64) -> Loop {
    let mut story = Loop { at: now, ..before.clone() };
    for pod in &mut story.pods {
        match rng.random_range(0..10) {
            0 => pod.resize = resize(rng),
            1 => *pod = self::pod(rng, pod.name.clone(), pod.group, now),
            2 => choose(rng, &["", "infeasible", "refused"]).clone_into(&mut pod.resize_fails),
            3 => pod.deleting = true,
            _ => {}
        }
    }
    if rng.random_bool(0.4) {
        story.recommendations = wishes(rng, &story.pods);
    }
    if rng.random_bool(0.1) {
        set_policies(rng, &mut story);
    }
    story
}

fn set_policies(rng: &mut Pcg64Mcg, story: &mut Loop) {
    story.policies = policies(rng);
    story.update = (!rng.random_bool(0.05)).then(|| update(rng));
    story.limit_ranges.clear();
    if rng.random_bool(0.4) {
        for _ in 0..rng.random_range(1..4) {
            let item = LimitItem {
                kind: choose(rng, &["Container", "Pod"]).to_owned(),
                min: sometimes(rng, 0.4),
                max: sometimes(rng, 0.6),
                default: sometimes(rng, 0.3),
            };
            story.limit_ranges.push(item);
        }
    }
}

fn update(rng: &mut Pcg64Mcg) -> Update {
    let modes = [
        "Recreate",
        "Recreate",
        "Auto",
        "InPlaceOrRecreate",
        "InPlaceOrRecreate",
        "InPlace",
        "InPlace",
        "Initial",
        "Off",
    ];
    let requirement = |rng: &mut Pcg64Mcg| {
        let lists: [&[&str]; 3] = [&["cpu"], &["memory"], &["cpu", "memory"]];
        let resources = choose(rng, &lists).iter().map(|&name| name.to_owned()).collect();
        Requirement { resources, higher: rng.random_bool(0.5) }
    };
    Update {
        mode: choose(rng, &modes).to_owned(),
        min_replicas: rng.random_bool(0.3).then(|| rng.random_range(0..4)),
        evict_after_oom_secs: rng.random_bool(0.2).then(|| choose(rng, &[60, 600, 7200])),
        requirements: (0..choose(rng, &[0, 0, 0, 1, 2])).map(|_| requirement(rng)).collect(),
    }
}

fn amounts(rng: &mut Pcg64Mcg) -> Amounts {
    let cpu = choose(rng, &[0, 1, 10, 100, 250, 500, 1000, 1001, 2000]) + choose(rng, &[0, 0, 0, 7]);
    let memory =
        choose(rng, &[0, 1, 4096, 1_000_000, 1 << 28, 1 << 30, 1 << 32]) + choose(rng, &[0, 0, 0, 13]);
    let part = if rng.random_bool(0.05) { 200 } else { 0 };
    Amounts {
        cpu: (!rng.random_bool(0.1)).then_some(cpu),
        memory: (!rng.random_bool(0.1)).then_some(memory * 1000 + part),
    }
}

fn sometimes(rng: &mut Pcg64Mcg, share: f64) -> Amounts {
    if rng.random_bool(share) { amounts(rng) } else { Amounts::default() }
}

fn scaled(amounts: Amounts, factor: f64) -> Amounts {
    let scale = |amount: i64| (amount as f64 * factor) as i64;
    Amounts { cpu: amounts.cpu.map(scale), memory: amounts.memory.map(|amount| scale(amount) / 1000 * 1000) }
}

fn limits(rng: &mut Pcg64Mcg, requests: Amounts) -> Amounts {
    match rng.random_range(0..5) {
        0 | 1 => Amounts::default(),
        2 => requests,
        3 => scaled(requests, choose(rng, &[1.5, 2.0, 3.0])),
        _ => amounts(rng),
    }
}

fn wishes(rng: &mut Pcg64Mcg, pods: &[PodStory]) -> Option<Vec<Wish>> {
    if rng.random_bool(0.05) {
        return None;
    }
    let mut wishes = Vec::new();
    for name in ["a", "b"] {
        if rng.random_bool(0.1) {
            continue;
        }
        let current = pods.iter().flat_map(|pod| &pod.containers).find(|container| container.name == name);
        let near = match current {
            Some(container) if rng.random_bool(0.7) => {
                scaled(container.requests, choose(rng, &[0.5, 0.91, 1.0, 1.05, 1.2, 3.0]))
            }
            _ => amounts(rng),
        };
        let bound = |rng: &mut Pcg64Mcg, factor: f64| {
            if rng.random_bool(0.1) { sometimes(rng, 0.5) } else { scaled(near, factor) }
        };
        let (lower, upper) = (bound(rng, 0.7), bound(rng, 1.6));
        wishes.push(Wish { container: name.to_owned(), target: near, lower, upper });
    }
    Some(wishes)
}

fn pod(rng: &mut Pcg64Mcg, name: String, group: Option<usize>, now: i64) -> PodStory {
    let count = choose(rng, &[1, 1, 2]);
    let containers = ["a", "b"][..count].iter().map(|name| container(rng, name, now)).collect();
    let age = choose(rng, &[MINUTE, 30 * MINUTE, 5 * HOUR, 12 * HOUR, 24 * HOUR]);
    PodStory {
        name,
        group,
        phase: choose(rng, &["Running", "Running", "Running", "Running", "Pending"]).to_owned(),
        deleting: rng.random_bool(0.04),
        started: (!rng.random_bool(0.05)).then_some(now - age),
        observed: rng.random_bool(0.4).then(|| {
            let lists: [&[&str]; 4] = [&["a"], &["a", "b"], &["a", "b"], &[]];
            choose(rng, &lists).iter().map(|&name| name.to_owned()).collect()
        }),
        boosted: rng.random_bool(0.05),
        resize: if rng.random_bool(0.25) { resize(rng) } else { Vec::new() },
        containers,
        resize_fails: choose(rng, &["", "", "", "", "infeasible", "refused"]).to_owned(),
        evict_fails: rng.random_bool(0.1),
    }
}

fn container(rng: &mut Pcg64Mcg, name: &str, now: i64) -> ContainerStory {
    let requests = if rng.random_bool(0.06) { Amounts::default() } else { amounts(rng) };
    let limits = limits(rng, requests);
    let status = rng.random_bool(0.3).then(|| {
        let requests = if rng.random_bool(0.6) { requests } else { amounts(rng) };
        Allocated { requests, limits: self::limits(rng, requests) }
    });
    let termination = rng.random_bool(0.2).then(|| {
        let finished = now - choose(rng, &[MINUTE, 9 * MINUTE, 10 * MINUTE, 2 * HOUR]);
        let started = finished - choose(rng, &[MINUTE, 9 * MINUTE, 10 * MINUTE, 2 * HOUR]);
        Ended { reason: choose(rng, &["OOMKilled", "OOMKilled", "Error"]).to_owned(), started, finished }
    });
    let restart_to_apply = rng.random_bool(0.15);
    ContainerStory { name: name.to_owned(), requests, limits, status, termination, restart_to_apply }
}

fn resize(rng: &mut Pcg64Mcg) -> Vec<ResizeStory> {
    let mut one = |kind: &str| ResizeStory {
        kind: kind.to_owned(),
        status: !rng.random_bool(0.1),
        reason: choose(rng, &["", "", "Deferred", "Infeasible", "Error", "Odd"]).to_owned(),
        message: choose(rng, &["", "", "", "because"]).to_owned(),
    };
    let (pending, running) = (one("PodResizePending"), one("PodResizeInProgress"));
    match rng.random_range(0..6) {
        0 => Vec::new(),
        1 | 2 => vec![pending],
        3 | 4 => vec![running],
        _ => vec![running, pending],
    }
}
