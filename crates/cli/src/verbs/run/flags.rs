//! The old flags of `run.py` (gym-hpa, k8s-hpa, `GRLScaler`), and the configuration that they mean here. Nothing else knows them.
//!
//! Defaults are those of k8s-hpa's README, which differ from its code's: `chained_services` (code: `redis`) and `latency` (code:
//! `cost`). Hyper-parameters are the originals' own, one environment included. Two things are mended: rewards are scaled, because values of
//! thousands kept the originals' critics from learning, and moves out of the bounds are forbidden instead of punished, for which a
//! deployment and its move are one choice.
//!
//! Left out: doing it, see the parent.

use crate::settings::Settings;
use anyhow::{Result, bail, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use trimtab_lab::{
    Error, RunConfig,
    config::{Algorithm, Layer},
};

const ALGORITHMS: [&str; 3] = ["ppo", "recurrent_ppo", "a2c"];
const USE_CASES: [&str; 3] = ["chained_services", "redis", "online_boutique"];
const GOALS: [&str; 3] = ["latency", "cost", "multi"];
const DEVICES: [&str; 4] = ["auto", "cpu", "cuda", "mps"];

/// Flags as they were typed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Flags of run.py")]
#[expect(clippy::struct_excessive_bools, reason = "they are the old flags")]
pub(super) struct Flags {
    /// ppo, `recurrent_ppo` or a2c
    #[arg(long, value_name = "NAME", default_value = "ppo")]
    alg: String,
    /// The live cluster instead of the simulated one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = truth)]
    k8s: bool,
    /// `chained_services`, redis or `online_boutique` [default: `chained_services`]
    #[arg(long, visible_alias = "use_case", value_name = "NAME")]
    use_case: Option<String>,
    /// latency, cost or multi [default: latency]
    #[arg(long, value_name = "NAME")]
    goal: Option<String>,
    /// Train a model
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = truth)]
    training: bool,
    /// Test a model in 100 episodes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = truth)]
    testing: bool,
    /// Train the model of --load-path further
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = truth)]
    loading: bool,
    /// Model to train further
    #[arg(long, visible_alias = "load_path", value_name = "PATH", default_value = "logs/model/test.zip")]
    load_path: PathBuf,
    /// Model to test [default: the one just trained, else logs/model/test.zip]
    #[arg(long, visible_alias = "test_path", value_name = "PATH")]
    test_path: Option<PathBuf>,
    /// Steps between two checkpoints [default: 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Steps in all [default: 5000]
    #[arg(long, visible_alias = "total_steps", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    total_steps: Option<u64>,
    /// See the call graph, through a graph attention network
    #[arg(long, visible_alias = "gnn_mode", value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = truth)]
    gnn_mode: bool,
    /// auto, cpu, cuda or mps; all of them are the CPU
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: String,
}

/// What they ask for.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) config: RunConfig,
    /// The originals' name of the run.
    pub(super) name: String,
    /// The originals' name of the environment.
    pub(super) env_name: String,
    pub(super) training: bool,
    pub(super) testing: bool,
    /// Model to train further.
    pub(super) load: Option<PathBuf>,
    /// Model to test; none: the one that is trained before.
    pub(super) test: Option<PathBuf>,
    /// What the person should know.
    pub(super) remarks: Vec<String>,
    /// Where the runs of this use case and goal are.
    folder: PathBuf,
}

/// `True` and `False` as Python prints them, and what people write instead.
fn truth(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err("expected True or False".to_owned()),
    }
}

impl Flags {
    /// What the flags ask for; `settings` has what was said besides.
    ///
    /// # Errors
    /// The first flag that cannot be followed.
    pub(super) fn plan(&self, settings: Settings) -> Result<Plan> {
        let (use_case, goal) = self.check()?;
        let remarks = self.remarks(use_case, goal);
        let base = self.base(use_case, goal)?;
        let config = settings
            .above(vec![base])
            .number("--total-steps", "total_timesteps", self.total_steps)
            .number("--steps", "checkpoint_timesteps", self.steps)
            .resolve()?;
        let env_name = format!("{use_case}_gym");
        let Self { alg, .. } = self;
        let total = config.total_timesteps;
        Ok(Plan {
            name: format!("{alg}_env_{env_name}_goal_{goal}_k8s_False_totalSteps_{total}"),
            folder: Path::new("results").join(use_case).join("simulated").join(goal),
            env_name,
            training: self.training,
            testing: self.testing,
            load: self.loading.then(|| self.load_path.clone()),
            test: if self.training { self.test_path.clone() } else { self.test_path_alone() },
            remarks,
            config,
        })
    }

    /// What is tested when nothing is trained before.
    fn test_path_alone(&self) -> Option<PathBuf> {
        let default = || PathBuf::from("logs/model/test.zip");
        self.testing.then(|| self.test_path.clone().unwrap_or_else(default))
    }

