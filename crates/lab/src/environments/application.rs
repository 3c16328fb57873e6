//! Applications as environments that a run can be made of.
//!
//! Left out: what they simulate, see [`crate::environment`].

use super::{Env, Episode, EpisodeColumns};
use crate::environment::Environment;
use trimtab_rl::{ConstraintConfig, on_policy::Log};

impl Env for Environment {
    fn episode_columns(&self) -> EpisodeColumns {
        let figures = vec!["core_hours", "pod_hours", "violation_share", "bad_request_share"];
        EpisodeColumns { start: "day", figures }
    }

    fn take_episodes(&mut self) -> Vec<Episode> {
        let episodes = Environment::take_episodes(self).into_iter();
        episodes
            .map(|episode| {
                let tally = episode.tally;
                Episode {
                    env: episode.env,
                    start: episode.day,
                    length: episode.length,
                    episode_return: episode.episode_return,
                    figures: vec![
                        tally.core_hours(),
                        tally.pod_hours(),
                        tally.violation_share(),
                        tally.bad_request_share(),
                    ],
                }
            })
            .collect()
    }

    /// `cost`, requested cores over those of one replica of every service, and `violation_share`, that of SLO windows.
    fn take_means(&mut self) -> Log {
        let tally = self.take_tally();
        let cost = tally.requested_core_seconds / tally.seconds.max(1.0) / self.one_replica_cores();
        vec![("cost".into(), cost), ("violation_share".into(), tally.violation_share())]
    }

    /// Under `trim` the exact inner autoscaler.
    fn neutral(&self) -> Option<Vec<u32>> {
        Some(self.steering().neutral())
    }

    fn constraints(&self) -> Vec<ConstraintConfig> {
        self.constraints.clone()
    }
}
