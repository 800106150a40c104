//! The feed and its snapshots as clients see them (ubin-api.md §9, §14 T16): JSON-RPC, WebSocket,
//! HTTP, and the command line on top.

use std::path::Path;

use jsonrpsee::core::client::SubscriptionClientT as _;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::WsClientBuilder;
use serde_json::{Value, json};
use titian_api::ubin_feed::Notice;
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_contracts::ubin::body::body_hash;
use titian_node::ledger::Ledger;
use titian_node::snapshot::{Snapshots, restore};
use titian_node::space::Space;
use titian_tests::http::{call, error_name, request, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::program::titian;
use crate::rpc_limits::RawSocket;

const LOCALS: [&str; 3] = ["199403865N", "201812345D", "200312345A"];

async fn act(served: &Served, act: &str, args: Rule, registrar: &str) {
    let op = served.world.op(Register::Ubin, act, args);
    let op = served.world.sign(&op, &[(registrar, 1), (registrar, 2)]);
    let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
    let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(done["receipt"]["ok"], true, "{act}: {done}");
}

fn with_body(body: &Rule) -> Rule {
    Rule::object([("body", body.clone())])
}

fn text(value: &str) -> Rule {
    Rule::from(value)
}

fn number(body: &Rule) -> String {
    body.get("ubin").and_then(Rule::as_text).expect("a number").to_owned()
}

/// Three companies of Singapore, one of Malaysia; the first grows, one is annulled.
async fn busy() -> (Served, Vec<Rule>) {
    let served = Served::start().await;
    let mut bodies = Vec::new();
    for local in LOCALS {
        let body = company_body("SG", "UEN", local, "EXAMPLE PTE. LTD.");
        act(&served, "register", with_body(&body), "SG:ACRA").await;
        bodies.push(body);
    }
    let body = company_body("MY", "BRN", "202401000002", "CONTOH SDN BHD");
    act(&served, "register", with_body(&body), "MY:SSM").await;
    bodies.push(body);
    let next = bodies[0]
        .with("version", Rule::Int(2))
        .with("prev", body_hash(&bodies[0]).into())
        .with("sizeClass", text("SMALL"));
    act(&served, "update", with_body(&next), "SG:ACRA").await;
    bodies[0] = next;
    let annul = Rule::object([
        ("ubin", Rule::from(number(&bodies[2]))),
        ("version", Rule::Int(1)),
        ("metaSeq", Rule::Int(0)),
        ("reason", text("ERROR")),
    ]);
    act(&served, "annul", annul, "SG:ACRA").await;
    (served, bodies)
}

async fn changes(served: &Served, params: Value) -> Value {
    result(served.address, "ubin_changes", params).await
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("a list").clone()
}

fn of<'a>(items: &'a [Value], name: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[name].as_str().unwrap_or_default()).collect()
}

