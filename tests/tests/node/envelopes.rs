//! The store of sealed contents: bounds for each party, and what a crash leaves.

use std::path::Path;

use titian_contracts::error::{Code, Reject};
use titian_envelope::{Envelope, Recipient, Subject, public_of, seal};
use titian_node::envelopes::{Bounds, Envelopes, Going, Name, Piece, Taken, text_digest};
use titian_node::telemetry::EnvelopeMetrics;

const RECORDS: [&str; 2] = [
    "etr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "etr_baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Room for little: what fills it is a test of its own.
const SMALL: Bounds = Bounds {
    per_record: 4,
    per_record_and_party: 2,
    per_party: 3,
    party_bytes: 4_000,
    coming: 2,
    bytes: 6_000,
    deliveries: 3,
    deliveries_per_party: 2,
};

fn open(folder: &Path, bounds: Bounds) -> Envelopes {
    Envelopes::open(folder, bounds, EnvelopeMetrics::default()).expect("the test disk works")
}

fn sealed(record: usize, number: u64, bytes: usize) -> (Name, Vec<u8>) {
    let public_key = public_of(&[7; 32]).expect("a secret");
    let to = [Recipient { party: "TH-JP-0999999000012-WM".to_owned(), key: 1, public_key }];
    let id = RECORDS[record].to_owned();
    let subject = Subject { id: id.clone(), version: 1, number };
    let envelope = seal(&subject, &vec![1; bytes], &to, &mut rand::rngs::OsRng).expect("it seals");
    (Name { id, version: 1, number }, envelope.to_text().into_bytes())
}

fn nowhere(_: &Envelope) -> Result<Going, Reject> {
    Ok(Going::default())
}

fn to_states(states: &[&str]) -> Going {
    let states = states.iter().map(|state| (*state).to_owned()).collect();
    Going { states, height: 1, until_ms: u64::MAX }
}

fn put(store: &Envelopes, by: &str, name: &Name, bytes: &[u8]) -> Result<Taken, Code> {
    put_to(store, by, name, bytes, Going::default())
}

fn put_to(
    store: &Envelopes,
    by: &str,
    name: &Name,
    bytes: &[u8],
    going: Going,
) -> Result<Taken, Code> {
    let total = bytes.len() as u64;
    let piece = Piece { name, by, party: by, offset: 0, total, bytes };
    store.put(&piece, |_| Ok(going)).map_err(|reject| reject.code)
}

#[test]
fn etr_each_bound_of_envelopes_holds_at_n_and_not_at_n_plus_one() {
    let full = Err(Code::LimitExceeded);
    let small = |record, number| sealed(record, number, 1);
    let fill = |bounds: Bounds, puts: &[(&str, usize, u64)]| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = open(folder.path(), bounds);
        for (by, record, number) in puts {
            let (name, bytes) = small(*record, *number);
            assert_eq!(put(&store, by, &name, &bytes), Ok(Taken::Whole), "{by} {number}");
        }
        (folder, store)
    };
    let wide = Bounds { party_bytes: 1_000_000, bytes: 1_000_000, ..SMALL };
    // of a record: two of a party, four in all
    let (_folder, store) = fill(wide, &[("a", 0, 1), ("a", 0, 2), ("b", 0, 3), ("b", 0, 4)]);
    let (name, bytes) = small(0, 5);
    assert_eq!(put(&store, "a", &name, &bytes), full);
    assert_eq!(put(&store, "c", &name, &bytes), full);
    // of a party: three, whatever the record; another has room
    let (name, bytes) = small(1, 1);
    assert_eq!(put(&store, "a", &name, &bytes), Ok(Taken::Whole));
    let (name, bytes) = small(1, 2);
    assert_eq!(put(&store, "a", &name, &bytes), full);
    assert_eq!(put(&store, "b", &name, &bytes), Ok(Taken::Whole));

    // bytes of a party, and of the node
    let (name, large) = sealed(0, 1, 2_400);
    assert!((3_001..4_000).contains(&large.len()), "{}", large.len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path(), SMALL);
    assert_eq!(put(&store, "a", &name, &large), Ok(Taken::Whole));
    let (next, more) = sealed(1, 2, 1_000);
    assert_eq!(put(&store, "a", &next, &more), full, "of the party");
    assert_eq!(put(&store, "b", &next, &more), Ok(Taken::Whole));
    let (last, more) = sealed(1, 3, 1_000);
    assert_eq!(put(&store, "c", &last, &more), full, "of the node");
    // what is erased makes room
    store.erase(&name, "a", 1, u64::MAX).expect("its own");
    assert_eq!(put(&store, "a", &last, &more), Ok(Taken::Whole));

    // what is coming: two of a party at a time, and its bytes count
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path(), Bounds { coming: 1, ..SMALL });
    let begin = |by, name: &Name, bytes: &[u8]| {
        let piece = Piece { name, by, party: by, offset: 0, total: 4_000, bytes };
        store.put(&piece, nowhere).map_err(|reject| reject.code)
    };
    let (other, _) = small(1, 1);
    assert_eq!(begin("a", &name, &[b'x'; 2_000]), Ok(Taken::Has(2_000)));
    assert_eq!(begin("a", &other, b"x"), full);
    assert_eq!(begin("b", &other, &[b'x'; 3_999]), Ok(Taken::Has(3_999)));
    assert_eq!(begin("c", &other, b"xx"), full, "of the node");

    // deliveries: two of a party, three in all
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path(), wide);
    let deliver = |by, number, states: &[&str]| {
        let (name, bytes) = small(1, number);
        put_to(&store, by, &name, &bytes, to_states(states))
    };
    assert_eq!(deliver("a", 1, &["MY", "TH", "VN"]), full);
    assert_eq!(deliver("a", 1, &["MY", "TH"]), Ok(Taken::Whole));
    assert_eq!(deliver("a", 2, &["MY"]), full);
    assert_eq!(deliver("b", 2, &["MY", "TH"]), full);
    assert_eq!(deliver("b", 2, &["MY"]), Ok(Taken::Whole));
    assert_eq!(deliver("c", 3, &[]), Ok(Taken::Whole), "what goes nowhere waits for nobody");
}

