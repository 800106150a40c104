//! `titian etr print`: a content as one page of paper with the address at which its status stands, for
//! a change of medium.

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use super::content::Envelope;
use super::verbs::digest_of;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::qr;
use crate::session::Session;

/// Arguments of `print`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    id: String,
    /// Content file of the record
    #[arg(long, value_name = "FILE")]
    content: PathBuf,
    /// Serial of this original; repeat it for all of them
    #[arg(long, value_name = "SERIAL")]
    serial: Vec<String>,
    /// Statement of the change of medium that is printed (MLETR art. 18)
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "This document replaces an electronic transferable record, which has ceased \
                         to have effect."
    )]
    statement: String,
    /// Address of a node or resolver that shows the status [default: the node that is asked]
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// Write the code of the address alone as well, .png or .svg, for paper that is printed elsewhere
    #[arg(long, value_name = "FILE")]
    code: Option<PathBuf>,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Runs `titian etr print`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let envelope = Envelope::read(&args.content)?;
    let record = super::show::get(session, &args.id, None, None)?;
    let root = document::text(&record, "/public/contentRoot").unwrap_or_default();
    if envelope.root().to_string() != root {
        return Err(CommandError::new(
            crate::error::Kind::NotProven,
            "the content is not the one that the record commits to",
        )
        .named("CONTENT_MISMATCH"));
    }
    let base = match &args.base {
        Some(base) => base.clone(),
        None => session.node_url()?,
    };
    let base = base.trim_end_matches('/');
    if !["http://", "https://"].iter().any(|scheme| base.starts_with(scheme)) {
        return Err(CommandError::usage("--base is no address").hint("https://etr.example"));
    }
    let address = format!("{base}/etr/{}", args.id);
    let code = qr::Image::of(&address)
        .ok_or_else(|| CommandError::usage("the address is too long for a QR code"))?;
    let image = code.svg(160);
    if let Some(path) = &args.code {
        code.write(path)?;
    }
    let name = document::text(&record, "/typeName").unwrap_or("Transferable record");
    // the XML head of an image has no place inside a page
    let image = image.split_once("?>").map_or(image.as_str(), |(_, rest)| rest);
    let page = page(name, args, &address, image, &envelope.committed());
    document::write(&args.out, &page)?;
    let digest = digest_of(&args.out.display().to_string())?;
    let text = format!(
        "{} with the status address {address}\nits digest is {digest}; next, the obligor: titian etr \
         surrender-accept {} --serial SERIAL --print {} --statement CODE=FILE",
        args.out.display(),
        args.id,
        args.out.display()
    );
    let json = json!({
        "id": args.id, "file": args.out, "address": address, "print": digest.to_string(),
        "code": args.code,
    });
    Ok(Report::new(text, json))
}

fn page(
    name: &str,
    args: &Args,
    address: &str,
    image: &str,
    content: &Map<String, Json>,
) -> String {
    let mut rows = String::new();
    for (member, value) in content {
        row(member, value, &mut rows);
    }
    let serials = args.serial.iter().map(|serial| escaped(serial)).collect::<Vec<_>>().join(", ");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font:11pt serif;margin:20mm}}table{{border-collapse:collapse;width:100%}}\
         td{{border:1px solid #999;padding:2pt 4pt;vertical-align:top}}figure{{float:right;margin:0}}\
         </style>\n</head>\n<body>\n<figure>{image}</figure>\n<h1>{title}</h1>\n<p>{statement}</p>\n\
         <p>Original {serials}<br>Record {id}<br>Status: {address}</p>\n<table>\n{rows}</table>\n\
         </body>\n</html>\n",
        title = escaped(name),
        statement = escaped(&args.statement),
        id = escaped(&args.id),
        address = escaped(address),
    )
}

/// One row for each value that is no object or list.
fn row(name: &str, value: &Json, rows: &mut String) {
    match value {
        Json::Object(members) => {
            for (inner, value) in members {
                row(&format!("{name} / {inner}"), value, rows);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, value) in (1..).zip(items) {
                row(&format!("{name} {index}"), value, rows);
            }
        }
        value => {
            let plain =
                |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let text = match value {
                Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
                value => plain(value),
            };
            let cells = format!("<tr><td>{}</td><td>{}</td></tr>\n", escaped(name), escaped(&text));
            rows.push_str(&cells);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
