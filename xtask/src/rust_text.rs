//! Rust source as text to search in: comments, literals and tests blanked, lines kept.
//!
//! Just enough of a lexer for that. Left out: macros; what they build cannot be seen in the text.

/// `source` with every comment and every string or character literal replaced by spaces, line by line.
pub(crate) fn without_literals(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut here = 0;
    while here < text.len() {
        let end = literal_end(&text, here);
        if end > here {
            out.extend(text[here..end].iter().map(|&c| blank(c)));
            here = end;
        } else {
            out.push(text[here]);
            here += 1;
        }
    }
    out
}

/// `code` (without literals) with every item under `#[cfg(test)]` replaced by spaces, line by line.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let end = start + item_end(&rest[start..]);
        out.push_str(&rest[..start]);
        out.extend(rest[start..end].chars().map(blank));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Whether `c` can be part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn blank(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// End of the comment or literal that starts at `here`; `here` where none does.
fn literal_end(text: &[char], here: usize) -> usize {
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    match (at(here), at(here + 1)) {
        ('/', '/') => (here..text.len()).find(|&i| text[i] == '\n').unwrap_or(text.len()),
        ('/', '*') => block_comment_end(text, here),
        ('"', _) => string_end(text, here),
        ('\'', '\\') => (here + 3..text.len()).find(|&i| text[i] == '\'').map_or(text.len(), |i| i + 1),
        // Else it is a lifetime.
        ('\'', _) if at(here + 2) == '\'' => here + 3,
        ('r' | 'b' | 'c', _) if here == 0 || !is_word(text[here - 1]) => prefixed_end(text, here),
        _ => here,
    }
}

fn block_comment_end(text: &[char], here: usize) -> usize {
    let mut depth = 0;
    let mut i = here;
    while i + 1 < text.len() {
        match (text[i], text[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn string_end(text: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < text.len() {
        match text[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    text.len()
}

/// End of a string with a prefix: `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`. `here` where it is only a name.
fn prefixed_end(text: &[char], here: usize) -> usize {
    let letters = text[here..].iter().take(2).take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let raw = text[here + letters - 1] == 'r';
    let hashes = text[here + letters..].iter().take_while(|&&c| c == '#').count();
    let quote = here + letters + hashes;
    if text.get(quote) != Some(&'"') || (hashes > 0 && !raw) {
        return here;
    }
    if !raw {
        return string_end(text, quote);
    }
    let closes =
        |i: usize| text[i] == '"' && text[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    (quote + 1..text.len()).find(|&i| closes(i)).map_or(text.len(), |i| i + 1 + hashes)
}

/// Length of the item that `code` starts with: to its closing brace, or to its semicolon.
fn item_end(code: &str) -> usize {
    let mut depth = 0usize;
    for (index, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            return index + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let source = "a // x\nb /* y /* z */ */ c \"d\\\"e\" f r#\"g\"h\"# i b'\\'' 'j' 'k\nl";
        let text = without_literals(source);
        assert_eq!(words(&text), ["a", "b", "c", "f", "i", "b", "'k", "l"]);
        assert_eq!(text.lines().count(), source.lines().count());
    }

    #[test]
    fn names_that_start_like_a_string_prefix_stay() {
        assert_eq!(without_literals("r#type br cr bar(b)"), "r#type br cr bar(b)");
    }

    #[test]
    fn items_under_cfg_test_are_blanked_to_their_closing_brace() {
        let code = "fn a() { b() }\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn c([u8; 2]) {}\n}\nfn d() {}";
        let text = without_tests(code);
        assert_eq!(words(&text), ["fn", "a()", "{", "b()", "}", "fn", "d()", "{}"]);
        assert_eq!(text.lines().count(), code.lines().count());
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_hides_nothing_else() {
        assert_eq!(words(&without_tests("#[cfg(test)]\nmod tests;\nfn d() {}")), ["fn", "d()", "{}"]);
    }
}
