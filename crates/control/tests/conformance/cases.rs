//! The folder of cases: finding it, reading it, and comparing what a case expects with what came out.

use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// One case of a family.
pub(crate) struct Case {
    pub(crate) inputs: Value,
    pub(crate) expected: Value,
    /// Constants that the family's cases assume.
    pub(crate) defaults: Value,
}

/// Runs a case; answers what came out, by the keys of `expected`.
pub(crate) type Runner = fn(&Case) -> Result<Value, Failed>;

/// Where the cases are.
#[expect(clippy::disallowed_methods, reason = "the folder is the tester's choice")]
pub(crate) fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    std::env::var("CONFORMANCE_DIR").unwrap_or_else(|_| beside.to_owned()).into()
}

/// A trial for every case of the folder.
pub(crate) fn trials(folder: &Path, families: &[(&'static str, Runner)]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &(family, runner) in families {
        match std::fs::read_to_string(folder.join(format!("{family}.json"))) {
            Ok(text) => trials.extend(family_trials(family, &text, runner)),
            Err(_) => {
                trials.push(Trial::test(format!("conformance::{family}"), || Ok(())).with_ignored_flag(true));
            }
        }
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(family) = name.strip_suffix(".json") else { continue };
        if families.iter().all(|(known, _)| *known != family) {
            let message = format!("no test runs the cases of {name}");
            trials.push(Trial::test(format!("conformance::{family}"), move || Err(message.into())));
        }
    }
    trials
}

fn family_trials(family: &str, text: &str, runner: Runner) -> Vec<Trial> {
    let file: Value = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            return vec![Trial::test(format!("conformance::{family}"), move || Err(error.into()))];
        }
    };
    let cases = file["cases"].as_array().cloned().unwrap_or_default();
    let one = |case: Value| {
        let name = format!("conformance::{} {}", case["id"].as_str().unwrap_or(family), case["name"]);
        let defaults = file["defaults"].clone();
        let case = Case { inputs: case["inputs"].clone(), expected: case["expected"].clone(), defaults };
        Trial::test(name, move || compare(&case.expected, &case.defaults, &runner(&case)?))
    };
    cases.into_iter().map(one).collect()
}

/// Compares the keys that are expected, and no others.
pub(crate) fn compare(expected: &Value, defaults: &Value, actual: &Value) -> Result<(), Failed> {
    let tolerance = ["relative_tolerance", "float_relative_tolerance"]
        .iter()
        .find_map(|key| expected[key].as_f64().or(defaults[key].as_f64()));
    let expected = expected.as_object().ok_or("`expected` is no object")?;
    let mut differences = Vec::new();
    for (key, wanted) in expected.iter().filter(|(key, _)| !key.ends_with("relative_tolerance")) {
        match actual.get(key) {
            None => differences.push(format!("{key}: wanted {wanted}, nothing came out ({actual})")),
            Some(found) if !equal(wanted, found, tolerance) => {
                differences.push(format!("{key}: wanted {wanted}, found {found}"));
            }
            Some(_) => {}
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("; ").into()) }
}

/// Whether two values are equal; floating-point numbers within a relative tolerance, an object by the keys wanted.
fn equal(wanted: &Value, found: &Value, tolerance: Option<f64>) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let has = |key: &String, value| found.get(key).is_some_and(|f| equal(value, f, tolerance));
            wanted.iter().all(|(key, value)| has(key, value))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| equal(w, f, tolerance))
        }
        (Value::Number(w), Value::Number(f)) if w.is_f64() || f.is_f64() => {
            let (w, f) = (w.as_f64().unwrap_or(f64::NAN), f.as_f64().unwrap_or(f64::NAN));
            w == f || tolerance.is_some_and(|t| (w - f).abs() <= t * w.abs().max(f.abs()))
        }
        _ => wanted == found,
    }
}

/// Access to inputs, with an error that names the key.
pub(crate) trait Input {
    fn int(&self, key: &str) -> Result<i64, Failed>;
    fn float(&self, key: &str) -> Result<f64, Failed>;
    fn text(&self, key: &str) -> Result<&str, Failed>;
    fn list(&self, key: &str) -> Result<&[Value], Failed>;
    fn fields(&self, key: &str) -> Result<&Map<String, Value>, Failed>;
}

impl Input for Value {
    fn int(&self, key: &str) -> Result<i64, Failed> {
        self[key].as_i64().ok_or_else(|| wrong(self, key, "a whole number"))
    }

    fn float(&self, key: &str) -> Result<f64, Failed> {
        self[key].as_f64().ok_or_else(|| wrong(self, key, "a number"))
    }

    fn text(&self, key: &str) -> Result<&str, Failed> {
        self[key].as_str().ok_or_else(|| wrong(self, key, "a string"))
    }

    /// An absent or null list is empty.
    fn list(&self, key: &str) -> Result<&[Value], Failed> {
        match &self[key] {
            Value::Null => Ok(&[]),
            value => value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(self, key, "a list")),
        }
    }

    fn fields(&self, key: &str) -> Result<&Map<String, Value>, Failed> {
        self[key].as_object().ok_or_else(|| wrong(self, key, "an object"))
    }
}

fn wrong(value: &Value, key: &str, kind: &str) -> Failed {
    format!("`{key}` is {}, expected {kind}", value[key]).into()
}
