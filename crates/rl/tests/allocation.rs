//! That a running algorithm does not allocate: a whole iteration may allocate its log and nothing that grows.
#![expect(unsafe_code, reason = "counting allocations means wrapping the allocator")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use trimtab_nn::{CriticRecurrence, Recurrence};
use trimtab_rl::a2c::{A2cConfig, A2cUpdate};
use trimtab_rl::control::{CartPoleNoVel, Pendulum, Toll};
use trimtab_rl::off_policy::network::HiddenConfig;
use trimtab_rl::on_policy::{OnPolicy, Update};
use trimtab_rl::ppo::{PpoConfig, PpoUpdate};
use trimtab_rl::{
    ConstraintConfig, CriticView, Dqn, DqnConfig, Learner, NetworkConfig, Sac, SacConfig, Td3, Td3Config,
    VecEnv,
};

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

fn allocates_only_its_log<U: Update>(config: U::Config, env: &mut dyn VecEnv) {
    let costs = env.spec().costs.iter();
    let bound = costs.map(|name| ConstraintConfig::new(*name, 0.3)).collect();
    let mut learner = OnPolicy::<U>::new(config, env.spec(), bound, 1).unwrap();
    learner.start(env, 100_000).unwrap();
    // The first iterations grow what is reused.
    (0..2).for_each(|_| drop(learner.iterate(env).unwrap()));
    for _ in 0..3 {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let iteration = learner.iterate(env).unwrap();
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        drop(iteration);
        // The vector and the two keys that hold a constraint's name, with what formatting them needs.
        assert!(after - before <= 6, "{} allocations", after - before);
    }
}

/// The same of an off-policy algorithm.
fn learner_allocates_only_its_log(mut learner: Box<dyn Learner>, env: &mut dyn VecEnv) {
    learner.start(env, 100_000).unwrap();
    (0..60).for_each(|_| drop(learner.iterate(env).unwrap()));
    for _ in 0..20 {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let iteration = learner.iterate(env).unwrap();
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        drop(iteration);
        assert!(after - before <= 6, "{}: {} allocations", learner.algorithm(), after - before);
    }
}

// One test: the counter is the whole process's.
#[test]
fn iterations_allocate_only_their_log() {
    let ppo = PpoConfig { n_steps: 100, batch_size: 150, normalize_reward: true, ..PpoConfig::default() };
    allocates_only_its_log::<PpoUpdate>(ppo.clone(), &mut Toll::new(8));
    let recurrence = Some(Recurrence { hidden_size: 8, critic: CriticRecurrence::Separate });
    // Small enough for products of our own: the `gemm` crate packs the operands of large ones into buffers it allocates.
    let network = NetworkConfig { hidden: vec![16], recurrence, ..NetworkConfig::default() };
    let all = PpoConfig {
        batch_size: 200,
        kl_coeff: Some(0.2),
        critic: CriticView::Central,
        normalize_observation: true,
        network,
        ..ppo
    };
    allocates_only_its_log::<PpoUpdate>(all, &mut CartPoleNoVel::new(8));
    let a2c = A2cConfig { n_steps: 20, normalize_reward: true, ..A2cConfig::default() };
    allocates_only_its_log::<A2cUpdate>(a2c, &mut Toll::new(8));

    let bound = || vec![ConstraintConfig::new("toll", 0.3)];
    let dqn = DqnConfig {
        double: true,
        dueling: true,
        prioritized: true,
        n_step: 3,
        buffer_size: 1000,
        ..DqnConfig::default()
    };
    let mut toll = Toll::new(8);
    let spec = toll.spec().clone();
    learner_allocates_only_its_log(Box::new(Dqn::new(dqn, &spec, bound(), 1).unwrap()), &mut toll);
    let network = HiddenConfig::relu(&[32, 32]);
    let sac =
        SacConfig { buffer_size: 1000, batch_size: 32, network: network.clone(), ..SacConfig::default() };
    let choices = Sac::new(sac.clone(), &spec, bound(), 1).unwrap();
    learner_allocates_only_its_log(Box::new(choices), &mut toll);
    let mut pendulum = Pendulum::new(4);
    let spec = pendulum.spec().clone();
    let numbers = Sac::new(sac, &spec, vec![], 1).unwrap();
    learner_allocates_only_its_log(Box::new(numbers), &mut pendulum);
    let td3 = Td3Config { buffer_size: 1000, batch_size: 32, network, ..Td3Config::default() };
    learner_allocates_only_its_log(Box::new(Td3::new(td3, &spec, vec![], 1).unwrap()), &mut pendulum);
}
