use super::*;
use crate::config::{Layer, resolve};
use crate::environments::Actor;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use trimtab_rl::{Actions, Presence, StepBuffers, VecEnv, env::contract::check_env};

fn config(settings: &str) -> crate::Result<RunConfig> {
    let text = format!("[localization]\n{settings}");
    resolve(&[Layer::key("test", &["env"], "localization"), Layer::file("test", &text)?])
}

fn rules(settings: &str) -> Localization {
    Localization::new(&config(settings).unwrap().localization).unwrap()
}

fn moment(rules: &Localization) -> (Moment, Pcg64) {
    let mut rng = Pcg64::seed_from_u64(1);
    (rules.start(&mut rng), rng)
}

#[test]
fn an_agent_sees_the_published_42_inputs_in_order() {
    let rules = rules("priorities = [0.1, 0.5, 1.0]");
    assert_eq!((rules.obs_dim(), rules.seen().len()), (42, 7));
    let (mut moment, mut rng) = moment(&rules);
    let row = |moment: &Moment, agent: usize| {
        let percent = |agent: usize| moment.percent[agent] / 100.0;
        let (one, two) = ((agent + 1) % 3, (agent + 2) % 3);
        [
            moment.in_force[agent] / 1000.0,
            moment.used[agent] / 1000.0,
            moment.available() as f64 / 1000.0,
            percent(agent),
            0.5 * (percent(one) + percent(two)),
            moment.priorities[agent],
            0.5 * (moment.priorities[one] + moment.priorities[two]),
        ]
        .map(|number| number as f32)
    };
    // Before the first step all six are the same; the oldest comes first.
    let mut expected: Vec<[[f32; 7]; 6]> = (0..3).map(|agent| [row(&moment, agent); 6]).collect();
    let mut obs = vec![0.0; 126];
    for step in 0..9 {
        rules.observe(&moment, &mut obs);
        let flat: Vec<f32> = expected.iter().flatten().flatten().copied().collect();
        assert_eq!(obs, flat, "step {step}");
        rules.act(&mut moment, &[0.6, -0.4, 0.1], &mut rng, &mut [0.0; 3]);
        rules.turn_page(&mut moment, &mut rng);
        for (agent, steps) in expected.iter_mut().enumerate() {
            steps.rotate_left(1);
            steps[5] = row(&moment, agent);
        }
    }
}

#[test]
fn an_independent_agent_sees_30_inputs() {
    let rules = rules("independent_state = true");
    assert_eq!(rules.obs_dim(), 30);
    let names: Vec<&str> = rules.seen().iter().map(|place| FEATURES[*place].0).collect();
    assert_eq!(names, ["limit", "usage", "available", "percent", "priority"]);
}

#[test]
fn actions_ask_for_limits() {
    let wish = |settings: &str, action: f64| {
        let rules = rules(settings);
        rules.config().actions.wish(action, 300, 1000, rules.config())
    };
    assert_eq!([0.0, 1.0, 2.0].map(|a| wish("actions = \"discrete3\"", a)), [275, 300, 325]);
    assert_eq!(
        [0.0, 1.0, 2.0, 3.0, 4.0].map(|a| wish("actions = \"discrete5\"", a)),
        [250, 275, 300, 325, 350]
    );
    assert_eq!([0.0, 4.0, 5.0, 10.0].map(|a| wish("actions = \"discrete11\"", a)), [250, 290, 300, 350]);
    assert_eq!([-1.0, 0.0, 0.33].map(|a| wish("actions = \"continuous\"", a)), [250, 300, 317]);
    assert_eq!([-1.0, 0.0, 1.0].map(|a| wish("actions = \"instant\"", a)), [50, 500, 1000]);
    assert_eq!(wish("actions = \"continuous\"\nscale_action = 1000", -1.0), 50);
}

