//! Gradients, steps against sequences, resets.

use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::*;

const INPUTS: usize = 5;
const HIDDEN: usize = 6;

struct Sample {
    layer: Lstm,
    params: Vec<f32>,
    x: Vec<f32>,
    memory: Vec<f32>,
    starts: Vec<bool>,
}

fn sample(length: usize, n: usize) -> Sample {
    let (mut len, mut rng) = (2, Pcg64::new(4, 5));
    let layer = Lstm::place(INPUTS, HIDDEN, &mut len);
    let mut params = vec![0.0; len];
    layer.initialise(&mut params, &mut rng);
    let mut normal = |count: usize| (0..count).map(|_| rng.sample(StandardNormal)).collect::<Vec<f32>>();
    let (x, memory) = (normal(length * n * INPUTS), normal(n * 2 * HIDDEN));
    let starts = (0..length * n).map(|at| at % 5 == 3).collect();
    Sample { layer, params, x, memory, starts }
}

fn unroll<'a>(sample: &'a Sample, length: usize) -> Unroll<'a> {
    Unroll {
        rows: sample.x.len() / INPUTS,
        length,
        starts: &sample.starts,
        memory: &sample.memory,
        memory_stride: 2 * HIDDEN,
        memory_offset: 0,
    }
}

/// `Σ target · h` in double precision.
fn exact(params: &[f64], x: &[f64], sample: &Sample, length: usize, target: &[f32]) -> f64 {
    let Sample { layer, memory, starts, .. } = sample;
    let n = memory.len() / (2 * HIDDEN);
    let stride = layer.stride();
    // Offsets as `Linear` lays them out.
    let (first, width) = (2, 4 * stride);
    let second = first + (INPUTS + 1) * width;
    let mut loss = 0.0;
    for i in 0..n {
        let state = &memory[i * 2 * HIDDEN..][..2 * HIDDEN];
        let mut h: Vec<f64> = state[..HIDDEN].iter().map(|x| f64::from(*x)).collect();
        let mut c: Vec<f64> = state[HIDDEN..].iter().map(|x| f64::from(*x)).collect();
        for step in 0..length {
            let row = step * n + i;
            if starts[row] {
                h.fill(0.0);
                c.fill(0.0);
            }
            let gate = |gate: usize, k: usize| {
                let column = gate * stride + k;
                let mut sum =
                    params[first + INPUTS * width + column] + params[second + HIDDEN * width + column];
                sum += (0..INPUTS)
                    .map(|p| x[row * INPUTS + p] * params[first + p * width + column])
                    .sum::<f64>();
                sum + (0..HIDDEN).map(|p| h[p] * params[second + p * width + column]).sum::<f64>()
            };
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            let gates: Vec<[f64; 4]> =
                (0..HIDDEN).map(|k| [gate(0, k), gate(1, k), gate(2, k), gate(3, k)]).collect();
            for (k, [i, f, g, o]) in gates.into_iter().enumerate() {
                c[k] = sigmoid(f) * c[k] + sigmoid(i) * g.tanh();
                h[k] = sigmoid(o) * c[k].tanh();
                loss += f64::from(target[row * stride + k]) * h[k];
            }
        }
    }
    loss
}

