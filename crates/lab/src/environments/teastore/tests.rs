use super::{moves::State, table::Column, *};
use crate::config::{Layer, resolve};
use crate::environments::{Actor, evaluate};
use trimtab_rl::{Actions, StepBuffers, VecEnv};

/// The rules over the table that ships, with settings of `[teastore]` in TOML.
fn rules(settings: &str) -> Result<Teastore> {
    let layers = [
        Layer::key("test", &["env"], "teastore"),
        Layer::file("test", &format!("[teastore]\n{settings}")).unwrap(),
    ];
    let config = resolve(&layers)?.teastore;
    Teastore::new(&config, Table::of(&config.table)?)
}

fn env(settings: &str, n_envs: usize) -> TaskEnv<Teastore> {
    TaskEnv::new(rules(settings).unwrap(), n_envs)
}

fn refused(settings: &str) -> String {
    rules(settings).unwrap_err().to_string()
}

fn states() -> impl Iterator<Item = State> {
    (1..=9).flat_map(|r| (1..=9).flat_map(move |c| (1..=9).map(move |h| [r, c, h])))
}

#[test]
fn the_shipped_table_is_whole() {
    let table = Table::shipped();
    assert_eq!(table.report.rows, 21_168);
    assert_eq!(table.report.missing, [("inc_tps", 139), ("out_tps", 160)]);
    let corner = &table.rows[558];
    assert_eq!((corner.replicas, corner.cpu, corner.heap), (9, 1, 1));
    let first = &table.rows[0];
    let values = [831.089, 879.9, 0.2353, 0.8054, 0.0326];
    assert_eq!(first.values[..5], values);
    let rules = rules("").unwrap();
    let measured: Vec<usize> = states().filter_map(|state| Some(rules.mean_reward(state)?.1)).collect();
    assert_eq!((measured.len(), measured.iter().min(), measured.iter().max()), (729, Some(&6), Some(&65)));
    let range = |column: Column| {
        let values = || table.rows.iter().map(|row| row.get(column)).filter(|value| !value.is_nan());
        (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max))
    };
    assert_eq!(range(Column::Received), (1.767, 5419.433));
    assert_eq!(range(Column::Transmitted), (0.0, 7252.733));
    assert_eq!(
        (range(Column::UsedCpu).1, range(Column::UsedMemory).1, range(Column::Cost).1),
        (1.3465, 0.8168, 0.2692)
    );
}

#[test]
fn the_best_configuration_is_one_replica_with_900_millicores_and_500_megabytes() {
    let rules = rules("").unwrap();
    let mut means: Vec<(f64, State, usize)> = states()
        .map(|state| (rules.mean_reward(state).unwrap().0, state, rules.mean_reward(state).unwrap().1))
        .collect();
    means.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown = |at: usize| (format!("{:.5}", means[at].0), means[at].1);
    assert_eq!(shown(0), ("0.41686".to_owned(), [1, 9, 5]));
    assert_eq!(shown(1), ("0.38255".to_owned(), [1, 9, 7]));
    assert_eq!(shown(2), ("0.36017".to_owned(), [1, 9, 8]));
    assert_eq!(means[0].2, 14);
    assert_eq!((format!("{:.4}", means[728].0), means[728].1), ("-0.5803".to_owned(), [9, 6, 6]));
    // Over the rows that have a number of packets sent; the other 160 count 0.
    let rows: f64 = means.iter().map(|(mean, _, rows)| mean * *rows as f64).sum::<f64>() / 21_008.0;
    assert_eq!(format!("{rows:.5}"), "-0.16764");
}

/// Expected return of the best policy for `steps` steps, by configuration: dynamic programming over the mean rewards.
fn optimum(rules: &Teastore, steps: usize) -> Vec<f64> {
    let mean: Vec<f64> = (0..729).map(|cell| rules.mean_reward(rules.grid.state(cell)).unwrap().0).collect();
    let mut value = vec![0.0; 729];
    for _ in 0..steps {
        value = (0..729)
            .map(|cell| {
                let returns =
                    (0..7).map(|action| match rules.grid.target(rules.grid.state(cell), &[action]) {
                        Some(next) => mean[next] + value[next],
                        None => -5.0 + value[cell],
                    });
                returns.fold(f64::NEG_INFINITY, f64::max)
            })
            .collect();
    }
    value
}

