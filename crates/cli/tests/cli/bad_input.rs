//! Traffic, applications, settings and places that cannot be used: one sentence, exit code 2, nothing touched.

use crate::place::{Ended, Place, SMALL, tells};

const SOUND: &str = "time,count\n0,5\n60,6\n120,7\n180,8\n";

/// Trains on `trace` into a directory that must not come to be.
fn train_on(place: &Place, trace: &str) -> String {
    let sentence = place.refused(&[&SMALL[..], &["run", "--trace", trace]].concat());
    assert!(!place.path("run").exists());
    sentence
}

#[test]
fn a_trace_that_is_not_there_is_named() {
    let place = Place::new();
    tells(&train_on(&place, "shop.csv"), &["shop.csv", "No such file"]);
    tells(&train_on(&place, "worldcup99"), &["\"worldcup99\"", "did you mean \"worldcup98\""]);
}

#[test]
fn a_bad_trace_is_named_with_line_and_expectation() {
    let place = Place::new();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("empty.csv", "", &["empty", "expected at least two rows"]),
        ("header.csv", "time,count\n", &["empty", "expected at least two rows"]),
        ("text.csv", "time,count\n0,5\n60,many\n120,7\n", &["line 3", "many", "expected"]),
        ("negative.csv", "time,count\n0,5\n60,-3\n120,7\n", &["line 3", "-3", "expected"]),
        ("unsorted.csv", "time,count\n0,5\n120,7\n60,6\n", &["line 4", "60", "expected rows sorted by time"]),
        ("wide.csv", "a,b,c\n0,1,2\n60,1,2\n", &["line 2", "3 columns", "a, b, c"]),
    ];
    for (name, content, parts) in cases {
        place.write(name, content);
        let sentence = train_on(&place, name);
        tells(&sentence, &[&[name], parts].concat());
        let other = place.refused(&["compare", "--app", "redis", "--trace", name, "--autoscalers", "hpa"]);
        assert_eq!(other, sentence, "train and compare say the same");
        tells(&place.refused(&["workload", "show", name]), parts);
    }
}

#[test]
fn days_that_a_trace_does_not_have_are_named() {
    let place = Place::new();
    place.write("short.csv", SOUND);
    let sentence =
        place.refused(&[&SMALL[..], &["run", "--trace", "short.csv", "--train-days", "3..5"]].concat());
    tells(&sentence, &["short.csv", "3..5", "expected"]);
    let sentence = place.refused(&["compare", "--trace", "worldcup98", "--test-days", "1998-06-12"]);
    tells(&sentence, &["worldcup98", "1998-06-12", "both a training and a test day"]);
}

const APPLICATION: &str = r#"
name = "pair"
slo = { p95_ms = 100 }
[defaults]
replicas = { min = 1, max = 4 }
cpu_request_m = 100
memory_request_mib = 64
cpu_per_call_ms = 5
[[service]]
name = "front"
[[service]]
name = "back"
[[endpoint]]
name = "GET /"
weight = 1
service = "front"
steps = [{ call = "back" }]
"#;

