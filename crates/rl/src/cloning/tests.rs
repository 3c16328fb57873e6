//! That clones decide as their teachers, keep what should stay, and are a good start.

use trimtab_nn::Policy;
use trimtab_nn::actor_critic::Group;

use super::*;
use crate::buffer::ActionBuffer;
use crate::control::CartPole;
use crate::env::{Actions, StepBuffers, VecEnv};
use crate::evaluation::evaluate;
use crate::on_policy::tests::tasks::figure;
use crate::{CriticView, NetworkConfig, Ppo, PpoConfig, Schedule};

/// Pushes to where the pole leans and turns: balances for whole episodes.
fn teacher(obs: &[f32]) -> u32 {
    u32::from(0.1 * obs[0] + 0.3 * obs[1] + 3.0 * obs[2] + obs[3] > 0.0)
}

/// What the teacher does on `CartPole`, and the discounted rewards.
fn demonstrations(lanes: usize, steps: usize) -> Demonstrations {
    let mut env = CartPole::new(lanes);
    let mut out = StepBuffers::new(env.spec());
    env.reset(5, &mut out.obs);
    let (mut obs, mut actions, mut starts) = (vec![], vec![], vec![true; lanes]);
    for step in 0..steps {
        let chosen: Vec<u32> = out.obs.chunks(4).map(teacher).collect();
        obs.extend(&out.obs);
        env.step(Actions::Discrete(&chosen), &mut out).unwrap();
        actions.extend(chosen);
        if step + 1 < steps {
            starts.extend(out.terminated.iter().zip(&out.truncated).map(|(a, b)| *a || *b));
        }
    }
    let returns = discounted_returns(&vec![1.0; starts.len()], &starts, lanes, 0.98);
    let actions = ActionBuffer::Choices(actions);
    Demonstrations { lanes, obs, critic_obs: vec![], masks: vec![], actions, starts, returns }
}

fn fresh(network: &NetworkConfig, seed: u64) -> ActorCritic {
    let architecture = network.architecture(CartPole::new(1).spec(), 1, CriticView::Own);
    let mut rng = Pcg64::seed_from_u64(seed);
    ActorCritic::new(architecture, &network.initialisation(), &mut rng).unwrap()
}

fn last(log: &[Log], key: &str) -> f64 {
    log.last().unwrap().iter().find(|(name, _)| name == key).unwrap().1
}

#[test]
fn discounted_returns_end_with_the_episode() {
    let starts = [true, true, false, true, false, false];
    let returns = discounted_returns(&[1.0, 10.0, 2.0, 20.0, 4.0, 40.0], &starts, 2, 0.5);
    assert_eq!(returns, [3.0, 10.0, 4.0, 40.0, 4.0, 40.0]);
}

#[test]
fn a_clone_balances_as_its_teacher_and_fine_tuning_starts_from_there() {
    let demonstrations = demonstrations(8, 500);
    let mut policy = fresh(&NetworkConfig::default(), 1);
    let config = CloningConfig { n_epochs: 30, ..CloningConfig::default() };
    let log = clone_behaviour(&config, &demonstrations, &mut policy, 1).unwrap();
    assert!(last(&log, "bc/validation_prob_true_act") > 0.9, "{:?}", log.last());
    let score = |policy: &ActorCritic| {
        evaluate(&[Policy::from(policy.clone())], &mut CartPole::new(10), 9, 1).unwrap().mean_return()
    };
    assert!(score(&policy) >= 475.0, "{}", score(&policy));

    let mut env = CartPole::new(8);
    let network = NetworkConfig { freeze: vec![Group::Actor], ..NetworkConfig::default() };
    let config = PpoConfig {
        n_steps: 32,
        batch_size: 256,
        learning_rate: Schedule::Constant(1e-4),
        network,
        ..PpoConfig::default()
    };
    let mut ppo = Ppo::new(config, env.spec(), vec![], 3).unwrap();
    ppo.adopt(&policy, &Group::ALL).unwrap();
    assert_eq!(ppo.actor_critic().params(), policy.params());
    ppo.start(&mut env, 100_000).unwrap();
    let first = ppo.iterate(&mut env).unwrap();
    assert!(figure(&first, "train/explained_variance").is_some());
    (0..20).for_each(|_| drop(ppo.iterate(&mut env).unwrap()));
    let (frozen, moved) = (policy.group(Group::Actor), policy.group(Group::Critic));
    assert_eq!(ppo.actor_critic().params()[frozen.clone()], policy.params()[frozen]);
    assert_ne!(ppo.actor_critic().params()[moved.clone()], policy.params()[moved]);
    assert!(score(ppo.actor_critic()) >= 475.0, "fine-tuning keeps what was cloned");
    let loaded = Ppo::load(&ppo.save(), env.spec()).unwrap();
    assert_eq!(loaded.actor_critic(), ppo.actor_critic());
    assert_eq!(loaded.actor_critic().frozen(), [Group::Actor]);
}

