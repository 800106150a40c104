//! `titian ledger`: head, blocks, transactions, receipts, events.

use std::path::PathBuf;

use serde_json::{Value, json};
use titian_api::ledger::{HeightParams, ProveParams, Status, TransactionParams, TxParams};
use titian_api::{Nothing, call};

use crate::act;
use crate::client::Client;
use crate::command::devnet::folder::{Folder, Node};
use crate::document;
use crate::error::Result;
use crate::output::{Report, Tone, table};
use crate::session::Session;

/// What the ledger has done.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show head, validators and whether the node is ready; in a devnet also the roots of all nodes
    #[command(after_help = "Examples:
  titian ledger status
  titian ledger status --node http://127.0.0.1:26712 --json")]
    Status,
    /// Show a block; the head without a height
    #[command(after_help = "Examples:
  titian ledger block
  titian ledger block 12 --json")]
    Block {
        /// The height
        height: Option<u64>,
    },
    /// Show a transaction
    #[command(after_help = "Examples:
  titian ledger tx tx:5b0c…
  titian ledger tx tx:5b0c… --proof tx-proof.json")]
    Tx {
        /// Transaction id
        id: String,
        /// Write a proof that it stands in its block
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Show what became of a transaction
    #[command(after_help = "Examples:
  titian ledger receipt tx:5b0c…")]
    Receipt {
        /// Transaction id
        id: String,
    },
    /// Show the validators, how many may fail, and the quorum
    #[command(after_help = "Examples:
  titian ledger validators")]
    Validators,
    /// Follow blocks or events until interrupted
    #[command(after_help = "Examples:
  titian ledger watch
  titian ledger watch --events --name etr. --json
  titian ledger watch --events --cursor 81230:4")]
    Watch(watch::Args),
}

/// Runs `titian ledger`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Status => status(session),
        Command::Block { height } => block(session, *height),
        Command::Tx { id, proof } => transaction(session, id, proof.as_ref()),
        Command::Receipt { id } => {
            let params = TxParams { tx_id: id.clone() };
            act::applied(session.output, &session.client()?.ask::<call::LedgerReceipt>(&params)?)
        }
        Command::Validators => validators(session),
        Command::Watch(args) => watch::run(session, args),
    }
}

fn status(session: &Session) -> Result<Report> {
    let client = session.client()?;
    let status = client.ask::<call::LedgerStatus>(&Nothing {})?;
    let mut json = serde_json::to_value(&status).unwrap_or_default();
    let Status { chain, height, oldest, time, n, f, quorum, peers, .. } = &status;
    let ready = if status.ready {
        session.output.paint(Tone::Good, "ready")
    } else {
        let reasons = status.reasons.join("; ");
        format!("{}: {reasons}", session.output.paint(Tone::Bad, "not ready"))
    };
    let mut lines = vec![
        format!("{chain} at {}: {ready}", client.url()),
        format!("height     {height}, {time}; kept from height {oldest} on"),
        format!("block      {}", status.block),
        format!("state root {} after height {}", status.state_root, status.state_root_height),
        format!("validators {n}, of which {f} may fail; {quorum} decide; {peers} peers connected"),
        format!("mempool    {} transactions", status.mempool_transactions),
        format!("version    {} (rules {})", status.version, status.app_version),
    ];
    if let Some(folder) = session.whole_devnet()? {
        let (shown, roots) = roots(folder);
        lines.push(shown);
        json["roots"] = roots;
    }
    Ok(Report::new(lines.join("\n"), json))
}