#[test]
fn dynamic_programming_gives_the_best_return_of_fifty_steps() {
    let rules = rules("").unwrap();
    let value = optimum(&rules, 50);
    assert_eq!(format!("{:.2}", value[rules.grid.cell([9, 1, 1]).unwrap()]), "13.96");
    let rows = |cell: usize| rules.mean_reward(rules.grid.state(cell)).unwrap().1 as f64;
    let mean = (0..729).map(|cell| rows(cell) * value[cell]).sum::<f64>() / 21_168.0;
    assert_eq!(format!("{mean:.2}"), "17.93");
    assert_eq!(format!("{:.2}", value.iter().copied().fold(0.0, f64::max)), "20.84");
}

#[test]
fn random_actions_return_what_was_published() {
    for (settings, expected) in [("", -47.9), ("start = \"random\"", -30.7)] {
        let mut env = env(settings, 1);
        let found = evaluate(&mut env, Actor::Random, 5, 3000, &mut |_| {}).unwrap().mean_return;
        assert!((found.mean - expected).abs() < 1.5, "{settings}: {found:?}");
        assert!(found.high - found.low < 3.0, "{settings}: {found:?}");
    }
}

#[test]
fn an_action_leads_one_step_along_its_axis_and_its_reward_is_that_of_the_row() {
    let mut env = env("start = \"state(5,500,500)\"", 1);
    let mut out = StepBuffers::new(env.spec());
    let expected = [[5, 5, 5], [6, 5, 5], [4, 5, 5], [5, 6, 5], [5, 4, 5], [5, 5, 6], [5, 5, 4]];
    let table = Table::shipped();
    for (action, state) in expected.into_iter().enumerate() {
        env.reset(3, &mut out.obs);
        env.step(Actions::Discrete(&[action as u32]), &mut out).unwrap();
        for (axis, value) in state.into_iter().enumerate() {
            let flags = &out.obs[9 * axis..9 * (axis + 1)];
            assert_eq!(flags.iter().position(|flag| *flag == 1.0), Some(usize::from(value) - 1));
            assert_eq!(flags.iter().sum::<f32>(), 1.0);
        }
        let fits = |row: &&table::Row| {
            [row.replicas, row.cpu, row.heap] == state
                && row.get(Column::UsedCpu) as f32 == out.obs[27]
                && row.get(Column::UsedMemory) as f32 == out.obs[28]
        };
        let reward = |row: &table::Row| {
            (row.get(Column::Transmitted) / 7252.733 - row.get(Column::Cost) / 0.2692) as f32
        };
        assert!(table.rows.iter().filter(fits).any(|row| (reward(row) - out.rewards[0]).abs() < 1e-6));
    }
}

#[test]
fn a_move_out_of_bounds_is_punished_or_masked() {
    let mut punished = env("penalty = -2.0", 1);
    let mut out = StepBuffers::new(punished.spec());
    punished.reset(1, &mut out.obs);
    let before = out.obs.clone();
    for action in [1, 4, 6] {
        punished.step(Actions::Discrete(&[action]), &mut out).unwrap();
        assert_eq!((&out.obs, out.rewards[0]), (&before, -2.0));
    }
    let mut masked = env("masked = true", 1);
    masked.reset(1, &mut out.obs);
    let mut masks = [true; 7];
    masked.action_masks(&mut masks);
    assert_eq!(masks, [true, false, true, true, false, true, false]);
    assert!(masked.step(Actions::Discrete(&[1]), &mut out).is_err());
}

