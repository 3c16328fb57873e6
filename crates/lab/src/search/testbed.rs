//! Functions with known minima, and how near the samplers come to them.
//!
//! Branin: least 0.397887 in [−5, 10] × [0, 15]. Hartmann in six dimensions: least −3.32237 in [0, 1]⁶. Both as in
//! Surjanovic and Bingham, "Virtual Library of Simulation Experiments".

use super::{
    Domain, Found, Parameter, Point, Pruner, Sampler, Space, Study, StudyConfig, Trial, importances,
};
use std::{f64::consts::PI, sync::atomic::AtomicBool};

fn number(point: &Point, name: &str) -> f64 {
    point[name].as_float().unwrap()
}

fn float(name: &str, low: f64, high: f64) -> Parameter {
    Parameter { name: name.to_owned(), domain: Domain::Float { low, high, log: false } }
}

pub(super) fn branin_space() -> Space {
    Space::new(vec![float("x", -5.0, 10.0), float("y", 0.0, 15.0)]).unwrap()
}

pub(super) fn branin(point: &Point) -> f64 {
    let (x, y) = (number(point, "x"), number(point, "y"));
    let bend = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    bend * bend + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

const WEIGHTS: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const STEEPNESS: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const CENTRES: [[f64; 6]; 4] = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

fn hartmann(point: &Point) -> f64 {
    let term = |i: usize| {
        let distance: f64 =
            (0..6).map(|j| STEEPNESS[i][j] * (number(point, &format!("x{j}")) - CENTRES[i][j]).powi(2)).sum();
        WEIGHTS[i] * (-distance).exp()
    };
    -(0..4).map(term).sum::<f64>()
}

fn trials(space: &Space, function: fn(&Point) -> f64, sampler: Sampler, seed: u64, batch: u64) -> Vec<Trial> {
    let config = StudyConfig { seed, sampler, pruner: Pruner::None, batch };
    let mut study = Study::new(config, space.clone()).unwrap();
    let objective = |attempt: &mut super::Attempt<'_>| Found::Value(function(attempt.point));
    study.run(100, 1, &AtomicBool::new(false), &objective, &|_| ()).unwrap();
    study.trials().to_vec()
}

/// Mean over 20 seeds of the least of 100 values.
fn reached(space: &Space, function: fn(&Point) -> f64, sampler: Sampler, batch: u64) -> f64 {
    let least = |seed| {
        let trials = trials(space, function, sampler, seed, batch);
        trials.iter().filter_map(|trial| trial.value).fold(f64::INFINITY, f64::min)
    };
    (0..20).map(least).sum::<f64>() / 20.0
}

#[test]
fn the_functions_have_their_published_minima() {
    let at = |values: &[(&str, f64)]| {
        values.iter().map(|(name, x)| ((*name).to_owned(), toml::Value::Float(*x))).collect()
    };
    assert!((branin(&at(&[("x", PI), ("y", 2.275)])) - 0.397_887).abs() < 1e-5);
    let minimum = [0.201_69, 0.150_011, 0.476_874, 0.275_332, 0.311_652, 0.657_3];
    let names = ["x0", "x1", "x2", "x3", "x4", "x5"];
    let point: Vec<(&str, f64)> = names.into_iter().zip(minimum).collect();
    assert!((hartmann(&at(&point)) + 3.32237).abs() < 1e-4);
}

#[test]
fn the_estimator_comes_nearer_to_a_minimum_than_chance() {
    let cube = Space::new((0..6).map(|i| float(&format!("x{i}"), 0.0, 1.0)).collect()).unwrap();
    let [tpe, random] =
        [Sampler::Tpe, Sampler::Random].map(|s| reached(&branin_space(), branin, s, 1) - 0.397_887);
    println!("Branin, regret after 100 trials: tpe {tpe:.3}, random {random:.3}");
    assert!(tpe < 0.5 * random, "{tpe} {random}");
    let [tpe, random] = [Sampler::Tpe, Sampler::Random].map(|s| reached(&cube, hartmann, s, 1) + 3.32237);
    println!("Hartmann 6, regret after 100 trials: tpe {tpe:.3}, random {random:.3}");
    assert!(tpe < 0.6 * random, "{tpe} {random}");
    let batched = reached(&cube, hartmann, Sampler::Tpe, 4) + 3.32237;
    println!("Hartmann 6, in batches of four: tpe {batched:.3}");
    assert!(batched < 0.7 * random, "{batched} {random}");
}

#[test]
fn a_choice_and_a_whole_number_on_a_logarithmic_scale_are_found() {
    let choices = ["a", "b", "c", "d", "e"].map(toml::Value::from).to_vec();
    let space = Space::new(vec![
        Parameter { name: "kind".to_owned(), domain: Domain::Choice(choices) },
        Parameter { name: "size".to_owned(), domain: Domain::Integer { low: 1, high: 4096, log: true } },
        float("noise", 0.0, 1.0),
    ])
    .unwrap();
    let function = |point: &Point| {
        let size = point["size"].as_integer().unwrap() as f64;
        let kind = if point["kind"].as_str() == Some("d") { 0.0 } else { 4.0 };
        kind + (size.log2() - 5.0).abs()
    };
    let [tpe, random] = [Sampler::Tpe, Sampler::Random].map(|s| reached(&space, function, s, 1));
    assert!(tpe < 0.5 * random, "{tpe} {random}");
    let shares = importances(&space, &trials(&space, function, Sampler::Random, 1, 1));
    assert!(shares[0] > 0.2 && shares[1] > 0.05 && shares[2] < shares[1], "{shares:?}");
}

#[test]
fn nothing_outside_of_the_space_is_ever_tried() {
    for sampler in [Sampler::Tpe, Sampler::Random] {
        let tried = trials(&branin_space(), branin, sampler, 7, 1);
        assert!(tried.iter().all(|trial| branin_space().coordinates(&trial.point).is_some()));
    }
}
