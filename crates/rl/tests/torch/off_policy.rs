//! Off-policy updates from fixed weights and batches, against `PyTorch`'s numbers, and n-step returns against `NumPy`'s.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::Deserialize;
use trimtab_nn::{Tensor, Tensors};
use trimtab_rl::ddpg::DdpgConfig;
use trimtab_rl::deterministic::{DeterministicUpdate, Squash};
use trimtab_rl::dqn::{DqnConfig, DqnUpdate};
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::off_policy::{Learning, Terms, Update};
use trimtab_rl::replay::n_step::{Finish, WindowShape, Windows};
use trimtab_rl::replay::{ReplayBatch, ReplayBuffer, ReplayShape};
use trimtab_rl::sac::{SacConfig, SacUpdate};
use trimtab_rl::td3::Td3Config;
use trimtab_rl::{ActionSpace, EnvSpec, Result, Schedule};

use super::{TOLERANCE, agree};

type Ddpg = DeterministicUpdate<DdpgConfig>;
type Td3 = DeterministicUpdate<Td3Config>;

#[derive(Deserialize)]
struct Fixture {
    settings: Settings,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Settings {
    obs_dim: usize,
    hidden: Vec<usize>,
    rows: usize,
    width: usize,
    learning_rate: f64,
    tau: f64,
    max_grad_norm: f64,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

#[derive(Deserialize)]
struct Batch {
    obs: Vec<f32>,
    next_obs: Vec<f32>,
    rewards: Vec<f32>,
    discounts: Vec<f32>,
    weights: Vec<f32>,
    actions: Vec<f32>,
    #[serde(default)]
    masks: Vec<bool>,
    #[serde(default)]
    next_masks: Vec<bool>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "switches, as the fixtures have them")]
struct Case {
    name: String,
    #[serde(default)]
    choices: Vec<usize>,
    #[serde(default)]
    double: bool,
    #[serde(default)]
    dueling: bool,
    #[serde(default)]
    masked: bool,
    #[serde(default)]
    twin: bool,
    #[serde(default)]
    sigmoid: bool,
    #[serde(default)]
    noise: Vec<f32>,
    batch: Batch,
    start: BTreeMap<String, Array>,
    terms: BTreeMap<String, f64>,
    end: BTreeMap<String, Array>,
}

impl Settings {
    fn network(&self) -> HiddenConfig {
        HiddenConfig::relu(&self.hidden)
    }

    fn rate(&self) -> Schedule {
        Schedule::Constant(self.learning_rate)
    }
}

impl Case {
    fn spec(&self, settings: &Settings) -> EnvSpec {
        let action_space = match &self.choices[..] {
            [] => ActionSpace::Box(settings.width),
            [count] => ActionSpace::Discrete(*count),
            counts => ActionSpace::MultiDiscrete(counts.to_vec()),
        };
        let (n_envs, n_agents, obs_dim) = (1, 1, settings.obs_dim);
        let (masked, varying, costs) = (self.masked, false, vec![]);
        EnvSpec { n_envs, n_agents, obs_dim, action_space, costs, masked, varying }
    }

    fn batch(&self, settings: &Settings) -> ReplayBatch {
        let spec = self.spec(settings);
        let choices = if self.masked { self.choices.iter().sum() } else { 0 };
        let width = spec.action_space.width();
        let shape = ReplayShape { capacity: 1, obs_dim: spec.obs_dim, width, signals: 1, choices };
        let mut batch = ReplayBuffer::new(shape, None).batch(settings.rows);
        batch.obs.copy_from_slice(&self.batch.obs);
        batch.next_obs.copy_from_slice(&self.batch.next_obs);
        batch.actions.copy_from_slice(&self.batch.actions);
        batch.rewards.copy_from_slice(&self.batch.rewards);
        batch.discounts.copy_from_slice(&self.batch.discounts);
        batch.weights.copy_from_slice(&self.batch.weights);
        if self.masked {
            batch.masks.copy_from_slice(&self.batch.masks);
            batch.next_masks.copy_from_slice(&self.batch.next_masks);
        }
        batch
    }

