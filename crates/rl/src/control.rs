//! Small control tasks with known answers, to validate algorithms on.

mod cartpole;
mod toll;

pub use cartpole::CartPole;
pub use toll::Toll;

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Generator of environment `env` in a batch seeded with `seed`.
fn lane_rng(seed: u64, env: usize) -> Pcg64 {
    // Weyl's sequence keeps neighbouring lanes of neighbouring seeds apart.
    Pcg64::seed_from_u64(seed.wrapping_add((env as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}
