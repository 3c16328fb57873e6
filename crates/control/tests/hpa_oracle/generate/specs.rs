//! Random specs, as manifests that leave out what users leave out.

use super::pick;
use rand::{Rng, RngExt};
use serde_json::Value;
use trimtab_control::hpa::{
    Behavior, HpaSpec, LabelSelector, Metric, MetricIdentifier, ObjectReference, Policy, PolicyKind,
    Resource, Rules, Select, Target, manifest::ManifestSpec,
};

/// A manifest and what it says.
pub(crate) fn spec(rng: &mut impl Rng) -> Result<(ManifestSpec, HpaSpec), String> {
    let min_replicas = pick(rng, &[0, 0, 1, 1, 1, 2, 3]);
    let count = pick(rng, &[0, 1, 1, 1, 1, 1, 2, 2, 3]);
    let spec = HpaSpec {
        min_replicas,
        max_replicas: min_replicas.max(1) + pick(rng, &[0, 1, 4, 9, 9, 9, 19, 99]),
        metrics: (0..count).map(|index| metric(rng, index)).collect(),
        behavior: rng
            .random_bool(0.6)
            .then(|| Behavior { scale_up: rules(rng, true), scale_down: rules(rng, false) }),
    };
    let target = ObjectReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        name: "h".to_owned(),
    };
    let mut written =
        serde_json::to_value(ManifestSpec::new(target, &spec)).map_err(|error| error.to_string())?;
    leave_out(rng, &mut written);
    let manifest: ManifestSpec = serde_json::from_value(written).map_err(|error| error.to_string())?;
    let read = manifest.spec().map_err(|error| error.to_string())?;
    Ok((manifest, read))
}

/// Takes fields out that have defaults.
fn leave_out(rng: &mut impl Rng, written: &mut Value) {
    const OPTIONAL: [&str; 7] = [
        "minReplicas",
        "scaleUp",
        "scaleDown",
        "stabilizationWindowSeconds",
        "selectPolicy",
        "policies",
        "tolerance",
    ];
    if let Value::Object(map) = written {
        for key in OPTIONAL {
            if rng.random_bool(0.12) {
                map.remove(key);
            }
        }
        for (_, value) in map.iter_mut() {
            leave_out(rng, value);
        }
    }
}

fn metric(rng: &mut impl Rng, index: usize) -> Metric {
    let identifier = MetricIdentifier {
        name: format!("m{index}"),
        selector: rng.random_bool(0.2).then(|| LabelSelector {
            match_labels: [("a".to_owned(), "b".to_owned())].into(),
            match_expressions: Vec::new(),
        }),
    };
    let resource = pick(rng, &[Resource::Cpu, Resource::Cpu, Resource::Cpu, Resource::Memory]);
    let raw = match resource {
        Resource::Cpu => pick(rng, &[50, 100, 333]),
        Resource::Memory => pick(rng, &[64 << 20, 100_000_000]) * 1000,
    };
    let resource_target = if rng.random_bool(0.75) {
        Target::Utilization(pick(rng, &[1, 10, 30, 50, 70, 80, 90, 99, 100, 120, 250]))
    } else {
        Target::AverageValue(raw)
    };
    let value = pick(rng, &[1, 3, 500, 1000, 15_000, 20_000, 6_666, 1_000_000]);
    let target = if rng.random_bool(0.5) { Target::Value(value) } else { Target::AverageValue(value) };
    match rng.random_range(0..20) {
        0..=6 => Metric::Resource { resource, target: resource_target },
        7..=9 => {
            let container = pick(rng, &["c0", "c0", "c1", "side", "none"]).to_owned();
            Metric::ContainerResource { resource, container, target: resource_target }
        }
        10..=12 => Metric::Pods { metric: identifier, target: Target::AverageValue(value) },
        13..=15 => {
            let described_object = ObjectReference {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                name: "web".to_owned(),
            };
            Metric::Object { metric: identifier, described_object, target }
        }
        16..=18 => Metric::External { metric: identifier, target },
        _ => Metric::Unknown { source_type: "CheddarCheese".to_owned() },
    }
}

fn rules(rng: &mut impl Rng, up: bool) -> Rules {
    let policy = |rng: &mut _| Policy {
        kind: pick(rng, &[PolicyKind::Pods, PolicyKind::Percent]),
        value: pick(rng, &[1, 1, 2, 3, 4, 10, 33, 50, 100, 150, 300, 10_000]),
        period_secs: pick(rng, &[1, 7, 15, 15, 15, 30, 60, 60, 120, 300, 1800]),
    };
    let count = pick(rng, &[1, 1, 2, 3]);
    Rules {
        stabilization_secs: (up || rng.random_bool(0.7))
            .then(|| pick(rng, &[0.0, 0.0, 0.0, 15.0, 30.0, 60.0, 300.0, 3600.0])),
        select: pick(
            rng,
            &[Select::Max, Select::Max, Select::Max, Select::Min, Select::Min, Select::Disabled],
        ),
        policies: (0..count).map(|_| policy(rng)).collect(),
        tolerance: rng
            .random_bool(0.3)
            .then(|| pick(rng, &[0.0, 0.01, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.9, 1.5])),
    }
}
