//! Rules by hand, both sources, tables and mistakes.

use super::{
    table::{Table, columns, fields},
    *,
};
use crate::{
    config::{Layer, resolve},
    environments::{evaluate, fitted},
};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use trimtab_rl::{Actions, StepBuffers, StepError, VecEnv, evaluation::Actor};

/// Configuration of an environment with some settings.
fn configuration(env: &str, settings: &[(&str, &str)]) -> Result<RunConfig> {
    let mut layers = vec![Layer::key("test", &["env"], env)];
    for (key, value) in settings {
        layers.push(Layer::key("test", &key.split('.').collect::<Vec<_>>(), value));
    }
    resolve(&layers)
}

fn simulated(env: &str, settings: &[(&str, &str)], n_envs: usize) -> Simulated {
    let config = configuration(env, settings).unwrap();
    Simulated::new(&config, &application(&config).unwrap(), rules(&config).unwrap(), n_envs).unwrap()
}

#[test]
fn desired_replicas_follow_the_published_formula_at_its_edges() {
    // Redis: 187 m and 187 MiB, at most 8.
    let redis = |cpu, memory| desired_replicas(cpu, memory, 187, 187, 8);
    assert_eq!(redis(0, 0), 1, "nothing used asks for 0, which becomes 1");
    assert_eq!((redis(187, 0), redis(188, 0)), (1, 2), "ceil(0.7) and ceil(1.4)");
    assert_eq!((redis(0, 188), redis(187, 187)), (1, 1));
    assert_eq!((redis(1107, 16), redis(465, 1), redis(56, 1)), (5, 3, 1), "rows that were published");
    assert_eq!(redis(1_000_000, 1_000_000), 8);
    assert_eq!(redis(u32::MAX, u32::MAX), 8);
    // In floating point 0.7 and 0.3 are not exact; up to the bound both forms agree.
    for a in 0..250u32 {
        for b in 0..250u32 {
            let published = (0.7 * f64::from(a) + 0.3 * f64::from(b)).ceil().clamp(1.0, 8.0);
            assert_eq!(f64::from(desired_replicas(a, b, 1, 1, 8)), published, "{a} {b}");
        }
    }
}

#[test]
fn targets_and_bounds_are_the_published_ones() {
    let rules = rules(&configuration("online_boutique_gym", &[]).unwrap()).unwrap();
    let targets: Vec<(u32, u32)> = rules
        .deployments
        .iter()
        .map(|deployment| (deployment.cpu_target, deployment.memory_target))
        .collect();
    let expected = [
        (75, 165),
        (75, 48),
        (150, 48),
        (150, 135),
        (75, 48),
        (75, 48),
        (75, 48),
        (52, 150),
        (75, 48),
        (75, 48),
        (75, 48),
    ];
    assert_eq!(targets, expected);
    assert!(rules.deployments.iter().all(|deployment| (deployment.min, deployment.max) == (1, 8)));
    assert_eq!(rules.deployments[10].name, "emailservice");
    let published = [("horizontal.action", "move")];
    let spec = super::rules(&configuration("online_boutique_gym", &published).unwrap()).unwrap().spec(1);
    assert_eq!((spec.obs_dim, spec.action_space), (66, trimtab_rl::ActionSpace::MultiDiscrete(vec![11, 15])));
}

#[test]
fn a_move_out_of_bounds_changes_nothing_and_costs_the_penalty() {
    for (goal, penalty) in [("cost", -1.0), ("latency", -250.0), ("multi", -8.0)] {
        let rules =
            rules(&configuration("redis_gym", &[("goal", goal), ("horizontal.action", "move")]).unwrap())
                .unwrap();
        let mut pods = [6, 1];
        assert_eq!((rules.carry_out(&[0, 2], &mut pods), pods), (0, [8, 1]));
        assert_eq!((rules.carry_out(&[0, 1], &mut pods), pods), (1, [8, 1]));
        assert_eq!((rules.carry_out(&[1, 8], &mut pods), pods), (1, [8, 1]));
        assert_eq!((rules.carry_out(&[0, 14], &mut pods), pods), (0, [1, 1]));
        assert_eq!((rules.carry_out(&[1, 0], &mut pods), pods), (0, [1, 1]), "nothing is always allowed");
        assert_eq!(rules.reward(&[Reading::default(); 2], 3.0, 1), penalty);
    }
}

#[test]
fn goals_are_worth_what_they_say() {
    let reward = |goal: &str, latency: f64| {
        let rules = rules(&configuration("redis_gym", &[("goal", goal)]).unwrap()).unwrap();
        let used = |pods, cpu| Reading { pods, cpu, memory: 20, ..Reading::default() };
        // 400 m are ceil(2.1 + 0.3) = 3, 100 m are ceil(0.7 + 0.3) = 1.
        rules.reward(&[used(3, 400), used(2, 100)], latency, 0)
    };
    assert_eq!((reward("cost", 9.0), reward("latency", 9.0), reward("multi", 9.0)), (1.0, -9.0, -2.5));
    assert_eq!(reward("latency", 9000.0), -250.0);
}

