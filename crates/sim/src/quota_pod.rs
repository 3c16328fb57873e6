//! One pod under a CPU limit, request by request, with users who wait for their answers: for environments that change limits
//! every second, which the fluid model's 5-second sub-steps and steady-state waits are too coarse for.
//!
//! The pod's workers share its CPU (processor sharing, at most one core a request, as many at once as there are workers). The
//! limit is a CFS quota: each period of 100 ms starts with `limit × period` of CPU time, and a pod that has used it up stands still
//! until the next one. Users form a closed loop: each sends a request, waits for the answer, thinks, and sends the next, so
//! that a slow service is asked less. A changed limit is in force once the kubelet has carried the resize out
//! ([`ResizeConfig`]: at once, or in place after a log-normal delay).
//!
//! Left out: per-CPU slices of the quota, garbage collection, memory, start-up, and other pods on the node.

use crate::{Error, ResizeConfig, ResizeMethod, Result};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Seconds of a quota period (kubelet's default `cpuCFSQuotaPeriod`).
const PERIOD: f64 = 0.1;

/// Settings of a pod and of those who send to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaPodConfig {
    /// Mean CPU time of a request in milliseconds.
    pub cpu_ms: f64,
    /// CPU times are uniform between 1 − this and 1 + this of the mean, 0 to 1.
    pub cpu_spread: f64,
    /// Milliseconds that an answer takes besides CPU: network and proxy.
    pub base_ms: f64,
    /// Requests that are worked on at once, each on a core of its own.
    pub workers: u32,
    /// Mean seconds that a user thinks between an answer and the next request.
    pub think_secs: f64,
    /// Think times are uniform between 1 − this and 1 + this of the mean, 0 to 1.
    pub think_spread: f64,
    /// Seconds after which a user gives up on an answer.
    pub timeout_secs: f64,
    /// How changed limits come into force: `instant` or `in_place`.
    pub resize: ResizeConfig,
}

impl Default for QuotaPodConfig {
    fn default() -> Self {
        Self {
            cpu_ms: 5.0,
            cpu_spread: 0.5,
            base_ms: 5.0,
            workers: 4,
            think_secs: 1.0,
            think_spread: 0.5,
            timeout_secs: 30.0,
            resize: ResizeConfig { method: ResizeMethod::InPlace, ..ResizeConfig::default() },
        }
    }
}

impl QuotaPodConfig {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first one outside its range.
    pub fn validate(&self) -> Result<()> {
        let check = |key, expected, right: bool, found: f64| {
            if right && found.is_finite() {
                Ok(())
            } else {
                Err(Error::Config { key, expected, found: found.to_string() })
            }
        };
        check("pod.cpu_ms", "a number above zero", self.cpu_ms > 0.0, self.cpu_ms)?;
        check("pod.base_ms", "zero or more", self.base_ms >= 0.0, self.base_ms)?;
        check("pod.think_secs", "a number above zero", self.think_secs > 0.0, self.think_secs)?;
        check("pod.timeout_secs", "a number above zero", self.timeout_secs > 0.0, self.timeout_secs)?;
        check("pod.workers", "at least 1", self.workers > 0, f64::from(self.workers))?;
        for (key, spread) in [("pod.cpu_spread", self.cpu_spread), ("pod.think_spread", self.think_spread)] {
            check(key, "a number from 0 to 1", (0.0..=1.0).contains(&spread), spread)?;
        }
        if !matches!(self.resize.method, ResizeMethod::Instant | ResizeMethod::InPlace) {
            let (key, expected) = ("pod.resize.method", "instant or in_place: a single pod is not restarted");
            return Err(Error::Config { key, expected, found: format!("{:?}", self.resize.method) });
        }
        self.resize.validate()
    }
}

/// A request that is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Request {
    sent: f64,
    /// What every request will have been given when this one is finished, core-seconds.
    finish: f64,
}

