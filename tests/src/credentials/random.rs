//! Random credentials of the shipped types, valid by their schemas, with texts that writers and
//! readers like to get wrong.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Map, Value, json};
use titian_contracts::time::rfc3339;
use titian_credential::guard::is_absolute_iri;
use titian_credential::profiles::ShippedType;

use super::{ENTRIES, ISSUER_DID, LISTS, json_of};

/// Characters that need escaping in JSON or in N-Quads, take two units in UTF-16, break lines, or
/// look like something else; and plain ones. None from U+E000 to U+FFFF: rdf-canonize 5 sorts by
/// units of UTF-16, RDFC-1.0 by code points, and only beside those characters do the two differ.
const CHARACTERS: &[char] = &[
    'a',
    'b',
    'c',
    'X',
    'Y',
    'Z',
    '0',
    '7',
    ' ',
    '.',
    '-',
    '/',
    '"',
    '\\',
    '<',
    '>',
    '&',
    '\'',
    '\n',
    '\r',
    '\t',
    '\u{8}',
    '\u{c}',
    '\u{1f}',
    '\u{7f}',
    '\u{a0}',
    '\u{e9}',
    '\u{df}',
    '\u{e44}',
    '\u{1ea1}',
    '\u{2028}',
    '\u{2029}',
    '\u{6f22}',
    '\u{1f600}',
    '\u{10ffff}',
];

/// Claims of an SD-JWT VC that are not the holder's to keep back.
const PLAIN: [&str; 7] = ["iss", "iat", "nbf", "exp", "vct", "cnf", "status"];

/// An unsigned credential of a type of the W3C data model, issued at `time_ms` for 30 days.
pub fn credential(shipped: &ShippedType, random: &mut StdRng, time_ms: u64) -> Value {
    let schema = json_of(shipped.schema);
    let mut credential = json_of(shipped.example);
    let subject = &schema["properties"]["credentialSubject"];
    vary(&mut credential["credentialSubject"], subject, &schema, random);
    credential["id"] = json!(uuid(random));
    credential["issuer"] =
        if random.gen_bool(0.5) { json!(ISSUER_DID) } else { json!({"id": ISSUER_DID}) };
    credential["validFrom"] = json!(rfc3339(time_ms));
    credential["validUntil"] = json!(rfc3339(time_ms + 30 * 86_400_000));
    for entry in credential["credentialStatus"].as_array_mut().expect("a list") {
        let purpose = entry["statusPurpose"].as_str().expect("text");
        let profile = if purpose == "message" { "use" } else { purpose };
        let list = format!("{ISSUER_DID}/status/{}", list_of(profile));
        let index = random.gen_range(0..ENTRIES).to_string();
        entry["id"] = json!(format!("{list}#{index}"));
        entry["statusListIndex"] = json!(index);
        entry["statusListCredential"] = json!(list);
    }
    credential
}

/// The claims of a type about persons, bound to the holder's public JWK, and which of them the
/// holder may keep back.
pub fn claims(
    shipped: &ShippedType,
    random: &mut StdRng,
    time_ms: u64,
    holder: &Value,
) -> (Map<String, Value>, Vec<String>) {
    let schema = json_of(shipped.schema);
    let mut claims = json_of(shipped.example);
    let kept: Vec<(&str, Value)> =
        PLAIN.iter().map(|name| (*name, claims[*name].clone())).collect();
    vary(&mut claims, &schema, &schema, random);
    let mut claims = claims.as_object().cloned().expect("an object");
    claims.extend(kept.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let now_s = time_ms / 1_000;
    let list = format!("{ISSUER_DID}/status/{}", list_of("token"));
    for (name, value) in [
        ("iss", json!(ISSUER_DID)),
        ("iat", json!(now_s)),
        ("nbf", json!(now_s)),
        ("exp", json!(now_s + 30 * 86_400)),
        ("cnf", json!({"jwk": holder})),
        ("status", json!({"status_list": {"idx": random.gen_range(0..ENTRIES), "uri": list}})),
    ] {
        claims.insert(name.to_owned(), value);
    }
    let disclose = claims.keys().filter(|name| !PLAIN.contains(&name.as_str())).cloned().collect();
    (claims, disclose)
}

fn list_of(profile: &str) -> usize {
    1 + LISTS.iter().position(|(name, ..)| *name == profile).expect("a list of the issuer")
}

/// A `urn:uuid` of version 4.
pub fn uuid(random: &mut StdRng) -> String {
    let bits: u128 = random.r#gen();
    let hex = format!("{bits:032x}");
    format!(
        "urn:uuid:{}-{}-4{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

/// Another value of the same schema.
fn vary(value: &mut Value, schema: &Value, root: &Value, random: &mut StdRng) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
        return vary(value, &root["$defs"][name], root, random);
    }
    let bound = |name: &str, default: u64| schema[name].as_u64().unwrap_or(default);
    match value {
        Value::Object(members) => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            members.retain(|name, _| required.contains(&json!(name)) || random.gen_bool(0.7));
            for (name, member) in members {
                vary(member, &schema["properties"][name], root, random);
            }
        }
        Value::Array(items) => {
            let least = bound("minItems", 0).max(1);
            let wanted = random.gen_range(least..=bound("maxItems", 4).min(least + 3));
            let model = items.clone();
            *items = (0..wanted)
                .map(|_| model.choose(random).cloned().expect("an example has an item"))
                .collect();
            items.iter_mut().for_each(|item| vary(item, &schema["items"], root, random));
        }
        Value::String(text) => *text = another_text(text, schema, random),
        Value::Bool(truth) => *truth = random.r#gen(),
        Value::Number(_) => {
            let (least, most) = (bound("minimum", 0), bound("maximum", (1 << 53) - 1));
            *value = json!(random.gen_range(least..=most));
        }
        Value::Null => {}
    }
}