/// The state roots of all nodes of a devnet after the highest height that all of them have. A node
/// that does not answer has none.
fn roots(folder: &Folder) -> (String, Value) {
    let clients: Vec<(&Node, Option<Client>)> =
        folder.nodes().iter().map(|node| (node, Client::new(&node.url()).ok())).collect();
    let height_of = |client: &Option<Client>| {
        Some(client.as_ref()?.ask::<call::LedgerStatus>(&Nothing {}).ok()?.height)
    };
    let heights: Vec<Option<u64>> = clients.iter().map(|(_, client)| height_of(client)).collect();
    // a header carries the root after its parent
    let header = heights.iter().flatten().min().copied().filter(|height| *height > 0);
    let root_of = |client: &Option<Client>| {
        let params = HeightParams { height: Some(header?) };
        Some(client.as_ref()?.ask::<call::LedgerHeader>(&params).ok()?.state_root)
    };
    let found: Vec<Option<String>> = clients.iter().map(|(_, client)| root_of(client)).collect();
    let after = header.map(|height| height - 1);
    let equal =
        found.windows(2).all(|pair| pair[0] == pair[1]) && found.iter().all(Option::is_some);
    let heading = ["AMS", "HEIGHT", "STATE ROOT", "AFTER HEIGHT"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut list = Vec::new();
    for (((node, _), height), root) in clients.iter().zip(heights).zip(found) {
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        rows.push(vec![
            node.ams.clone(),
            number(height),
            root.clone().unwrap_or_else(|| "-".to_owned()),
            number(after),
        ]);
        list.push(
            json!({ "ams": node.ams, "url": node.url(), "height": height, "stateRoot": root }),
        );
    }
    let verdict =
        if equal { "all roots are equal" } else { "the roots cannot be shown to be equal" };
    let json = json!({ "afterHeight": after, "equal": equal, "nodes": list });
    (format!("{}\n{verdict}", table(&rows)), json)
}

fn block(session: &Session, height: Option<u64>) -> Result<Report> {
    let block = session.client()?.ask::<call::LedgerBlock>(&HeightParams { height })?;
    let header = &block.header;
    let mut lines = vec![
        format!("height {}  {}  {}", header.height, header.time, header.id),
        format!(
            "proposer {}  state root {} (after height {})",
            header.proposer_ams.as_deref().unwrap_or(&header.proposer),
            header.state_root,
            header.height.saturating_sub(1)
        ),
    ];
    for tx in &block.transactions {
        let name = tx.name.as_deref().unwrap_or("not a transaction");
        lines.push(format!("  {:>4}  {name:<26} {}", tx.index, tx.tx_id));
    }
    Ok(Report::new(lines.join("\n"), serde_json::to_value(&block).unwrap_or_default()))
}

fn transaction(session: &Session, id: &str, proof: Option<&PathBuf>) -> Result<Report> {
    let client = session.client()?;
    let params = TransactionParams { tx_id: id.to_owned(), proof: false };
    let found = client.ask::<call::LedgerTransaction>(&params)?;
    let mut lines = vec![
        format!("{}  {}", found.name.as_deref().unwrap_or("?"), found.tx_id),
        format!("height {}, index {}", found.height, found.index),
    ];
    if found.withheld {
        lines.push("the content is shown to parties of the record only".to_owned());
    }
    if let Some(content) = &found.transaction {
        lines.push(serde_json::to_string_pretty(content).unwrap_or_default());
    }
    if let Some(path) = proof {
        let params = ProveParams {
            kind: "ledger-transaction".to_owned(),
            subject: Some(id.to_owned()),
            ..ProveParams::default()
        };
        let bundle = client.ask::<call::LedgerProve>(&params)?;
        lines.push(write_bundle(path, Value::Object(bundle.bundle))?);
    }
    Ok(Report::new(lines.join("\n"), serde_json::to_value(&found).unwrap_or_default()))
}

/// Writes a bundle in canonical form; answers the line that says so.
pub(crate) fn write_bundle(path: &std::path::Path, bundle: Value) -> Result<String> {
    let text = document::from_json(&bundle)?.to_jcs();
    document::write(path, &format!("{text}\n"))?;
    Ok(format!("proof written to {}; next: titian verify {}", path.display(), path.display()))
}

fn validators(session: &Session) -> Result<Report> {
    let set = session.client()?.ask::<call::LedgerValidators>(&Nothing {})?;
    let mut rows = vec![vec!["AMS".to_owned(), "POWER".to_owned(), "ADDRESS".to_owned()]];
    rows.extend(set.validators.iter().map(|validator| {
        vec![validator.ams.clone(), validator.power.to_string(), validator.address.clone()]
    }));
    let text = format!(
        "{}\nn = {}, f = {} may fail, {} of {} power decide",
        table(&rows),
        set.n,
        set.f,
        set.quorum,
        set.total_power
    );
    Ok(Report::new(text, serde_json::to_value(&set).unwrap_or_else(|_| json!({}))))
}

mod watch {
    //! `titian ledger watch`: a subscription over WebSocket. When it ends, the error names the cursor
    //! from which another one goes on.

    use jsonrpsee::core::client::{Subscription, SubscriptionClientT as _};
    use titian_api::ledger::{Notice, SubscribeParams, Topic};

    use crate::client::{Link, Params, no_node};
    use crate::error::{CommandError, Result};
    use crate::output::{Output, Report};
    use crate::session::Session;

    /// What to follow.
    #[derive(Debug, clap::Args)]
    pub(crate) struct Args {
        /// Follow events instead of blocks
        #[arg(long)]
        events: bool,
        /// Start after this cursor, height:index
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
        /// Only events whose name starts with this
        #[arg(long, requires = "events", value_name = "NAME")]
        name: Option<String>,
        /// Only events about this UBIN, party or record
        #[arg(long, requires = "events", value_name = "SUBJECT")]
        subject: Option<String>,
        /// Stop after this many notices
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    }

    /// Runs `titian ledger watch`.
    pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
        let client = session.client()?;
        let params = SubscribeParams {
            topic: if args.events { Topic::Events } else { Topic::Blocks },
            cursor: args.cursor.clone(),
            name: args.name.clone(),
            subject: args.subject.clone(),
        };
        client.wait(follow(session.output, &client.link(), params, args.count))
    }

    async fn follow(
        output: Output,
        link: &Link,
        params: SubscribeParams,
        count: Option<u64>,
    ) -> Result<Report> {
        let socket = link.socket().await?;
        let mut reached = params.cursor.clone();
        let mut notices: Subscription<Notice> = socket
            .subscribe("ledger_subscribe", Params::of(&params)?, "ledger_unsubscribe")
            .await
            .map_err(|error| CommandError::refused(format!("ledger_subscribe: {error}")))?;
        let mut seen = 0;
        while count.is_none_or(|count| seen < count) {
            let Some(notice) = notices.next().await else {
                let error = no_node(link.url());
                return Err(match reached {
                    Some(cursor) => error.hint(format!("resume with --cursor {cursor}")),
                    None => error,
                });
            };
            let notice = notice
                .map_err(|error| CommandError::refused(format!("ledger_subscribe: {error}")))?;
            if let Some(refusal) = &notice.error {
                let cursor = notice.cursor.clone();
                return Err(CommandError::refused(refusal.message.clone())
                    .named(&refusal.data.name)
                    .hint(format!("resume with --cursor {cursor}")));
            }
            output.item(&line(&notice), &serde_json::to_value(&notice).unwrap_or_default());
            reached = Some(notice.cursor);
            seen += 1;
        }
        Ok(Report::raw(""))
    }

    fn line(notice: &Notice) -> String {
        if let Some(event) = &notice.event {
            let data = serde_json::to_string(&event.data).unwrap_or_default();
            return format!("{}  {:<24} {}  {data}", notice.cursor, event.name, event.subject);
        }
        match &notice.block {
            Some(header) => {
                let proposer = header.proposer_ams.as_deref().unwrap_or("?");
                format!("{}  {}  by {proposer}  {}", header.height, header.time, header.id)
            }
            None => notice.cursor.clone(),
        }
    }
}
