//! Every control task keeps the promises of an environment.

use trimtab_rl::VecEnv;
use trimtab_rl::control::{
    Acrobot, Budget, BudgetRoster, BudgetTurns, CartPole, CartPoleNoVel, Doors, MountainCar,
    MountainCarContinuous, Overload, Pendulum, Recall, Toll,
};
use trimtab_rl::env::contract::{Report, check_env};

type Make = fn() -> Box<dyn VecEnv>;

const TASKS: [(&str, Make); 13] = [
    ("Acrobot", || Box::new(Acrobot::new(3))),
    ("Budget", || Box::new(Budget::new(3, 4))),
    ("BudgetRoster", || Box::new(BudgetRoster::new(3, 4))),
    ("BudgetTurns", || Box::new(BudgetTurns::new(3, 4))),
    ("CartPole", || Box::new(CartPole::new(3))),
    ("CartPoleNoVel", || Box::new(CartPoleNoVel::new(3))),
    ("Doors", || Box::new(Doors::new(3, 5))),
    ("MountainCar", || Box::new(MountainCar::new(3))),
    ("MountainCarContinuous", || Box::new(MountainCarContinuous::new(3))),
    ("Overload", || Box::new(Overload::new(3, 7))),
    ("Pendulum", || Box::new(Pendulum::new(3))),
    ("Recall", || Box::new(Recall::new(3, 4, 5))),
    ("Toll", || Box::new(Toll::new(3))),
];

#[test]
fn every_control_task_keeps_the_contract() {
    for (name, make) in TASKS {
        let report =
            check_env(&mut || make(), 2500).unwrap_or_else(|violation| panic!("{name}: {violation}"));
        let Report { terminated, truncated, random_start, .. } = report;
        assert!(random_start && terminated + truncated > 2, "{name}: {report:?}");
    }
}

#[test]
fn a_batch_of_one_keeps_it_too() {
    check_env(&mut || Box::new(CartPole::new(1)), 500).unwrap();
    check_env(&mut || Box::new(Budget::new(1, 1)), 100).unwrap();
}