/// A pod and its users. Times are seconds since it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotaPod {
    now: f64,
    /// Limit in force, millicores.
    limit: f64,
    /// A change on its way: limit and when it comes into force.
    change: Option<(f64, f64)>,
    period_end: f64,
    /// Core-seconds left in this period.
    quota: f64,
    /// Core-seconds that each request in work has been given since the pod was made.
    given: f64,
    /// In work, the next to finish last.
    active: Vec<Request>,
    /// When each thinking user sends next, the soonest last.
    thinking: Vec<f64>,
    users: usize,
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodStep {
    /// Millicores used, mean over the stretch.
    pub used: f64,
    /// Limit in force at its end, millicores.
    pub limit: f64,
    /// Requests that were answered.
    pub answered: u32,
    /// Requests that users gave up on.
    pub given_up: u32,
    /// Mean seconds of what was answered; of nothing, how long the longest has waited, else what an idle pod would take.
    pub response: f64,
    /// Seconds of one of these answers, drawn at random: what a single probe meets. Infinite where it was given up on.
    pub probe: f64,
}

impl PodStep {
    /// Use in percent of the limit in force; it exceeds 100 after a limit was lowered.
    pub fn percent(&self) -> f64 {
        if self.limit > 0.0 { 100.0 * self.used / self.limit } else { 0.0 }
    }
}

impl QuotaPod {
    /// An idle pod with a limit in millicores and nobody to send to it.
    pub fn new(limit: f64) -> Self {
        Self {
            now: 0.0,
            limit,
            change: None,
            period_end: PERIOD,
            quota: limit * 1e-3 * PERIOD,
            given: 0.0,
            active: Vec::new(),
            thinking: Vec::new(),
            users: 0,
        }
    }

    /// Limit in force, millicores.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// From now on there are so many users. New ones begin within a think time; those who are too many leave when they have
    /// their answer.
    pub fn set_users<R: Rng + ?Sized>(&mut self, users: usize, config: &QuotaPodConfig, rng: &mut R) {
        let mut there = self.thinking.len() + self.active.len();
        while there < users {
            let at = self.now + rng.random_range(0.0..1.0) * config.think_secs;
            self.think_until(at);
            there += 1;
        }
        while there > users && self.thinking.pop().is_some() {
            there -= 1;
        }
        self.users = users;
    }

    /// Asks for another limit in millicores; one that was asked for before and is not in force is forgotten.
    pub fn resize<R: Rng + ?Sized>(&mut self, limit: f64, config: &QuotaPodConfig, rng: &mut R) {
        let asked = self.change.map_or(self.limit, |(asked, _)| asked);
        if limit == asked {
            return;
        }
        if config.resize.method == ResizeMethod::InPlace {
            self.change = Some((limit, self.now + config.resize.delay(rng)));
        } else {
            (self.limit, self.change) = (limit, None);
        }
    }

    /// Lets `seconds` pass.
    pub fn advance<R: Rng + ?Sized>(
        &mut self,
        seconds: f64,
        config: &QuotaPodConfig,
        rng: &mut R,
    ) -> PodStep {
        let end = self.now + seconds;
        let mut tally = Tally::default();
        while self.now < end {
            let next = self.next_event(end, config, &mut tally);
            self.handle(next, config, &mut tally, rng);
        }
        let idle = 1e-3 * (config.base_ms + config.cpu_ms);
        let oldest = self.active.iter().map(|request| end - request.sent).fold(0.0, f64::max);
        let none = if self.active.is_empty() { idle } else { oldest.max(idle) };
        let told = tally.answered + tally.given_up;
        PodStep {
            used: 1e3 * tally.used / seconds,
            limit: self.limit,
            answered: tally.answered,
            given_up: tally.given_up,
            response: if told > 0 { tally.seconds / f64::from(told) } else { none },
            probe: if told > 0 { tally.probe } else { none },
        }
    }

