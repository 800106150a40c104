//! A record for people who scan a code or follow a link: one small page without scripts.

use serde_json::Value;
use titian_api::Object;
use titian_contracts::ubin::identifier::Ubin;

/// Nothing but the page's own style is loaded or run.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "body{font:1.1em/1.5 system-ui,sans-serif;max-width:40em;margin:2em auto;\
padding:0 1em}dt{color:#555;margin-top:.6em}dd{margin:0}h1{font-size:1.4em}";

/// The page of a record.
pub(super) fn of_record(number: &Ubin, answer: &Object) -> String {
    let answer = Value::Object(answer.clone());
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let name = text("/record/body/legalName/value").unwrap_or("Name not published");
    let rows = [
        ("UBIN", text("/ubin")),
        ("Asked for as", text("/via")),
        ("Status", text("/status")),
        ("Quality of the record", text("/quality")),
        ("Legal form", text("/record/body/legalForm/national")),
        ("Registered on", text("/record/body/registeredOn")),
        ("Ended on", text("/record/body/endedOn")),
        ("Successor", text("/successor")),
        ("Confirmed by the register on", text("/confirmedOn")),
        ("As of", text("/asOf/blockTime")),
    ];
    page(&number.to_string(), name, &rows)
}

/// The page of a transferable record: its public part.
pub(super) fn of_transferable(id: &str, answer: &Object) -> String {
    let answer = Value::Object(answer.clone());
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    let rows = [
        ("Record", text("/public/id")),
        ("Type", text("/public/profile")),
        ("Status", text("/public/status")),
        ("Ended as", text("/public/end")),
        ("Regime", text("/public/regime")),
        ("Content", text("/public/contentRoot")),
        ("As of", text("/asOf/blockTime")),
    ];
    page(id, "Electronic transferable record", &rows)
}

fn page(title: &str, heading: &str, rows: &[(&str, Option<&str>)]) -> String {
    let list: String = rows
        .iter()
        .filter_map(|(label, value)| {
            value.map(|value| format!("<dt>{label}</dt><dd>{}</dd>", escape(value)))
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style>\
         <h1 dir=\"auto\">{}</h1><dl>{list}</dl></html>\n",
        escape(title),
        escape(heading)
    )
}

/// Text within a page.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
