//! From a story in which the two differ to a short one in which they still do.
//!
//! It works on the JSON of the story, so that nothing here has to know what a story is made of: whatever can be left
//! out, made false, null, zero or simple is tried, as long as the two differ.

use crate::{
    compare,
    story::{Pod, Story},
    theirs::Upstream,
};
use serde_json::Value;
use trimtab_control::hpa::{FeatureGates, Metric, manifest::ManifestSpec};

/// Most runs of a story that are spent.
const TRIES: u32 = 3_000;

struct Shrinker<'a> {
    upstream: &'a mut Upstream,
    tries: u32,
}

/// The shortest story that was found.
pub(crate) fn shrink(story: &Story, upstream: &mut Upstream) -> Story {
    let mut shrinker = Shrinker { upstream, tries: 0 };
    let mut best = serde_json::to_value(story).expect("a story is JSON");
    loop {
        let before = best.clone();
        shrinker.steps(&mut best);
        let paths = paths(&best);
        for path in paths.iter().rev() {
            shrinker.simplify(&mut best, path);
        }
        if best == before || shrinker.tries >= TRIES {
            return serde_json::from_value(best).expect("only stories are kept");
        }
    }
}

impl Shrinker<'_> {
    fn differs(&mut self, candidate: &Value) -> bool {
        self.tries += 1;
        let Ok(story) = serde_json::from_value::<Story>(candidate.clone()) else { return false };
        sound(&story) && self.tries < TRIES && matches!(compare(&story, self.upstream), Ok(Some(_)))
    }

    fn keep(&mut self, best: &mut Value, candidate: Value) -> bool {
        let better = candidate != *best && self.differs(&candidate);
        if better {
            *best = candidate;
        }
        better
    }

    /// Leaves out runs of steps, long ones first. A spec moves to the step after the one left out.
    fn steps(&mut self, best: &mut Value) {
        let mut length = best["steps"].as_array().map_or(0, Vec::len);
        while length > 0 {
            let mut start = 0;
            while start + length <= best["steps"].as_array().map_or(0, Vec::len) {
                let mut candidate = best.clone();
                let steps = candidate["steps"].as_array_mut().expect("steps are a list");
                let left_out: Vec<Value> = steps.drain(start..start + length).collect();
                let spec = left_out.iter().rev().map(|step| &step["spec"]).find(|spec| !spec.is_null());
                if let (Some(spec), Some(next)) = (spec, steps.get_mut(start))
                    && next["spec"].is_null()
                {
                    next["spec"] = spec.clone();
                }
                if !self.keep(best, candidate) {
                    start += length;
                }
            }
            length /= 2;
        }
    }

    fn simplify(&mut self, best: &mut Value, path: &str) {
        let Some(value) = best.pointer(path).cloned() else { return };
        let (parent, last) = path.rsplit_once('/').expect("a path begins with a slash");
        // Out of a list, or out of a map.
        let mut without = best.clone();
        match without.pointer_mut(parent) {
            Some(Value::Array(list)) if last.parse().is_ok_and(|i: usize| i < list.len()) => {
                list.remove(last.parse().expect("just read"));
            }
            Some(Value::Object(map)) => {
                map.remove(&last.replace("~1", "/"));
            }
            _ => {}
        }
        if parent != "/steps" && self.keep(best, without) {
            return;
        }
        let simpler: &[Value] = match &value {
            Value::Bool(true) => &[Value::Bool(false)],
            Value::Number(_) => &[Value::Null, 0.into(), 1.into(), 100.into(), 1000.into()],
            Value::Object(_) => &[Value::Null],
            Value::String(_) => &[Value::String("ok".to_owned()), Value::String("Running".to_owned())],
            _ => &[],
        };
        for simple in simpler {
            let mut candidate = best.clone();
            if let Some(slot) = candidate.pointer_mut(path) {
                *slot = simple.clone();
            }
            if self.keep(best, candidate) {
                return;
            }
        }
    }
}

/// Whether an API server would let the story happen; without this a story could shrink to one that only differs in
/// what nobody defines, such as a target of zero.
fn sound(story: &Story) -> bool {
    let admissible = |spec: &ManifestSpec| {
        spec.spec().is_ok_and(|mut spec| {
            spec.min_replicas = spec.min_replicas.max(1);
            spec.metrics.retain(|metric| !matches!(metric, Metric::Unknown { .. }));
            spec.metrics.is_empty() || spec.validate(&FeatureGates::default()).is_ok()
        })
    };
    let named = |pods: &[Pod]| pods.iter().all(|pod| pods.iter().filter(|p| p.name == pod.name).count() == 1);
    story.period >= 2.0
        && story.steps.first().is_some_and(|step| step.spec.is_some())
        && story.steps.iter().all(|step| step.spec.iter().all(admissible) && named(&step.pods))
}

/// Pointers to everything in `value`, what contains before what is contained.
fn paths(value: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        if !path.is_empty() {
            paths.push(path.clone());
        }
        match value {
            Value::Array(list) => {
                open.extend(list.iter().enumerate().rev().map(|(i, v)| (format!("{path}/{i}"), v)));
            }
            Value::Object(map) => {
                open.extend(map.iter().rev().map(|(k, v)| (format!("{path}/{}", k.replace('/', "~1")), v)));
            }
            _ => {}
        }
    }
    paths
}
