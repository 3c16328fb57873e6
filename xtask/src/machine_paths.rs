//! No file of the repository names a folder of one particular machine.

use crate::tracked::TextFile;

/// Starts of such paths, written so that this file does not contain them.
const STARTS: [&str; 3] = [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// Every absolute path of a machine, as `file:line`.
pub(crate) fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for TextFile { path, text } in files {
        for (index, line) in text.lines().enumerate() {
            for start in STARTS.into_iter().filter(|start| has_path(line, start)) {
                problems
                    .push(format!("{path}:{}: a path under `{start}` exists on one machine only", index + 1));
            }
        }
    }
    problems
}

/// Whether an absolute path in `line` begins with `start`; a longer path that merely contains it does not count.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(index, _)| {
        let before = line[..index].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}>*/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_is_found_with_its_line() {
        for start in STARTS {
            let file = TextFile { path: "docs/a.md".to_owned(), text: format!("# a\nsee `{start}b`\n") };
            let found = problems(&[file]);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("docs/a.md:2: "), "{found:?}");
        }
    }

    #[test]
    fn a_relative_path_or_an_address_is_fine() {
        for start in STARTS {
            for before in ["crates", "https://example.org", "$X/.", "~", "${DIR}"] {
                assert!(!has_path(&format!("{before}{start}b"), start), "{before}{start}b");
            }
        }
    }
}
