//! `trimtab train`: one training run.

use crate::{
    choices::{ACTIONS, ALGORITHMS, GOALS, PARTS, SELECTIONS},
    destination, interrupt,
    invocation::quoted,
    output::{self, Output},
    progress::{Display, thousands},
    settings::{ConfigArgs, Settings, ThreadsArgs, TrafficArgs, traffic_flags},
};
use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use std::{path::PathBuf, sync::atomic::AtomicBool};
use trimtab_lab::{
    RunConfig,
    cloning::Cloned,
    environments, files,
    run_dir::RunDir,
    training::{self, Ending, Progress},
};

/// Train one policy; on an application, on top of an HPA calibrated on the training days
#[derive(Args, Debug)]
#[command(after_help = "\
Ctrl-C saves a checkpoint; the same run goes on with --resume, also after a crash.

Example:
  trimtab train --env online_boutique --algorithm ppo --seed 7 --total-timesteps 40000 \\
      --run-dir runs/shop --trace shop.csv --train-days 0..7
  trimtab train --published ddpg --run-dir runs/ddpg")]
pub(crate) struct TrainArgs {
    /// Where to write
    #[arg(long, value_name = "DIR")]
    run_dir: PathBuf,
    /// Environment: one of `trimtab env list`, or an application file [default: `online_boutique`]
    #[arg(long, value_name = "NAME|FILE")]
    env: Option<String>,
    /// Learning algorithm [default: ppo]
    #[arg(long, value_parser = ALGORITHMS)]
    algorithm: Option<String>,
    /// Settings under a name that MARLISE gave its agents, in the environment `localization`: mdqn, dmdqn, ddmdqn, ppo, ippo,
    /// dppo, ddpg or iddpg
    #[arg(long, value_name = "NAME")]
    published: Option<String>,
    /// What the environment is after
    #[arg(long, value_parser = GOALS)]
    goal: Option<String>,
    /// What the policy may do
    #[arg(long, value_parser = ACTIONS)]
    action: Option<String>,
    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Environment steps
    #[arg(long, visible_alias = "timesteps", value_name = "N")]
    total_timesteps: Option<u64>,
    /// Go on with the run in --run-dir from its latest checkpoint, with its own configuration
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    start: StartArgs,
    #[command(flatten)]
    validation: ValidationArgs,
    #[command(flatten)]
    threads: ThreadsArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Flags about where learning starts.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Start")]
struct StartArgs {
    /// Start from the policy of a finished run; its application may be another
    #[arg(long, value_name = "RUN")]
    from: Option<String>,
    /// Start from a clone of an autoscaler, such as hpa or threshold, or of the run in a directory
    #[arg(long, value_name = "NAME|RUN")]
    clone: Option<String>,
    /// Parts of the network that stay as they start
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = PARTS)]
    freeze: Vec<String>,
}

/// Flags about validation on training days that are held out.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Validation")]
struct ValidationArgs {
    /// Score the policy every N steps on the last training day, which is then held out
    #[arg(long, value_name = "N")]
    validate_every: Option<u64>,
    /// End after so many validations in a row without a better score
    #[arg(long, value_name = "N")]
    patience: Option<u64>,
    /// End once the score is at or below X; the HPA inside the policy scores 1
    #[arg(long, value_name = "X")]
    target_score: Option<f64>,
    /// Policy that the finished run reports [default: last]
    #[arg(long, value_parser = SELECTIONS)]
    select: Option<String>,
}

/// See [`TrainArgs`].
pub(crate) fn run(args: &TrainArgs, output: Output) -> Result<output::Ending> {
    let dir = RunDir::new(&args.run_dir);
    let published = match &args.published {
        Some(name) => environments::localization::published::layers(name)?,
        None => Vec::new(),
    };
    let settings = Settings::new(&args.config)?
        .above(published)
        .text("--env", "env", args.env.as_ref())
        .text("--algorithm", "algorithm", args.algorithm.as_ref())
        .text("--goal", "goal", args.goal.as_ref())
        .text("--action", "action", args.action.as_ref())
        .number("--seed", "seed", args.seed)
        .number("--total-timesteps", "total_timesteps", args.total_timesteps)
        .text("--from", "start.from", args.start.from.as_ref())
        .text("--clone", "start.clone", args.start.clone.as_ref())
        .texts("--freeze", "start.freeze", &args.start.freeze)
        .number("--validate-every", "validation.every_timesteps", args.validation.validate_every)
        .number("--patience", "validation.patience", args.validation.patience)
        .fraction("--target-score", "validation.target_score", args.validation.target_score)
        .text("--select", "select", args.validation.select.as_ref())
        .traffic(&args.traffic);
    let stop = interrupt::stop_flag()?;
    let display = Display::new(output);
    let config = if dir.exists() {
        if !args.resume {
            bail!("{}: holds a run already, expected --resume or another --run-dir", dir.path().display());
        }
        let own = dir.config()?;
        settings.agree_with(&own, &dir.file("config.toml"))?;
        if dir.file("policy.safetensors").exists() {
            output.remark(&format!("{}: finished already; nothing to do", dir.path().display()));
            return report(&dir, &own, Ending::Finished, None, output);
        }
        own
    } else {
        match prepare(settings.resolve()?, args, &stop, &display) {
            Err(error) if was_interrupted(&error) => {
                drop(display);
                let text = "stopped while the HPA was calibrated; nothing is written";
                output.result(&json!({ "run_dir": dir.path(), "finished": false }), || text.to_owned())?;
                return Ok(output::Ending::Short);
            }
            prepared => prepared?,
        }
    };
    if !config.start.clone.is_empty() && dir.latest()?.is_none() {
        display.stage("cloning", &format!("learning what {} decides", config.start.clone), 0.0);
    }
    let shown = args.run_dir.file_name().map_or_else(|| "training".into(), |name| name.to_string_lossy());
    let mut last = None;
    let ending = training::train(&config, &dir, args.resume, &stop, &mut |progress| {
        display.training(&shown, progress);
        last = Some(progress.clone());
    })?;
    drop(display);
    report(&dir, &config, ending, last, output)
}

