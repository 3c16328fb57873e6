//! Distributions as numbers, how far they have moved since, and what a gradient may have on top of that of
//! log-probabilities, entropies and values.
//!
//! Left out: how heavily a distance weighs.

use super::{ActorCritic, Distribution, Workspace};

/// A penalty on the distance from older distributions.
#[derive(Clone, Copy, Debug)]
pub struct Penalty<'a> {
    /// `rows × outputs`: the older distributions, as [`ActorCritic::distributions`] gave them.
    pub outputs: &'a [f32],
    /// The older log standard deviations of a Gaussian; empty for choices.
    pub log_stds: &'a [f32],
    /// Weight of each row's distance in the loss.
    pub weight: f32,
}

/// What comes on top in [`ActorCritic::backward_with`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra<'a> {
    /// `rows`: whether a row is part of the loss; empty: all are. The gradients given for others must be 0.
    pub counts: &'a [bool],
    /// Adds `weight · KL(old ‖ new)` of each row that counts to the loss.
    pub penalty: Option<Penalty<'a>>,
}

impl ActorCritic {
    /// The distributions found by [`ActorCritic::evaluate`] just before, `rows × outputs`: log-probabilities of all
    /// choices, or means.
    pub fn distributions(&self, ws: &Workspace, out: &mut [f32]) {
        let outputs = self.architecture.head.outputs();
        for (out, row) in out.chunks_exact_mut(outputs).zip(ws.outputs.chunks_exact(self.output_stride)) {
            out.copy_from_slice(&row[..outputs]);
        }
    }

    /// `KL(old ‖ new)` of each row found by [`ActorCritic::evaluate`] just before.
    pub fn divergences(&self, penalty: Penalty<'_>, ws: &Workspace, out: &mut [f32]) {
        let (outputs, stride) = (self.architecture.head.outputs(), self.output_stride);
        let rows = ws.outputs.chunks_exact(stride).zip(penalty.outputs.chunks_exact(outputs)).zip(out);
        for ((new, old), out) in rows {
            *out = match &self.distribution {
                Distribution::Categorical(_) => {
                    old.iter().zip(new).map(|(old, new)| old.exp() * (old - new)).sum()
                }
                Distribution::Gaussian(_) => {
                    let deviations = self.log_stds().iter().zip(penalty.log_stds).cycle();
                    let terms =
                        old.iter().zip(new).zip(deviations).map(|((old, new), (log_std, old_log_std))| {
                            let (moved, shrunk) =
                                ((old - new) * (-log_std).exp(), 2.0 * (old_log_std - log_std));
                            0.5 * (moved * moved + shrunk.exp() - 1.0 - shrunk)
                        });
                    terms.sum()
                }
            };
        }
    }

    /// Keeps a Gaussian's means, whose place their gradient takes.
    pub(super) fn keep_means(&self, rows: usize, ws: &mut Workspace) {
        let mut means = std::mem::take(&mut ws.means);
        means.resize(rows * self.architecture.head.outputs(), 0.0);
        self.distributions(ws, &mut means);
        ws.means = means;
    }

    /// Adds the penalty's gradient to that of the outputs, which has taken the place of the outputs themselves, and
    /// drops that of rows that do not count.
    pub(super) fn add_extra(&self, extra: Extra<'_>, rows: usize, ws: &mut Workspace, grads: &mut [f32]) {
        let (outputs, stride) = (self.architecture.head.outputs(), self.output_stride);
        let log_stds = self.log_stds_range();
        if let Some(penalty) = extra.penalty {
            let counts = |row: usize| extra.counts.get(row).is_none_or(|counts| *counts);
            let of_rows = ws.outputs.chunks_exact_mut(stride).zip(penalty.outputs.chunks_exact(outputs));
            for (row, (out, old)) in of_rows.enumerate().take(rows).filter(|(row, _)| counts(*row)) {
                match &self.distribution {
                    Distribution::Categorical(_) => {
                        let new = ws.categorical.probabilities(row, stride);
                        for ((out, new), old) in out.iter_mut().zip(new).zip(old) {
                            *out += penalty.weight * (new - old.exp());
                        }
                    }
                    Distribution::Gaussian(_) => {
                        let means = &ws.means[row * outputs..(row + 1) * outputs];
                        for at in 0..outputs {
                            let variable = at % log_stds.len();
                            let log_std = self.log_stds()[variable];
                            let inverse = (-log_std).exp();
                            let moved = (means[at] - old[at]) * inverse;
                            let shrunk = (2.0 * (penalty.log_stds[variable] - log_std)).exp();
                            out[at] += penalty.weight * moved * inverse;
                            grads[log_stds.start + variable] +=
                                penalty.weight * (1.0 - shrunk - moved * moved);
                        }
                    }
                }
            }
        }
        for (row, _) in extra.counts.iter().enumerate().take(rows).filter(|(_, counts)| !**counts) {
            ws.outputs[row * stride..(row + 1) * stride].fill(0.0);
        }
    }
}