#[test]
fn absolute_actions_name_every_configuration() {
    use trimtab_rl::ActionSpace::{Discrete, MultiDiscrete};
    let bounds = "replicas = [1, 3]\ncpu = [400, 900]\nheap = [400, 900]\nstart = \"random\"\n";
    let size = |more: &str| rules(&format!("{bounds}{more}")).unwrap().grid.action_space();
    assert_eq!(size("actions = \"index\""), Discrete(108));
    assert_eq!(size("actions = \"index\"\ncool_down = [2, 3, 4, 5]"), Discrete(432));
    assert_eq!(size("actions = \"tuple\""), MultiDiscrete(vec![3, 6, 6]));
    assert_eq!(size("actions = \"delta5\""), Discrete(5));
    let wide = rules(
        "replicas = [1, 6]\ncpu = [400, 900]\nheap = [400, 900]\nactions = \"index\"\nstart = \"random\"",
    );
    assert_eq!(wide.unwrap().grid.action_space(), Discrete(216));
    let chosen = |settings: &str, action: &[u32]| {
        let mut env = env(&format!("{bounds}{settings}"), 1);
        let mut out = StepBuffers::new(env.spec());
        env.reset(1, &mut out.obs);
        env.step(Actions::Discrete(action), &mut out).unwrap();
        env.trace_row()
    };
    // Heap counts fastest, replicas slowest.
    assert_eq!(chosen("actions = \"index\"", &[0])[..5], ["1 400 400", "0", "1", "4", "4"]);
    assert_eq!(chosen("actions = \"index\"", &[37])[2..5], ["2", "4", "5"]);
    assert_eq!(chosen("actions = \"index\"", &[107])[2..5], ["3", "9", "9"]);
    assert_eq!(chosen("actions = \"tuple\"", &[2, 0, 5])[..5], ["3 400 900", "2 0 5", "3", "4", "9"]);
    let waiting = chosen("actions = \"index\"\ncool_down = [3, 4, 5]", &[37 * 3 + 2]);
    assert_eq!(
        (&waiting[2..5], waiting.last().unwrap().as_str()),
        (&["2", "4", "5"].map(str::to_owned)[..], "5")
    );
}

#[test]
fn a_missing_throughput_is_a_reward_of_zero() {
    let table = Table::shipped();
    let rewards = reward::rewards(&table, &Preset::MinMax.weights()).unwrap();
    let missing = table.rows.iter().zip(&rewards).filter(|(row, _)| row.get(Column::Transmitted).is_nan());
    assert!(missing.clone().all(|(_, reward)| *reward == 0.0));
    assert_eq!(missing.count(), 160);
}

#[test]
fn scores_in_deviations_have_mean_zero_and_costs_alone_are_none_to_one() {
    let table = Table::shipped();
    let rewards = |preset: Preset| reward::rewards(&table, &preset.weights()).unwrap();
    let sum: f64 = rewards(Preset::ZScore).iter().sum();
    // The rows without throughput lack their cost too, which is not the mean.
    assert!((sum / 21_168.0).abs() < 0.01, "{sum}");
    assert!(rewards(Preset::CostOnly).iter().all(|reward| (-1.0..=0.0).contains(reward)));
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    for (settings, parts) in [
        ("start = \"row(21168)\"", &["teastore.start", "rows 0 to 21167"][..]),
        ("start = \"state(1,150,100)\"", &["teastore.start", "not measured"]),
        ("start = \"anywhere\"", &["teastore.start", "expected random, row(N) or state("]),
        ("replicas = [0, 9]", &["teastore.replicas", "[0, 9]"]),
        ("cpu = [100, 950]", &["teastore.cpu", "multiple of 100"]),
        ("replicas = [10, 12]", &["no row of the table"]),
        ("max_steps = 0", &["teastore.max_steps"]),
        ("cool_down = [3]", &["teastore.cool_down", "index"]),
        ("masked = true\nactions = \"tuple\"", &["teastore.masked"]),
        ("observation = [\"replicas\", \"speed\"]", &["no observation entry \"speed\""]),
        ("observation = [\"response\"]", &["teastore.observation", "response_time"]),
        ("observation = [\"cpu\", \"cpu\"]", &["twice"]),
        ("reward = \"dashboard\"", &["teastore.reward", "num_request", "unserved"]),
        ("weights = { throughputs = 1.0 }", &["did you mean \"throughput\""]),
        ("table = \"nowhere.csv\"", &["nowhere.csv"]),
    ] {
        let text = refused(settings);
        assert!(parts.iter().all(|part| text.contains(part)), "{settings}: {text}");
    }
}