async fn ndjson(served: &Served, query: &str) -> Vec<Value> {
    let answer = request(served.address, "GET", &format!("/feed/ubin{query}"), &[], b"").await;
    assert_eq!(answer.status, 200, "{query}");
    let body = String::from_utf8(answer.body).expect("text");
    body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn t16_an_item_says_who_changed_what_in_the_form_of_the_specification() {
    let (served, bodies) = busy().await;
    let all = items(&changes(&served, json!({})).await);
    let acts = ["register", "register", "register", "register", "update", "annul"];
    assert_eq!(of(&all, "act"), acts);
    let update = &all[4];
    assert_eq!(update["ubin"], json!(number(&bodies[0])));
    assert_eq!(update["version"], 2);
    let size = json!([{"path": "/sizeClass", "old": null, "new": "SMALL"}]);
    assert_eq!(update["changed"], size);
    assert_eq!(update["bodyHash"], json!(body_hash(&bodies[0]).to_string()));
    assert!(update["txId"].as_str().expect("an id").starts_with("tx:"));
    assert!(update["blockTime"].as_str().expect("a time").ends_with('Z'));
    assert!(update.get("lines").is_none());
    let marked = json!([{"path": "/meta/mark", "old": null,
        "new": {"state": "ANNULLED", "reason": "ERROR"}}]);
    assert_eq!(all[5]["changed"], marked);
    assert_eq!(all[0]["changed"][0]["path"], "");
    let full = items(&changes(&served, json!({"full": true})).await);
    let line = &full[4]["lines"][0];
    assert_eq!(line["record"]["body"]["sizeClass"], "SMALL");
    assert!(line.get("quality").is_none() && line.get("asOf").is_none());
    served.stop().await;
}

#[tokio::test]
async fn t16_every_way_of_reading_gives_one_sequence_from_every_cursor_on() {
    let (served, _) = busy().await;
    let all = items(&changes(&served, json!({"limit": 1000})).await);
    let cursors = of(&all, "cursor");
    assert_eq!(ndjson(&served, "").await, all);
    let url = format!("ws://{}", served.address);
    let client = WsClientBuilder::default().build(&url).await.expect("connects");
    for (i, cursor) in cursors.iter().enumerate() {
        let rest = &all[i + 1..];
        assert_eq!(ndjson(&served, &format!("?cursor={cursor}")).await, rest, "{cursor}");
        // one by one
        let mut at = (*cursor).to_owned();
        for expected in rest {
            let page = changes(&served, json!({"cursor": at, "limit": 1})).await;
            assert_eq!(items(&page), std::slice::from_ref(expected));
            at = page["cursor"].as_str().expect("a cursor").to_owned();
        }
        let page = changes(&served, json!({"cursor": at})).await;
        assert_eq!((items(&page).len(), page["more"].as_bool()), (0, Some(false)));
        let mut params = ObjectParams::new();
        params.insert("cursor", cursor).expect("JSON");
        let mut notices = client
            .subscribe::<Notice, _>("ubin_subscribe", params, "ubin_unsubscribe")
            .await
            .expect("subscribed");
        for expected in rest {
            let notice = notices.next().await.expect("open").expect("a notice");
            assert_eq!(json!(notice.event), *expected);
            assert_eq!(json!(notice.cursor), expected["cursor"]);
        }
    }
    // what comes later is pushed, to a subscriber without a cursor too
    let mut notices = client
        .subscribe::<Notice, _>("ubin_subscribe", ObjectParams::new(), "ubin_unsubscribe")
        .await
        .expect("subscribed");
    let body = company_body("SG", "UEN", "201712345W", "LATER PTE. LTD.");
    act(&served, "register", with_body(&body), "SG:ACRA").await;
    let notice = notices.next().await.expect("open").expect("a notice");
    assert_eq!(notice.event.expect("an event")["ubin"], json!(number(&body)));
    served.stop().await;
}

#[tokio::test]
async fn t16_filters_pick_and_watched_businesses_are_followed_to_another_number() {
    let (served, bodies) = busy().await;
    let picked = |filter: Value| {
        let served = &served;
        async move { items(&changes(served, json!({"filter": filter})).await) }
    };
    assert_eq!(picked(json!({"cc": ["my"]})).await.len(), 1);
    assert_eq!(picked(json!({"scheme": ["BRN", "SUR"]})).await.len(), 1);
    assert_eq!(picked(json!({"act": ["challenge-open", "import_part"]})).await.len(), 0);
    assert_eq!(of(&picked(json!({"act": ["annul", "update"]})).await, "act"), ["update", "annul"]);
    assert_eq!(picked(json!({"status": ["DISSOLVED"]})).await.len(), 0);
    assert_eq!(picked(json!({"cc": ["SG"], "act": ["register"]})).await.len(), 3);
    let watched = json!({"watch": [number(&bodies[0]).to_lowercase()]});
    assert_eq!(picked(watched.clone()).await.len(), 2);
    // renumbered: both the old and the new number lead to all of its events
    let local = "201512345H";
    let renumbered = company_body("SG", "UEN", local, "EXAMPLE PTE. LTD.")
        .with("entity", bodies[0].get("entity").expect("set").clone())
        .with("sizeClass", text("SMALL"))
        .with("version", Rule::Int(3))
        .with("prev", body_hash(&bodies[0]).into());
    let args = with_body(&renumbered).with("ubin", Rule::from(number(&bodies[0])));
    act(&served, "renumber", args, "SG:ACRA").await;
    for watched in [watched, json!({"watch": [number(&renumbered)]})] {
        let seen = picked(watched).await;
        assert_eq!(of(&seen, "act"), ["register", "update", "renumber"]);
        let changed = seen[2]["changed"].as_array().expect("a list");
        let from = json!({"path": "/ubin", "old": number(&bodies[0]), "new": number(&renumbered)});
        assert!(changed.contains(&from), "{changed:?}");
    }
    let query = format!("?cc=SG,MY&act=renumber&watch={}", number(&bodies[0]));
    assert_eq!(ndjson(&served, &query).await.len(), 1);
    served.stop().await;
}

#[tokio::test]
async fn t16_limits_of_the_feed_hold_at_n_and_break_at_n_plus_1() {
    let served = Served::start().await;
    let address = served.address;
    for (params, error) in [
        (json!({"limit": 1000}), ""),
        (json!({"limit": 1001}), "LIMIT_EXCEEDED"),
        (json!({"limit": 0}), "LIMIT_EXCEEDED"),
        (json!({"filter": {"watch": vec!["SG-UEN-199403865N-G7"; 1000]}}), ""),
        (json!({"filter": {"watch": vec!["SG-UEN-199403865N-G7"; 1001]}}), "LIMIT_EXCEEDED"),
        (json!({"filter": {"cc": vec!["SG"; 64]}}), ""),
        (json!({"filter": {"cc": vec!["SG"; 65]}}), "LIMIT_EXCEEDED"),
        (json!({"filter": {"watch": ["SG-UEN-1994O3865N-G7"]}}), "UBIN_CHECK_FAILED"),
        (json!({"filter": {"colour": ["red"]}}), "INVALID_PARAMS"),
        (json!({"filter": {"act": ["dissolve", "dissolved"]}}), "INVALID_PARAMS"),
        (json!({"filter": {"cc": ["SG", "SGP"]}}), "INVALID_PARAMS"),
        (json!({"filter": {"scheme": ["UEN", "NONE"]}}), "INVALID_PARAMS"),
        (json!({"filter": {"status": ["ACTIVE", "zzz"]}}), "INVALID_PARAMS"),
        (json!({"cursor": "1"}), "INVALID_PARAMS"),
        (json!({"cursor": "+1:0"}), "INVALID_PARAMS"),
        (json!({"cursor": "1:4294967296"}), "INVALID_PARAMS"),
        (json!({"cursor": "99:0"}), "HEIGHT_UNKNOWN"),
    ] {
        assert_eq!(error_name(address, "ubin_changes", params.clone()).await, error, "{params}");
    }
    for (query, status) in [
        ("?cursor=99:0", 404),
        ("?cursor=x", 400),
        ("?colour=red", 400),
        ("?act=dissolved", 400),
        ("?cc=SGP", 400),
        ("?status=zzz", 400),
        ("?full=perhaps", 400),
        ("?watch=SG-UEN-1994O3865N-G7", 400),
    ] {
        let answer = request(address, "GET", &format!("/feed/ubin{query}"), &[], b"").await;
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.json()["data"]["name"].is_string(), "{query}");
    }
    assert_eq!(request(address, "POST", "/feed/ubin", &[], b"{}").await.status, 405);
    served.stop().await;
}

