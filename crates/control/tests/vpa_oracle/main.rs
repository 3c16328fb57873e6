//! Random stories, told to our VPA and to upstream's own code; any difference is shrunk to the shortest story.
//!
//! `cargo xtask oracle` builds upstream's side; where it is absent every test is listed as skipped, unless
//! `TRIMTAB_ORACLE_REQUIRED` is set. The seed is a fresh
//! one each time and is printed. `TRIMTAB_ORACLE_SEED` repeats a run, `TRIMTAB_ORACLE_RECOMMENDATIONS` sets its length
//! (5,000), and `TRIMTAB_ORACLE_STORY` names a file with one story to tell instead of random ones.

mod ours;
mod recommender_story;
mod shrink;
mod story;
mod updater_story;
mod upstream;

use libtest_mimic::{Arguments, Failed, Trial};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};
use std::{
    hash::{BuildHasher, RandomState},
    process::ExitCode,
};
use story::Story;
use upstream::{Answer, Upstream};

/// Recommendations in a run when nothing else is asked for.
const RECOMMENDATIONS: u64 = 5_000;
/// Situations of the updater for each recommendation.
const LOOPS_PER_RECOMMENDATION: f64 = 0.5;
/// Times a story is told before a difference counts: upstream adds aggregates up, and takes the open peaks of pods out of
/// a checkpoint, in the random order of a Go map, and the order shows in the last bit of a weight.
const TELLINGS: u32 = 64;
/// Times it is told before a difference is believed.
const TELLINGS_TO_BELIEVE: u32 = 1000;

#[derive(Default)]
struct Tally {
    stories: u64,
    recommendations: u64,
    loops: u64,
    actions: u64,
    crashes: u64,
    retold: u64,
}

/// A setting of the run.
fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the run's length and seed are told to this test only")]
    std::env::var(name).ok()
}

/// What upstream and we say differently; nothing where they agree or upstream crashed.
fn difference(
    upstream: &mut Upstream,
    story: &Story,
    tellings: u32,
    tally: &mut Tally,
) -> Result<Option<String>, Failed> {
    let ours = ours::tell(story)?;
    for telling in 0..tellings {
        let theirs = match upstream.tell(story)? {
            Answer::Steps(steps) => steps,
            Answer::Crash => {
                tally.crashes += 1;
                return Ok(None);
            }
        };
        let place = first_difference(&ours, &theirs);
        if place.is_none() {
            tally.retold += u64::from(telling > 0);
            return Ok(None);
        }
        if telling + 1 == tellings {
            return Ok(place);
        }
    }
    Ok(None)
}

fn first_difference(ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            let at = |i: usize| (a.get(i).unwrap_or(&Value::Null), b.get(i).unwrap_or(&Value::Null));
            (0..a.len().max(b.len()))
                .find_map(|i| first_difference(at(i).0, at(i).1).map(|rest| format!("[{i}]{rest}")))
        }
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).find_map(|key| {
            let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            first_difference(&of(a), &of(b)).map(|rest| format!(".{key}{rest}"))
        }),
        _ if ours == theirs => None,
        _ => Some(format!(": ours {ours}, upstream {theirs}")),
    }
}

/// Tells stories until enough has been compared.
fn compare(
    name: &'static str,
    amount: u64,
    make: fn(&mut Pcg64Mcg) -> Story,
    progress: fn(&Tally) -> u64,
) -> Result<(), Failed> {
    let mut upstream = Upstream::start()?;
    let seed = match setting("TRIMTAB_ORACLE_SEED") {
        Some(text) => text.parse()?,
        None => RandomState::new().hash_one(name),
    };
    let mut tally = Tally::default();
    let mut number = 0;
    while progress(&tally) < amount {
        let mut rng = Pcg64Mcg::seed_from_u64(seed ^ RandomlessHash::of(name) ^ number);
        number += 1;
        let story = make(&mut rng);
        check(&mut upstream, &story, &mut tally).map_err(|failure| {
            Failed::from(format!("seed {seed}: {}", failure.message().unwrap_or_default()))
        })?;
    }
    report(name, seed, &tally);
    Ok(())
}

/// Spreads seeds of the two kinds of story apart.
struct RandomlessHash;