#[test]
fn presets_are_listed_in_their_order_under_their_names() {
    for (at, (preset, name, terms)) in PRESETS.into_iter().enumerate() {
        assert_eq!(preset as usize, at);
        assert_eq!(toml::Value::try_from(preset).unwrap().as_str(), Some(name));
        assert!(terms.iter().all(|(term, _)| TERMS.iter().any(|known| known.name == *term)), "{name}");
    }
}

#[test]
fn ppo_leaves_the_worst_corner_with_the_settings_that_suit_it() {
    let layers =
        [Layer::key("test", &["env"], "teastore"), Layer::key("test", &["total_timesteps"], "300000")];
    let config = resolve(&layers).unwrap();
    let mut env = build(&config, config.n_envs).unwrap();
    let mut learner = crate::training::new_learner(&config, env.as_ref()).unwrap();
    learner.start(env.as_mut(), config.total_timesteps).unwrap();
    while learner.timesteps() < config.total_timesteps {
        learner.iterate(env.as_mut()).unwrap();
    }
    let (mut env, policies) = (build(&config, 1).unwrap(), learner.policies());
    let found = evaluate(env.as_mut(), Actor::Policies(&policies), 9, 50, &mut |_| {}).unwrap();
    // Doing nothing there returns about -14, random actions -48.
    assert!(found.mean_return.mean > 5.0, "{:?}", found.mean_return);
}

fn simulated(settings: &str) -> Result<Simulated> {
    let layers = [Layer::key("test", &["env"], "teastore_sim"), Layer::file("test", settings)?];
    Simulated::new(&resolve(&layers)?, 1)
}

/// Mean response time in ms of an hour in one configuration, with the load at random.
fn mean_response(start: &str) -> f64 {
    let mut env = simulated(&format!("[teastore]\nmax_steps = 40\nstart = {start:?}")).unwrap();
    let mut out = StepBuffers::new(env.spec());
    env.reset(3, &mut out.obs);
    for _ in 0..40 {
        env.step(Actions::Discrete(&[0]), &mut out).unwrap();
    }
    let column = env.episode_columns().figures.iter().position(|name| *name == "response_time").unwrap();
    env.take_episodes()[0].figures[column]
}

#[test]
fn on_the_simulated_cluster_more_pods_with_more_cpu_answer_sooner() {
    let (small, large) = (mean_response("state(1,400,400)"), mean_response("state(6,900,400)"));
    assert!(small > 2.0 * large, "{small} ms with one small pod, {large} ms with six large ones");
}

#[test]
fn on_the_simulated_cluster_a_move_out_of_the_bounds_changes_nothing_and_costs_the_penalty() {
    let mut env = simulated("").unwrap();
    let mut out = StepBuffers::new(env.spec());
    env.reset(1, &mut out.obs);
    env.step(Actions::Discrete(&[2]), &mut out).unwrap();
    assert_eq!(out.rewards[0], -1.0);
    let trace = env.trace_row();
    assert_eq!(trace[..5], ["DECREASE_REPLICA", "2", "1", "4", "4"]);
}

#[test]
fn rewards_and_starts_that_only_a_table_has_are_refused_on_the_simulated_cluster() {
    for (settings, part) in [
        ("[teastore]\nreward = \"min_max\"", "teastore.reward: "),
        ("[teastore]\nreward = \"cost_only\"", "scaled by a table"),
        ("[teastore]\nobservation = [\"received\"]", "teastore.observation: has \"received\""),
        ("[teastore]\nstart = \"row(558)\"", "expected random or state("),
        ("[teastore]\ntable = \"my.csv\"", "expected none with teastore_sim"),
        ("[teastore_sim]\nmeasure_secs = 1.0", "teastore_sim.measure_secs: is 1, expected 5"),
    ] {
        let error = simulated(settings).map(drop).unwrap_err().to_string();
        assert!(error.contains(part), "{settings}: {error}");
    }
}
