//! Reads an ETR op: the frame that all acts share (etr.md §4).
//!
//! Reading answers `MALFORMED` only; [`Request::check_limits`] comes after, so that the order of
//! errors is the documented one. Arguments are read in `arguments`, the acts stand in `act`.

use super::act::Act;
use super::{arguments, content, profile};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;

/// The members that ETR ops have besides the five common ones.
#[derive(Clone, Debug)]
pub struct Request {
    /// The record.
    pub id: String,
    /// The record's seq that the op was made for.
    pub seq: u64,
    /// The record's head that the op was made for.
    pub head: Digest,
    /// The rulebook the parties agreed on.
    pub rulebook: Digest,
    /// Where the actor is, UN/LOCODE.
    pub place: String,
    /// Warnings acknowledged.
    pub ack: Vec<String>,
    /// The bundle the op belongs to.
    pub bundle: Option<Digest>,
    /// 16 random bytes in hex.
    pub blind: String,
    /// The act.
    pub act: Act,
}

impl Request {
    /// Reads the op. `MALFORMED` only.
    pub fn read(op: &Op) -> Result<Self, Reject> {
        if !profile::is_record_act(&op.act) {
            return Err(Reject::new(Code::Malformed, "/act", "no act on a record"));
        }
        let mut frame = Members::of(&op.value, "")?;
        for common in ["act", "args", "chain", "register", "sigs"] {
            frame.required(common)?;
        }
        let id = frame.text("id")?.to_owned();
        if !content::is_record_id(&id) {
            return Err(frame.malformed("id", "etr_ and 52 base32 characters"));
        }
        let place = frame.text("place")?.to_owned();
        let blind = frame.text("blind")?.to_owned();
        if !is_locode(&place) || !is_hex_16(&blind) {
            return Err(frame.malformed("place", "a UN/LOCODE, and 16 bytes in hex as blind"));
        }
        let bundle = match frame.required("bundle")? {
            Value::Null => None,
            value => Some(
                value
                    .as_text()
                    .and_then(Digest::parse)
                    .ok_or_else(|| frame.malformed("bundle", "a b3: digest or null"))?,
            ),
        };
        let request = Self {
            id,
            seq: frame.uint("seq")?,
            head: frame.digest("head")?,
            rulebook: frame.digest("rulebook")?,
            place,
            ack: frame.texts("ack")?.into_iter().map(ToOwned::to_owned).collect(),
            bundle,
            blind,
            act: arguments::read(op)?,
        };
        frame.finish()?;
        Ok(request)
    }

    /// Counts and ranges of etr.md §3.4: `LIMIT_EXCEEDED`.
    pub fn check_limits(&self) -> Result<(), Reject> {
        let over = |field: &str| Err(Reject::new(Code::LimitExceeded, field, ""));
        if self.ack.len() > limits::ETR_ACK_MAX {
            return over("/ack");
        }
        self.act.check_limits()
    }
}

/// Whether a text is a code: 1 to 32 of a-z 0-9 _.
pub fn is_code(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The grammar of record numbers and paper serials; lower case is refused, not folded.
pub fn is_reference(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-/.".contains(&b))
}

/// Whether a text is 16 bytes in lower-case hex.
pub fn is_hex_16(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// UN/LOCODE: two letters of the country and three of A-Z 2-9.
fn is_locode(text: &str) -> bool {
    let (country, place) = text.as_bytes().split_at(text.len().min(2));
    country.len() == 2
        && place.len() == 3
        && country.iter().all(u8::is_ascii_uppercase)
        && place.iter().all(|b| b.is_ascii_uppercase() || (b'2'..=b'9').contains(b))
}
