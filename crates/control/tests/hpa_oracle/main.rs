//! Our HPA against Kubernetes' own controller, in random stories.
//!
//! `cargo xtask oracle` builds the controller from `oracle/hpa` and runs this; without it the test is skipped by name.
//! `TRIMTAB_ORACLE_SYNCS` says how many syncs to compare, `TRIMTAB_ORACLE_SEED` which stories (each run takes new ones
//! and prints their seed), and `TRIMTAB_ORACLE_STORY` names a file with one story to tell instead.

mod generate;
mod ours;
mod shrink;
mod story;
mod theirs;

use libtest_mimic::{Arguments, Failed, Trial};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use story::{Done, Story};
use theirs::Upstream;

/// Syncs when nothing else is said.
const FEW: u64 = 5_000;
/// Events that a recorder surely lets through; it drops those of an object that has very many.
const EVENTS: usize = 20;

fn main() {
    let arguments = Arguments::from_args();
    let built = theirs::program().exists();
    let required = variable("TRIMTAB_ORACLE_REQUIRED").is_some();
    let name = if built || required {
        "hpa_oracle::random_stories_end_as_upstream_ends_them".to_owned()
    } else {
        format!("hpa_oracle::skipped: {} is not built, see `cargo xtask oracle`", theirs::program().display())
    };
    let trial = Trial::test(name, run).with_ignored_flag(!built && !required);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

#[expect(clippy::disallowed_methods, reason = "how much is compared is the tester's choice")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str, otherwise: impl FnOnce() -> u64) -> Result<u64, Failed> {
    match variable(name) {
        Some(text) => Ok(text.parse().map_err(|_| format!("{name} is `{text}`, expected a whole number"))?),
        None => Ok(otherwise()),
    }
}

#[expect(clippy::disallowed_methods, reason = "new stories at each run")]
fn fresh() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |time| time.as_nanos() as u64)
}

#[expect(clippy::print_stdout, reason = "the seed and a story have to be seen")]
fn run() -> Result<(), Failed> {
    if let Some(path) = variable("TRIMTAB_ORACLE_STORY") {
        let story: Story = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        return match compare(&story, &mut Upstream::start()?)? {
            Some(difference) => Err(difference.into()),
            None => Ok(()),
        };
    }
    let seed = number("TRIMTAB_ORACLE_SEED", fresh)?;
    let syncs = number("TRIMTAB_ORACLE_SYNCS", || FEW)?;
    println!("stories from TRIMTAB_ORACLE_SEED={seed}, {syncs} syncs");
    let (told, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let worker = || -> Result<(), String> {
        let mut upstream = Upstream::start()?;
        while done.load(Ordering::Relaxed) < syncs && !stop.load(Ordering::Relaxed) {
            let story = generate::story(seed, told.fetch_add(1, Ordering::Relaxed))?;
            if let Some(difference) = compare(&story, &mut upstream)? {
                stop.store(true, Ordering::Relaxed);
                let short = shrink::shrink(&story, &mut upstream);
                let difference = compare(&short, &mut upstream)?.unwrap_or(difference);
                let short = serde_json::to_string(&short).map_err(|error| error.to_string())?;
                return Err(format!("{difference}\nwith seed {seed}, in the story\n{short}"));
            }
            done.fetch_add(story.steps.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    results.into_iter().collect::<Result<(), String>>()?;
    println!("{} syncs in {} stories agree", done.into_inner(), told.into_inner());
    Ok(())
}

/// Tells a story both ways; answers with the first difference.
///
/// # Errors
/// A story that cannot be told.
pub(crate) fn compare(story: &Story, upstream: &mut Upstream) -> Result<Option<String>, String> {
    let (mut ours, mut theirs) = (ours::tell(story)?, upstream.tell(story)?);
    let mut events = 0;
    for (ours, theirs) in ours.iter_mut().zip(&mut theirs) {
        events += ours.events.len();
        if events > EVENTS {
            (ours.events, theirs.events) = (Vec::new(), Vec::new());
        }
    }
    let show = |done: &Done| serde_json::to_string(done).unwrap_or_default();
    Ok(match ours.iter().zip(&theirs).position(|(a, b)| a != b) {
        Some(at) => Some(format!("step {at}:\n  ours   {}\n  theirs {}", show(&ours[at]), show(&theirs[at]))),
        None if ours.len() == theirs.len() => None,
        None => Some(format!("{} steps and {} steps", ours.len(), theirs.len())),
    })
}
