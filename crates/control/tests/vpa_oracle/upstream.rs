//! The process that answers with upstream's code.

use crate::story::Story;
use libtest_mimic::Failed;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What upstream says.
pub(crate) enum Answer {
    /// One value for each step.
    Steps(Value),
    /// Its code panicked.
    Crash,
}

pub(crate) struct Upstream {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Upstream {
    /// Where `cargo xtask oracle` puts it.
    pub(crate) fn path() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("oracle").join("vpa")
    }

    pub(crate) fn start() -> Result<Self, Failed> {
        let mut child = Command::new(Self::path())
            .args(["-test.run", "TestAnswer", "-test.timeout", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, input, output })
    }

    pub(crate) fn tell(&mut self, story: &Story) -> Result<Answer, Failed> {
        let mut line = serde_json::to_string(story)?;
        line.push('\n');
        self.input.write_all(line.as_bytes())?;
        line.clear();
        if self.output.read_line(&mut line)? == 0 {
            return Err("upstream's process ended".into());
        }
        let mut answer: Value =
            serde_json::from_str(&line).map_err(|error| format!("{error} in the answer {line}"))?;
        if let Some(cause) = answer["panic"].as_str() {
            // The one panic of upstream that we know: LimitRanges meet a container without recommendation.
            return match cause {
                "assignment to entry in nil map" => Ok(Answer::Crash),
                _ if cause.contains("nil pointer dereference") => Ok(Answer::Crash),
                _ => Err(format!("upstream panics: {cause}").into()),
            };
        }
        if let Some(error) = answer["error"].as_str() {
            return Err(format!("upstream cannot answer: {error}").into());
        }
        Ok(Answer::Steps(answer["steps"].take()))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // It reads until its input ends; a kill is enough, because it holds nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
