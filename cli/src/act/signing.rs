//! Who signs an op: keys of the wallet, for their own party or under a mandate, and who is lacking yet.
//!
//! Invariant: a signature counts for one party only, the principal where it is made under a mandate
//! (ledger.md §7). Who is lacking is asked of those parties, never of the keys.

use serde_json::Value as Json;
use titian_api::access::MandatesParams;
use titian_api::{Signer, call};
use titian_contracts::access::scope;
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, OpSignature};

use super::{SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Result};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey};

/// Pages of the mandates of a principal that are read.
const PAGES_MAX: u64 = 100;

/// A mandate: `PRINCIPAL#N`, or `PRINCIPAL` for the newest one that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MandateRef {
    /// Who gave it.
    pub(crate) principal: String,
    /// Its number.
    number: Option<u64>,
}

impl std::str::FromStr for MandateRef {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (principal, number) = match text.split_once('#') {
            None => (text, None),
            Some((principal, digits)) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits.parse().ok().filter(|number: &u64| plain && *number > 0);
                let number = number.ok_or("a mandate is named PRINCIPAL#N".to_owned())?;
                (principal, Some(number))
            }
        };
        Ok(Self { principal: principal.parse::<KeyRef>()?.party, number })
    }
}

/// A key that signs, and the mandate under which it does.
#[derive(Clone, Debug)]
pub(crate) struct Signatory<'a> {
    /// The key.
    pub(crate) key: &'a WalletKey,
    /// Principal and number.
    mandate: Option<(String, u64)>,
}

impl<'a> Signatory<'a> {
    /// One that signs for its own party.
    pub(crate) const fn own(key: &'a WalletKey) -> Self {
        Self { key, mandate: None }
    }

    /// The party whose will the signature expresses.
    pub(crate) fn party(&self) -> &str {
        self.mandate.as_ref().map_or(&self.key.party, |(principal, _)| principal)
    }

    /// `PARTY#kN`, and for whom.
    pub(crate) fn label(&self) -> String {
        match &self.mandate {
            Some((principal, number)) => {
                format!("{} for {principal}, mandate {number}", self.key.label())
            }
            None => self.key.label(),
        }
    }

    /// Signs an op digest. Errors: the key is not bound, or signs no ops.
    pub(crate) fn sign(&self, digest: &Digest) -> Result<OpSignature> {
        Ok(OpSignature { mandate: self.mandate.clone(), ..self.key.sign(digest)? })
    }
}

impl SigningArgs {
    /// The party that acts: the principal of a mandate, else the first of `--as`.
    pub(crate) fn party(&self) -> Option<&str> {
        let first = self.signers.first().map(|key| key.party.as_str());
        self.mandate.as_ref().map(|mandate| mandate.principal.as_str()).or(first)
    }

    /// Who asks a node and hands contents over as a party to a record: an agent is none.
    pub(crate) fn asker(&self) -> Option<&KeyRef> {
        if self.mandate.is_some() { None } else { self.signers.first() }
    }
}

/// Who signs: the keys named, else those of the wallet that the act needs; under the mandate that the
/// command line names.
pub(crate) fn signatories<'a>(
    session: &Session,
    wallet: &'a Wallet,
    unsigned: &Unsigned,
    signing: &SigningArgs,
) -> Result<Vec<Signatory<'a>>> {
    let keys = choose_keys(wallet, unsigned, &signing.signers)?;
    under_mandate(session, keys, signing, &unsigned.value)
}

/// The keys that are named, and only those, as signatories of an op.
pub(crate) fn named<'a>(
    session: &Session,
    wallet: &'a Wallet,
    op: &Value,
    signing: &SigningArgs,
) -> Result<Vec<Signatory<'a>>> {
    let keys = signing.signers.iter().map(|key| wallet.find(key).map(Signatory::own));
    under_mandate(session, keys.collect::<Result<_>>()?, signing, op)
}