    /// Works until something happens, and says what.
    fn next_event(&mut self, end: f64, config: &QuotaPodConfig, tally: &mut Tally) -> Event {
        let busy = self.active.len().min(config.workers as usize) as f64;
        let speed = if busy > 0.0 && self.quota > 0.0 { busy / self.active.len() as f64 } else { 0.0 };
        let (mut at, mut event) = (end, Event::End);
        let mut sooner = |time: f64, what: Event| {
            if time < at {
                (at, event) = (time, what);
            }
        };
        sooner(self.period_end, Event::Period);
        if let Some(time) = self.thinking.last() {
            sooner(*time, Event::Send);
        }
        if let Some((_, time)) = self.change {
            sooner(time, Event::Resized);
        }
        if speed > 0.0 {
            sooner(self.now + self.quota / busy, Event::Throttled);
            if let Some(request) = self.active.last() {
                sooner(self.now + (request.finish - self.given) / speed, Event::Answered);
            }
        }
        let passed = (at - self.now).max(0.0);
        if speed > 0.0 {
            self.given += passed * speed;
            self.quota = (self.quota - passed * busy).max(0.0);
            tally.used += passed * busy;
        }
        self.now = at.max(self.now);
        event
    }

    fn handle<R: Rng + ?Sized>(
        &mut self,
        event: Event,
        config: &QuotaPodConfig,
        tally: &mut Tally,
        rng: &mut R,
    ) {
        match event {
            Event::End => {}
            Event::Throttled => self.quota = 0.0,
            Event::Period => {
                self.period_end += PERIOD;
                self.quota = self.limit * 1e-3 * PERIOD;
                self.give_up(config, tally, rng);
            }
            Event::Resized => {
                if let Some((limit, _)) = self.change.take() {
                    self.limit = limit;
                }
            }
            Event::Send => {
                self.thinking.pop();
                let cpu = 1e-3 * config.cpu_ms * around(config.cpu_spread, rng);
                let request = Request { sent: self.now, finish: self.given + cpu };
                let place = self.active.partition_point(|other| other.finish > request.finish);
                self.active.insert(place, request);
            }
            Event::Answered => {
                if let Some(request) = self.active.pop() {
                    self.given = request.finish;
                    let seconds = self.now - request.sent + 1e-3 * config.base_ms;
                    tally.answered += 1;
                    tally.count(seconds, seconds, rng);
                    self.after_answer(config, rng);
                }
            }
        }
    }

    /// Users who have waited for the timeout turn away, and their requests with them; looked at once a period.
    fn give_up<R: Rng + ?Sized>(&mut self, config: &QuotaPodConfig, tally: &mut Tally, rng: &mut R) {
        let before = self.active.len();
        let since = self.now - config.timeout_secs;
        self.active.retain(|request| request.sent > since);
        for _ in self.active.len()..before {
            tally.given_up += 1;
            tally.count(config.timeout_secs, f64::INFINITY, rng);
            self.after_answer(config, rng);
        }
    }

    fn after_answer<R: Rng + ?Sized>(&mut self, config: &QuotaPodConfig, rng: &mut R) {
        if self.thinking.len() + self.active.len() < self.users {
            let at = self.now + config.think_secs * around(config.think_spread, rng);
            self.think_until(at);
        }
    }

    fn think_until(&mut self, at: f64) {
        let place = self.thinking.partition_point(|other| *other > at);
        self.thinking.insert(place, at);
    }
}

/// 1 on average, uniform within ± `spread`.
fn around<R: Rng + ?Sized>(spread: f64, rng: &mut R) -> f64 {
    1.0 + spread * rng.random_range(-1.0..1.0)
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    End,
    Period,
    Throttled,
    Resized,
    Send,
    Answered,
}

/// Of the stretch so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    used: f64,
    answered: u32,
    given_up: u32,
    seconds: f64,
    probe: f64,
}

