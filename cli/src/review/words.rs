//! Title, endorsements, offers and notes of a record in words: the same before signing, in what a record
//! shows, and in the plain text of a dossier.
//!
//! Invariant: what changes who is entitled or liable is said: for whom one collects, who excluded
//! recourse, which endorsement was struck, whose endorser was released.

use serde_json::Value as Json;
use titian_contracts::time;

use super::facts::person;
use crate::document;

/// What follows a person in title who holds for another: the capacity, and for whom.
pub(crate) fn capacity(title: &Json) -> String {
    let principal = title.get("principal").filter(|it| !it.is_null()).map(person);
    match (document::text(title, "/capacity").unwrap_or("owner"), principal) {
        ("owner", _) => String::new(),
        (capacity, Some(principal)) => format!(" {capacity} for {principal}"),
        (capacity, None) => format!(" {capacity}"),
    }
}

/// Title as it stands.
pub(crate) fn title(title: &Json) -> String {
    let kind = document::text(title, "/kind").unwrap_or("?");
    let to = title.get("party").filter(|to| !to.is_null()).map(person);
    match (kind, to) {
        ("to_order", Some(to)) => format!("to order of {to}{}", capacity(title)),
        (kind, Some(to)) => format!("{kind} {to}{}", capacity(title)),
        (kind, None) => kind.to_owned(),
    }
}

/// What follows an endorsement whose endorser is not liable on recourse.
pub(crate) fn recourse(excluded: bool) -> &'static str {
    if excluded { ", without recourse" } else { "" }
}

fn is_set(value: &Json, name: &str) -> bool {
    value.get(name).and_then(Json::as_bool) == Some(true)
}

/// Whether an offer, or an entry of the endorsement chain, excludes recourse.
pub(crate) fn excludes_recourse(value: &Json) -> bool {
    is_set(value, "withoutRecourse")
}

/// An entry of the endorsement chain.
pub(crate) fn endorsement(entry: &Json) -> String {
    let of = |name: &str| entry.get(name).map(person).unwrap_or_default();
    let time = entry.get("timeMs").and_then(Json::as_u64).map(time::rfc3339).unwrap_or_default();
    let to = entry.get("endorsee").filter(|to| !to.is_null()).map(person);
    let to = to.unwrap_or_else(|| "bearer".to_owned());
    let struck = if is_set(entry, "struck") { ", struck" } else { "" };
    let released = if is_set(entry, "released") { ", released from recourse" } else { "" };
    format!(
        "{} by {} to {to}{}{struck}{released}, {time} {}",
        of("kind"),
        of("endorser"),
        recourse(excludes_recourse(entry)),
        of("place")
    )
}

/// What is pending on a record: to whom, as what, until when.
pub(crate) fn pending(pending: &Json) -> String {
    let until = pending.get("deadlineMs").and_then(Json::as_u64).map(time::rfc3339);
    let until = until.unwrap_or_default();
    let kind = ["/endorse", "/kind", "/for"].iter().find_map(|p| document::text(pending, p));
    let kind = kind.unwrap_or("control only");
    let recourse = recourse(excludes_recourse(pending));
    match pending.get("to").filter(|to| !to.is_null()) {
        Some(to) => format!("to {}, {kind}{recourse}, until {until}", person(to)),
        None => format!("{kind}{recourse}, until {until}"),
    }
}

/// The note that an op adds to a record, if it is one: its code, and the digest of its document.
pub(crate) fn note(op: &Json) -> Option<String> {
    let is_note = document::text(op, "/act") == Some("annotate");
    let of = |name: &str| document::text(op, &format!("/args/{name}")).unwrap_or("?");
    is_note.then(|| format!("{} {}", of("code"), of("digest")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn etr_title_says_for_whom_one_collects_or_holds_a_pledge() {
        let of = |capacity: &str, principal: Json| {
            title(&json!({ "kind": "to_order", "party": { "party": "MY-BANK" },
                "capacity": capacity, "principal": principal }))
        };
        assert_eq!(of("owner", Json::Null), "to order of MY-BANK");
        let for_whom = of("collection", json!({ "party": "VN-HOLDER" }));
        assert_eq!(for_whom, "to order of MY-BANK collection for VN-HOLDER");
        let joint = json!({ "joint": { "k": 2, "of": ["TH-A", "VN-B"] } });
        assert_eq!(of("pledge", joint), "to order of MY-BANK pledge for 2 of TH-A, VN-B");
        assert_eq!(title(&json!({ "kind": "bearer", "party": null })), "bearer");
    }

    #[test]
    fn etr_an_endorsement_says_what_became_of_recourse() {
        let entry = |more: Json| {
            let mut entry = json!({ "n": 1, "kind": "special", "endorser": { "party": "VN-A" },
                "endorsee": { "party": "TH-B" }, "timeMs": 0, "place": "VNSGN",
                "withoutRecourse": false, "struck": false, "released": false });
            for (name, value) in more.as_object().expect("members") {
                entry[name] = value.clone();
            }
            endorsement(&entry)
        };
        assert_eq!(entry(json!({})), "special by VN-A to TH-B, 1970-01-01T00:00:00Z VNSGN");
        let said = entry(json!({ "withoutRecourse": true, "struck": true, "released": true }));
        assert_eq!(
            said,
            "special by VN-A to TH-B, without recourse, struck, released from recourse, \
             1970-01-01T00:00:00Z VNSGN"
        );
        assert!(entry(json!({ "endorsee": null })).contains("to bearer"));
    }

    #[test]
    fn etr_an_offer_says_to_its_receiver_that_recourse_is_excluded() {
        let offer = |excluded: bool| {
            pending(&json!({ "act": "offer", "to": { "party": "TH-B" }, "endorse": "special",
                "withoutRecourse": excluded, "deadlineMs": 0 }))
        };
        assert_eq!(offer(false), "to TH-B, special, until 1970-01-01T00:00:00Z");
        assert_eq!(offer(true), "to TH-B, special, without recourse, until 1970-01-01T00:00:00Z");
    }

    #[test]
    fn etr_a_note_is_told_by_its_code() {
        let op = json!({ "act": "annotate", "args": { "code": "clause", "digest": "b3:11" } });
        assert_eq!(note(&op).as_deref(), Some("clause b3:11"));
        assert_eq!(note(&json!({ "act": "offer", "args": {} })), None);
    }
}
