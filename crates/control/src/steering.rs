//! From a policy's action to a proposal: what the learned part is allowed to do.
//!
//! * `trim`: the policy corrects an inner HPA within bounds, per service: a shift of its target
//!   and a feed-forward in replicas. The zero action is the exact inner HPA.
//! * `trim_continuous` (default): the same with two numbers in [-1, 1] a service.
//! * `delta`: a bounded step of replicas per service.
//! * `move`: one service and one move (`none, +1…+7, −1…−7`), as the horizontal reference systems have it;
//!   flat, so that a mask can forbid pairs.
//!
//! Left out: observations ([`crate::codec`]) and guardrails, which follow.

use crate::{
    Error, Hpa, Result,
    codec::{Echo, Layout},
    error::check,
};
use serde::{Deserialize, Serialize};
use trimtab_model::{Application, Decision, ReplicaBounds, Snapshot};
use trimtab_nn::{ActionHead, ActionSlice};

/// Moves of the `move` action space: nothing, 1 to 7 more, 1 to 7 fewer.
pub const MOVES: usize = 15;

/// Bounds of the trim actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrimConfig {
    /// Relative shifts of the inner target to choose from; must contain 0. The continuous form uses the
    /// smallest and largest as its bounds.
    pub shifts: Vec<f64>,
    /// Replicas to add to the inner decision; must contain 0. Bounds of the continuous form likewise.
    pub feed_forward: Vec<i32>,
}

impl Default for TrimConfig {
    fn default() -> Self {
        Self { shifts: vec![-0.4, -0.2, 0.0, 0.2, 0.4], feed_forward: vec![-1, 0, 1] }
    }
}

/// Name of an action space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Bounded corrections of an inner HPA, from a few choices.
    Trim,
    /// Bounded corrections of an inner HPA, continuous.
    #[default]
    TrimContinuous,
    /// A bounded step per service.
    Delta,
    /// One service and one move.
    Move,
}

/// Carries out actions of one kind.
#[derive(Clone, Debug)]
pub struct Steering {
    kind: ActionKind,
    trim: TrimConfig,
    delta: u32,
    inner: Hpa,
    bounds: Vec<ReplicaBounds>,
    echo: Vec<Echo>,
    last: Vec<Trimmed>,
    invalid: u32,
}

/// What the last trim of a service was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trimmed {
    /// Replicas by the inner autoscaler.
    inner: u32,
    /// Replicas after feed-forward, within bounds.
    asked: u32,
}

/// What steering remembers between two decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteeringMemory {
    controllers: Vec<crate::hpa::Controller>,
    echo: Vec<Echo>,
    last: Vec<Trimmed>,
}

impl Steering {
    /// Steering of `application` around `inner`; `delta` is the largest step of the `delta` kind.
    ///
    /// # Errors
    /// When the trim choices do not contain zero, or leave the target at or below zero.
    pub fn new(
        kind: ActionKind,
        trim: TrimConfig,
        delta: u32,
        inner: Hpa,
        application: &Application,
    ) -> Result<Self> {
        let sound = trim.shifts.contains(&0.0) && trim.shifts.iter().all(|&s| s > -1.0 && s.is_finite());
        check("trim.shifts", sound, "numbers above -1, 0 among them", format!("{:?}", trim.shifts))?;
        let zero = trim.feed_forward.contains(&0);
        check("trim.feed_forward", zero, "whole numbers, 0 among them", format!("{:?}", trim.feed_forward))?;
        check("delta", delta >= 1, "at least 1", delta)?;
        let bounds: Vec<_> = application.services.iter().map(|s| s.replicas).collect();
        let services = bounds.len();
        Ok(Self {
            kind,
            trim,
            delta,
            inner,
            echo: vec![Echo::default(); services],
            last: vec![Trimmed::default(); services],
            bounds,
            invalid: 0,
        })
    }

    /// How observations are laid out for this kind of action.
    pub fn layout(&self) -> Layout {
        match self.kind {
            ActionKind::Trim | ActionKind::TrimContinuous => Layout::PerService,
            ActionKind::Delta | ActionKind::Move => Layout::Flat,
        }
    }

