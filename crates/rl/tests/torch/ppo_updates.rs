//! Whole PPO updates: with memory, with the adaptive KL penalty, and stopped at a target divergence.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::Deserialize;
use trimtab_nn::ActorCritic;
use trimtab_rl::PpoConfig;
use trimtab_rl::buffer::{RolloutBuffer, RolloutShape};
use trimtab_rl::on_policy::{Learning, Update};
use trimtab_rl::ppo::PpoUpdate;
use trimtab_rl::schedule::Schedule;

use super::fixture::{Batch, Named, difference, policy, shape};
use super::{TOLERANCE, agree};

#[derive(Deserialize)]
struct Settings {
    clip_range: f64,
    clip_range_vf: f64,
    ent_coef: f64,
    vf_coef: f64,
    max_grad_norm: f64,
    learning_rate: f64,
    kl_target: f64,
    length: usize,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    architecture: serde_json::Value,
    batch: Batch,
    #[serde(default)]
    starts: Vec<bool>,
    #[serde(default)]
    memory: Vec<f32>,
    start: Named,
    kl_coeff: Option<f64>,
    target_kl: Option<f64>,
    passes: u64,
    kl: f64,
    adapted_kl_coeff: Option<f64>,
    end: Named,
}

#[derive(Deserialize)]
struct Fixture {
    settings: Settings,
    cases: Vec<Case>,
}

/// The batch as the rollout of an environment for each sequence.
fn rollout(case: &Case, policy: &ActorCritic, length: usize) -> RolloutBuffer {
    let (rows, recurrent) = (case.batch.log_probs.len(), policy.is_recurrent());
    let n_envs = rows / length;
    let mut rollout = RolloutBuffer::new(RolloutShape {
        n_steps: length,
        n_envs,
        memory: policy.memory(1).width(),
        sequence_length: if recurrent { length } else { 1 },
        ..shape(policy.architecture(), rows, true)
    });
    (rollout.masks, rollout.actions) = case.batch.masks_and_actions(&policy.architecture().head);
    rollout.obs.clone_from(&case.batch.obs);
    rollout.log_probs.clone_from(&case.batch.log_probs);
    rollout.values.clone_from(&case.batch.values);
    rollout.policy_advantages.clone_from(&case.batch.advantages);
    rollout.returns.clone_from(&case.batch.returns);
    rollout.memory.clone_from(&case.memory);
    let ends = rollout.terminated.iter_mut().zip(case.starts.iter().skip(n_envs));
    ends.for_each(|(ended, starts)| *ended = *starts);
    rollout
}

#[test]
fn whole_updates_agree_with_pytorch() {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/ppo_updates.json")).unwrap();
    let settings = &fixture.settings;
    for case in &fixture.cases {
        let mut policy = policy(&case.architecture, &case.start);
        let mut rollout = rollout(case, &policy, settings.length);
        let rows = rollout.shape.transitions();
        let config = PpoConfig {
            learning_rate: Schedule::Constant(settings.learning_rate),
            batch_size: rows,
            n_epochs: 3,
            clip_range: Schedule::Constant(settings.clip_range),
            clip_range_vf: Some(Schedule::Constant(settings.clip_range_vf)),
            ent_coef: settings.ent_coef,
            vf_coef: settings.vf_coef,
            max_grad_norm: settings.max_grad_norm,
            target_kl: case.target_kl,
            kl_coeff: case.kl_coeff,
            kl_target: settings.kl_target,
            ..PpoConfig::default()
        };
        let mut update = PpoUpdate::new(config, &policy, &rollout.shape);
        let (mut n_updates, mut log) = (0, vec![]);
        let mut learn = |policy: &mut ActorCritic, update: &mut PpoUpdate| {
            let learning = Learning {
                ws: &mut policy.workspace_for(rows),
                policy,
                rollout: &mut rollout,
                rng: &mut Pcg64::seed_from_u64(0),
                progress_remaining: 1.0,
                n_updates: &mut n_updates,
            };
            log.clear();
            update.improve(learning, &mut log).unwrap();
            let figure = |key: &str| log.iter().find(|(found, _)| found == key).map(|(_, value)| *value);
            (n_updates, figure("train/kl"), figure("train/kl_coeff"))
        };
        let (passes, kl, kl_coeff) = learn(&mut policy, &mut update);
        let error = difference(&policy, policy.params(), &case.end);
        println!("{}: parameters differ by {error:.1e} after {passes} passes", case.name);
        assert_eq!(passes, case.passes, "{}", case.name);
        assert!(error < TOLERANCE, "{}: parameters differ by {error}", case.name);
        assert_eq!(kl_coeff, case.kl_coeff);
        if let Some(kl) = kl {
            agree(&case.name, "kl", kl, case.kl);
        }
        assert_eq!(learn(&mut policy, &mut update).2, case.adapted_kl_coeff, "{}", case.name);
    }
}
