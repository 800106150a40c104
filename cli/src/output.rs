//! The only place that writes to the terminal.
//!
//! Invariant: with `--json` standard output holds JSON and nothing else, one document per line;
//! notes and progress go to standard error. Colours appear on a terminal only, and never with
//! `NO_COLOR`. Commands return a [`Report`]; they print nothing themselves.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::error::CommandError;
use crate::language::Language;

/// What a command found out or did.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Text for people, without final line end.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) json: Value,
    /// The exit code: 0, 3 or 5; refusals are errors.
    pub(crate) exit: u8,
    /// Raw text that `--json` does not change: completions, a file's content.
    pub(crate) raw: bool,
}

impl Report {
    /// A successful report.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: 0, raw: false }
    }

    /// With another exit code.
    #[must_use]
    pub(crate) const fn exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// Text that goes out as it is, also with `--json`.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), json: Value::Null, exit: 0, raw: true }
    }

    /// A JSON answer shown to people as indented JSON.
    pub(crate) fn json(json: Value) -> Self {
        let text = serde_json::to_string_pretty(&json).unwrap_or_default();
        Self::new(text, json)
    }
}

/// How a word stands out on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    /// Done, verified.
    Good,
    /// Refused, rejected, failed.
    Bad,
    /// Careful.
    Warn,
    /// Less important.
    Dim,
    /// Headings.
    Bold,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warn => "\x1b[33m",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
        }
    }
}

/// Where and how output goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
    quiet: bool,
    language: Option<Language>,
}

impl Output {
    /// Output for this process.
    pub(crate) fn new(json: bool, quiet: bool, language: Option<Language>) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = !json && !plain && std::io::stdout().is_terminal();
        Self { json, colour, quiet, language }
    }

    /// What a name means in the language that was chosen; `None` in English, and for names without a
    /// message.
    pub(crate) fn in_words(self, name: &str) -> Option<String> {
        self.language?.message(name)
    }

    /// The same as a member for programs: `{"lang", "message"}`.
    pub(crate) fn in_words_json(self, name: &str) -> Option<Value> {
        let language = self.language?;
        let message = language.message(name)?;
        Some(serde_json::json!({ "lang": language.tag, "message": message }))
    }

    /// For texts in files, which are the same for everybody: English, without colours.
    pub(crate) const fn plain() -> Self {
        Self { json: false, colour: false, quiet: false, language: None }
    }

    /// Whether output is for programs.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether advice on what to do next is unwanted.
    pub(crate) const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether a person can be asked.
    pub(crate) fn can_ask() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// `text` in `tone`, if colours are on.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if self.colour { format!("{}{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    /// Prints the report of a command.
    pub(crate) fn report(self, report: &Report) {
        if self.json && !report.raw {
            self.line(&report.json.to_string());
        } else if !report.text.is_empty() {
            self.line(report.text.trim_end_matches('\n'));
        }
    }

    /// Prints one item of a stream.
    pub(crate) fn item(self, text: &str, json: &Value) {
        if self.json {
            self.line(&json.to_string());
        } else {
            self.line(text);
        }
    }

    /// Prints a step of a longer command: for people only.
    pub(crate) fn step(self, text: &str) {
        if !self.json && !self.quiet {
            self.line(text);
        }
    }

    /// Prints a remark beside the result.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.error_line(text);
        }
    }

    /// Prints a failed command.
    pub(crate) fn error(self, error: &CommandError) {
        let name = error.name.as_deref().unwrap_or_default();
        if self.json {
            let mut json = error.to_json();
            if let Some(words) = self.in_words_json(name) {
                json["error"]["localized"] = words;
            }
            self.line(&json.to_string());
            return;
        }
        let head = match &error.name {
            Some(name) if !error.message.starts_with(name.as_str()) => {
                format!("{name}: {}", error.message)
            }
            _ => error.message.clone(),
        };
        let colour = Self { colour: self.colour && std::io::stderr().is_terminal(), ..self };
        self.error_line(&format!("{} {head}", colour.paint(Tone::Bad, "Error:")));
        if let Some(words) = self.in_words(name) {
            self.error_line(&format!("       {words}"));
        }
        for hint in &error.hints {
            self.error_line(&format!("{} {hint}", colour.paint(Tone::Dim, "Hint:")));
        }
    }

    /// Asks yes or no on the terminal; anything but `y` or `yes` is no.
    pub(crate) fn confirm(self, question: &str) -> bool {
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "{question} [y/N] ");
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for a text on the terminal; an empty line is the default. `None` at the end of input.
    pub(crate) fn ask(self, question: &str, default: &str) -> Option<String> {
        let mut stderr = std::io::stderr();
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let _ = write!(stderr, "{question}{shown}: ");
        let _ = stderr.flush();
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(read) if read > 0 => {
                let answer = answer.trim();
                Some(if answer.is_empty() { default } else { answer }.to_owned())
            }
            _ => None,
        }
    }

    /// A spinner on standard error while something is waited for; hidden where nobody looks.
    pub(crate) fn spinner(self, message: &str) -> ProgressBar {
        let bar = ProgressBar::new_spinner();
        if self.json || self.quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            return bar;
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// A bar on standard error for `length` items, with rate and time left; hidden where nobody
    /// looks.
    pub(crate) fn bar(self, length: u64, message: &str) -> ProgressBar {
        let bar = ProgressBar::new(length);
        if self.json || self.quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            return bar;
        }
        let template = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(message.to_owned());
        bar
    }

    fn line(self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // a closed pipe (`titian … | head`) is the reader's wish, not an error
        let _ = writeln!(stdout, "{text}");
        let _ = stdout.flush();
    }

    fn error_line(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Lays rows out in columns; the first row is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| visible_width(cell)).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| {
                    let fill = width.saturating_sub(visible_width(cell));
                    format!("{cell}{}", " ".repeat(fill))
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// Characters that take a place on the terminal: colour codes take none.
fn visible_width(cell: &str) -> usize {
    let mut inside = false;
    let visible = cell.chars().filter(|c| {
        if *c == '\x1b' {
            inside = true;
        }
        let shown = !inside;
        if inside && *c == 'm' {
            inside = false;
        }
        shown
    });
    visible.count()
}
