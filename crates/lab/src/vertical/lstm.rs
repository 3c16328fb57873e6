//! An LSTM that recommends a quantile of the use to come: the recommender that the smart-vpa system left empty.
//!
//! Once a step of five minutes it reads the step that is over, as the environment `vpa` shows it (use relative to what the exact VPA
//! recommends, on a log scale), and puts out the logarithm of a factor on the exact VPA's target, one for each resource: a linear function
//! of what it reads and of the LSTM's state. A network that has learned nothing puts out zeros: the exact target. It is trained with the
//! pinball loss ([`training`]), at the quantile that the weights of slack and overrun imply, and a margin follows from the end of the
//! training part, which the network has not learned from.
//!
//! Left out: learning while it acts.

mod training;

pub(super) use training::fit;

use crate::environments::vpa::{Seen, Track, USE_FEATURES, write_use};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::{f64::consts::TAU, sync::Arc};
use trimtab_control::{
    Parameter,
    vertical::{
        ContainerUpdater, LEAST, Managed, Mode, Recommend, UpdaterSettings, VpaRecommender, recommendation,
    },
    vpa::{Amount, ContainerRecommendation, Resource, ResourceList, Running, Span, Stamp, Vertical},
};
use trimtab_nn::{
    linear::Linear,
    lstm::{Lstm, LstmCache, Unroll},
};

/// Measurements in a step, and seconds between them.
const HOLD: usize = 5;
const STEP: Span = Span::secs(300);
/// Numbers that the network reads, and puts out.
const FEATURES: usize = USE_FEATURES + 2;
const OUTPUTS: usize = 2;
/// Greatest logarithm of a factor.
const FARTHEST: f32 = 3.0;

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LstmConfig {
    /// Seed of the weights.
    pub(super) seed: u64,
    /// Units.
    pub(super) hidden_size: usize,
    /// Updates of the weights.
    pub(super) updates: u32,
    /// Share of steps in which memory may pass its target, before the margin, in percent. In the loss, a kill costs as much as the whole
    /// memory idle for 29 steps (five points of a day of 288 steps, on one of two resources); where what passes a high quantile passes it by
    /// 3 % of the memory, the share at which a little more memory costs what it saves is 3 % / 29, a thousandth.
    pub(super) memory_risk_percent: f64,
    /// Percent by which a request may be off before the container is touched.
    pub(super) band_percent: f64,
    /// How it is touched.
    pub(super) mode: Mode,
}

impl Default for LstmConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            hidden_size: 24,
            updates: 800,
            memory_risk_percent: 0.1,
            band_percent: 2.0,
            mode: Mode::InPlaceOrRecreate,
        }
    }
}

/// What can be set.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter::integer("seed", "", 0, i64::MAX, "seed of the weights").left_as_set(),
    Parameter::integer("hidden_size", "", 1, 256, "units of the network").left_as_set(),
    Parameter::integer("updates", "", 1, 100_000, "updates of the weights").left_as_set(),
    Parameter::float(
        "memory_risk_percent",
        "%",
        0.01,
        50.0,
        "steps in which memory may pass its target, before the margin",
    )
    .on_log_scale(),
    Parameter::float("band_percent", "%", 0.0, 90.0, "how far off a request may be"),
    Parameter::choice("mode", Mode::NAMES, "how the container is touched"),
];

/// An LSTM, a linear layer on its state, and another on what it reads.
#[derive(Clone, Debug)]
struct Network {
    lstm: Lstm,
    head: Linear,
    skip: Linear,
    params: Vec<f32>,
}

impl Network {
    fn new(hidden: usize, rng: &mut impl Rng) -> Self {
        let mut len = 0;
        let lstm = Lstm::place(FEATURES, hidden, &mut len);
        let head = Linear::place(hidden, OUTPUTS, &mut len);
        let skip = Linear::place(FEATURES, OUTPUTS, &mut len);
        let mut params = vec![0.0; len];
        lstm.initialise(&mut params, rng);
        Self { lstm, head, skip, params }
    }

    /// Space for the outputs of so many rows, of both layers.
    fn outputs(&self, rows: usize) -> [Vec<f32>; 2] {
        [vec![0.0; rows * self.head.stride()], vec![0.0; rows * self.skip.stride()]]
    }

    /// Logarithms of factors, `rows × stride`, in the first of the outputs; `memory` is that of the sequences before and after.
    fn forward(
        &self,
        features: &[f32],
        [rows, length]: [usize; 2],
        starts: &[bool],
        memory: &mut [f32],
        cache: &mut LstmCache,
        [output, skipped]: &mut [Vec<f32>; 2],
    ) {
        let width = self.memory();
        let unroll = Unroll { rows, length, starts, memory, memory_stride: width, memory_offset: 0 };
        self.lstm.forward(&self.params, features, FEATURES, unroll, cache);
        self.lstm.recall(cache, memory, width, 0);
        self.head.forward(&self.params, cache.output(), self.lstm.stride(), rows, output);
        self.skip.forward(&self.params, features, FEATURES, rows, skipped);
        let sums = output.iter_mut().zip(&*skipped).take(rows * self.head.stride());
        sums.for_each(|(sum, skipped)| *sum = (*sum + skipped).clamp(-FARTHEST, FARTHEST));
    }

    /// Numbers of one row's memory.
    fn memory(&self) -> usize {
        2 * self.lstm.outputs()
    }
}

/// A network with the margins that go with it, as shares.
#[derive(Clone, Debug)]
struct Trained {
    network: Network,
    margins: [f64; 2],
}

