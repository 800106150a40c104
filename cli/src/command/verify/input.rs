//! What is verified, however it comes: a file, standard input, a token, QR text, a picture.
//!
//! Invariant: what it is, is told by its content; nothing that is read is opened as an address.

use std::path::Path;

use titian_contracts::proof_code::PREFIX;
use titian_credential::bundle::{self, BUNDLE, EVIDENCE};
use titian_credential::qr::{self, Content};

use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::scan;

/// Bytes in which a damaged proof is looked for by its members.
const SNIFF_BYTES: usize = titian_contracts::limits::PROOF_BYTES_MAX;

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A credential or presentation in any form.
    Credential(String),
    /// An evidence pack: a credential with the state it rests on.
    Evidence(Vec<u8>),
    /// A trust bundle.
    Bundle(Vec<u8>),
    /// A proof of another kind.
    Proof(Vec<u8>),
    /// The QR text of such a proof.
    ProofCode(String),
    /// An evidence dossier of a transferable record: a ZIP.
    Dossier(Vec<u8>),
}

/// Reads what an argument names, or is.
pub(crate) fn read(argument: &str) -> Result<Input> {
    let path = Path::new(argument);
    let code = qr::is_payload(argument) || argument.starts_with(PREFIX);
    let is_text = code || argument.starts_with('{') || is_token(argument);
    if argument != "-" && is_text && !path.exists() {
        return classify(argument.as_bytes());
    }
    classify(&document::read_at_most(path, bundle::BUNDLE_BYTES_MAX as u64)?)
}

/// Tells what bytes are.
pub(crate) fn classify(bytes: &[u8]) -> Result<Input> {
    if bytes.starts_with(b"PK") {
        return Ok(Input::Dossier(bytes.to_vec()));
    }
    if scan::is_picture(bytes) {
        return of_symbols(scan::texts(bytes)?.iter().map(String::as_str));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) || is_container(bytes) {
        return Ok(match bundle::kind_of(bytes) {
            Some(EVIDENCE) => Input::Evidence(bytes.to_vec()),
            Some(BUNDLE) => Input::Bundle(bytes.to_vec()),
            _ => Input::Proof(bytes.to_vec()),
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    // base45 has a space among its characters; only the line end is no part of the code
    let code = text.trim_end_matches(['\r', '\n']);
    if code.starts_with(PREFIX) {
        return Ok(Input::ProofCode(code.to_owned()));
    }
    let text = text.trim();
    if qr::is_payload(text) {
        // one symbol a line, as `titian vc scan` prints them
        return of_symbols(text.lines().map(|line| line.trim_matches(['\r', '\t'])));
    }
    if text.starts_with('{') || is_token(text) {
        return Ok(Input::Credential(text.to_owned()));
    }
    Err(unknown())
}

/// What the texts of QR codes hold together.
pub(crate) fn of_symbols<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Input> {
    let mut texts = texts.into_iter().peekable();
    if let Some(proof) = texts.next_if(|text| text.starts_with(PREFIX)) {
        return Ok(Input::ProofCode(proof.to_owned()));
    }
    let content = qr::read_all(texts).map_err(|error| {
        CommandError::new(Kind::NotProven, error.to_string())
            .named(error.code())
            .hint("all parts of one content together: titian vc scan PICTURE … -o FILE")
    })?;
    Ok(match content {
        Content::Credential(text) => Input::Credential(text),
        Content::Evidence(bytes) => Input::Evidence(bytes),
    })
}

fn unknown() -> CommandError {
    CommandError::new(Kind::NotProven, "neither a proof nor a credential").named("FORM_UNKNOWN")
}

/// Whether a file is a proof of some kind: an object with the member `titianProof`. One that was
/// damaged so that it is no JSON any more is still judged as one.
fn is_container(bytes: &[u8]) -> bool {
    let start = bytes.get(..bytes.len().min(SNIFF_BYTES)).unwrap_or_default();
    let holds = |member: &[u8]| start.windows(member.len()).any(|part| part == member);
    (start.first() == Some(&b'{') && holds(b"\"titianProof\"")) || holds(b"\"certificate\":\"")
}

fn is_token(text: &str) -> bool {
    text.len() > 20
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
        && text.split('~').next().is_some_and(|token| token.matches('.').count() == 2)
}