#[tokio::test]
async fn t16_snapshots_are_listed_and_served_and_what_is_not_there_is_not_found() {
    let (served, _) = busy().await;
    assert_eq!(result(served.address, "ubin_snapshot", json!({})).await["snapshots"], json!([]));
    let height = served.blocks.ledger.head().height - 1;
    served.snapshots.write(&served.blocks.ledger, height, &|| false).expect("a snapshot");
    let list = result(served.address, "ubin_snapshot", json!({})).await;
    let shown = &list["snapshots"][0];
    assert_eq!((&shown["height"], &shown["count"]), (&json!(height), &json!(4)));
    let path = shown["path"].as_str().expect("a path");
    let file = request(served.address, "GET", path, &[], b"").await;
    assert_eq!((file.status, file.body.len() as u64), (200, shown["bytes"].as_u64().expect("set")));
    assert_eq!(file.header("content-type"), Some("application/zstd"));
    let text = zstd::decode_all(&file.body[..]).expect("zstd");
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 4);
    let manifest = request(served.address, "GET", &format!("{path}/manifest"), &[], b"").await;
    let mut expected = shown.clone();
    expected.as_object_mut().expect("an object").remove("path");
    assert_eq!(manifest.json(), expected);
    for (path, status) in [("/snapshot/ubin/7777", 404), ("/snapshot/ubin/..", 400)] {
        assert_eq!(request(served.address, "GET", path, &[], b"").await.status, status, "{path}");
    }
    let name = error_name(served.address, "ubin_snapshot", json!({"height": 7777})).await;
    assert_eq!(name, "NOT_FOUND");
    served.stop().await;
}

