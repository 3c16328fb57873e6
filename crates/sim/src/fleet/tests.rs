use super::*;
use crate::{NodesConfig, ResizeConfig};
use rand::SeedableRng;
use trimtab_model::{Application, Bytes, Millicores};

const ONE: &str = r#"
name = "one"
slo = { p95_ms = 300 }
[[service]]
name = "front"
cpu_request_m = 400
cpu_limit_m = 800
memory_request_mib = 256
memory_limit_mib = 512
cpu_per_call_ms = 9
heap_mib = 200
replicas = { min = 1, max = 8 }
start = { schedule_secs = 2, pull_secs = 5, readiness_secs = 10 }
[[endpoint]]
name = "read"
weight = 1
service = "front"
"#;

struct Bench {
    services: Vec<Service>,
    config: SimConfig,
    fleet: Fleet,
    rng: Pcg64Mcg,
    now: f64,
}

fn bench(method: ResizeMethod, nodes: NodesConfig, replicas: u32) -> Bench {
    let services = Application::from_toml(ONE).unwrap().services;
    let resize = ResizeConfig { method, ..ResizeConfig::default() };
    let config = SimConfig { resize, nodes, start_jitter: 0.0, ..SimConfig::default() };
    let fleet = Fleet::settled(Rules { services: &services, config: &config }, &[replicas], 0.0);
    Bench { services, config, fleet, rng: Pcg64Mcg::seed_from_u64(1), now: 0.0 }
}

impl Bench {
    fn pass(&mut self, seconds: f64) {
        self.now += seconds;
        let rules = Rules { services: &self.services, config: &self.config };
        self.fleet.reconcile(rules, self.now, &mut self.rng);
    }

    fn group(&mut self) -> &mut Group {
        &mut self.fleet.groups[0]
    }

    fn counts(&self) -> (usize, u32, usize) {
        let group = &self.fleet.groups[0];
        let new = group.pods.iter().filter(|pod| pod.allocation == group.template).count();
        (group.pods.len(), group.ready(self.now), new)
    }
}

#[test]
fn a_rolling_restart_keeps_surge_and_availability() {
    let mut bench = bench(ResizeMethod::Rolling, NodesConfig::default(), 8);
    bench.group().template.cpu_limit = Some(Millicores(600));
    bench.pass(0.0);
    // 25 % of 8 either way: two more pods, two fewer that serve.
    assert_eq!(bench.counts(), (8, 6, 2));
    let mut fewest = 8;
    for _ in 0..40 {
        bench.pass(5.0);
        let (have, ready, _) = bench.counts();
        fewest = fewest.min(ready);
        assert!(have <= 10, "{have}");
    }
    assert_eq!((fewest, bench.counts()), (6, (8, 8, 8)));
}

#[test]
fn a_single_replica_is_replaced_only_once_its_successor_serves() {
    let mut bench = bench(ResizeMethod::Rolling, NodesConfig::default(), 1);
    bench.group().template.memory_request = Bytes::mebibytes(300);
    for _ in 0..10 {
        bench.pass(5.0);
        assert!(bench.counts().1 >= 1);
    }
    assert_eq!(bench.counts(), (1, 1, 1));
}

#[test]
fn recreating_leaves_nobody_to_serve_until_the_new_pods_have_started() {
    let mut bench = bench(ResizeMethod::Recreate, NodesConfig::default(), 3);
    bench.group().template.cpu_limit = Some(Millicores(600));
    bench.pass(0.0);
    assert_eq!(bench.counts(), (3, 0, 3));
    bench.pass(17.0);
    assert_eq!(bench.counts(), (3, 3, 3));
}

#[test]
fn a_resize_in_place_restarts_nobody_and_a_heap_restarts_all() {
    let mut bench = bench(ResizeMethod::InPlace, NodesConfig::default(), 4);
    bench.group().template.cpu_limit = Some(Millicores(600));
    bench.pass(0.0);
    assert_eq!(bench.counts(), (4, 4, 0));
    bench.pass(60.0);
    assert_eq!(bench.counts(), (4, 4, 4));
    assert!(bench.fleet.groups[0].pods.iter().all(|pod| pod.running_at < 0.0));
    bench.group().template.heap = Some(Bytes::mebibytes(100));
    (0..20).for_each(|_| bench.pass(5.0));
    assert_eq!(bench.counts(), (4, 4, 4));
    assert!(bench.fleet.groups[0].pods.iter().all(|pod| pod.running_at > 0.0));
}

#[test]
fn a_resize_waits_for_room_on_its_node_and_is_refused_where_none_could_be() {
    let nodes = NodesConfig { count: 1, cpu_m: 1000, ..NodesConfig::default() };
    let mut bench = bench(ResizeMethod::InPlace, nodes, 2);
    bench.group().template.cpu_request = Millicores(700);
    bench.pass(0.0);
    bench.pass(10.0);
    let resizing = bench.fleet.groups[0].resizing().unwrap();
    assert_eq!((resizing.waiting, resizing.deferred, resizing.infeasible), (2, 2, 0));
    bench.group().spec = 1;
    bench.pass(10.0);
    bench.pass(10.0);
    assert_eq!(bench.fleet.groups[0].resizing(), None);
    bench.group().template.cpu_request = Millicores(1100);
    bench.pass(10.0);
    let resizing = bench.fleet.groups[0].resizing().unwrap();
    assert_eq!((resizing.deferred, resizing.infeasible), (0, 1));
}

#[test]
fn a_memory_limit_is_not_lowered_below_what_is_used() {
    let mut bench = bench(ResizeMethod::InPlace, NodesConfig::default(), 1);
    bench.group().working_set = 300.0 * 1_048_576.0;
    bench.group().template.memory_limit = Some(Bytes::mebibytes(256));
    bench.group().template.cpu_limit = Some(Millicores(600));
    bench.pass(0.0);
    bench.pass(60.0);
    let given = bench.fleet.groups[0].given();
    assert_eq!((given.cpu_limit, given.memory_limit), (Some(Millicores(600)), Some(Bytes::mebibytes(512))));
    bench.group().working_set = 200.0 * 1_048_576.0;
    bench.pass(5.0);
    assert_eq!(bench.fleet.groups[0].given().memory_limit, Some(Bytes::mebibytes(256)));
}

#[test]
fn pods_without_room_are_pending_and_start_when_others_go() {
    let nodes = NodesConfig { count: 1, cpu_m: 1000, ..NodesConfig::default() };
    let mut bench = bench(ResizeMethod::Instant, nodes, 3);
    assert_eq!(bench.counts().1, 2);
    bench.pass(100.0);
    assert_eq!(bench.fleet.groups[0].pods.iter().filter(|pod| pod.placed()).count(), 2);
    bench.group().spec = 2;
    bench.pass(0.0);
    // The one without a place goes first.
    assert_eq!(bench.counts(), (2, 2, 2));
}
