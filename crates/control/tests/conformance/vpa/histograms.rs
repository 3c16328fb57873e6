//! Bucket layouts, plain and decaying histograms, checkpoints, and memory peaks.

use super::{array, integer, number};
use crate::cases::{Case, compare};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trimtab_control::vpa::{
    Amount, BucketLayout, ContainerState, DecayingHistogram, Histogram, HistogramCheckpoint, Resource, Span,
    Stamp, UsageSink,
};

fn layout(options: &Value) -> Result<BucketLayout, Failed> {
    let of = |key: &str| number(&options[key]);
    Ok(match options["type"].as_str() {
        Some("linear") => BucketLayout::linear(of("max_value")?, of("bucket_size")?, of("epsilon")?)?,
        _ => BucketLayout::exponential(
            of("max_value")?,
            of("first_bucket_size")?,
            of("ratio")?,
            of("epsilon")?,
        )?,
    })
}

pub(crate) fn options(case: &Case) -> Result<Value, Failed> {
    let layout = layout(&case.inputs["options"])?;
    let starts: Vec<f64> = array(&case.inputs["bucket_starts"])?
        .iter()
        .map(|bucket| integer(bucket).map(|bucket| layout.start(bucket as usize)))
        .collect::<Result<_, _>>()?;
    let found: Vec<usize> = array(&case.inputs["find"])?
        .iter()
        .map(|value| number(value).map(|value| layout.find(value)))
        .collect::<Result<_, _>>()?;
    Ok(json!({ "num_buckets": layout.count(), "bucket_starts": starts, "find": found }))
}

/// Either kind of histogram, as a case asks for it.
enum Kind {
    Plain(Histogram),
    Decaying(DecayingHistogram),
}

impl Kind {
    fn new(inputs: &Value) -> Result<Self, Failed> {
        let layout = layout(&inputs["options"])?;
        Ok(match inputs["half_life_s"].as_i64() {
            None => Self::Plain(Histogram::new(layout)),
            Some(seconds) => Self::Decaying(DecayingHistogram::new(layout, Span::secs(seconds))),
        })
    }