#[test]
fn a_bad_application_is_named_with_key_and_expectation() {
    let place = Place::new();
    place.write("sound.toml", APPLICATION);
    tells(&place.fine(&["app", "check", "sound.toml"]), &["sound.toml", "2 services"]);
    let cases: [(&str, &str, &str, &[&str]); 6] = [
        (
            "cycle.toml",
            r#"{ call = "back" }"#,
            r#"{ call = "back", steps = [{ call = "front" }] }"#,
            &["cycle", "front", "back", "expected"],
        ),
        ("callee.toml", r#"call = "back""#, r#"call = "bakc""#, &["\"bakc\"", "front, back"]),
        (
            "cpu.toml",
            "cpu_request_m = 100",
            "cpu_request_m = 0",
            &["cpu_request_m", "expected more than zero"],
        ),
        ("call.toml", "cpu_per_call_ms = 5", "cpu_per_call_ms = 0", &["cpu_per_call_ms", "above zero"]),
        (
            "bounds.toml",
            "min = 1, max = 4",
            "min = 5, max = 4",
            &["replicas", "min ≤ max", "min 5 and max 4"],
        ),
        ("syntax.toml", "name = \"pair\"", "name = = \"pair\"", &["line 2, column 8"]),
    ];
    for (name, sound, wrong, parts) in cases {
        place.write(name, APPLICATION.replacen(sound, wrong, 1));
        let parts = [&[name], parts].concat();
        tells(&place.refused(&["app", "check", name]), &parts);
        tells(&place.refused(&["compare", "--app", name]), &parts);
        tells(&place.refused(&["train", "--env", name, "--run-dir", "run"]), &parts);
    }
    tells(&place.refused(&["app", "check", "none.toml"]), &["none.toml", "No such file"]);
    tells(&place.refused(&["app", "describe", "online_botique"]), &["did you mean \"online_boutique\""]);
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest() {
    let place = Place::new();
    place.write("my.toml", "[ppo]\ngama = 0.9\n");
    tells(
        &place.refused(&["config", "--config", "my.toml"]),
        &["my.toml", "ppo.gama", "did you mean \"gamma\""],
    );
    tells(
        &place.refused(&["config", "--set", "ppo.gama=0.9"]),
        &["--set ppo.gama", "did you mean \"gamma\""],
    );
    let mut command = place.command(&["config"]);
    command.env("TRIMTAB__SEDE", "1");
    tells(&Ended::of(command).refused(), &["TRIMTAB__SEDE", "did you mean \"seed\""]);
}

#[test]
fn a_wrong_value_is_named_with_its_place_and_what_was_expected() {
    let place = Place::new();
    place.write("my.toml", "seed = 1\nn_envs == 4\n");
    tells(&place.refused(&["config", "--config", "my.toml"]), &["my.toml", "line 2"]);
    tells(&place.refused(&["config", "--set", "n_envs=0"]), &["n_envs", "is 0", "expected at least 1"]);
    tells(&place.refused(&["config", "--set", "seed=many"]), &["--set seed", "many", "expected"]);
    tells(&place.refused(&["config", "--set", "seed"]), &["--set seed", "expected KEY=VALUE"]);
    let mut command = place.command(&["config"]);
    command.env("TRIMTAB__PPO__N_STEPS", "-1");
    tells(&Ended::of(command).refused(), &["TRIMTAB__PPO__N_STEPS", "-1"]);
    let learner = [&SMALL[..], &["run", "--set", "ppo.batch_size=4096"]].concat();
    tells(&place.refused(&learner), &["batch_size", "4096", "expected 1 to"]);
    assert!(!place.path("run").exists());
}

#[test]
fn a_misspelt_flag_or_value_is_a_usage_error_that_names_the_nearest() {
    let place = Place::new();
    let cases: [(&[&str], &str); 3] = [
        (&["train", "--run-dir", "run", "--goal", "laency"], "'latency'"),
        (&["train", "--run-dir", "run", "--sead", "1"], "'--seed'"),
        (&["comprae"], "'compare'"),
    ];
    for (arguments, nearest) in cases {
        let ended = place.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        tells(&ended.stderr, &["error: ", nearest]);
    }
    let sentence = place.refused(&["compare", "--app", "redis", "--autoscalers", "hpa,hpa_calibratd"]);
    tells(&sentence, &["\"hpa_calibratd\"", "did you mean \"hpa_calibrated\""]);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named_before_any_work() {
    let place = Place::new();
    place.write("file", "not a directory");
    let below = "file/run";
    tells(&place.refused(&[&SMALL[..], &[below]].concat()), &[below, "expected"]);
    tells(&place.refused(&["compare", "--app", "redis", "--out", below]), &[below, "expected"]);
    tells(&place.refused(&["quickstart", "--dir", below]), &[below, "expected"]);
}

#[test]
fn quickstart_touches_no_directory_that_is_not_its_own() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("home/thesis.txt", "years of work");
    tells(&place.refused(&["quickstart", "--dir", "home"]), &["home", "expected an empty or a new --dir"]);
    tells(&place.refused(&["quickstart", "--dir", "home", "--fresh"]), &["home", "config.toml"]);
    place.write("home/config.toml", "title = \"somebody else's\"\n");
    tells(&place.refused(&["quickstart", "--dir", "home", "--fresh"]), &["home", "config.toml"]);
}

#[test]
fn settings_of_an_autoscaler_that_cannot_be_are_named() {
    let place = Place::new();
    let refused = |name: &str| place.refused(&["compare", "--app", "redis", "--autoscalers", name]);
    tells(&refused("threshold:stp=2"), &["no parameter \"stp\"", "did you mean \"step\"", "upper_percent"]);
    tells(&refused("threshold:step=0"), &["threshold:step: is 0", "expected a whole number from 1 to 10"]);
    tells(&refused("treshold:step=2"), &["no autoscaler \"treshold\"", "did you mean \"threshold\""]);
    tells(
        &refused("keda:cron.start=dawn,cron.desiredReplicas=2"),
        &["cron.start", "dawn", "five cron fields"],
    );
    tells(&place.refused(&["autoscaler", "describe", "kda"]), &["did you mean \"keda\""]);
}
