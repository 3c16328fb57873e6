//! What has been simulated, in `ledger.jsonl`: settings are simulated once, and hours are counted, over all calls.
//!
//! Left out: the study's own trials, which decide where it goes on; here are their hours.

use super::course::Run;
use crate::{
    Error, Result,
    contenders::{Known, Settings},
    files,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a simulation was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// The measure of all.
    Default,
    /// The first parameter alone, where the search begins.
    Line,
    /// A trial of the study.
    Search,
    /// One setting back to its default.
    Tidy,
    /// What a change at one service does, on some days.
    Prices,
    /// Targets for each service.
    Services,
    /// One parameter alone.
    Alone,
    /// Test days; not in the ledger.
    Test,
}

impl Stage {
    /// For progress.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Default => "the default",
            Self::Line | Self::Search | Self::Tidy => "searching settings for all services",
            Self::Prices | Self::Services => "searching a target for each service",
            Self::Alone => "each parameter alone",
            Self::Test => "scoring on days never seen",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    stage: Stage,
    /// The trial's number in a study, else empty.
    key: String,
    settings: String,
    run: Run,
}

/// See the module.
pub(super) struct Ledger {
    path: PathBuf,
    known: &'static Known,
    entries: Mutex<Vec<Entry>>,
}

impl Ledger {
    /// The ledger in `dir`. Half a line at its end, which a crash leaves, is removed.
    ///
    /// # Errors
    /// [`Error::Run`] for a damaged one.
    pub(super) fn open(dir: &Path, known: &'static Known) -> Result<Self> {
        let path = dir.join("ledger.jsonl");
        let mut entries = Vec::new();
        if path.exists() {
            let text = files::read_text(&path)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                files::write_atomic(&path, &text.as_bytes()[..whole])?;
            }
            for (at, line) in text[..whole].lines().enumerate() {
                let wrong = |e: String| Error::run(&path, format!("line {}: is not an entry: {e}", at + 1));
                let entry: Entry = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
                Settings::parse(known, &entry.settings).map_err(|e| wrong(e.to_string()))?;
                entries.push(entry);
            }
        }
        Ok(Self { path, known, entries: Mutex::new(entries) })
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Entries are whole at any moment.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what was simulated; the same again is one entry.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn note(&self, stage: Stage, key: &str, settings: &Settings, run: &Run) -> Result<()> {
        let entry = Entry { stage, key: key.to_owned(), settings: settings.text(), run: run.clone() };
        let mut entries = self.entries();
        if entries.contains(&entry) {
            return Ok(());
        }
        let line = serde_json::to_string(&entry).expect("an entry has a JSON form") + "\n";
        let written = OpenOptions::new().create(true).append(true).open(&self.path).and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| Error::Write { path: self.path.clone(), source })?;
        entries.push(entry);
        Ok(())
    }

    /// What `settings` did in a stage, if it was simulated there.
    pub(super) fn get(&self, stage: Stage, settings: &Settings) -> Option<Run> {
        let text = settings.text();
        let entries = self.entries();
        entries.iter().find(|e| e.stage == stage && e.settings == text).map(|e| e.run.clone())
    }

    /// The same, simulated now if it was not yet.
    ///
    /// # Errors
    /// Those of `simulate`, and [`Error::Write`].
    pub(super) fn get_or(
        &self,
        stage: Stage,
        settings: &Settings,
        simulate: impl FnOnce() -> Result<Run>,
    ) -> Result<Run> {
        if let Some(run) = self.get(stage, settings) {
            return Ok(run);
        }
        let run = simulate()?;
        self.note(stage, "", settings, &run)?;
        Ok(run)
    }

    /// Every setting of some stages that was simulated on all `days`, in the order of stage and settings.
    pub(super) fn whole(&self, stages: &[Stage], days: usize) -> Vec<(Settings, Run)> {
        let entries = self.entries();
        let mut whole: Vec<&Entry> =
            entries.iter().filter(|e| stages.contains(&e.stage) && e.run.days() == days).collect();
        whole.sort_by(|a, b| (a.stage, &a.settings).cmp(&(b.stage, &b.settings)));
        let read = |entry: &Entry| {
            let settings = Settings::parse(self.known, &entry.settings).expect("settings were read before");
            (settings, entry.run.clone())
        };
        whole.into_iter().map(read).collect()
    }

    /// Simulated hours of a stage.
    pub(super) fn hours(&self, stage: Stage) -> f64 {
        self.entries().iter().filter(|e| e.stage == stage).flat_map(|e| &e.run.hours).sum()
    }

    /// Simulated hours of what the best setting comes from.
    pub(super) fn hours_of_search(&self) -> f64 {
        use Stage::{Default, Line, Prices, Search, Services, Tidy};
        [Default, Line, Search, Tidy, Prices, Services].into_iter().map(|stage| self.hours(stage)).sum()
    }

    /// Settings that were simulated for the search, on some days at least.
    pub(super) fn count(&self) -> usize {
        self.entries().iter().filter(|e| e.stage != Stage::Alone).count()
    }
}