    /// Use case and goal, if the flags can be followed.
    fn check(&self) -> Result<(&str, &str)> {
        let known = |what: &'static str, name: &str, names: &[&'static str]| {
            let found = names.contains(&name);
            if found { Ok(()) } else { Err(Error::unknown(what, name, names.iter().copied())) }
        };
        let use_case = self.use_case.as_deref().unwrap_or(USE_CASES[0]);
        let goal = self.goal.as_deref().unwrap_or(GOALS[0]);
        known("algorithm", &self.alg, &ALGORITHMS)?;
        known("use case", use_case, &USE_CASES)?;
        known("goal", goal, &GOALS)?;
        known("device", &self.device, &DEVICES)?;
        ensure!(
            !self.k8s,
            "--k8s: needs the live cluster, which trimtab does not steer yet, expected no --k8s"
        );
        ensure!(!self.loading || self.training, "--loading: is for training, expected --training with it");
        if !self.training && !self.testing {
            bail!("there is nothing to do, expected --training, --testing or both");
        }
        Ok((use_case, goal))
    }

    fn remarks(&self, use_case: &str, goal: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        let defaults = [
            ("--use_case", self.use_case.is_none(), use_case, "redis"),
            ("--goal", self.goal.is_none(), goal, "cost"),
        ];
        for (flag, missing, taken, by_code) in defaults {
            if missing {
                remarks.push(format!("{flag} {taken}, as k8s-hpa's README says (its code took {by_code})"));
            }
        }
        if ["cuda", "mps"].contains(&self.device.as_str()) {
            let device = &self.device;
            remarks.push(format!(
                "--device {device}: policies this small train faster on the CPU, which is used"
            ));
        }
        remarks
    }

    /// What the flags and their defaults mean.
    fn base(&self, use_case: &str, goal: &str) -> Result<Layer> {
        let (steps, total) = (self.steps.unwrap_or(500), self.total_steps.unwrap_or(5000));
        let observation = if self.gnn_mode { "graph" } else { "flat" };
        // GRLScaler's nodes show gym-hpa's numbers.
        let numbers = "[\"num_pods\", \"desired_replicas\", \"cpu_usage\", \"mem_usage\", \"traffic_in\", \"traffic_out\"]";
        let section = if self.alg == "a2c" { Algorithm::A2c } else { Algorithm::Ppo }.name();
        let environment = format!(
            "env = \"{use_case}_gym\"\ngoal = \"{goal}\"\nalgorithm = \"{section}\"\nn_envs = 1\n\
             total_timesteps = {total}\ncheckpoint_timesteps = {steps}\n\
             [horizontal]\nobservation = \"{observation}\"\nnumbers = {numbers}\naction = \"pair\"\nmasked = true\n"
        );
        let mut parts = vec![environment, self.algorithm()];
        if self.alg == "recurrent_ppo" {
            parts.push(format!("[{section}.network.recurrence]\nhidden_size = 256\n"));
        }
        if self.gnn_mode {
            parts.push(format!(
                "[{section}.network.encoder.graph]\nnodes = 0\nfeatures = 0\nlayers = [32, 32]\nhead = \"nodes\"\n\
                 kind = {{ attention = {{ heads = 1 }} }}\n"
            ));
        }
        Ok(Layer::file("run", &parts.concat())?)
    }

    /// The originals' hyper-parameters: Stable-Baselines3's defaults, but for PPO's `n_steps`. PPO's hold with A2C too, as they are
    /// checked whatever the algorithm.
    fn algorithm(&self) -> String {
        let rollout = if self.alg == "recurrent_ppo" { (128, 128) } else { (500, 64) };
        format!(
            "[ppo]\nlearning_rate = 3e-4\nn_steps = {}\nbatch_size = {}\nn_epochs = 10\ngamma = 0.99\n\
             gae_lambda = 0.95\nent_coef = 0.0\n[ppo.network]\nhidden = [64, 64]\n\
             [a2c]\nlearning_rate = 7e-4\nn_steps = 5\ngamma = 0.99\ngae_lambda = 1.0\nent_coef = 0.0\n\
             normalize_advantage = false\n[a2c.network]\nhidden = [64, 64]\n",
            rollout.0, rollout.1
        )
    }
}