    /// What one row's action is made of; a Gaussian's numbers lie in [-1, 1].
    pub fn head(&self) -> ActionHead {
        match self.kind {
            ActionKind::Trim => {
                ActionHead::MultiDiscrete(vec![self.trim.shifts.len(), self.trim.feed_forward.len()])
            }
            ActionKind::TrimContinuous => ActionHead::Gaussian(2),
            ActionKind::Delta => {
                ActionHead::MultiDiscrete(vec![2 * self.delta as usize + 1; self.bounds.len()])
            }
            ActionKind::Move => ActionHead::Discrete(self.bounds.len() * MOVES),
        }
    }

    /// The choice of each head that changes nothing; empty for a continuous shape, whose zero it is.
    pub fn neutral(&self) -> Vec<u32> {
        let position = |found: Option<usize>| found.unwrap_or_default() as u32;
        match self.kind {
            ActionKind::Trim => vec![
                position(self.trim.shifts.iter().position(|&s| s == 0.0)),
                position(self.trim.feed_forward.iter().position(|&f| f == 0)),
            ],
            ActionKind::TrimContinuous => Vec::new(),
            ActionKind::Delta => vec![self.delta; self.bounds.len()],
            ActionKind::Move => vec![0],
        }
    }

    /// Whether an action goes on acting at each decision that it is held for. A step of replicas is taken once.
    pub fn acts_while_held(&self) -> bool {
        matches!(self.kind, ActionKind::Trim | ActionKind::TrimContinuous)
    }

    /// Whether [`mask`](Self::mask) forbids anything.
    pub fn masked(&self) -> bool {
        matches!(self.kind, ActionKind::Delta | ActionKind::Move)
    }

    /// Writes which choices keep every service within its bounds.
    pub fn mask(&self, seen: &Snapshot, allowed: &mut [bool]) {
        let fits = |service: usize, change: i64| {
            let wanted = i64::from(seen.services[service].replicas.spec) + change;
            let bounds = self.bounds[service];
            change == 0 || (i64::from(bounds.min)..=i64::from(bounds.max)).contains(&wanted)
        };
        match self.kind {
            ActionKind::Trim | ActionKind::TrimContinuous => allowed.fill(true),
            ActionKind::Delta => {
                let choices = 2 * self.delta as usize + 1;
                for (i, allowed) in allowed.iter_mut().enumerate() {
                    *allowed = fits(i / choices, (i % choices) as i64 - i64::from(self.delta));
                }
            }
            ActionKind::Move => {
                for (i, allowed) in allowed.iter_mut().enumerate() {
                    *allowed = fits(i / MOVES, change_of(i % MOVES));
                }
            }
        }
    }

