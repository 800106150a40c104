//! An issuer that the ledger does not know, a `did:key`: its credentials, its signed status lists,
//! and what its credentials refer to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_contracts::credential::bits;
use titian_contracts::time::rfc3339;
use titian_credential::contexts::Contexts;
use titian_credential::did::{Algorithm, multikey};
use titian_credential::jwt::issue_vc;
use titian_credential::proof::issue_jcs;
use titian_credential::status::encode_list;

/// Where the issuer serves its list.
pub const LIST_URL: &str = "https://issuer.example/status/1";
/// The entry of its credentials in it.
pub const INDEX: u64 = 5;
/// What its credentials refer to besides.
pub const RESOURCE_URL: &str = "https://issuer.example/terms?version=2";
const CONTEXTS: Contexts<'static> = Contexts { snapshot: None, sandbox: false, inline: false };

/// The issuer, at a time.
#[derive(Debug)]
pub struct Foreign {
    key: SigningKey,
    did: String,
    /// When it signs, ms.
    pub time_ms: u64,
}

impl Foreign {
    /// An issuer that signs at `time_ms`.
    pub fn at(time_ms: u64) -> Self {
        let key = SigningKey::from_bytes(&[91; 32]);
        let multikey = multikey(Algorithm::Ed25519, &key.verifying_key().to_bytes());
        Self { key, did: format!("did:key:{multikey}"), time_ms }
    }

    fn method(&self) -> String {
        format!("{}#{}", self.did, self.did.trim_start_matches("did:key:"))
    }

    fn signed(&self, document: &Json) -> Json {
        let created = rfc3339(self.time_ms);
        issue_jcs(document, &self.key, &self.method(), &created, CONTEXTS).expect("sound")
    }

    fn plain(&self) -> Json {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": self.did,
            "credentialSubject": {"id": "did:example:subject"},
        })
    }

    /// A credential that is valid from a time on.
    pub fn valid_from(&self, from_ms: u64) -> Json {
        let mut document = self.plain();
        document["validFrom"] = json!(rfc3339(from_ms));
        self.signed(&document)
    }

    /// A credential with entry [`INDEX`] of the list at [`LIST_URL`].
    pub fn with_status(&self) -> Json {
        let mut document = self.plain();
        document["credentialStatus"] = json!({"type": "BitstringStatusListEntry",
            "statusPurpose": "revocation", "statusListIndex": INDEX.to_string(),
            "statusListCredential": LIST_URL});
        self.signed(&document)
    }

    /// A credential that states the digest of `bytes` at [`RESOURCE_URL`].
    pub fn with_resource(&self, bytes: &[u8]) -> Json {
        let mut document = self.plain();
        let digest = STANDARD.encode(Sha256::digest(bytes));
        document["relatedResource"] =
            json!([{"id": RESOURCE_URL, "digestSRI": format!("sha256-{digest}")}]);
        self.signed(&document)
    }

    fn unsigned_list(&self, url: &str, revoked: &[u64]) -> Json {
        let mut list = vec![0; 16_384];
        for index in revoked {
            bits::set_value(&mut list, *index, 1, 1);
        }
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "id": url,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self.did,
            "validFrom": rfc3339(self.time_ms), "validUntil": rfc3339(self.time_ms + 864_000_000),
            "credentialSubject": {"id": format!("{url}#list"), "type": "BitstringStatusList",
                "statusPurpose": "revocation", "encodedList": encode_list(&list), "ttl": 300_000},
        })
    }

    /// The signed list of a URL with entries set.
    pub fn list(&self, url: &str, revoked: &[u64]) -> Json {
        self.signed(&self.unsigned_list(url, revoked))
    }

    /// The same as a token, `vc+jwt`.
    pub fn list_token(&self, url: &str, revoked: &[u64]) -> String {
        let list = self.unsigned_list(url, revoked);
        issue_vc(&list, &self.key, &self.method(), self.time_ms / 1_000, CONTEXTS).expect("sound")
    }
}
