//! Records by name.

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::{SearchFilter, SearchMode, SearchParams};

use crate::document;
use crate::error::Result;
use crate::output::{Report, Tone, table};
use crate::session::Session;

/// What is searched for.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// A name or a part of one, in any spelling
    name: String,
    /// Only of these countries
    #[arg(long, value_delimiter = ',', value_name = "CC,…")]
    cc: Vec<String>,
    /// Only numbers of these schemes
    #[arg(long, value_delimiter = ',', value_name = "CODE,…")]
    scheme: Vec<String>,
    /// Only of these categories, such as BRANCH
    #[arg(long, value_delimiter = ',', value_name = "CATEGORY,…")]
    category: Vec<String>,
    /// Only with these statuses, such as ACTIVE
    #[arg(long, value_delimiter = ',', value_name = "STATUS,…")]
    status: Vec<String>,
    /// Only records that are live
    #[arg(long)]
    live: bool,
    /// Names that begin so come first
    #[arg(long)]
    prefix: bool,
    /// Leave out what is less alike than this, of 1000
    #[arg(long, default_value_t = 600, value_name = "SCORE")]
    min_score: u32,
    /// How many, at most 50
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: u32,
    /// Add a proof of each record; with --json
    #[arg(long)]
    proof: bool,
}

impl SearchArgs {
    fn params(&self) -> SearchParams {
        let upper = |words: &[String]| words.iter().map(|word| word.to_uppercase()).collect();
        SearchParams {
            q: self.name.clone(),
            filter: SearchFilter {
                cc: upper(&self.cc),
                scheme: upper(&self.scheme),
                category: upper(&self.category),
                status: upper(&self.status),
                live: self.live.then_some(true),
            },
            mode: if self.prefix { SearchMode::Prefix } else { SearchMode::Fuzzy },
            min_score: Some(self.min_score),
            limit: Some(self.limit),
            proof: self.proof,
        }
    }
}

pub(super) fn search(session: &Session, args: &SearchArgs) -> Result<Report> {
    let answer = Json::Object(session.client()?.ask::<call::UbinSearch>(&args.params())?);
    let hits = answer.pointer("/hits").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut text = String::from("no name is like this");
    if !hits.is_empty() {
        let heading = ["UBIN", "SCORE", "STATUS", "QUALITY", "NAME"];
        let mut rows = vec![heading.map(|word| session.output.paint(Tone::Bold, word)).to_vec()];
        rows.extend(hits.iter().map(|hit| row(session, hit)));
        text = table(&rows);
    }
    let height = answer.pointer("/indexedHeight").and_then(Json::as_u64).unwrap_or_default();
    Ok(Report::new(format!("{text}\nnames as of height {height}"), answer))
}

fn row(session: &Session, hit: &Json) -> Vec<String> {
    let text = |pointer: &str| document::text(hit, pointer).unwrap_or("?").to_owned();
    let live = hit.pointer("/live") == Some(&Json::Bool(true));
    let tone = if live { Tone::Good } else { Tone::Dim };
    let score = hit.pointer("/score").and_then(Json::as_u64).unwrap_or_default();
    let mut name = text("/name");
    if text("/nameType") != "LEGAL" {
        name.push_str(&format!(" ({})", text("/nameType")));
    }
    vec![
        text("/ubin"),
        format!("{score:>5}"),
        session.output.paint(tone, &text("/status")),
        text("/quality"),
        name,
    ]
}