#[tokio::test]
async fn t16_snapshots_come_by_themselves_and_the_last_ones_stay() {
    let served = Served::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let left = folder.path().join("7.partial");
    std::fs::create_dir(&left).expect("what a crash leaves");
    let snapshots = Snapshots::new(folder.path().to_owned(), 10, 2);
    let (stop, stopped) = watch::channel(false);
    let ledger = served.blocks.ledger.clone();
    let keep_up = snapshots.clone().keep_up(ledger.clone(), Space::default(), stopped);
    let keep_up = tokio::spawn(keep_up);
    for (height, local) in [(10, LOCALS[0]), (20, LOCALS[1]), (30, LOCALS[2])] {
        let body = company_body("SG", "UEN", local, "EXAMPLE PTE. LTD.");
        act(&served, "register", with_body(&body), "SG:ACRA").await;
        while ledger.head().height <= height {
            assert!(!snapshots.heights().contains(&height), "its root is not certified yet");
            served.blocks.commit(Vec::new());
        }
        while !snapshots.heights().contains(&height) {
            tokio::task::yield_now().await;
        }
    }
    while snapshots.heights() != [30, 20] {
        tokio::task::yield_now().await;
    }
    assert!(!left.exists());
    stop.send_replace(true);
    keep_up.await.expect("it ends");
    for (height, count) in [(20, 2), (30, 3)] {
        let manifest = snapshots.ubin_manifest(height).expect("a manifest");
        manifest.seal.check(&served.world.genesis.anchor()).expect("certified");
        assert_eq!((manifest.seal.height(), manifest.count), (height, count));
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_cursor_that_is_too_old_names_a_snapshot_from_which_the_feed_goes_on() {
    let (served, _) = busy().await;
    let ledger = &served.blocks.ledger;
    let height = ledger.head().height - 1;
    served.snapshots.write(ledger, height, &|| false).expect("a snapshot");
    // a node that begins with this snapshot has none of the receipts before it
    let folder = tempfile::tempdir().expect("a temporary folder");
    let target = folder.path().join("ledger");
    let genesis = served.world.genesis.clone();
    restore(&served.snapshots.folder_of(height), &genesis, &target).expect("restored");
    let young = Ledger::open(&target, genesis).expect("the root is right");
    let young = Served::over(World::new(), young, folder, |_| {}).await;
    young.blocks.commit(Vec::new());
    young.blocks.commit(Vec::new());
    let refused = call(young.address, "ubin_changes", json!({"cursor": "3:0"})).await;
    let data = refused["error"]["data"].clone();
    assert_eq!((&data["name"], &data["oldest"]), (&json!("CURSOR_TOO_OLD"), &json!(height + 1)));
    assert!(data.get("snapshot").is_none(), "it has none of its own yet");
    let own = young.blocks.ledger.head().height - 1;
    young.snapshots.write(&young.blocks.ledger, own, &|| false).expect("a snapshot");
    let body = company_body("SG", "UEN", "201712345W", "LATER PTE. LTD.");
    act(&young, "register", with_body(&body), "SG:ACRA").await;
    for params in [json!({"cursor": "3:0"}), json!({})] {
        let refused = call(young.address, "ubin_changes", params).await;
        assert_eq!(refused["error"]["data"]["snapshot"], json!(own), "{refused}");
    }
    let gone = request(young.address, "GET", "/feed/ubin?cursor=3:0", &[], b"").await;
    assert_eq!((gone.status, &gone.json()["data"]["snapshot"]), (410, &json!(own)));
    let named = result(young.address, "ubin_snapshot", json!({"height": own})).await;
    let cursor = named["snapshots"][0]["cursor"].clone();
    let rest = items(&changes(&young, json!({"cursor": cursor})).await);
    assert_eq!(of(&rest, "act"), ["register"]);
    // the command line without a cursor begins with what is kept; with one that is too old it fails
    let home = tempfile::tempdir().expect("a temporary folder");
    let node = format!("http://{}", young.address);
    let feed = |more: &[&str]| {
        let args = [&["ubin", "feed"], more, &["--node", &node, "--json"]].concat();
        titian(home.path(), &args)
    };
    let ran = feed(&[]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{ran:?}");
    assert!(ran.stderr.contains(&format!("before height {}", height + 1)), "{ran:?}");
    let ran = feed(&["--cursor", "3:0"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["error"]["name"], "CURSOR_TOO_OLD", "{ran:?}");
    let pruned = error_name(young.address, "ubin_get", json!({"ubin": number(&body), "height": 2}));
    assert_eq!(pruned.await, "HEIGHT_PRUNED");
    young.stop().await;
    served.stop().await;
}

#[tokio::test]
async fn t16_a_stream_over_http_follows_the_head_when_asked_to() {
    let (served, bodies) = busy().await;
    let stream = TcpStream::connect(served.address).await.expect("the server listens");
    let (reader, mut writer) = stream.into_split();
    let path = format!("/feed/ubin?follow=true&watch={}", number(&bodies[1]));
    let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    writer.write_all(head.as_bytes()).await.expect("it reads");
    let mut lines = BufReader::new(reader).lines();
    let mut next = async || loop {
        let line = lines.next_line().await.expect("open").expect("a line");
        if let Ok(item @ Value::Object(_)) = serde_json::from_str(&line) {
            break item;
        }
    };
    assert_eq!(next().await["act"], "register");
    let later = bodies[1]
        .with("version", Rule::Int(2))
        .with("prev", body_hash(&bodies[1]).into())
        .with("sizeClass", text("MEDIUM"));
    act(&served, "update", with_body(&later), "SG:ACRA").await;
    let item = next().await;
    assert_eq!((&item["act"], &item["version"]), (&json!("update"), &json!(2)));
    // an open stream does not keep the interface from stopping
    served.stop().await;
}

/// A company whose record is large.
fn large_registration(served: &Served, i: usize) -> Vec<u8> {
    let other = |n: usize| {
        let name = format!("{} {n}", "LONG NAME ".repeat(24));
        Rule::object([("type", text("TRADING")), ("value", Rule::from(name)), ("lang", text("en"))])
    };
    let body = company_body("SG", "UEN", &format!("2018{i:05}D"), "EXAMPLE PTE. LTD.")
        .with("otherNames", Rule::List((0..16).map(other).collect()));
    let op = served.world.op(Register::Ubin, "register", with_body(&body));
    World::transaction(&served.world.sign(&op, &[("SG:ACRA", 1)]))
}

#[tokio::test]
async fn t16_a_subscriber_that_does_not_read_is_told_where_to_resume_and_misses_nothing() {
    let served = Served::start_with(|config| config.slow_consumer_ms = 1).await;
    let count = 2_500;
    for first in (0..count).step_by(500) {
        let some = (first..first + 500).map(|i| large_registration(&served, i)).collect();
        served.blocks.commit(some);
    }
    served.blocks.commit(Vec::new());
    let mut socket = RawSocket::open(&served).await;
    let params = json!({"cursor": "0:0", "full": true});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "ubin_subscribe", "params": params});
    socket.send(&call.to_string()).await;
    loop {
        let metrics = request(served.address, "GET", "/metrics", &[], b"").await;
        if String::from_utf8_lossy(&metrics.body).contains("titian_rpc_slow_consumers_total 1") {
            break;
        }
    }
    let mut seen = 0;
    let told = loop {
        let message: Value = serde_json::from_str(&socket.receive().await).unwrap_or_default();
        let notice = &message["params"]["result"];
        if notice["error"]["data"]["name"] == "SLOW_CONSUMER" {
            break notice["error"]["data"]["cursor"].clone();
        }
        seen += usize::from(notice["event"].is_object());
    };
    assert!(seen < count, "all {count} went into buffers");
    let mut at = told;
    loop {
        let page = changes(&served, json!({"cursor": at, "limit": 1000, "full": true})).await;
        seen += items(&page).len();
        at = page["cursor"].clone();
        if page["more"] == false {
            break;
        }
        // 4 MiB end a page before the thousandth of these
        assert!(items(&page).len() < 1_000);
    }
    assert_eq!(seen, count);
    served.stop().await;
}

/// The command line on a served node: it fetches two snapshots and checks one against the other.
#[tokio::test(flavor = "multi_thread")]
async fn t16_the_command_line_verifies_a_snapshot_against_the_one_before() {
    let (served, bodies) = busy().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    std::fs::write(at.join("genesis.json"), served.world.genesis.to_bytes()).expect("written");
    let node = format!("http://{}", served.address);
    let write = || {
        let height = served.blocks.ledger.head().height - 1;
        served.snapshots.write(&served.blocks.ledger, height, &|| false).expect("a snapshot");
        height
    };
    let first = write();
    let next = bodies[1]
        .with("version", Rule::Int(2))
        .with("prev", body_hash(&bodies[1]).into())
        .with("sizeClass", text("LARGE"));
    act(&served, "update", with_body(&next), "SG:ACRA").await;
    let body = company_body("SG", "UEN", "201712345W", "LATER PTE. LTD.");
    act(&served, "register", with_body(&body), "SG:ACRA").await;
    let second = write();
    let run = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--node", &node, "--json"]).collect();
        titian(at, &args)
    };
    for height in [first, second] {
        let height = height.to_string();
        let ran = run(&["ubin", "snapshot", "get", &height]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let (one, two) = (format!("{first}.json"), format!("{second}.json"));
    let verify = ["ubin", "feed", "verify", &one, &two, "--genesis", "genesis.json"];
    let ran = run(&verify);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((&ran.json()["equal"], &ran.json()["changedNumbers"]), (&json!(true), &json!(2)));
    // from a file too; and one that lacks an event proves nothing
    let query = format!("?full=true&cursor={first}:4294967295");
    let lines: Vec<String> = ndjson(&served, &query).await.iter().map(Value::to_string).collect();
    // what differs is the number of the event that lacks, and no other
    for (deltas, lacking) in
        [(&lines[..], None), (&lines[1..], Some(&bodies[1])), (&lines[..1], Some(&body))]
    {
        std::fs::write(at.join("deltas"), deltas.join("\n") + "\n").expect("written");
        let with = [&verify[..], &["--deltas", "deltas"]].concat();
        let ran = run(&with);
        assert_eq!(ran.code, if lacking.is_some() { 3 } else { 0 }, "{ran:?}");
        if let Some(lacking) = lacking {
            assert_eq!(
                ran.json()["error"]["data"]["differing"],
                json!([number(lacking)]),
                "{ran:?}"
            );
        }
    }
    // nothing in a manifest can be changed
    let manifest = std::fs::read_to_string(at.join(&two)).expect("a manifest");
    let stated: Value = serde_json::from_str(&manifest).expect("JSON");
    let bytes = json!(stated["bytes"].as_u64().expect("a number") + 1);
    for (member, value) in [("cursor", json!(format!("{second}:7"))), ("bytes", bytes)] {
        let mut edited = stated.clone();
        edited[member] = value;
        std::fs::write(at.join(&two), edited.to_string()).expect("written");
        let ran = run(&verify);
        assert_ne!(ran.code, 0, "{member}: {ran:?}");
    }
    std::fs::write(at.join(&two), manifest).expect("written");
    damage(at, second);
    let ran = run(&verify);
    assert_eq!(ran.code, 3, "{ran:?}");
    let ran = run(&["ubin", "feed", "--cursor", &format!("{first}:4294967295")]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{ran:?}");
    served.stop().await;
}

/// Puts the lines of another snapshot beside a manifest, which names the length of that file.
fn damage(at: &Path, height: u64) {
    let file = at.join(format!("{height}.ndjson.zst"));
    let text = zstd::decode_all(&std::fs::read(&file).expect("a file")[..]).expect("zstd");
    let text = String::from_utf8(text).expect("text").replace("LARGE", "SMALL");
    let bytes = zstd::encode_all(text.as_bytes(), 1).expect("zstd");
    std::fs::write(&file, &bytes).expect("written");
    let manifest = at.join(format!("{height}.json"));
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let mut stated: Value = serde_json::from_str(&text).expect("JSON");
    stated["bytes"] = json!(bytes.len());
    std::fs::write(&manifest, stated.to_string()).expect("written");
}
