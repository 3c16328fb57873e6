//! Learning curves of every gate over many seeds, as CSV: what `cargo xtask learn` draws.
//!
//! `cargo run --release -p trimtab-rl --example learn -- FOLDER [SEEDS] [GATE…]` writes `FOLDER/GATE.csv` with the
//! seed, the environment steps and the mean return of 20 episodes with the most probable actions, 20 times over the
//! budget; 10 seeds and every gate unless told otherwise.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "an example reads the clock and prints")]

#[path = "../tests/learning/exams.rs"]
mod exams;
#[path = "../tests/learning/gates.rs"]
mod gates;
#[path = "../tests/learning/seeds.rs"]
mod seeds;
#[path = "../tests/learning/settings.rs"]
mod settings;

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use gates::{Gate, gates};
use seeds::over_seeds;

const POINTS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = words.first() else {
        return Err("expected a folder to write to".into());
    };
    let seeds = words.get(1).map_or(Ok(10), |word| word.parse())?;
    let wanted = words.get(2..).unwrap_or_default();
    if let Some(unknown) = wanted.iter().find(|name| gates().iter().all(|gate| gate.name != **name)) {
        let names: Vec<&str> = gates().iter().map(|gate| gate.name).collect();
        return Err(format!("there is no gate {unknown}: expected one of {}", names.join(", ")).into());
    }
    std::fs::create_dir_all(folder)?;
    for gate in gates().iter().filter(|gate| wanted.is_empty() || wanted.iter().any(|name| name == gate.name))
    {
        learn(gate, seeds, Path::new(folder))?;
    }
    Ok(())
}

fn learn(gate: &Gate, seeds: usize, folder: &Path) -> Result<(), Box<dyn Error>> {
    let clock = Instant::now();
    let outcomes = over_seeds(seeds, |seed| {
        let mut curve = vec![];
        gate.run(seed, POINTS, &mut |steps, value| curve.push((steps, value))).map(|outcome| (outcome, curve))
    });
    let (mut passed, mut csv) = (0, String::from("seed,steps,return\n"));
    for (at, outcome) in outcomes.into_iter().enumerate() {
        let (outcome, curve) = outcome?;
        passed += usize::from(outcome.passed());
        println!("{} seed {}: {outcome}", gate.name, at + 1);
        for (steps, value) in &curve {
            writeln!(csv, "{},{steps},{value:.3}", at + 1)?;
        }
    }
    std::fs::write(folder.join(format!("{}.csv", gate.name)), csv)?;
    let seconds = clock.elapsed().as_secs_f64();
    println!(
        "{}: {passed} of {seeds} seeds pass ({} of {} are needed in tests), {} steps a seed, {seconds:.1} s",
        gate.name, gate.needed, gate.seeds, gate.budget
    );
    Ok(())
}