/// The same signatories, those who are agents of the mandate that is named under it. Errors:
/// `MANDATE_LIMIT` if it makes nobody of them an agent.
fn under_mandate<'a>(
    session: &Session,
    keys: Vec<Signatory<'a>>,
    signing: &SigningArgs,
    op: &Value,
) -> Result<Vec<Signatory<'a>>> {
    let Some(wanted) = &signing.mandate else { return Ok(keys) };
    let text = |name: &str| op.get(name).and_then(Value::as_text).unwrap_or_default();
    let act = format!("{}.{}", text("register"), text("act"));
    let mandates = mandates_of(session, &wanted.principal)?;
    let mut found = false;
    let one = |own: Signatory<'a>| match pick(&mandates, wanted.number, &own.key.party, &act) {
        Some(number) => {
            found = true;
            Signatory { mandate: Some((wanted.principal.clone(), number)), ..own }
        }
        None => own,
    };
    let keys = keys.into_iter().map(one).collect();
    if found {
        return Ok(keys);
    }
    let which = wanted.number.map(|number| format!("mandate {number}"));
    let which = which.unwrap_or_else(|| "no mandate".to_owned());
    let not = if wanted.number.is_some() { "is not" } else { "is" };
    Err(CommandError::refused(format!(
        "{which} of {} {not} in force for a party that --as names",
        wanted.principal
    ))
    .named("MANDATE_LIMIT")
    .hint(format!("titian access mandates {} shows them", wanted.principal)))
}

/// Every mandate that a principal gave, as `access_mandates` shows it.
fn mandates_of(session: &Session, principal: &str) -> Result<Vec<Json>> {
    let (mut all, mut from) = (Vec::new(), None);
    // a node that answers with pages for ever must not keep this going
    for _ in 0..PAGES_MAX {
        let params = MandatesParams { party: principal.to_owned(), from, height: None };
        let page = Json::Object(session.client()?.ask::<call::AccessMandates>(&params)?);
        all.extend(page.get("mandates").and_then(Json::as_array).into_iter().flatten().cloned());
        from = page.get("next").and_then(Json::as_u64);
        if from.is_none() {
            break;
        }
    }
    Ok(all)
}

/// The number of the mandate in force under which `agent` signs `act`: the one named, else the newest
/// of those that cover the act, else the newest, whose limits the ledger then names.
fn pick(mandates: &[Json], wanted: Option<u64>, agent: &str, act: &str) -> Option<u64> {
    let number = |mandate: &Json| mandate.get("mandate").and_then(Json::as_u64);
    let covers = |mandate: &Json| {
        let acts = mandate.get("acts").and_then(Json::as_array).into_iter().flatten();
        let mut acts = acts.filter_map(Json::as_str);
        acts.any(|granted| scope::covers(granted, act) || scope::covers(act, granted))
    };
    mandates
        .iter()
        .filter(|mandate| document::text(mandate, "/status") == Some("in force"))
        .filter(|mandate| document::text(mandate, "/agent") == Some(agent))
        .filter(|mandate| wanted.is_none() || number(mandate) == wanted)
        .max_by_key(|mandate| (covers(mandate), number(mandate)))
        .and_then(number)
}

/// The keys that sign: those named, else those of the wallet that the act needs.
pub(crate) fn choose_keys<'a>(
    wallet: &'a Wallet,
    unsigned: &Unsigned,
    named: &[KeyRef],
) -> Result<Vec<Signatory<'a>>> {
    if !named.is_empty() {
        return named.iter().map(|key| wallet.find(key).map(Signatory::own)).collect();
    }
    let mut chosen: Vec<&WalletKey> = Vec::new();
    for need in &unsigned.needs {
        let mut counted = Vec::new();
        let usable = |key: &&WalletKey| {
            key.number.is_some()
                && !key.is_sealing()
                && fits(&need.party, &key.party)
                && (need.scope.is_empty()
                    || key.scopes.is_empty()
                    || key.scopes.iter().any(|granted| scope::covers(granted, &need.scope)))
        };
        for key in wallet.keys.iter().filter(usable) {
            // of joint holders each counts once; officers are those of one party
            let officer = if is_joint(&need.party) { 0 } else { key.officer };
            let who = (key.party.as_str(), officer);
            let enough = counted.len() as u64 >= need.count;
            if !enough && !counted.contains(&who) {
                counted.push(who);
                if !chosen.iter().any(|other| std::ptr::eq(*other, key)) {
                    chosen.push(key);
                }
            }
        }
    }
    Ok(chosen.into_iter().map(Signatory::own).collect())
}

/// Whether a need is one of joint holders, of whom some must sign: `A|B|C`.
fn is_joint(wanted: &str) -> bool {
    wanted.contains('|')
}

