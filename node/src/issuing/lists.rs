//! Signed status lists: made by the owner of a list, from state or from custody, and remembered by
//! version (vc.md §5.4).

use std::collections::BTreeMap;
use std::sync::PoisonError;

use titian_api::Refusal;
use titian_contracts::credential::{Profile, StatusList};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::time::rfc3339;
use titian_credential::contexts::Contexts;
use titian_credential::json::canonical;
use titian_credential::key::Algorithm;
use titian_credential::status::signed::{VALID_MS, bitstring_credential, token_list};
use titian_credential::{jwt, proof};

use super::{Instance, Issuing};
use crate::custody::lists::parse_local;

/// The path of lists on the interface.
pub const PATH: &str = "/status-lists/";

/// A signed form of a status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignedForm {
    /// A BitstringStatusListCredential with an embedded proof.
    Embedded,
    /// The same as a JWT.
    Jwt,
    /// A status list token.
    Token,
}

/// A list at some time.
#[derive(Clone, Debug)]
pub struct ListAt {
    /// As custody names it: `SG:CUSTOMS/status/3` or `instance:n`.
    pub id: String,
    /// The list. Of one that the node keeps itself `uri` is its address.
    pub list: StatusList,
    /// Its entries, packed as in state.
    pub bits: Vec<u8>,
    /// When it stood so, ms.
    pub time_ms: u64,
}

/// Signed lists by list and form: version, time of signing, text.
pub(super) type Cache = BTreeMap<(String, SignedForm), (u64, u64, String)>;

impl Issuing {
    /// Whether an issuer here has lists that are not on the ledger.
    pub fn keeps_lists(&self) -> bool {
        self.instances().iter().any(|instance| instance.party().is_none())
    }

    /// The address of a list that this node keeps itself.
    pub fn local_url(&self, id: &str) -> String {
        format!("{}{PATH}{id}", self.public_url())
    }

    /// The id of the list of this node at an address; `None` if it is none.
    pub fn local_of_url<'a>(&self, url: &'a str) -> Option<&'a str> {
        let id = url.strip_prefix(self.public_url())?.strip_prefix(PATH)?;
        let (instance, _) = parse_local(id)?;
        let instance = self.by_name(instance)?;
        instance.party().is_none().then_some(id)
    }

    /// A list that this node keeps itself, as it stands. Errors: `UNKNOWN_LIST`.
    pub fn local_now(&self, id: &str, now_ms: u64) -> Result<ListAt, Refusal> {
        let unknown = || Refusal::new(Code::UnknownList, "/list", "");
        let mut list = self.custody.local_list(id)?.ok_or_else(unknown)?;
        let bits = self.custody.local_bits(id, &list)?;
        list.uri = Some(self.local_url(id));
        Ok(ListAt { id: id.to_owned(), list, bits, time_ms: now_ms })
    }

    /// The signed text of the list of this node at an address, for a verifier here; `None` if it is
    /// none of its lists.
    pub fn own_list(&self, url: &str, token: bool, now_ms: u64) -> Option<String> {
        let id = self.local_of_url(url)?;
        let instance = self.by_name(parse_local(id)?.0)?;
        let version = self.custody.local_list(id).ok()??.version;
        let form = if token { SignedForm::Token } else { SignedForm::Embedded };
        self.signed(instance, id, version, form, now_ms, || self.local_now(id, now_ms)).ok()
    }

    /// The current list in a signed form; signed anew when its version changed or half of its
    /// validity has passed.
    pub fn signed(
        &self,
        instance: &Instance,
        id: &str,
        version: u64,
        form: SignedForm,
        now_ms: u64,
        load: impl FnOnce() -> Result<ListAt, Refusal>,
    ) -> Result<String, Refusal> {
        let key = (id.to_owned(), form);
        {
            let cache = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, made_ms, text)) = cache.get(&key)
                && *at == version
                // one made after the moment asked for is dated ahead of it
                && now_ms.checked_sub(*made_ms).is_some_and(|age| age < VALID_MS / 2)
            {
                return Ok(text.clone());
            }
        }
        let list = load()?;
        let text = sign(instance, &list, form)?;
        let mut cache = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= limits::SIGNED_LISTS_CACHED_MAX {
            cache.pop_first();
        }
        cache.insert(key, (list.list.version, now_ms, text.clone()));
        Ok(text)
    }
}

/// Signs a list with the key of its owner. Errors: `NOT_FOUND` if lists of its profile have no such
/// form.
pub fn sign(instance: &Instance, at: &ListAt, form: SignedForm) -> Result<String, Refusal> {
    let owner = instance.party().unwrap_or(&instance.did);
    let (key, method) = (instance.signing_key(), instance.method.as_str());
    let ListAt { id, list, bits, time_ms } = at;
    let failed = |_| Refusal::new(Code::Unavailable, "", "the list could not be signed");
    if (form == SignedForm::Token) != (list.profile == Profile::Token) {
        let detail = "lists of profile token are status list tokens, others Bitstring lists";
        return Err(Refusal::new(Code::NotFound, "/format", detail));
    }
    if form == SignedForm::Token {
        let unsigned = token_list(owner, id, list, bits, *time_ms, (Algorithm::Ed25519, method));
        let unsigned = unsigned.map_err(failed)?;
        let signature = instance.sign(unsigned.signing_input.as_bytes());
        return Ok(unsigned.finish(&signature));
    }
    let document = bitstring_credential(owner, id, list, bits, *time_ms);
    let contexts = Contexts { snapshot: None, sandbox: false, inline: false };
    if form == SignedForm::Jwt {
        return jwt::issue_vc(&document, key, method, time_ms / 1_000, contexts).map_err(failed);
    }
    let created = rfc3339(*time_ms);
    let secured = proof::issue_jcs(&document, key, method, &created, contexts).map_err(failed)?;
    Ok(canonical(&secured))
}
