//! Training on the first two thirds of all recordings' training parts; when to stop, and margins, from the last third of one.
//!
//! The pinball loss of quantile τ is `τ·(u − r)` for use `u` above the recommendation `r` and `(1 − τ)·(r − u)` below it (Koenker &
//! Bassett 1978), so a unit of overrun costs `τ/(1 − τ)` units of slack: nine, for the loss's weights, at τ = 0.9. CPU is trained on every
//! measurement of the step to come. Memory beyond its limit is a kill, not a shortage, so that memory is trained on the step's highest
//! use at a higher quantile. Sequences are whole series, in stretches with the state carried over; a series that is over makes room for
//! another, each as likely, so that every step counts the same.
//!
//! Left out: the part that is scored.

use super::{Amount, FEATURES, HOLD, LstmConfig, Network, OUTPUTS, Recommender, Trained, amounts, read};
use crate::{
    Error, Result,
    environments::vpa::{Seen, Track},
    parallel,
    vertical::{
        cases::Case,
        registry::{Fitted, Fitting},
        score::{OVERRUN_WEIGHT, scored},
    },
};
use rand::RngExt;
use rand_pcg::{Pcg64, rand_core::SeedableRng};
use std::sync::Arc;
use trimtab_control::{
    vertical::{ExactConfig, Recommend, VpaRecommender},
    vpa::{Running, Span, Stamp},
};
use trimtab_nn::{Adam, lstm::LstmCache};

/// Share of the training part that the network learns from; the rest is for the margins.
const LEARNED_SHARE: f64 = 2.0 / 3.0;
/// Series that are learned from at a time, and steps of a stretch.
const LANES: usize = 16;
const LENGTH: usize = 48;
/// Updates between two looks at the part that is not learned from.
const LOOK_EVERY: u32 = 50;
const LEARNING_RATE: f64 = 3e-3;
const MAX_GRAD_NORM: f64 = 1.0;
/// Margins that are tried: of CPU, of memory.
const MARGINS: [&[f64]; 2] = [
    &[-0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.4],
    &[0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0],
];

/// A container's steps: what is read at each, and what was used until the next, over the exact target.
#[derive(Default)]
struct Steps {
    features: Vec<[f32; FEATURES]>,
    cpu: Vec<Vec<f32>>,
    memory: Vec<f32>,
    /// The exact target over what the container started with.
    scale: Vec<[f32; 2]>,
    /// Steps to learn from; the others are looked at.
    learned: usize,
    has_memory: bool,
}

/// Quantiles of CPU and memory.
type Quantiles = [f32; 2];

impl Steps {
    /// The loss of both resources' factors, over what the container started with, and its slope.
    fn loss(&self, place: usize, logarithms: &[f32], quantiles: Quantiles) -> (f32, [f32; OUTPUTS]) {
        let factors = [logarithms[0].exp(), logarithms[1].exp()];
        let cpu = &self.cpu[place];
        let mut sums = cpu
            .iter()
            .map(|used| pinball(*used, factors[0], quantiles[0]))
            .fold([0.0; 2], |sums: [f32; 2], (loss, slope)| [sums[0] + loss, sums[1] + slope]);
        sums = sums.map(|sum| sum / cpu.len() as f32);
        let memory =
            if self.has_memory { pinball(self.memory[place], factors[1], quantiles[1]) } else { (0.0, 0.0) };
        let scale = self.scale[place];
        (sums[0] * scale[0] + memory.0 * scale[1], [factors[0] * sums[1], factors[1] * memory.1])
    }
}

