//! The event files of a run as `TensorBoard`'s own Python package reads them.
//!
//! Takes the interpreter from `TRIMTAB_PYTHON`, which `cargo xtask` sets; where nobody has, it says so and passes.

use crate::place::Place;
use std::{collections::BTreeMap, process::Command};
use trimtab_lab::tensorboard;

/// Prints `tag step value` of every scalar that the accumulator finds.
const READ: &str = "
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0})
events.Reload()
for tag in events.Tags()['scalars']:
    for event in events.Scalars(tag):
        print(tag, event.step, repr(event.value))
";

#[test]
#[expect(clippy::disallowed_methods, reason = "the interpreter is named by the environment")]
fn tensorboard_reads_every_scalar_of_a_resumed_run() {
    let Ok(python) = std::env::var("TRIMTAB_PYTHON") else {
        eprintln!("SKIPPED: TRIMTAB_PYTHON is not set; TensorBoard's own reader was not asked");
        return;
    };
    let place = Place::new();
    place.train("run", &["--validate-every", "256", "--set", "checkpoint_timesteps=128"]);
    // As if it had been killed after its last checkpoint but one.
    std::fs::remove_file(place.path("run/policy.safetensors")).unwrap();
    place.write("run/checkpoints/latest", "000000000512");
    place.fine(&["train", "--resume", "--quiet", "--run-dir", "run"]);
    let dir = place.path("run/tensorboard");
    let output = Command::new(&python).args(["-c", READ]).arg(&dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found: BTreeMap<String, Vec<(u64, f32)>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let value: f64 = fields[2].parse().unwrap();
        found.entry(fields[0].to_owned()).or_default().push((fields[1].parse().unwrap(), value as f32));
    }
    let mut ours: BTreeMap<String, Vec<(u64, f32)>> = BTreeMap::new();
    for scalar in tensorboard::read(&dir).unwrap() {
        ours.entry(scalar.tag).or_default().push((scalar.step, scalar.value));
    }
    assert_eq!(found, ours);
    assert_eq!(
        ours["rollout/cost"].iter().map(|s| s.0).collect::<Vec<_>>(),
        (1..=10).map(|i| 64 * i).collect::<Vec<_>>()
    );
}
