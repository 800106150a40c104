//! Sealed envelopes (etr-api.md §3): what was changed in any bit does not open, and no key or nonce
//! comes twice.

use std::collections::BTreeSet;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use titian_envelope::{Envelope, EnvelopeError, Recipient, RngCore as _, Subject, public_of, seal};

const ID: &str = "etr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn subject(number: u64) -> Subject {
    Subject { id: ID.to_owned(), version: 1, number }
}

fn recipient(party: &str, key: u64, rng: &mut StdRng) -> (Recipient, [u8; 32]) {
    let mut secret = [0; 32];
    rng.fill_bytes(&mut secret);
    let public_key = public_of(&secret).expect("32 bytes are a secret");
    (Recipient { party: party.to_owned(), key, public_key }, secret)
}

fn seeded() -> StdRng {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    StdRng::seed_from_u64(seed)
}

#[test]
fn etr_envelope_opens_for_each_recipient_and_for_nobody_else() {
    let mut rng = seeded();
    let (carrier, carrier_secret) = recipient("SG-UEN-209900001K-SU", 2, &mut rng);
    let (bank, bank_secret) = recipient("TH-JP-0999999000012-WM", 7, &mut rng);
    let content = br#"{"content":{"goods":"coffee"},"salts":{}}"#;
    let to = [carrier.clone(), bank.clone()];
    let envelope = seal(&subject(1), content, &to, &mut rng).expect("it seals");
    let read = Envelope::parse(envelope.to_text().as_bytes()).expect("its own form");
    assert_eq!(read, envelope);
    for (to, secret) in [(&carrier, &carrier_secret), (&bank, &bank_secret)] {
        assert_eq!(&**read.open(&to.party, to.key, secret).expect("it opens"), content);
    }
    assert_eq!(
        read.open(&carrier.party, carrier.key, &bank_secret).err(),
        Some(EnvelopeError::DoesNotOpen)
    );
    let other = read.open("VN-MST-9900000016-87", 1, &bank_secret);
    assert!(matches!(other, Err(EnvelopeError::NotForYou(_))));
    assert!(!envelope.to_text().contains("coffee"));
}

#[test]
fn etr_envelope_with_any_flipped_bit_does_not_open() {
    let mut rng = seeded();
    let (to, secret) = recipient("SG-UEN-209900001K-SU", 2, &mut rng);
    let envelope = seal(&subject(3), b"{\"content\":1}", std::slice::from_ref(&to), &mut rng);
    let text = envelope.expect("it seals").to_text().into_bytes();
    let opens = |bytes: &[u8]| {
        Envelope::parse(bytes).is_ok_and(|read| {
            read.subject == subject(3) && read.open(&to.party, to.key, &secret).is_ok()
        })
    };
    assert!(opens(&text));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[at] ^= 1 << bit;
            assert!(!opens(&changed), "bit {bit} of byte {at}: {}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn etr_envelope_is_bound_to_record_version_and_number() {
    let mut rng = seeded();
    let (to, secret) = recipient("SG-UEN-209900001K-SU", 2, &mut rng);
    let envelope = seal(&subject(1), b"x", std::slice::from_ref(&to), &mut rng).expect("it seals");
    for text in [
        envelope.to_text().replace("\"envelopeNo\":1", "\"envelopeNo\":2"),
        envelope.to_text().replace("\"version\":1", "\"version\":2"),
        envelope.to_text().replace("etr_aaaa", "etr_baaa"),
    ] {
        let moved = Envelope::parse(text.as_bytes()).expect("still an envelope");
        assert_eq!(moved.open(&to.party, to.key, &secret).err(), Some(EnvelopeError::DoesNotOpen));
    }
}

#[test]
fn etr_envelope_limits_hold_at_n_and_n_plus_1() {
    let mut rng = seeded();
    let many: Vec<Recipient> =
        (1..=33).map(|key| recipient("SG-UEN-209900001K-SU", key, &mut rng).0).collect();
    assert!(seal(&subject(1), b"x", &many[..32], &mut rng).is_ok());
    assert!(seal(&subject(1), b"x", &many, &mut rng).is_err());
    assert!(seal(&subject(1), b"x", &[], &mut rng).is_err());
    let wrong = Subject { id: "etr_x".to_owned(), version: 1, number: 1 };
    assert!(seal(&wrong, b"x", &many[..1], &mut rng).is_err());
    // base64 makes four of three bytes; the frame is small
    let fits = titian_envelope::ENVELOPE_BYTES_MAX / 4 * 3 - 1_024;
    assert!(seal(&subject(1), &vec![0; fits], &many[..1], &mut rng).is_ok());
    assert!(seal(&subject(1), &vec![0; fits + 1_024], &many[..1], &mut rng).is_err());
    let zero = Recipient { public_key: [0; 32], ..many[0].clone() };
    assert!(seal(&subject(1), b"x", &[zero], &mut rng).is_err(), "a key of small order");
}

#[test]
fn etr_envelope_keys_and_nonces_never_repeat_over_100_000_seals() {
    let mut rng = seeded();
    let (to, secret) = recipient("SG-UEN-209900001K-SU", 2, &mut rng);
    let mut nonces = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for number in 0..100_000 {
        let to = std::slice::from_ref(&to);
        let envelope = seal(&subject(number), b"same", to, &mut rng).expect("it seals");
        assert!(nonces.insert(*envelope.nonce()), "a nonce came twice");
        if number % 10 == 0 {
            let key = envelope.content_key(&to[0].party, 2, &secret).expect("it opens");
            assert!(keys.insert(*key), "a key came twice");
        }
    }
}
