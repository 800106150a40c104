//! The published examples of requests and answers: each request is understood, and an answer has
//! the members that its example shows.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use titian_tests::http::{call, request};

use super::scene::{Scene, pages};

const RPC: &str = include_str!("../../../data/vc/examples/rpc.json");
const DID: &str = include_str!("../../../data/vc/examples/did-resolution.json");
const BUNDLE: &str = include_str!("../../../data/vc/examples/trust-bundle.json");
const REST: &str = include_str!("../../../data/vc/examples/rest.json");

fn read(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}

fn names(value: &Json) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// An example that speaks of SG:CUSTOMS and another type, asked of this scene.
fn here(text: &str) -> Json {
    let text = text.replace("SG:CUSTOMS/status/3", "SG:ACRA/status/1");
    let text = text.replace("SG:CUSTOMS", "SG:ACRA").replace("MY/SG/aeo-2024", "MY/SG/mra");
    read(&text)
}

#[tokio::test]
async fn t14_every_published_request_is_understood_and_answers_have_the_members_shown() {
    let scene = Scene::new().await;
    let examples = here(RPC);
    let mut answered = 0;
    for example in examples.as_array().expect("a list") {
        let method = example["method"].as_str().expect("text");
        if example["scope"] != "public" || method == "vc_subscribe" {
            continue;
        }
        let mut params = example["params"].clone();
        // heights of the examples lie above this chain
        if params["height"].is_u64() {
            params["height"] = json!(scene.head());
        }
        let answer = call(scene.served.address, method, params).await;
        if let Some(error) = answer.get("error") {
            // nobody anchored anything here
            assert_eq!(
                (method, &error["data"]["name"]),
                ("vc_anchor", &json!("NOT_FOUND")),
                "{answer}"
            );
            continue;
        }
        answered += 1;
        let result = &answer["result"];
        let mut missing: Vec<String> =
            names(&example["result"]).difference(&names(result)).cloned().collect();
        // pages and whole answers say at which height they hold; null members may be left out
        missing.retain(|name| !example["result"][name].is_null() && name != "height");
        // an entry or a signed list is there only where there is one
        let absent = ["agreement", "credential"];
        missing.retain(|name| !absent.contains(&name.as_str()));
        assert!(missing.is_empty(), "{method}: {missing:?} in {result}");
        if let (Some(shown), Some(items)) =
            (example["result"]["items"].as_array(), result["items"].as_array())
            && let (Some(shown), Some(item)) = (shown.first(), items.first())
            && shown.is_object()
        {
            let missing: Vec<String> = names(shown).difference(&names(item)).cloned().collect();
            assert!(missing.is_empty(), "{method}: items without {missing:?}");
        }
    }
    assert!(answered >= 17, "{answered}");
    let lists = scene.ask("vc_statusLists", json!({"issuer": "SG:ACRA"})).await;
    assert_eq!(pages(&lists).len(), 2);
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_resolution_bundle_and_problem_have_the_members_of_their_examples() {
    let scene = Scene::new().await;
    let example = here(DID);
    let params = json!({"did": "did:ubin:SG:ACRA", "proof": true});
    let found = scene.ask("vc_resolve", params).await;
    for part in ["didDocumentMetadata", "didResolutionMetadata"] {
        let missing: Vec<String> =
            names(&example[part]).difference(&names(&found[part])).cloned().collect();
        assert!(missing.is_empty(), "{part}: {missing:?}");
    }
    // this party has no services and no other names
    let optional = ["alsoKnownAs", "service"].map(str::to_owned);
    let missing: Vec<String> = names(&example["didDocument"])
        .difference(&names(&found["didDocument"]))
        .filter(|name| !optional.contains(name))
        .cloned()
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(found["didDocument"]["@context"], example["didDocument"]["@context"]);

    let example = read(BUNDLE);
    let bundle = scene.ask("vc_bundle", json!({"cc": ["SG"], "recognition": ["MY"]})).await;
    let bundle = &bundle["bundle"];
    assert!(names(&example).is_subset(&names(bundle)));
    assert!(names(&example["claim"]).is_subset(&names(&bundle["claim"])));
    assert!(names(&example["claim"]["scope"]).is_subset(&names(&bundle["claim"]["scope"])));
    let kinds = |value: &Json| {
        let objects = value["claim"]["objects"].as_array().expect("objects").iter();
        objects.map(|object| object["kind"].as_str().expect("text").to_owned()).collect()
    };
    let (shown, made): (BTreeSet<String>, BTreeSet<String>) = (kinds(&example), kinds(bundle));
    assert!(shown.is_subset(&made), "{shown:?} {made:?}");

    // the last REST example: a DID in small letters
    let rest = read(REST);
    let case = rest.as_array().and_then(|cases| cases.last()).expect("cases");
    let path = case["request"].as_str().and_then(|text| text.strip_prefix("GET ")).expect("a GET");
    let accept = case["accept"].as_str().expect("text");
    let answer = request(scene.served.address, "GET", path, &[("accept", accept)], b"").await;
    assert_eq!(json!(answer.status), case["status"]);
    let error = |body: &Json| body["didResolutionMetadata"]["error"].clone();
    let (ours, theirs) = (error(&answer.json()), error(&case["response"]));
    assert_eq!((&ours["type"], &ours["title"]), (&theirs["type"], &theirs["title"]));
    scene.served.stop().await;
}