    /// Starts an update from the fixture's weights, makes three steps, and compares terms and all weights.
    fn run<U: Update>(
        &self,
        settings: &Settings,
        config: &U::Config,
        mut learn: impl FnMut(&mut U, &ReplayBatch, &mut Learning<'_>, usize) -> Result<()>,
    ) {
        let mut rng = Pcg64::seed_from_u64(1);
        let mut update = U::new(config, &self.spec(settings), &mut rng).unwrap();
        let mut tensors = Tensors::default();
        let counters = update.write(&mut tensors);
        for (name, Array { shape, data }) in &self.start {
            assert_eq!(tensors.get(name).map(Tensor::shape), Some(&shape[..]), "{}: {name}", self.name);
            tensors.insert(name, Tensor::new(shape.clone(), data.clone()));
        }
        update.read(&counters, &mut tensors).unwrap();
        tensors.finish().unwrap();

        let (batch, mut errors) = (self.batch(settings), vec![0.0; settings.rows]);
        for n_updates in 0..3 {
            let mut terms = Terms::default();
            let (rng, errors, terms) = (&mut rng, &mut errors, &mut terms);
            let mut learning = Learning { rng, progress_remaining: 1.0, n_updates, errors, terms };
            learn(&mut update, &batch, &mut learning, n_updates as usize).unwrap();
            if n_updates == 0 {
                for (key, expected) in self.terms.iter().filter(|(key, _)| key.starts_with("train/")) {
                    agree(&self.name, key, terms.mean(key).unwrap(), *expected);
                }
                if let Some(expected) = self.terms.get("error") {
                    let mean = errors.iter().map(|x| f64::from(*x)).sum::<f64>() / settings.rows as f64;
                    agree(&self.name, "error", mean, *expected);
                }
            }
        }
        let mut found = Tensors::default();
        update.write(&mut found);
        for (name, expected) in &self.end {
            let pairs = found.get(name).unwrap().data().iter().zip(&expected.data);
            let error = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
            assert!(error < TOLERANCE, "{}: {name} differs by {error}", self.name);
        }
    }
}

#[test]
fn dqn_updates_agree_with_pytorch() {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/dqn.json")).unwrap();
    for case in &fixture.cases {
        let config = DqnConfig {
            learning_rate: fixture.settings.rate(),
            batch_size: fixture.settings.rows,
            max_grad_norm: fixture.settings.max_grad_norm,
            double: case.double,
            dueling: case.dueling,
            network: fixture.settings.network(),
            ..DqnConfig::default()
        };
        let clipped = case.terms["norm"] > config.max_grad_norm;
        assert!(clipped, "{}: the gradient is clipped", case.name);
        case.run(&fixture.settings, &config, |update: &mut DqnUpdate, batch, learning, _| {
            update.improve(batch, learning)
        });
    }
}

#[test]
fn ddpg_and_td3_updates_agree_with_pytorch() {
    let text = include_str!("../fixtures/deterministic.json");
    let Fixture { settings, cases } = serde_json::from_str(text).unwrap();
    for case in &cases {
        let size = settings.rows * settings.width;
        let noise = |at: usize| &case.noise[at * size..][..size];
        let squash = if case.sigmoid { Squash::Sigmoid } else { Squash::Tanh };
        let (learning_rate, batch_size, tau) = (settings.rate(), settings.rows, settings.tau);
        let network = settings.network();
        if case.twin {
            let config = Td3Config {
                learning_rate,
                batch_size,
                tau,
                squash,
                network,
                target_noise_clip: 0.15,
                ..Td3Config::default()
            };
            case.run(&settings, &config, |update: &mut Td3, batch, learning, at| {
                update.learn(batch, noise(at), learning)
            });
        } else {
            let config =
                DdpgConfig { learning_rate, batch_size, tau, squash, network, ..DdpgConfig::default() };
            case.run(&settings, &config, |update: &mut Ddpg, batch, learning, at| {
                update.learn(batch, noise(at), learning)
            });
        }
    }
}

#[test]
fn sac_updates_agree_with_pytorch() {
    let Fixture { settings, cases } = serde_json::from_str(include_str!("../fixtures/sac.json")).unwrap();
    for case in &cases {
        let config = SacConfig {
            learning_rate: settings.rate(),
            batch_size: settings.rows,
            tau: settings.tau,
            network: settings.network(),
            ..SacConfig::default()
        };
        let size = settings.rows * settings.width;
        case.run(&settings, &config, |update: &mut SacUpdate, batch, learning, at| match update {
            SacUpdate::Continuous(update) => {
                let noise = &case.noise[2 * at * size..][..2 * size];
                update.learn(batch, &noise[..size], &noise[size..], learning)
            }
            SacUpdate::Discrete(update) => update.learn(batch, learning),
        });
    }
}

#[derive(Deserialize)]
struct NStep {
    gamma: f64,
    rewards: Vec<f32>,
    cases: Vec<NStepCase>,
}

#[derive(Deserialize)]
struct NStepCase {
    n: usize,
    ends: Vec<u8>,
    /// First state, return, discount, state to bootstrap from.
    expected: Vec<[f32; 4]>,
}

#[test]
fn n_step_transitions_agree_with_numpy_however_episodes_end() {
    let NStep { gamma, rewards, cases } =
        serde_json::from_str(include_str!("../fixtures/n_step.json")).unwrap();
    for NStepCase { n, ends, expected } in &cases {
        let (rows, obs_dim, width, signals, choices) = (1, 1, 1, 2, 0);
        let mut windows = Windows::new(WindowShape { rows, n: *n, gamma, obs_dim, width, signals, choices });
        let mut found = Vec::new();
        for (step, (end, reward)) in ends.iter().zip(&rewards).enumerate() {
            windows.begin(0, &[step as f32], &[], &[-(step as f32)]);
            windows.earn(0, *reward, [2.0 * reward].into_iter());
            let finish = Finish::of(end % 2 == 1, *end >= 2);
            let next = step as f32 + if finish == Finish::Continues { 1.0 } else { 100.0 };
            windows.finish(0, finish, &[next], &[], |transition| {
                assert_eq!(transition.action[0], -transition.obs[0]);
                assert!((transition.signals[1] - 2.0 * transition.signals[0]).abs() < 1e-5);
                let value = transition.signals[0];
                found.push([transition.obs[0], value, transition.discount, transition.next_obs[0]]);
            });
        }
        found.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(found.len(), expected.len(), "n {n}, ends {ends:?}");
        for (found, expected) in found.iter().zip(expected) {
            let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "n {n}, ends {ends:?}: {found:?}, expected {expected:?}");
        }
    }
}
