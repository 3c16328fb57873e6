//! That every algorithm learns what it has to: a test for each gate of `gates.rs`.
//!
//! `cargo test -p trimtab-rl --test learning -- --nocapture` shows what each seed came to and how long a gate took.
#![expect(clippy::print_stdout, reason = "what the seeds came to is worth reading")]
#![expect(clippy::disallowed_methods, reason = "how long a gate takes is worth reading")]

mod exams;
mod gates;
mod seeds;
mod settings;

use std::process::ExitCode;
use std::time::Instant;

use gates::{Gate, gates};
use libtest_mimic::{Arguments, Failed, Trial};
use seeds::over_seeds;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A gate's seeds take all cores.
    arguments.test_threads = arguments.test_threads.or(Some(1));
    let trials = gates().into_iter().map(|gate| Trial::test(gate.name, move || pass(&gate))).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn pass(gate: &Gate) -> Result<(), Failed> {
    let clock = Instant::now();
    let outcomes = over_seeds(gate.seeds, |seed| gate.run(seed, 0, &mut |_, _| {}));
    let (mut passed, mut found) = (0, vec![]);
    for outcome in outcomes {
        let outcome = outcome?;
        passed += usize::from(outcome.passed());
        found.push(outcome.to_string());
    }
    let found = found.join("; ");
    println!("{}: {found}; {} steps a seed, {:.1} s", gate.name, gate.budget, clock.elapsed().as_secs_f64());
    if passed >= gate.needed {
        return Ok(());
    }
    Err(format!("{passed} of {} seeds pass, {} are needed: {found}", gate.seeds, gate.needed).into())
}