/// A network trained on the containers of a recording, for all of them.
///
/// # Errors
/// Series with too few steps, a loss that is not finite.
pub(in crate::vertical) fn fit(fitting: &Fitting<'_>, config: LstmConfig) -> Result<Fitted> {
    let part = |cases: &[Case]| -> Vec<Case> { cases.iter().map(training_part).collect() };
    let steps = |cases: &[Case]| cases.iter().map(steps).collect::<Result<Vec<_>>>();
    let early = part(fitting.cases);
    let mut all = Vec::new();
    for recording in fitting.recordings {
        all.extend(steps(&part(&recording.cases))?);
    }
    let (network, updates) = train(&all, &steps(&early)?, &config)?;
    let mut trained = Trained { network, margins: [0.0; 2] };
    let mut best = f64::INFINITY;
    let has_memory = early.iter().any(|case| case.has_memory);
    let slots: &[usize] = if has_memory { &[1, 0, 1] } else { &[0] };
    for &slot in slots {
        let from = trained.margins;
        let tried = parallel::map(MARGINS[slot].len(), fitting.threads, |place| {
            let mut margins = from;
            margins[slot] = MARGINS[slot][place];
            let candidate = Arc::new(Trained { margins, ..trained.clone() });
            let mut sum = 0.0;
            for case in &early {
                let mut rule = build(&candidate, config, case)?.managed();
                sum += scored(case, case.replay.resources, &mut *rule, false)?[0].loss;
            }
            Ok::<_, Error>((sum, margins))
        });
        for result in tried {
            let (loss, margins) = result?;
            if loss < best {
                (best, trained.margins) = (loss, margins);
            }
        }
    }
    let [cpu, memory] = trained.margins.map(|margin| (100.0 * margin).round());
    let memory = if has_memory { format!(" and of {memory} % on memory") } else { String::new() };
    let how = format!("{updates} of {} updates, a margin of {cpu} % on CPU{memory}", config.updates);
    let trained = Arc::new(trained);
    let mut fitted = Fitted::plain(move |case| Ok(build(&trained, config, case)?.managed()));
    fitted.how = how;
    Ok(fitted)
}

fn build(trained: &Arc<Trained>, config: LstmConfig, case: &Case) -> Result<Recommender> {
    let exact = VpaRecommender::new(&ExactConfig::default())?;
    Ok(Recommender::new(Arc::clone(trained), config, case.given(), exact))
}

/// The training part alone, its last third for scoring.
fn training_part(case: &Case) -> Case {
    let start = Stamp::from(case.points[0].at);
    let end = case.split;
    let length = end.since(start);
    let mut points = case.points.clone();
    points.retain(|point| Stamp::from(point.at) < end);
    let split = start.plus(Span::secs((length.over(Span::secs(1)) * LEARNED_SHARE) as i64));
    Case { points, split, ..case.clone() }
}

/// The steps of a case, with no limits and no kills.
fn steps(case: &Case) -> Result<Steps> {
    let mut exact = VpaRecommender::new(&ExactConfig::default())?;
    let mut track = Track::default();
    let start = Stamp::from(case.points[0].at);
    let running = Running { resources: case.replay.resources, started: start, last_termination: None };
    let mut steps = Steps { has_memory: case.has_memory, ..Steps::default() };
    let mut base = [Amount(0); 2];
    for (number, (now, usage)) in case.measurements().enumerate() {
        track.add(now, usage);
        exact.observe(now, usage, &running);
        if number.is_multiple_of(HOLD) {
            track.end_step();
            if let Some(target) = exact.recommend(now, &running).filter(|_| track.has_step()) {
                base = amounts(&target.target);
                let seen =
                    Seen { now, given: case.given(), running: &running, track: &track, exact: &target };
                let mut features = [0.0; FEATURES];
                read(&seen, &mut features);
                steps.features.push(features);
                steps.cpu.push(Vec::with_capacity(HOLD));
                steps.memory.push(0.0);
                let given = case.given();
                steps.scale.push([0, 1].map(|slot| base[slot].0 as f32 / given[slot].0.max(1) as f32));
                steps.learned += usize::from(now < case.split);
            }
        }
        if let (Some(cpu), Some(memory)) = (steps.cpu.last_mut(), steps.memory.last_mut()) {
            let ratio = |slot: usize| usage[slot].0 as f32 / base[slot].0.max(1) as f32;
            cpu.push(ratio(0));
            *memory = memory.max(ratio(1));
        }
    }
    if steps.learned == 0 || steps.learned == steps.features.len() {
        let message = format!("{} has too few steps to learn from, expected two", case.container);
        return Err(Error::config("lstm", message));
    }
    Ok(steps)
}

/// The pinball loss, and its slope with respect to the recommendation.
fn pinball(used: f32, recommended: f32, quantile: f32) -> (f32, f32) {
    let slope = if used > recommended { -quantile } else { 1.0 - quantile };
    (slope * (recommended - used), slope)
}

/// A series that is being learned from.
struct Lane {
    series: usize,
    place: usize,
}