/// One container's.
struct Recommender {
    trained: Arc<Trained>,
    config: LstmConfig,
    exact: VpaRecommender,
    track: Track,
    given: [Amount; 2],
    cache: LstmCache,
    memory: Vec<f32>,
    outputs: [Vec<f32>; 2],
    next: Stamp,
    held: Option<ContainerRecommendation>,
}

/// Writes what the network reads.
fn read(seen: &Seen<'_>, features: &mut [f32]) {
    write_use(seen, features);
    let turn = TAU * seen.now.since(Stamp::from_secs(0)).over(Span::DAY).rem_euclid(1.0);
    features[USE_FEATURES..FEATURES].copy_from_slice(&[turn.sin() as f32, turn.cos() as f32]);
}

/// The amounts of a list.
fn amounts(list: &ResourceList) -> [Amount; 2] {
    Resource::ALL.map(|resource| match resource {
        Resource::Cpu => Amount(list.cpu.unwrap_or_default().milli()),
        Resource::Memory => Amount(list.memory.unwrap_or_default().units()),
    })
}

impl Recommender {
    fn new(trained: Arc<Trained>, config: LstmConfig, given: [Amount; 2], exact: VpaRecommender) -> Self {
        let network = &trained.network;
        Self {
            cache: network.lstm.cache(1),
            memory: vec![0.0; network.memory()],
            outputs: network.outputs(1),
            track: Track::default(),
            next: Stamp::NEVER,
            held: None,
            trained,
            config,
            exact,
            given,
        }
    }

    /// With the VPA's updater.
    fn managed(self) -> Box<dyn Vertical> {
        let settings = UpdaterSettings { mode: self.config.mode, ..UpdaterSettings::default() };
        Box::new(Managed::new(self, ContainerUpdater::new(settings)))
    }

    fn look(&mut self, now: Stamp, running: &Running) {
        self.track.end_step();
        let Some(exact) = self.exact.recommend(now, running) else { return };
        if !self.track.has_step() {
            return;
        }
        let seen = Seen { now, given: self.given, running, track: &self.track, exact: &exact };
        let mut features = [0.0; FEATURES];
        read(&seen, &mut features);
        let Trained { network, margins } = &*self.trained;
        network.forward(&features, [1, 1], &[], &mut self.memory, &mut self.cache, &mut self.outputs);
        let output = &self.outputs[0];
        let base = amounts(&exact.target);
        let least = [Amount(0), self.track.least_memory()];
        let target = [0, 1].map(|slot| {
            let factor = f64::from(output[slot].exp()) * (1.0 + margins[slot]);
            // Not less than the VPA gives a pod.
            base[slot].scaled(factor).max(base[slot].min(LEAST[slot])).max(least[slot])
        });
        let band = self.config.band_percent / 100.0;
        let scaled = |factor: f64| target.map(|amount| amount.scaled(factor));
        self.held = Some(recommendation(scaled(1.0 - band), target, scaled(1.0 + band)));
    }
}

impl Recommend for Recommender {
    fn observe(&mut self, now: Stamp, usage: [Amount; 2], running: &Running) {
        self.track.add(now, usage);
        self.exact.observe(now, usage, running);
    }

    fn out_of_memory(&mut self, now: Stamp, running: &Running) {
        let limit = running.resources.limits.memory.unwrap_or_default();
        self.track.out_of_memory(now, Amount(limit.units()));
        self.exact.out_of_memory(now, running);
        self.next = now;
    }

    fn recommend(&mut self, now: Stamp, running: &Running) -> Option<ContainerRecommendation> {
        if now >= self.next {
            self.next = now.plus(STEP);
            self.look(now, running);
        }
        self.held.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertical::{CaseConfig, Recording, cases::Case, compare};
    use trimtab_workload::usage::UsageWorkload;

    fn losses(names: &[&str]) -> Vec<f64> {
        let cases = (0..3).map(|seed| {
            let example = UsageWorkload { seed, ..UsageWorkload::example("alibaba").unwrap() };
            let case = Case::of(&example.build().unwrap(), &CaseConfig::default());
            Case { container: seed.to_string(), ..case }
        });
        let recordings =
            [Recording { name: "made-up".into(), remark: String::new(), cases: cases.collect() }];
        let asked: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let config = CaseConfig::default();
        let found = compare(&recordings, &asked, &config, 1, String::new(), &|_| ()).unwrap();
        names.iter().map(|name| found.value("made-up", name, "loss").unwrap().mean).collect()
    }

    #[test]
    fn it_loses_less_than_the_exact_vpa_and_equal_seeds_lose_the_same() {
        let names =
            ["vpa_in_place", "lstm:updates=150", "lstm:updates=150,seed=1", "lstm:updates=150,seed=2"];
        let losses = losses(&names);
        assert!(losses[1] < losses[0] - 2.0, "{losses:?}");
        assert!(losses[1] == losses[2] && losses[1] != losses[3], "{losses:?}");
    }

    #[test]
    fn a_network_that_has_learned_nothing_asks_for_the_exact_target() {
        use rand_pcg::{Pcg64, rand_core::SeedableRng};
        let network = Network::new(4, &mut Pcg64::seed_from_u64(1));
        let (mut memory, mut outputs) = (vec![0.0; network.memory()], network.outputs(1));
        let mut cache = network.lstm.cache(1);
        network.forward(&[0.7; FEATURES], [1, 1], &[], &mut memory, &mut cache, &mut outputs);
        assert_eq!(outputs[0][..OUTPUTS], [0.0; OUTPUTS]);
        assert!(memory.iter().any(|value| *value != 0.0));
    }
}
