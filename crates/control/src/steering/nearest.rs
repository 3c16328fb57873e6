//! From what another autoscaler decides to the action that comes nearest to it: what a clone of it learns.
//!
//! * `trim`, `trim_continuous`: the shift and the feed-forward after which the inner HPA asks for a count nearest to the
//!   teacher's; of equals the smallest correction, so that the inner HPA itself is the zero action. The continuous form
//!   tries eighths of its range.
//! * `delta`: the teacher's step, cut at the largest.
//! * `move`: the teacher's largest step, cut at seven; of equals the first service's.
//!
//! Left out: how long an action is held.

use super::{ActionKind, MOVES, Steering, bounds_of, stretch};
use crate::{Error, Result};
use trimtab_model::{Decision, Snapshot};
use trimtab_nn::ActionSliceMut;

/// Steps of a continuous shift from zero to either bound.
const EIGHTHS: i32 = 8;

impl Steering {
    /// Writes the action nearest to the replicas that `wish` asks for; where it asks for none, to those that are. Changes
    /// nothing: [`Steering::decode`] the action to go on from it.
    ///
    /// # Errors
    /// [`Error::Policy`] for a buffer of the other kind.
    pub fn nearest(&self, seen: &Snapshot, wish: &Decision, action: ActionSliceMut<'_>) -> Result<()> {
        let wanted = |service: usize| {
            let spec = seen.services[service].replicas.spec;
            let bounds = self.bounds[service];
            wish.services[service].replicas.unwrap_or(spec).clamp(bounds.min, bounds.max)
        };
        let step =
            |service: usize| i64::from(wanted(service)) - i64::from(seen.services[service].replicas.spec);
        match (self.kind, action) {
            (ActionKind::Trim, ActionSliceMut::Choices(choices)) => {
                let feed_forward = &self.trim.feed_forward;
                for (service, choices) in choices.chunks_exact_mut(2).enumerate() {
                    let shifts = self.trim.shifts.iter().copied();
                    let found = self.closest(seen, service, wanted(service), shifts, feed_forward);
                    choices[0] = found.0 as u32;
                    choices[1] = found.1 as u32;
                }
            }
            (ActionKind::TrimContinuous, ActionSliceMut::Numbers(numbers)) => {
                let (low, high) = bounds_of(self.trim.shifts.iter().copied());
                let (fewer, more) = bounds_of(self.trim.feed_forward.iter().map(|&f| f64::from(f)));
                let grid: Vec<f32> = (-EIGHTHS..=EIGHTHS).map(|i| i as f32 / EIGHTHS as f32).collect();
                let shifts = grid.iter().map(|&n| stretch(n, low, high)).collect::<Result<Vec<_>>>()?;
                let feed_forward: Vec<i32> = (fewer as i32..=more as i32).collect();
                for (service, numbers) in numbers.chunks_exact_mut(2).enumerate() {
                    let tried = shifts.iter().copied();
                    let found = self.closest(seen, service, wanted(service), tried, &feed_forward);
                    let added = f64::from(feed_forward[found.1]);
                    let bound = if added < 0.0 { -fewer } else { more };
                    numbers[0] = grid[found.0];
                    numbers[1] = if added == 0.0 { 0.0 } else { (added / bound) as f32 };
                }
            }
            (ActionKind::Delta, ActionSliceMut::Choices(choices)) => {
                let most = i64::from(self.delta);
                for (service, choice) in choices.iter_mut().enumerate() {
                    *choice = (step(service).clamp(-most, most) + most) as u32;
                }
            }
            (ActionKind::Move, ActionSliceMut::Choices(choices)) => {
                let largest = (0..self.bounds.len()).rev().max_by_key(|&service| step(service).abs());
                let service = largest.unwrap_or(0);
                let change = step(service).clamp(-7, 7);
                let choice = if change < 0 { 7 - change } else { change };
                // To move nothing is the same at every service; the first stands for all.
                choices[0] = if change == 0 { 0 } else { (service * MOVES) as u32 + choice as u32 };
            }
            _ => {
                return Err(Error::Policy {
                    what: "kind of action",
                    expected: format!("{:?}", self.head()),
                    found: "the other kind".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Places in `shifts` and `feed_forward` of the correction after which `service` is nearest to `wanted` replicas.
    fn closest(
        &self,
        seen: &Snapshot,
        service: usize,
        wanted: u32,
        shifts: impl Iterator<Item = f64>,
        feed_forward: &[i32],
    ) -> (usize, usize) {
        let (view, last, bounds) = (&seen.services[service], self.last[service], self.bounds[service]);
        let current = if view.replicas.spec == last.asked { last.inner } else { view.replicas.spec };
        let mut best = ((u32::MAX, i32::MAX, f64::INFINITY), (0, 0));
        for (at, shift) in shifts.enumerate() {
            let mut inner = self.inner.controllers()[service].clone();
            let desired = inner.sync(seen.time, view, current, 1.0 + shift).desired;
            for (place, &added) in feed_forward.iter().enumerate() {
                let asked = desired.saturating_add_signed(added).clamp(bounds.min, bounds.max);
                let merit = (asked.abs_diff(wanted), added.abs(), shift.abs());
                if merit < best.0 {
                    best = (merit, (at, place));
                }
            }
        }
        best.1
    }
}