#[test]
fn gradients_agree_with_finite_differences() {
    let (length, n) = (7, 3);
    let sample = sample(length, n);
    let Sample { layer, params, x, .. } = &sample;
    let mut cache = layer.cache(length * n);
    layer.forward(params, x, INPUTS, unroll(&sample, length), &mut cache);
    let mut rng = Pcg64::new(8, 8);
    let mut target = vec![0.0; length * n * layer.stride()];
    for row in target.chunks_exact_mut(layer.stride()) {
        row[..HIDDEN].fill_with(|| rng.sample(StandardNormal));
    }
    cache.delta().copy_from_slice(&target);
    layer.transpose(params, true, &mut cache);
    let (mut grads, mut dx) = (vec![0.0; params.len()], vec![0.0; length * n * padded(INPUTS)]);
    layer.backward(x, INPUTS, &mut cache, &mut grads, Some(&mut dx));

    let wide = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    let (params, x, h) = (wide(params), wide(x), 1e-5);
    for at in 0..params.len() {
        let (mut up, mut down) = (params.clone(), params.clone());
        up[at] += h;
        down[at] -= h;
        let loss = |params: &[f64]| exact(params, &x, &sample, length, &target);
        let padding = (at - 2.min(at)) % layer.stride() >= HIDDEN;
        let expected = if padding { 0.0 } else { (loss(&up) - loss(&down)) / (2.0 * h) };
        assert!((f64::from(grads[at]) - expected).abs() < 2e-5, "parameter {at}: {} {expected}", grads[at]);
    }
    for at in 0..x.len() {
        let (mut up, mut down) = (x.clone(), x.clone());
        up[at] += h;
        down[at] -= h;
        let loss = |x: &[f64]| exact(&params, x, &sample, length, &target);
        let expected = (loss(&up) - loss(&down)) / (2.0 * h);
        let found = f64::from(dx[at / INPUTS * padded(INPUTS) + at % INPUTS]);
        assert!((found - expected).abs() < 2e-5, "input {at}: {found} {expected}");
    }
}

#[test]
fn steps_one_by_one_equal_one_sequence() {
    let (length, n) = (9, 4);
    let mut sample = sample(length, n);
    let mut together = sample.layer.cache(length * n);
    sample.layer.forward(&sample.params, &sample.x, INPUTS, unroll(&sample, length), &mut together);
    let (mut alone, starts) = (sample.layer.cache(n), std::mem::take(&mut sample.starts));
    for step in 0..length {
        for i in (0..n).filter(|i| starts[step * n + i]) {
            sample.memory[i * 2 * HIDDEN..][..2 * HIDDEN].fill(0.0);
        }
        let x = &sample.x[step * n * INPUTS..][..n * INPUTS];
        let now = Unroll { rows: n, ..unroll(&sample, 1) };
        sample.layer.forward(&sample.params, x, INPUTS, now, &mut alone);
        sample.layer.recall(&alone, &mut sample.memory, 2 * HIDDEN, 0);
        let size = n * sample.layer.stride();
        assert_eq!(alone.output()[..size], together.output()[step * size..][..size], "step {step}");
    }
    let mut memory = vec![0.0; sample.memory.len()];
    sample.layer.recall(&together, &mut memory, 2 * HIDDEN, 0);
    assert_eq!(memory, sample.memory);
}

#[test]
fn a_start_forgets_what_came_before() {
    let (length, n) = (3, 2);
    let mut sample = sample(length, n);
    sample.starts = vec![false, false, true, true, false, false];
    let run = |sample: &Sample| {
        let mut cache = sample.layer.cache(length * n);
        sample.layer.forward(&sample.params, &sample.x, INPUTS, unroll(sample, length), &mut cache);
        cache.output().to_vec()
    };
    let first = run(&sample);
    sample.memory.fill(5.0);
    sample.x[..n * INPUTS].fill(-3.0);
    let second = run(&sample);
    let size = n * sample.layer.stride();
    assert_ne!(first[..size], second[..size]);
    assert_eq!(first[size..], second[size..]);
}

#[test]
fn files_hold_what_memory_holds() {
    let sample = sample(1, 1);
    let mut tensors = Tensors::default();
    sample.layer.write(&sample.params, "lstm", &mut tensors);
    assert_eq!(tensors.get("lstm.weight_ih_l0").unwrap().shape(), [4 * HIDDEN, INPUTS]);
    let mut read = vec![0.0; sample.params.len()];
    sample.layer.read(&mut read, "lstm", &mut tensors).unwrap();
    assert_eq!(read, sample.params);
    tensors.finish().unwrap();
}
