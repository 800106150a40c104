//! Sealed contents at a node: kept for parties, bounded for each, erased by who put them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use serde_json::{Value, json};
use titian_contracts::limits::ETR_ENVELOPES_PER_RECORD_AND_PARTY_MAX as PER_PARTY;
use titian_envelope::{Envelope, Recipient, Subject, public_of, seal};
use titian_tests::served::now_ms;

use super::Scene;

/// What is sealed to key 2 of a party, whose secret is known.
struct Desk<'a> {
    s: &'a Scene,
    secret: [u8; 32],
}

impl<'a> Desk<'a> {
    fn new(s: &'a Scene) -> Self {
        let mut secret = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut secret);
        Self { s, secret }
    }

    fn sealed(&self, number: u64, content: &[u8], to: &str) -> Vec<u8> {
        let public_key = public_of(&self.secret).expect("a secret");
        let to = [Recipient { party: to.to_owned(), key: 2, public_key }];
        let subject = Subject { id: self.s.id.clone(), version: 1, number };
        let envelope = seal(&subject, content, &to, &mut rand::rngs::OsRng);
        envelope.expect("it seals").to_text().into_bytes()
    }

    fn name(&self, number: u64) -> Value {
        json!({"id": self.s.id, "version": 1, "envelopeNo": number})
    }

    /// A call about the record by a party.
    fn asked(&self, method: &str, party: &str, mut params: Value) -> Value {
        params["capability"] = self.s.capability(method, party, &self.s.id);
        params
    }

    fn put(&self, party: &str, number: u64, bytes: &[u8]) -> Value {
        self.piece(party, number, bytes, 0..bytes.len())
    }

    fn piece(
        &self,
        party: &str,
        number: u64,
        bytes: &[u8],
        range: std::ops::Range<usize>,
    ) -> Value {
        let params = json!({
            "name": self.name(number), "offset": range.start, "total": bytes.len(),
            "bytes": URL_SAFE_NO_PAD.encode(&bytes[range]),
        });
        self.asked("etr_envelopePut", party, params)
    }

    async fn held(&self, party: &str) -> Vec<Value> {
        let asked = self.asked("etr_envelopes", party, json!({"id": self.s.id}));
        let answer = self.s.result("etr_envelopes", asked).await;
        answer["items"].as_array().expect("items").clone()
    }
}

#[tokio::test]
async fn etr_sealed_contents_are_kept_for_parties_and_erased_by_who_put_them() {
    let s = Scene::start().await;
    let desk = Desk::new(&s);
    let mut content = vec![0; 900_000];
    rand::rngs::OsRng.fill_bytes(&mut content);
    let bytes = desk.sealed(1, &content, &s.th);
    let (half, whole) = (512 * 1024, bytes.len());
    let put = |party: &str, range| desk.piece(party, 1, &bytes, range);
    assert_eq!(s.error("etr_envelopePut", put(&s.my, 0..half)).await, "FORBIDDEN");
    assert_eq!(s.error("etr_envelopePut", put(&s.vn, half..half + 100)).await, "VERSION_CONFLICT");
    let mut large = put(&s.vn, 0..half);
    large["total"] = json!(9 * 1024 * 1024);
    assert_eq!(s.error("etr_envelopePut", large).await, "LIMIT_EXCEEDED");
    let mut offset = 0;
    while offset < whole {
        let end = whole.min(offset + half);
        let answer = s.result("etr_envelopePut", put(&s.vn, offset..end)).await;
        assert_eq!(answer["received"], end);
        assert_eq!(answer["whole"], end == whole);
        offset = end;
    }
    assert_eq!(s.error("etr_envelopePut", put(&s.vn, 0..half)).await, "VERSION_CONFLICT");
    // another number than the envelope names
    assert_eq!(s.error("etr_envelopePut", desk.put(&s.vn, 2, &bytes[..100])).await, "MALFORMED");
    let mut later = desk.put(&s.vn, 2, &bytes[..100]);
    later["name"]["version"] = json!(3);
    assert_eq!(s.error("etr_envelopePut", later).await, "INVALID_PARAMS");
    let one_more = put(&s.vn, 0..half + 1);
    assert_eq!(s.error("etr_envelopePut", one_more).await, "LIMIT_EXCEEDED");
    // to one who has nothing to do with the record
    let stray = desk.sealed(3, b"x", &s.my);
    assert_eq!(s.error("etr_envelopePut", desk.put(&s.vn, 3, &stray)).await, "FORBIDDEN");

    let held = desk.held(&s.th).await;
    assert_eq!(held[0]["recipients"], json!([format!("{}#k2", s.th)]), "{held:?}");
    assert_eq!((&held[0]["own"], &desk.held(&s.vn).await[0]["own"]), (&json!(false), &json!(true)));
    let foreign = desk.asked("etr_envelopes", &s.my, json!({"id": s.id}));
    assert_eq!(s.error("etr_envelopes", foreign).await, "FORBIDDEN");
    let mut read = Vec::new();
    while read.len() < whole {
        let asked = json!({"name": desk.name(1), "offset": read.len()});
        let asked = desk.asked("etr_envelopeGet", &s.th, asked);
        let part = s.result("etr_envelopeGet", asked).await;
        let part = URL_SAFE_NO_PAD.decode(part["bytes"].as_str().expect("text")).expect("base64");
        assert!(!part.is_empty());
        read.extend(part);
    }
    let read = Envelope::parse(&read).expect("an envelope");
    assert_eq!(&**read.open(&s.th, 2, &desk.secret).expect("it opens"), &content);

    let erase = |party: &str| desk.asked("etr_envelopeErase", party, json!({"name": desk.name(1)}));
    assert_eq!(s.error("etr_envelopeErase", erase(&s.th)).await, "FORBIDDEN");
    s.result("etr_envelopeErase", erase(&s.vn)).await;
    assert_eq!(desk.held(&s.th).await, Vec::<Value>::new());
    assert_eq!(s.error("etr_envelopeErase", erase(&s.vn)).await, "NOT_FOUND");
    let gone = desk.asked("etr_envelopeGet", &s.th, json!({"name": desk.name(1)}));
    assert_eq!(s.error("etr_envelopeGet", gone).await, "NOT_FOUND");
    assert_eq!(s.served.envelopes.figures().bytes, 0);
    s.served.stop().await;
}