    fn run(&mut self, ops: &Value, results: &mut Vec<Value>) -> Result<(), Failed> {
        for op in ops.as_array().into_iter().flatten() {
            let at = Stamp::from_secs(op["t_s"].as_i64().unwrap_or(0));
            match op["op"].as_str() {
                Some("add") => {
                    let (value, weight) = (number(&op["value"])?, number(&op["weight"])?);
                    match self {
                        Self::Plain(histogram) => histogram.add(value, weight),
                        Self::Decaying(histogram) => histogram.add(value, weight, at),
                    }
                }
                Some("subtract") => {
                    let (value, weight) = (number(&op["value"])?, number(&op["weight"])?);
                    match self {
                        Self::Plain(histogram) => histogram.subtract(value, weight),
                        Self::Decaying(histogram) => histogram.subtract(value, weight, at),
                    }
                }
                Some("percentile") => {
                    let share = number(&op["p"])?;
                    results.push(json!(match self {
                        Self::Plain(histogram) => histogram.percentile(share),
                        Self::Decaying(histogram) => histogram.percentile(share),
                    }));
                }
                Some("is_empty") => results.push(json!(self.is_empty())),
                other => return Err(format!("unknown op {other:?}").into()),
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Plain(histogram) => histogram.is_empty(),
            Self::Decaying(histogram) => histogram.is_empty(),
        }
    }

    fn checkpoint(&self) -> HistogramCheckpoint {
        match self {
            Self::Plain(histogram) => histogram.checkpoint(),
            Self::Decaying(histogram) => histogram.checkpoint(),
        }
    }

    fn load(&mut self, checkpoint: &HistogramCheckpoint) -> bool {
        match self {
            Self::Plain(histogram) => histogram.load(checkpoint).is_ok(),
            Self::Decaying(histogram) => histogram.load(checkpoint).is_ok(),
        }
    }

    fn merge(&mut self, other: &mut Self) -> Result<(), Failed> {
        match (self, other) {
            (Self::Plain(a), Self::Plain(b)) => a.merge(b),
            (Self::Decaying(a), Self::Decaying(b)) => a.merge(b),
            _ => return Err("histograms of two kinds".into()),
        }
        Ok(())
    }

    fn seconds_of_reference(&self) -> Option<i64> {
        match self {
            Self::Plain(_) => None,
            Self::Decaying(histogram) => histogram.reference().millis().map(|millis| millis.div_euclid(1000)),
        }
    }

    /// Everything a case may assert about the state.
    fn state(&self, count: usize) -> Value {
        let saved = self.checkpoint();
        let weight = |bucket: usize| match self {
            Self::Plain(histogram) => histogram.weight(bucket),
            Self::Decaying(histogram) => histogram.weight(bucket),
        };
        let weights: BTreeMap<String, f64> = (0..count)
            .map(|bucket| (bucket.to_string(), weight(bucket)))
            .filter(|&(_, weight)| weight != 0.0)
            .collect();
        json!({
            "total_weight": saved.total_weight,
            "weights": weights,
            "bucket_weights": saved.buckets.iter().map(|(k, v)| (k.to_string(), *v)).collect::<BTreeMap<_, _>>(),
            "bucket_weights_nonempty": !saved.buckets.is_empty(),
            "total_weight_nonzero": saved.total_weight != 0.0,
            "reference_is_set": self.seconds_of_reference().is_some(),
            "reference_s": self.seconds_of_reference(),
            "is_empty": self.is_empty(),
            "error": false,
        })
    }
}

/// A case's checkpoint; nothing where it has none or no histogram could have written it.
fn checkpoint(value: &Value) -> Option<HistogramCheckpoint> {
    let buckets = value["bucket_weights"].as_object()?;
    Some(HistogramCheckpoint {
        reference: value["reference_s"].as_i64().map_or(Stamp::NEVER, Stamp::from_secs),
        buckets: buckets
            .iter()
            .map(|(bucket, weight)| Some((bucket.parse().ok()?, weight.as_u64()? as u32)))
            .collect::<Option<_>>()?,
        total_weight: value["total_weight"].as_f64()?,
    })
}

pub(crate) fn histogram(case: &Case) -> Result<Value, Failed> {
    let count = layout(&case.inputs["options"])?.count();
    let mut histogram = Kind::new(&case.inputs)?;
    let mut results = Vec::new();
    histogram.run(&case.inputs["ops"], &mut results)?;
    match case.inputs["action"].as_str() {
        None | Some("save_checkpoint") => {}
        Some("load_checkpoint") => {
            let loaded = checkpoint(&case.inputs["checkpoint"]).is_some_and(|c| histogram.load(&c));
            if !loaded {
                return Ok(json!({ "error": true }));
            }
        }
        Some("save_load") => {
            let saved = histogram.checkpoint();
            histogram = Kind::new(&case.inputs)?;
            if !histogram.load(&saved) {
                return Ok(json!({ "error": true }));
            }
        }
        Some(other) => return Err(format!("unknown action {other}").into()),
    }
    if !case.inputs["merge_ops"].is_null() {
        let (mut other, mut same) = (Kind::new(&case.inputs)?, Kind::new(&case.inputs)?);
        other.run(&case.inputs["merge_ops"], &mut results)?;
        same.run(&case.inputs["same_as_ops"], &mut results)?;
        histogram.merge(&mut other)?;
        if histogram.seconds_of_reference() != same.seconds_of_reference() {
            return Err("the references differ".into());
        }
        let same = same.state(count);
        compare(&same, &json!({ "relative_tolerance": 1e-12 }), &histogram.state(count))?;
    }
    let mut got = histogram.state(count);
    got["results"] = results.into();
    got["equal"] = true.into();
    Ok(got)
}

/// Writes down what a container's samples come to.
struct Recorder {
    interval: Span,
    ratio: f64,
    least: f64,
    origin: i64,
    calls: Vec<Value>,
}

impl Recorder {
    fn seconds(&self, at: Stamp) -> i64 {
        at.millis().unwrap_or(i64::MIN).div_euclid(1000) - self.origin
    }
}

impl UsageSink for Recorder {
    fn add(&mut self, resource: Resource, amount: Amount, at: Stamp) {
        let seconds = self.seconds(at);
        self.calls.push(match resource {
            Resource::Cpu => json!(["cpu", "add", amount.cores(), 0.1, seconds]),
            Resource::Memory => json!(["memory", "add", amount.0 as f64, 1.0, seconds]),
        });
    }

    fn subtract_memory(&mut self, amount: Amount, at: Stamp) {
        let seconds = self.seconds(at);
        self.calls.push(json!(["memory", "subtract", amount.0 as f64, 1.0, seconds]));
    }

    fn oom_bump_up_ratio(&mut self) -> f64 {
        self.ratio
    }

    fn oom_min_bump_up(&mut self) -> f64 {
        self.least
    }

    fn memory_interval(&mut self) -> Span {
        self.interval
    }
}

pub(crate) fn memory_peaks(case: &Case) -> Result<Value, Failed> {
    let mut recorder = Recorder {
        interval: Span::secs(integer(&case.inputs["interval_s"])?),
        ratio: number(&case.inputs["oom_bump_up_ratio"])?,
        least: number(&case.inputs["oom_min_bump_up_bytes"])?,
        origin: 1_700_006_400,
        calls: Vec::new(),
    };
    let mut container = ContainerState::default();
    let mut accepted = Vec::new();
    for event in array(&case.inputs["events"])? {
        let at = Stamp::from_secs(recorder.origin + integer(&event["t_s"])?);
        let usage = Amount(integer(&event["usage"])?);
        accepted.push(match event["kind"].as_str() {
            Some("cpu") => container.add(Resource::Cpu, usage, at, &mut recorder),
            Some("memory") => container.add(Resource::Memory, usage, at, &mut recorder),
            Some("oom") => container.out_of_memory(usage, at, &mut recorder),
            other => return Err(format!("unknown event {other:?}").into()),
        });
    }
    Ok(json!({ "accepted": accepted, "histogram_calls": recorder.calls }))
}