/// Finds whatever is wrong before any work starts, then calibrates the inner HPA.
fn prepare(
    mut config: RunConfig,
    args: &TrainArgs,
    stop: &AtomicBool,
    display: &Display,
) -> Result<RunConfig> {
    training::check(&config)?;
    destination::check(&args.run_dir)?;
    let threads = args.threads.get();
    training::prepare(&mut config, threads, stop, &mut |what, fraction| {
        display.stage("calibration", what, fraction);
    })?;
    Ok(config)
}

/// Whether the work was given up on request.
fn was_interrupted(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(trimtab_lab::Error::Interrupted))
}

fn report(
    dir: &RunDir,
    config: &RunConfig,
    ending: Ending,
    last: Option<Progress>,
    output: Output,
) -> Result<output::Ending> {
    let finished = ending == Ending::Finished;
    let run = dir.path().display();
    let timesteps =
        last.map_or(if finished { config.total_timesteps } else { 0 }, |progress| progress.timesteps);
    let early = if finished && timesteps < config.total_timesteps {
        format!(" early, after {} steps", thousands(timesteps))
    } else {
        String::new()
    };
    let cloned: Option<Cloned> = match files::read_text(&dir.file("cloning.json")) {
        Ok(text) if !config.start.clone.is_empty() => Some(serde_json::from_str(&text)?),
        _ => None,
    };
    let resume = format!("trimtab train --resume --run-dir {}", quoted(&dir.path().to_string_lossy()));
    let value = json!({
        "run_dir": dir.path(),
        "finished": finished,
        "policy": finished.then(|| dir.file("policy.safetensors")),
        "total_timesteps": config.total_timesteps,
        "timesteps": timesteps,
        "resume": (!finished).then_some(&resume),
        "cloned": cloned,
    });
    output.result(&value, || {
        let cloned = cloned.as_ref().map_or_else(String::new, told);
        if finished {
            let policy = quoted(&dir.path().to_string_lossy());
            let score = if environments::find(&config.env).is_some() {
                format!("To score it:\n  trimtab evaluate --run {policy}")
            } else {
                format!(
                    "To score it on days it has not seen:\n  trimtab compare --app {} {} --autoscalers hpa,hpa_calibrated,{policy}",
                    quoted(&config.env),
                    traffic_flags(&config.traffic),
                )
            };
            format!("{cloned}{run}: finished{early}; the policy is {run}/policy.safetensors. {score}")
        } else {
            let total = thousands(config.total_timesteps);
            let saved = if dir.file("checkpoints/latest").exists() {
                "a checkpoint is saved"
            } else {
                "nothing was learned yet, so it begins anew"
            };
            format!("{cloned}{run}: stopped before step {total}; {saved}. To go on:\n  {resume}")
        }
    })?;
    Ok(if finished { output::Ending::Fine } else { output::Ending::Short })
}

/// What came of cloning, as a line.
fn told(cloned: &Cloned) -> String {
    let Cloned { teacher, decisions, agreement, agreement_acting, acting, clone_acting, .. } = cloned;
    let Cloned { of_teacher, of_clone, days, .. } = cloned;
    let acting = agreement_acting.map_or_else(String::new, |share| {
        let percent = [share, *acting, *clone_acting].map(|share| 100.0 * share);
        format!(
            " ({:.1} % where it acts, which is {:.1} %, of the clone {:.1} %)",
            percent[0], percent[1], percent[2]
        )
    });
    format!(
        "clone of {teacher}: {:.1} % of {} decisions agree{acting}; on {} it costs {:.3} of the HPA inside and violates {:.2} %, its teacher {:.3} and {:.2} %\n",
        100.0 * agreement,
        thousands(*decisions as u64),
        days.join(", "),
        of_clone.cost,
        100.0 * of_clone.violation_share,
        of_teacher.cost,
        100.0 * of_teacher.violation_share,
    )
}
