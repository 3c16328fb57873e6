//! What every algorithm has to learn: a table of gates, each a task, settings, a budget and what is asked at its end.
//!
//! The tests in `main.rs` ask it of a few seeds; `examples/learn.rs` of many, with curves on the way. To add a gate, add a
//! row to [`gates`] and, where Stable-Baselines3 has the algorithm, one of the same name and settings to
//! `bench/peers/learning_curves.py`.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use trimtab_rl::control::{Acrobot, Budget, CartPole, Doors, Toll};
use trimtab_rl::evaluation::{Evaluation, evaluate};
use trimtab_rl::{
    A2c, A2cConfig, ConstraintConfig, EnvSpec, Learner, Ppo, PpoConfig, Result, Schedule, VecEnv,
};

/// One thing that an algorithm has to learn.
pub(crate) struct Gate {
    /// Name of the test, the curve and the peers' curve.
    pub(crate) name: &'static str,
    /// A batch of the task.
    env: fn(usize) -> Box<dyn VecEnv>,
    n_envs: usize,
    learner: fn(&EnvSpec, u64) -> Result<Box<dyn Learner>>,
    /// Environment steps.
    pub(crate) budget: u64,
    /// What is asked at the end, all of it.
    exams: Vec<Exam>,
    /// Seeds that the tests train.
    pub(crate) seeds: usize,
    /// How many of them have to pass.
    pub(crate) needed: usize,
}

/// A task, usually the one that was trained on, and what is asked of its environments' first episodes.
struct Exam {
    env: fn(usize) -> Box<dyn VecEnv>,
    n_envs: usize,
    goal: Goal,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    /// A mean return of at least this.
    Return(f64),
    /// The first cost and the reward, both by step, this close to what is best, relatively.
    Bound { cost: f64, reward: f64, within: f64 },
}

/// Mean bound of [`Toll`]'s gate.
const TOLL: f64 = 0.3;

/// Every gate.
pub(crate) fn gates() -> Vec<Gate> {
    let learned = |env: fn(usize) -> Box<dyn VecEnv>, at_least| {
        vec![Exam { env, n_envs: 30, goal: Goal::Return(at_least) }]
    };
    vec![
        Gate {
            name: "ppo-cartpole",
            env: cartpole,
            n_envs: 8,
            learner: ppo_cartpole,
            budget: 100_000,
            exams: learned(cartpole, 475.0),
            seeds: 5,
            needed: 5,
        },
        Gate {
            name: "a2c-cartpole",
            env: cartpole,
            n_envs: 8,
            learner: a2c_cartpole,
            budget: 500_000,
            exams: learned(cartpole, 475.0),
            seeds: 5,
            needed: 4,
        },
        Gate {
            name: "ppo-acrobot",
            env: acrobot,
            n_envs: 16,
            learner: ppo_acrobot,
            budget: 200_000,
            exams: learned(acrobot, -100.0),
            seeds: 5,
            needed: 5,
        },
        Gate {
            name: "ppo-doors",
            env: doors,
            n_envs: 16,
            learner: ppo_toy,
            budget: 200_000,
            // The best is 13.75, a random open door earns 10.
            exams: vec![Exam { env: doors, n_envs: 500, goal: Goal::Return(13.4) }],
            seeds: 3,
            needed: 3,
        },
        Gate {
            name: "ppo-budget",
            env: budget,
            n_envs: 16,
            learner: ppo_toy,
            budget: 200_000,
            // The best is 8.15; agents that claim what they demand earn 6.3.
            exams: vec![Exam { env: budget, n_envs: 500, goal: Goal::Return(7.5) }],
            seeds: 3,
            needed: 3,
        },
        Gate {
            name: "lagrangian-ppo-toll",
            env: toll,
            n_envs: 16,
            learner: ppo_toll,
            budget: 400_000,
            exams: vec![at_the_bound()],
            seeds: 5,
            needed: 5,
        },
        Gate {
            name: "lagrangian-a2c-toll",
            env: toll,
            n_envs: 16,
            learner: a2c_toll,
            budget: 400_000,
            exams: vec![at_the_bound()],
            seeds: 3,
            needed: 3,
        },
    ]
}

/// The best policy under the bound, to 5 %.
fn at_the_bound() -> Exam {
    let goal = Goal::Bound { cost: TOLL, reward: TOLL - TOLL * TOLL / 2.0, within: 0.05 };
    // 100,000 offers: a mean cost is known to half a percent.
    Exam { env: toll, n_envs: 2000, goal }
}

fn cartpole(n_envs: usize) -> Box<dyn VecEnv> {
    Box::new(CartPole::new(n_envs))
}

fn acrobot(n_envs: usize) -> Box<dyn VecEnv> {
    Box::new(Acrobot::new(n_envs))
}

fn doors(n_envs: usize) -> Box<dyn VecEnv> {
    Box::new(Doors::new(n_envs, 5))
}

fn budget(n_envs: usize) -> Box<dyn VecEnv> {
    Box::new(Budget::new(n_envs, 3))
}

fn toll(n_envs: usize) -> Box<dyn VecEnv> {
    Box::new(Toll::new(n_envs))
}

