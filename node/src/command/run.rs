//! `titian-node run`.

use clap::Args;

use super::{CommandError, ConfigArgs, Kind, check_config};
use crate::shutdown;
use crate::sole::SoleError;
use crate::store::StoreError;
use crate::telemetry;

/// Run the node until SIGTERM or SIGINT
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Only check the configuration and the files it names
    #[arg(long)]
    check: bool,
    /// Vote although the vote guard is lost; once, after the steps of docs/operators.md (Backup and
    /// restore). Without it such a validator only follows
    #[arg(long)]
    new_vote_guard: bool,
}

pub(super) fn run(args: &RunArgs) -> Result<(), CommandError> {
    if args.check {
        return check_config::check_config(&args.config);
    }
    let config = args.config.load()?;
    let logs = telemetry::start_logs(&config.log.level, config.log.format)
        .map_err(|fault| CommandError::new(Kind::Usage, fault))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|fault| CommandError::refused(format!("no threads to run on: {fault}")))?;
    let ended = runtime.block_on(async {
        let (sender, stop) = shutdown::on_signals()?;
        let ended = crate::node::run(config, logs, stop, args.new_vote_guard).await;
        drop(sender);
        ended
    });
    ended.map_err(|fault| {
        // The whole chain of causes: an operator must not have to guess.
        let error = CommandError::refused(format!("{fault:#}"));
        // these say what to do themselves, and the check would find nothing
        if fault.is::<StoreError>() || fault.is::<SoleError>() {
            return error;
        }
        error.hint("`titian-node run --check` looks at the configuration and the files it names")
    })
}