    /// Writes the proposal that `action` stands for.
    ///
    /// # Errors
    /// [`Error::Policy`] for an action outside its space.
    pub fn decode(
        &mut self,
        seen: &Snapshot,
        action: ActionSlice<'_>,
        proposal: &mut Decision,
    ) -> Result<()> {
        self.invalid = 0;
        match (self.kind, action) {
            (ActionKind::Trim, ActionSlice::Choices(choices)) => {
                for service in 0..self.bounds.len() {
                    let shift = *pick(&self.trim.shifts, choices[2 * service])?;
                    let feed_forward = *pick(&self.trim.feed_forward, choices[2 * service + 1])?;
                    self.trim_service(seen, service, shift, feed_forward, proposal);
                }
            }
            (ActionKind::TrimContinuous, ActionSlice::Numbers(numbers)) => {
                let (low, high) = bounds_of(self.trim.shifts.iter().copied());
                let (fewer, more) = bounds_of(self.trim.feed_forward.iter().map(|&f| f64::from(f)));
                for service in 0..self.bounds.len() {
                    let shift = stretch(numbers[2 * service], low, high)?;
                    let feed_forward = stretch(numbers[2 * service + 1], fewer, more)?.round() as i32;
                    self.trim_service(seen, service, shift, feed_forward, proposal);
                }
            }
            (ActionKind::Delta, ActionSlice::Choices(choices)) => {
                for (service, &choice) in choices.iter().enumerate() {
                    if choice > 2 * self.delta {
                        return Err(outside(choice));
                    }
                    self.step_service(seen, service, i64::from(choice) - i64::from(self.delta), proposal);
                }
            }
            (ActionKind::Move, ActionSlice::Choices(choices)) => {
                let choice = choices[0] as usize;
                if choice >= self.bounds.len() * MOVES {
                    return Err(outside(choices[0]));
                }
                self.step_service(seen, choice / MOVES, change_of(choice % MOVES), proposal);
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

    /// What the last action did to each service.
    pub fn echo(&self) -> &[Echo] {
        &self.echo
    }

    /// Services whose bounds the last action would have left.
    pub fn invalid(&self) -> u32 {
        self.invalid
    }

    /// CPU target of each service as a share of its request.
    pub fn targets(inner: &Hpa) -> Vec<f64> {
        inner
            .controllers()
            .iter()
            .map(|controller| {
                controller.spec().cpu_utilization().map_or(0.8, |percent| f64::from(percent) / 100.0)
            })
            .collect()
    }

    /// Forgets everything seen.
    pub fn reset(&mut self) {
        for controller in self.inner.controllers_mut() {
            controller.reset();
        }
        self.echo.fill(Echo::default());
        self.last.fill(Trimmed::default());
    }

    /// The memory, for a checkpoint.
    pub fn save(&self) -> SteeringMemory {
        SteeringMemory {
            controllers: self.inner.controllers().to_vec(),
            echo: self.echo.clone(),
            last: self.last.clone(),
        }
    }

    /// Takes on a memory written by [`save`](Self::save).
    pub fn restore(&mut self, memory: SteeringMemory) {
        self.inner.controllers_mut().clone_from_slice(&memory.controllers);
        self.echo = memory.echo;
        self.last = memory.last;
    }

    fn trim_service(
        &mut self,
        seen: &Snapshot,
        service: usize,
        shift: f64,
        feed_forward: i32,
        proposal: &mut Decision,
    ) {
        let view = &seen.services[service];
        let (spec, last, bounds) = (view.replicas.spec, self.last[service], self.bounds[service]);
        // The inner autoscaler is told its own count, not the one with feed-forward on top: otherwise "stay
        // where you are" would add the same feed-forward again at each decision.
        let current = if spec == last.asked { last.inner } else { spec };
        let sync = self.inner.controllers_mut()[service].sync(seen.time, view, current, 1.0 + shift);
        let asked = sync.desired.saturating_add_signed(feed_forward).clamp(bounds.min, bounds.max);
        self.last[service] = Trimmed { inner: sync.desired, asked };
        proposal.services[service].replicas = Some(asked);
        self.echo[service] = Echo { shift: shift as f32, feed_forward: feed_forward as f32 };
    }

    fn step_service(&mut self, seen: &Snapshot, service: usize, change: i64, proposal: &mut Decision) {
        let current = i64::from(seen.services[service].replicas.spec);
        let (min, max) = (i64::from(self.bounds[service].min), i64::from(self.bounds[service].max));
        let wanted = current + change;
        self.echo[service] = Echo { shift: 0.0, feed_forward: change as f32 };
        if change != 0 && (min..=max).contains(&wanted) {
            proposal.services[service].replicas = Some(wanted as u32);
        } else if change != 0 {
            self.invalid += 1;
        }
    }
}

/// Change of replicas that a move stands for.
fn change_of(choice: usize) -> i64 {
    if choice <= 7 { choice as i64 } else { 7 - choice as i64 }
}

fn pick<T>(choices: &[T], choice: u32) -> Result<&T> {
    choices.get(choice as usize).ok_or_else(|| outside(choice))
}

fn outside(choice: u32) -> Error {
    Error::Policy {
        what: "action",
        expected: "a choice inside the space".to_owned(),
        found: choice.to_string(),
    }
}

fn bounds_of(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(low, high), v| (f64::min(low, v), f64::max(high, v)))
}

/// From [-1, 1] to [low, high] with 0 at 0.
fn stretch(number: f32, low: f64, high: f64) -> Result<f64> {
    if !(-1.0..=1.0).contains(&number) {
        let found = number.to_string();
        return Err(Error::Policy { what: "action", expected: "numbers from -1 to 1".to_owned(), found });
    }
    let number = f64::from(number);
    Ok(if number < 0.0 { -number * low } else { number * high })
}

#[cfg(test)]
mod tests;
