use super::*;
use crate::vpa::{ContainerRecommendation, GroupKind};
use trimtab_model::PodPhase;

#[derive(Default)]
struct Log {
    calls: Vec<String>,
    refuse_resize: bool,
}

impl Actuator for Log {
    fn resize(&mut self, pod: &Pod, containers: &[ContainerResources]) -> Result<(), ResizeError> {
        let cpu = containers[0].requests.cpu.unwrap_or_default().milli();
        self.calls.push(format!("resize {} to {cpu}m", pod.name));
        if self.refuse_resize { Err(ResizeError::Refused) } else { Ok(()) }
    }

    fn evict(&mut self, pod: &Pod) -> Result<(), EvictionRefused> {
        self.calls.push(format!("evict {}", pod.name));
        Ok(())
    }
}

fn pods(requests: &[i64]) -> Vec<Pod> {
    let pod = |(index, &millicores): (usize, &i64)| Pod {
        name: format!("p{index}"),
        group: Some(0),
        phase: PodPhase::Running,
        started: Some(Stamp::from_secs(0)),
        containers: vec![Container {
            name: "a".to_owned(),
            spec: ContainerResources {
                requests: ResourceList::of(millicores, 1 << 30),
                ..ContainerResources::default()
            },
            ..Container::default()
        }],
        ..Pod::default()
    };
    requests.iter().enumerate().map(pod).collect()
}

fn run(mode: UpdateMode, requests: &[i64], log: &mut Log) {
    let pods = pods(requests);
    let groups =
        [Group { kind: GroupKind::ReplicaSet, name: "web".to_owned(), replicas: requests.len() as u32 }];
    let target = ResourceList::of(200, 1 << 30);
    let entry = ContainerRecommendation { container: "a".to_owned(), target, ..Default::default() };
    let seen = Situation {
        update: Some(&UpdatePolicy { mode, ..UpdatePolicy::default() }),
        resources: None,
        recommendation: Some(&Recommendation { containers: vec![entry] }),
        limit_ranges: &LimitRanges::default(),
        groups: &groups,
        pods: &pods,
    };
    Updater::new(UpdaterConfig::default()).run_once(Stamp::from_secs(86_400), &seen, log);
}

#[test]
fn the_largest_scale_up_is_evicted_first_and_the_budget_stops_the_rest() {
    let mut log = Log::default();
    run(UpdateMode::Recreate, &[400, 150, 100], &mut log);
    assert_eq!(log.calls, ["evict p2"]);
    let mut log = Log::default();
    run(UpdateMode::Recreate, &[400, 150, 100, 200, 300], &mut log);
    assert_eq!(log.calls, ["evict p2", "evict p1"]);
}

#[test]
fn pods_are_resized_in_place_and_evicted_where_that_is_refused() {
    let mut log = Log::default();
    run(UpdateMode::InPlaceOrRecreate, &[100, 100, 100], &mut log);
    assert_eq!(log.calls, ["resize p0 to 200m"]);
    let mut log = Log { refuse_resize: true, ..Log::default() };
    run(UpdateMode::InPlaceOrRecreate, &[100, 200, 200], &mut log);
    assert_eq!(log.calls, ["resize p0 to 200m", "evict p0"]);
    let mut log = Log { refuse_resize: true, ..Log::default() };
    run(UpdateMode::InPlace, &[100, 200, 200], &mut log);
    assert_eq!(log.calls, ["resize p0 to 200m"]);
}

#[test]
fn modes_that_only_recommend_touch_nothing() {
    for mode in [UpdateMode::Off, UpdateMode::Initial] {
        let mut log = Log::default();
        run(mode, &[100, 100, 100], &mut log);
        assert_eq!(log.calls, [""; 0]);
    }
}
