//! What every algorithm has to learn: a table of gates, each a task, settings, a budget and what is asked at its end.
//!
//! The tests in `main.rs` ask it of a few seeds; `examples/learn.rs` of many, with curves on the way. To add a gate, add a
//! row to [`gates`] and, where Stable-Baselines3 has the algorithm, one of the same name and settings to
//! `bench/peers/learning_curves.py`.
//!
//! Left out: hyper-parameters, see `settings.rs`.

use trimtab_rl::control::{
    Acrobot, Budget, BudgetRoster, BudgetTurns, CartPole, CartPoleNoVel, Doors, Overload, Pendulum, Recall,
    Toll,
};
use trimtab_rl::{EnvSpec, Learner, Result};

use crate::exams::{Exam, Goal, Make, Outcome, examine};
use crate::settings;

/// One thing that an algorithm has to learn.
pub(crate) struct Gate {
    /// Name of the test, the curve and the peers' curve.
    pub(crate) name: &'static str,
    /// A batch of the task.
    env: Make,
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

/// Tasks with a name of their own here, because several gates use them.
const CARTPOLE: Make = |n_envs| Box::new(CartPole::new(n_envs));
const NO_VEL: Make = |n_envs| Box::new(CartPoleNoVel::new(n_envs));
const ACROBOT: Make = |n_envs| Box::new(Acrobot::new(n_envs));
const PENDULUM: Make = |n_envs| Box::new(Pendulum::new(n_envs));
const DOORS: Make = |n_envs| Box::new(Doors::new(n_envs, 5));
const BUDGET: Make = |n_envs| Box::new(Budget::new(n_envs, 3));
const TURNS: Make = |n_envs| Box::new(BudgetTurns::new(n_envs, 3));
const ROSTER: Make = |n_envs| Box::new(BudgetRoster::new(n_envs, 4));
const RECALL: Make = |n_envs| Box::new(Recall::new(n_envs, 3, 4));
const RECALL_SOON: Make = |n_envs| Box::new(Recall::new(n_envs, 3, 2));
const OVERLOAD: Make = |n_envs| Box::new(Overload::new(n_envs, 5));
const TOLL: Make = |n_envs| Box::new(Toll::new(n_envs));

/// Every gate.
pub(crate) fn gates() -> Vec<Gate> {
    vec![
        gate("ppo-cartpole", (CARTPOLE, 8), settings::ppo_cartpole, 100_000, pole(), [5, 5]),
        gate("a2c-cartpole", (CARTPOLE, 8), settings::a2c_cartpole, 500_000, pole(), [4, 5]),
        gate(
            "ppo-acrobot",
            (ACROBOT, 16),
            settings::ppo_acrobot,
            200_000,
            returns(ACROBOT, 30, -100.0),
            [5, 5],
        ),
        gate(
            "ppo-doors",
            (DOORS, 16),
            settings::ppo_doors,
            200_000,
            // The best is 13.75, a random open door earns 10.
            returns(DOORS, 500, 13.4),
            [5, 5],
        ),
        gate(
            "recurrent-ppo-cartpole-no-vel",
            (NO_VEL, 8),
            settings::recurrent_ppo_cartpole_no_vel,
            200_000,
            returns(NO_VEL, 30, 450.0),
            [3, 3],
        ),
        gate(
            "feed-forward-ppo-cartpole-no-vel",
            (NO_VEL, 8),
            settings::feed_forward_ppo_cartpole_no_vel,
            200_000,
            vec![Exam::new(NO_VEL, 30, Goal::Below(200.0))],
            [3, 3],
        ),
        gate(
            "recurrent-ppo-recall",
            (RECALL, 16),
            settings::recurrent_ppo_recall,
            60_000,
            returns(RECALL, 200, 0.95),
            [3, 3],
        ),
        gate(
            "recurrent-a2c-recall",
            (RECALL_SOON, 16),
            settings::recurrent_a2c_recall,
            150_000,
            returns(RECALL_SOON, 200, 0.95),
            [3, 3],
        ),
        gate(
            "feed-forward-ppo-recall",
            (RECALL, 16),
            settings::feed_forward_ppo_recall,
            60_000,
            // Guessing is right in a third.
            vec![Exam::new(RECALL, 200, Goal::Below(0.6))],
            [3, 3],
        ),
        gate("graph-ppo-overload", (OVERLOAD, 16), settings::graph_ppo_overload, 30_000, graph(), [5, 5]),
        gate("graph-a2c-overload", (OVERLOAD, 16), settings::graph_a2c_overload, 60_000, graph(), [5, 5]),
        gate(
            "recurrent-graph-ppo-overload",
            (OVERLOAD, 16),
            settings::recurrent_graph_ppo_overload,
            30_000,
            graph(),
            [3, 3],
        ),
        gate("ppo-budget", (BUDGET, 16), settings::ppo_budget, 200_000, returns(BUDGET, 500, 8.0), [3, 3]),
        gate(
            "independent-ppo-budget",
            (BUDGET, 16),
            settings::independent_ppo_budget,
            200_000,
            returns(BUDGET, 500, 8.0),
            [3, 3],
        ),
        gate(
            "mappo-budget",
            (BUDGET, 16),
            settings::mappo_budget,
            200_000,
            returns(BUDGET, 500, 8.0),
            [3, 3],
        ),
        gate(
            "mappo-budget-turns",
            (TURNS, 16),
            settings::mappo_budget_turns,
            200_000,
            returns(TURNS, 500, 8.0),
            [3, 3],
        ),
        gate(
            "independent-mappo-budget-turns",
            (TURNS, 16),
            settings::independent_mappo_budget_turns,
            200_000,
            returns(TURNS, 500, 8.0),
            [3, 3],
        ),
        gate(
            "a2c-budget-turns",
            (TURNS, 16),
            settings::a2c_budget_turns,
            300_000,
            returns(TURNS, 500, 8.0),
            [3, 3],
        ),
        gate(
            "mappo-budget-roster",
            (ROSTER, 16),
            settings::mappo_budget_roster,
            200_000,
            returns(ROSTER, 500, 7.1),
            [3, 3],
        ),
        gate("lagrangian-ppo-toll", (TOLL, 16), settings::lagrangian_ppo_toll, 400_000, bound(0.05), [5, 5]),
        gate("lagrangian-a2c-toll", (TOLL, 16), settings::lagrangian_a2c_toll, 400_000, bound(0.05), [3, 3]),
        gate("lagrangian-dqn-toll", (TOLL, 16), settings::lagrangian_dqn_toll, 80_000, bound(0.1), [3, 3]),
        gate("dqn-cartpole", (CARTPOLE, 1), settings::dqn_cartpole, 100_000, pole(), [3, 5]),
        gate("double-dqn-cartpole", (CARTPOLE, 1), settings::double_dqn_cartpole, 100_000, pole(), [3, 5]),
        gate("dueling-dqn-cartpole", (CARTPOLE, 1), settings::dueling_dqn_cartpole, 100_000, pole(), [3, 5]),
        gate(
            "ddpg-pendulum",
            (PENDULUM, 1),
            settings::ddpg_pendulum,
            20_000,
            returns(PENDULUM, 30, -200.0),
            [4, 5],
        ),
        gate(
            "td3-pendulum",
            (PENDULUM, 1),
            settings::td3_pendulum,
            20_000,
            returns(PENDULUM, 30, -200.0),
            [4, 5],
        ),
        gate(
            "sac-pendulum",
            (PENDULUM, 1),
            settings::sac_pendulum,
            20_000,
            returns(PENDULUM, 30, -200.0),
            [4, 5],
        ),
        gate(
            "discrete-sac-doors",
            (DOORS, 4),
            settings::discrete_sac_doors,
            30_000,
            returns(DOORS, 500, 13.4),
            [3, 3],
        ),
    ]
}

/// A gate of a task with so many environments, a learner, a budget, exams, and how many of how many seeds have to pass.
fn gate(
    name: &'static str,
    (env, n_envs): (Make, usize),
    learner: fn(&EnvSpec, u64) -> Result<Box<dyn Learner>>,
    budget: u64,
    exams: Vec<Exam>,
    [needed, seeds]: [usize; 2],
) -> Gate {
    Gate { name, env, n_envs, learner, budget, exams, seeds, needed }
}

/// A mean return of at least this in so many episodes.
fn returns(env: Make, episodes: usize, at_least: f64) -> Vec<Exam> {
    vec![Exam::new(env, episodes, Goal::Return(at_least))]
}

/// What Gymnasium calls solved.
fn pole() -> Vec<Exam> {
    returns(CARTPOLE, 30, 475.0)
}

/// Of at most 10, with the nodes that were learned with and with twenty.
fn graph() -> Vec<Exam> {
    vec![Exam::new(OVERLOAD, 100, Goal::Return(9.5)), Exam::on_twenty_nodes(Goal::Return(9.0))]
}

/// The best policy under the bound, so close in cost and in reward.
fn bound(within: f64) -> Vec<Exam> {
    let (cost, reward) = (settings::TOLL, settings::TOLL - settings::TOLL * settings::TOLL / 2.0);
    // 100,000 offers: a mean cost is known to half a percent.
    vec![Exam::new(TOLL, 2000, Goal::Bound { cost, reward, within })]
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
                watch(steps, examine(&learner.policies(), self.env, 20, seed)?.mean_return());
                watched += 1;
            }
            if steps >= self.budget {
                break;
            }
            learner.iterate(&mut *env)?;
        }
        let results = self.exams.iter().map(|exam| exam.judge(learner.policies(), seed));
        Ok(Outcome { results: results.collect::<Result<_>>()? })
    }
}
