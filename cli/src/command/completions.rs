//! `titian completions`: completion scripts for shells.

use clap::CommandFactory as _;

use crate::Cli;
use crate::error::{CommandError, Result};
use crate::output::Report;

/// Print a completion script
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian completions bash > /etc/bash_completion.d/titian
  titian completions zsh > ~/.zfunc/_titian
  titian completions fish > ~/.config/fish/completions/titian.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Runs `titian completions`.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "titian", &mut script);
    let text =
        String::from_utf8(script).map_err(|_| CommandError::bug("the script is not UTF-8"))?;
    Ok(Report::raw(text))
}
