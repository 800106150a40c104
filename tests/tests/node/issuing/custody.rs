//! Custody: what is kept, what is left of it after erasure, and entries of status lists that are
//! handed out once.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use titian_contracts::digest::Digest;
use titian_node::custody::record::{Entry, Found, Label, Record, Secured, Tombstone};
use titian_node::custody::{Custody, Keep};
use titian_node::store::{Vault, Writes};
use titian_tests::marks::{files_holding, files_with};

use super::{Office, aeo, holder_key, mandate};

const SECRET: [u8; 32] = [4; 32];

fn open(folder: &Path) -> Custody {
    Custody::open(folder, &SECRET, "titian-devnet-1").expect("the databases open")
}

fn record(id: &str, text: &str) -> Record {
    Record {
        id: id.to_owned(),
        issuer: "did:ubin:SG:CUSTOMS".to_owned(),
        request: [1; 32],
        secured: vec![Secured {
            form: "vc+jwt".to_owned(),
            text: text.to_owned(),
            anchor_salt: None,
        }],
        status: vec![Entry {
            profile: "revocation".to_owned(),
            list: "SG:CUSTOMS/status/1".to_owned(),
            index: 7,
        }],
    }
}

fn keep(custody: &Custody, subject: &str, record: &Record) -> [u8; 32] {
    let name = custody.name(&record.issuer, &record.id);
    let claim = custody.claim(name).expect("nobody else");
    let label = Label { instance: "customs".to_owned(), type_name: "T".to_owned(), at_ms: 1 };
    let kept =
        Keep { label, subject: subject.as_bytes(), record, reserved: &[], leaves: Vec::new() };
    custody.keep(&claim, kept).expect("kept");
    name
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("it reads") {
        let path = entry.expect("it reads").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

#[test]
fn t13_an_erased_record_cannot_be_read_from_its_backup_either() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backup = tempfile::tempdir().expect("a temporary folder");
    let name = {
        let custody = open(folder.path());
        let name = keep(&custody, "did:example:ana", &record("urn:1", "QUOKKA-MARKER"));
        let second = keep(&custody, "did:example:ana", &record("urn:2", "QUOKKA-MARKER"));
        let Some(Found::Kept(_, kept)) = custody.find(&name).expect("it reads") else {
            panic!("it is kept");
        };
        assert_eq!(*kept, record("urn:1", "QUOKKA-MARKER"));
        copy(&folder.path().join("custody"), &backup.path().join("custody"));
        // the first goes, the second keeps the subject's key alive
        custody.erase(&custody.claim(name).expect("free"), 9).expect("erased");
        assert!(matches!(custody.find(&second).expect("it reads"), Some(Found::Kept(..))));
        custody.erase(&custody.claim(second).expect("free"), 9).expect("erased");
        let Some(Found::Erased(tombstone)) = custody.find(&name).expect("it reads") else {
            panic!("it says that it was erased");
        };
        assert_eq!((tombstone.label.type_name.as_str(), tombstone.erased_ms), ("T", 9));
        custody.finish();
        name
    };
    assert_eq!(files_holding(folder.path(), "QUOKKA-MARKER"), Vec::<String>::new());
    assert_eq!(files_holding(folder.path(), "did:example:ana"), Vec::<String>::new());
    // thirty days on, the backup of the records meets the keys that are left
    copy(&folder.path().join("subject-keys"), &backup.path().join("subject-keys"));
    assert_eq!(files_holding(backup.path(), "QUOKKA-MARKER"), Vec::<String>::new());
    let custody = open(backup.path());
    assert!(custody.find(&name).is_err(), "there is no key for it");
}

/// A database of custody as it lies on disk, past its rules.
fn raw(folder: &Path, name: &str) -> Vault {
    let columns: &'static [&'static str] = match name {
        "custody" => &["custody", "subjects", "erased", "erasing", "indexes", "anchors", "lists"],
        _ => &["keys"],
    };
    Vault::open(&folder.join(name), columns).expect("it opens")
}

/// The last bytes of a row, where sealed bodies and wrapped keys end.
fn tail(vault: &Vault, column: &'static str, key: &[u8]) -> Vec<u8> {
    let row = vault.get(column, key).expect("it reads").expect("it is there");
    row[row.len() - 32..].to_vec()
}

