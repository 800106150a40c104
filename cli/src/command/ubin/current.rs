//! A record as it stands now: what acts quote of it.

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::GetParams;
use titian_contracts::json::Value;
use titian_contracts::ubin::identifier::Ubin;

use super::canonical;
use crate::document;
use crate::error::{CommandError, Result};
use crate::session::Session;

/// A record as a node shows it.
pub(super) struct Current {
    /// Its number now; another than the one asked for if that only forwards.
    pub(super) ubin: String,
    /// Its version.
    pub(super) version: u64,
    meta_seq: u64,
    body: Option<Value>,
}

/// The canonical form of an identifier in any spelling. One in canonical form whose scheme is
/// younger than this program is left to the node.
pub(super) fn number(input: &str) -> Result<String> {
    canonical(input).or_else(|error| match (error.name.as_deref(), Ubin::parse_canonical(input)) {
        (Some("UBIN_SCHEME_UNKNOWN" | "UBIN_COUNTRY_UNKNOWN"), Some(ubin)) => Ok(ubin.to_string()),
        _ => Err(error),
    })
}

/// Reads a record; one that is not there is `UBIN_UNKNOWN`.
pub(super) fn current(session: &Session, input: &str) -> Result<Current> {
    let ubin = number(input)?;
    let params = GetParams { ubin: ubin.clone(), ..GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    if answer.pointer("/found") != Some(&Json::Bool(true)) {
        return Err(CommandError::refused(format!("{ubin} is not registered"))
            .named("UBIN_UNKNOWN")
            .hint("titian ubin resolve NUMBER finds what a number may mean"));
    }
    let count = |pointer: &str| answer.pointer(pointer).and_then(Json::as_u64).unwrap_or(0);
    let body = answer.pointer("/record/body").filter(|body| body.is_object());
    Ok(Current {
        ubin: document::text(&answer, "/ubin").unwrap_or(&ubin).to_owned(),
        version: count("/version"),
        meta_seq: count("/record/meta/seq"),
        body: body.map(document::from_json).transpose()?,
    })
}

impl Current {
    /// The body of its version.
    pub(super) fn body(&self) -> Result<&Value> {
        self.body.as_ref().ok_or_else(|| {
            CommandError::refused("this node does not keep the body of the record")
                .hint("--node URL")
        })
    }

    /// The members by which a meta write quotes it.
    pub(super) fn quoted(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("ubin", Value::from(self.ubin.as_str())),
            ("version", Value::from(self.version)),
            ("metaSeq", Value::from(self.meta_seq)),
        ]
    }
}
