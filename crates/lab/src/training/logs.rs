//! What a training run writes down of each iteration: `progress.jsonl`, `episodes.csv` and the event file for
//! `TensorBoard`; at its end `progress.csv`, the same as `progress.jsonl` with a column for each key.

use super::Progress;
use crate::{
    Error, Result,
    environments::{Env, Episode, EpisodeColumns},
    files,
    run_dir::RunDir,
    tensorboard::EventFile,
};
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    time::Instant,
};
use trimtab_rl::on_policy::Log;

/// See the module.
pub(super) struct Logs {
    progress: File,
    episodes: File,
    events: EventFile,
    dir: RunDir,
    clock: Instant,
    /// Environment steps when this process took over.
    first: u64,
}

impl Logs {
    /// Opens the logs of a run that has made `timesteps`; what a killed run wrote beyond them is cut off.
    pub(super) fn open(dir: &RunDir, timesteps: u64, columns: &EpisodeColumns) -> Result<Self> {
        let header = header(columns);
        Ok(Self {
            progress: cut_back(&dir.file("progress.jsonl"), None, timesteps)?,
            episodes: cut_back(&dir.file("episodes.csv"), Some(&header), timesteps)?,
            events: EventFile::begin(&dir.file("tensorboard"), timesteps, crate::clock::unix_secs())?,
            dir: dir.clone(),
            clock: crate::clock::now(),
            first: timesteps,
        })
    }

    /// Writes down an iteration that ended after `timesteps` of `total` steps.
    pub(super) fn iteration(
        &mut self,
        timesteps: u64,
        total: u64,
        log: &Log,
        env: &mut dyn Env,
    ) -> Result<Progress> {
        let means = env.take_means();
        let elapsed = self.clock.elapsed().as_secs_f64();
        let steps_per_sec = (timesteps - self.first) as f64 / elapsed.max(1e-9);
        let find = |key: &str| log.iter().find(|(k, _)| k == key).map(|(_, v)| *v);
        let progress = Progress {
            timesteps,
            total_timesteps: total,
            steps_per_sec,
            remaining_secs: total.saturating_sub(timesteps) as f64 / steps_per_sec,
            episode_return: find("rollout/ep_rew_mean").unwrap_or(0.0),
            multiplier: log
                .iter()
                .find(|(k, _)| k.starts_with("train/lagrange_multiplier/"))
                .map(|(_, v)| *v),
            score: find("eval/score"),
            means,
        };
        let first: Vec<(String, f64)> =
            progress.means.iter().map(|(name, mean)| (format!("rollout/{name}"), *mean)).collect();
        let last = [("time/fps", steps_per_sec), ("time/time_elapsed", elapsed)];
        let all = || {
            first
                .iter()
                .map(|(k, v)| (k.as_str(), *v))
                .chain(log.iter().map(|(k, v)| (k.as_ref(), *v)))
                .chain(last)
        };
        self.events.scalars(timesteps, crate::clock::unix_secs(), all())?;
        let mut record = serde_json::Map::new();
        record.insert("timesteps".to_owned(), timesteps.into());
        record.extend(all().map(|(key, value)| (key.to_owned(), value.into())));
        let mut lines = String::new();
        for episode in env.take_episodes() {
            push_episode(&mut lines, timesteps, &episode);
        }
        self.write("episodes.csv", lines.as_bytes())?;
        let line = format!("{}\n", serde_json::Value::Object(record));
        self.write("progress.jsonl", line.as_bytes())?;
        Ok(progress)
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = if name == "progress.jsonl" { &mut self.progress } else { &mut self.episodes };
        file.write_all(bytes).map_err(|source| Error::Write { path: self.dir.file(name), source })
    }

    /// Writes `progress.csv`. A key that came up late has empty fields before.
    pub(super) fn table(&self) -> Result<()> {
        let text = files::read_text(&self.dir.file("progress.jsonl"))?;
        files::write_atomic(&self.dir.file("progress.csv"), as_csv(&text).as_bytes())
    }
}

/// Opens a log of lines for appending, without those of later steps than `timesteps` and half a line at its end.
/// Lines are JSON objects with a key `timesteps`, or, below a `header`, CSV with the steps in the first column.
///
/// # Errors
/// [`Error::Read`] or [`Error::Write`] with the path.
pub(super) fn cut_back(path: &Path, header: Option<&str>, timesteps: u64) -> Result<File> {
    let steps = |line: &str| match header {
        Some(_) => line.split(',').next()?.parse().ok(),
        None => serde_json::from_str::<serde_json::Value>(line).ok()?.get("timesteps")?.as_u64(),
    };
    let old = if path.exists() { files::read_text(path)? } else { String::new() };
    let whole = old.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let mut text = String::new();
    for line in header.into_iter().chain(whole.filter(|line| steps(line).is_some_and(|at| at <= timesteps))) {
        text.push_str(line);
        text.push('\n');
    }
    files::write_atomic(path, text.as_bytes())?;
    let open = OpenOptions::new().append(true).open(path);
    open.map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// JSON objects, one a line, as CSV.
fn as_csv(lines: &str) -> String {
    let records: Vec<serde_json::Map<String, serde_json::Value>> =
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut keys = vec!["timesteps"];
    for key in records.iter().flat_map(serde_json::Map::keys) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let mut csv = keys.join(",");
    for record in &records {
        for (at, key) in keys.iter().enumerate() {
            csv.push(if at == 0 { '\n' } else { ',' });
            if let Some(value) = record.get(*key).filter(|value| !value.is_null()) {
                // Writing to a string cannot fail.
                let _ = write!(csv, "{value}");
            }
        }
    }
    csv.push('\n');
    csv
}

fn header(columns: &EpisodeColumns) -> String {
    let EpisodeColumns { start, figures } = columns;
    [&["timesteps", "env", *start, "length", "episode_return"], &figures[..]].concat().join(",")
}

fn push_episode(lines: &mut String, timesteps: u64, episode: &Episode) {
    let Episode { env, start, length, episode_return, figures } = episode;
    // Writing to a string cannot fail.
    let _ = write!(lines, "{timesteps},{env},{start},{length},{episode_return}");
    for figure in figures {
        let _ = write!(lines, ",{figure}");
    }
    lines.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_back_to_whole_lines_of_the_steps_that_were_kept() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log");
        std::fs::write(&path, "{\"timesteps\":10}\n{\"timesteps\":20}\n{\"timesteps\":30}\n").unwrap();
        cut_back(&path, None, 20).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"timesteps\":10}\n{\"timesteps\":20}\n");
        std::fs::write(&path, "timesteps,x\n10,1\n20,2\n20").unwrap();
        cut_back(&path, Some("timesteps,x"), 20).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "timesteps,x\n10,1\n20,2\n");
    }

    #[test]
    fn the_table_has_a_column_for_each_key_and_gaps_where_one_was_missing() {
        let csv = as_csv("{\"b\":1.5,\"timesteps\":8}\n{\"a\":2,\"b\":null,\"timesteps\":16}\n");
        assert_eq!(csv, "timesteps,b,a\n8,1.5,\n16,,2\n");
    }
}
