//! Credentials (vc-api.md A§8 T16).

use std::sync::Arc;

use serde_json::Value;
use titian_contracts::block::ValidatorSet;
use titian_contracts::credential::linter::{lint_context, lint_metadata, lint_schema};
use titian_contracts::digest::Digest;
use titian_contracts::proof::Anchor;
use titian_credential::bundle::{TrustAnchor, read as read_bundle};
use titian_credential::contexts::Contexts;
use titian_credential::did::{method, party_of};
use titian_credential::form;
use titian_credential::guard;
use titian_credential::jose::Jws;
use titian_credential::json::{canonical, parse};
use titian_credential::qr;
use titian_credential::rdf::{Object, Quad, Subject, canonical_quads, canonicalize};
use titian_credential::schema::evaluate;
use titian_credential::sd_jwt::SdJwt;
use titian_credential::status::{decode_list, entry_of, token};
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify, verify_presentation};

const NOW_MS: u64 = 1_782_864_000_000;
const LAX: Contexts<'static> = Contexts { snapshot: None, sandbox: true, inline: true };

/// A target: its name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("vc_json", vc_json),
    ("vc_jws", vc_jws),
    ("vc_sdjwt", vc_sdjwt),
    ("vc_jsonld", vc_jsonld),
    ("vc_rdfc", vc_rdfc),
    ("vc_statuslist", vc_statuslist),
    ("vc_bundle", vc_bundle),
    ("vc_qr", vc_qr),
    ("vc_did", vc_did),
    ("vc_schema_lint", vc_schema_lint),
];

fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

fn judge(data: &[u8]) {
    for policy in [Policy::Ledger, Policy::W3c, Policy::Signature] {
        let request = Request::new(policy);
        let verdict = verify(data, &request, None, NOW_MS);
        assert_eq!(verdict.checks.len(), 12);
        verify_presentation(data, &request, None, NOW_MS);
    }
}

/// Strict JSON, its canonical text, and whatever verification makes of it.
pub fn vc_json(data: &[u8]) {
    if let Ok(value) = parse(data) {
        let text = canonical(&value);
        let again = parse(text.as_bytes()).expect("canonical text is strict JSON");
        assert_eq!(again, value);
        assert_eq!(canonical(&again), text);
    }
    judge(data);
}

/// Compact tokens.
pub fn vc_jws(data: &[u8]) {
    if let Ok(token) = Jws::parse(&text(data)) {
        let _ = token.check_header("vc+jwt");
        let _ = token.key_id("did:example:issuer");
        let _ = token.seconds("exp");
    }
    judge(data);
}

/// SD-JWT in all serialisations.
pub fn vc_sdjwt(data: &[u8]) {
    let mut found: Vec<SdJwt> = SdJwt::parse(&text(data)).into_iter().collect();
    if let Ok(Value::Object(members)) = parse(data) {
        found.extend(SdJwt::from_json(&members));
    }
    for token in found {
        if let Ok(claims) = token.claims() {
            assert!(!claims.contains_key("_sd") && !claims.contains_key("_sd_alg"));
        }
        token.sd_hash();
    }
    judge(data);
}

/// Whether a context defines terms in the document itself.
fn defines_terms(context: &Value) -> bool {
    match context {
        Value::Array(items) => items.iter().any(defines_terms),
        other => other.is_object(),
    }
}

/// Contexts, the term guard and the expander, with contexts in the document allowed.
pub fn vc_jsonld(data: &[u8]) {
    let Ok(Value::Object(members)) = parse(data) else { return };
    let guarded = guard::check(&members, LAX);
    let first = canonicalize(&members, LAX);
    assert_eq!(first, canonicalize(&members, LAX), "kept contexts change nothing");
    if let (Ok(_), Err(fault)) = (&first, &guarded) {
        // what the expander takes the guard lets pass, but for what it refuses beyond JSON-LD: contexts
        // below the top, members named by an IRI, other names for what verdicts read by name
        let inner = text(data).matches("context").count() > 1;
        let by_iri = fault.pointer.contains(':');
        let renamed = members.get("@context").is_some_and(defines_terms);
        assert!(inner || by_iri || renamed, "{fault:?}");
    }
    guard::pruned(&members, LAX);
}

/// Datasets: four bytes to a statement.
pub fn vc_rdfc(data: &[u8]) {
    let node = |byte: u8| match byte {
        250..=255 => Subject::Iri(Arc::from(format!("urn:x:{byte}"))),
        blank => Subject::Blank(u32::from(blank % 48)),
    };
    let quads: Vec<Quad> = data
        .chunks_exact(4)
        .take(512)
        .map(|part| Quad {
            subject: node(part[0]),
            predicate: Arc::from(if part[1] & 1 == 0 { "urn:p:0" } else { "urn:p:1" }),
            object: Object::Node(node(part[2])),
            graph: (part[3] > 200).then(|| node(part[3])),
        })
        .collect();
    let Ok(first) = canonical_quads(&quads) else { return };
    let turned: Vec<Quad> = quads.into_iter().rev().collect();
    assert_eq!(canonical_quads(&turned).as_ref(), Ok(&first), "the order of statements counts");
}

/// Both kinds of status lists.
pub fn vc_statuslist(data: &[u8]) {
    let text = text(data);
    let index = data.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    for size in [0, 1, 2, 3, 4, 8, index] {
        if let Ok(list) = decode_list(&text) {
            let _ = entry_of(&list, size, index % 1_000_000);
        }
        if let Ok(list) = token::decode_list(&text) {
            let _ = token::entry_of(&list, size, index);
        }
    }
}

/// Bundles and evidence packs.
pub fn vc_bundle(data: &[u8]) {
    let anchor = Anchor {
        chain: "titian-fuzz-1".to_owned(),
        genesis: Digest::ZERO,
        validators: ValidatorSet::new(Vec::new()),
    };
    let _ = read_bundle(data, TrustAnchor { anchor: &anchor, sandbox: false, trusted_height: 0 });
}

/// Texts of QR codes: one symbol, or parts, one in a line.
pub fn vc_qr(data: &[u8]) {
    let text = text(data);
    let _ = qr::read(&text);
    let _ = qr::read_all(text.lines());
    let _ = qr::read_nonce(&text);
}

/// DIDs of every method.
pub fn vc_did(data: &[u8]) {
    let text = text(data);
    let (did, fragment) = text.split_once('#').unwrap_or((&text, ""));
    let _ = party_of(did);
    let _ = method::computed(did, fragment);
    if let Some(document) = method::computed_document(did) {
        assert_eq!(document["id"], did);
    }
}

/// Schemas, contexts and type metadata at the door of the register; what passes is evaluated.
pub fn vc_schema_lint(data: &[u8]) {
    let _ = lint_context(data, "did:ubin:SG/context/x/1#");
    let _ = lint_metadata(data);
    if lint_schema(data).is_ok() {
        let schema = parse(data).expect("the linter reads stricter JSON");
        evaluate(&schema, &schema);
    }
    let _ = form::read(data);
}
