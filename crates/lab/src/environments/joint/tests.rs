use super::*;
use crate::config::{Layer, resolve};
use trimtab_rl::{Actions, StepBuffers, VecEnv, env::contract::check_env};

fn config(settings: &str) -> crate::Result<RunConfig> {
    resolve(&[Layer::key("test", &["env"], "joint"), Layer::file("test", settings)?])
}

#[test]
fn one_agent_for_all_services_keeps_the_contract() {
    let config = config("[joint]\nagents = \"one\"\n[episode]\nsteps = 10").unwrap();
    let mut make = || -> Box<dyn VecEnv> { build(&config, 2).unwrap() };
    check_env(&mut make, 40).unwrap();
}

#[test]
fn more_pods_than_the_nodes_have_room_for_wait_and_are_paid_for() {
    let config = config("[sim.nodes]\ncount = 1").unwrap();
    let mut joint = Joint::new(&config, 1).unwrap();
    let mut out = StepBuffers::new(joint.spec());
    joint.reset(1, &mut out.obs);
    let agents = joint.spec().n_agents;
    let mut masks = vec![true; agents * 9];
    let mut first = 0.0;
    for step in 0..12 {
        joint.action_masks(&mut masks);
        let more = |at: usize| if masks[3 * at + 2] { 2 } else { 1 };
        let choices: Vec<u32> = (0..3 * agents).map(more).collect();
        joint.step(Actions::Discrete(&choices), &mut out).unwrap();
        if step == 0 {
            first = out.rewards[0];
        }
    }
    assert!(out.rewards[0] < first, "{} {first}", out.rewards[0]);
    let dim = joint.spec().obs_dim;
    assert!((0..agents).any(|agent| out.obs[agent * dim + 2] > 0.0), "no pod waits");
}

#[test]
fn every_shipped_application_can_be_scaled_jointly() {
    for (name, _) in crate::applications::SHIPPED {
        let config = config(&format!("[joint]\napplication = {name:?}")).unwrap();
        let mut joint = Joint::new(&config, 1).unwrap();
        let mut out = StepBuffers::new(joint.spec());
        joint.reset(1, &mut out.obs);
        let keep = vec![1; joint.spec().rows() * batch::HEADS];
        joint.step(Actions::Discrete(&keep), &mut out).unwrap();
        assert!(out.rewards.iter().all(|reward| *reward < 0.0), "{name}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    for (settings, part) in [
        ("[joint]\napplication = \"teastor\"", "teastore"),
        ("[joint]\nmax_quarters = 2", "joint.max_quarters: is 2, expected 4 to 64"),
        ("[joint]\noom = -1.0", "joint.oom: is -1, expected zero or more"),
    ] {
        let error = config(settings).and_then(|config| Joint::new(&config, 1).map(drop)).unwrap_err();
        assert!(error.to_string().contains(part), "{settings}: {error}");
    }
}
