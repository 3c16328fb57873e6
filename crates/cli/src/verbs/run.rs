//! `trimtab run`: gym-hpa's, k8s-hpa's and `GRLScaler`'s `run.py` with the same flags and the same names of what it writes.
//!
//! Old name, what it is here: `NAME.zip` → the directory `NAME`, which everything that takes a run takes; `logs/NAME/NAME_K_steps.zip` →
//! such a directory for each checkpoint; `results/USE_CASE/simulated/GOAL/NAME_run_I` → the run itself, its event files for
//! `TensorBoard` among it; `results.csv` and `ENV_observation.csv` → the same, with a heading where the file is new;
//! `NAME_test_reward.png` → `NAME_test_reward.svg`.
//!
//! Left out: what old flags mean ([`flags`]), and the live cluster.

mod flags;
mod outputs;

use crate::{
    destination, interrupt,
    invocation::quoted,
    output::{Ending, Output},
    progress::Display,
    settings::{ConfigArgs, Settings},
};
use anyhow::{Context, Result};
use clap::Args;
use flags::{Flags, Plan};
use outputs::Outputs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use trimtab_lab::{
    environments::{self, Actor, Env, Outcome},
    files, policy_file, report,
    run_dir::RunDir,
    training::{self, callback::Callback},
};

/// Episodes of a test, as in the originals.
const TEST_EPISODES: usize = 100;
/// What sets the seeds of a test apart from those of training.
const TEST_SEED: u64 = 1 << 32;

/// Train and test as gym-hpa's, k8s-hpa's and `GRLScaler`'s run.py, with their flags
#[derive(Args, Debug)]
#[command(after_help = "\
Flags may be written with _ or -. docs/migration has a page for each system: what is the same, what was mended, what is not there yet.

Examples:
  trimtab run --alg ppo --use_case redis --goal cost --training --total_steps 5000
  trimtab run --alg ppo --use_case redis --goal cost --testing \\
      --test_path ppo_env_redis_gym_goal_cost_k8s_False_totalSteps_5000.zip")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    flags: Flags,
    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "S", help_heading = "Configuration")]
    seed: Option<u64>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`RunArgs`].
pub(crate) fn run(args: &RunArgs, output: Output) -> Result<Ending> {
    let settings = Settings::new(&args.config)?.number("--seed", "seed", args.seed);
    let plan = args.flags.plan(settings)?;
    for remark in &plan.remarks {
        output.remark(remark);
    }
    let tested = plan.test.as_deref().map(model).transpose()?;
    if plan.training {
        training::check(&plan.config)?;
        destination::check(Path::new("."))?;
    }
    let mut told = json!({ "name": plan.name });
    let mut lines = Vec::new();
    if plan.training {
        let (ending, dir) = train(&plan, output)?;
        told["run_dir"] = json!(dir.path());
        told["finished"] = json!(ending == training::Ending::Finished);
        if ending == training::Ending::Stopped {
            let resume =
                format!("trimtab train --resume --run-dir {}", quoted(&dir.path().to_string_lossy()));
            output
                .result(&told, || format!("{}: stopped before its end. To go on:\n  {resume}", plan.name))?;
            return Ok(Ending::Short);
        }
        told["model"] = json!(plan.name);
        lines.push(format!(
            "trained; the model is {0}/, checkpoints are in logs/{0}/, TensorBoard's files in {1}/",
            plan.name,
            dir.path().display()
        ));
    }
    if plan.testing {
        let model = tested.unwrap_or_else(|| PathBuf::from(&plan.name));
        let (outcome, figure) = test(&plan, &model)?;
        lines.push(sentence(&model, &outcome, &figure));
        told["tested"] = tested_as_json(&model, &outcome, &figure);
    }
    let steps = outputs::observations(&plan.env_name);
    lines.push(format!("episodes are in results.csv, steps in {steps}"));
    output.result(&told, || lines.join("\n"))?;
    Ok(Ending::Fine)
}

/// Trains into a directory of its own and leaves the model under its old name.
fn train(plan: &Plan, output: Output) -> Result<(training::Ending, RunDir)> {
    let mut config = plan.config.clone();
    if let Some(path) = &plan.load {
        config.start.from = model(path)?.to_string_lossy().into_owned();
        config.validate()?;
    }
    let dir = RunDir::new(plan.next_run_dir());
    let stop = interrupt::stop_flag()?;
    let display = Display::new(output);
    let mut outputs = Outputs::new(plan);
    let mut callbacks: [&mut dyn Callback; 1] = [&mut outputs];
    let ending = training::train_with(&config, &dir, false, &stop, &mut callbacks, &mut |progress| {
        display.training(&plan.name, progress);
    })?;
    drop(display);
    outputs.finish()?;
    if ending == training::Ending::Finished {
        let policies = policy_file::read_all(&dir, &config)?;
        policy_file::write_model(Path::new(&plan.name), &policies, &config)?;
    }
    Ok((ending, dir))
}

/// Runs the test's episodes with the model's most probable actions; their rewards as a figure.
fn test(plan: &Plan, model: &Path) -> Result<(Outcome, PathBuf)> {
    let policies = policy_file::read_all(&RunDir::new(model), &plan.config)?;
    let mut env = environment(plan)?;
    let mut outputs = Outputs::new(plan);
    let seed = plan.config.seed.wrapping_add(TEST_SEED);
    let actor = Actor::Policies(&policies);
    let outcome = environments::evaluate(env.as_mut(), actor, seed, TEST_EPISODES, &mut |step| {
        outputs.after_step(step);
    })
    .with_context(|| model.display().to_string())?;
    outputs.finish()?;
    let figure = PathBuf::from(format!("{}_test_reward.svg", plan.name));
    files::write_atomic(&figure, report::episode_rewards(&outcome.returns).as_bytes())?;
    Ok((outcome, figure))
}

/// One environment of the plan.
fn environment(plan: &Plan) -> Result<Box<dyn Env>> {
    let registered = environments::find(&plan.config.env);
    let registered = registered.with_context(|| format!("{} is not an environment", plan.config.env))?;
    registered.check_settings(&plan.config)?;
    Ok((registered.build)(&plan.config, 1)?)
}

/// Where the model called `path` is: a directory, under its old name ending in `.zip` too.
fn model(path: &Path) -> Result<PathBuf> {
    let is_zip = path.extension().is_some_and(|extension| extension == "zip");
    let dir = if is_zip { path.with_extension("") } else { path.to_owned() };
    if RunDir::new(&dir).exists() {
        return Ok(dir);
    }
    let expected =
        "expected what trimtab run --training writes, NAME or logs/NAME/NAME_K_steps, with or without .zip";
    anyhow::ensure!(
        !path.is_file(),
        "{}: is not a model of trimtab (Stable-Baselines3's cannot be read), {expected}",
        path.display()
    );
    anyhow::bail!("{}: there is no model, {expected}", path.display())
}

fn sentence(model: &Path, outcome: &Outcome, figure: &Path) -> String {
    let Outcome { mean_return, episodes, least, largest, .. } = outcome;
    format!(
        "tested {}: mean reward of an episode {:.2} [{:.2}, {:.2}] over {episodes} episodes (least {least:.2}, largest {largest:.2}); drawn in {}",
        model.display(),
        mean_return.mean,
        mean_return.low,
        mean_return.high,
        figure.display()
    )
}

fn tested_as_json(model: &Path, outcome: &Outcome, figure: &Path) -> Value {
    json!({ "model": model, "figure": figure, "outcome": outcome })
}