fn another_text(text: &str, schema: &Value, random: &mut StdRng) -> String {
    if let Some(allowed) = schema["enum"].as_array() {
        let choice = allowed.choose(random).and_then(Value::as_str);
        return choice.expect("a text").to_owned();
    }
    if schema.get("const").is_some() {
        return text.to_owned();
    }
    let day = rfc3339(random.gen_range(0..2_000_000_000_000));
    match schema["format"].as_str() {
        Some("date") => return day[..10].to_owned(),
        Some("date-time") => return day,
        _ => {}
    }
    if is_absolute_iri(text) {
        return format!("did:example:{:x}", random.r#gen::<u64>());
    }
    let least = schema["minLength"].as_u64().unwrap_or(1).max(1);
    let most = schema["maxLength"].as_u64().unwrap_or(32).min(least + 20);
    let length = random.gen_range(least..=most);
    (0..length).map(|_| *CHARACTERS.choose(random).expect("not empty")).collect()
}

/// The document with one scalar somewhere in it changed, and the JSON pointer of that scalar.
pub fn changed(document: &Value, random: &mut StdRng) -> (Value, String) {
    let mut all = Vec::new();
    leaves(document, String::new(), &mut all);
    let pointer = all.choose(random).cloned().expect("a document has leaves");
    let mut changed = document.clone();
    let leaf = changed.pointer_mut(&pointer).expect("it is there");
    *leaf = match leaf {
        Value::String(text) => Value::String(another_letter(text, random)),
        Value::Bool(truth) => json!(!*truth),
        Value::Number(number) => json!(number.as_i64().unwrap_or(0) + 1),
        _ => json!("x"),
    };
    (changed, pointer)
}

fn leaves(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(member, format!("{pointer}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                leaves(item, format!("{pointer}/{i}"), all);
            }
        }
        _ => all.push(pointer),
    }
}

fn another_letter(text: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return "x".to_owned();
    }
    let at = random.gen_range(0..letters.len());
    letters[at] = if letters[at] == 'q' { 'k' } else { 'q' };
    letters.into_iter().collect()
}

/// The token with one bit of one of its segments changed. Segments stay canonical base64url.
pub fn changed_token(token: &str, random: &mut StdRng) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let ends: Vec<&str> = token.split(['.', '~']).collect();
    let filled: Vec<usize> = (0..ends.len()).filter(|i| !ends[*i].is_empty()).collect();
    let chosen = *filled.choose(random).expect("a token has segments");
    let mut bytes = URL_SAFE_NO_PAD.decode(ends[chosen]).expect("base64url");
    let at = random.gen_range(0..bytes.len());
    bytes[at] ^= 1 << random.gen_range(0..8);
    let start: usize = ends[..chosen].iter().map(|segment| segment.len() + 1).sum();
    let end = start + ends[chosen].len();
    format!("{}{}{}", &token[..start], URL_SAFE_NO_PAD.encode(bytes), &token[end..])
}