/// RL Zoo's settings.
fn ppo_cartpole(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    let config = PpoConfig {
        learning_rate: Schedule::linear(1e-3),
        n_steps: 32,
        batch_size: 256,
        n_epochs: 20,
        gamma: 0.98,
        gae_lambda: 0.8,
        clip_range: Schedule::linear(0.2),
        ..PpoConfig::default()
    };
    Ok(Box::new(Ppo::new(config, spec, vec![], seed)?))
}

/// RL Zoo's settings.
fn a2c_cartpole(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    let config = A2cConfig { learning_rate: Schedule::linear(7e-4), ..A2cConfig::default() };
    Ok(Box::new(A2c::new(config, spec, vec![], seed)?))
}

/// RL Zoo's settings in a fifth of its budget, with a higher rate and without its normalised observations, which lie
/// within ±9π as they are.
fn ppo_acrobot(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    let config = PpoConfig {
        learning_rate: Schedule::Constant(1e-3),
        n_steps: 64,
        batch_size: 256,
        n_epochs: 4,
        gamma: 0.99,
        gae_lambda: 0.94,
        ..PpoConfig::default()
    };
    Ok(Box::new(Ppo::new(config, spec, vec![], seed)?))
}

/// For tasks in which actions do not change what comes next.
fn toy() -> PpoConfig {
    PpoConfig {
        learning_rate: Schedule::linear(3e-3),
        n_steps: 128,
        batch_size: 256,
        n_epochs: 5,
        gamma: 0.5,
        ..PpoConfig::default()
    }
}

fn ppo_toy(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    Ok(Box::new(Ppo::new(toy(), spec, vec![], seed)?))
}

fn ppo_toll(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    let bound = ConstraintConfig { kp: 0.1, ki: 0.02, ..ConstraintConfig::new("toll", TOLL) };
    Ok(Box::new(Ppo::new(toy(), spec, vec![bound], seed)?))
}

fn a2c_toll(spec: &EnvSpec, seed: u64) -> Result<Box<dyn Learner>> {
    let config =
        A2cConfig { learning_rate: Schedule::linear(3e-3), gamma: 0.5, n_steps: 16, ..A2cConfig::default() };
    let bound = ConstraintConfig { kp: 0.02, ki: 0.002, ..ConstraintConfig::new("toll", TOLL) };
    Ok(Box::new(A2c::new(config, spec, vec![bound], seed)?))
}

/// What became of one seed.
pub(crate) struct Outcome {
    /// What each exam found and whether that passes.
    results: Vec<(String, bool)>,
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        self.results.iter().all(|(_, passed)| *passed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let results: Vec<&str> = self.results.iter().map(|(found, _)| found.as_str()).collect();
        write!(f, "{}{}", results.join(", "), if self.passed() { "" } else { " (fails)" })
    }
}

impl Gate {
    /// Trains one seed. `watch` is given steps and mean return of 20 episodes at the start and after every `points`-th
    /// part of the budget; 0: never.
    pub(crate) fn run(&self, seed: u64, points: u64, watch: &mut dyn FnMut(u64, f64)) -> Result<Outcome> {
        let mut env = (self.env)(self.n_envs);
        let mut learner = (self.learner)(env.spec(), seed)?;
        let mut watched = 0;
        learner.start(&mut *env, self.budget)?;
        loop {
            let steps = learner.timesteps();
            if points > 0 && steps >= watched * self.budget / points {
                watch(steps, examine(&*learner, self.env, 20, seed)?.mean_return());
                watched += 1;
            }
            if steps >= self.budget {
                break;
            }
            learner.iterate(&mut *env)?;
        }
        let results = self.exams.iter().map(|exam| exam.judge(&*learner, seed)).collect::<Result<_>>()?;
        Ok(Outcome { results })
    }
}

impl Exam {
    fn judge(&self, learner: &dyn Learner, seed: u64) -> Result<(String, bool)> {
        let found = examine(learner, self.env, self.n_envs, seed)?;
        Ok(match self.goal {
            Goal::Return(at_least) => {
                let mean = found.mean_return();
                (format!("{mean:.1}"), mean >= at_least)
            }
            Goal::Bound { cost, reward, within } => {
                let errors = [found.mean_costs[0] / cost - 1.0, found.mean_reward() / reward - 1.0];
                let [cost, reward] = errors.map(|error| 100.0 * error);
                (
                    format!("cost {cost:+.1} %, reward {reward:+.1} %"),
                    errors.iter().all(|e| e.abs() <= within),
                )
            }
        })
    }
}

/// First episodes of fresh environments, with the most probable actions.
fn examine(
    learner: &dyn Learner,
    env: fn(usize) -> Box<dyn VecEnv>,
    n_envs: usize,
    seed: u64,
) -> Result<Evaluation> {
    evaluate(&learner.policies(), &mut *env(n_envs), 1_000_000 + seed, 1)
}

/// `work(1) … work(count)` on the cores there are, in order.
pub(crate) fn over_seeds<T: Send>(count: usize, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(count) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = work(at as u64 + 1);
                    results.lock().expect("no thread panics while it holds the lock").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics while it holds the lock");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