#[test]
fn t13_an_erasure_that_a_kill_cut_off_is_finished_at_the_next_start() {
    // what the disk holds if the node is killed after each step that is synced
    for cut in ["tombstone written", "records rewritten", "key deleted", "key rewritten"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (name, other) = {
            let custody = open(folder.path());
            let name = keep(&custody, "did:example:ana", &record("urn:1", "QUOKKA-MARKER"));
            (name, keep(&custody, "did:example:bo", &record("urn:2", "text")))
        };
        // a start writes its log out to files: a later deletion leaves these as they are
        drop(open(folder.path()));
        let secrets = {
            let (records, keys) =
                (raw(folder.path(), "custody"), raw(folder.path(), "subject-keys"));
            let rows = records.scan("subjects", &[], None, 10).expect("it reads");
            let row = rows.iter().find(|(key, _)| key.ends_with(&name)).expect("it has a subject");
            let subject = row.0[..32].to_vec();
            let secrets = vec![tail(&records, "custody", &name), tail(&keys, "keys", &subject)];
            let label =
                Label { instance: "customs".to_owned(), type_name: "T".to_owned(), at_ms: 1 };
            let tombstone = borsh::to_vec(&Tombstone { label, erased_ms: 9 }).expect("bytes");
            let mut writes = Writes::default();
            writes.delete("custody", &name);
            writes.delete("subjects", &row.0);
            writes.put("erased", &name, &tombstone);
            writes.put("erasing", &name, &[]);
            let mut key = Writes::default();
            key.delete("keys", &subject);
            match cut {
                "tombstone written" => records.write(&writes).expect("written"),
                "records rewritten" => records.shred(&writes).expect("written"),
                "key deleted" => {
                    records.shred(&writes).expect("written");
                    keys.write(&key).expect("written");
                }
                _ => {
                    records.shred(&writes).expect("written");
                    keys.shred(&key).expect("written");
                }
            }
            secrets
        };
        let left = files_with(folder.path(), &secrets);
        assert_eq!(left.is_empty(), cut == "key rewritten", "{cut}: {left:?}");

        let custody = open(folder.path());
        assert_eq!(files_with(folder.path(), &secrets), Vec::<String>::new(), "{cut}");
        let found = custody.find(&name).expect("it reads");
        assert!(matches!(found, Some(Found::Erased(ref gone)) if gone.erased_ms == 9), "{cut}");
        assert!(matches!(custody.find(&other).expect("it reads"), Some(Found::Kept(..))), "{cut}");
        let counts = custody.counts().expect("it reads");
        let row = counts.values().next().expect("one type");
        assert_eq!((row.kept, row.erased), (1, 1), "{cut}");
        drop(custody);
        let records = raw(folder.path(), "custody");
        assert!(records.scan("erasing", &[], None, 1).expect("it reads").is_empty(), "{cut}");
    }
}

#[test]
fn records_survive_a_new_start_and_need_the_nodes_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = {
        let custody = open(folder.path());
        let name = keep(&custody, "s", &record("urn:1", "text"));
        custody.finish();
        name
    };
    {
        let custody = open(folder.path());
        assert!(matches!(custody.find(&name).expect("it reads"), Some(Found::Kept(..))));
        custody.finish();
    }
    let other = Custody::open(folder.path(), &[8; 32], "titian-devnet-1").expect("it opens");
    assert!(other.find(&name).is_err(), "another secret reads nothing");
    other.finish();
    drop(other);
    let moved = Custody::open(folder.path(), &SECRET, "another-chain").expect("it opens");
    assert!(moved.find(&name).is_err(), "records are bound to their chain");
}

#[test]
fn an_entry_is_handed_out_once_by_all_threads_and_over_starts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let entries = 256;
    let mut seen = BTreeSet::new();
    for round in 0..4u8 {
        let custody = open(folder.path());
        let drawn: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u8)
                .map(|thread| {
                    let custody = custody.clone();
                    scope.spawn(move || {
                        let mut drawn = Vec::new();
                        for i in 0..8u8 {
                            let reserved =
                                custody.reserve("L", entries, 2, &|_| true).expect("free");
                            let indexes = reserved.indexes().to_vec();
                            if i % 2 == 1 {
                                // never written: nobody saw it
                                continue;
                            }
                            let id = format!("urn:{round}:{thread}:{i}");
                            let record = record(&id, "t");
                            let claim = custody.claim(custody.name("x", &id)).expect("free");
                            let label = Label {
                                instance: "i".to_owned(),
                                type_name: "T".to_owned(),
                                at_ms: 1,
                            };
                            let kept = Keep {
                                label,
                                subject: id.as_bytes(),
                                record: &record,
                                reserved: &[reserved],
                                leaves: Vec::new(),
                            };
                            custody.keep(&claim, kept).expect("kept");
                            drawn.extend(indexes);
                        }
                        drawn
                    })
                })
                .collect();
            threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect()
        });
        assert_eq!(drawn.len(), 32);
        for index in drawn {
            assert!(index < entries && seen.insert(index), "{index} was handed out twice");
        }
        custody.finish();
    }
    // 128 of 256 are used; the rest can be had to the last, and then no more
    let custody = open(folder.path());
    let rest = custody.reserve("L", entries, 128, &|_| true).expect("free");
    assert!(rest.indexes().iter().all(|index| seen.insert(*index)));
    assert!(custody.reserve("L", entries, 1, &|_| true).is_err());
    assert!(
        custody.reserve("M", entries, 1, &|index| index == 9).is_ok_and(|r| r.indexes() == [9])
    );
}