#[test]
fn masks_forbid_exactly_what_leads_out() {
    for form in ["pair", "delta"] {
        let settings =
            [("horizontal.action", form), ("horizontal.masked", "true"), ("horizontal.delta", "3")];
        let rules = rules(&configuration("chained_services_gym", &settings).unwrap()).unwrap();
        let pods = [1, 3, 2, 6];
        let mut masks = vec![false; rules.spec(1).action_space.choices()];
        rules.masks(&pods, &mut masks);
        for (choice, allowed) in masks.iter().enumerate() {
            let action = if form == "pair" {
                vec![choice as u32]
            } else {
                let mut action = rules.neutral();
                action[choice / 7] = (choice % 7) as u32;
                action
            };
            assert_eq!(rules.carry_out(&action, &mut pods.clone()) == 0, *allowed, "{form} {choice}");
        }
    }
}

#[test]
fn every_form_and_layout_keeps_the_contract() {
    for settings in [
        vec![
            ("horizontal.action", "pair"),
            ("horizontal.masked", "true"),
            ("horizontal.observation", "graph"),
        ],
        vec![("horizontal.rate_spread", "4.0"), ("horizontal.numbers", "[\"mem_slack\", \"num_pods\"]")],
        vec![("horizontal.masked", "false"), ("horizontal.scale", "published"), ("goal", "cost")],
        vec![("horizontal.action", "move"), ("horizontal.edges", "\"\"")],
        vec![("horizontal.load", "fluctuating"), ("sim.load.kind", "closed"), ("goal", "latency")],
    ] {
        let config = configuration("chained_services_gym", &settings).unwrap();
        let mut make = || -> Box<dyn VecEnv> { (CHAINED_SERVICES.build)(&config, 3).unwrap() };
        trimtab_rl::env::contract::check_env(&mut make, 80).unwrap();
        let description = (CHAINED_SERVICES.describe)(&config).unwrap();
        assert_eq!(description.gaps(make().spec()), [""; 0]);
    }
}

#[test]
fn nodes_of_a_graph_show_what_means_the_same_everywhere_unless_told_otherwise() {
    let graph = ("horizontal.observation", "graph");
    let of =
        |settings: &[(&str, &str)]| rules(&configuration("online_boutique_gym", settings).unwrap()).unwrap();
    assert_eq!((of(&[]).features(), of(&[graph]).features()), (6, numbers::LOCAL.len()));
    assert_eq!(of(&[graph]).spec(1).obs_dim, 11 * 11 + 11 * 11);
    let own = ("horizontal.numbers", "[\"num_pods\", \"traffic_in\"]");
    assert_eq!((of(&[own]).spec(1).obs_dim, of(&[graph, own]).graph()), (22, Some((11, 2))));
}

#[test]
fn changes_are_those_of_the_last_step_and_none_when_an_episode_starts() {
    let numbers = "[\"num_pods\", \"num_pods_change\", \"cpu_demand_change\"]";
    let mut env = simulated("redis_gym", &[("horizontal.numbers", numbers), ("horizontal.steps", "2")], 1);
    let mut out = StepBuffers::new(env.spec());
    env.reset(3, &mut out.obs);
    let first = out.obs.clone();
    assert_eq!([first[1], first[2], first[4], first[5]], [0.0; 4]);
    let wanted: Vec<u32> = first.iter().step_by(3).map(|pods| if *pods > 0.5 { 0 } else { 4 }).collect();
    env.step(Actions::Discrete(&wanted), &mut out).unwrap();
    for (before, after) in first.chunks_exact(3).zip(out.obs.chunks_exact(3)) {
        assert_eq!((after[1], after[1].abs()), (after[0] - before[0], 0.25));
        assert_ne!(after[2], 0.0);
    }
    env.step(Actions::Discrete(&[2, 2]), &mut out).unwrap();
    assert_eq!([out.obs[1], out.obs[2], out.obs[4], out.obs[5]], [0.0; 4], "the next episode's first");
    assert_eq!([out.final_obs[1], out.final_obs[4]], [0.0; 2]);
    assert_ne!(out.final_obs[2], 0.0);
}

