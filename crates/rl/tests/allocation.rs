//! That a running algorithm does not allocate: a whole iteration may allocate its log and nothing that grows.
#![expect(unsafe_code, reason = "counting allocations means wrapping the allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use trimtab_rl::control::Toll;
use trimtab_rl::{ConstraintConfig, Ppo, PpoConfig, VecEnv};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn iterations_allocate_only_their_log() {
    let mut env = Toll::new(8);
    let config = PpoConfig { n_steps: 100, batch_size: 150, normalize_reward: true, ..PpoConfig::default() };
    let mut ppo = Ppo::new(config, env.spec(), vec![ConstraintConfig::new("toll", 0.3)], 1).unwrap();
    ppo.start(&mut env, 100_000).unwrap();
    // The first iterations grow what is reused.
    (0..2).for_each(|_| drop(ppo.iterate(&mut env).unwrap()));
    for _ in 0..3 {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let iteration = ppo.iterate(&mut env).unwrap();
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        drop(iteration);
        // The vector and the two keys that hold a constraint's name, with what formatting them needs.
        assert!(after - before <= 6, "{} allocations", after - before);
    }
}
