//! The part of `trimtab evaluate` that runs whole episodes: of a trained policy, at random or with one action, with a trace of
//! every step.
//!
//! Left out: what an environment traces, which is its own to say.

use crate::{
    output::{Ending, Output},
    settings::Settings,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use trimtab_lab::{
    RunConfig, applications,
    environments::{self, Actor, Env, Family, Outcome, Registered},
    policy_file,
    run_dir::RunDir,
};

/// Flags about episodes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Episodes (environments other than applications)")]
pub(crate) struct EpisodeArgs {
    /// Instead of a run: random, or constant:A or constant:A,B for one action at every step
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Environment [default: the run's]
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Episodes [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    episodes: Option<u64>,
    /// Seed of the environment and of random actions [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Write what happened in every step, as CSV
    #[arg(long, value_name = "FILE")]
    trace_steps: Option<PathBuf>,
    /// Wait so long after every step, and print it
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,
}

impl EpisodeArgs {
    /// Settings with these flags.
    pub(crate) fn settings(&self, settings: Settings) -> Settings {
        settings.text("--env", "env", self.env.as_ref())
    }

    /// Settings with these flags for what was trained in `env`: an application's name means that application, where `env` is one
    /// of those that take any.
    pub(crate) fn settings_of_run(&self, env: &str, settings: Settings) -> Settings {
        let takes_any = environments::find(env).is_some_and(|own| own.family == Family::Horizontal);
        let application = self
            .env
            .as_ref()
            .filter(|name| environments::find(name).is_none() && applications::is_known(name));
        if !takes_any || application.is_none() {
            return self.settings(settings);
        }
        let any = environments::horizontal::ANY.name.to_owned();
        settings.text("--env", "env", Some(&any)).text("--env", "horizontal.application", application)
    }

    /// Fails for the first flag that was given, saying why.
    pub(crate) fn refuse(&self, why: &str) -> Result<()> {
        let Self { policy, env, episodes, seed, trace_steps, delay_ms } = self;
        let given = [
            ("--policy", policy.is_some()),
            ("--env", env.is_some()),
            ("--episodes", episodes.is_some()),
            ("--seed", seed.is_some()),
            ("--trace-steps", trace_steps.is_some()),
            ("--delay-ms", delay_ms.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => bail!("{flag}: {why}"),
            None => Ok(()),
        }
    }
}

/// Scores what was trained in `dir` with `trained` in the environment of `config`.
pub(crate) fn learned(
    dir: &RunDir,
    trained: &RunConfig,
    config: &RunConfig,
    args: &EpisodeArgs,
    output: Output,
) -> Result<Ending> {
    let policies = policy_file::read_all(dir, trained)?;
    let who = dir.path().display().to_string();
    check(config)?;
    let env = (registered(config)?.build)(config, 1)?;
    let policies = environments::fitted(policies, env.as_ref())?;
    run(config, args, Actor::Policies(&policies), &who, output)
}

/// Scores `--policy`.
pub(crate) fn random_or_constant(config: &RunConfig, args: &EpisodeArgs, output: Output) -> Result<Ending> {
    let policy = args.policy.as_deref().unwrap_or("random");
    if policy == "random" {
        return run(config, args, Actor::Random, policy, output);
    }
    let wrong = || format!("--policy {policy}: expected random, or constant: and numbers such as constant:0");
    let numbers = policy.strip_prefix("constant:").with_context(wrong)?;
    let action: Vec<f32> = numbers
        .split(',')
        .map(|number| number.trim().parse())
        .collect::<Result<_, _>>()
        .with_context(wrong)?;
    run(config, args, Actor::Constant(&action), policy, output)
}

fn run(
    config: &RunConfig,
    args: &EpisodeArgs,
    actor: Actor<'_>,
    who: &str,
    output: Output,
) -> Result<Ending> {
    check(config)?;
    let registered = registered(config)?;
    let mut env = (registered.build)(config, 1)?;
    let mut trace = Trace::new(args, env.as_ref(), registered)?;
    let (seed, episodes) = (args.seed.unwrap_or(0), args.episodes.unwrap_or(50));
    let outcome = environments::evaluate(env.as_mut(), actor, seed, episodes as usize, &mut |step| {
        trace.step(step.env);
    })?;
    trace.finish()?;
    // What is refused is one sentence, without remarks before it.
    for note in env.notes() {
        output.remark(&format!("{}: {note}", registered.name));
    }
    let value = json!({ "env": registered.name, "policy": who, "seed": seed, "outcome": outcome });
    output.result(&value, || told(registered.name, who, &outcome))?;
    Ok(Ending::Fine)
}

fn registered(config: &RunConfig) -> Result<&'static Registered> {
    environments::find(&config.env).with_context(|| {
        let env = &config.env;
        format!("--env {env}: an application is scored on days of traffic, expected --run with a run on it, or trimtab compare")
    })
}

fn check(config: &RunConfig) -> Result<()> {
    environments::check_name(&config.env)?;
    registered(config)?.check_settings(config)?;
    Ok(())
}

fn told(env: &str, who: &str, outcome: &Outcome) -> String {
    let Outcome {
        episodes, mean_return, least, largest, mean_length, mean_reward, mean_costs, means, ..
    } = outcome;
    let mut text = format!(
        "{env}, {who}: mean return {:.3} [{:.3}, {:.3}] over {episodes} episodes (least {least:.3}, largest {largest:.3}), {mean_length:.1} steps, mean reward {mean_reward:.4}",
        mean_return.mean, mean_return.low, mean_return.high,
    );
    for (name, mean) in mean_costs.iter().chain(means) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name} {mean:.4}");
    }
    text
}

/// Where steps are written: a file that the first step begins, so that what is refused leaves none.
struct Trace<'a> {
    path: Option<&'a Path>,
    columns: Vec<String>,
    file: Option<BufWriter<File>>,
    delay: Option<Duration>,
    /// The first thing that went wrong.
    failed: Option<std::io::Error>,
}

impl<'a> Trace<'a> {
    fn new(args: &'a EpisodeArgs, env: &dyn Env, registered: &Registered) -> Result<Self> {
        let (path, delay) = (args.trace_steps.as_deref(), args.delay_ms.map(Duration::from_millis));
        let columns = env.trace_columns();
        if (path.is_some() || delay.is_some()) && columns.is_empty() {
            bail!("--trace-steps: environment {} has nothing to trace", registered.name);
        }
        Ok(Self { path, columns, file: None, delay, failed: None })
    }

    fn step(&mut self, env: &dyn Env) {
        if self.path.is_none() && self.delay.is_none() {
            return;
        }
        let row = env.trace_row().join(",");
        if self.failed.is_none() {
            self.failed = self.write(&row).err();
        }
        if let Some(delay) = self.delay {
            // Who watches sees each step as it is made.
            let _ = writeln!(std::io::stderr(), "{row}");
            std::thread::sleep(delay);
        }
    }

    fn write(&mut self, row: &str) -> std::io::Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = none.insert(BufWriter::new(File::create(path)?));
                writeln!(file, "{}", self.columns.join(","))?;
                file
            }
        };
        writeln!(file, "{row}")
    }

    fn finish(mut self) -> Result<()> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        let written = self.failed.map_or(flushed, Err);
        written.with_context(|| format!("cannot write {}", self.path.unwrap_or(Path::new("")).display()))
    }
}
