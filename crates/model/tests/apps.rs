//! The applications that ship in `apps/` against the figures that were published about them.
//!
//! Left out: latency under load, which takes a simulator.

use trimtab_model::application::Application;

const NAMES: [&str; 4] = ["chained_services", "online_boutique", "redis", "teastore"];

/// Calls per HTTP request: a Monte-Carlo of the public load generator against the public handlers.
const BOUTIQUE_VISITS: [(&str, f64); 11] = [
    ("recommendationservice", 0.712),
    ("productcatalogservice", 5.417),
    ("cartservice", 0.964),
    ("adservice", 0.573),
    ("paymentservice", 0.0355),
    ("shippingservice", 0.285),
    ("currencyservice", 3.023),
    ("redis-cart", 1.071),
    ("checkoutservice", 0.0355),
    ("frontend", 1.0),
    ("emailservice", 0.0355),
];

/// The published architecture: caller and callees.
const BOUTIQUE_EDGES: [(&str, &[&str]); 4] = [
    ("recommendationservice", &["productcatalogservice"]),
    ("cartservice", &["redis-cart"]),
    (
        "checkoutservice",
        &[
            "productcatalogservice",
            "cartservice",
            "paymentservice",
            "shippingservice",
            "currencyservice",
            "emailservice",
        ],
    ),
    (
        "frontend",
        &[
            "recommendationservice",
            "productcatalogservice",
            "cartservice",
            "adservice",
            "shippingservice",
            "currencyservice",
            "checkoutservice",
        ],
    ),
];

fn application(name: &str) -> Application {
    let path = format!("{}/../../apps/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Application::from_toml(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Mean time of a request when nothing waits: CPU on one core, and floors.
fn low_load_ms(application: &Application) -> f64 {
    let calls = application.services.iter().zip(application.visits());
    calls.map(|(service, visits)| visits * (service.cpu_per_call.0 + service.latency_floor.0) * 1000.0).sum()
}

fn assert_near(what: &str, found: f64, published: f64, share: f64) {
    assert!((found / published - 1.0).abs() <= share, "{what}: {found:.4} here, {published} published");
}

#[test]
fn every_application_parses_under_its_own_name_with_a_finite_capacity() {
    for name in NAMES {
        let application = application(name);
        assert_eq!(application.name, name);
        assert!(!application.description.is_empty() && !application.source.is_empty(), "{name}");
        let capacity = application.largest_capacity();
        assert!(capacity.is_finite() && capacity > 0.0, "{name}: {capacity}");
        println!(
            "{name}: {} services, {} edges, {capacity:.1} requests/s at most, {:.2} ms when nothing waits",
            application.services.len(),
            application.edges().len(),
            low_load_ms(&application)
        );
    }
}

#[test]
fn every_file_in_the_folder_is_tested_here() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps")).unwrap();
    let mut found: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
        .collect();
    found.sort();
    assert_eq!(found, NAMES);
}

#[test]
fn online_boutique_keeps_the_reference_order_and_the_published_visits() {
    let boutique = application("online_boutique");
    let names: Vec<&str> = boutique.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, BOUTIQUE_VISITS.map(|(name, _)| name));
    for ((name, published), found) in BOUTIQUE_VISITS.into_iter().zip(boutique.visits()) {
        assert_near(name, found, published, 0.05);
    }
}

#[test]
fn online_boutique_has_the_fifteen_published_edges() {
    let boutique = application("online_boutique");
    let name = |id: usize| boutique.services[id].name.as_str();
    let found: Vec<(&str, &str)> =
        boutique.edges().into_iter().map(|(from, to, _)| (name(from), name(to))).collect();
    let published: Vec<(&str, &str)> = BOUTIQUE_EDGES
        .into_iter()
        .flat_map(|(from, callees)| callees.iter().map(move |&to| (from, to)))
        .collect();
    assert_eq!(published.len(), 15);
    for edge in &published {
        assert!(found.contains(edge), "{edge:?} is missing");
    }
    assert_eq!(found.len(), published.len(), "{found:?}");
}

#[test]
fn online_boutique_at_low_load_is_near_its_measured_mean() {
    // 32.3 ms at 2.7 requests/s on pods without limits.
    assert_near("mean", low_load_ms(&application("online_boutique")), 32.3, 0.20);
}

#[test]
fn teastore_adds_up_to_the_demands_of_the_study() {
    let teastore = application("teastore");
    let visits = teastore.visits();
    // CPU-ms per page of the cycle of 8, which makes 10 requests with its redirects.
    for (name, published) in
        [("webui", 2.84), ("auth", 2.11), ("persistence", 1.13), ("image", 0.39), ("recommender", 0.11)]
    {
        let id = teastore.service(name).unwrap();
        let found = visits[id] * teastore.services[id].cpu_per_call.0 * 1000.0 * 10.0 / 8.0;
        assert_near(name, found, published, 0.03);
    }
    assert_near("mean", low_load_ms(&teastore), 7.0, 0.05);
}

#[test]
fn one_replica_of_a_chained_service_saturates_at_the_throughput_of_the_topology() {
    let chain = application("chained_services");
    let throughput = [("A", 100.0, 5), ("B", 80.0, 3), ("C", 150.0, 4), ("D", 300.0, 6)];
    for (service, (name, published, most)) in chain.services.iter().zip(throughput) {
        assert_eq!((service.name.as_str(), service.replicas.min, service.replicas.max), (name, 1, most));
        assert_near(name, service.usable_cores() / service.cpu_per_call.0, published, 1e-3);
    }
    // D takes the output of both B and C.
    assert_eq!(chain.visits(), [1.0, 1.0, 1.0, 2.0]);
    assert_near("capacity", chain.largest_capacity(), 240.0, 1e-3);
}

#[test]
fn redis_writes_reach_the_leader_and_from_there_a_follower() {
    let redis = application("redis");
    let (leader, follower) =
        (redis.service("redis-leader").unwrap(), redis.service("redis-follower").unwrap());
    assert_eq!(redis.edges().iter().map(|edge| (edge.0, edge.1)).collect::<Vec<_>>(), [(leader, follower)]);
    assert!(redis.services.iter().all(|service| service.cores == 1));
}

#[test]
fn the_java_services_of_teastore_have_a_heap_and_the_database_has_none() {
    let teastore = application("teastore");
    for service in &teastore.services {
        assert_eq!(service.jvm.is_some(), service.name != "db", "{}", service.name);
        // The fit of the working set at the file's heap is the idle memory of the file.
        if let (Some(jvm), Some(heap)) = (service.jvm, service.allocation.heap) {
            let touched = jvm.fill.0 as f64 * (1.0 - (-(heap.0 as f64) / jvm.fill_scale.0 as f64).exp());
            let found = jvm.off_heap.0 as f64 + touched;
            assert!((found / service.idle_memory.0 as f64 - 1.0).abs() < 0.02, "{}: {found}", service.name);
        }
    }
}

#[test]
fn the_chained_services_fail_as_the_topology_says() {
    let chain = application("chained_services");
    let faults: Vec<_> = chain.services.iter().map(|s| s.faults.unwrap()).collect();
    let errors: Vec<f64> = faults.iter().map(|f| f.error).collect();
    assert_eq!(errors, [0.001, 0.002, 0.001, 0.0015]);
    assert!(faults.iter().all(|f| f.degraded == f.error && (f.failure * 10.0 - f.error).abs() < 1e-12));
}
