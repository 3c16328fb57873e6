//! Prints digests of checkpoints.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
use trimtab_rl::control::{CartPole, Toll};
use trimtab_rl::*;
fn digest(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}
fn bits(p: &trimtab_nn::ActorCritic) -> String {
    digest(
        &p.to_tensors()
            .names()
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .iter()
            .flat_map(|n| {
                p.to_tensors().get(n).unwrap().data().iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>(),
    )
}
fn main() {
    let mut env = CartPole::new(4);
    let c = PpoConfig {
        n_steps: 128,
        batch_size: 128,
        n_epochs: 4,
        ent_coef: 0.01,
        normalize_reward: true,
        clip_range_vf: Some(0.2.into()),
        ..PpoConfig::default()
    };
    let mut l = Ppo::new(c, env.spec(), vec![], 3).unwrap();
    l.start(&mut env, 20000).unwrap();
    for _ in 0..20 {
        l.iterate(&mut env).unwrap();
    }
    println!("ppo cartpole {}", bits(l.actor_critic()));
    let mut env = Toll::new(4);
    let c = A2cConfig { ..A2cConfig::default() };
    let mut l = A2c::new(c, env.spec(), vec![ConstraintConfig::new("toll", 0.3)], 3).unwrap();
    l.start(&mut env, 20000).unwrap();
    for _ in 0..200 {
        l.iterate(&mut env).unwrap();
    }
    println!("a2c toll {}", bits(l.actor_critic()));
}
