//! Progress of long work on stderr: bars on a terminal, a plain line every few seconds elsewhere, nothing when quiet.
//!
//! Left out: results, which go to stdout ([`crate::output`]).

use crate::{
    clock,
    output::{Output, Remarks},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use trimtab_lab::{experiment::Event, training::Progress};

/// Time between two plain lines about the same work.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// With [`compact`] it fits into 80 columns.
const TEMPLATE: &str = "{prefix} {bar:6} {msg}";

/// Shows events; from any thread.
pub(crate) struct Display {
    kind: Kind,
}

enum Kind {
    Quiet,
    Plain(Mutex<Lines>),
    Bars { all: MultiProgress, bars: Mutex<BTreeMap<String, ProgressBar>>, style: ProgressStyle },
}

/// When something was last said about each piece of work, and what.
type Lines = BTreeMap<String, (Instant, String)>;

impl Display {
    /// As `output` and stderr allow.
    pub(crate) fn new(output: Output) -> Self {
        let kind = if output.remarks == Remarks::Withheld {
            Kind::Quiet
        } else if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(TEMPLATE)
                .expect("the template is well formed")
                .progress_chars("█▉▊▋▌▍▎▏ ");
            Kind::Bars { all: MultiProgress::new(), bars: Mutex::default(), style }
        } else {
            Kind::Plain(Mutex::default())
        };
        Self { kind }
    }

    /// Shows an event of an experiment or a comparison.
    pub(crate) fn event(&self, event: Event) {
        match event {
            Event::Stage { traffic, what, fraction } => self.stage(&traffic, &what, fraction),
            Event::Training { traffic, seed, progress } => {
                self.training(&format!("{traffic} seed {seed}"), &progress);
            }
            Event::Note(text) => self.note(&text),
        }
    }

    /// Shows how far a piece of work is, 0…1.
    pub(crate) fn stage(&self, of: &str, what: &str, fraction: f64) {
        let percent = format!("{:3.0} % {what}", 100.0 * fraction);
        self.show(of, what, fraction, &percent, &percent);
    }

    /// Shows how far a training run is.
    pub(crate) fn training(&self, run: &str, progress: &Progress) {
        // The last rollout ends beyond the total unless that is a multiple of its steps.
        let fraction = (progress.timesteps as f64 / progress.total_timesteps.max(1) as f64).min(1.0);
        self.show(run, "training", fraction, &sentence(progress), &compact(progress));
    }

    fn note(&self, text: &str) {
        match &self.kind {
            Kind::Quiet => {}
            Kind::Plain(_) => say(text),
            // Fails only when the terminal is gone.
            Kind::Bars { all, .. } => drop(all.println(text)),
        }
    }

    fn show(&self, of: &str, what: &str, fraction: f64, line: &str, beside_bar: &str) {
        match &self.kind {
            Kind::Quiet => {}
            Kind::Plain(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                let news =
                    lines.get(of).is_none_or(|(said, last)| last != what || said.elapsed() >= PLAIN_EVERY);
                if news || fraction >= 1.0 {
                    say(&format!("{of}: {line}"));
                    lines.insert(of.to_owned(), (clock::now(), what.to_owned()));
                }
            }
            Kind::Bars { all, bars, style } => {
                let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
                let bar = bars.entry(of.to_owned()).or_insert_with(|| {
                    all.add(ProgressBar::new(1000).with_style(style.clone()).with_prefix(of.to_owned()))
                });
                bar.set_message(beside_bar.to_owned());
                bar.set_position((1000.0 * fraction) as u64);
                if fraction >= 1.0 {
                    bar.abandon();
                }
            }
        }
    }
}

/// Leaves finished and unfinished bars as they stand.
impl Drop for Display {
    fn drop(&mut self) {
        if let Kind::Bars { bars, .. } = &self.kind {
            for bar in bars.lock().unwrap_or_else(PoisonError::into_inner).values() {
                bar.abandon();
            }
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Steps, speed, return, cost, violations and time left of a training run, as a line.
fn sentence(progress: &Progress) -> String {
    let score = progress.score.map_or_else(String::new, |score| format!(", validation score {score:.3}"));
    format!(
        "{} of {} steps, {} steps/s, return {:.2}{}{score}, {} left",
        thousands(progress.timesteps),
        thousands(progress.total_timesteps),
        thousands(progress.steps_per_sec as u64),
        progress.episode_return,
        of_slo(progress, |cost, violated| format!(", cost {cost:.2}, SLO violated {violated:.2} %")),
        duration(progress.remaining_secs),
    )
}

/// The same beside a bar: steps, speed, time left, return, cost, share of time over the SLO.
fn compact(progress: &Progress) -> String {
    let left = progress.remaining_secs.max(0.0).round() as u64;
    format!(
        "{}/{} {}/s {}:{:02} return {:.2}{}",
        short(progress.timesteps as f64),
        short(progress.total_timesteps as f64),
        short(progress.steps_per_sec),
        left / 60,
        left % 60,
        progress.episode_return,
        of_slo(progress, |cost, violated| format!(" cost {cost:.2} viol {violated:.1}%")),
    )
}

/// Cost and percent of violated SLO windows, where the environment tells of them.
fn of_slo(progress: &Progress, shown: impl Fn(f64, f64) -> String) -> String {
    let find = |name: &str| progress.means.iter().find(|(key, _)| key == name).map(|(_, mean)| *mean);
    match (find("cost"), find("violation_share")) {
        (Some(cost), Some(violated)) => shown(cost, 100.0 * violated),
        _ => String::new(),
    }
}

/// `950`, `9.5k`, `95k` or `1.5M`.
fn short(number: f64) -> String {
    match number {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 9950.0 => format!("{:.1}k", n / 1e3),
        n if n < 999_500.0 => format!("{:.0}k", n / 1e3),
        n => format!("{:.1}M", n / 1e6),
    }
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `42 s`, `3 min 20 s` or `2 h 05 min`.
pub(crate) fn duration(secs: f64) -> String {
    let secs = if secs.is_finite() { secs.max(0.0).round() as u64 } else { 0 };
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min {:02} s", secs / 60, secs % 60),
        _ => format!("{} h {:02} min", secs / 3600, secs % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.4, 61.0, 7500.0, f64::NAN].map(duration), ["0 s", "1 min 01 s", "2 h 05 min", "0 s"]);
    }

    #[test]
    fn a_training_run_is_told_in_one_line() {
        let progress = Progress {
            timesteps: 2048,
            total_timesteps: 40_000,
            steps_per_sec: 21_000.4,
            remaining_secs: 62.0,
            episode_return: -3.456,
            means: vec![("cost".into(), 2.3), ("violation_share".into(), 0.012)],
            multiplier: None,
            score: None,
        };
        assert_eq!(
            sentence(&progress),
            "2,048 of 40,000 steps, 21,000 steps/s, return -3.46, cost 2.30, SLO violated 1.20 %, 1 min 02 s left"
        );
        assert_eq!(compact(&progress), "2.0k/40k 21k/s 1:02 return -3.46 cost 2.30 viol 1.2%");
        let validated = Progress { score: Some(0.9871), ..progress.clone() };
        assert!(sentence(&validated).contains("violated 1.20 %, validation score 0.987, 1 min"));
        let elsewhere = Progress { means: vec![("cost".into(), 0.1)], ..progress };
        assert!(sentence(&elsewhere).contains("return -3.46, 1 min"));
    }
}
