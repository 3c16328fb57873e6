//! Hyper-parameters that cannot work, learning that diverges and checkpoints that do not fit, for every algorithm.

use crate::place::{Place, copy, tells};
use std::fs;
use trimtab_nn::Tensors;

/// Algorithms with an action that fits.
const ALGORITHMS: [(&str, &str); 6] = [
    ("ppo", "trim"),
    ("a2c", "trim"),
    ("dqn", "trim"),
    ("ddpg", "trim_continuous"),
    ("td3", "trim_continuous"),
    ("sac", "trim_continuous"),
];

/// A run of a fraction of a second of an algorithm into `dir`.
fn command<'a>(algorithm: &'a str, dir: &'a str, more: &[&'a str]) -> Vec<String> {
    let action = ALGORITHMS.iter().find(|(name, _)| *name == algorithm).unwrap().1;
    let words = [
        "train",
        "--quiet",
        "--env",
        "redis",
        "--goal",
        "cost",
        "--algorithm",
        algorithm,
        "--action",
        action,
    ];
    let settings: &[&str] = match algorithm {
        "ppo" => &["n_steps=16", "batch_size=64"],
        "a2c" => &["n_steps=16"],
        _ => &["learning_starts=128", "batch_size=32", "buffer_size=500", "rounds=16"],
    };
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.extend(["--run-dir", dir, "--timesteps", "1280"].map(str::to_owned));
    let common = ["n_envs=4", "inner.target_percent=[80, 80]", "inner.scale_down_secs=60"].map(str::to_owned);
    let own = settings.iter().map(|set| format!("{algorithm}.{set}"));
    words.extend(own.chain(common).flat_map(|set| ["--set".to_owned(), set]));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

/// Makes a finished run one that stopped at its last checkpoint, and returns that checkpoint's directory.
fn unfinish(place: &Place, run: &str) -> String {
    fs::remove_file(place.path(&format!("{run}/policy.safetensors"))).unwrap();
    let latest = String::from_utf8(place.read(&format!("{run}/checkpoints/latest"))).unwrap();
    format!("{run}/checkpoints/{latest}")
}

fn resume(place: &Place, run: &str) -> String {
    place.refused(&["train", "--quiet", "--resume", "--run-dir", run])
}

#[test]
fn a_hyper_parameter_that_cannot_work_is_named_before_anything_is_written() {
    let place = Place::new();
    let off_policy = ["dqn", "ddpg", "td3", "sac"];
    let all = ALGORITHMS.map(|(name, _)| name);
    let cases: [(&[&str], &str, &str); 15] = [
        (&all, "learning_rate=-0.001", "learning_rate: is -0.001, expected"),
        (&all, "learning_rate=nan", "learning_rate: is NaN, expected"),
        (&all, "gamma=1.5", "gamma: is 1.5, expected"),
        (
            &["ppo", "a2c"],
            "network.hidden=[]",
            "network: cannot be built: network hidden: expected at least one",
        ),
        (&off_policy, "network.hidden=[]", "network.hidden: is [], expected at least one layer"),
        (&["ppo"], "batch_size=129", "batch_size: is 129, expected 1 to 128"),
        (&["ppo", "a2c"], "n_steps=0", "n_steps: is 0, expected at least 1"),
        (&["ppo", "a2c"], "ent_coef=-1.0", "ent_coef: is -1.0, expected"),
        (&["ppo", "a2c"], "max_grad_norm=0.0", "max_grad_norm: is 0.0, expected"),
        (&off_policy, "batch_size=501", "batch_size: is 501, expected 1 to 500 (buffer_size)"),
        (&off_policy, "gradient_steps=0", "gradient_steps: is 0, expected at least 1, or -1"),
        (&off_policy, "tau=0.0", "tau: is 0.0, expected above 0"),
        (&["dqn"], "exploration_fraction=2.0", "exploration_fraction: is 2.0, expected"),
        (&["ddpg", "td3", "sac"], "action_noise.sigma=-1.0", "action_noise.sigma: is -1.0, expected"),
        (&["td3"], "policy_delay=0", "policy_delay: is 0, expected at least 1"),
    ];
    for (algorithms, setting, told) in cases {
        for algorithm in algorithms {
            let set = format!("{algorithm}.{setting}");
            let sentence = place.refused(&command(algorithm, "run", &["--set", &set]));
            tells(&sentence, &[&format!("{algorithm}.{told}")]);
        }
    }
    for (algorithm, _) in ALGORITHMS {
        let set = format!("{algorithm}.learning_rat=0.1");
        let sentence = place.refused(&command(algorithm, "run", &["--set", &set]));
        tells(&sentence, &[&format!("{algorithm}.learning_rat"), "did you mean \"learning_rate\""]);
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn learning_that_diverges_stops_with_its_place_and_overwrites_nothing() {
    for (algorithm, _) in ALGORITHMS {
        let place = Place::new();
        let rate = format!("{algorithm}.learning_rate=1e37");
        let more = ["--set", &rate, "--set", "checkpoint_timesteps=64"];
        let sentence = place.run(&command(algorithm, "run", &more)).refused();
        tells(&sentence, &["error: learning stopped", "run/checkpoints/failed-", "finite"]);
        assert!(!place.path("run/policy.safetensors").exists());
        let kept = place.names().into_iter().find(|name| name.ends_with("/policy.safetensors")).unwrap();
        // What is kept is sound.
        let policy = Tensors::from_bytes(&place.read(&kept)).unwrap();
        assert!(policy.names().all(|name| policy.get(name).unwrap().data().iter().all(|x| x.is_finite())));
        let checkpoints = || {
            let names = place.names().into_iter().filter(|name| name.starts_with("run/checkpoints/"));
            names
                .map(|name| (place.path(&name).is_file().then(|| place.read(&name)), name))
                .collect::<Vec<_>>()
        };
        let before = checkpoints();
        assert_eq!(place.run(&["train", "--resume", "--quiet", "--run-dir", "run"]).refused(), sentence);
        assert!(checkpoints() == before, "{algorithm}");
    }
}

#[test]
fn a_truncated_checkpoint_of_any_algorithm_is_refused_and_left_as_it_is() {
    for (algorithm, _) in ALGORITHMS {
        let place = Place::new();
        place.fine(&command(algorithm, "run", &[]));
        let checkpoint = unfinish(&place, "run");
        for file in ["learner.safetensors", "learner.json", "environment.bin", "callbacks.bin"] {
            let name = format!("{checkpoint}/{file}");
            let whole = place.read(&name);
            for length in [0, whole.len() / 2, whole.len() - 1] {
                if length < whole.len() && !whole.is_empty() {
                    place.write(&name, &whole[..length]);
                    tells(&resume(&place, "run"), &["run/checkpoints"]);
                }
            }
            place.write(&name, whole);
        }
        place.fine(&["train", "--quiet", "--resume", "--run-dir", "run"]);
    }
}

#[test]
fn a_checkpoint_of_another_algorithm_shape_or_version_is_refused() {
    let place = Place::new();
    for (algorithm, _) in ALGORITHMS {
        place.fine(&command(algorithm, algorithm, &[]));
    }
    for (algorithm, other) in
        [("ppo", "a2c"), ("a2c", "ppo"), ("dqn", "ppo"), ("td3", "ddpg"), ("sac", "td3")]
    {
        let dir = format!("{algorithm}-with-{other}");
        copy(&place.path(algorithm), &place.path(&dir));
        fs::remove_dir_all(place.path(&format!("{dir}/checkpoints"))).unwrap();
        copy(&place.path(&format!("{other}/checkpoints")), &place.path(&format!("{dir}/checkpoints")));
        unfinish(&place, &dir);
        tells(&resume(&place, &dir), &[&dir, "checkpoint", "expected"]);
    }
    for (algorithm, _) in ALGORITHMS {
        let wide = format!("{algorithm}-wide");
        let hidden = format!("{algorithm}.network.hidden=[48]");
        place.fine(&command(algorithm, &wide, &["--set", &hidden]));
        fs::remove_dir_all(place.path(&format!("{wide}/checkpoints"))).unwrap();
        copy(&place.path(&format!("{algorithm}/checkpoints")), &place.path(&format!("{wide}/checkpoints")));
        let checkpoint = unfinish(&place, &wide);
        tells(&resume(&place, &wide), &[&checkpoint, "network", "expected", "48"]);
        let name = format!("{checkpoint}/learner.json");
        let text = String::from_utf8(place.read(&name)).unwrap();
        let at = text.find(&format!("\"{algorithm}/")).unwrap() + algorithm.len() + 2;
        place.write(&name, format!("{}99{}", &text[..at], &text[at + 1..]));
        tells(&resume(&place, &wide), &[&checkpoint]);
    }
}
