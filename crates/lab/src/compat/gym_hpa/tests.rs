//! The original's selection of rows, by hand, and its numbers, where the user has its tables.

use super::*;

fn deployments() -> Vec<Deployment> {
    let deployment = |name: &str| Deployment {
        name: name.to_owned(),
        min: 1,
        max: 3,
        cpu_target: 187,
        memory_target: 187,
    };
    vec![deployment("redis-leader"), deployment("redis-follower")]
}

/// A table of replicas of leader and follower; CPU tells the row.
fn replayed(goal: Goal, rows: &[[u32; 2]]) -> Result<Replay, String> {
    let row = |(at, pods): (usize, &[u32; 2])| Row {
        readings: pods
            .iter()
            .map(|pods| Reading { pods: *pods, cpu: at as u32, ..Reading::default() })
            .collect(),
        latency: 100.0 * at as f64,
    };
    let table = Table { rows: rows.iter().enumerate().map(row).collect(), report: Report::default() };
    Replay::new(goal, 250.0, deployments(), table)
}

const ROWS: [[u32; 2]; 6] = [[1, 2], [3, 1], [2, 3], [1, 3], [1, 2], [2, 2]];

#[test]
fn only_the_last_deployment_conditions_a_row() {
    let replay = replayed(Goal::Cost, &ROWS).unwrap();
    assert_eq!(replay.selected(2, 0), [5], "two replicas, and two in the row before");
    assert_eq!(replay.selected(2, -1), [4]);
    assert_eq!(replay.selected(3, 2), [2]);
    assert_eq!(
        replay.selected(2, 1),
        [0, 4, 5],
        "no row has both, so the change is left out; the first row has none"
    );
    assert_eq!(replay.selected(1, 5), [1]);
}

#[test]
fn the_first_row_is_drawn_twice_and_replaces_the_action() {
    let replay = replayed(Goal::Latency, &ROWS).unwrap();
    let mut rng = Pcg64::seed_from_u64(5);
    let (mut firsts, mut differ) = (std::collections::BTreeSet::new(), false);
    for _ in 0..60 {
        let mut moment = replay.start(&mut rng);
        assert!(moment.readings.iter().all(|reading| reading.pods == 1));
        let step = |moment: &mut Moment, action: [u32; 2], rng: &mut Pcg64| {
            replay.step(moment, &action, rng, Signals { rewards: &mut [0.0], costs: &mut [] })
        };
        step(&mut moment, [0, 0], &mut rng);
        let pods = |moment: &Moment| [moment.readings[0].pods, moment.readings[1].pods];
        let first = pods(&moment);
        assert!(ROWS.contains(&first));
        firsts.insert(first);
        // Nothing is done, and yet the second call starts from another row's replicas.
        step(&mut moment, [0, 0], &mut rng);
        differ |= pods(&moment) != first;
        // From here on replicas are the agent's own.
        let second = pods(&moment);
        step(&mut moment, [0, 0], &mut rng);
        assert_eq!(pods(&moment), second);
    }
    assert!(firsts.len() > 3 && differ);
}

#[test]
fn a_change_stays_until_the_deployment_is_moved_again() {
    let replay = replayed(Goal::Cost, &ROWS).unwrap();
    let mut moment = Moment {
        step: 5,
        readings: vec![Reading { pods: 1, ..Reading::default() }; 2],
        before: vec![1, 1],
        desired: vec![1, 1],
        latency: 0.0,
        invalid: false,
    };
    let mut rng = Pcg64::seed_from_u64(0);
    let mut step = |moment: &mut Moment, action: [u32; 2]| {
        let mut rewards = [0.0];
        replay.step(moment, &action, &mut rng, Signals { rewards: &mut rewards, costs: &mut [] });
        rewards[0]
    };
    step(&mut moment, [1, 2]);
    assert_eq!((moment.readings[1].pods, moment.before[1], moment.latency), (3, 1, 200.0));
    step(&mut moment, [0, 1]);
    assert_eq!((moment.before[1], moment.latency), (1, 200.0), "still the row that rose by two");
    assert_eq!(step(&mut moment, [1, 1]), -1.0, "four are too many");
    assert_eq!((moment.readings[1].pods, moment.before[1]), (3, 1));
}

#[test]
fn goals_are_the_published_ones() {
    for (goal, valid, invalid) in
        [(Goal::Cost, 1.0, -1.0), (Goal::Latency, -250.0, -250.0), (Goal::Multi, 0.0, 0.0)]
    {
        let replay = replayed(goal, &ROWS).unwrap();
        let mut moment = Moment {
            step: 3,
            readings: vec![
                Reading { pods: 1, ..Reading::default() },
                Reading { pods: 3, ..Reading::default() },
            ],
            before: vec![1, 3],
            desired: vec![1, 1],
            latency: 9000.0,
            invalid: false,
        };
        assert_eq!(replay.reward(&moment), valid);
        moment.invalid = true;
        assert_eq!(replay.reward(&moment), invalid);
    }
}

#[test]
fn a_table_that_the_original_would_fail_on_is_refused() {
    let message =
        replayed(Goal::Cost, &ROWS[..4]).map(|_| ()).and(replayed(Goal::Cost, &[[1, 1], [1, 3]]).map(|_| ()));
    assert!(
        message.unwrap_err().contains("no row with 2 replicas of redis-follower, where the original fails")
    );
}