impl RandomlessHash {
    fn of(name: &str) -> u64 {
        name.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

fn check(upstream: &mut Upstream, story: &Story, tally: &mut Tally) -> Result<(), Failed> {
    tally.stories += 1;
    let crashes = tally.crashes;
    if difference(upstream, story, TELLINGS_TO_BELIEVE, tally)?.is_none() {
        if tally.crashes == crashes {
            tally.recommendations += story.recommendations();
            tally.loops += story.loops();
            let steps = ours::tell(story)?;
            let actions =
                steps.as_array().into_iter().flatten().filter_map(|step| step["actions"].as_array());
            tally.actions += actions.map(|list| list.len() as u64).sum::<u64>();
        }
        return Ok(());
    }
    let mut unused = Tally::default();
    let shortest = shrink::shrink(story, |candidate| {
        matches!(difference(upstream, candidate, TELLINGS, &mut unused), Ok(Some(_)))
    });
    let place = difference(upstream, &shortest, TELLINGS, &mut unused)?.unwrap_or_default();
    let text = serde_json::to_string(&shortest)?;
    Err(format!("{place}\nreplay with TRIMTAB_ORACLE_STORY=FILE, FILE holding:\n{text}").into())
}

#[expect(clippy::print_stderr, reason = "counts and seed are told to a person")]
fn report(name: &str, seed: u64, tally: &Tally) {
    let Tally { stories, recommendations, loops, actions, crashes, retold } = tally;
    eprintln!(
        "vpa_oracle {name}: seed {seed}: {stories} stories, {recommendations} recommendations, {loops} updater loops \
         with {actions} actions, no difference; upstream crashed in {crashes}, told again {retold}"
    );
}

/// Bucket starts to the bit, and the bucket of values at and around every boundary.
fn layouts() -> Result<(), Failed> {
    let mut upstream = Upstream::start()?;
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut values = [Vec::new(), Vec::new()];
    for (values, layout) in values.iter_mut().zip(ours::layouts()) {
        for bucket in 0..layout.count() {
            let start = layout.start(bucket);
            values.extend([start.next_down().max(0.0), start, start.next_up()]);
        }
        let top = layout.start(layout.count() - 1);
        values.extend((0..20_000).map(|_| top * rng.random::<f64>().powi(8)));
        values.extend((0..2_000).map(|_| (top * rng.random::<f64>().powi(8) * 1000.0).round() / 1000.0));
    }
    let [cpu, memory] = values;
    let story =
        Story { kind: "layout".into(), layout: Some(story::Layout { cpu, memory }), ..Story::default() };
    match difference(&mut upstream, &story, 1, &mut Tally::default())? {
        None => Ok(()),
        Some(place) => Err(place.into()),
    }
}

fn replay(file: &str) -> Result<(), Failed> {
    let story: Story = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    check(&mut Upstream::start()?, &story, &mut Tally::default())
}

#[expect(clippy::print_stderr, reason = "why everything is skipped is told to a person")]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let absent = !Upstream::path().is_file();
    if absent && setting("TRIMTAB_ORACLE_REQUIRED").is_some() {
        eprintln!("{} is not built", Upstream::path().display());
        return ExitCode::FAILURE;
    }
    if absent {
        eprintln!("skipped: {} is not built (cargo xtask oracle)", Upstream::path().display());
    }
    let amount = match setting("TRIMTAB_ORACLE_RECOMMENDATIONS").map(|text| text.parse::<u64>()) {
        None => RECOMMENDATIONS,
        Some(Ok(amount)) => amount,
        Some(Err(error)) => {
            eprintln!("TRIMTAB_ORACLE_RECOMMENDATIONS: {error}");
            return ExitCode::from(2);
        }
    };
    let mut trials = match setting("TRIMTAB_ORACLE_STORY") {
        Some(file) => vec![Trial::test("the_told_story_has_one_answer", move || replay(&file))],
        None => vec![
            Trial::test("buckets_lie_where_upstreams_lie", layouts),
            Trial::test("recommendations_are_upstreams", move || {
                compare("recommender", amount, recommender_story::random, |tally| tally.recommendations)
            }),
            Trial::test("updates_are_upstreams", move || {
                let loops = (amount as f64 * LOOPS_PER_RECOMMENDATION) as u64;
                compare("updater", loops, updater_story::random, |tally| tally.loops)
            }),
        ],
    };
    trials = trials.into_iter().map(|trial| trial.with_ignored_flag(absent)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// An object without its entries that are null.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().filter(|(_, entry)| !entry.is_null()).collect(),
        other => json!(other),
    }
}
