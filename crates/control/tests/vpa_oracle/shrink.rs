//! The shortest story that still shows a difference: entries are left out of lists, optional parts of objects, and
//! numbers made small, as long as the difference stays.

use crate::story::Story;
use serde_json::Value;

/// A way from the root to a value.
type Path = Vec<Key>;

#[derive(Clone, Debug)]
enum Key {
    Index(usize),
    Name(String),
}

pub(crate) fn shrink(story: &Story, mut differs: impl FnMut(&Story) -> bool) -> Story {
    let Ok(mut best) = serde_json::to_value(story) else { return story.clone() };
    let mut still = |candidate: &Value| {
        serde_json::from_value::<Story>(candidate.clone()).is_ok_and(|story| differs(&story))
    };
    loop {
        let before = best.to_string().len();
        shorten_lists(&mut best, &mut still);
        simplify(&mut best, &mut still);
        if best.to_string().len() >= before {
            break;
        }
    }
    serde_json::from_value(best).unwrap_or_else(|_| story.clone())
}

/// Leaves out runs of entries, long ones first.
fn shorten_lists(best: &mut Value, still: &mut impl FnMut(&Value) -> bool) {
    let mut paths = Vec::new();
    collect(best, &mut Vec::new(), &mut paths, &|value| value.is_array());
    for path in paths {
        let Some(length) = at(best, &path).and_then(|value| value.as_array()).map(Vec::len) else { continue };
        let mut run = length;
        while run > 0 {
            let mut from = 0;
            while let Some(entries) = at(best, &path).and_then(|value| value.as_array())
                && from < entries.len()
            {
                let mut candidate = best.clone();
                if let Some(Value::Array(entries)) = at_mut(&mut candidate, &path) {
                    let end = (from + run).min(entries.len());
                    entries.drain(from..end);
                }
                if still(&candidate) {
                    *best = candidate;
                } else {
                    from += run;
                }
            }
            run /= 2;
        }
    }
}

/// Makes values null, false, or zero.
fn simplify(best: &mut Value, still: &mut impl FnMut(&Value) -> bool) {
    let mut paths = Vec::new();
    collect(best, &mut Vec::new(), &mut paths, &|value| !value.is_array());
    for path in paths {
        let simpler = match at(best, &path) {
            Some(Value::Object(_)) => vec![Value::Null],
            Some(Value::Bool(true)) => vec![Value::Bool(false)],
            Some(Value::Number(number)) if number.as_f64() != Some(0.0) => {
                let rounded = number.as_i64().map(|n| n - n % 1000).filter(|&n| Some(n) != number.as_i64());
                [Some(Value::Null), Some(0.into()), rounded.map(Value::from)].into_iter().flatten().collect()
            }
            _ => Vec::new(),
        };
        for value in simpler {
            let mut candidate = best.clone();
            if let Some(slot) = at_mut(&mut candidate, &path) {
                *slot = value;
            }
            if still(&candidate) {
                *best = candidate;
                break;
            }
        }
    }
}

fn collect(value: &Value, here: &mut Path, found: &mut Vec<Path>, wanted: &dyn Fn(&Value) -> bool) {
    if !here.is_empty() && wanted(value) {
        found.push(here.clone());
    }
    match value {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                here.push(Key::Index(index));
                collect(entry, here, found, wanted);
                here.pop();
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                here.push(Key::Name(name.clone()));
                collect(entry, here, found, wanted);
                here.pop();
            }
        }
        _ => {}
    }
}

fn at<'a>(value: &'a Value, path: &[Key]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match key {
        Key::Index(index) => value.get(index),
        Key::Name(name) => value.get(name),
    })
}

fn at_mut<'a>(value: &'a mut Value, path: &[Key]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| match key {
        Key::Index(index) => value.get_mut(index),
        Key::Name(name) => value.get_mut(name),
    })
}
