//! `vc_subscribe`: events by topic, filtered, resumable at any cursor.

use jsonrpsee::core::client::{Subscription, SubscriptionClientT as _};
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::{Value as Json, json};
use titian_api::vc::{Notice, Topic};
use titian_contracts::op::Register;

use super::scene::{MALAYSIA, Scene, recognition};

async fn subscribe(client: &WsClient, params: &Json) -> Subscription<Notice> {
    let mut given = ObjectParams::new();
    for (name, value) in params.as_object().expect("an object") {
        given.insert(name, value).expect("JSON");
    }
    let opened = client.subscribe("vc_subscribe", given, "vc_unsubscribe").await;
    opened.expect("the subscription opens")
}

async fn next(subscription: &mut Subscription<Notice>) -> Notice {
    subscription.next().await.expect("a notice").expect("of the right form")
}

#[tokio::test]
async fn events_come_by_topic_and_a_subscription_resumes_at_any_cursor() {
    let scene = Scene::new().await;
    let client = WsClientBuilder::default()
        .build(format!("ws://{}", scene.served.address))
        .await
        .expect("the server listens");
    let mut live = subscribe(&client, &json!({})).await;
    let height = scene.set(1, 0, 0, 1);
    let notice = next(&mut live).await;
    assert_eq!((notice.topic, notice.as_of.height), (Some(Topic::Status), height));
    let event = notice.event.expect("an event");
    assert_eq!((event.name.as_str(), event.subject.as_str()), ("vc.list_set", "SG:ACRA/status/1"));
    scene.must(Register::Gov, "recognition_declare", recognition("MY", "two"), MALAYSIA);

    let topics = |notices: &[Notice]| notices.iter().map(|n| n.topic).collect::<Vec<_>>();
    let mut all = subscribe(&client, &json!({"cursor": "0:0"})).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(next(&mut all).await);
    }
    let (issuer, status) = (Some(Topic::Issuer), Some(Topic::Status));
    let recognised = Some(Topic::Recognition);
    assert_eq!(topics(&seen), [issuer, status, status, recognised, status, recognised]);
    for (i, notice) in seen.iter().enumerate().take(5) {
        let mut resumed = subscribe(&client, &json!({"cursor": notice.cursor})).await;
        assert_eq!(next(&mut resumed).await, seen[i + 1]);
    }
    for (filter, expected) in [
        (json!({"topics": ["recognition"], "cursor": "0:0"}), 3),
        (json!({"filter": {"cc": ["MY"]}, "cursor": "0:0"}), 3),
        (
            json!({"filter": {"issuers": ["did:ubin:SG:ACRA"]}, "topics": ["status"], "cursor": "0:0"}),
            1,
        ),
    ] {
        let mut filtered = subscribe(&client, &filter).await;
        assert_eq!(next(&mut filtered).await, seen[expected], "{filter}");
    }
    for bad in [
        json!({"topics": ["gossip"]}),
        json!({"cursor": "x"}),
        json!({"cursor": "99999:0"}),
        json!({"filter": {"cc": vec!["SG"; 65]}}),
    ] {
        let mut given = ObjectParams::new();
        for (name, value) in bad.as_object().expect("an object") {
            given.insert(name, value).expect("JSON");
        }
        let opened: Result<Subscription<Notice>, _> =
            client.subscribe("vc_subscribe", given, "vc_unsubscribe").await;
        assert!(opened.is_err(), "{bad}");
    }
    scene.served.stop().await;
}
