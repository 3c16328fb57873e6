//! A step of the cluster allocates nothing.

#![allow(unsafe_code, reason = "counting allocations takes an allocator of one's own")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};
use trimtab_model::{Application, Decision, ServiceDecision, Snapshot, Time};
use trimtab_sim::{Cluster, SimConfig};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn observing_applying_and_advancing_allocate_nothing_once_warm() {
    let application = Application::from_toml(include_str!("../../../apps/online_boutique.toml")).unwrap();
    let services = application.services.len();
    let mut cluster = Cluster::new(&application, SimConfig::default(), 8).unwrap();
    for lane in 0..8 {
        cluster.reset(lane, Time(0.0), &vec![2; services], lane as u64);
    }
    let mut seen = Snapshot::default();
    let mut decision = Decision::default();
    decision.clear(services);
    let mut step = |cluster: &mut Cluster, i: u32| {
        for lane in 0..8 {
            cluster.observe(lane, &mut seen);
            for (service, wish) in decision.services.iter_mut().enumerate() {
                *wish = ServiceDecision {
                    replicas: Some(1 + (i + service as u32) % 5),
                    ..ServiceDecision::default()
                };
            }
            cluster.apply(lane, &decision);
        }
        cluster.advance(3, &mut |_, _| 60.0);
    };
    (0..100).for_each(|i| step(&mut cluster, i));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..1000).for_each(|i| step(&mut cluster, i));
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
}
