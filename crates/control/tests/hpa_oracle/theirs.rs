//! Upstream's controller in a story: a process that answers lines of JSON.

use crate::story::{Answer, Done, Story};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The running process; it ends with this.
pub(crate) struct Upstream {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// Where `cargo xtask oracle` puts it.
pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("oracle").join("hpa")
}

impl Upstream {
    pub(crate) fn start() -> Result<Self, String> {
        let mut command = Command::new(program());
        command.args(["-test.run", "^TestAnswer$", "-test.timeout", "0"]).env("GOMAXPROCS", "1");
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program().display()))?;
        let output = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        Ok(Self { input: process.stdin.take(), process, output })
    }

    pub(crate) fn tell(&mut self, story: &Story) -> Result<Vec<Done>, String> {
        let text = |error: &dyn std::fmt::Display| format!("upstream: {error}");
        let input = self.input.as_mut().ok_or("upstream has ended")?;
        let mut line = serde_json::to_string(story).map_err(|e| text(&e))?;
        line.push('\n');
        input.write_all(line.as_bytes()).and_then(|()| input.flush()).map_err(|e| text(&e))?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|e| text(&e))?;
        let answer: Answer = serde_json::from_str(&line).map_err(|e| format!("upstream: {e}: {line}"))?;
        match (answer.error, answer.steps) {
            (Some(error), _) => Err(text(&error)),
            (None, steps) => Ok(steps.unwrap_or_default()),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // The end of its input ends the process.
        self.input = None;
        let _ = self.process.wait();
    }
}
