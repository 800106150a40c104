//! The QR form of a proof bundle (ledger.md §6): [`PREFIX`] and the base45 of deterministic CBOR.
//!
//! It holds what a verifier that has the genesis file cannot work out: the question, the state values
//! without their keys, the path, the header without the digest of the validator set, and the fewest
//! signatures that suffice, with the places of their validators. [`expand`] puts the rest back and
//! gives the bundle, which is judged like any other; so there is one verifier.
//!
//! ```text
//! [1, kind, question, [value …], path, certified, null | [[certified …], changes]]
//! question  = RFC 8785 text of the members of the claim that ask; a body is null
//! value     = null | [lastChanged, prevChanged, content]
//! certified = [version, chain, height, timeMs, proposer,
//!              parent ‖ txRoot ‖ stateRoot ‖ receiptRoot ‖ changeRoot, appVersion,
//!              round, signers, signature ‖ signature …]
//! ```
//!
//! Invariant: it holds no name. Bodies are left out, and kinds that need bodies, or parts of records
//! that only their parties see, have no such form. A claim has one text for a set of signatures:
//! members of the question must stand in the claim as they are, CBOR and base45 are canonical.

use crate::as_of::AsOf;
use crate::block::{Certificate, CertificateError, Header, ValidatorSet, encode};
use crate::cbor::{Malformed, Reader, Writer};
use crate::claim::{self, Frame};
use crate::digest::Digest;
use crate::json::{self, Value};
use crate::limits;
use crate::proof::{self, Anchor, Evidence, VerifyError};
use crate::state::Stored;

/// What the text begins with.
pub const PREFIX: &str = "TTB1:";

const VERSION: u64 = 1;

/// The kinds that have such a form, in the order of their numbers, each with the members that ask.
const KINDS: &[(&str, &[&str])] = &[
    ("ubin-presence", &["ubin", "body"]),
    ("ubin-absence", &["ubin"]),
    ("ubin-kpi", &["metric", "counters"]),
    ("vc-did", &["did"]),
    ("vc-status", &["list", "index"]),
    ("vc-accreditation", &["id"]),
    ("etr-status", &["id"]),
    ("etr-absence", &["issuer", "series", "ref", "serial"]),
];

/// The QR form of a bundle, whose header was certified by `validators`. Of the claim everything stays
/// but a body. Fails for kinds without such a form, and where the signatures do not suffice; does not
/// verify anything else.
pub fn text(bundle: &[u8], validators: &ValidatorSet) -> Result<String, VerifyError> {
    let parts = proof::read(bundle)?;
    let (number, question) = question(&parts.kind, &parts.claim)?;
    let entries = proof::read_entries(&parts.claim)?;
    let evidence = &parts.evidence;
    let mut out = Writer::default();
    out.array(7);
    out.uint(VERSION);
    out.uint(number);
    out.text(&question.to_jcs());
    out.array(entries.len());
    for entry in &entries {
        write_value(&mut out, entry.stored.as_ref());
    }
    out.bytes(&evidence.path);
    write_certified(&mut out, &evidence.header, &evidence.certificate, validators)?;
    match &evidence.as_of {
        None => out.null(),
        Some(as_of) => {
            out.array(2);
            out.array(as_of.headers.len());
            for (header, certificate) in &as_of.headers {
                write_certified(&mut out, header, certificate, validators)?;
            }
            out.bytes(&encode(&as_of.changes));
        }
    }
    Ok(format!("{PREFIX}{}", base45::encode(&out.0)))
}

