//! The pure crates take time, chance and data as arguments: their source names no clock, no file, no
//! environment variable, no global random generator, no async runtime and no terminal.
//!
//! A text scan of `src/` without comments, literals and tests. It finds what is written out, not what is
//! reached through another crate; the arrows and `deny.toml` see to those.

use crate::{
    rust_text::{is_word, without_literals, without_tests},
    tracked::TextFile,
};

/// The crates whose output is a function of their arguments.
const PURE: [&str; 6] = ["model", "workload", "sim", "nn", "rl", "control"];

/// What the source of a pure crate must not contain, and what it stands for.
const FORBIDDEN: [(&str, &str); 19] = [
    ("tokio", "an async runtime"),
    ("async_std", "an async runtime"),
    ("Instant::now", "a clock"),
    ("SystemTime::now", "a clock"),
    ("std::fs", "files"),
    ("File::open", "files"),
    ("File::create", "files"),
    ("OpenOptions", "files"),
    ("std::env", "the environment"),
    ("thread_rng", "a global random generator"),
    ("rand::rng(", "a global random generator"),
    ("rand::random", "a global random generator"),
    ("from_os_rng", "a global random generator"),
    ("OsRng", "a global random generator"),
    ("print!", "the terminal"),
    ("println!", "the terminal"),
    ("eprint!", "the terminal"),
    ("eprintln!", "the terminal"),
    ("dbg!", "the terminal"),
];

/// Modules of the standard library that a grouped import (`use std::{…}`) could bring in unseen.
const FORBIDDEN_IN_GROUP: [(&str, &str); 2] = [("fs", "files"), ("env", "the environment")];

/// Every forbidden word in the source of a pure crate, as `file:line`.
pub(crate) fn problems(files: &[TextFile]) -> Vec<String> {
    files.iter().filter(|file| file.is_rust() && is_pure(&file.path)).flat_map(findings).collect()
}

fn is_pure(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates")
        && parts.next().is_some_and(|name| PURE.contains(&name))
        && parts.next() == Some("src")
        && !parts.any(|part| part == "tests" || part == "tests.rs")
}

fn findings(file: &TextFile) -> Vec<String> {
    let code = without_tests(&without_literals(&file.text));
    let mut found: Vec<(usize, &str, &str)> = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for (word, meaning) in FORBIDDEN {
            if contains_word(line, word) {
                found.push((index + 1, word, meaning));
            }
        }
    }
    found.extend(grouped(&code));
    found.sort_by_key(|finding| finding.0);
    let path = &file.path;
    found
        .iter()
        .map(|(line, word, meaning)| format!("{path}:{line}: `{word}`: a pure crate must not use {meaning}"))
        .collect()
}

/// Whether `line` has `word` with no longer name around it.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let inside_name = word.ends_with(is_word) && after.is_some_and(is_word);
        !before.is_some_and(is_word) && !inside_name
    })
}

/// Forbidden modules in the first level of a `std::{…}`.
fn grouped(code: &str) -> Vec<(usize, &'static str, &'static str)> {
    const OPEN: &str = "std::{";
    let mut found = Vec::new();
    for (start, _) in code.match_indices(OPEN) {
        let mut depth = 0;
        let mut word_start = true;
        for (index, c) in code[start + OPEN.len()..].char_indices() {
            let here = start + OPEN.len() + index;
            if depth == 0 && word_start {
                for (module, meaning) in FORBIDDEN_IN_GROUP {
                    let rest = &code[here..];
                    if rest.starts_with(module) && !rest[module.len()..].starts_with(is_word) {
                        found.push((code[..here].lines().count().max(1), module, meaning));
                    }
                }
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            word_start = c == ',' || (word_start && c.is_whitespace());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(path: &str, text: &str) -> Vec<String> {
        problems(&[TextFile { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_found_with_its_file_and_line() {
        assert_eq!(
            scan("crates/sim/src/pods.rs", "//! Pods.\nfn f() {\n    let t = Instant::now();\n}\n"),
            ["crates/sim/src/pods.rs:3: `Instant::now`: a pure crate must not use a clock"]
        );
    }

    #[test]
    fn every_forbidden_word_is_found_where_it_is_code() {
        for (word, _) in FORBIDDEN {
            let found = scan("crates/nn/src/lib.rs", &format!("fn f() {{ {word} }}"));
            assert_eq!(found.len(), 1, "{word}: {found:?}");
        }
    }

    #[test]
    fn comments_strings_and_tests_may_say_anything() {
        let text = "//! No std::fs here.\nfn f() -> &'static str { \"std::env\" } // tokio\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn g() { println!(\"{}\", 1); }\n}\n";
        assert_eq!(scan("crates/rl/src/lib.rs", text), [""; 0]);
        assert_eq!(scan("crates/rl/src/buffer/tests.rs", "use std::fs;"), [""; 0]);
        assert_eq!(scan("crates/rl/tests/resume.rs", "use std::fs;"), [""; 0]);
    }

    #[test]
    fn code_after_a_test_module_is_scanned_too() {
        let text = "#[cfg(test)]\nmod tests {}\nuse std::fs;\n";
        assert_eq!(scan("crates/rl/src/lib.rs", text).len(), 1);
    }

    #[test]
    fn longer_names_that_contain_a_forbidden_word_are_fine() {
        let text = "fn tokio_free(my_println: u8) { self::std::fsync; pretty_print!(); }";
        assert_eq!(scan("crates/control/src/lib.rs", text), [""; 0]);
    }

    #[test]
    fn a_grouped_import_hides_nothing() {
        let text = "use std::{\n    collections::{self, env::X},\n    fs,\n};";
        assert_eq!(
            scan("crates/workload/src/lib.rs", text),
            ["crates/workload/src/lib.rs:3: `fs`: a pure crate must not use files"]
        );
    }

    #[test]
    fn the_other_crates_may_touch_the_world() {
        assert_eq!(scan("crates/lab/src/run.rs", "use std::fs;"), [""; 0]);
        assert_eq!(scan("xtask/src/main.rs", "fn f() { println!(); }"), [""; 0]);
    }
}
