//! Who sends the requests: traffic from outside that does not care for the answers (open), users who wait for each
//! answer before they ask again (closed), or sessions that come and go (semi-open, "partly open").
//!
//! The number that a cluster is given as traffic is in all three the requests per second that would be made if every
//! answer came at once. So closed load has `rate × wait / requests` users, and one trace serves all kinds.
//!
//! Users are a fluid. Closed, who is not waiting for an answer thinks: with `N` users, `Q` requests in the system and a
//! think time `Z` they ask `(N − Q) / Z` times a second, which in equilibrium is the interactive response time law
//! `X = N / (Z + R)`. At a pace `P` (Locust's `constant_pacing`; `constant_throughput(c)` is a pace of `1 / c`) it is
//! `X = N · m / max(P, m · R)` for tasks of `m` requests. Both are solved at the end of the sub-step, backlog included,
//! so that the loop between load and response time neither rings nor overshoots.
//!
//! Sources: Schroeder, Wierman and Harchol-Balter, *Open Versus Closed: A Cautionary Tale*, NSDI 2006 (the three kinds);
//! Locust's `wait_time` functions (pacing).
//!
//! Left out: how long a queue a request meets ([`crate::Cluster`]), retries, and users that differ from each other.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Who sends the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadKind {
    /// Traffic that does not depend on the answers.
    #[default]
    Open,
    /// A number of users, each with one request at a time.
    Closed,
    /// Sessions that start at a rate, make some requests one after the other, and leave.
    SemiOpen,
}

/// What a user does between requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Thinks after the answers of a task (Locust's `constant` and `between`).
    #[default]
    Think,
    /// Starts a task each time the period is over, or at once when the task before took longer (`constant_pacing`).
    Pace,
}

/// Settings of the load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// Who sends the requests: `open`, `closed` or `semi_open`.
    pub kind: LoadKind,
    /// What closed users do between tasks: `think` or `pace`. Sessions of semi-open load always think.
    pub wait: Wait,
    /// Seconds of thinking, or from the start of a task to the next.
    pub wait_secs: f64,
    /// Requests, one after the other, of a closed user's task without a pause, or of a semi-open session with a pause
    /// after each; a mean, at least 1.
    pub requests: f64,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { kind: LoadKind::Open, wait: Wait::Think, wait_secs: 1.0, requests: 1.0 }
    }
}

impl LoadConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key, value: f64, right: bool, expected| {
            if right && value.is_finite() {
                Ok(())
            } else {
                Err(Error::Config { key, expected, found: value.to_string() })
            }
        };
        check("load.wait_secs", self.wait_secs, self.wait_secs > 0.0, "a number above zero")?;
        check("load.requests", self.requests, self.requests >= 1.0, "a number of at least 1")
    }

    /// Closed users that ask `rate` times a second when every answer comes at once.
    pub fn users(&self, rate: f64) -> f64 {
        rate * self.wait_secs / self.requests
    }

    /// What `users` closed users would ask a second if every answer came at once: the number to give as traffic.
    pub fn rate_of(&self, users: f64) -> f64 {
        users * self.requests / self.wait_secs
    }

    /// Requests per second during the next `dt` seconds, when `intended` would be made with instant answers. `in_system`
    /// gives the requests that are in the system after these seconds at a rate, and must not fall as the rate grows.
    pub(crate) fn issued(
        &self,
        users: &Users,
        intended: f64,
        dt: f64,
        in_system: impl FnMut(f64) -> f64,
    ) -> f64 {
        let wait = self.wait_secs / self.requests;
        match self.kind {
            LoadKind::Open => intended,
            LoadKind::Closed => {
                let population = self.users(intended);
                let mut in_system = in_system;
                root(intended, |rate| {
                    let inside = in_system(rate);
                    let busy = match self.wait {
                        Wait::Think => rate * wait + inside,
                        Wait::Pace => (rate * wait).max(inside),
                    };
                    busy - population
                })
            }
            LoadKind::SemiOpen => {
                let (starts, go_on) = (intended / self.requests, 1.0 - 1.0 / self.requests);
                let mut in_system = in_system;
                let asked = |rate: f64, inside: f64| {
                    let answered = (rate * dt - (inside - users.in_system)).max(0.0);
                    starts + (users.thinking + go_on * answered) / (self.wait_secs + dt)
                };
                // With nothing left in the system most is asked.
                let fastest = (starts + (users.thinking + go_on * users.in_system) / (self.wait_secs + dt))
                    / (1.0 - go_on * dt / (self.wait_secs + dt));
                root(fastest, |rate| rate - asked(rate, in_system(rate)))
            }
        }
    }
}

