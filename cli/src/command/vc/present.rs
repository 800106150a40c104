//! `titian vc present`: a holder shows credentials to one verifier, at one time.
//!
//! Invariant: of an SD-JWT VC only what is named is shown; the signature names nonce and audience,
//! so that it counts for nobody else and never again. No node is asked.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_contracts::time::rfc3339;
use titian_credential::contexts::{BASE_V2, Contexts};
use titian_credential::form::{self, Reading, Securing};
use titian_credential::json::canonical;
use titian_credential::key::PublicKey;
use titian_credential::proof::{self, Options, Purpose, Suite};
use titian_credential::qr::{Content, read_nonce};
use titian_credential::sd_jwt::issue::{bind, select};
use titian_credential::{jwt, sd_jwt};

use super::super::verify::input::{self, Input};
use super::{holder, overwrite};
use crate::act::now_ms;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::{Wallet, WalletKey, write_private};

/// How a presentation of several credentials is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Signed token
    #[default]
    #[value(name = "vp+jwt")]
    Jwt,
    /// Embedded proof
    #[value(name = "eddsa-jcs-2022")]
    Jcs,
}

/// `titian vc present`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The credentials; one dc+sd-jwt is shown with a key binding, others as a presentation
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Of a dc+sd-jwt: the claims to show, by name [default: none that can be kept back]
    #[arg(long, value_delimiter = ',', value_name = "CLAIMS")]
    disclose: Vec<String>,
    /// What the verifier asked to be signed; also the text of its code (TTN1:…), then without
    /// --audience
    #[arg(long, visible_alias = "challenge", value_name = "TEXT")]
    nonce: String,
    /// Who asked
    #[arg(long, visible_alias = "domain", value_name = "TEXT")]
    audience: Option<String>,
    /// Key of the holder: holder:NAME or PARTY[#kN] [default: the one that the credential names]
    #[arg(long = "as", value_name = "KEY")]
    holder: Option<String>,
    /// Form of a presentation
    #[arg(long, value_enum, default_value = "vp+jwt", value_name = "FORM")]
    form: Form,
    /// Where to write it [default: standard output]
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs `titian vc present`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let (nonce, audience) = match (read_nonce(&args.nonce), &args.audience) {
        (Some((nonce, audience)), None) => (nonce, audience),
        (None, Some(audience)) => (args.nonce.as_str(), audience.as_str()),
        _ => return Err(CommandError::usage("--nonce and --audience, or the text of a TTN1 code")),
    };
    if let Some(out) = args.out.as_deref() {
        let inputs: Vec<&Path> = args.files.iter().map(Path::new).collect();
        overwrite::check(out, &inputs, false)?;
    }
    let mut credentials = Vec::new();
    for file in &args.files {
        let Input::Credential(text) = input::read(file)? else {
            return Err(CommandError::usage(format!("{file} is no credential")));
        };
        // in one spelling, out of envelopes
        let content = Content::of_credential(text.as_bytes())
            .map_err(|error| CommandError::usage(error.to_string()).named(error.code()))?;
        let Content::Credential(text) = content else {
            return Err(CommandError::usage(format!("{file} is no credential")));
        };
        let reading = form::read(text.as_bytes())
            .map_err(|fault| CommandError::usage("not a credential").named(fault.code))?;
        if reading.is_presentation() {
            return Err(CommandError::usage(format!("{file} is a presentation already")));
        }
        credentials.push((text, reading));
    }
    let wallet = session.wallet()?;
    let (text, form) = match credentials.as_slice() {
        [(text, reading)] if reading.form == Some(sd_jwt::TYP) => {
            (bound(&wallet, text, reading, args, (nonce, audience))?, sd_jwt::TYP)
        }
        several => {
            if !args.disclose.is_empty() {
                return Err(CommandError::usage("--disclose is for a single dc+sd-jwt"));
            }
            presented(&wallet, several, args, (nonce, audience))?
        }
    };
    let json = json!({ "presentation": serde_json::from_str::<Json>(&text).unwrap_or(json!(text)),
        "form": form, "nonce": nonce, "audience": audience });
    let Some(path) = args.out.as_deref() else { return Ok(Report::new(text, json)) };
    write_private(path, format!("{text}\n").as_bytes())
        .map_err(|error| CommandError::file("write", path, &error))?;
    let shown = format!(
        "{form} in {}\nnext: titian verify {} --nonce {nonce} --audience {audience}",
        path.display(),
        path.display()
    );
    Ok(Report::new(shown, json))
}

/// Presents one SD-JWT VC: what is to be shown, for whom, into which file.
pub(crate) fn one(
    session: &Session,
    file: &Path,
    disclose: &[&str],
    (nonce, audience): (&str, &str),
    out: PathBuf,
) -> Result<Report> {
    let args = Args {
        files: vec![file.display().to_string()],
        disclose: disclose.iter().map(|name| (*name).to_owned()).collect(),
        nonce: nonce.to_owned(),
        audience: Some(audience.to_owned()),
        holder: None,
        form: Form::Jwt,
        out: Some(out),
    };
    run(session, &args)
}