/// Whether `party` serves a need of `wanted`: a party, one of several with `|` between, or `CC:*` for any
/// authority of a state.
pub(crate) fn fits(wanted: &str, party: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => party.starts_with(prefix),
        None => wanted.split('|').any(|one| one == party),
    }
}

/// Adds the signatures of signatories.
pub(crate) fn sign(unsigned: &mut Unsigned, by: &[Signatory<'_>]) -> Result<()> {
    let digest = unsigned.digest();
    for signatory in by {
        let signature = signatory.sign(&digest)?;
        unsigned.value = Op::with_signature(&unsigned.value, &signature);
    }
    Ok(())
}

/// The needs that the signatures do not fill, in words.
pub(crate) fn missing(unsigned: &Unsigned) -> Vec<String> {
    let sigs = unsigned.value.get("sigs").and_then(Value::as_list).unwrap_or_default();
    let principal = |sig: &Value| sig.get("for").or(sig.get("party"))?.as_text().map(str::to_owned);
    let parties: Vec<String> = sigs.iter().filter_map(principal).collect();
    let lacking = |need: &Signer| {
        let mut own: Vec<&String> =
            parties.iter().filter(|party| fits(&need.party, party)).collect();
        if is_joint(&need.party) {
            own.sort_unstable();
            own.dedup();
        }
        let have = own.len() as u64;
        match have {
            // whose consent it is, the signature itself says
            _ if need.party.is_empty() || have >= need.count => None,
            0 => Some(need_text(need)),
            _ => Some(format!("{} more of {}", need.count.saturating_sub(have), need_text(need))),
        }
    };
    unsigned.needs.iter().filter_map(lacking).collect()
}

/// A need in words.
pub(super) fn need_text(need: &Signer) -> String {
    let who = match (need.count, is_joint(&need.party)) {
        (count, true) => format!("{count} of {}", need.party.replace('|', ", ")),
        (1, false) => need.party.clone(),
        (count, false) => format!("{count} × {}", need.party),
    };
    let scope = if need.scope.is_empty() { String::new() } else { format!(", {}", need.scope) };
    format!("{who} ({}{scope})", need.role)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use titian_contracts::op::Register;

    use super::*;

    const PARTIES: [&str; 3] = ["SG-A", "TH-B", "VN-C"];

    fn key(party: &str, number: u64, officer: u64) -> WalletKey {
        let secret = [u8::try_from(number).expect("small") + 1; 32];
        let texts = |text: &str| vec![text.to_owned()];
        WalletKey::from_secret(
            party,
            Some(number),
            officer,
            texts("invoke"),
            texts("etr.*"),
            secret,
        )
    }

    fn wallet(keys: &[WalletKey]) -> Wallet {
        let mut wallet = Wallet::create_insecure(std::path::Path::new("unwritten"));
        wallet.keys = keys.to_vec();
        wallet
    }

    fn need(party: &str, count: u64) -> Signer {
        let (role, scope) = ("K".to_owned(), "etr.offer".to_owned());
        Signer { role, party: party.to_owned(), count, scope }
    }

    fn op(needs: Vec<Signer>) -> Unsigned {
        let value = Value::object([
            ("act", Value::from("offer")),
            ("register", Value::from("etr")),
            ("sigs", Value::List(Vec::new())),
        ]);
        Unsigned { value, register: Register::Etr, needs, warnings: Vec::new(), record: None }
    }

    fn labels(signatories: &[Signatory<'_>]) -> Vec<String> {
        signatories.iter().map(Signatory::label).collect()
    }

    #[test]
    fn as_many_joint_holders_as_must_complete_an_op() {
        // every business has an officer 1: that two have the same number makes them not one
        let keys = PARTIES.map(|party| key(party, 1, 1));
        let wallet = wallet(&keys);
        let mut unsigned = op(vec![need("SG-A|TH-B|VN-C", 2)]);
        assert_eq!(missing(&unsigned), ["2 of SG-A, TH-B, VN-C (K, etr.offer)"]);
        let chosen = choose_keys(&wallet, &unsigned, &[]).expect("keys");
        assert_eq!(labels(&chosen), ["SG-A#k1", "TH-B#k1"]);
        sign(&mut unsigned, &chosen[1..]).expect("signed");
        assert_eq!(missing(&unsigned), ["1 more of 2 of SG-A, TH-B, VN-C (K, etr.offer)"]);
        sign(&mut unsigned, &chosen[..1]).expect("signed");
        assert_eq!(missing(&unsigned), [""; 0]);
    }

    #[test]
    fn two_keys_of_one_joint_holder_count_once() {
        let wallet = wallet(&[key("SG-A", 1, 1), key("SG-A", 2, 2), key("MY-D", 1, 3)]);
        let mut unsigned = op(vec![need("SG-A|TH-B|VN-C", 2)]);
        let chosen = choose_keys(&wallet, &unsigned, &[]).expect("keys");
        assert_eq!(labels(&chosen), ["SG-A#k1"], "one of each holder, and of holders only");
        let both: Vec<_> = wallet.keys[..2].iter().map(Signatory::own).collect();
        sign(&mut unsigned, &both).expect("signed");
        assert_eq!(missing(&unsigned), ["1 more of 2 of SG-A, TH-B, VN-C (K, etr.offer)"]);
    }

    #[test]
    fn officers_of_one_party_and_authorities_of_a_state_are_counted_as_before() {
        let keys = [key("SG:ACRA", 1, 1), key("SG:ACRA", 2, 1), key("SG:COURT", 3, 1)];
        let wallet = wallet(&keys);
        let two = choose_keys(&wallet, &op(vec![need("SG:ACRA", 2)]), &[]).expect("keys");
        assert_eq!(labels(&two), ["SG:ACRA#k1"], "two keys of one officer are one officer");
        let any = choose_keys(&wallet, &op(vec![need("SG:*", 2)]), &[]).expect("keys");
        assert_eq!(labels(&any), ["SG:ACRA#k1", "SG:COURT#k3"]);
    }

    #[test]
    fn what_an_agent_signs_counts_for_its_principal() {
        let key = key("MY-AGENT", 4, 1);
        let mandate = Some(("SG-A".to_owned(), 7));
        let agent = Signatory { key: &key, mandate };
        assert_eq!(agent.label(), "MY-AGENT#k4 for SG-A, mandate 7");
        let mut unsigned = op(vec![need("SG-A", 1), need("MY-AGENT", 1)]);
        sign(&mut unsigned, &[agent]).expect("signed");
        assert_eq!(missing(&unsigned), ["MY-AGENT (K, etr.offer)"], "one party only");
        let read = Op::from_value(
            unsigned
                .value
                .with("args", Value::Object(Vec::new()))
                .with("chain", Value::from("titian-devnet-1")),
        );
        let signature = &read.expect("an op").signatures[0];
        assert_eq!(signature.mandate, Some(("SG-A".to_owned(), 7)));
    }

    fn one(number: u64, agent: &str, acts: &[&str], status: &str) -> Json {
        json!({ "mandate": number, "agent": agent, "acts": acts, "status": status })
    }

    #[test]
    fn the_newest_mandate_that_covers_the_act_is_taken() {
        let all = [
            one(1, "MY-AGENT", &["etr.offer"], "in force"),
            one(2, "MY-AGENT", &["etr.*"], "in force"),
            one(3, "MY-AGENT", &["etr.accept"], "in force"),
            one(4, "MY-AGENT", &["etr.offer"], "ended"),
            one(5, "TH-OTHER", &["etr.offer"], "in force"),
        ];
        let picked = |wanted, act| pick(&all, wanted, "MY-AGENT", act);
        assert_eq!(picked(None, "etr.offer"), Some(2));
        assert_eq!(picked(None, "etr.accept"), Some(3));
        assert_eq!(picked(Some(1), "etr.offer"), Some(1));
        assert_eq!(picked(Some(4), "etr.offer"), None, "it ended");
        assert_eq!(picked(Some(5), "etr.offer"), None, "it is another's");
        assert_eq!(pick(&all, None, "VN-C", "etr.offer"), None);
    }

    #[test]
    fn a_mandate_is_named_by_principal_and_number() {
        let principal = "SG-UEN-199403865N-G7";
        let read = |text: &str| text.parse::<MandateRef>();
        let named = MandateRef { principal: principal.to_owned(), number: Some(2) };
        assert_eq!(read(&format!("{principal}#2")), Ok(named));
        let newest = MandateRef { principal: principal.to_owned(), number: None };
        assert_eq!(read(principal), Ok(newest));
        for wrong in ["#1", "x", &format!("{principal}#"), &format!("{principal}#k1")] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!("{principal}#0")).is_err());
    }
}
