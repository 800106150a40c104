//! `titian ubin feed`: what changed in the register, from a cursor on.

use std::path::PathBuf;

use jsonrpsee::core::client::{Subscription, SubscriptionClientT as _};
use serde_json::{Value as Json, json};
use titian_api::ubin_feed::{Changes, ChangesParams, Filter, Notice, SubscribeParams};
use titian_api::{Object, call};

use super::feed_verify;
use crate::client::{Link, Params, no_node};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Output, Report};
use crate::session::Session;

/// Events asked for at a time.
const PAGE: u32 = 1_000;

/// Show what changed, or check a snapshot against the one before
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  titian ubin feed --cursor 81230:4 --cc SG,MY
  titian ubin feed --follow --watch SG-UEN-199403865N-G7 --json
  titian ubin feed verify 80000.json 90000.json --genesis genesis.json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Show what comes after this cursor, height:index [default: all that is kept]
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Only of these states
    #[arg(long, value_name = "CC", value_delimiter = ',')]
    cc: Vec<String>,
    /// Only of these schemes
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    scheme: Vec<String>,
    /// Only these acts
    #[arg(long, value_name = "ACT", value_delimiter = ',')]
    act: Vec<String>,
    /// Only records that have one of these statuses afterwards
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// Only these businesses, also under later numbers
    #[arg(long, value_name = "UBIN", value_delimiter = ',')]
    watch: Vec<String>,
    /// Add the snapshot lines of the numbers that changed
    #[arg(long)]
    full: bool,
    /// Go on when all is shown, until interrupted
    #[arg(long)]
    follow: bool,
    /// Stop after this many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that a snapshot and what changed after it give the next snapshot, byte for byte
    #[command(after_help = "Examples:
  titian ubin feed verify 80000.json 90000.json --genesis genesis.json
  titian ubin feed verify 80000.json 90000.json --deltas feed.ndjson --json

The deltas are the feed with `full`, unfiltered, from the cursor of the first manifest on:
  curl -s \"$NODE/feed/ubin?full=true&cursor=80000:4294967295\" > feed.ndjson")]
    Verify {
        /// Manifest of the earlier snapshot; its file lies beside it
        first: PathBuf,
        /// Manifest of the later one
        second: PathBuf,
        /// What changed between them [default: asked of the node]
        #[arg(long, value_name = "FILE")]
        deltas: Option<PathBuf>,
        /// Genesis file of the network [default: the devnet's in ./net]
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
    },
}

/// Runs `titian ubin feed`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    if let Some(Command::Verify { first, second, deltas, genesis }) = &args.command {
        return feed_verify::run(session, first, second, deltas.as_deref(), genesis.as_ref());
    }
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut cursor = args.cursor.clone();
    let filter = Filter {
        cc: args.cc.clone(),
        scheme: args.scheme.clone(),
        act: args.act.clone(),
        status: args.status.clone(),
        watch: args.watch.clone(),
    };
    loop {
        let limit = u32::try_from(left).unwrap_or(PAGE).clamp(1, PAGE);
        let page = match page(session, cursor.clone(), limit, &filter, args.full) {
            // nothing was asked for that this node has dropped: it begins with what it keeps
            Err(error) if cursor.is_none() => {
                let (oldest, usable) = oldest_kept(&error).ok_or(error)?;
                let note = format!("this node keeps nothing before height {oldest}");
                session.output.note(&note);
                cursor = Some(usable);
                continue;
            }
            other => other?,
        };
        for item in page.items.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            show(session.output, item);
        }
        left = left.saturating_sub(page.items.len() as u64);
        cursor = Some(page.cursor);
        if left == 0 || !page.more {
            break;
        }
    }
    if args.follow && left > 0 {
        let client = session.client()?;
        let params = SubscribeParams { cursor, filter, full: args.full };
        return client.wait(follow(session.output, &client.link(), params, left));
    }
    if let Some(cursor) = cursor {
        session.output.note(&format!("go on with --cursor {cursor}"));
    }
    Ok(Report::raw(""))
}

/// The first height that a node keeps and the cursor before it, of a refusal that names them.
fn oldest_kept(error: &CommandError) -> Option<(u64, String)> {
    let data = error.data.as_ref().filter(|_| error.name.as_deref() == Some("CURSOR_TOO_OLD"))?;
    let cursor = document::text(data, "/cursor")?.to_owned();
    Some((data.get("oldest").and_then(Json::as_u64)?, cursor))
}

/// A page of the feed after a cursor.
pub(super) fn page(
    session: &Session,
    cursor: Option<String>,
    limit: u32,
    filter: &Filter,
    full: bool,
) -> Result<Changes> {
    let params = ChangesParams { cursor, limit: Some(limit), filter: filter.clone(), full };
    session.client()?.ask::<call::UbinChanges>(&params).map_err(|error| {
        match error.data.as_ref().and_then(|data| data.get("snapshot")).and_then(Json::as_u64) {
            Some(height) => error.hint(format!("start from: titian ubin snapshot get {height}")),
            None => error,
        }
    })
}

async fn follow(
    output: Output,
    link: &Link,
    params: SubscribeParams,
    mut left: u64,
) -> Result<Report> {
    let socket = link.socket().await?;
    let refused =
        |error: &dyn std::fmt::Display| CommandError::refused(format!("ubin_subscribe: {error}"));
    let mut notices: Subscription<Notice> = socket
        .subscribe("ubin_subscribe", Params::of(&params)?, "ubin_unsubscribe")
        .await
        .map_err(|error| refused(&error))?;
    let mut cursor = params.cursor.unwrap_or_default();
    while left > 0 {
        let Some(notice) = notices.next().await else {
            return Err(no_node(link.url()).hint(format!("resume with --cursor {cursor}")));
        };
        let notice = notice.map_err(|error| refused(&error))?;
        cursor = notice.cursor;
        if let Some(refusal) = &notice.error {
            return Err(CommandError::refused(refusal.message.clone())
                .named(&refusal.data.name)
                .hint(format!("resume with --cursor {cursor}")));
        }
        if let Some(event) = &notice.event {
            show(output, event);
            left -= 1;
        }
    }
    Ok(Report::raw(""))
}

/// One event: a line, then what changed.
fn show(output: Output, item: &Object) {
    let json = Json::Object(item.clone());
    let text = |name: &str| document::text(&json, name).unwrap_or_default();
    let mut lines = vec![format!(
        "{:<12} {:<18} {:<34} {}",
        text("/cursor"),
        text("/act"),
        text("/ubin"),
        text("/status")
    )];
    for change in json["changed"].as_array().into_iter().flatten() {
        let short = |value: &Json| {
            let text = value.to_string();
            let cut: String = text.chars().take(60).collect();
            if cut.len() < text.len() { format!("{cut}…") } else { cut }
        };
        let path = document::text(change, "/path").filter(|path| !path.is_empty());
        lines.push(format!(
            "             {}: {} -> {}",
            path.unwrap_or("(record)"),
            short(&change["old"]),
            short(&change["new"])
        ));
    }
    output.item(&lines.join("\n"), &json!(item));
}
