//! What went wrong, as one sentence: the chain of causes joined by colons, on one line.
//!
//! Left out: phrasing. Each cause says what is there and what was expected.

use std::io::ErrorKind;

/// Whether the reader of our output went away, which is no failure.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// The causes from the outermost to the innermost. Excerpts of files, which TOML errors draw over several lines, are
/// left out: line and column are named beside them.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error.chain().map(|cause| one_line(&cause.to_string())).collect();
    causes.join(": ")
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_excerpt(line)).collect();
    lines.join(": ")
}

/// `|`, `2 | seed == 1` or `|      ^`.
fn is_excerpt(line: &str) -> bool {
    line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_stand_in_one_line_without_the_excerpt() {
        let toml = "x == 1".parse::<toml::Table>().unwrap_err();
        let error = Err::<(), _>(toml).context("app.toml").unwrap_err();
        let text = sentence(&error);
        assert!(text.starts_with("app.toml: TOML parse error at line 1, column 4: "), "{text}");
        assert!(!text.contains(['\n', '|', '^']), "{text}");
    }

    #[test]
    fn a_broken_pipe_is_told_from_other_failures() {
        let broken = std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::new(broken).context("printing")));
        assert!(!is_broken_pipe(&anyhow::anyhow!("something else")));
    }
}
