//! `trimtab infer`: MARLISE's `infer.py` with the same flags, over the simulated environment `localization`.
//!
//! An agent for each pod sets that pod's CPU limit in place, out of a budget that all share. What it prints is each pod's means over
//! the time that was simulated; `--debug` prints every step.
//!
//! Left out: training (`trimtab train --published`) and the live cluster.

use crate::{
    invocation::quoted,
    output::{Ending, Output},
    settings::{ConfigArgs, Settings},
};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;
use std::{fmt::Write as _, path::PathBuf};
use trimtab_lab::{
    RunConfig,
    config::resolve,
    environments::{self, Actor, localization::published},
    policy_file,
    run_dir::RunDir,
};

const ENV: &str = "localization";
/// Let trained agents set the CPU limits of pods that share a budget, as MARLISE's infer.py, with its flags
#[derive(Args, Debug)]
#[command(after_help = "\
Flags may be written with _ or -. docs/migration/marlise.md says what is the same, what was mended and what is not there yet.

Examples:
  trimtab train --published ppo --run-dir runs/localization-ppo
  trimtab infer --n_agents 3 --resources 1000 --algorithm ppo --load_model runs/localization-ppo --priorities 1.0 0.5 0.1")]
pub(crate) struct InferArgs {
    /// Agents, each with a pod
    #[arg(long, visible_alias = "n_agents", value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    n_agents: u64,
    /// CPU that all pods share, millicores
    #[arg(long, value_name = "M", default_value_t = 1000)]
    resources: u64,
    /// Run to take the agents from [default: runs/localization-ALGORITHM]
    #[arg(long, visible_alias = "load_model", value_name = "RUN")]
    load_model: Option<PathBuf>,
    /// Seconds between two decisions
    #[arg(long, visible_alias = "action_interval", value_name = "SECS", default_value_t = 5.0)]
    action_interval: f64,
    /// How much each pod's response time counts, above 0 and up to 1: one for all, or one for each agent
    #[arg(long, value_name = "P", num_args = 1.., value_delimiter = ',', default_value = "1.0")]
    priorities: Vec<f64>,
    /// ppo, ippo, dppo, ddpg, iddpg, mdqn, dmdqn or ddmdqn
    #[arg(long, value_name = "NAME", default_value = "ppo")]
    algorithm: String,
    /// Give every agent what this one learned
    #[arg(long, value_name = "AGENT")]
    hack: Option<usize>,
    /// Print every step
    #[arg(long)]
    debug: bool,
    /// Largest change of a limit, millicores
    #[arg(long, visible_alias = "scale_action", value_name = "M", default_value_t = 50)]
    scale_action: u64,
    /// Decisions to simulate
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_000_000), help_heading = "Simulation")]
    steps: u64,
    /// Seed of the environment
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "Simulation")]
    seed: u64,
    /// Act on the live cluster
    #[arg(long, help_heading = "Simulation")]
    live: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What came of it.
#[derive(Serialize)]
struct Inferred {
    model: PathBuf,
    algorithm: String,
    steps: u64,
    mean_reward: f64,
    pods: Vec<Pod>,
}

/// Means of one pod over all steps.
#[derive(Clone, Default, Serialize)]
struct Pod {
    /// Name, as MARLISE has them.
    name: String,
    limit_millicores: f64,
    used_millicores: f64,
    response_secs: f64,
    /// Sum of what its limit was changed by.
    changed_millicores: f64,
}

/// See [`InferArgs`].
pub(crate) fn run(args: &InferArgs, output: Output) -> Result<Ending> {
    ensure!(
        !args.live,
        "--live: needs the live cluster, which trimtab does not steer yet, expected no --live"
    );
    let (model, trained) = args.model()?;
    let config = args.configuration(&model, &trained)?;
    let mut policies = policy_file::read_all(&model, &trained)?;
    if let Some(agent) = args.hack {
        ensure!(
            agent < policies.len(),
            "--hack: is {agent}, expected one of the agents 0 to {}",
            policies.len() - 1
        );
        policies = vec![policies.swap_remove(agent)];
    }
    let (found, asked) = (policies.len(), args.n_agents as usize);
    ensure!(
        found == 1 || found == asked,
        "--n_agents: is {asked} and the run has {found} agents, expected as many, or --hack with the one that all act as"
    );
    let registered = environments::find(&config.env).context("the environment is registered")?;
    registered.check_settings(&config)?;
    let mut env = (registered.build)(&config, 1)?;
    let columns = env.trace_columns();
    let mut pods = Pods::new(&columns, args.n_agents as usize);
    if args.debug {
        output.remark(&columns.join(","));
    }
    let outcome =
        environments::evaluate(env.as_mut(), Actor::Policies(&policies), args.seed, 1, &mut |step| {
            let row = step.env.trace_row();
            if args.debug {
                output.remark(&row.join(","));
            }
            pods.add(&row);
        })
        .with_context(|| model.path().display().to_string())?;
    let inferred = Inferred {
        model: model.path().to_owned(),
        algorithm: args.algorithm.clone(),
        steps: args.steps,
        mean_reward: outcome.mean_reward,
        pods: pods.means(),
    };
    output.result(&inferred, || inferred.page(args.action_interval))?;
    Ok(Ending::Fine)
}