#[test]
fn a_trace_is_a_table_that_can_be_replayed() {
    let mut env = simulated("redis_gym", &[("goal", "cost")], 1);
    let mut text = format!("{}\n", env.trace_columns().join(","));
    let mut rows = 0;
    evaluate(&mut env, Actor::Random, 3, 8, &mut |step| {
        text += &step.env.trace_row().join(",");
        text.push('\n');
        rows += 1;
    })
    .unwrap();
    assert_eq!(rows, 200);
    let rules = rules(&configuration("redis_gym", &[("goal", "cost")]).unwrap()).unwrap();
    let table = Table::parse(&text, &rules.deployments).unwrap();
    assert_eq!((table.rows.len(), table.report.out_of_bounds), (200, 0));
    let mut replayed = TaskEnv::new(Recorded::new(rules, table), 1);
    let outcome = evaluate(&mut replayed, Actor::Random, 0, 8, &mut |_| {}).unwrap();
    assert_eq!(outcome.mean_length, 25.0);
}

fn table(rules: &Rules, rows: &[[u32; 2]]) -> Table {
    let mut text = columns(&rules.deployments).join(",");
    for (at, pods) in rows.iter().enumerate() {
        let reading = |pods: u32| Reading { pods, cpu: 100 * (at as u32 + 1), ..Reading::default() };
        let readings = pods.map(reading);
        text.push('\n');
        text += &fields("2000-01-01 00:00:00", &rules.deployments, &readings, 1.0).join(",");
    }
    Table::parse(&text, &rules.deployments).unwrap()
}

#[test]
fn a_replayed_row_has_all_replicas_or_is_the_nearest() {
    let rules = rules(&configuration("redis_gym", &[]).unwrap()).unwrap();
    let table = table(&rules, &[[1, 1], [5, 5], [5, 5], [8, 4], [5, 8]]);
    let recorded = Recorded::new(rules, table);
    let mut rng = Pcg64::seed_from_u64(0);
    let mut counts = [0; 5];
    for _ in 0..400 {
        let (row, exact) = recorded.nearest(&[5, 5], &[5, 4], &mut rng);
        assert!(exact);
        counts[row as usize] += 1;
    }
    assert!(counts[1] > 150 && counts[2] > 150 && counts[1] + counts[2] == 400, "{counts:?}");
    // The first one was acted on: its replicas count more than the other's.
    assert_eq!(recorded.nearest(&[8, 8], &[5, 8], &mut rng), (3, false));
    assert_eq!(recorded.nearest(&[8, 8], &[8, 4], &mut rng), (4, false));
}

#[test]
fn tables_with_mistakes_are_refused_by_name_and_rows_are_counted() {
    let rules = rules(&configuration("redis_gym", &[]).unwrap()).unwrap();
    let header = columns(&rules.deployments);
    let parse = |text: &str| Table::parse(text, &rules.deployments);
    let line = |pods: &str, cpu: &str| format!("d,{pods},1,{cpu},1,1,1,0.1,1,1,5,1,1,1,0.1\n");
    let text = format!(
        "{}\n{}{}{}{}",
        header.join(","),
        line("2", "5"),
        line("9", "5"),
        line("2", "nan"),
        line("2", "")
    );
    let found = parse(&text).unwrap();
    assert_eq!(
        found.report.notes(),
        ["1 rows", "2 rows left out: a number is missing", "1 rows left out: replicas are out of the bounds"]
    );
    let without = header.join(",").replace("redis-leader_cpu_usage", "redis-leader_cpu");
    let message = parse(&format!("{without}\n{}", line("2", "5"))).unwrap_err();
    assert!(
        message.contains("no column \"redis-leader_cpu_usage\" (did you mean \"redis-leader_cpu\"?)"),
        "{message}"
    );
    let twice = header.join(",").replace("redis-follower_num_pods", "redis-leader_num_pods");
    assert!(parse(&twice).unwrap_err().contains("\"redis-leader_num_pods\" twice"));
    assert!(parse("2025-01-01 00:00:00,1,2\n").unwrap_err().contains("no header and 3 columns, expected 15"));
    assert!(parse("").unwrap_err().contains("empty"));
    assert!(
        parse(&format!("{}\n{}", header.join(","), line("9", "5")))
            .unwrap_err()
            .contains("1 with replicas out of the bounds")
    );
    // The originals write no header.
    assert_eq!(
        parse(&line("2", "5").replacen('d', "2025-11-08 15:13:28", 1)).unwrap().rows[0].readings[0].cpu,
        5
    );
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let wrong = |settings: &[(&str, &str)]| {
        let config = configuration("redis_gym", settings).unwrap();
        (REDIS.build)(&config, 1).err().unwrap().to_string()
    };
    assert_eq!(wrong(&[("horizontal.delta", "9")]), "horizontal.delta: is 9, expected 1 to 7");
    assert!(wrong(&[("horizontal.interval_secs", "7")]).contains("a multiple of sim.substep_secs"));
    assert!(wrong(&[("horizontal.weights.pod", "1.0")]).contains("did you mean \"pods\""));
    assert!(wrong(&[("horizontal.application", "rediss")]).contains("did you mean \"redis\""));
    assert!(wrong(&[("horizontal.table", "nowhere.csv")]).contains("nowhere.csv"));
    let twice = "[\"num_pods\", \"num_pods\"]";
    assert_eq!(wrong(&[("horizontal.numbers", twice)]), "horizontal.numbers: has NumPods twice");
    assert!(wrong(&[("horizontal.rate_spread", "0.5")]).contains("is 0.5, expected a number of at least 1"));
    let number = configuration("redis_gym", &[("horizontal.numbers", "[\"pods\"]")]).unwrap_err().to_string();
    assert!(number.contains("unknown variant") && number.contains("num_pods"), "{number}");
    let unknown = configuration("redis_gym", &[("horizontal.lode", "1")]).unwrap_err().to_string();
    assert!(unknown.contains("did you mean \"load\""), "{unknown}");
}

