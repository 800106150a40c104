//! The resolver of UBINs (ubin.md §1.6): one address, several forms, and what browsers need.

use serde_json::{Value, json};
use titian_contracts::json::Value as Rule;
use titian_contracts::op::Register;
use titian_tests::http::{Answer, request, result};
use titian_tests::served::Served;
use titian_tests::world::{World, company_body};

const UBIN: &str = "SG-UEN-199403865N-G7";

async fn submit(served: &Served, act: &str, args: Rule) {
    let op = served.world.sign(&served.world.op(Register::Ubin, act, args), &[("SG:ACRA", 1)]);
    let text = String::from_utf8(World::transaction(&op)).expect("JSON is text");
    let done = result(served.address, "ledger_submit", json!({"transaction": text})).await;
    assert_eq!(done["receipt"]["ok"], true, "{act}: {done}");
}

async fn registered(name: &str) -> Served {
    let served = Served::start().await;
    let body = company_body("SG", "UEN", "199403865N", name);
    submit(&served, "register", Rule::object([("body", body)])).await;
    served
}

async fn get(served: &Served, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(served.address, "GET", path, headers, b"").await
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("text")
}

#[tokio::test]
async fn t16_the_form_of_the_answer_follows_accept() {
    let served = registered("EXAMPLE <b>& SONS</b>").await;
    let path = format!("/ubin/{UBIN}");
    let plain = get(&served, &path, &[]).await;
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/json")));
    let record = plain.json();
    assert_eq!(record["record"]["body"]["legalName"]["value"], "EXAMPLE <b>& SONS</b>");
    assert_eq!(record["ubin"], UBIN);
    assert!(record["asOf"]["height"].is_u64());
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    assert!(plain.header("cache-control").expect("set").contains("max-age"));
    assert!(plain.header("vary").expect("set").to_lowercase().contains("accept"));
    assert!(plain.header("link").expect("set").contains("rel=\"linkset\""));

    let links = get(&served, &path, &[("accept", "application/linkset+json")]).await;
    assert_eq!(links.header("content-type"), Some("application/linkset+json"));
    let context = &links.json()["linkset"][0];
    assert_eq!(context["anchor"], json!(path));
    assert_eq!(
        context["alternate"][0],
        json!({"href": path, "type": "application/json", "title": "Record"})
    );
    let lines = get(&served, &path, &[("accept", "application/linkset")]).await;
    assert_eq!(lines.header("content-type"), Some("application/linkset"));
    assert!(text(&lines).starts_with(&format!("<{path}>; rel=\"alternate\"")), "{}", text(&lines));

    let browser = [("accept", "text/html,application/xml;q=0.9,*/*;q=0.8")];
    let page = get(&served, &path, &browser).await;
    assert!(page.header("content-type").expect("set").starts_with("text/html"));
    assert!(text(&page).contains("EXAMPLE &lt;b&gt;&amp; SONS&lt;/b&gt;"), "{}", text(&page));
    assert!(page.header("content-security-policy").expect("set").contains("default-src 'none'"));
    assert_eq!(get(&served, &path, &[("accept", "image/png")]).await.status, 406);
    served.stop().await;
}

#[tokio::test]
async fn t16_an_unchanged_record_is_not_sent_twice_and_a_head_has_no_body() {
    let served = registered("EXAMPLE PTE. LTD.").await;
    let path = format!("/ubin/{UBIN}");
    let first = get(&served, &path, &[]).await;
    let tag = first.header("etag").expect("a tag").to_owned();
    // blocks go on, the record does not change
    served.blocks.commit(Vec::new());
    let again = get(&served, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let html = [("if-none-match", tag.as_str()), ("accept", "text/html")];
    assert_eq!(get(&served, &path, &html).await.status, 200, "another form, another tag");
    let alias =
        Rule::object([("ubin", Rule::from(UBIN)), ("alias", Rule::from(number("53083479E")))]);
    submit(&served, "alias_add", alias).await;
    let changed = get(&served, &path, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, 200);
    let head = request(served.address, "HEAD", &path, &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), Some("application/json"));
    let asked = [("origin", "https://shop.example"), ("access-control-request-method", "GET")];
    let preflight = request(served.address, "OPTIONS", &path, &asked, b"").await;
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-origin")),
        (200, Some("*"))
    );
    assert_eq!(request(served.address, "POST", &path, &[], b"").await.status, 405);
    served.stop().await;
}

