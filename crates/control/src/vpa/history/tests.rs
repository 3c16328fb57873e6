use super::*;
use crate::vpa::{ContainerPolicy, Recommender, RecommenderConfig, ScalingMode};

const T0: Stamp = Stamp::from_secs(1_700_006_400);

fn history() -> History {
    History::new(AggregationConfig::default(), ResourcePolicy::default()).unwrap()
}

fn use_for(
    history: &mut History,
    pod: &str,
    labels: &str,
    from: i64,
    minutes: i64,
    millicores: i64,
) -> Stamp {
    let mut at = T0;
    for minute in from..from + minutes {
        at = T0.plus(Span::MINUTE.times(minute));
        history.observe_pod(pod, labels, PodPhase::Running, ["web"], at);
        history.add_sample(pod, "web", Resource::Cpu, Amount(millicores), at, at);
        history.add_sample(pod, "web", Resource::Memory, Amount(400 << 20), at, at);
    }
    at
}

fn target(history: &mut History, now: Stamp) -> i64 {
    let recommender = Recommender::new(RecommenderConfig::default()).unwrap();
    recommender.recommend(history, now).containers[0].target.cpu.unwrap().milli()
}

#[test]
fn a_history_of_one_container_fits_in_thirty_kibibytes() {
    assert!(History::bytes_per_history() < 30 * 1024, "{}", History::bytes_per_history());
}

#[test]
fn what_a_pod_used_outlives_it_and_its_labels() {
    let mut history = history();
    use_for(&mut history, "a", "template=1", 0, 60, 100);
    history.forget_pod("a");
    let now = use_for(&mut history, "b", "template=2", 60, 60, 100);
    assert_eq!((history.aggregates(), history.pods().count()), (2, 1));
    assert_eq!(history.merged(now)["web"].confidence(Span::MINUTE), 119.0);
    assert_eq!(target(&mut history, now), 126);
}

#[test]
fn an_idle_history_expires_after_eight_days() {
    let mut history = history();
    let last = use_for(&mut history, "a", "", 0, 10, 100);
    history.forget_pod("a");
    history.collect_garbage(last.plus(Span::DAY.times(8)).minus(Span::secs(1)), true);
    assert_eq!(history.aggregates(), 1);
    history.collect_garbage(last.plus(Span::DAY.times(8)), true);
    assert_eq!(history.aggregates(), 0);
}

#[test]
fn a_restart_from_checkpoints_gives_the_same_recommendation() {
    let mut before = history();
    let now = use_for(&mut before, "a", "", 0, 3 * 24 * 60, 730);
    let saved = before.checkpoints(now);
    let mut after = history();
    for (container, checkpoint) in &saved {
        after.load(container, checkpoint, now).unwrap();
    }
    assert_eq!(target(&mut after, now), target(&mut before, now));
    let [old, new] =
        [&mut before, &mut after].map(|history| history.merged(now)["web"].confidence(Span::DAY));
    assert_eq!(old, new);
}

#[test]
fn a_checkpoint_of_another_version_is_refused() {
    let mut history = history();
    use_for(&mut history, "a", "", 0, 10, 100);
    let mut checkpoint = history.checkpoints(T0).remove("web").unwrap();
    checkpoint.version = "v2".to_owned();
    assert_eq!(history.load("web", &checkpoint, T0), Err(CheckpointError::Version("v2".to_owned())));
}

#[test]
fn a_container_that_is_off_is_not_recommended_for_and_has_no_share_of_the_minimum() {
    let mut history = history();
    history.observe_pod("a", "", PodPhase::Running, ["web", "sidecar"], T0);
    let recommender = Recommender::new(RecommenderConfig::default()).unwrap();
    let shared = recommender.recommend(&mut history, T0);
    assert_eq!(shared.of("web").unwrap().target.cpu.unwrap().milli(), 12);
    history.set_policy(ResourcePolicy {
        containers: vec![ContainerPolicy {
            container: "sidecar".to_owned(),
            mode: ScalingMode::Off,
            ..ContainerPolicy::default()
        }],
    });
    let alone = recommender.recommend(&mut history, T0);
    assert_eq!(alone.of("web").unwrap().target.cpu.unwrap().milli(), 25);
    assert_eq!(alone.of("sidecar"), None);
}

#[test]
fn samples_of_pods_that_are_not_known_do_not_count() {
    let mut history = history();
    assert!(!history.add_sample("a", "web", Resource::Cpu, Amount(1), T0, T0));
    history.observe_pod("a", "", PodPhase::Running, ["web"], T0);
    assert!(!history.add_sample("a", "other", Resource::Cpu, Amount(1), T0, T0));
    assert!(history.add_sample("a", "web", Resource::Cpu, Amount(1), T0, T0));
    assert!(!history.out_of_memory("b", "web", Amount(1), T0, T0));
}
