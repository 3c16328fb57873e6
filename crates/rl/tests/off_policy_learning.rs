//! Learning gates: each off-policy algorithm solves its control task in most of five seeds. The thresholds are RL Zoo's; the
//! networks are small.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it found"
)]

#[path = "../examples/learn_off_policy/tasks.rs"]
mod tasks;

/// Fails unless at least `needed` of five seeds reach `threshold`.
fn learns(name: &str, threshold: f64, needed: usize) {
    let scores: Vec<f64> = (1..=5).map(|seed| tasks::score(name, seed).unwrap().1).collect();
    println!("{name}: {scores:.1?}");
    let reached = scores.iter().filter(|score| **score >= threshold).count();
    assert!(reached >= needed, "{name}: {reached} of 5 seeds reach {threshold}: {scores:?}");
}

#[test]
fn dqn_balances_the_pole() {
    learns("dqn", 475.0, 3);
}

#[test]
fn double_dqn_balances_the_pole() {
    learns("double dqn", 475.0, 3);
}

#[test]
fn dueling_dqn_balances_the_pole() {
    learns("dueling dqn", 475.0, 3);
}

#[test]
fn ddpg_swings_the_pendulum_up() {
    learns("ddpg", -200.0, 4);
}

#[test]
fn td3_swings_the_pendulum_up() {
    learns("td3", -200.0, 4);
}

#[test]
fn sac_swings_the_pendulum_up() {
    learns("sac", -200.0, 4);
}