#[test]
fn an_anchor_is_due_when_its_oldest_leaf_is_60_seconds_old_or_1024_wait() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let custody = open(folder.path());
    let anchored = |id: &str, at_ms: u64, leaves: u32| {
        let record = record(id, "t");
        let claim = custody.claim(custody.name("x", id)).expect("free");
        let label = Label { instance: "i".to_owned(), type_name: "T".to_owned(), at_ms };
        let leaves = (0..leaves).map(|place| (place, Digest([7; 32]))).collect();
        let (subject, record) = (id.as_bytes(), &record);
        let kept = Keep { label, subject, record, reserved: &[], leaves };
        custody.keep(&claim, kept).expect("kept");
    };
    let next = |instance: &str, ms: u64| custody.next_anchor(instance, ms).expect("it reads");
    let start = 1_782_864_000_000;
    anchored("urn:1", start, 1);
    anchored("urn:2", start + 50_000, 1);
    assert_eq!(next("i", start + 59_999), None);
    assert_eq!(next("other", start + 60_000), None);
    // the young one goes with the old one
    let sent = next("i", start + 60_000).expect("it is due");
    assert_eq!((sent.members.len(), sent.leaves.len()), (2, 64));
    assert_eq!(custody.waiting_leaves(), 0);
    // until it is settled it is the same one, whenever it is looked at
    anchored("urn:3", start, 1);
    assert_eq!(next("i", start), Some(sent.clone()));
    custody.settle("i", &sent, "SG:CUSTOMS/anchor/1", &|_| Some(Vec::new())).expect("written");
    assert_eq!(next("i", start + 59_999), None);
    anchored("urn:4", start, 1_022);
    assert_eq!(next("i", start), None, "1,023 wait");
    anchored("urn:5", start, 1);
    assert_eq!(next("i", start).map(|sent| sent.members.len()), Some(1_024));
}