fn number(local: &str) -> String {
    let body = company_body("SG", "UEN", local, "ANY");
    body.get("ubin").and_then(Rule::as_text).expect("set").to_owned()
}

#[tokio::test]
async fn t16_spellings_lead_to_one_address_and_aliases_to_the_record() {
    let served = registered("EXAMPLE PTE. LTD.").await;
    for spelling in ["sg-uen-199403865n-g7", "SGUEN199403865NG7", "SG.UEN%20199403865N.G7"] {
        let moved = get(&served, &format!("/ubin/{spelling}"), &[]).await;
        assert_eq!(moved.status, 308, "{spelling}");
        assert_eq!(moved.header("location"), Some(format!("/ubin/{UBIN}").as_str()), "{spelling}");
    }
    let alias = number("53083479E");
    let args = Rule::object([("ubin", Rule::from(UBIN)), ("alias", Rule::from(alias.as_str()))]);
    submit(&served, "alias_add", args).await;
    let path = format!("/ubin/{alias}");
    let found = get(&served, &path, &[]).await;
    assert_eq!(found.status, 200);
    assert_eq!((&found.json()["ubin"], &found.json()["via"]), (&json!(UBIN), &json!(alias)));
    assert_eq!(found.header("content-location"), Some(format!("/ubin/{UBIN}").as_str()));
    let links = get(&served, &path, &[("accept", "application/linkset+json")]).await.json();
    let context = &links["linkset"][0];
    assert_eq!(context["anchor"], json!(path));
    assert_eq!(context["canonical"][0]["href"], json!(format!("/ubin/{UBIN}")));
    served.stop().await;
}

#[tokio::test]
async fn t16_what_is_mistyped_or_unknown_is_an_error_with_suggestions_and_no_echo() {
    let served = registered("EXAMPLE PTE. LTD.").await;
    let missing: Value = get(&served, &format!("/ubin/{}", number("201812345D")), &[]).await.json();
    assert_eq!(missing["data"]["name"], "NOT_FOUND");
    let unknown = get(&served, &format!("/ubin/{}", number("201812345D")), &[]).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("access-control-allow-origin"), Some("*"));
    let mistyped = get(&served, "/ubin/SG-UEN-1994O3865N-G7", &[]).await;
    assert_eq!(mistyped.status, 400);
    assert_eq!(mistyped.json()["data"]["name"], "UBIN_CHECK_FAILED");
    assert_eq!(mistyped.json()["data"]["suggestions"][0], UBIN);
    for (path, name) in [
        ("/ubin/XX-UEN-1-00", "UBIN_COUNTRY_UNKNOWN"),
        ("/ubin/%F0%9F%98%80", "UBIN_CHAR"),
        ("/ubin/-", "UBIN_EMPTY"),
        (&format!("/ubin/{UBIN}?height=1"), "INVALID_PARAMS"),
        (&format!("/ubin/{}?on=2026-01-01", UBIN.to_lowercase()), "INVALID_PARAMS"),
    ] {
        let refused = get(&served, path, &[]).await;
        assert_eq!(
            (refused.status, &refused.json()["data"]["name"]),
            (400, &json!(name)),
            "{path}"
        );
    }
    let personal = get(&served, "/ubin/MY-BRN-880101000000-4H", &[]).await;
    assert_eq!(personal.json()["data"]["name"], "PERSONAL_NUMBER_REFUSED");
    assert!(!text(&personal).contains("880101"));
    served.stop().await;
}
