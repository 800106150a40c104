//! What a command answers when it does not do its work: a kind, a message, hints.
//!
//! Invariant: the kind decides the exit code, so a script that reads only the exit code never
//! takes a refusal, an unproven claim or a missing node for success.

use std::fmt;

use titian_contracts::error::Reject;

/// Why a command failed; each kind has its exit code (architecture.md §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ledger or the node refused the request.
    Refused,
    /// The command line or an input file is wrong.
    Usage,
    /// A proof does not prove, a credential is rejected, an identifier does not check.
    NotProven,
    /// No node answers.
    NoNode,
    /// A verdict cannot be reached with what is at hand.
    Indeterminate,
    /// Something that cannot happen, happened.
    Bug,
}

impl Kind {
    /// The process exit code.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotProven => 3,
            Self::NoNode => 4,
            Self::Indeterminate => 5,
            Self::Bug => 70,
        }
    }

    /// The name in `--json` output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::NotProven => "not_proven",
            Self::NoNode => "no_node",
            Self::Indeterminate => "indeterminate",
            Self::Bug => "bug",
        }
    }
}

/// A failed command.
#[derive(Clone, Debug)]
pub(crate) struct CommandError {
    /// Decides the exit code.
    pub(crate) kind: Kind,
    /// The stable name of the rule that refused, for `titian explain`.
    pub(crate) name: Option<String>,
    /// What went wrong and why, without full stop.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// Details for `--json`.
    pub(crate) data: Option<serde_json::Value>,
}

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, CommandError>;

impl CommandError {
    /// An error of `kind`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, name: None, message: message.into(), hints: Vec::new(), data: None }
    }

    /// The command line or an input file is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The ledger or the node refused.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Something that cannot happen, happened.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message)
    }

    /// A file could not be read or written.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("cannot {what} {}: {error}", path.display()))
    }

    /// With one more hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With the name of a rule, and the hint where to read about it.
    #[must_use]
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self.hint(format!("titian explain {name}"))
    }

    /// With details for `--json`.
    #[must_use]
    pub(crate) fn with_data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }

    /// An input that breaks a rule of the ledger.
    pub(crate) fn from_reject(kind: Kind, reject: &Reject) -> Self {
        Self::new(kind, reject.to_string()).named(reject.code.name())
    }

    /// The `--json` form.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({
            "kind": self.kind.name(),
            "exit": self.kind.exit_code(),
            "message": self.message,
            "hints": self.hints,
        });
        if let (Some(members), Some(name)) = (error.as_object_mut(), &self.name) {
            members.insert("name".to_owned(), name.as_str().into());
        }
        if let (Some(members), Some(data)) = (error.as_object_mut(), &self.data) {
            members.insert("data".to_owned(), data.clone());
        }
        serde_json::json!({ "error": error })
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
