//! `titian vc qr` and `titian vc scan`: credentials as QR codes, and back.
//!
//! Invariant: a code is read to the very bytes that were signed, and nothing in it is opened.

use std::path::{Path, PathBuf};

use serde_json::json;
use titian_contracts::proof_code::PREFIX;
use titian_contracts::time::rfc3339;
use titian_credential::qr::{self as payload, Content, is_holder_bound, nonce_text, read_nonce};

use super::super::verify::input::{self, Input};
use crate::act::{now_ms, random_hex};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::qr::Image;
use crate::scan;
use crate::session::Session;
use crate::wallet::write_private;

/// `titian vc qr`.
#[derive(Debug, clap::Args)]
pub(crate) struct QrArgs {
    /// Credential, presentation or evidence pack
    #[arg(required_unless_present = "ask")]
    file: Option<String>,
    /// Show a nonce for a holder to sign instead, for this audience
    #[arg(long, value_name = "AUDIENCE", conflicts_with = "file")]
    ask: Option<String>,
    /// The nonce [default: a random one]
    #[arg(long, requires = "ask", value_name = "TEXT")]
    nonce: Option<String>,
    /// Write an image, .svg or .png; of several parts the names are made from this one
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `titian vc scan`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScanArgs {
    /// Pictures, PNG or JPEG; parts of one code may be in several
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Write what was found here [default: standard output]
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs `titian vc qr`.
pub(super) fn qr(session: &Session, args: &QrArgs) -> Result<Report> {
    if let Some(audience) = &args.ask {
        return ask(audience, args);
    }
    let file = args.file.as_deref().unwrap_or_default();
    let content = match input::read(file)? {
        Input::Credential(text) => Content::of_credential(text.as_bytes()).map_err(unfit)?,
        Input::Evidence(bytes) => Content::of_evidence(&bytes),
        _ => return Err(CommandError::usage(format!("{file} is no credential"))),
    };
    let texts = content.to_symbols().map_err(unfit)?;
    let bound = match &content {
        Content::Credential(text) => is_holder_bound(text),
        Content::Evidence(_) => false,
    };
    if !bound {
        session.output.note("not bound to a holder: a copy scans as well as the original");
    }
    drawn(&texts, args.out.as_deref(), bound)
}

fn unfit(error: payload::QrError) -> CommandError {
    CommandError::usage(error.to_string()).named(error.code())
}

fn ask(audience: &str, args: &QrArgs) -> Result<Report> {
    let nonce = args.nonce.clone().unwrap_or_else(random_hex::<16>);
    let text = nonce_text(&nonce, audience).ok_or_else(|| {
        CommandError::usage("a nonce has 8 to 128 letters, digits, - . _ ~; an audience is visible")
    })?;
    let mut report = drawn(&[text], args.out.as_deref(), false)?;
    report.text = format!(
        "{}\nnext: titian verify PRESENTATION --nonce {nonce} --audience {audience}",
        report.text
    );
    report.json = json!({ "nonce": nonce, "audience": audience, "symbols": report.json["symbols"],
        "at": rfc3339(now_ms()) });
    Ok(report)
}

/// The codes of texts, on the terminal or in images.
fn drawn(texts: &[String], out: Option<&Path>, bound: bool) -> Result<Report> {
    let (mut lines, mut symbols) = (Vec::new(), Vec::new());
    for (text, i) in texts.iter().zip(1_usize..) {
        let symbol = Image::of(text)
            .ok_or_else(|| CommandError::usage("the text is too long for a QR code"))?;
        let part =
            if texts.len() == 1 { String::new() } else { format!("part {i} of {}, ", texts.len()) };
        let said = format!("{part}{} characters, version {}-M", text.len(), symbol.version());
        let mut json =
            json!({ "text": text, "version": symbol.version(), "modules": symbol.rows() });
        match out {
            None => lines.push(format!("{}\n{said}", symbol.half_blocks())),
            Some(path) => {
                let path = if texts.len() == 1 { path.to_owned() } else { numbered(path, i) };
                symbol.write(&path)?;
                lines.push(format!("{said}: {}", path.display()));
                json["file"] = json!(path);
            }
        }
        symbols.push(json);
    }
    Ok(Report::new(lines.join("\n"), json!({ "symbols": symbols, "holderBinding": bound })))
}

/// `code.svg` to `code.2.svg`.
fn numbered(path: &Path, i: usize) -> PathBuf {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or("svg");
    path.with_extension(format!("{i}.{end}"))
}

/// Runs `titian vc scan`.
pub(super) fn scan(session: &Session, args: &ScanArgs) -> Result<Report> {
    let mut texts = Vec::new();
    for path in &args.pictures {
        let bytes = document::read(path)?;
        if !scan::is_picture(&bytes) {
            return Err(CommandError::usage(format!("{} is no PNG or JPEG", path.display())));
        }
        texts.extend(scan::texts(&bytes)?);
    }
    let asked = texts.iter().find_map(|text| Some((text, read_nonce(text)?)));
    if let Some((code, (nonce, audience))) = asked {
        let json = json!({ "nonce": nonce, "audience": audience });
        let next = format!("next: titian vc present FILE --nonce {nonce} --audience {audience}");
        let mut report = found(args, code, json)?;
        let said = if args.out.is_some() { format!("{}\n", report.text) } else { String::new() };
        report.text = format!("{said}a verifier asks for a presentation\n{next}");
        return Ok(report);
    }
    // codes of other kinds may be in the same picture
    let known = |text: &&str| payload::is_payload(text) || text.starts_with(PREFIX);
    let payloads: Vec<&str> = texts.iter().map(String::as_str).filter(known).collect();
    if payloads.is_empty() {
        return Err(CommandError::new(Kind::NotProven, "the code holds no credential")
            .named("FORM_UNKNOWN")
            .hint("what stands in it was not opened"));
    }
    match input::of_symbols(payloads)? {
        Input::Credential(text) => {
            let bound = is_holder_bound(&text);
            if !bound {
                session.output.note("not bound to a holder: a copy scans as well as the original");
            }
            found(args, &text, json!({ "credential": text, "holderBinding": bound }))
        }
        Input::Evidence(bytes) => {
            let path = args.out.as_deref().ok_or_else(|| {
                CommandError::usage("an evidence pack is no text").hint("-o pack.gz writes it")
            })?;
            write_private(path, &bytes)
                .map_err(|error| CommandError::file("write", path, &error))?;
            let text = format!("an evidence pack in {}", path.display());
            Ok(Report::new(text, json!({ "file": path, "kind": "vc-evidence" })))
        }
        Input::ProofCode(text) => found(args, &text, json!({ "proof": text })),
        _ => Err(CommandError::bug("a code holds a credential, a pack or a proof")),
    }
}

fn found(args: &ScanArgs, text: &str, json: serde_json::Value) -> Result<Report> {
    let Some(path) = args.out.as_deref() else { return Ok(Report::new(text, json)) };
    write_private(path, format!("{text}\n").as_bytes())
        .map_err(|error| CommandError::file("write", path, &error))?;
    Ok(Report::new(format!("written to {}", path.display()), json))
}
