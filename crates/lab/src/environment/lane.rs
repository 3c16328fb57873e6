//! One lane of the environment: what it remembers between two steps besides its cluster.

use crate::{Result, config::RunConfig, initial::replicas_for, traffic::Day};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};
use trimtab_control::{
    Codec, CodecConfig, Guardrails, Hpa, Steering, codec::CodecMemory, steering::SteeringMemory,
};
use trimtab_model::{Application, Seconds, Snapshot, Time};
use trimtab_sim::Tally;

/// An episode that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Environment it ran in.
    pub env: usize,
    /// Day it was taken from.
    pub day: String,
    /// Steps.
    pub length: u32,
    /// Sum of the rewards of all rows.
    pub episode_return: f64,
    /// What happened.
    pub tally: Tally,
}

#[derive(Clone)]
pub(super) struct Lane {
    pub(super) codec: Codec,
    pub(super) steering: Steering,
    pub(super) guardrails: Guardrails,
    pub(super) seen: Snapshot,
    /// Replicas asked for before the last decision.
    pub(super) before: Vec<u32>,
    replicas: Vec<u32>,
    progress: Progress,
}

/// Where a lane's episode is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Progress {
    rng: Pcg64Mcg,
    day: usize,
    step: u32,
    episode_return: f64,
    tally: Tally,
}

/// The changing part of a [`Lane`].
#[derive(Serialize, Deserialize)]
pub(super) struct LaneState {
    codec: CodecMemory,
    steering: SteeringMemory,
    progress: Progress,
}

impl Lane {
    pub(super) fn new(config: &RunConfig, application: &Application, inner: &Hpa) -> Result<Self> {
        let steering =
            Steering::new(config.action, config.trim.clone(), config.delta, inner.clone(), application)?;
        let codec_config = CodecConfig { layout: steering.layout(), targets: Steering::targets(inner) };
        let services = application.services.len();
        Ok(Self {
            codec: Codec::new(&codec_config, application),
            steering,
            guardrails: Guardrails::new(config.guardrails, application)?,
            seen: Snapshot::default(),
            before: vec![0; services],
            replicas: vec![0; services],
            progress: Progress {
                rng: Pcg64Mcg::seed_from_u64(0),
                day: 0,
                step: 0,
                episode_return: 0.0,
                tally: Tally::default(),
            },
        })
    }

    pub(super) fn seed(&mut self, seed: u64, lane: usize) {
        // SplitMix64's increment keeps the streams of neighbouring lanes and seeds apart.
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(lane as u64);
        self.progress.rng = Pcg64Mcg::seed_from_u64(mixed);
    }

    pub(super) fn day(&self) -> usize {
        self.progress.day
    }

    /// Draws the next episode: its start, the replicas to begin with, and the cluster's seed.
    pub(super) fn draw_episode(
        &mut self,
        days: &[Day],
        length: f64,
        interval: f64,
        application: &Application,
    ) -> (Time, &[u32], u64) {
        let rng = &mut self.progress.rng;
        self.progress.day = rng.random_range(0..days.len());
        let day = &days[self.progress.day];
        let room = ((day.length.0 - length) / interval).floor().max(0.0) as u32;
        let offset = f64::from(rng.random_range(0..=room)) * interval;
        let headroom = rng.random_range(0.4..0.9);
        replicas_for(application, day.rate.rate(Seconds(offset)).0, headroom, &mut self.replicas);
        let seed = rng.random();
        self.progress.step = 0;
        self.progress.episode_return = 0.0;
        self.progress.tally = Tally::default();
        self.codec.reset();
        self.steering.reset();
        (day.start + Seconds(offset), &self.replicas, seed)
    }

    pub(super) fn tally(&mut self, tally: &Tally) {
        self.progress.tally += *tally;
    }

    /// Counts a step with the rewards of its rows.
    pub(super) fn count(&mut self, rewards: &[f32]) {
        self.progress.step += 1;
        self.progress.episode_return += rewards.iter().map(|r| f64::from(*r)).sum::<f64>();
    }

    pub(super) fn ends(&self, steps: u32) -> bool {
        self.progress.step >= steps
    }

    pub(super) fn finish(&self, env: usize, days: &[Day]) -> Episode {
        Episode {
            env,
            day: days[self.progress.day].label.clone(),
            length: self.progress.step,
            episode_return: self.progress.episode_return,
            tally: self.progress.tally,
        }
    }

    pub(super) fn save(&self) -> LaneState {
        LaneState {
            codec: self.codec.memory().clone(),
            steering: self.steering.save(),
            progress: self.progress.clone(),
        }
    }

    pub(super) fn restore(&mut self, state: LaneState) {
        self.codec.restore(state.codec);
        self.steering.restore(state.steering);
        self.progress = state.progress;
    }
}