/// What the users of one lane are doing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Users {
    /// Users between two requests of a session (semi-open).
    pub(crate) thinking: f64,
    /// Requests in the system.
    pub(crate) in_system: f64,
    /// Response time over the sum of the times of all calls: below 1 where calls overlap.
    pub(crate) overlap: f64,
}

impl Default for Users {
    fn default() -> Self {
        Self { thinking: 0.0, in_system: 0.0, overlap: 1.0 }
    }
}

impl Users {
    /// Takes note of `count` requests made in `dt` seconds, after which `in_system` are in the system.
    pub(crate) fn note(&mut self, load: &LoadConfig, intended: f64, dt: f64, count: f64, in_system: f64) {
        let answered = (count - (in_system - self.in_system)).max(0.0);
        let starts = intended / load.requests * dt;
        self.thinking = (self.thinking + (1.0 - 1.0 / load.requests) * answered - (count - starts)).max(0.0);
        self.in_system = in_system;
    }
}

/// Where a function that does not fall crosses zero in `0..=most`; the nearer end when it does not cross.
fn root(most: f64, mut function: impl FnMut(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, most.max(0.0));
    if function(high) <= 0.0 {
        return high;
    }
    // Twenty-four halvings: to a ten-millionth of the intended rate.
    for _ in 0..24 {
        let middle = 0.5 * (low + high);
        if function(middle) > 0.0 { high = middle } else { low = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(wait: Wait, requests: f64) -> LoadConfig {
        LoadConfig { kind: LoadKind::Closed, wait, wait_secs: 2.0, requests }
    }

    #[test]
    fn thinking_users_follow_the_interactive_response_time_law() {
        // 30 users, Z = 2 s, R = 0.5 s: X = 30 / 2.5.
        let load = closed(Wait::Think, 1.0);
        let issued = load.issued(&Users::default(), load.rate_of(30.0), 5.0, |rate| 0.5 * rate);
        assert!((issued - 12.0).abs() < 1e-4, "{issued}");
    }

    #[test]
    fn a_pace_hides_the_response_time_until_a_task_no_longer_fits() {
        // 30 users with tasks of 8 requests every 2 s: 120 a second, until 8 · R exceeds 2 s.
        let load = closed(Wait::Pace, 8.0);
        let rate = load.rate_of(30.0);
        assert_eq!(load.issued(&Users::default(), rate, 5.0, |rate| 0.2 * rate), 120.0);
        let slow = load.issued(&Users::default(), rate, 5.0, |rate| 0.5 * rate);
        assert!((slow - 30.0 * 8.0 / (8.0 * 0.5)).abs() < 1e-4, "{slow}");
    }

    #[test]
    fn sessions_make_their_requests_in_the_long_run() {
        let load =
            LoadConfig { kind: LoadKind::SemiOpen, wait_secs: 3.0, requests: 5.0, ..LoadConfig::default() };
        let mut users = Users::default();
        let mut rate = 0.0;
        for _ in 0..200 {
            rate = load.issued(&users, 10.0, 5.0, |rate| 0.2 * rate);
            users.note(&load, 10.0, 5.0, rate * 5.0, 0.2 * rate);
        }
        assert!((rate - 10.0).abs() < 1e-3, "{rate}");
        // Little's law: 8 requests a second are followed by 3 s of thinking.
        assert!((users.thinking - 24.0).abs() < 0.05, "{users:?}");
    }
}