#[test]
fn an_action_outside_its_space_is_an_error_and_not_clipped() {
    let mut env = simulated("redis_gym", &[("horizontal.action", "move")], 2);
    let mut out = StepBuffers::new(env.spec());
    env.reset(0, &mut out.obs);
    let error = env.step(Actions::Discrete(&[0, 0, 2, 0]), &mut out).unwrap_err();
    assert!(matches!(error, StepError::OutsideSpace { row: 1, action: 2.0, .. }), "{error}");
}

#[test]
fn following_the_desired_replicas_beats_random_moves() {
    for env in ["redis_gym", "online_boutique_gym", "chained_services_gym"] {
        let mut env = simulated(env, &[("goal", "cost")], 16);
        let desired = baseline::follow(&mut env, &baseline::Rule::Desired, 1, 2).unwrap();
        let random = evaluate(&mut env, Actor::Random, 1, 2, &mut |_| {}).unwrap();
        assert!(desired.mean_return.low > random.mean_return.high + 5.0, "{desired:?} {random:?}");
    }
}

#[test]
fn the_bound_of_multi_binds() {
    // Fewest replicas break it and most keep it.
    for name in ["redis_gym", "online_boutique_gym", "chained_services_gym"] {
        let mut env = simulated(name, &[("goal", "multi")], 16);
        let of = |pick: &dyn Fn(&Deployment) -> u32, env: &Simulated| -> Vec<u32> {
            env.rules().deployments.iter().map(pick).collect()
        };
        let (fewest, most) = (of(&|deployment| deployment.min, &env), of(&|deployment| deployment.max, &env));
        let mut signal = |allocation| {
            baseline::follow(&mut env, &baseline::Rule::Allocation(allocation), 1, 2).unwrap().signal
        };
        let (few, many) = (signal(fewest), signal(most));
        assert!(few > 1.2 && many < 0.95, "{name}: {few} {many}");
    }
}

#[test]
fn a_policy_of_graphs_acts_where_it_was_never_trained() {
    let of = |settings: &[(&str, &str)]| {
        let keys = settings
            .iter()
            .map(|(key, value)| Layer::key("test", &key.split('.').collect::<Vec<_>>(), value));
        let layers: Vec<Layer> =
            std::iter::once(Layer::file("test", GRAPH_POLICY).unwrap()).chain(keys).collect();
        resolve(&layers).unwrap()
    };
    let config = of(&[
        ("env", "online_boutique_gym"),
        ("goal", "cost"),
        ("total_timesteps", "100000"),
        ("horizontal.rate_spread", "4.0"),
    ]);
    let mut env = (ONLINE_BOUTIQUE.build)(&config, config.n_envs).unwrap();
    let mut learner = crate::training::new_learner(&config, env.as_ref()).unwrap();
    learner.start(env.as_mut(), config.total_timesteps).unwrap();
    while learner.timesteps() < config.total_timesteps {
        learner.iterate(env.as_mut()).unwrap();
    }
    let other =
        of(&[("env", "horizontal"), ("goal", "cost"), ("horizontal.application", "\"generated-9-3\"")]);
    let mut unseen = (ANY.build)(&other, 16).unwrap();
    let policies = fitted(learner.policies(), unseen.as_ref()).unwrap();
    let found = evaluate(unseen.as_mut(), Actor::Policies(&policies), 9, 2, &mut |_| {}).unwrap();
    let mut simulated =
        Simulated::new(&other, &application(&other).unwrap(), rules(&other).unwrap(), 16).unwrap();
    let desired = baseline::follow(&mut simulated, &baseline::Rule::Desired, 9, 2).unwrap();
    let random = evaluate(&mut simulated, Actor::Random, 9, 2, &mut |_| {}).unwrap();
    assert!(found.mean_return.low > random.mean_return.high + 50.0, "{:?}", found.mean_return);
    assert!(found.mean_return.low > desired.mean_return.high, "{:?} {desired:?}", found.mean_return);
}
