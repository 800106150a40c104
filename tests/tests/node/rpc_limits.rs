//! Limits of the interface at n and n + 1, and hostile input: the server says why and lives on.

use jsonrpsee::core::client::SubscriptionClientT as _;
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::WsClientBuilder;
use serde_json::{Value, json};
use titian_api::METHODS;
use titian_contracts::limits;
use titian_tests::http::{call, post, request, result};
use titian_tests::served::Served;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn assert_alive(served: &Served) {
    let status = result(served.address, "ledger_status", json!({})).await;
    assert_eq!(status["chain"], "titian-devnet-1");
}

#[tokio::test]
async fn malformed_requests_get_the_errors_of_the_protocol() {
    let served = Served::start().await;
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        ("\u{0}\u{1}", -32700),
        ("[]", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no_such\"}", -32601),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ledger_status\",\"params\":7}", 23),
    ] {
        let answer = post(served.address, body, &[]).await;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!(value["error"]["code"], json!(code), "{body}: {value}");
    }
    let answer = request(served.address, "POST", "/", &[("content-type", "text/plain")], b"{}");
    assert_eq!(answer.await.status, 415);
    assert_eq!(request(served.address, "PUT", "/", &[], b"").await.status, 405);
    assert_eq!(request(served.address, "GET", "/no/such", &[], b"").await.status, 404);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ledger_status\",\"params\":{deep}}}");
    let answer = post(served.address, &deep, &[]).await;
    assert!(answer.json().get("error").is_some());
    assert_alive(&served).await;
    served.stop().await;
}

#[tokio::test]
async fn parameters_of_the_wrong_form_never_come_back_in_the_error() {
    let served = Served::start().await;
    let secret = "S1234567D";
    for (method, params) in [
        ("ubin_parse", json!({"input": {"nested": secret}})),
        ("ubin_parse", json!({ secret: 1 })),
        ("ubin_parse", json!({"input": secret})),
        ("ledger_subscribe", json!({"topic": secret})),
        ("access_party", json!({"party": secret})),
    ] {
        let text = call(served.address, method, params).await.to_string();
        assert!(text.contains("error"), "{method}: {text}");
        assert!(!text.contains(secret), "{method}: {text}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_read_and_a_larger_one_is_not() {
    let served = Served::start().await;
    let frame = |filler: usize| {
        let input = "A".repeat(filler);
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ubin_parse\",\"params\":{{\"input\":\"{input}\"}}}}"
        )
    };
    let overhead = frame(0).len();
    let fits = post(served.address, &frame(limits::RPC_BODY_BYTES_MAX - overhead), &[]).await;
    assert_eq!(fits.json()["error"]["data"]["name"], "UBIN_TOO_LONG");
    let over = post(served.address, &frame(limits::RPC_BODY_BYTES_MAX - overhead + 1), &[]).await;
    assert_eq!(over.status, 413);
    let huge = post(served.address, &frame(10 * 1024 * 1024), &[]).await;
    assert!(matches!(huge.status, 413 | 0), "{}", huge.status);
    assert_alive(&served).await;
    served.stop().await;
}

#[tokio::test]
async fn a_batch_of_100_calls_is_answered_and_one_more_is_not() {
    let served = Served::start().await;
    let batch = |count: usize| {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "ledger_validators"});
        Value::Array(vec![call; count]).to_string()
    };
    let fits = post(served.address, &batch(limits::RPC_BATCH_MAX), &[]).await.json();
    assert_eq!(fits.as_array().map(Vec::len), Some(limits::RPC_BATCH_MAX));
    let over = post(served.address, &batch(limits::RPC_BATCH_MAX + 1), &[]).await.json();
    assert!(over.get("error").is_some(), "{over}");
    served.stop().await;
}

