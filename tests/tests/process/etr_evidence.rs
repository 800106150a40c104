//! A bill of lading held jointly, from the command line: what is seen before each signature, control
//! shown by both holders, and a dossier that says what it holds and is judged with every node stopped.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::etr_life::Desk;

/// The text whose digest the devnet registers as its rulebook.
const RULEBOOK: &str = include_str!("../../../genesis/networks/devnet/rulebook.md");

type Files = BTreeMap<String, Vec<u8>>;

fn unpack(bytes: &[u8]) -> Files {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut files = Files::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("it reads");
        files.insert(entry.name().expect("a name").into_owned(), content);
    }
    files
}

/// The files as a dossier whose manifest names them as they are.
fn pack(mut files: Files) -> Vec<u8> {
    let manifest = files.remove("manifest.json").expect("a manifest");
    let mut manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let listed = files.iter().map(|(name, bytes)| {
        json!({ "name": name, "sha256": format!("sha256:{}", hex::encode(Sha256::digest(bytes))) })
    });
    manifest["files"] = listed.collect();
    files.insert("manifest.json".to_owned(), format!("{manifest}\n").into_bytes());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in &files {
        archive.start_file(name.as_str(), options).expect("it starts");
        archive.write_all(bytes).expect("it writes");
    }
    archive.finish().expect("it ends").into_inner()
}

/// What the section of a report says.
fn section(report: &Value, name: &str) -> (String, String) {
    let sections = report["sections"].as_array().expect("sections");
    let of = sections.iter().find(|section| section["name"] == name).expect("every section");
    let text = |member: &str| of[member].as_str().unwrap_or_default().to_owned();
    (text("status"), text("note"))
}

