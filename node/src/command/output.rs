//! The only place of the operator's commands that writes to the terminal.
//!
//! Invariant: a reader that goes away (`| head`) ends nothing: the command finishes what it does and
//! its exit code stays that of its work.

use std::fmt;
use std::io::Write as _;

/// Writes a text as it is.
pub(super) fn text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // nobody reads any more: there is no one to tell
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Writes a line.
pub(super) fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a line to standard error.
pub(super) fn error_line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a line for the operator.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::command::output::line(format_args!($($text)*))
    };
}

pub(super) use say;
