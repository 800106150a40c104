//! `titian ubin qr`: the address at which a business resolves, as a QR code. Needs no node.

use std::path::PathBuf;

use serde_json::json;

use super::identify::canonical_in;
use super::schemes::TableArgs;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::qr;
use crate::session::Session;

/// Show the address of a business as a QR code, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian ubin qr SG-UEN-199403865N-G7 --base https://ubin.example
  titian ubin qr SG-UEN-199403865N-G7 --base https://ubin.example --png code.png")]
pub(crate) struct Args {
    /// The identifier, in any spelling
    ubin: String,
    /// Address of the resolver
    #[arg(long, value_name = "URL", default_value = crate::client::DEFAULT_NODE)]
    base: String,
    /// Write a PNG image
    #[arg(long, value_name = "FILE", conflicts_with = "svg")]
    png: Option<PathBuf>,
    /// Write an SVG image
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    schemes: TableArgs,
}

/// Runs `titian ubin qr`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let ubin = canonical_in(&args.ubin, &args.schemes.table(session)?)?;
    let base = args.base.trim_end_matches('/');
    if !["http://", "https://"].iter().any(|scheme| base.starts_with(scheme)) {
        return Err(CommandError::usage("--base is no address").hint("https://ubin.example"));
    }
    let address = format!("{base}/ubin/{ubin}");
    let code = qr::Image::of(&address)
        .ok_or_else(|| CommandError::usage("the address is too long for a QR code"))?;
    let mut json = json!({ "ubin": ubin, "address": address, "modules": code.rows() });
    let written = match (&args.png, &args.svg) {
        (Some(path), _) => {
            code.write_png(path)?;
            Some(path)
        }
        (None, Some(path)) => {
            code.write_svg(path)?;
            Some(path)
        }
        (None, None) => None,
    };
    let text = match written {
        Some(path) => {
            json["file"] = json!(path);
            format!("{address} in {}", path.display())
        }
        None => format!("{}\n{address}", code.half_blocks()),
    };
    Ok(Report::new(text, json))
}