impl Tally {
    /// Takes one more outcome; the probe is each of them with equal probability.
    fn count<R: Rng + ?Sized>(&mut self, seconds: f64, seen: f64, rng: &mut R) {
        self.seconds += seconds;
        if rng.random_range(0..self.answered + self.given_up) == 0 {
            self.probe = seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    fn run(limit: f64, users: usize, config: &QuotaPodConfig, seconds: usize) -> Vec<PodStep> {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut pod = QuotaPod::new(limit);
        pod.set_users(users, config, &mut rng);
        (0..seconds).map(|_| pod.advance(1.0, config, &mut rng)).collect()
    }

    fn mean(steps: &[PodStep], of: impl Fn(&PodStep) -> f64) -> f64 {
        steps.iter().map(of).sum::<f64>() / steps.len() as f64
    }

    #[test]
    fn with_room_an_answer_takes_its_cpu_time_and_use_follows_the_users() {
        let config = QuotaPodConfig::default();
        let steps = run(4000.0, 50, &config, 60);
        let response = mean(&steps[5..], |step| step.response);
        assert!((0.0095..0.013).contains(&response), "{response}");
        // 50 users who think a second each and wait 10 ms, at 5 ms of CPU.
        let used = mean(&steps[5..], |step| step.used);
        assert!((used - 247.0).abs() < 15.0, "{used}");
    }

    #[test]
    fn use_never_exceeds_the_quota_and_users_wait_for_what_is_missing() {
        let config = QuotaPodConfig::default();
        let steps = run(100.0, 50, &config, 60);
        assert!(steps.iter().all(|step| step.used <= 100.0 + 1e-6));
        // Little's law of the closed loop: 50 users, 20 answers a second, a second of thought.
        let response = mean(&steps[20..], |step| step.response);
        assert!((response - 1.5).abs() < 0.15, "{response}");
        let answered = mean(&steps[20..], |step| f64::from(step.answered));
        assert!((answered - 20.0).abs() < 0.5, "{answered}");
    }

    #[test]
    fn a_smaller_limit_makes_answers_slower_long_before_it_is_used_up() {
        let config = QuotaPodConfig::default();
        let response = |limit: f64| mean(&run(limit, 30, &config, 120)[10..], |step| step.response);
        let responses = [600.0, 300.0, 200.0, 160.0].map(response);
        assert!(responses.windows(2).all(|pair| pair[0] < pair[1]), "{responses:?}");
    }

    #[test]
    fn a_limit_is_in_force_when_the_kubelet_has_carried_it_out() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let config = QuotaPodConfig::default();
        let mut pod = QuotaPod::new(100.0);
        pod.resize(200.0, &config, &mut rng);
        assert_eq!(pod.limit(), 100.0);
        pod.advance(30.0, &config, &mut rng);
        assert_eq!(pod.limit(), 200.0);
        let instant = QuotaPodConfig { resize: ResizeConfig::default(), ..config };
        pod.resize(300.0, &instant, &mut rng);
        assert_eq!(pod.limit(), 300.0);
    }

    #[test]
    fn whoever_waits_too_long_gives_up_and_users_who_are_too_many_leave() {
        let config = QuotaPodConfig { timeout_secs: 2.0, ..QuotaPodConfig::default() };
        let steps = run(10.0, 50, &config, 20);
        assert!(steps.iter().map(|step| step.given_up).sum::<u32>() > 100);
        assert!(steps.iter().all(|step| step.response <= 2.0 + 1e-9));
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut pod = QuotaPod::new(1000.0);
        pod.set_users(50, &config, &mut rng);
        pod.advance(5.0, &config, &mut rng);
        pod.set_users(0, &config, &mut rng);
        pod.advance(5.0, &config, &mut rng);
        assert_eq!(pod.advance(1.0, &config, &mut rng).answered, 0);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let wrong = QuotaPodConfig { workers: 0, ..QuotaPodConfig::default() };
        let text = wrong.validate().unwrap_err().to_string();
        assert_eq!(text, "sim.pod.workers is 0, expected at least 1");
    }
}