/// The bundle behind a text of [`text`], in RFC 8785 form. That it proves anything is for
/// [`proof::verify`] to say.
pub fn expand(text: &str, anchor: &Anchor) -> Result<String, VerifyError> {
    if text.len() > limits::QR_CHARS_MAX {
        return Err(malformed("longer than a QR code"));
    }
    let coded = text.strip_prefix(PREFIX).ok_or_else(|| malformed("not a QR code of a proof"))?;
    let bytes = base45::decode(coded).map_err(|_| malformed("base45 is expected"))?;
    if base45::encode(&bytes) != coded {
        return Err(malformed("base45 of another form"));
    }
    let mut reader = Reader(&bytes);
    reader.array_of(7)?;
    if reader.uint()? != VERSION {
        return Err(malformed("unknown version"));
    }
    let number = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
    let place = number.checked_sub(1).and_then(|place| KINDS.get(place));
    let (kind, _) = place.ok_or(VerifyError::UnknownKind)?;
    let stated = json::parse_canonical(reader.text()?.as_bytes())?;
    let values = read_list(&mut reader, read_value)?;
    let path = reader.bytes()?.to_vec();
    let (header, certificate) = read_certified(&mut reader, anchor)?;
    let as_of = read_as_of(&mut reader, anchor)?;
    reader.finish()?;

    let height = header.height.checked_sub(1).ok_or(VerifyError::HeaderDiffers)?;
    let frame = Frame { chain: &header.chain, time_ms: header.time_ms };
    let entries = claim::keyed(kind, &stated, values, frame)?;
    let claim = claim::rebuild(kind, &stated, &entries, frame)?;
    // a question that says more, less or other than the claim would be a second text for it
    if question(kind, &claim)?.1 != stated {
        return Err(VerifyError::ClaimDiffers("the question is not that of the claim".to_owned()));
    }
    let evidence = Evidence { path, header, certificate, as_of };
    Ok(proof::bundle(kind, height, claim, &evidence))
}

/// The number of a kind, and the members of its claim that ask, without a body.
fn question(kind: &str, claim: &Value) -> Result<(u64, Value), VerifyError> {
    let place = KINDS.iter().position(|(known, _)| *known == kind);
    let place = place.ok_or_else(|| malformed("this kind of proof has no QR form"))?;
    let (_, asking) = KINDS.get(place).ok_or(VerifyError::UnknownKind)?;
    let members = asking.iter().filter_map(|name| {
        let value = claim.get(name)?;
        Some((*name, if *name == "body" { Value::Null } else { value.clone() }))
    });
    Ok((place as u64 + 1, Value::object(members)))
}

fn write_value(out: &mut Writer, stored: Option<&Stored>) {
    let Some(stored) = stored else { return out.null() };
    out.array(3);
    out.uint(stored.last_changed);
    out.uint(stored.prev_changed);
    out.bytes(&stored.content);
}

fn read_value(reader: &mut Reader<'_>) -> Result<Option<Stored>, VerifyError> {
    if reader.null() {
        return Ok(None);
    }
    reader.array_of(3)?;
    let (last_changed, prev_changed) = (reader.uint()?, reader.uint()?);
    Ok(Some(Stored { last_changed, prev_changed, content: reader.bytes()?.to_vec() }))
}

