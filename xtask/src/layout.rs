//! How a source file looks from outside: it opens with what it is for, and it does not grow past two nouns.

use crate::tracked::TextFile;

/// Files that read well have 100 to 350 lines; one this long holds two nouns.
const MOST_LINES: usize = 600;

/// Source files without an opening `//!`, and Rust files that are too long.
pub(crate) fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for TextFile { path, text } in files.iter().filter(|file| file.is_rust()) {
        if needs_opening(path) && !text.starts_with("//!") {
            problems
                .push(format!("{path}:1: open the file with `//!`: what it is for and what it leaves out"));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            problems.push(format!("{path}: {lines} lines are more than {MOST_LINES}: split it by noun"));
        }
    }
    problems
}

/// Files under a crate's `src/`; a `tests.rs` there is explained by the file it stands beside.
fn needs_opening(path: &str) -> bool {
    let in_source = path.starts_with("src/") || path.contains("/src/");
    in_source && !path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(path: &str, text: &str) -> Vec<String> {
        problems(&[TextFile { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn a_source_file_opens_with_what_it_is_for() {
        assert_eq!(look("crates/nn/src/lib.rs", "//! Networks.\n"), [""; 0]);
        assert_eq!(look("crates/nn/src/lib.rs", "// Networks.\n").len(), 1);
        assert_eq!(look("crates/nn/src/lib.rs", "").len(), 1);
    }

    #[test]
    fn tests_and_other_files_may_open_as_they_like() {
        assert_eq!(look("crates/nn/src/layer/tests.rs", "use super::*;\n"), [""; 0]);
        assert_eq!(look("crates/nn/benches/step.rs", "fn main() {}\n"), [""; 0]);
        assert_eq!(look("README.md", "# trimtab\n"), [""; 0]);
    }

    #[test]
    fn the_limit_on_lines_is_included() {
        let lines = |count: usize| format!("//! x\n{}", "\n".repeat(count - 1));
        assert_eq!(look("crates/nn/src/lib.rs", &lines(MOST_LINES)), [""; 0]);
        assert_eq!(look("crates/nn/tests/all.rs", &lines(MOST_LINES + 1)).len(), 1);
    }
}
