//! The mandate check (vc-api.md A§3): act, amount, principal, and what the holder cannot keep back.

use serde_json::{Value as Json, json};
use titian_contracts::credential::{CredentialType, type_key};
use titian_contracts::state::decode_content;
use titian_credential::mandate::{Act, Counts, NoMandate, counts};
use titian_credential::sd_jwt::metadata;
use titian_credential::verdict::Policy;
use titian_credential::verify::Request;

use super::credential_fixture::{issued, live};
use super::credential_profiles::{mandate_claims, scene, shown, sign_mandate};
use super::credential_scene::{ACRA, Scene, set};

const UBIN: &str = "SG-UEN-209900001K-SU";

/// The scene of mandates, with the principal on the register.
fn registered() -> Scene {
    let mut scene = scene();
    let ubin = scene.world.register_company("SG:ACRA", "UEN", "209900001K", "TITIAN DEMO LINES");
    assert_eq!(ubin, UBIN);
    scene
}

fn claims(scene: &Scene) -> Json {
    let mut claims = mandate_claims(scene);
    claims["principal"] = json!(UBIN);
    claims
}

fn issued_mandate(scene: &Scene, edit: impl Fn(&mut Json)) -> String {
    let mut claims = claims(scene);
    edit(&mut claims);
    sign_mandate(scene, &claims)
}

/// A mandate as its holder shows it.
fn signed(scene: &Scene, edit: impl Fn(&mut Json)) -> String {
    shown(scene, &issued_mandate(scene, edit))
}

fn judged(scene: &Scene, text: &str, act: Act<'_>) -> Result<Counts, NoMandate> {
    // a weaker policy than the mandate's own is not taken
    let request = Request::new(Policy::Signature);
    counts(text.as_bytes(), act, &request, &live(scene), scene.world.time_ms)
}

fn offer(amount: Option<(&'static str, &'static str)>) -> Act<'static> {
    Act { power: "etr.offer", principal: UBIN, amount }
}

#[test]
fn a_mandate_counts_for_its_acts_within_its_limit() {
    let scene = registered();
    let text = signed(&scene, |_| ());
    let alone = Ok(Counts { jointly: None, limit_open: false });
    let open = Ok(Counts { jointly: None, limit_open: true });
    for amount in ["0", "249999.99", "250000", "250000.00", "250000.000", "00250000"] {
        assert_eq!(judged(&scene, &text, offer(Some(("USD", amount)))), alone, "{amount}");
    }
    assert_eq!(judged(&scene, &text, offer(None)), open);
    let beyond = [
        ("USD", "250000.01"),
        ("USD", "1000000"),
        ("SGD", "1"),
        ("USD", "-1"),
        ("USD", "1e3"),
        ("USD", ""),
        ("USD", "1."),
    ];
    for amount in beyond {
        let found = judged(&scene, &text, offer(Some(amount)));
        assert_eq!(found, Err(NoMandate::BeyondLimit), "{amount:?}");
    }
    // the names say nothing of what it is good for
    let issued = issued_mandate(&scene, |_| ());
    let bare = titian_credential::sd_jwt::issue::select(&issued, &[]).expect("known");
    assert_eq!(judged(&scene, &shown(&scene, &bare), offer(None)), open);
    // a copy is no mandate of whoever has it
    assert_eq!(judged(&scene, &issued, offer(None)), Err(NoMandate::NotVerified));
    let unlimited = signed(&scene, |claims| {
        claims.as_object_mut().expect("an object").remove("limit");
        claims["jointly"] = json!({"k": 2, "group": "board"});
    });
    let two = Ok(Counts { jointly: Some((2, "board".to_owned())), limit_open: false });
    assert_eq!(judged(&scene, &unlimited, offer(None)), two);
    assert_eq!(judged(&scene, &unlimited, offer(Some(("SGD", "9000000")))), two);
}

#[test]
fn a_mandate_counts_for_nothing_else() {
    let mut scene = registered();
    let text = signed(&scene, |_| ());
    let other = Act { power: "etr.surrender", ..offer(None) };
    assert_eq!(judged(&scene, &text, other), Err(NoMandate::NoPower));
    let other = Act { principal: "MY-BRN-202401000002-NV", ..offer(None) };
    assert_eq!(judged(&scene, &text, other), Err(NoMandate::OtherPrincipal));
    // a principal that is on no register, and one that is no business
    for principal in ["MY-BRN-202401000002-NV", "SG:ACRA"] {
        let text = signed(&scene, |claims| claims["principal"] = json!(principal));
        let found = judged(&scene, &text, Act { principal, ..offer(None) });
        assert_eq!(found, Err(NoMandate::MayNotAct), "{principal}");
    }
    // a good credential of another type
    let extracts = Scene::new();
    let extract = issued(&extracts, 1).to_string();
    assert_eq!(judged(&extracts, &extract, offer(None)), Err(NoMandate::OtherType));
    // forged, and revoked
    let forged = text.replacen('.', ".A", 1);
    assert_eq!(judged(&scene, &forged, offer(None)), Err(NoMandate::NotVerified));
    scene.must("list_set", set("SG:ACRA/status/1", 0, &[[84_213, 0, 1, 0]]), ACRA);
    assert_eq!(judged(&scene, &text, offer(None)), Err(NoMandate::NotVerified));
}

#[test]
fn what_bounds_a_mandate_cannot_be_kept_back() {
    let scene = scene();
    let entry: CredentialType = {
        let key = type_key("ASEAN", "AuthorisedRepresentative");
        decode_content(&scene.world.state.0[&key].content).expect("a type")
    };
    let (claims, live) = (claims(&scene), live(&scene));
    let members = claims.as_object().expect("an object");
    let withheld = |asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        metadata::withheld(&entry, &live, members, &asked).map_err(|fault| fault.code)
    };
    let names = ["/family_name", "/given_name"].map(str::to_owned).to_vec();
    assert_eq!(withheld(&[]), Ok(names.clone()));
    assert_eq!(withheld(&["/role"]), Ok([names, vec!["/role".to_owned()]].concat()));
    for name in ["/principal", "/powers", "/powers/0", "/limit", "/limit/amount", "/jointly"] {
        assert_eq!(withheld(&[name]), Err("SD_NOT_DISCLOSABLE"), "{name}");
    }
}
