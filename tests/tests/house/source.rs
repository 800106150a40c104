//! The files of the repository, and their code without comments and texts.

use std::path::{Path, PathBuf};

/// A source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked; lines are where they were.
    code: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file by its path from the root.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// Every Rust file.
pub(crate) fn sources() -> Vec<Source> {
    let files = files(".rs");
    assert!(files.len() > 150, "the sources are elsewhere");
    files.into_iter().map(|path| Source::new(&path)).collect()
}

/// Every file whose name ends with `ending`, by path from the root; build folders left out.
pub(crate) fn files(ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root().join(&folder))
            .unwrap_or_else(|fault| panic!("{folder}: {fault}"));
        for entry in entries {
            let entry = entry.unwrap_or_else(|fault| panic!("{folder}: {fault}"));
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || ["target", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

impl Source {
    fn new(path: &str) -> Self {
        let text = read(path);
        let code = code_of(&text);
        Self { path: path.to_owned(), text, code }
    }

    /// Lines, from 1, whose code names `word` (a name or a path) as a whole. Groups of imports are
    /// looked into: `std::{fs, io}` names `std::fs`.
    pub(crate) fn lines_naming(&self, word: &str) -> Vec<usize> {
        let mut lines = self.lines_where(word, |before, after| !is_name(before) && !is_name(after));
        if let Some((prefix, last)) = word.rsplit_once("::") {
            lines.extend(self.lines_grouping(&format!("{prefix}::{{"), last));
        }
        lines
    }

    /// Lines whose code names something that starts with `word`.
    pub(crate) fn lines_starting(&self, word: &str) -> Vec<usize> {
        if word.contains('_') {
            return self.lines_where(word, |before, _| !is_name(before));
        }
        // a crate stands before `::`, and nothing before it
        self.lines_where(&format!("{word}::"), |before, _| {
            !is_name(before) && before != ':' && before != '.'
        })
    }

    /// Lines whose code holds `text` anywhere.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<usize> {
        self.lines_where(text, |_, _| true)
    }

    fn lines_where(&self, word: &str, fits: impl Fn(char, char) -> bool) -> Vec<usize> {
        let matches = self.code.match_indices(word).filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back().unwrap_or(' ');
            let after = self.code[at + word.len()..].chars().next().unwrap_or(' ');
            fits(before, after)
        });
        matches.map(|(at, _)| self.line(at)).collect()
    }

    fn lines_grouping(&self, opening: &str, name: &str) -> Vec<usize> {
        let mut lines = Vec::new();
        for (at, _) in self.code.match_indices(opening) {
            let group = self.code[at + opening.len()..].split(';').next().unwrap_or_default();
            let names = group.split(|c: char| !is_name(c));
            if names.into_iter().any(|found| found == name) {
                lines.push(self.line(at));
            }
        }
        lines
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text of a Rust file with comments, texts and characters blanked.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = blank_length(rest, before);
        if length == 0 {
            code.push(first);
            before = first;
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (blank, after) = rest.split_at(length);
        code.extend(blank.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        before = ' ';
        rest = after;
    }
    code
}

/// How many bytes of a comment or literal `rest` starts with; 0 if it starts with code.
fn blank_length(rest: &str, before: char) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if rest.starts_with('"') {
        return quoted(rest, 1);
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    if let Some(raw) = raw.filter(|_| !is_name(before)) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
        }
    }
    if let Some(after) = rest.strip_prefix('\'') {
        // a character, unless it is a lifetime
        let mut chars = after.char_indices();
        return match chars.next() {
            Some((_, '\\')) => after[2..].find('\'').map_or(0, |at| at + 4),
            Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 2),
            None => 0,
        };
    }
    0
}

/// The length of a text that opens at `start - 1`.
fn quoted(rest: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest[start..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return start + at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn comments_and_texts_are_blanked_and_code_is_not() {
    let text =
        "a /* HashMap */ 'x' '\\'' '\"' b::<'c>(\"std::fs \\\" \", r#\"f64 \" \"#) // f32\nd";
    let code = code_of(text);
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "b::<'c>(", ",", ")", "d"]);
    let lines = |code: &str, word| {
        let code = code.to_owned();
        Source { path: String::new(), text: String::new(), code }.lines_naming(word)
    };
    assert_eq!(lines("x\nuse std::{fmt, fs};", "std::fs"), [2]);
    assert_eq!(lines("use std::fs::File;", "std::fs"), [1]);
    assert!(lines("use my_std::fsx; f64x", "std::fs").is_empty());
}
