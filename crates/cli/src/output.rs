//! Where results and remarks go: results to stdout, as text or as one JSON document, remarks to stderr.
//!
//! Left out: progress ([`crate::progress`]).

use anyhow::Result;
use serde::Serialize;
use std::io::Write;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document on stdout and nothing else there.
    Json,
}

/// Whether anything but results and failures is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remarks {
    /// Yes.
    Given,
    /// No.
    Withheld,
}

/// What a verb writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) remarks: Remarks,
}

impl Output {
    /// Prints a result: `text`, or `value` as JSON.
    ///
    /// # Errors
    /// What writing to stdout brings; a broken pipe among it.
    pub(crate) fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let mut out = match self.format {
            Format::Json => serde_json::to_string_pretty(value)?,
            Format::Text => text(),
        };
        if !out.ends_with('\n') {
            out.push('\n');
        }
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(out.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Says something beside the result.
    pub(crate) fn remark(self, text: &str) {
        if self.remarks == Remarks::Given {
            // A remark that nobody can hear is no failure.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

/// How a verb ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All that was asked for is done.
    Fine,
    /// Something was left undone on request, or a gate was not met.
    Short,
}

impl From<Ending> for std::process::ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Fine => Self::SUCCESS,
            Ending::Short => Self::from(1),
        }
    }
}
