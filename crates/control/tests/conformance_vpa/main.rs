//! Upstream's own test tables for the VPA, restated as JSON, each case a test of its own.
//!
//! `CONFORMANCE_DIR` names the folder (default `../shared/conformance` beside the repository). Where it is absent, every
//! family is listed as skipped. A key in `expected` that a family does not know fails the case.

mod histograms;
mod pods;
mod recommendations;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};
use trimtab_control::vpa::{Quantity, ResourceList};

/// Checks one case; `defaults` are the file's.
type Check = fn(&Case<'_>) -> Result<(), Failed>;

const FAMILIES: [(&str, Check); 13] = [
    ("vpa_capping", pods::capping),
    ("vpa_cpu_integer", recommendations::cpu_integer),
    ("vpa_decaying_histogram", histograms::histogram),
    ("vpa_disruption", pods::disruption),
    ("vpa_end_to_end_derived", recommendations::end_to_end),
    ("vpa_estimator", recommendations::estimator),
    ("vpa_histogram", histograms::histogram),
    ("vpa_histogram_options", histograms::options),
    ("vpa_limit_scaling", pods::limit_scaling),
    ("vpa_memory_peaks", histograms::memory_peaks),
    ("vpa_recommender", recommendations::recommender),
    ("vpa_resource_amounts", recommendations::resource_amounts),
    ("vpa_updater_priority", pods::updater_priority),
];

/// A case and what its checks may say of it.
struct Case<'a> {
    inputs: &'a Value,
    expected: &'a Value,
    tolerance: f64,
}

impl Case<'_> {
    fn function(&self) -> &str {
        self.inputs["function"].as_str().unwrap_or_default()
    }

    /// Compares the asserted keys with what came out; a key that did not come out fails.
    fn expect(&self, got: &Value) -> Result<(), Failed> {
        for (key, want) in self.expected.as_object().ok_or("expected is no object")? {
            if key == "relative_tolerance" {
                continue;
            }
            let got = got.get(key).ok_or_else(|| format!("nothing to compare {key} with"))?;
            if !alike(want, got, self.tolerance) {
                return Err(format!("{key}: expected {want}, got {got}").into());
            }
        }
        Ok(())
    }
}

/// Equal up to a relative tolerance on numbers; of objects, the keys of `want` count.
fn alike(want: &Value, got: &Value, tolerance: f64) -> bool {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
                && tolerance == 0.0
            {
                return a == b;
            }
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= tolerance * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, tolerance))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b, tolerance)))
        }
        _ => want == got,
    }
}

fn list(value: &Value) -> ResourceList {
    ResourceList {
        cpu: value["cpu_milli"].as_i64().map(Quantity::from_milli),
        memory: value["memory_bytes"].as_i64().map(Quantity::from_units),
    }
}

fn list_json(list: &ResourceList) -> Value {
    let mut object = serde_json::Map::new();
    if let Some(cpu) = list.cpu {
        object.insert("cpu_milli".to_owned(), cpu.milli().into());
    }
    if let Some(memory) = list.memory {
        object.insert("memory_bytes".to_owned(), memory.units().into());
    }
    object.into()
}

fn integer(value: &Value) -> Result<i64, Failed> {
    value.as_i64().ok_or_else(|| format!("{value} is no integer").into())
}

fn number(value: &Value) -> Result<f64, Failed> {
    value.as_f64().ok_or_else(|| format!("{value} is no number").into())
}

fn array(value: &Value) -> Result<&Vec<Value>, Failed> {
    value.as_array().ok_or_else(|| format!("{value} is no list").into())
}

fn names(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where the cases are is told to the tests only")]
    let given = std::env::var("CONFORMANCE_DIR").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    given.unwrap_or_else(|_| root.join("../shared/conformance"))
}

fn trials(folder: &Path, family: &'static str, check: Check) -> Vec<Trial> {
    let name = |case: &str| format!("conformance::{case}");
    let Ok(text) = std::fs::read_to_string(folder.join(format!("{family}.json"))) else {
        return vec![Trial::test(name(family), || Ok(())).with_ignored_flag(true)];
    };
    let file: Value = match serde_json::from_str(&text) {
        Ok(file) => file,
        Err(error) => {
            let message = format!("{family}.json: {error}");
            return vec![Trial::test(name(family), move || Err(message.into()))];
        }
    };
    let cases = file["cases"].as_array().cloned().unwrap_or_default();
    let defaults = file["defaults"].clone();
    let mut seen = BTreeSet::new();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|case| {
            let id = case["id"].as_str().unwrap_or("without id").to_owned();
            seen.insert(id.clone());
            let tolerance = case["expected"]["relative_tolerance"]
                .as_f64()
                .or(defaults["relative_tolerance"].as_f64())
                .unwrap_or(0.0);
            Trial::test(name(&id), move || {
                check(&Case { inputs: &case["inputs"], expected: &case["expected"], tolerance })
            })
        })
        .collect();
    if file["case_count"].as_u64() != Some(trials.len() as u64) || seen.len() != trials.len() {
        let message = format!("{family}.json: case_count or ids do not fit its {} cases", trials.len());
        trials.push(Trial::test(name(family), move || Err(message.into())));
    }
    trials
}

#[expect(clippy::print_stderr, reason = "why everything is skipped is told to a person")]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = folder();
    if !folder.is_dir() {
        eprintln!("skipped: no conformance cases in {} (set CONFORMANCE_DIR)", folder.display());
    }
    let all = FAMILIES.into_iter().flat_map(|(family, check)| trials(&folder, family, check)).collect();
    libtest_mimic::run(&arguments, all).exit_code()
}
