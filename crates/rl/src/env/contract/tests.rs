use super::*;
use crate::control::{CartPole, Recall};

/// A task with one promise broken.
#[derive(Clone)]
struct Broken<E> {
    env: E,
    how: How,
    steps: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    NoReward,
    SameSeed,
    ForgetsOnSave,
    RestoresAnything,
    KeepsTheEnd,
    ForbidsAll,
    Leaves,
    TakesAnything,
}

impl VecEnv for Broken<CartPole> {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f32]) {
        self.env.reset(seed, obs);
        if self.how == How::SameSeed {
            let first = obs[..4].to_vec();
            obs.chunks_exact_mut(4).for_each(|lane| lane.copy_from_slice(&first));
        }
    }

    fn step(&mut self, actions: Actions<'_>, out: &mut StepBuffers) -> Result<(), StepError> {
        self.steps += 1;
        let zeros = vec![0; self.spec().rows()];
        let actions = if self.how == How::TakesAnything { Actions::Discrete(&zeros) } else { actions };
        self.env.step(actions, out)?;
        match self.how {
            How::NoReward => out.rewards[1] = f32::NAN,
            How::ForgetsOnSave => out.rewards[0] = self.steps as f32,
            How::KeepsTheEnd => {
                for lane in (0..2).filter(|lane| out.terminated[*lane]) {
                    out.obs[lane * 4..lane * 4 + 4].copy_from_slice(&out.final_obs[lane * 4..lane * 4 + 4]);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn action_masks(&self, masks: &mut [bool]) {
        masks.fill(self.how != How::ForbidsAll);
    }

    fn presence(&self, presence: &mut [Presence]) {
        presence.fill(if self.how == How::Leaves { Presence::Absent } else { Presence::Acting });
    }

    fn save(&self) -> Vec<u8> {
        self.env.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let outcome = self.env.restore(state);
        if self.how == How::RestoresAnything { Ok(()) } else { outcome }
    }
}

#[test]
fn every_broken_promise_is_found_by_its_name() {
    for (how, promise) in [
        (How::NoReward, Promise::Numbers),
        (How::SameSeed, Promise::Seeding),
        (How::ForgetsOnSave, Promise::Saving),
        (How::RestoresAnything, Promise::Saving),
        (How::KeepsTheEnd, Promise::Autoreset),
        (How::ForbidsAll, Promise::Masks),
        (How::Leaves, Promise::Masks),
        (How::TakesAnything, Promise::Actions),
    ] {
        let mut make = || Box::new(Broken { env: CartPole::new(2), how, steps: 0 }) as Box<dyn VecEnv>;
        let violation = check_env(&mut make, 400).unwrap_err();
        assert_eq!(violation.promise, promise, "{violation}");
    }
}

#[test]
fn the_report_tells_how_episodes_ended() {
    let report = check_env(&mut || Box::new(Recall::new(3, 2, 2)), 40).unwrap();
    assert_eq!(report, Report { steps: 40, terminated: 30, truncated: 0, random_start: true });
}
