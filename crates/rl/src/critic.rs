//! What the critic sees when an environment has several agents: its own agent's observation, or everyone's.
//!
//! Left out: what the actor sees, which is always its own observation.

use serde::{Deserialize, Serialize};

use crate::agents::AgentRows;
use crate::env::{EnvSpec, Presence};

/// What a row's value is estimated from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticView {
    /// The row's own observation.
    #[default]
    Own,
    /// Those of all agents of its environment (Yu et al. 2022, arXiv:2103.01955), in this order: the row's own
    /// observation (`obs_dim` numbers); the observations of agents `0..n_agents` (`n_agents × obs_dim`), zeros for
    /// one that is absent; 1 for each agent that is there, 0 for one that is absent (`n_agents`).
    Central,
}

impl CriticView {
    /// Numbers it consists of beside the actor's observation; none if it is the same.
    pub fn dim(self, spec: &EnvSpec) -> Option<usize> {
        match self {
            Self::Own => None,
            Self::Central => Some(spec.obs_dim + spec.n_agents * (spec.obs_dim + 1)),
        }
    }
}

/// Writes the central views of some agents of every environment, given everyone's observations (`rows × dim`) and who
/// is there (empty: everyone).
pub(crate) fn write_views(
    rows: &AgentRows,
    obs: &[f32],
    presence: &[Presence],
    dim: usize,
    views: &mut [f32],
) {
    let per_env = views.len() / rows.n_envs();
    let views = views.chunks_exact_mut(per_env).enumerate();
    views.for_each(|(env, views)| write_views_of(env, rows, obs, presence, dim, views));
}

/// The same for one environment, at the front of `views`.
pub(crate) fn write_views_of(
    env: usize,
    rows: &AgentRows,
    obs: &[f32],
    presence: &[Presence],
    dim: usize,
    views: &mut [f32],
) {
    let all = rows.all_of_env(env);
    let (obs, presence) = (&obs[all.start * dim..all.end * dim], presence.get(all.clone()).unwrap_or(&[]));
    let width = dim + all.len() * (dim + 1);
    for (row, view) in rows.of_env(env).zip(views.chunks_exact_mut(width)) {
        let (own, rest) = view.split_at_mut(dim);
        own.copy_from_slice(&obs[(row - all.start) * dim..][..dim]);
        let (others, flags) = rest.split_at_mut(obs.len());
        others.copy_from_slice(obs);
        flags.fill(1.0);
        for (agent, _) in presence.iter().enumerate().filter(|(_, there)| **there == Presence::Absent) {
            others[agent * dim..(agent + 1) * dim].fill(0.0);
            flags[agent] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Learners;
    use crate::env::ActionSpace;

    #[test]
    fn central_view_is_own_then_all_then_who_is_there() {
        let spec = EnvSpec {
            n_envs: 1,
            n_agents: 3,
            obs_dim: 2,
            action_space: ActionSpace::Discrete(2),
            costs: vec![],
            masked: false,
            varying: true,
        };
        assert_eq!((CriticView::Own.dim(&spec), CriticView::Central.dim(&spec)), (None, Some(11)));
        let rows = AgentRows::new(&spec, Learners::Independent.agents(1, 3));
        let (obs, mut view) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [9.0; 11]);
        write_views(&rows, &obs, &[], 2, &mut view);
        assert_eq!(view, [3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 1.0, 1.0]);
        let presence = [Presence::Waiting, Presence::Acting, Presence::Absent];
        write_views(&rows, &obs, &presence, 2, &mut view);
        assert_eq!(view, [3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    }
}