/// Reads until the server closes; gives what came.
async fn drain(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // a reset is a close as well
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn idle_and_slow_connections_are_closed_and_others_are_served() {
    let served = Served::start_with(|config| {
        config.header_timeout_ms = 300;
        config.connections_per_address_max = 1_000;
    })
    .await;
    let mut idle = Vec::new();
    for i in 0..600 {
        let mut stream = TcpStream::connect(served.address).await.expect("the server listens");
        if i % 2 == 0 {
            // the head never ends
            stream.write_all(b"POST / HTTP/1.1\r\nhost: te").await.expect("it reads");
        }
        idle.push(stream);
    }
    assert_alive(&served).await;
    for stream in idle {
        drain(stream).await;
    }
    assert_alive(&served).await;
    served.stop().await;
}

#[tokio::test]
async fn one_connection_more_than_an_address_may_have_is_refused() {
    let served = Served::start_with(|config| config.connections_per_address_max = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(served.address).await.expect("the server listens");
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: t\r\n\r\n").await.expect("it reads");
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.expect("it answers");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        open.push(stream);
    }
    let refused = TcpStream::connect(served.address).await.expect("the system accepts");
    assert!(drain(refused).await.is_empty());
    // its place is free again when one has gone
    drop(open.pop());
    let mut answer = request(served.address, "GET", "/livez", &[], b"").await;
    while answer.status == 0 {
        tokio::task::yield_now().await;
        answer = request(served.address, "GET", "/livez", &[], b"").await;
    }
    assert_eq!(answer.status, 200);
    served.stop().await;
}

/// A WebSocket that reads only when told to.
pub(crate) struct RawSocket(TcpStream);

impl RawSocket {
    pub(crate) async fn open(served: &Served) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        let mut stream = socket.connect(served.address).await.expect("the server listens");
        let head = "GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\n\
                    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("it answers"));
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        Self(stream)
    }

    /// Sends a text frame of less than 64 KiB, masked with zeros.
    pub(crate) async fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).expect("a short text");
        let mut frame = vec![0x81, 0xfe];
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.0.write_all(&frame).await.expect("it reads");
    }

    pub(crate) async fn receive(&mut self) -> String {
        self.0.read_u8().await.expect("a frame");
        let length = match self.0.read_u8().await.expect("a length") {
            126 => u64::from(self.0.read_u16().await.expect("a length")),
            127 => self.0.read_u64().await.expect("a length"),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        self.0.read_exact(&mut payload).await.expect("the payload");
        String::from_utf8_lossy(&payload).into_owned()
    }
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_told_where_to_resume() {
    let served = Served::start_with(|config| config.slow_consumer_ms = 1).await;
    for block in 0..6u64 {
        // refused in the block, but each has its receipt
        let no_transactions = (0..limits::BLOCK_TRANSACTIONS_MAX as u64)
            .map(|i| (block << 32 | i).to_be_bytes().to_vec());
        served.blocks.commit(no_transactions.collect());
    }
    let mut socket = RawSocket::open(&served).await;
    let params = json!({"topic": "receipts", "cursor": "0:0"});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "ledger_subscribe", "params": params});
    socket.send(&call.to_string()).await;
    loop {
        let metrics = request(served.address, "GET", "/metrics", &[], b"").await;
        if String::from_utf8_lossy(&metrics.body).contains("titian_rpc_slow_consumers_total 1") {
            break;
        }
    }
    assert_alive(&served).await;
    let mut last = String::new();
    let told = loop {
        let text = socket.receive().await;
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        let notice = &message["params"]["result"];
        if notice["error"]["data"]["name"] == "SLOW_CONSUMER" {
            break notice["error"]["data"]["cursor"].clone();
        }
        if let Some(cursor) = notice["cursor"].as_str() {
            last = cursor.to_owned();
        }
    };
    assert_eq!(told, json!(last));
    served.stop().await;
}

fn rpc_params_object(topic: &str, cursor: &str) -> jsonrpsee::core::params::ObjectParams {
    let mut params = jsonrpsee::core::params::ObjectParams::new();
    params.insert("topic", topic).expect("JSON");
    params.insert("cursor", cursor).expect("JSON");
    params
}

#[tokio::test]
async fn a_subscription_with_a_filter_that_nothing_looks_at_is_refused() {
    let served = Served::start().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", served.address))
        .await
        .expect("the server listens");
    for (topic, member, good) in [
        ("events", "name", true),
        ("events", "subject", true),
        ("blocks", "name", false),
        ("blocks", "subject", false),
        ("receipts", "name", false),
    ] {
        let mut params = rpc_params_object(topic, "0:0");
        params.insert(member, "etr.").expect("JSON");
        let opened =
            client.subscribe::<Value, _>("ledger_subscribe", params, "ledger_unsubscribe").await;
        assert_eq!(opened.is_ok(), good, "{topic} {member}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_subscription_with_a_bad_cursor_is_refused() {
    let served = Served::start().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", served.address))
        .await
        .expect("the server listens");
    for cursor in ["x", "1", "1:", "-1:0", "99999999:0"] {
        let params = rpc_params_object("events", cursor);
        let refused =
            client.subscribe::<Value, _>("ledger_subscribe", params, "ledger_unsubscribe").await;
        assert!(refused.is_err(), "{cursor}");
    }
    let none =
        client.subscribe::<Value, _>("ledger_subscribe", rpc_params![], "ledger_unsubscribe").await;
    assert!(none.is_err());
    served.stop().await;
}

#[tokio::test]
async fn a_subscription_by_http_is_told_that_it_needs_a_websocket() {
    let served = Served::start().await;
    let subscriptions = METHODS.iter().filter(|method| method.subscription);
    let mut names: Vec<String> = subscriptions.map(|method| method.name.to_owned()).collect();
    assert!(names.len() >= 4, "{names:?}");
    names.extend(names.clone().iter().map(|name| name.replace("_subscribe", "_unsubscribe")));
    for name in names {
        let error = call(served.address, &name, json!({})).await["error"].clone();
        assert_eq!(error["code"], -32601, "{name}: {error}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains("WebSocket"), "{name}: {error}");
    }
    served.stop().await;
}

#[tokio::test]
async fn readiness_names_its_reasons_and_liveness_does_not_care() {
    let served = Served::start().await;
    assert_eq!(request(served.address, "GET", "/readyz", &[], b"").await.status, 200);
    served.health.send_modify(|health| health.reasons.push("disk is full".to_owned()));
    let answer = request(served.address, "GET", "/readyz", &[], b"").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, b"disk is full\n");
    assert_eq!(request(served.address, "GET", "/livez", &[], b"").await.status, 200);
    let metrics = request(served.address, "GET", "/metrics", &[], b"").await;
    let text = String::from_utf8(metrics.body).expect("text");
    assert!(text.contains("titian_rpc_calls_total"), "{text}");
    served.stop().await;
}
