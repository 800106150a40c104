//! `titian-node status`: asks the running node over its own port.

use clap::Args;

use super::ask::ask;
use super::output::{self, say};
use super::{CommandError, ConfigArgs};

/// Ask the running node how it is
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also print `ledger_status`
    #[arg(long)]
    why: bool,
}

pub(super) fn status(args: &StatusArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let (code, reasons) = ask(&config, "GET", "/readyz", "", None)?;
    say!("{}", if code == 200 { "ready" } else { "not ready" });
    output::text(&with_newline(&reasons));
    if args.why {
        let question = r#"{"jsonrpc":"2.0","id":1,"method":"ledger_status","params":{}}"#;
        let (_, answer) = ask(&config, "POST", "/", question, None)?;
        output::text(&with_newline(&answer));
    }
    if code == 200 { Ok(()) } else { Err(CommandError::refused("the node is not ready")) }
}

fn with_newline(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}