#[test]
fn etr_what_a_crash_leaves_of_an_envelope_is_all_or_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = folder.path().join("envelopes/files").join(RECORDS[0]);
    let (kept, bytes) = sealed(0, 1, 100);
    let (coming, more) = sealed(0, 2, 100);
    let half = more.len() / 2;
    let piece = |offset: usize, end: usize| Piece {
        name: &coming,
        by: "a",
        party: "a",
        offset: offset as u64,
        total: more.len() as u64,
        bytes: &more[offset..end],
    };
    {
        let store = open(folder.path(), Bounds::default());
        put_to(&store, "a", &kept, &bytes, to_states(&["MY"])).expect("kept");
        let taken = store.receive(&piece(0, half), &text_digest(&more), |_| Ok(()));
        assert_eq!(taken, Ok(Taken::Has(half as u64)));
    }
    // a name without a row: the crash came between
    std::fs::write(files.join("1-3.json"), b"x").expect("a file");
    let store = open(folder.path(), Bounds::default());
    assert!(!files.join("1-3.json").exists());
    assert_eq!(store.get(&kept, 0, 10_000).expect("it is there").0, bytes);
    assert_eq!(store.figures().queued, 1);
    assert_eq!(store.figures().bytes, (bytes.len() + half) as u64);
    // another node begins anew and is told where to go on
    let digest = text_digest(&more);
    assert_eq!(store.receive(&piece(0, half), &digest, |_| Ok(())), Ok(Taken::Has(half as u64)));
    let taken = store.receive(&piece(half, more.len()), &digest, |_| Ok(()));
    assert_eq!(taken, Ok(Taken::Whole));
    // all bytes, and no row: it begins anew
    let (third, text) = sealed(0, 4, 100);
    let part = files.join(format!("a~{}.part", text_digest(&text).to_hex()));
    drop(store);
    std::fs::write(&part, &text).expect("a file");
    let store = open(folder.path(), Bounds::default());
    let total = text.len() as u64;
    let whole = Piece { name: &third, by: "a", party: "a", offset: 0, total, bytes: &text };
    assert_eq!(store.receive(&whole, &text_digest(&text), |_| Ok(())), Ok(Taken::Whole));
    assert_eq!(store.get(&third, 0, 10_000).expect("it is there").0, text);
    assert!(!part.exists());
}

#[test]
fn etr_an_erasure_takes_the_place_of_the_delivery_and_is_settled_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path(), Bounds::default());
    let (name, bytes) = sealed(0, 1, 100);
    put_to(&store, "a", &name, &bytes, to_states(&["MY", "TH"])).expect("kept");
    let job = |state: &str| store.jobs(state, None, 10).expect("the disk works");
    let delivery = job("MY").remove(0).1;
    assert!(!delivery.erase);
    store.settle("TH", &name, &delivery).expect("it is done there");
    let meta = store.meta(&name).expect("the disk works").expect("it stands");
    assert_eq!(store.underway(&name, &meta).expect("the disk works"), ["MY"]);
    let refused = store.erase(&name, "b", 1, u64::MAX).map_err(|reject| reject.code);
    assert_eq!(refused, Err(Code::Forbidden));
    store.erase(&name, "a", 1, u64::MAX).expect("its own");
    assert_eq!(store.figures().queued, 2, "both nodes are told");
    // the answer to the delivery comes late: the erasure stays
    store.settle("MY", &name, &delivery).expect("nothing");
    assert!(job("MY").remove(0).1.erase && job("TH").remove(0).1.erase);
    for state in ["MY", "TH"] {
        let erasure = job(state).remove(0).1;
        store.settle(state, &name, &erasure).expect("it is done there");
    }
    assert_eq!(store.figures(), titian_node::envelopes::Figures::default());

    // at the other node: only of who put it, whole or still coming
    let digest = text_digest(&bytes);
    let total = bytes.len() as u64;
    let piece = Piece { name: &name, by: "a", party: "a", offset: 0, total, bytes: &bytes };
    store.receive(&piece, &digest, |_| Ok(())).expect("kept");
    let refused = store.erase_received(&name, "b", &digest).map_err(|reject| reject.code);
    assert_eq!(refused, Err(Code::Forbidden));
    store.erase_received(&name, "a", &digest).expect("erased");
    let part = Piece { bytes: &bytes[..50], ..piece };
    store.receive(&part, &digest, |_| Ok(())).expect("a part");
    store.erase_received(&name, "a", &digest).expect("erased");
    assert_eq!(store.figures(), titian_node::envelopes::Figures::default());
    store.erase_received(&name, "a", &digest).expect("what is not there is erased");
}
