//! `trimtab workload`: what traffic looks like before anything is trained on it, and made-up use of CPU and memory.

mod generate;

use crate::{
    listing::{self, Item},
    output::{Ending, Output},
    settings::ReadingArgs,
    sparkline::sparkline,
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write;
use trimtab_lab::traffic::{self, TrafficConfig};
use trimtab_model::Seconds;
use trimtab_workload::{
    Trace, Workload, gallery, shipped,
    trace::{Period, Suspicion},
};

/// Bars of a picture.
const BARS: usize = 48;

/// List and show traffic, and make up use of CPU and memory
#[derive(Subcommand, Debug)]
pub(crate) enum WorkloadVerb {
    /// List the recordings and the synthetic workloads that ship
    #[command(after_help = "Example:\n  trimtab workload list")]
    List,
    Show(ShowArgs),
    Generate(generate::GenerateArgs),
}

/// Summarise traffic: its days with mean and peak, and days on which the recorder was down
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab workload show shop.csv --days 0..7")]
pub(crate) struct ShowArgs {
    /// Name of a workload that ships, or a file of times and counts, whatever its columns are called
    source: String,
    /// Days to show, such as 0..5 or 1998-06-11..=1998-06-19 [default: all]
    #[arg(long, value_name = "DAYS")]
    days: Option<String>,
    /// Hours of a synthetic workload to show
    #[arg(long, value_name = "N", default_value_t = 24.0)]
    hours: f64,
    /// Seed of a synthetic workload
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// See [`WorkloadVerb`].
pub(crate) fn run(verb: &WorkloadVerb, output: Output) -> Result<Ending> {
    match verb {
        WorkloadVerb::List => list(output)?,
        WorkloadVerb::Show(args) => show(args, output)?,
        WorkloadVerb::Generate(args) => return generate::run(args, output),
    }
    Ok(Ending::Fine)
}

fn list(output: Output) -> Result<()> {
    let item = |named: gallery::Named| Item { name: named.name, description: named.description.to_owned() };
    let items: Vec<Item> = gallery::all().into_iter().map(item).collect();
    listing::print(&items, output)
}

fn show(args: &ShowArgs, output: Output) -> Result<()> {
    let named =
        gallery::find(&args.source).filter(|named| !matches!(named.workload, Workload::Replay { .. }));
    if let Some(named) = named {
        let synthetic = Synthetic::new(named.description, &named.workload, args)?;
        return output.result(&synthetic, || synthetic.page(&args.source));
    }
    let mut config = TrafficConfig { source: args.source.clone(), ..TrafficConfig::default() };
    args.reading.apply(&mut config);
    let recording = Recording::new(&traffic::recording(&config)?, args)?;
    output.result(&recording, || recording.page(&args.source))
}

/// A function of time, sampled.
#[derive(Serialize)]
struct Synthetic {
    description: &'static str,
    seconds: f64,
    mean: f64,
    peak: f64,
    /// Mean rate of equal parts.
    rates: Vec<f64>,
}

impl Synthetic {
    fn new(description: &'static str, workload: &Workload, args: &ShowArgs) -> Result<Self> {
        anyhow::ensure!(
            args.hours.is_finite() && args.hours > 0.0,
            "--hours: is {}, expected a number above zero",
            args.hours
        );
        let rate = workload.build(args.seed).with_context(|| args.source.clone())?;
        let seconds = 3600.0 * args.hours;
        let part = seconds / BARS as f64;
        let rates: Vec<f64> = (0..BARS)
            .map(|i| rate.mean(Seconds(part * i as f64), Seconds(part * (i + 1) as f64)).0)
            .collect();
        let peak = rates.iter().copied().fold(0.0, f64::max);
        Ok(Self { description, seconds, mean: rate.mean(Seconds(0.0), Seconds(seconds)).0, peak, rates })
    }

    fn page(&self, name: &str) -> String {
        let Self { description, seconds, mean, peak, rates } = self;
        format!(
            "{name}: {description}\nfirst {} h: mean {mean:.1}, highest bar {peak:.1} requests/s\n\n{}\n",
            seconds / 3600.0,
            sparkline(rates, *peak)
        )
    }
}

/// A recording, day by day.
#[derive(Serialize)]
struct Recording {
    description: Option<&'static str>,
    step_secs: f64,
    requests: f64,
    /// Requests/s.
    mean: f64,
    /// Requests/s, highest interval.
    peak: f64,
    days: Vec<Day>,
    /// Why days are left out of training and scoring.
    suspects: Vec<String>,
    /// Days recommended for training, if the recording ships.
    train: Option<&'static str>,
    /// Days recommended for the test, if the recording ships.
    test: Option<&'static str>,
}

#[derive(Serialize)]
struct Day {
    label: String,
    seconds: f64,
    /// Requests/s.
    mean: f64,
    /// Requests/s, highest interval.
    peak: f64,
    suspect: bool,
    /// Mean requests/s of equal parts.
    rates: Vec<f64>,
}

impl Recording {
    fn new(trace: &Trace, args: &ShowArgs) -> Result<Self> {
        let known = shipped::ALL.iter().find(|shipped| shipped.name == args.source);
        let suspects = trace.suspects(&Suspicion::default());
        let days = trace.days();
        let shown = match &args.days {
            None => days,
            Some(spec) => Trace::pick_days(&days, spec).with_context(|| args.source.clone())?,
        };
        let day = |period: &Period| {
            let suspect = suspects.iter().any(|s| s.period.day == period.day);
            Ok(Day { suspect, ..Day::new(trace, period)? })
        };
        Ok(Self {
            description: known.map(|shipped| shipped.description),
            step_secs: trace.step().0,
            requests: trace.total(),
            mean: trace.mean().0,
            peak: trace.peak().0,
            days: shown.iter().map(day).collect::<Result<_>>()?,
            suspects: suspects.iter().map(ToString::to_string).collect(),
            train: known.map(|shipped| shipped.train),
            test: known.map(|shipped| shipped.test),
        })
    }

    fn page(&self, source: &str) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_page(&mut page, source);
        page
    }

    fn write_page(&self, w: &mut String, source: &str) -> std::fmt::Result {
        writeln!(w, "{source}: {}", self.description.unwrap_or("a file of times and counts"))?;
        let Self { step_secs, requests, mean, peak, .. } = self;
        writeln!(
            w,
            "{requests:.0} requests, one row every {step_secs} s, mean {mean:.2}, peak {peak:.2} requests/s"
        )?;
        if let (Some(train), Some(test)) = (self.train, self.test) {
            writeln!(w, "recommended: train on {train}, test on {test}")?;
        }
        if self.days.is_empty() {
            return writeln!(w, "no whole day: the first 70 % train, the rest tests");
        }
        writeln!(w, "\n{:12} {:>9} {:>9}  requests/s, midnight to midnight", "day", "mean", "peak")?;
        let top = self.days.iter().flat_map(|day| &day.rates).copied().fold(0.0, f64::max);
        for Day { label, mean, peak, suspect, rates, .. } in &self.days {
            let mark = if *suspect { " !" } else { "" };
            writeln!(w, "{label:12} {mean:>9.2} {peak:>9.2}  {}{mark}", sparkline(rates, top))?;
        }
        if !self.suspects.is_empty() {
            writeln!(w, "\nleft out of training and scoring (!): {}", self.suspects.join("; "))?;
        }
        Ok(())
    }
}

impl Day {
    fn new(trace: &Trace, period: &Period) -> Result<Self> {
        let own = trace.select(period.intervals.clone())?;
        let counts = own.counts();
        let rates = (0..BARS)
            .map(|bar| {
                let (from, to) = (bar * counts.len() / BARS, (bar + 1) * counts.len() / BARS);
                let part = &counts[from..to.max(from + 1).min(counts.len())];
                part.iter().sum::<f64>() / (part.len() as f64 * own.step().0)
            })
            .collect();
        Ok(Self {
            label: period.label.clone(),
            seconds: period.length.0,
            mean: own.mean().0,
            peak: own.peak().0,
            suspect: false,
            rates,
        })
    }
}