fn read_list<T>(
    reader: &mut Reader<'_>,
    item: impl Fn(&mut Reader<'_>) -> Result<T, VerifyError>,
) -> Result<Vec<T>, VerifyError> {
    (0..reader.array()?).map(|_| item(reader)).collect()
}

fn read_as_of(reader: &mut Reader<'_>, anchor: &Anchor) -> Result<Option<AsOf>, VerifyError> {
    if reader.null() {
        return Ok(None);
    }
    reader.array_of(2)?;
    let headers = read_list(reader, |reader| read_certified(reader, anchor))?;
    let changes = borsh::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
    Ok(Some(AsOf { headers, changes }))
}

fn write_certified(
    out: &mut Writer,
    header: &Header,
    certificate: &Certificate,
    validators: &ValidatorSet,
) -> Result<(), VerifyError> {
    if header.validators_hash != validators.hash() {
        return Err(VerifyError::ValidatorsUnknown);
    }
    let (signers, signatures) = fewest(certificate, validators)?;
    let roots =
        [header.parent, header.tx_root, header.state_root, header.receipt_root, header.change_root];
    out.array(10);
    out.uint(header.version.into());
    out.text(&header.chain);
    out.uint(header.height);
    out.uint(header.time_ms);
    out.bytes(&header.proposer);
    out.bytes(&roots.map(|root| root.0).concat());
    out.uint(header.app_version.into());
    out.uint(certificate.round.into());
    out.uint(signers);
    out.bytes(&signatures.concat());
    Ok(())
}

fn read_certified(
    reader: &mut Reader<'_>,
    anchor: &Anchor,
) -> Result<(Header, Certificate), VerifyError> {
    reader.array_of(10)?;
    let version = u8::try_from(reader.uint()?).map_err(|_| Malformed)?;
    let chain = reader.text()?.to_owned();
    if chain != anchor.chain {
        return Err(VerifyError::ChainDiffers);
    }
    let (height, time_ms) = (reader.uint()?, reader.uint()?);
    let proposer = reader.bytes()?.try_into().map_err(|_| Malformed)?;
    let (roots, []) = reader.bytes()?.as_chunks::<32>() else { return Err(Malformed.into()) };
    let [parent, tx_root, state_root, receipt_root, change_root] = roots else {
        return Err(Malformed.into());
    };
    let app_version = u32::try_from(reader.uint()?).map_err(|_| Malformed)?;
    let header = Header {
        version,
        chain,
        height,
        time_ms,
        proposer,
        parent: Digest(*parent),
        tx_root: Digest(*tx_root),
        state_root: Digest(*state_root),
        receipt_root: Digest(*receipt_root),
        change_root: Digest(*change_root),
        validators_hash: anchor.validators.hash(),
        app_version,
    };
    let round = u32::try_from(reader.uint()?).map_err(|_| Malformed)?;
    let signers = reader.uint()?;
    let (signatures, []) = reader.bytes()?.as_chunks::<64>() else { return Err(Malformed.into()) };
    let addresses = addresses(signers, &anchor.validators)?;
    if addresses.len() != signatures.len() {
        return Err(Malformed.into());
    }
    let signatures = addresses.into_iter().zip(signatures.iter().copied()).collect();
    let certificate = Certificate { height, round, block: header.id(), signatures };
    Ok((header, certificate))
}

/// The fewest signatures of a certificate that make more than two thirds of the power, those of the
/// most powerful first, and a bit for the place of each of their validators.
fn fewest(
    certificate: &Certificate,
    validators: &ValidatorSet,
) -> Result<(u64, Vec<[u8; 64]>), VerifyError> {
    let mut signed = Vec::with_capacity(certificate.signatures.len());
    for (address, signature) in &certificate.signatures {
        let mut known = validators.validators.iter().take(limits::VALIDATORS_MAX);
        let place = known.position(|known| known.address() == *address);
        let place = place.ok_or(CertificateError::UnknownValidator)?;
        let power = validators.validators.get(place).map_or(0, |known| known.power);
        signed.push((std::cmp::Reverse(power), place, *signature));
    }
    signed.sort_unstable();
    let needed = u128::from(validators.total_power()) * 2;
    let mut power: u128 = 0;
    let enough = signed.iter().position(|(std::cmp::Reverse(more), ..)| {
        power += u128::from(*more);
        power * 3 > needed
    });
    let last = enough.ok_or(CertificateError::PowerMissing)?;
    signed.truncate(last + 1);
    signed.sort_unstable_by_key(|(_, place, _)| *place);
    let bits = signed.iter().fold(0, |bits, (_, place, _)| bits | 1_u64 << place);
    Ok((bits, signed.into_iter().map(|(.., signature)| signature).collect()))
}

/// The addresses of the validators at the places whose bits are set.
fn addresses(bits: u64, validators: &ValidatorSet) -> Result<Vec<[u8; 20]>, VerifyError> {
    let known = validators.validators.iter().take(limits::VALIDATORS_MAX).enumerate();
    let set: Vec<_> = known
        .filter(|(place, _)| bits & 1 << place != 0)
        .map(|(_, validator)| validator.address())
        .collect();
    if set.len() == bits.count_ones() as usize {
        Ok(set)
    } else {
        Err(VerifyError::Certificate(CertificateError::UnknownValidator))
    }
}

impl From<Malformed> for VerifyError {
    fn from(_: Malformed) -> Self {
        malformed("the QR code is damaged")
    }
}

fn malformed(what: &str) -> VerifyError {
    VerifyError::Malformed(what.to_owned())
}
