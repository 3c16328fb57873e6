//! Files under the originals' names: `results.csv`, a line for each episode, `ENV_observation.csv`, a line for each step, and the
//! models.
//!
//! Both tables are appended to, as in the originals; where a file is new it begins with a heading, so that the steps of a run can be read
//! as a data set. A latency that nobody measured is empty, not 0. Of several environments that step together, the first is told.
//!
//! Left out: what a step's line says, which is the environment's trace.

use super::flags::Plan;
use crate::clock;
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};
use trimtab_lab::{
    Error, Result,
    environments::Step,
    policy_file,
    run_dir::RunDir,
    training::callback::{Callback, Flow, Moment},
};

const RESULTS: &str = "results.csv";
const RESULTS_HEADING: &str = "episode,avg_pods,avg_latency,reward,execution_time";

/// Name of the table of steps.
pub(super) fn observations(env_name: &str) -> String {
    format!("{env_name}_observation.csv")
}

/// See the module; a callback of a training run, and told of the steps of a test.
pub(super) struct Outputs<'a> {
    plan: &'a Plan,
    results: Table,
    observations: Table,
    columns: Columns,
    episodes: u64,
    episode: Episode,
}

/// Where the trace tells of pods and of the latency.
#[derive(Default)]
struct Columns {
    pods: Vec<usize>,
    latency: Option<usize>,
}

/// An episode so far.
struct Episode {
    steps: u32,
    pods: f64,
    latency: f64,
    latencies: u32,
    reward: f64,
    begun: Instant,
}

impl Episode {
    fn new() -> Self {
        Self { steps: 0, pods: 0.0, latency: 0.0, latencies: 0, reward: 0.0, begun: clock::now() }
    }

    fn line(&self, episode: u64) -> String {
        let Self { steps, pods, latency, latencies, reward, begun } = self;
        let latency = match latencies {
            0 => String::new(),
            n => format!("{:.4}", latency / f64::from(*n)),
        };
        let (pods, secs) = (pods / f64::from(*steps), begun.elapsed().as_secs_f64());
        format!("{episode},{pods:.2},{latency},{reward:.2},{secs:.2}")
    }
}

impl<'a> Outputs<'a> {
    /// Those of `plan`, in the working directory. Nothing is written before the first step.
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            results: Table::new(RESULTS.into()),
            observations: Table::new(observations(&plan.env_name).into()),
            columns: Columns::default(),
            episodes: 0,
            episode: Episode::new(),
        }
    }

    fn begin_tables(&mut self, columns: &[String]) {
        let ending = |part: &str| {
            let found = columns.iter().enumerate().filter(move |(_, name)| name.ends_with(part));
            found.map(|(at, _)| at).collect::<Vec<_>>()
        };
        self.columns = Columns { pods: ending("_num_pods"), latency: ending("_latency").first().copied() };
        self.results.begin(RESULTS_HEADING);
        self.observations.begin(&columns.join(","));
    }

    /// Ends the tables.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.results.flush()?;
        self.observations.flush()
    }
}

impl Callback for Outputs<'_> {
    fn name(&self) -> &'static str {
        "run_outputs"
    }

    fn begin(&mut self, _dir: &RunDir, _timesteps: u64, _memory: Option<&[u8]>) -> Result<()> {
        Ok(())
    }

    fn after_step(&mut self, step: &Step<'_>) {
        if !self.results.has_begun() {
            self.begin_tables(&step.env.trace_columns());
        }
        let row = step.env.trace_row();
        let number = |at: &usize| row.get(*at).and_then(|field| field.parse::<f64>().ok());
        self.episode.steps += 1;
        self.episode.reward += step.reward();
        self.episode.pods += self.columns.pods.iter().filter_map(number).sum::<f64>();
        if let Some(latency) = self.columns.latency.as_ref().and_then(number) {
            self.episode.latency += latency;
            self.episode.latencies += 1;
        }
        self.observations.line(&row.join(","));
        if step.ends() {
            self.episodes += 1;
            let episode = std::mem::replace(&mut self.episode, Episode::new());
            self.results.line(&episode.line(self.episodes));
        }
    }

    fn after_iteration(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.finish()?;
        let config = &self.plan.config;
        if moment.passed(config.checkpoint_timesteps) {
            let name = &self.plan.name;
            let path = Path::new("logs").join(name).join(format!("{name}_{}_steps", moment.timesteps()));
            policy_file::write_model(&path, &moment.learner.policies(), config)?;
        }
        Ok(Flow::Continue)
    }
}

/// A CSV file that is appended to.
struct Table {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    /// The first thing that went wrong.
    failed: Option<std::io::Error>,
}

impl Table {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, failed: None }
    }

    fn has_begun(&self) -> bool {
        self.file.is_some() || self.failed.is_some()
    }

    fn begin(&mut self, heading: &str) {
        match OpenOptions::new().append(true).create(true).open(&self.path) {
            Err(error) => self.failed = Some(error),
            Ok(file) => {
                let is_new = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
                self.file = Some(BufWriter::new(file));
                if is_new {
                    self.line(heading);
                }
            }
        }
    }

    fn line(&mut self, text: &str) {
        if let Some(file) = &mut self.file {
            self.failed = self.failed.take().or_else(|| writeln!(file, "{text}").err());
        }
    }

    fn flush(&mut self) -> Result<()> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        let written = self.failed.take().map_or(flushed, Err);
        written.map_err(|source| Error::Write { path: self.path.clone(), source })
    }
}
