//! Every step of the classic control tasks against Gymnasium's: `trajectories.py` plays episodes there, and ours go
//! through the same actions from the same start states.
//!
//! States agree to 1e-9 after up to 999 steps of free running (sines may differ in their last bit), those of
//! `MountainCarContinuous`, which have single precision, to 1e-6; observations and rewards to 1e-6; flags exactly.
//!
//! The interpreter is `TRIMTAB_PYTHON`, or `python3`. Without Gymnasium the tests are skipped, which their names say, unless
//! `TRIMTAB_PYTHON` is set: whoever names an interpreter wants the tests.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "which Python to use is the environment's to say")]
#![expect(clippy::print_stdout, reason = "how far the numbers agree is worth reading")]

use std::fmt::Debug;
use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};
use serde::Deserialize;
use trimtab_rl::control::{
    Acrobot, Batch, CartPole, Entry, MountainCar, MountainCarContinuous, Pendulum, Task,
};
use trimtab_rl::{Actions, StepBuffers, VecEnv};

#[derive(Deserialize)]
struct Episode {
    seed: u64,
    policy: String,
    start: Vec<f64>,
    start_obs: Vec<f64>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    action: Vec<f64>,
    state: Vec<f64>,
    obs: Vec<f64>,
    reward: f64,
    terminated: bool,
    truncated: bool,
}

const NUMBERS: f64 = 1e-6;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let asked = std::env::var("TRIMTAB_PYTHON").ok();
    let python = asked.clone().unwrap_or_else(|| "python3".into());
    let missing = if asked.is_some() { None } else { gymnasium_is_missing(&python) };
    let trial = |task: &'static str, check: fn(&[Episode])| {
        let name = match &missing {
            None => format!("{task} steps as Gymnasium's"),
            Some(why) => format!("{task} steps as Gymnasium's (skipped: {why})"),
        };
        let python = python.clone();
        Trial::test(name, move || {
            check(&episodes(&python, task)?);
            Ok(())
        })
        .with_ignored_flag(missing.is_some())
    };
    let trials = vec![
        trial("CartPole-v1", |episodes| check(CartPole::new(1), episodes, u32s, 1e-9)),
        trial("Acrobot-v1", |episodes| check(Acrobot::new(1), episodes, u32s, 1e-9)),
        trial("MountainCar-v0", |episodes| check(MountainCar::new(1), episodes, u32s, 1e-9)),
        trial("MountainCarContinuous-v0", |episodes| {
            check(MountainCarContinuous::new(1), episodes, |action| vec![action[0] as f32], NUMBERS);
        }),
        trial("Pendulum-v1", |episodes| {
            // The action is half of the torque.
            check(Pendulum::new(1), episodes, |action| vec![action[0] as f32 / 2.0], 1e-9);
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why Gymnasium cannot be asked, if so.
fn gymnasium_is_missing(python: &str) -> Option<String> {
    match Command::new(python).args(["-c", "import gymnasium, numpy"]).output() {
        Err(_) => Some(format!("there is no {python}")),
        Ok(output) if !output.status.success() => Some(format!("{python} has no gymnasium")),
        Ok(_) => None,
    }
}

/// Episodes of a task, as Gymnasium plays them.
fn episodes(python: &str, task: &str) -> Result<Vec<Episode>, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gymnasium/trajectories.py");
    let output = Command::new(python)
        .arg(script)
        .arg(task)
        .output()
        .map_err(|error| format!("cannot run {python}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{python} failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lines = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    lines.lines().map(|line| serde_json::from_str(line).map_err(|error| error.to_string())).collect()
}

fn u32s(action: &[f64]) -> Vec<u32> {
    action.iter().map(|choice| *choice as u32).collect()
}

/// A batch's actions of either kind.
trait Given: Entry {
    fn actions(entries: &[Self]) -> Actions<'_>;
}

impl Given for u32 {
    fn actions(entries: &[Self]) -> Actions<'_> {
        Actions::Discrete(entries)
    }
}

impl Given for f32 {
    fn actions(entries: &[Self]) -> Actions<'_> {
        Actions::Continuous(entries)
    }
}

/// Fails unless a batch of one goes through the same states, observations, rewards and ends.
fn check<T, const N: usize>(
    mut env: Batch<T>,
    episodes: &[Episode],
    action: fn(&[f64]) -> Vec<T::Entry>,
    state_tolerance: f64,
) where
    T: Task<State = [f64; N]>,
    T::Entry: Given,
{
    let mut out = StepBuffers::new(env.spec());
    env.reset(0, &mut out.obs);
    let (mut largest, mut ends) = (0.0f64, [0; 2]);
    for Episode { seed, policy, start, start_obs, steps } in episodes {
        let start: [f64; N] = start.as_slice().try_into().unwrap();
        env.start_from(0, start, &mut out.obs);
        let place = format!("seed {seed}, {policy} policy");
        agree(&format!("{place}, start"), start_obs, &numbers(&out.obs), NUMBERS);
        for (at, step) in steps.iter().enumerate() {
            let place = format!("{place}, step {at}");
            env.step(T::Entry::actions(&action(&step.action)), &mut out).unwrap();
            assert_eq!((out.terminated[0], out.truncated[0]), (step.terminated, step.truncated), "{place}");
            agree(&place, &[step.reward], &numbers(&out.rewards), NUMBERS);
            if step.terminated || step.truncated {
                agree(&place, &step.obs, &numbers(&out.final_obs), NUMBERS);
                assert_eq!(at + 1, steps.len(), "{place}");
                ends[usize::from(step.truncated)] += 1;
            } else {
                agree(&place, &step.obs, &numbers(&out.obs), NUMBERS);
                largest = largest.max(agree(&place, &step.state, env.state(0), state_tolerance));
            }
        }
    }
    let steps: usize = episodes.iter().map(|episode| episode.steps.len()).sum();
    println!("{steps} steps, {} terminated, {} truncated, states within {largest:e}", ends[0], ends[1]);
}

fn numbers(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

/// Largest difference relative to numbers above 1.
fn agree<A: AsRef<[f64]> + Debug + ?Sized>(place: &str, expected: &A, found: &[f64], tolerance: f64) -> f64 {
    let expected = expected.as_ref();
    assert_eq!(expected.len(), found.len(), "{place}");
    let differences = expected.iter().zip(found).map(|(a, b)| (a - b).abs() / a.abs().max(1.0));
    let largest = differences.fold(0.0, f64::max);
    assert!(largest <= tolerance, "{place}: {found:?}, expected {expected:?}");
    largest
}