#[test]
fn an_anchor_on_its_way_survives_a_crash_and_erased_records_get_no_receipt() {
    use titian_credential::anchor::Tree;
    use titian_node::custody::anchors::Sent;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (kept, gone, sent) = {
        let custody = open(folder.path());
        let mut names = Vec::new();
        for (i, id) in (0u8..).zip(["urn:1", "urn:2", "urn:3"]) {
            let record = record(id, "t");
            let claim = custody.claim(custody.name("x", id)).expect("free");
            let (instance, type_name) = ("i".to_owned(), "T".to_owned());
            let kept = Keep {
                label: Label { instance, type_name, at_ms: 10 + u64::from(i) },
                subject: id.as_bytes(),
                record: &record,
                reserved: &[],
                leaves: vec![(0, Digest([i; 32]))],
            };
            custody.keep(&claim, kept).expect("kept");
            names.push(*claim.name());
        }
        assert_eq!(custody.waiting_leaves(), 3);
        // one goes before it is sent, one while it is on its way
        custody.erase(&custody.claim(names[0]).expect("free"), 9).expect("erased");
        assert_eq!(custody.waiting_leaves(), 2);
        let waiting = custody.waiting("i", 100).expect("it reads");
        let leaves: Vec<Digest> = waiting.leaves.iter().map(|(_, leaf)| *leaf).collect();
        assert_eq!((waiting.oldest_ms, leaves), (11, vec![Digest([1; 32]), Digest([2; 32])]));
        assert!(custody.waiting("other", 100).expect("it reads").leaves.is_empty());
        let mut leaves = vec![Digest([1; 32]), Digest([2; 32])];
        leaves.resize(64, Digest([9; 32]));
        let members = waiting.leaves.iter().map(|(member, _)| *member).collect();
        let sent = Sent { leaves, members };
        custody.send("i", &waiting, &sent).expect("written");
        assert_eq!(custody.waiting_leaves(), 0);
        custody.erase(&custody.claim(names[1]).expect("free"), 9).expect("erased");
        (names[2], names[1], sent)
    };
    let custody = open(folder.path());
    assert_eq!(custody.sent("i").expect("it reads").as_ref(), Some(&sent), "it is sent again");
    assert!(custody.waiting("i", 100).expect("it reads").leaves.is_empty());
    let tree = Tree::of_leaves(sent.leaves.clone()).expect("a power of two");
    custody.settle("i", &sent, "SG:X/anchor/7", &|i| tree.path(i)).expect("written");
    assert_eq!(custody.sent("i").expect("it reads"), None);
    let placed = custody.placed(&kept, 0).expect("it reads").expect("it has a place");
    assert_eq!((placed.anchor.as_str(), placed.leaf_index), ("SG:X/anchor/7", 1));
    assert_eq!(Some(placed.path), tree.path(1));
    assert_eq!(custody.placed(&gone, 0).expect("it reads"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_no_file_and_no_answer_to_strangers_holds_a_claim() {
    let marker = "QUOKKA-4711-MARKER";
    let office = Office::open().await;
    let mut claims = mandate();
    claims["given_name"] = json!(marker);
    claims["family_name"] = json!(format!("{marker}-FAMILY"));
    let mut credential = aeo(&format!("urn:example:{marker}"));
    credential["credentialSubject"]["programme"] = json!(marker);
    credential["credentialSubject"]["authorisationNumber"] = json!(marker);
    let params = json!({"claims": claims, "copies": [holder_key(1), holder_key(2)],
        "credentialId": format!("urn:mandate:{marker}"), "anchor": true});
    let mandate = office.done("vc_issue", params).await;
    let aeo = office.done("vc_issue", json!({"credential": credential, "anchor": true})).await;
    for issued in [&mandate, &aeo] {
        assert!(issued.to_string().contains("QUOKKA"), "the holder gets it");
        // a mandate without its holder is not verified under `ledger`
        let ask = json!({"credential": issued["credential"], "policy": "w3c"});
        let verdict = office.done("vc_verify", ask).await;
        assert_eq!(verdict["verified"], true, "{verdict}");
        assert!(!verdict.to_string().contains("QUOKKA"), "{verdict}");
        let id = issued["id"].clone();
        let kept = office.done("vc_credential", json!({"id": id})).await;
        assert_eq!(kept["credentials"], issued["credentials"]);
    }
    // errors name places, never values
    let mut bad = credential.clone();
    bad["credentialSubject"][marker] = json!(marker);
    bad["credentialSubject"]["securityLevel"] = json!(marker);
    let refused = office.call(&office.officer(), "vc_issue", json!({"credential": bad})).await;
    assert!(refused["error"].is_object() && !refused.to_string().contains("QUOKKA"), "{refused}");
    let metrics = office.http("", "GET", "/metrics", &serde_json::Value::Null).await;
    assert!(!String::from_utf8_lossy(&metrics.body).contains("QUOKKA"));
    let folder = office.served.folder().to_owned();
    assert_eq!(files_holding(&folder, marker), Vec::<String>::new(), "sealed even before");
    for issued in [&mandate, &aeo] {
        let erased = office.done("vc_erase", json!({"id": issued["id"]})).await;
        assert_eq!(erased["erased"], true);
        assert!(erased["statusTx"].as_str().is_some_and(|id| id.starts_with("tx:")), "{erased}");
        assert_eq!(
            office.refused("vc_credential", json!({"id": issued["id"]})).await,
            "CREDENTIAL_ERASED"
        );
        let verdict = office.done("vc_verify", json!({"credential": issued["credential"]})).await;
        assert_eq!(verdict["checks"][5]["code"], "REVOKED", "{verdict}");
    }
    let ledger = &office.served.blocks.ledger;
    let height = ledger.head().height - 1;
    office.served.snapshots.write(ledger, height, &|| false).expect("a snapshot");
    assert_eq!(files_holding(&folder, marker), Vec::<String>::new());
    let report = office.done("vc_privacyReport", json!({})).await;
    assert!(!report.to_string().contains("QUOKKA"));
    let rows = report["instances"][0]["types"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["type"] == "AEOAuthorisation").expect("a row");
    assert_eq!((&row["kept"], &row["erased"]), (&json!(0), &json!("<5")));
    assert_eq!(
        (&row["purpose"], &row["retentionDays"]),
        (&json!("trade facilitation"), &json!(30))
    );
    let personal =
        rows.iter().find(|row| row["type"] == "AuthorisedRepresentative").expect("a row");
    assert!(personal["classes"]["personal"].as_u64().is_some_and(|n| n >= 2), "{personal}");
    office.served.stop().await;
}