#[test]
fn nobody_is_given_more_than_the_budget_has() {
    let settle = |turns: Turns, mut limits: Vec<u32>, wishes: &[u32]| {
        turns.settle(1000, &mut limits, wishes);
        limits
    };
    // 100 millicores are left, and one agent gives 50 back.
    let (limits, wishes) = (vec![300, 300, 300], [400, 500, 250]);
    assert_eq!(settle(Turns::Sequential, limits.clone(), &wishes), [400, 300, 250]);
    assert_eq!(settle(Turns::Simultaneous, limits.clone(), &wishes), [350, 400, 250]);
    assert_eq!(settle(Turns::Simultaneous, limits.clone(), &[310, 320, 300]), [310, 320, 300]);
    // The budget is overdrawn: nobody gets more, and nobody has to give.
    assert_eq!(settle(Turns::Sequential, vec![600, 500], &[650, 450]), [600, 450]);
    assert_eq!(settle(Turns::Simultaneous, vec![600, 500], &[650, 490]), [600, 490]);
}

#[test]
fn reward_functions_are_the_published_ones() {
    let own = |function: u8, before: f64, percent: f64| {
        let config = LocalizationConfig { reward_function: function, ..LocalizationConfig::default() };
        super::reward::own(&config, &Reading { percent, before, ..Reading::default() })
    };
    assert_eq!([30.0, 45.0, 60.0, 60.1].map(|percent| own(2, 0.0, percent)), [2.0, 2.5, 3.0, 0.0]);
    assert_eq!([(20.0, 25.0), (20.0, 29.0), (25.0, 5.0)].map(|(a, b)| own(2, a, b)), [0.5, 0.9, -1.0]);
    assert_eq!([20.0, 30.0, 45.0].map(|percent| own(1, 0.0, percent)), [-1.0, -1.0, 0.0]);
    assert_eq!((own(3, 0.0, 45.0), own(4, 0.0, 45.0), own(5, 20.0, 25.0)), (2.5, 0.0, 0.5));
    let shared = |function: u8| {
        let config = LocalizationConfig { reward_function: function, ..LocalizationConfig::default() };
        super::reward::shared(&config, [(0.1, 1.0), (0.2, 0.5)].into_iter())
    };
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    // 1 − 5 × (2 × 0.1 + 1.5 × 0.2 − 0.01)
    close(shared(1), -1.45);
    close(shared(2), -1.45);
    close(shared(3), -0.5);
    close(shared(4), -1.5);
    close(shared(5), -0.5);
}

#[test]
fn rewards_are_of_the_second_after_the_action() {
    let rules = rules("random_rps = false\nstart = \"min\"\n[localization.pod.resize]\nmethod = \"instant\"");
    let (mut moment, mut rng) = moment(&rules);
    let mut rewards = [0.0; 3];
    let mut kept = moment.clone();
    rules.act(&mut kept, &[0.0; 3], &mut rng.clone(), &mut rewards);
    let mut raised = [0.0; 3];
    rules.act(&mut moment, &[1.0; 3], &mut rng, &mut raised);
    assert_eq!(moment.limits, [100; 3]);
    assert!(moment.response[0] < kept.response[0]);
    assert!(raised[0] > rewards[0], "{raised:?} {rewards:?}");
}

#[test]
fn every_kind_of_action_keeps_the_contract_with_agents_that_come_and_go() {
    for actions in ["discrete3", "discrete5", "discrete11", "continuous", "instant"] {
        let settings = format!(
            "actions = \"{actions}\"\nrandom_roster = true\nvariable_resources = true\nrandom_priorities = true\nsteps = 12"
        );
        let config = config(&settings).unwrap();
        for build in [REGISTERED.build, crate::compat::localization::REGISTERED.build] {
            let mut make = || -> Box<dyn VecEnv> { build(&config, 2).unwrap() };
            check_env(&mut make, 60).unwrap_or_else(|broken| panic!("{actions}: {broken}"));
        }
        let mut env = build(&config, 1).unwrap();
        super::super::evaluate(env.as_mut(), Actor::Random, 1, 3, &mut |_| {}).unwrap();
    }
}