/// Offers the bill to trader and bank jointly; both accept.
fn give_jointly(desk: &Desk, id: &str) {
    let (shipper, trader, bank) = (&desk.shipper, &desk.trader, &desk.bank);
    let mut of = [trader.as_str(), bank.as_str()];
    of.sort_unstable();
    let joint = json!({ "joint": { "k": 2, "of": of } }).to_string();
    let offer = ["--to", joint.as_str(), "--endorse", "special", "--deadline", "48h"];
    let seen = desk.act("offer", id, &offer, shipper)["review"].clone();
    assert_eq!(seen["act"], "etr.offer");
    assert_eq!(seen["counterparties"][0]["party"], format!("2 of {}, {}", of[0], of[1]));
    let deadline = seen["deadline"]["ms"].as_u64().expect("a deadline");

    // what accepting answers, and until when: a dry run says it in text and for programs
    let accept = ["accept", id, "--as", trader, "--ack-all", "--dry-run"];
    let seen = desk.done(&accept)["review"].clone();
    assert_eq!(seen["counterparties"], json!([{ "role": "controller", "party": shipper }]));
    assert_eq!(seen["deadline"]["ms"].as_u64(), Some(deadline));
    assert!(seen["title"].as_str().is_some_and(|title| title.starts_with("to the order of 2 of")));
    assert!(seen["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "{seen}");
    let text = desk.network.done(&[&["etr"][..], &accept].concat()).stdout;
    let law = "SG full (allow): Electronic Transactions Act 2010, Part 2A";
    let (holder, until) = (format!("controller {shipper}"), deadline.to_string());
    for part in [&holder, "deadline", &until, "warning", law, "TH unknown (warn)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // who acknowledges nothing is told what each state says
    let ran = desk.run(&["accept", id, "--as", trader, "--dry-run"]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("LEGAL_ACK_REQUIRED")));
    assert!(ran.stderr.contains(law) && ran.stderr.contains("TH unknown (warn)"), "{}", ran.stderr);
    // and it is seen before the signature, also where nobody is asked
    let accept = ["etr", "accept", id, "--as", trader, "--ack-all", "--yes", "--stage", "--json"];
    let ran = desk.network.done(&accept);
    assert!(ran.stderr.contains(&format!("controller {shipper}")), "{}", ran.stderr);
    let cosigned = desk.done(&["cosign", id, "--as", bank, "--yes"]);
    assert_eq!(cosigned["review"]["deadline"]["ms"].as_u64(), Some(deadline), "{cosigned}");
}

#[test]
fn etr_a_dossier_of_joint_holders_is_judged_with_every_node_stopped() {
    let desk = Desk::open(1);
    let (shipper, trader) = (desk.shipper.clone(), desk.trader.clone());
    let bank = desk.bank.clone();
    let id = desk.bill("TTNU4711", &desk.shipper);
    // the shipper's own dossier, while it is in control
    let before = desk.path("before.zip");
    desk.done(&["evidence", &id, "--as", &shipper, "-o", &before]);
    give_jointly(&desk, &id);

    // control: each holder answers, one after the other; one alone or a former holder is not enough
    let (challenge, first, both) = (desk.path("c.json"), desk.path("a.json"), desk.path("b.json"));
    let (out, former) = (desk.path("control.json"), desk.path("former.json"));
    desk.done(&["challenge", &id, "--audience", "EXAMPLE PORT", "-o", &challenge]);
    desk.done(&["answer", &challenge, "--as", &trader, "-o", &first]);
    let prove = |answer: &str| desk.run(&["prove", &id, "--challenge", answer, "-o", &out]);
    assert_ne!(prove(&first).code, 0, "one of two");
    desk.done(&["answer", &first, "--as", &shipper, "-o", &former]);
    assert_ne!(prove(&former).code, 0, "a former holder");
    let answered = desk.done(&["answer", &first, "--as", &bank, "-o", &both]);
    assert_eq!(answered["sigs"].as_array().map(Vec::len), Some(2));
    let proven = prove(&both);
    assert_eq!(proven.code, 0, "{}{}", proven.stdout, proven.stderr);

    // dossiers: the rulebook is there if its text is, and only that text
    let head = desk.network.done(&["ledger", "status", "--json"]).json();
    let height = head["height"].as_u64().expect("a height").to_string();
    let rulebook = desk.file("rulebook.md", RULEBOOK);
    let other = desk.file("other.md", "other rules\n");
    let (dossier, again) = (desk.path("dossier.zip"), desk.path("again.zip"));
    let evidence = |attach: &str, out: &str, holders: &[&str]| {
        let mut line = vec!["evidence", id.as_str(), "--at", &height, "-o", out];
        line.extend(["--attach", attach]);
        line.extend(holders.iter().flat_map(|holder| ["--as", holder]));
        desk.done(&line)
    };
    let joint = [trader.as_str(), bank.as_str()];
    let made = evidence(&format!("10-rules={other}"), &again, &joint[..1]);
    let (status, note) = section(&made, "10-rules");
    assert_eq!(status, "present");
    assert!(note.contains("absent (no text with this digest was attached)"), "{note}");
    let (_, note) = section(&made, "20-in-fact");
    assert!(note.contains("control absent (control is joint"), "{note}");
    let attach = format!("10-rules={rulebook}");
    // no file is attached that the dossier makes itself, and none gets lost
    let own = desk.file("transcript.txt", "ours");
    let line = ["evidence", &id, "--as", &trader, "--attach", &format!("20-in-fact={own}"), "-o"];
    let ran = desk.run(&[&line[..], &[&again]].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    let made = evidence(&attach, &dossier, &joint);
    let (_, note) = section(&made, "10-rules");
    assert!(note.contains("present (10-rules/rulebook.md has this digest)"), "{note}");
    assert!(
        note.contains("profile file present") && note.contains("court policy absent"),
        "{note}"
    );
    let (_, note) = section(&made, "12-access");
    assert!(note.contains("signer keys and mandates at 3 heights present"), "{note}");
    assert_eq!(section(&made, "14-audit").0, "absent");
    let (_, note) = section(&made, "20-in-fact");
    assert!(note.contains("control as of the height present"), "{note}");
    let (status, note) = section(&made, "30-plain");
    assert_eq!(status, "present");
    assert!(note.contains("legal verdicts present (as proven in 10-rules/"), "{note}");
    // the same state has the same bytes
    evidence(&attach, &again, &joint);
    let bytes = std::fs::read(&dossier).expect("it is there");
    assert!(bytes == std::fs::read(&again).expect("it is there"), "two runs differ");

    let genesis = desk.network.folder.join("genesis.json").display().to_string();
    desk.network.done(&["devnet", "down"]);
    assert!(desk.network.nodes().iter().all(|node| node["pid"].is_null()));
    let verify = |file: &str, more: &[&str]| {
        let line = [&["verify", file, "--genesis", &genesis, "--json"][..], more].concat();
        desk.network.run(&line)
    };
    let shown = verify(&out, &["--challenge", &challenge]);
    assert_eq!(shown.code, 0, "{}{}", shown.stdout, shown.stderr);
    assert_eq!(shown.json()["control"], "is");
    let ran = verify(&dossier, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let transcript = ran.json()["transcript"].as_str().expect("text").to_owned();
    for part in [
        "MATCHES 10-rules/profile.toml: profile bl-order@1",
        "MATCHES 10-rules/rulebook.md: rulebook b3:",
        "MATCHES 11-integrity/heads.txt",
        "MATCHES 12-access/roles.json",
        "MATCHES 30-plain/record.txt: as the proofs say",
        &format!("OP {id} 3 accept at height"),
        &format!("{trader}#k1, key active then"),
        &format!("{bank}#k1, key active then"),
        "PROVEN 20-in-fact/control.proof.json",
    ] {
        assert!(transcript.contains(part), "{part}: {transcript}");
    }
    assert!(!transcript.contains("not proven as of then"), "{transcript}");

    // a forger who makes the manifest anew is found out by the proofs
    forged(&desk, &bytes, &verify);
    let former = unpack(&std::fs::read(&before).expect("it is there"));
    pieced(&desk, &bytes, &former, &verify);
    // what does not verify is not shown either
    let touched = desk.path("forged.zip");
    let show = |file: &str| {
        desk.network.run(&["etr", "show", "--offline", file, "--genesis", &genesis, "--json"])
    };
    assert_eq!(show(&touched).code, 3);
    let shown = show(&dossier);
    assert_eq!((shown.code, &shown.json()["id"]), (0, &json!(id)), "{}", shown.stderr);
}

/// Dossiers pieced together with manifest and transcript made to fit. `former` are the files of the
/// dossier of a former controller.
fn pieced(desk: &Desk, bytes: &[u8], former: &Files, verify: &dyn Fn(&str, &[&str]) -> super::Ran) {
    let (files, transcript) = (unpack(bytes), "20-in-fact/transcript.txt");
    let lines = |files: &Files| {
        let text = String::from_utf8(files[transcript].clone()).expect("text");
        text.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let line = |files: &Files, name: &str| {
        let found = lines(files).into_iter().find(|line| line.contains(&format!(" {name}: ")));
        found.unwrap_or_else(|| panic!("{name}"))
    };
    let tell = |files: &mut Files, change: &dyn Fn(String) -> Option<String>| {
        let told: Vec<String> = lines(files).into_iter().filter_map(change).collect();
        files.insert(transcript.to_owned(), format!("{}\n", told.join("\n")).into_bytes());
    };
    let run = |files: Files| {
        let file = desk.path("pieced.zip");
        std::fs::write(&file, pack(files)).expect("a file");
        verify(&file, &[])
    };
    let refused = |what: &str, files: Files| {
        let ran = run(files);
        assert_eq!(ran.code, 3, "{what}: {}{}", ran.stdout, ran.stderr);
    };
    let manifest = |from: &str, to: &str| {
        let mut files = files.clone();
        let text = String::from_utf8(files["manifest.json"].clone()).expect("text");
        assert!(text.contains(from), "{from}: {text}");
        files.insert("manifest.json".to_owned(), text.replace(from, to).into_bytes());
        files
    };
    let (absent, present) = (r#""status":"absent""#, r#""status":"present""#);
    refused("every section present", manifest(absent, present));
    refused("every section absent", manifest(present, absent));
    refused("another article", manifest("MLETR 12(b)", "MLETR 12(c)"));
    // each file left out, and its line with it
    for name in files.keys().filter(|name| *name != "manifest.json") {
        let mut less = files.clone();
        less.remove(name);
        if name != transcript {
            let gone = format!(" {name}: ");
            tell(&mut less, &|line| (!line.contains(&gone)).then_some(line));
        }
        refused(name, less);
    }
    // control as its former holder showed it, of the height at which it held it
    let control = "20-in-fact/control.proof.json";
    let mut older = files.clone();
    older.insert(control.to_owned(), former[control].clone());
    let (now, then) = (line(&files, control), line(former, control));
    tell(&mut older, &|line| Some(if line == now { then.clone() } else { line }));
    refused("control of before", older);
    // what others made is told as given; what is not of a dossier is refused
    for (name, code) in [
        ("30-plain/summary.txt", 0),
        ("20-in-fact/control.txt", 0),
        ("../../etc/x", 3),
        ("20-in-fact/other.proof.json", 3),
    ] {
        let mut more = files.clone();
        more.insert(name.to_owned(), b"V is the owner".to_vec());
        refused(name, more.clone());
        let told = format!(
            "GIVEN {name}: sha256:{}, not checked",
            hex::encode(Sha256::digest(b"V is the owner"))
        );
        let mut text = more[transcript].clone();
        // the op lines come last but for what was given
        text.extend_from_slice(format!("{told}\n").as_bytes());
        more.insert(transcript.to_owned(), text);
        let ran = run(more);
        assert_eq!(ran.code, code, "{name}: {}{}", ran.stdout, ran.stderr);
        if code == 0 {
            assert_eq!(ran.json()["given"], json!([name]));
        }
    }
}

/// Dossiers that were changed with their manifest.
fn forged(desk: &Desk, bytes: &[u8], verify: &dyn Fn(&str, &[&str]) -> super::Ran) {
    let files = unpack(bytes);
    assert!(pack(files.clone()) == bytes, "packed as the dossier is");
    let replaced = |files: &mut Files, name: &str, from: &str, to: &str| {
        let text = String::from_utf8(files[name].clone()).expect("text");
        assert!(text.contains(from), "{name}");
        files.insert(name.to_owned(), text.replace(from, to).into_bytes());
    };
    let transcript = "20-in-fact/transcript.txt";
    let signers = files.keys().find(|name| name.starts_with("12-access/etr_"));
    let signers = signers.expect("a proof of signers").clone();
    type Change<'a> = Box<dyn Fn(&mut Files) + 'a>;
    let plain = "30-plain/record.txt";
    let words = String::from_utf8(files[plain].clone()).expect("text");
    for line in [
        "full (allow)  Singapore: in force: Electronic Transactions Act 2010, Part 2A",
        "unknown (warn)  Thailand: no enabling statute recorded; effect is contractual only",
    ] {
        assert!(words.lines().any(|found| found == line), "{line}: {words}");
    }
    assert!(words.contains("; proven in 10-rules/rules.proof.json"), "{words}");
    assert!(words.contains(", acknowledged MY:unknown TH:unknown VN:unknown"), "{words}");
    let changes: [(&str, Change<'_>); 11] = [
        ("a profile", Box::new(|f| replaced(f, "10-rules/profile.toml", "same_root", "fungible"))),
        (
            "a profile and the transcript",
            Box::new(|f| {
                replaced(f, "10-rules/profile.toml", "same_root", "fungible");
                replaced(f, transcript, "MATCHES 10-rules/profile", "DIFFERS 10-rules/profile");
            }),
        ),
        (
            "roles and the transcript",
            Box::new(|f| {
                replaced(f, "12-access/roles.json", "bl-order@1", "bl-order@2");
                replaced(f, transcript, "MATCHES 12-access/roles", "DIFFERS 12-access/roles");
            }),
        ),
        ("a rulebook", Box::new(|f| replaced(f, "10-rules/rulebook.md", "rule", "ruse"))),
        ("a comment", Box::new(|f| replaced(f, "10-rules/profile.toml", "\n", "\n# void\n"))),
        ("validators", Box::new(|f| replaced(f, "13-security/validators.json", "SG", "MY"))),
        ("a proof left out", Box::new(|f| drop(f.remove(&signers)))),
        ("the transcript", Box::new(|f| replaced(f, transcript, "key active", "key inactive"))),
        ("a verdict", Box::new(|f| replaced(f, plain, "unknown (warn)", "full (allow)"))),
        (
            "a verdict and the transcript",
            Box::new(|f| {
                replaced(f, plain, "unknown (warn)  Thailand", "full (allow)  Thailand");
                replaced(f, transcript, "MATCHES 30-plain", "DIFFERS 30-plain");
            }),
        ),
        ("a proof", Box::new(|f| replaced(f, &signers, "\"height\":", "\"height\":1"))),
    ];
    for (what, change) in changes {
        let mut changed = files.clone();
        change(&mut changed);
        let file = desk.path("forged.zip");
        std::fs::write(&file, pack(changed)).expect("a file");
        let ran = verify(&file, &[]);
        assert_eq!(ran.code, 3, "{what}: {}{}", ran.stdout, ran.stderr);
    }
}