/// An SD-JWT VC with what is to be shown, and the key binding.
fn bound(
    wallet: &Wallet,
    text: &str,
    reading: &Reading,
    args: &Args,
    (nonce, audience): (&str, &str),
) -> Result<String> {
    let Securing::SdJwt(token, ..) = &reading.securing else {
        return Err(CommandError::bug("an SD-JWT is one"));
    };
    if token.key_binding.is_some() {
        return Err(CommandError::usage("it is bound to another verifier already")
            .hint("present the credential as it was issued"));
    }
    let confirmed = token.issuer.payload.get("cnf").and_then(|cnf| cnf.get("jwk"));
    let confirmed = confirmed.and_then(PublicKey::from_jwk).ok_or_else(|| {
        CommandError::usage("the issuer named no holder key").named("KEY_BINDING_MISSING")
    })?;
    let key = match &args.holder {
        Some(name) => holder::find(wallet, name)?,
        None => wallet
            .keys
            .iter()
            .find(|key| holder::public_key(key) == confirmed)
            .ok_or_else(|| no_key("the wallet does not hold the key that the issuer named"))?,
    };
    if holder::public_key(key) != confirmed {
        return Err(no_key("the credential names another holder key"));
    }
    let names: Vec<&str> = args.disclose.iter().map(String::as_str).collect();
    let chosen = select(text, &names).map_err(|_| {
        CommandError::usage("a claim to show is not among those that can be kept back")
            .hint("titian vc show FILE lists them")
    })?;
    bind(&chosen, &*key.signer()?, nonce, audience, now_ms() / 1_000)
        .map_err(|fault| CommandError::usage("it cannot be bound").named(fault.code))
}

fn no_key(what: &str) -> CommandError {
    CommandError::usage(what).named("HOLDER_MISMATCH").hint("titian vc holder list")
}

/// A presentation of credentials, signed by their holder.
fn presented(
    wallet: &Wallet,
    credentials: &[(String, Reading)],
    args: &Args,
    (nonce, audience): (&str, &str),
) -> Result<(String, &'static str)> {
    let key = match &args.holder {
        Some(name) => holder::find(wallet, name)?,
        None => subject_key(wallet, credentials)?,
    };
    let (did, kid) = holder::ids(key);
    let inner: Vec<Json> =
        credentials.iter().map(|(text, reading)| embedded(text, reading)).collect();
    let presentation = json!({
        "@context": [BASE_V2], "type": ["VerifiablePresentation"], "holder": did,
        "verifiableCredential": inner,
    });
    let now = now_ms();
    let refused = |fault: titian_credential::codes::Fault| {
        CommandError::usage(format!("the presentation is refused at {}", fault.pointer))
            .named(fault.code)
    };
    if args.form == Form::Jwt {
        return jwt::issue_vp(&presentation, &*key.signer()?, &kid, now / 1_000, nonce, audience)
            .map(|text| (text, jwt::VP_TYP))
            .map_err(refused);
    }
    let created = rfc3339(now);
    let options = Options {
        suite: Suite::Jcs,
        verification_method: &kid,
        created: &created,
        purpose: Purpose::Authentication,
        challenge: Some(nonce),
        domain: Some(audience),
    };
    let contexts = Contexts { snapshot: None, sandbox: false, inline: false };
    let signed =
        proof::issue(&presentation, &key.ed25519()?, options, contexts).map_err(refused)?;
    Ok((canonical(&signed), Suite::Jcs.name()))
}

/// The key of the wallet whose DID is the subject of the credentials.
fn subject_key<'a>(wallet: &'a Wallet, credentials: &[(String, Reading)]) -> Result<&'a WalletKey> {
    let subject = credentials.iter().find_map(|(_, reading)| {
        let subject = reading.document.get("credentialSubject")?;
        subject.get("id").and_then(Json::as_str)
    });
    let subject = subject.ok_or_else(|| CommandError::usage("--as says who presents"))?;
    let holds = |key: &&WalletKey| {
        let presents = key.purposes.iter().any(|purpose| purpose == "present");
        presents && holder::ids(key).0 == subject
    };
    wallet.keys.iter().find(holds).ok_or_else(|| {
        no_key("the wallet holds no key for presentations of the subject").hint("--as KEY")
    })
}

/// A credential inside a presentation: as it is, or in an envelope.
fn embedded(text: &str, reading: &Reading) -> Json {
    let media = match &reading.securing {
        Securing::Embedded => return serde_json::from_str(text).unwrap_or_default(),
        Securing::Jws(_, typ) | Securing::SdJwt(_, typ, _) => typ,
    };
    json!({
        "@context": BASE_V2, "id": format!("data:application/{media},{text}"),
        "type": "EnvelopedVerifiableCredential",
    })
}
