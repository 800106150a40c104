//! `titian vc show`: what stands in a credential of any form. Proves nothing, asks nobody.

use serde_json::{Map, Value as Json, json};
use titian_credential::form::{self, Model, Reading, Securing};
use titian_credential::sd_jwt::{self, SdJwt};
use titian_credential::status::references;
use titian_credential::{json as strict, key};

use super::super::verify::input::{self, Input};
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;

/// Runs `titian vc show`.
pub(super) fn run(session: &Session, argument: &str) -> Result<Report> {
    let Input::Credential(text) = input::read(argument)? else {
        return Err(CommandError::usage(format!("{argument} is no credential"))
            .hint("titian vc bundle inspect shows bundles and evidence packs"));
    };
    let reading = form::read(text.as_bytes()).map_err(|fault| {
        CommandError::new(Kind::NotProven, format!("not a credential, at {:?}", fault.pointer))
            .named(fault.code)
    })?;
    let json = shown(&reading);
    let mut lines = vec![format!(
        "{}   {}   {}",
        session.output.paint(Tone::Warn, "NOT VERIFIED"),
        reading.types().join(" "),
        reading.form.unwrap_or("(no known form)")
    )];
    for (name, value) in json.as_object().into_iter().flatten() {
        if !["document", "form", "types"].contains(&name.as_str()) && !value.is_null() {
            lines.push(format!(" {name:<14} {}", compact(value)));
        }
    }
    let document = serde_json::to_string_pretty(&reading.document).unwrap_or_default();
    lines.push(document);
    lines.push(format!("next: titian verify {argument}"));
    Ok(Report::new(lines.join("\n"), json))
}

fn compact(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(reading: &Reading) -> Json {
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("form", json!(reading.form));
    put("presentation", json!(reading.is_presentation()));
    put("issuer", json!(reading.issuer()));
    put("types", json!(reading.types()));
    put(
        "model",
        json!(match reading.model {
            Model::V2 => "VCDM 2.0",
            Model::V1 => "VCDM 1.1",
            Model::SdJwtVc => "SD-JWT VC",
        }),
    );
    let status: Vec<Json> = references(reading)
        .into_iter()
        .map(|reference| match reference {
            Ok(entry) => json!(format!("{}#{}", entry.list, entry.index)),
            Err(code) => json!(code),
        })
        .collect();
    put("status", if status.is_empty() { Json::Null } else { json!(status) });
    match &reading.securing {
        Securing::Embedded => {
            let proofs = reading.document.get("proof").cloned().unwrap_or_default();
            put("signedBy", signers(&proofs));
        }
        Securing::Jws(token, _) => {
            put("header", Json::Object(token.header.clone()));
        }
        Securing::SdJwt(token, _, fault) => {
            put("header", Json::Object(token.issuer.header.clone()));
            put("disclosed", disclosed(token));
            put("keyBinding", json!(token.key_binding.as_ref().map(|token| &token.payload)));
            put("fault", json!(fault.as_ref().map(|fault| fault.code)));
        }
    }
    put("document", Json::Object(reading.document.clone()));
    Json::Object(json)
}

fn signers(proofs: &Json) -> Json {
    let single = std::slice::from_ref(proofs);
    let list = proofs.as_array().map_or(single, Vec::as_slice);
    json!(list.iter().filter_map(|proof| proof.get("verificationMethod")).collect::<Vec<_>>())
}

/// The names of the claims that are shown although they could be kept back.
fn disclosed(token: &SdJwt) -> Json {
    let names = token.disclosures.iter().filter_map(|text| {
        let value = strict::parse(&key::decode(text)?).ok()?;
        let items = value.as_array()?;
        if items.len() == 3 { items.get(1).cloned() } else { Some(json!(sd_jwt::digest(text))) }
    });
    json!(names.collect::<Vec<_>>())
}
