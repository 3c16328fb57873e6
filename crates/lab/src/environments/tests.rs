use super::*;
use crate::config::{Layer, resolve};
use trimtab_rl::env::contract::check_env;

fn configuration(registered: &Registered) -> RunConfig {
    resolve(&[Layer::key("test", &["env"], registered.name)]).unwrap()
}

#[test]
fn every_registered_environment_keeps_the_contract() {
    for registered in ALL {
        let config = configuration(registered);
        registered.check_settings(&config).unwrap();
        let mut make = || -> Box<dyn VecEnv> { (registered.build)(&config, 3).unwrap() };
        check_env(&mut make, 300).unwrap_or_else(|broken| panic!("{}: {broken}", registered.name));
    }
}

#[test]
fn every_registered_environment_is_described_whole() {
    for registered in ALL {
        let config = configuration(registered);
        let env = (registered.build)(&config, 1).unwrap();
        let description = (registered.describe)(&config).unwrap();
        assert_eq!(description.gaps(env.spec()), [""; 0], "{}", registered.name);
        let page = describe(&config).unwrap();
        assert!(page.starts_with(&format!("## `{}`\n", registered.name)), "{page}");
    }
}

#[test]
fn traces_and_episodes_have_a_field_for_every_column() {
    for registered in ALL {
        let mut env = (registered.build)(&configuration(registered), 1).unwrap();
        let mut rows = Vec::new();
        evaluate(env.as_mut(), trimtab_rl::evaluation::Actor::Random, 1, 1, &mut |step| {
            rows.push(step.env.trace_row());
        })
        .unwrap();
        let columns = env.trace_columns().len();
        assert!(rows.iter().all(|row| row.len() == columns), "{}", registered.name);
        let figures = env.episode_columns().figures.len();
        let episodes = env.take_episodes();
        assert!(!episodes.is_empty() && episodes.iter().all(|episode| episode.figures.len() == figures));
    }
}

#[test]
fn unknown_names_are_told_the_nearest() {
    let text = check_name("teastor").unwrap_err().to_string();
    assert!(text.contains("no environment \"teastor\" (did you mean \"teastore\"?)"), "{text}");
    assert!(text.contains("online_boutique"), "{text}");
}

#[test]
fn settings_of_applications_are_refused_by_name() {
    let config = RunConfig { delta: 2, env: "teastore".to_owned(), ..RunConfig::default() };
    let text = teastore::REGISTERED.check_settings(&config).unwrap_err().to_string();
    assert_eq!(text, "delta: is a setting of applications, which environment teastore does not have");
}
