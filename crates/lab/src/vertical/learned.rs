//! A policy that was trained on the environment `vpa`, as a vertical autoscaler: the same codec and updater as in training.
//!
//! Left out: training ([`crate::environments::vpa`]).

use super::cases::Case;
use crate::{
    Error, Result,
    environments::vpa::{Codec, REGISTERED, Seen, Track, VpaConfig},
    policy_file,
    run_dir::RunDir,
};
use std::path::Path;
use trimtab_control::{
    vertical::{ContainerUpdater, ExactConfig, Recommend, VpaRecommender},
    vpa::{Amount, Change, Running, Span, Stamp, Vertical},
};
use trimtab_model::Seconds;
use trimtab_nn::{ActionSliceMut, Agent, Policy};

/// The policy of a run, with the settings it was trained with.
#[derive(Clone, Debug)]
pub(super) struct Trained {
    pub(super) name: String,
    pub(super) description: String,
    policy: Policy,
    config: VpaConfig,
}

impl Trained {
    /// The policy of the run in `dir`.
    ///
    /// # Errors
    /// A directory without a run, a run on another environment, whatever keeps its policy from being read.
    pub(super) fn load(dir: &Path) -> Result<Self> {
        let run = RunDir::new(dir);
        let config = run.config()?;
        if config.env != REGISTERED.name {
            let message = format!("was trained on {}, expected a run on {}", config.env, REGISTERED.name);
            return Err(Error::run(dir, message));
        }
        let name =
            dir.file_name().map_or_else(|| dir.display().to_string(), |n| n.to_string_lossy().into_owned());
        let description = format!(
            "A policy that {} trained for {} steps on the environment vpa.",
            config.algorithm.name(),
            config.total_timesteps
        );
        Ok(Self { name, description, policy: policy_file::read(&run, &config)?, config: config.vpa })
    }

    /// A fresh autoscaler for a container.
    ///
    /// # Errors
    /// None: the exact VPA's own flags are in range.
    pub(super) fn build(&self, case: &Case) -> Result<Box<dyn Vertical>> {
        let step = self.config.case.interval_secs * f64::from(self.config.hold);
        Ok(Box::new(Learned {
            exact: VpaRecommender::new(&ExactConfig::default())?,
            codec: Codec::new(&self.config),
            updater: ContainerUpdater::new(self.config.updater_settings()),
            agent: Agent::new(self.policy.clone(), 1),
            obs: vec![0.0; self.policy.obs_dim()],
            action: vec![0.0; self.policy.head().width()],
            given: case.given(),
            usage: None,
            track: Track::default(),
            every: Span::from(Seconds(step)),
            next: Stamp::NEVER,
        }))
    }
}

/// One container's.
struct Learned {
    exact: VpaRecommender,
    codec: Codec,
    updater: ContainerUpdater,
    agent: Agent,
    obs: Vec<f32>,
    action: Vec<f32>,
    given: [Amount; 2],
    usage: Option<[Amount; 2]>,
    track: Track,
    /// Time between two decisions: a step of the environment.
    every: Span,
    next: Stamp,
}

impl Vertical for Learned {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        self.usage = Some(usage);
        self.track.add(now, usage);
        self.exact.observe(now, usage, running);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        let limit = running.resources.limits.memory.unwrap_or_default();
        self.track.out_of_memory(now, Amount(limit.units()));
        self.exact.out_of_memory(now, running);
    }

    fn decide(&mut self, now: Stamp, running: &Running) -> Option<Change> {
        let usage = self.usage?;
        if now < self.next {
            return None;
        }
        self.next = now.plus(self.every);
        self.track.end_step();
        let exact = self.exact.recommend(now, running)?;
        let seen = Seen { now, given: self.given, running, track: &self.track, exact: &exact };
        self.codec.observe(&seen, &mut self.obs);
        self.agent.act(&self.obs, None, ActionSliceMut::Numbers(&mut self.action));
        let recommendation = self.codec.recommend(&seen, &self.action);
        self.updater.decide(now, running, usage, recommendation)
    }
}
