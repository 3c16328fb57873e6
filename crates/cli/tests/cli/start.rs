//! Runs that start from a teacher or from another run.

use crate::{
    place::{Place, SMALL, tells},
    runs::progress,
};
use trimtab_nn::Tensors;

/// One day to learn from; what it costs to score a teacher is a day too.
const DAY: [&str; 4] = ["--train-days", "0..2", "--test-days", "2"];

fn tensor(place: &Place, file: &str, name: &str) -> Vec<f32> {
    let tensors = Tensors::from_bytes(&place.read(file)).unwrap();
    tensors.get(name).unwrap().data().to_vec()
}

#[test]
fn a_clone_of_the_inner_hpa_does_what_it_does() {
    let place = Place::new();
    // Under `trim` the inner HPA is the zero action, which a fresh policy puts out as well; steps have to be learned.
    for (run, action, least) in [("trim", "trim_continuous", 0.99), ("delta", "delta", 0.9)] {
        let flags = ["--clone", "hpa_calibrated", "--action", action, "--set", "start.cloning.n_epochs=10"];
        let told = place.train(run, &[&flags[..], &DAY].concat());
        tells(&told, &["clone of hpa_calibrated: ", " decisions agree", " its teacher 1.000 and"]);
        let cloned: serde_json::Value =
            serde_json::from_slice(&place.read(&format!("{run}/cloning.json"))).unwrap();
        let number = |path: &str| cloned.pointer(path).unwrap().as_f64().unwrap();
        assert!(number("/agreement") > least, "{cloned}");
        assert!(number("/of_clone/cost") < 1.5 && number("/of_teacher/cost") == 1.0, "{cloned}");
    }
}

/// Explained variance of the critic after each iteration.
fn explained(place: &Place, run: &str) -> Vec<f64> {
    progress(place, run).iter().filter_map(|line| line.get("train/explained_variance")?.as_f64()).collect()
}

#[test]
fn a_clone_acts_where_its_teacher_does_though_that_is_seldom() {
    let place = Place::new();
    let plain = ["--set", "start.dagger_rounds=0", "--set", "start.cloning.max_choice_weight=1"];
    for (teacher, action) in
        [("hpa", "delta"), ("hpa", "move"), ("hpa_calibrated", "delta"), ("threshold", "trim")]
    {
        let figure = |run: &str, more: &[&str]| {
            let run = format!("{teacher}-{action}-{run}");
            place.train(&run, &[&["--clone", teacher, "--action", action], more, &DAY].concat());
            let cloned: serde_json::Value =
                serde_json::from_slice(&place.read(&format!("{run}/cloning.json"))).unwrap();
            ["agreement_acting", "acting", "clone_acting"].map(|key| cloned[key].as_f64().unwrap())
        };
        let ([before, ..], [after, acting, clone_acting]) = (figure("plain", &plain), figure("clone", &[]));
        assert!(after > before + 0.05 && after > 0.6, "{teacher} {action}: {before} became {after}");
        let often = 0.5 * acting..2.0 * acting;
        assert!(often.contains(&clone_acting), "{teacher} {action}: {acting}, the clone {clone_acting}");
    }
    // The critic has learned what follows. The first rollout is on another scale: that of rewards is still to be found.
    place.train("fresh", &[&["--action", "delta"], &DAY[..]].concat());
    let (cloned, fresh) = (explained(&place, "hpa-delta-clone")[1], explained(&place, "fresh")[1]);
    assert!(cloned > 0.7 && fresh < 0.5, "{cloned} after cloning, {fresh} without");
}

#[test]
fn a_policy_with_memory_can_be_a_clone() {
    let place = Place::new();
    let memory = "ppo.network.recurrence={ hidden_size = 8, critic = \"separate\" }";
    let flags = ["--clone", "hpa", "--action", "delta", "--set", memory];
    tells(&place.train("run", &[&flags[..], &DAY].concat()), &["clone of hpa: 9", "finished"]);
}

#[test]
fn a_run_starts_from_anothers_policy_also_of_another_application_and_keeps_what_is_frozen() {
    let place = Place::new();
    place.train("first", &[]);
    let flags = ["--from", "first", "--freeze", "actor,critic"];
    let other = SMALL.map(|word| if word == "redis" { "chained_services" } else { word });
    place.fine(&[&other[..], &["second", "--total-timesteps", "640"], &flags, &TARGETS].concat());
    for name in ["actor.0.weight", "critic.0.weight"] {
        let of = |run: &str| tensor(&place, &format!("{run}/policy.safetensors"), name);
        assert_eq!(of("first"), of("second"), "{name}");
    }
    assert!(place.read("first/policy.safetensors") != place.read("second/policy.safetensors"));
}

/// Chained services are four.
const TARGETS: [&str; 2] = ["--set", "inner.target_percent=[80, 80, 80, 80]"];

#[test]
fn a_start_that_cannot_be_is_refused() {
    let place = Place::new();
    let refused = |flags: &[&str]| place.refused(&[&SMALL[..], &["run"], flags].concat());
    tells(&refused(&["--from", "nowhere"]), &["nowhere", "holds no run"]);
    let unknown = place.run(&[&SMALL[..], &["run", "--freeze", "trunk"]].concat());
    assert_eq!(unknown.code, Some(2));
    tells(&unknown.stderr, &["trunk", "encoder"]);
    place.train("narrow", &["--set", "ppo.network.hidden=[8]"]);
    tells(&refused(&["--from", "narrow"]), &["narrow/policy.safetensors", "expected"]);
    let cloning = |setting: &str| refused(&["--clone", "hpa", "--set", &format!("start.cloning.{setting}")]);
    tells(
        &cloning("max_choice_weight=0.5"),
        &["start.cloning.max_choice_weight: is 0.5, expected at least 1"],
    );
    tells(&cloning("n_epochs=0"), &["start.cloning.n_epochs: is 0, expected at least 1"]);
    tells(&cloning("learning_rate=-1.0"), &["start.cloning.learning_rate: is -1.0, expected"]);
    let scaled = ["--clone", "hpa", "--set", "ppo.normalize_observation=true"];
    tells(&refused(&scaled), &["start.clone", "normalize_observation = false"]);
    tells(&refused(&["--clone", "hpaa"]), &["no autoscaler \"hpaa\" (did you mean \"hpa\"?)"]);
}
