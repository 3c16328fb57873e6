//! What is drawn, how often, and what it weighs.

use rand::SeedableRng;

use super::*;

const SHAPE: ReplayShape = ReplayShape { capacity: 6, obs_dim: 2, width: 1, signals: 2, choices: 3 };

/// Entry `x` with reward `x` and cost `10·x`.
fn push(buffer: &mut ReplayBuffer, x: f32) {
    buffer.push(Transition {
        obs: &[x, -x],
        mask: &[true, false, x > 2.0],
        action: &[x],
        signals: &[x, 10.0 * x],
        discount: 0.9,
        next_obs: &[x + 1.0, -x - 1.0],
        next_mask: &[false, true, x > 1.0],
    });
}

fn filled(count: usize, priority: Option<PriorityConfig>) -> ReplayBuffer {
    let mut buffer = ReplayBuffer::new(SHAPE, priority);
    (0..count).for_each(|x| push(&mut buffer, x as f32));
    buffer
}

fn prioritised(errors: &[f32]) -> ReplayBuffer {
    let config = PriorityConfig { alpha: 0.5, beta: 0.4, eps: 1e-6 };
    let mut buffer = filled(errors.len(), Some(config));
    let mut batch = buffer.batch(errors.len());
    batch.indices = (0..errors.len()).collect();
    buffer.update_priorities(&batch, errors);
    buffer
}

fn counts(buffer: &ReplayBuffer, draws: usize) -> Vec<f64> {
    let (mut rng, mut batch) = (Pcg64::seed_from_u64(1), buffer.batch(4));
    let mut counts = vec![0.0; buffer.len()];
    for _ in 0..draws / 4 {
        buffer.sample(&mut rng, &[0.0], 1.0, &mut batch);
        for at in &batch.indices {
            counts[*at] += 1.0 / draws as f64;
        }
    }
    counts
}

#[test]
fn new_entries_take_the_place_of_the_oldest() {
    let buffer = filled(8, None);
    assert_eq!(buffer.len(), 6);
    assert_eq!(buffer.actions, [6.0, 7.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn uniform_draws_reach_every_entry_alike() {
    for share in counts(&filled(5, None), 40_000) {
        assert!((share - 0.2).abs() < 0.01, "{share}");
    }
}

#[test]
fn a_drawn_row_is_the_entry_with_costs_taken_off_its_reward() {
    let buffer = filled(6, None);
    let (mut rng, mut batch) = (Pcg64::seed_from_u64(1), buffer.batch(20));
    buffer.sample(&mut rng, &[0.5], 1.0, &mut batch);
    for row in 0..20 {
        let x = batch.actions[row];
        assert_eq!(batch.obs[row * 2..][..2], [x, -x]);
        assert_eq!(batch.next_obs[row * 2..][..2], [x + 1.0, -x - 1.0]);
        assert_eq!(batch.masks[row * 3..][..3], [true, false, x > 2.0]);
        assert_eq!(batch.next_masks[row * 3..][..3], [false, true, x > 1.0]);
        assert!((batch.rewards[row] - (x - 0.5 * 10.0 * x) / 1.5).abs() < 1e-6);
        assert_eq!((batch.discounts[row], batch.weights[row]), (0.9, 1.0));
    }
}

#[test]
fn priorities_set_how_often_and_weights_make_up_for_it() {
    // With α = ½ entries are drawn as 1 : 2 : 3 : 0.
    let buffer = prioritised(&[1.0, 4.0, 9.0, 0.0]);
    for (found, expected) in counts(&buffer, 60_000).iter().zip([1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0, 0.0]) {
        assert!((found - expected).abs() < 0.01, "{found}, expected {expected}");
    }
    let (mut rng, mut batch) = (Pcg64::seed_from_u64(1), buffer.batch(40));
    buffer.sample(&mut rng, &[0.0], 1.0, &mut batch);
    for (at, weight) in batch.indices.iter().zip(&batch.weights) {
        // (N·P)⁻¹ over that of the rarest entry drawn.
        let expected = [1.0, 1.0 / 2.0, 1.0 / 3.0][*at];
        assert!((weight - expected).abs() < 2e-3, "{weight}, expected {expected}");
    }
    buffer.sample(&mut rng, &[0.0], 0.0, &mut batch);
    assert!(batch.weights.iter().all(|weight| *weight == 1.0));
}

#[test]
fn a_new_entry_has_the_largest_priority_so_far() {
    let mut buffer = prioritised(&[1.0, 1.0, 16.0, 1.0]);
    push(&mut buffer, 4.0);
    let shares = counts(&buffer, 60_000);
    assert!((shares[4] - shares[2]).abs() < 0.01 && shares[4] > 0.3, "{shares:?}");
}

#[test]
fn a_restored_buffer_draws_what_the_saved_one_would_have() {
    for (buffer, priority) in [
        (filled(4, None), None),
        (filled(9, None), None),
        (
            prioritised(&[1.0, 0.3, 16.0, 0.1]),
            Some(PriorityConfig { alpha: 0.5, ..PriorityConfig::default() }),
        ),
    ] {
        let mut tensors = Tensors::default();
        buffer.write(&mut tensors);
        assert_eq!(tensors.get("obs").unwrap().shape(), [buffer.len(), 2]);
        let restored = ReplayBuffer::read(SHAPE, priority, buffer.cursor(), &mut tensors).unwrap();
        tensors.finish().unwrap();
        let draw = |buffer: &ReplayBuffer| {
            let mut batch = buffer.batch(32);
            buffer.sample(&mut Pcg64::seed_from_u64(5), &[0.1], 0.7, &mut batch);
            batch
        };
        assert_eq!(draw(&restored), draw(&buffer));
    }
    let mut tensors = Tensors::default();
    filled(4, None).write(&mut tensors);
    assert!(ReplayBuffer::read(SHAPE, None, Cursor { len: 7, next: 0 }, &mut tensors).is_err());
}