#[test]
fn equal_seeds_clone_alike() {
    let (demonstrations, config) =
        (demonstrations(4, 50), CloningConfig { n_epochs: 3, ..CloningConfig::default() });
    let cloned = |seed| {
        let mut policy = fresh(&NetworkConfig::default(), 1);
        clone_behaviour(&config, &demonstrations, &mut policy, seed).unwrap();
        policy
    };
    assert_eq!(cloned(1), cloned(1));
    assert_ne!(cloned(1), cloned(2));
}

#[test]
fn recurrent_clones_learn_from_sequences_with_resets() {
    let recurrence =
        Some(trimtab_nn::Recurrence { hidden_size: 16, critic: trimtab_nn::CriticRecurrence::Separate });
    let mut policy = fresh(&NetworkConfig { recurrence, ..NetworkConfig::default() }, 1);
    let config = CloningConfig {
        n_epochs: 40,
        batch_size: 100,
        sequence_length: Some(25),
        learning_rate: 3e-3,
        ..CloningConfig::default()
    };
    let log = clone_behaviour(&config, &demonstrations(8, 200), &mut policy, 1).unwrap();
    assert!(last(&log, "bc/validation_prob_true_act") > 0.8, "{:?}", log.last());
}

#[test]
fn means_are_learned_and_deviations_kept_unless_asked() {
    let space = crate::env::ActionSpace::Box(2);
    let spec = crate::EnvSpec { action_space: space, ..CartPole::new(1).spec().clone() };
    let network = NetworkConfig { log_std_init: -0.3, ..NetworkConfig::default() };
    let mut rng = Pcg64::seed_from_u64(1);
    let fresh = ActorCritic::new(
        network.architecture(&spec, 1, CriticView::Own),
        &network.initialisation(),
        &mut rng,
    );
    let fresh = fresh.unwrap();
    let obs: Vec<f32> = (0..4000).map(|_| rng.random_range(-1.0..1.0)).collect();
    let numbers = obs.chunks(4).flat_map(|x| [0.5 * x[0] - 0.3 * x[1], 0.2 + 0.4 * x[3]]).collect();
    let demonstrations = Demonstrations {
        lanes: 1,
        obs,
        critic_obs: vec![],
        masks: vec![],
        actions: ActionBuffer::Numbers(numbers),
        starts: vec![],
        returns: vec![],
    };
    let mut policy = fresh.clone();
    let config = CloningConfig { n_epochs: 60, patience: None, ..CloningConfig::default() };
    let log = clone_behaviour(&config, &demonstrations, &mut policy, 1).unwrap();
    assert!(last(&log, "bc/validation_mse") < 1e-3, "{:?}", log.last());
    assert_eq!(policy.log_stds(), [-0.3, -0.3]);
    let critic = policy.group(Group::Critic);
    assert_eq!(policy.params()[critic.clone()], fresh.params()[critic], "nothing is known of values");

    let mut policy = fresh.clone();
    let config = CloningConfig { gaussian: GaussianTarget::Likelihood, ..config };
    clone_behaviour(&config, &demonstrations, &mut policy, 1).unwrap();
    assert!(policy.log_stds().iter().all(|log_std| *log_std < -1.0), "{:?}", policy.log_stds());
}

#[test]
fn demonstrations_that_do_not_fit_are_named() {
    let good = demonstrations(4, 10);
    let error = |change: &dyn Fn(&mut Demonstrations)| {
        let (mut changed, mut policy) = (good.clone(), fresh(&NetworkConfig::default(), 1));
        change(&mut changed);
        clone_behaviour(&CloningConfig::default(), &changed, &mut policy, 1).unwrap_err().to_string()
    };
    assert!(error(&|d| d.lanes = 3).starts_with("demonstrations.obs"));
    assert!(error(&|d| d.obs[2] = f32::NAN).contains("demonstrated observation"));
    assert!(error(&|d| d.returns.truncate(3)).starts_with("demonstrations.returns"));
    assert!(error(&|d| d.actions = ActionBuffer::Choices(vec![2; 40])).contains("choices below 2"));
    assert!(error(&|d| d.actions = ActionBuffer::Numbers(vec![0.0; 40])).contains("the other kind"));
    assert!(error(&|d| d.masks = vec![false; 80]).contains("what its mask allows"));
}
