//! Returns, lengths and costs of episodes whose length is known.

use rand::SeedableRng;
use rand_pcg::Pcg64;
use trimtab_nn::ActorCritic;

use super::*;
use crate::env::ActionSpace;
use crate::on_policy::tests::probe::Probe;
use crate::{CriticView, NetworkConfig};

#[test]
fn episodes_of_every_environment_are_counted_alike() {
    let mut env = Probe::new(ActionSpace::Box(2));
    let network = NetworkConfig { default_action: Some(vec![]), ..NetworkConfig::default() };
    let architecture = network.architecture(env.spec(), 1, CriticView::Own);
    let mut rng = Pcg64::seed_from_u64(1);
    let policy = ActorCritic::new(architecture, &network.initialisation(), &mut rng).unwrap();
    let policy = Policy::from(policy);
    let found = evaluate(&[policy], &mut env, 5, 4).unwrap();
    // Means of exactly 0 earn 1 a step, for seven steps.
    assert_eq!((found.returns.len(), found.mean_return(), found.mean_reward()), (12, 7.0, 1.0));
    assert_eq!(found.lengths, [7; 12]);
    assert_eq!(found.mean_costs, [0.5, 0.0]);
}