impl Plan {
    /// The first folder `NAME_run_1`, `NAME_run_2`, … that is free.
    pub(super) fn next_run_dir(&self) -> PathBuf {
        let dir = |i: u32| self.folder.join(format!("{}_run_{i}", self.name));
        (1..u32::MAX).map(dir).find(|dir| !dir.exists()).unwrap_or_else(|| dir(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ConfigArgs;
    use clap::Parser;
    use trimtab_lab::reward::Goal;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn plan(line: &str) -> Result<Plan> {
        let line = Line::try_parse_from(std::iter::once("run.py").chain(line.split_whitespace()))?;
        line.flags.plan(Settings::new(&ConfigArgs::default())?)
    }

    fn refused(line: &str) -> String {
        plan(line).unwrap_err().to_string()
    }

    /// Use case, goal, algorithm, steps in all, steps between checkpoints.
    #[test]
    fn old_command_lines_mean_what_they_meant() {
        type Meaning = (&'static str, Goal, Algorithm, u64, u64);
        let table: [(&str, Meaning); 6] = [
            ("--training", ("chained_services", Goal::Latency, Algorithm::Ppo, 5000, 500)),
            (
                "--alg ppo --k8s False --use_case redis --goal cost --training --steps 500 --total_steps 5000",
                ("redis", Goal::Cost, Algorithm::Ppo, 5000, 500),
            ),
            (
                "--alg a2c --use-case online_boutique --goal latency --training True --total-steps 800",
                ("online_boutique", Goal::Latency, Algorithm::A2c, 800, 500),
            ),
            (
                "--alg recurrent_ppo --use_case redis --goal multi --training --steps 100",
                ("redis", Goal::Multi, Algorithm::Ppo, 5000, 100),
            ),
            (
                "--testing --test_path logs/model/test.zip --use_case redis --device cpu",
                ("redis", Goal::Latency, Algorithm::Ppo, 5000, 500),
            ),
            (
                "--training --testing True --loading false --gnn_mode False --device cuda",
                ("chained_services", Goal::Latency, Algorithm::Ppo, 5000, 500),
            ),
        ];
        for (line, (use_case, goal, algorithm, total, steps)) in table {
            let Plan { config, env_name, .. } = plan(line).unwrap();
            assert_eq!(env_name, format!("{use_case}_gym"), "{line}");
            assert_eq!(config.env, env_name, "{line}");
            assert_eq!((config.goal, config.algorithm), (goal, algorithm), "{line}");
            assert_eq!((config.total_timesteps, config.checkpoint_timesteps), (total, steps), "{line}");
            assert_eq!(config.n_envs, 1, "{line}");
        }
    }

    #[test]
    fn a_run_has_the_name_and_the_folder_it_had() {
        let plan = plan("--alg a2c --use_case redis --goal cost --training --total_steps 1000").unwrap();
        assert_eq!(plan.name, "a2c_env_redis_gym_goal_cost_k8s_False_totalSteps_1000");
        let dir = plan.next_run_dir();
        let expected = format!("results/redis/simulated/cost/{}_run_1", plan.name);
        assert_eq!(dir, PathBuf::from(expected));
    }

    #[test]
    fn hyper_parameters_are_the_originals() {
        let ppo = plan("--training").unwrap().config.ppo;
        assert_eq!(
            (ppo.n_steps, ppo.batch_size, ppo.n_epochs, ppo.gamma, ppo.gae_lambda),
            (500, 64, 10, 0.99, 0.95)
        );
        assert_eq!((ppo.network.hidden, ppo.network.recurrence), (vec![64, 64], None));
        let recurrent = plan("--alg recurrent_ppo --training").unwrap().config.ppo;
        assert_eq!((recurrent.n_steps, recurrent.batch_size), (128, 128));
        assert_eq!(recurrent.network.recurrence.unwrap().hidden_size, 256);
        let a2c = plan("--alg a2c --training").unwrap().config.a2c;
        assert_eq!((a2c.n_steps, a2c.gamma, a2c.gae_lambda, a2c.normalize_advantage), (5, 0.99, 1.0, false));
    }

    #[test]
    fn what_is_tested_is_named_or_was_just_trained() {
        let test = |line: &str| plan(line).unwrap().test;
        assert_eq!(test("--training"), None);
        assert_eq!(test("--training --testing"), None);
        assert_eq!(test("--testing"), Some("logs/model/test.zip".into()));
        assert_eq!(test("--training --testing --test_path a"), Some("a".into()));
        let load = plan("--training --loading --load_path b.zip").unwrap().load;
        assert_eq!(load, Some("b.zip".into()));
    }

    #[test]
    fn defaults_that_readme_and_code_disagree_on_are_said() {
        let remarks = plan("--training").unwrap().remarks.join("; ");
        assert!(
            remarks.contains("--use_case chained_services") && remarks.contains("code took redis"),
            "{remarks}"
        );
        assert!(remarks.contains("--goal latency"), "{remarks}");
        assert!(plan("--training --use_case redis --goal cost").unwrap().remarks.is_empty());
        let remarks = plan("--training --device cuda").unwrap().remarks.join("; ");
        assert!(remarks.contains("faster on the CPU"), "{remarks}");
    }

    #[test]
    fn what_cannot_be_followed_is_one_sentence() {
        assert!(refused("").contains("expected --training, --testing or both"));
        assert!(refused("--loading").contains("--loading: is for training"));
        assert!(refused("--training --k8s").contains("needs the live cluster"));
        assert!(refused("--training --alg ppo2").contains("(did you mean \"ppo\"?)"));
        assert!(refused("--training --use_case redi").contains("(did you mean \"redis\"?)"));
        assert!(refused("--training --goal costs").contains("(did you mean \"cost\"?)"));
        assert!(refused("--training --device gpu").contains("auto, cpu, cuda, mps"));
        assert!(refused("--training maybe").contains("expected True or False"));
    }
}