impl InferArgs {
    /// The run that the agents come from.
    fn model(&self) -> Result<(RunDir, RunConfig)> {
        let published = resolve(&published::layers(&self.algorithm)?)?;
        let default = || PathBuf::from(format!("runs/{ENV}-{}", self.algorithm));
        let path = self.load_model.clone().unwrap_or_else(default);
        let (dir, place) = (RunDir::new(&path), quoted(&path.to_string_lossy()));
        if !dir.exists() {
            bail!(
                "{place}: there is no run; trimtab train --published {} --run-dir {place} makes one",
                self.algorithm
            );
        }
        let trained = dir.config()?;
        ensure!(trained.env == ENV, "{place}: was trained in {}, expected {ENV}", trained.env);
        let of = |config: &RunConfig| {
            let actions = config.localization.actions;
            format!("{} with actions {}", config.algorithm.name(), format!("{actions:?}").to_lowercase())
        };
        let (found, expected) = (of(&trained), of(&published));
        ensure!(
            found == expected,
            "{place}: is {found}, expected {expected} for --algorithm {}",
            self.algorithm
        );
        Ok((dir, trained))
    }

    /// The run's configuration with what the flags ask for.
    fn configuration(&self, model: &RunDir, trained: &RunConfig) -> Result<RunConfig> {
        let agents = self.n_agents as usize;
        let priorities = match &self.priorities[..] {
            [all] => vec![*all; agents],
            each => each.to_vec(),
        };
        ensure!(
            priorities.len() == agents,
            "--priorities: has {} entries, expected one for all or one for each of {agents} agents",
            priorities.len()
        );
        let mut config = Settings::of_run(model, trained, &self.config)?
            .number("--n-agents", "localization.agents", Some(self.n_agents))
            .number("--resources", "localization.resources", Some(self.resources))
            .number("--scale-action", "localization.scale_action", Some(self.scale_action))
            .number("--steps", "localization.steps", Some(self.steps))
            .fraction("--action-interval", "localization.interval_secs", Some(self.action_interval))
            .resolve()?;
        // What training draws anew in each episode is given here.
        config.localization.variable_resources = false;
        config.localization.random_priorities = false;
        config.localization.random_roster = false;
        config.localization.phases.clear();
        config.localization.priorities = priorities;
        Ok(config)
    }
}

/// Sums of what the trace tells of each pod.
struct Pods {
    /// Columns of limit, use, response time and change.
    columns: Vec<[Option<usize>; 4]>,
    sums: Vec<[f64; 4]>,
    counts: Vec<[u32; 4]>,
}

impl Pods {
    fn new(columns: &[String], agents: usize) -> Self {
        let of = |agent: usize| {
            ["limit", "used", "response_secs", "changed"]
                .map(|name| columns.iter().position(|column| *column == format!("{name}_{agent}")))
        };
        Self {
            columns: (0..agents).map(of).collect(),
            sums: vec![[0.0; 4]; agents],
            counts: vec![[0; 4]; agents],
        }
    }

    fn add(&mut self, row: &[String]) {
        for ((columns, sums), counts) in self.columns.iter().zip(&mut self.sums).zip(&mut self.counts) {
            for ((column, sum), count) in columns.iter().zip(sums).zip(counts) {
                if let Some(value) = column.and_then(|at| row.get(at)?.parse::<f64>().ok()) {
                    *sum += value;
                    *count += 1;
                }
            }
        }
    }

    fn means(&self) -> Vec<Pod> {
        let of = |(agent, (sums, counts)): (usize, (&[f64; 4], &[u32; 4]))| {
            let mean = |of: usize| sums[of] / f64::from(counts[of]);
            Pod {
                name: format!("localization-api{}", agent + 1),
                limit_millicores: mean(0),
                used_millicores: mean(1),
                response_secs: mean(2),
                changed_millicores: sums[3],
            }
        };
        self.sums.iter().zip(&self.counts).enumerate().map(of).collect()
    }
}

impl Inferred {
    fn page(&self, interval: f64) -> String {
        let Self { model, algorithm, steps, mean_reward, pods } = self;
        let mut page = format!(
            "{algorithm} of {}: {steps} decisions, one every {interval} s, in the simulated cluster; mean reward {mean_reward:.3}\n\n{:20} {:>10} {:>10} {:>13} {:>12}\n",
            model.display(),
            "pod",
            "limit, m",
            "used, m",
            "response, ms",
            "changed, m"
        );
        for Pod { name, limit_millicores, used_millicores, response_secs, changed_millicores } in pods {
            // Writing to a string cannot fail.
            let _ = writeln!(
                page,
                "{name:20} {limit_millicores:>10.0} {used_millicores:>10.0} {:>13.1} {changed_millicores:>12.0}",
                1000.0 * response_secs
            );
        }
        page
    }
}