#[tokio::test]
async fn etr_one_party_cannot_take_the_places_of_the_others() {
    let s = Scene::start().await;
    let desk = Desk::new(&s);
    for number in 1..=PER_PARTY {
        let sealed = desk.sealed(number, b"x", &s.th);
        let answer = s.result("etr_envelopePut", desk.put(&s.vn, number, &sealed)).await;
        assert_eq!(answer["whole"], true, "{answer}");
    }
    let next = PER_PARTY + 1;
    let sealed = desk.sealed(next, b"x", &s.th);
    assert_eq!(s.error("etr_envelopePut", desk.put(&s.vn, next, &sealed)).await, "LIMIT_EXCEEDED");
    let answer = s.result("etr_envelopePut", desk.put(&s.sg, next, &sealed)).await;
    assert_eq!(answer["whole"], true, "{answer}");
    // who erases one has a place again
    let erase = desk.asked("etr_envelopeErase", &s.vn, json!({"name": desk.name(1)}));
    s.result("etr_envelopeErase", erase).await;
    let sealed = desk.sealed(next + 1, b"x", &s.th);
    s.result("etr_envelopePut", desk.put(&s.vn, next + 1, &sealed)).await;
    s.served.stop().await;
}

#[tokio::test]
async fn etr_who_left_knows_of_its_own_envelopes_only() {
    let s = Scene::start().await;
    let desk = Desk::new(&s);
    for (party, number, to) in [(&s.vn, 1, &s.th), (&s.sg, 2, &s.th), (&s.sg, 3, &s.vn)] {
        let sealed = desk.sealed(number, b"x", to);
        s.result("etr_envelopePut", desk.put(party, number, &sealed)).await;
    }
    s.accept().await;
    let surrender =
        json!({"kind": "delivery", "reason": null, "deadlineMs": now_ms() + 86_400_000});
    s.act("surrender", surrender, &s.th).await;
    let numbers = |held: Vec<Value>| -> Vec<u64> {
        held.iter().filter_map(|held| held["envelopeNo"].as_u64()).collect()
    };
    assert_eq!(numbers(desk.held(&s.th).await), [1, 2, 3]);
    assert_eq!(numbers(desk.held(&s.vn).await), [1, 3]);
    let get = |number| desk.asked("etr_envelopeGet", &s.vn, json!({"name": desk.name(number)}));
    assert_eq!(s.error("etr_envelopeGet", get(2)).await, "NOT_FOUND");
    assert!(s.result("etr_envelopeGet", get(3)).await["bytes"].is_string());
    let sealed = desk.sealed(4, b"x", &s.th);
    assert_eq!(s.error("etr_envelopePut", desk.put(&s.vn, 4, &sealed)).await, "FORBIDDEN");
    let erase = desk.asked("etr_envelopeErase", &s.vn, json!({"name": desk.name(1)}));
    s.result("etr_envelopeErase", erase).await;
    assert_eq!(numbers(desk.held(&s.th).await), [2, 3]);
    s.served.stop().await;
}
