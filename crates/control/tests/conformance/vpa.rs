//! The families `vpa_*`, through the public interface of `trimtab_control::vpa`.

mod histograms;
mod pods;
mod recommendations;

use crate::cases::{Case, Runner};
use libtest_mimic::Failed;
use serde_json::Value;
use trimtab_control::vpa::{Quantity, ResourceList};

pub(crate) const FAMILIES: [(&str, Runner); 13] = [
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

/// Which of upstream's functions a case is about.
fn function(case: &Case) -> &str {
    case.inputs["function"].as_str().unwrap_or_default()
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