/// The network, and after how many updates it lost least on `shown`.
fn train(all: &[Steps], shown: &[Steps], config: &LstmConfig) -> Result<(Network, u32)> {
    let mut rng = Pcg64::seed_from_u64(config.seed);
    let mut network = Network::new(config.hidden_size, &mut rng);
    let mut adam = Adam::new(network.params.len(), 1e-8);
    let rows = LENGTH * LANES;
    let mut cache: LstmCache = network.lstm.cache(rows);
    let (stride, hidden) = (network.head.stride(), network.lstm.stride());
    let mut memory = vec![0.0; LANES * network.memory()];
    let mut outputs = network.outputs(rows);
    let (mut x, mut delta) = (vec![0.0; rows * FEATURES], vec![0.0; rows * stride]);
    let mut grads = vec![0.0; network.params.len()];
    let (mut transposed, mut starts) = (Vec::new(), vec![false; rows]);
    let mut lanes: Vec<Lane> =
        (0..LANES).map(|_| Lane { series: rng.random_range(0..all.len()), place: 0 }).collect();
    let cpu_quantile = (OVERRUN_WEIGHT / (1.0 + OVERRUN_WEIGHT)) as f32;
    let quantiles = [cpu_quantile, (1.0 - config.memory_risk_percent / 100.0) as f32];
    let mut best = (look(&network, shown, quantiles), network.clone(), 0);
    for update in 0..config.updates {
        let mut at = Vec::with_capacity(rows);
        for row in 0..rows {
            let lane = &mut lanes[row % LANES];
            let steps = &all[lane.series];
            starts[row] = lane.place == 0;
            x[row * FEATURES..(row + 1) * FEATURES].copy_from_slice(&steps.features[lane.place]);
            at.push((lane.series, lane.place));
            lane.place += 1;
            if lane.place == steps.learned {
                *lane = Lane { series: rng.random_range(0..all.len()), place: 0 };
            }
        }
        network.forward(&x, [rows, LENGTH], &starts, &mut memory, &mut cache, &mut outputs);
        for (row, (series, place)) in at.into_iter().enumerate() {
            let (_, slopes) = all[series].loss(place, &outputs[0][row * stride..], quantiles);
            for (output, slope) in slopes.into_iter().enumerate() {
                delta[row * stride + output] = slope / rows as f32;
            }
        }
        grads.fill(0.0);
        network.skip.backward(&x, FEATURES, &delta, rows, &mut grads);
        network.head.backward(cache.output(), hidden, &delta, rows, &mut grads);
        network.head.transpose(&network.params, &mut transposed);
        for (flow, slopes) in cache.delta().chunks_exact_mut(hidden).zip(delta.chunks_exact(stride)) {
            for (unit, flow) in flow.iter_mut().enumerate() {
                *flow = slopes[0] * transposed[unit] + slopes[1] * transposed[hidden + unit];
            }
        }
        network.lstm.transpose(&network.params, false, &mut cache);
        network.lstm.backward(&x, FEATURES, &mut cache, &mut grads, None);
        let rate = LEARNING_RATE * (1.0 - f64::from(update) / f64::from(config.updates));
        let wrong = |source| trimtab_rl::Error::Gradient { update: u64::from(update), source };
        adam.step(&mut network.params, &grads, rate, MAX_GRAD_NORM).map_err(wrong)?;
        if (update + 1).is_multiple_of(LOOK_EVERY) || update + 1 == config.updates {
            let loss = look(&network, shown, quantiles);
            if loss < best.0 {
                best = (loss, network.clone(), update + 1);
            }
        }
    }
    Ok((best.1, best.2))
}

/// The loss on the steps that are not learned from, a mean over containers.
fn look(network: &Network, shown: &[Steps], quantiles: Quantiles) -> f32 {
    let mut sum = 0.0;
    for steps in shown {
        let rows = steps.features.len();
        let mut cache = network.lstm.cache(rows);
        let (mut memory, mut outputs) = (vec![0.0; network.memory()], network.outputs(rows));
        let features: Vec<f32> = steps.features.iter().flatten().copied().collect();
        network.forward(&features, [rows, rows], &[], &mut memory, &mut cache, &mut outputs);
        let stride = network.head.stride();
        let losses =
            (steps.learned..rows).map(|place| steps.loss(place, &outputs[0][place * stride..], quantiles).0);
        sum += losses.sum::<f32>() / (rows - steps.learned) as f32;
    }
    sum / shown.len() as f32
}