#[test]
fn an_agent_that_leaves_gives_its_cpu_back_and_one_that_joins_begins_with_the_least() {
    let settings = "random_rps = false\nsteps = 6\n[[localization.phases]]\nsteps = 2\nrps = [20, 20, 20]\npresent = [0, 1]\n\
                    [[localization.phases]]\nsteps = 4\nrps = [20, 20, 20]\npresent = [1, 2]";
    let config = config(settings).unwrap();
    let mut env = (REGISTERED.build)(&config, 1).unwrap();
    assert!(env.spec().varying);
    let mut out = StepBuffers::new(env.spec());
    let mut presence = [Presence::Acting; 3];
    env.reset(1, &mut out.obs);
    env.presence(&mut presence);
    assert_eq!(presence, [Presence::Acting, Presence::Acting, Presence::Absent]);
    for _ in 0..2 {
        env.step(Actions::Continuous(&[0.5, 0.5, 0.0]), &mut out).unwrap();
        assert_eq!(out.rewards[2], 0.0);
    }
    env.presence(&mut presence);
    assert_eq!(presence, [Presence::Absent, Presence::Acting, Presence::Acting]);
    assert!(out.obs[..42].iter().all(|number| *number == 0.0));
    // All six steps of who has just joined are the present one.
    let joined = &out.obs[84..];
    assert!((0..6).all(|step| joined[7 * step..7 * step + 7] == joined[..7]));
    assert_eq!(joined[0], 0.05);
}

#[test]
fn the_published_names_stand_for_settings_that_work() {
    for published in published::PUBLISHED {
        let config = resolve(&published::layers(published.name).unwrap()).unwrap();
        crate::training::check(&config).unwrap_or_else(|error| panic!("{}: {error}", published.name));
        let instant = published.name.starts_with('i');
        assert_eq!(config.localization.actions == ActionKind::Instant, instant, "{}", published.name);
    }
    let text = published::layers("mdqnn").unwrap_err().to_string();
    assert!(text.contains("did you mean \"mdqn\""), "{text}");
}

#[test]
fn the_threshold_rule_follows_use_and_takes_back_only_what_it_gave() {
    use super::baselines::{Baseline, Player};
    let rules = rules("start = \"equal\"\nresources = 990");
    let (mut moment, _) = moment(&rules);
    let mut limits = [0; 3];
    let mut decide = |player: &mut Player, moment: &Moment| {
        player.decide(moment, rules.config(), &mut limits);
        limits
    };
    let mut player = Player::new(Baseline::Threshold, 3);
    moment.limits = vec![300, 300, 300];
    moment.percent = vec![61.0, 20.0, 61.0];
    // 90 are left: two increases; the second service was never raised.
    assert_eq!(decide(&mut player, &moment), [325, 300, 325]);
    moment.limits = vec![400, 300, 275];
    // 15 are left, which is less than a step.
    assert_eq!(decide(&mut player, &moment), [400, 300, 275]);
    moment.percent = vec![29.0, 29.0, 40.0];
    assert_eq!(decide(&mut player, &moment), [375, 300, 275]);
    moment.limits = vec![60, 300, 275];
    assert_eq!(decide(&mut player, &moment), [50, 300, 275]);
}

#[test]
fn rules_are_compared_in_every_published_evaluation() {
    let base = LocalizationConfig::default();
    let contenders: Vec<_> =
        ["threshold", "hpa", "equal"].map(|name| comparison::Contender::load(name).unwrap()).to_vec();
    for scenario in &scenario::SCENARIOS {
        let found = comparison::compare(scenario, &base, &contenders, 2).unwrap();
        let threshold = &found.contenders[0];
        assert_eq!(threshold.improvement_percent.mean, 0.0, "{}", scenario.name);
        assert!(found.contenders.iter().all(|figures| figures.response_secs.mean > 0.0));
        assert!(threshold.limit_millicores.high <= 1000.0);
    }
    assert!(comparison::Contender::load("nowhere").is_err());
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    for (settings, parts) in [
        ("agents = 0", &["localization.agents", "at least 1"][..]),
        ("resources = 100", &["localization.resources", "at least 150"]),
        ("reward_function = 6", &["localization.reward_function", "1 to 5"]),
        ("priorities = [1.0]", &["localization.priorities", "each of 3 agents"]),
        ("lower_cpu = 70", &["localization.lower_cpu", "less than upper_cpu"]),
        ("min_rps = 50", &["localization.min_rps", "0 to rps"]),
        (
            "random_rps = false\n[[localization.phases]]\nsteps = 5\nrps = [1.0]",
            &["phases[0].rps", "each of 3"],
        ),
        ("[localization.pod]\nworkers = 0", &["pod.workers", "at least 1"]),
    ] {
        let error = config(settings).and_then(|config| Localization::new(&config.localization).map(drop));
        let text = error.unwrap_err().to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{settings}: {text}");
    }
}
