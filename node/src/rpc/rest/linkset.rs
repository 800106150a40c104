//! What belongs to a business, as links (RFC 9264). Targets are relative, so that they hold behind
//! any proxy.

use serde_json::{Value, json};
use titian_api::Object;
use titian_contracts::ubin::identifier::Ubin;

use super::resolver::path;

/// The links of one anchor.
pub(super) struct Links {
    /// What they are about.
    pub(super) anchor: String,
    links: Vec<Link>,
}

struct Link {
    relation: &'static str,
    href: String,
    media_type: &'static str,
    title: &'static str,
}

/// The links of a number, given the answer for it.
pub(super) fn links(number: &Ubin, answer: &Object) -> Links {
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    let own = path(&number.to_string());
    let current = member("ubin").map_or_else(|| own.clone(), path);
    let link = |relation, href: &str, media_type, title| Link {
        relation,
        href: href.to_owned(),
        media_type,
        title,
    };
    let feed = format!("/feed/ubin?watch={number}&follow=true");
    let mut links = vec![
        link("alternate", &current, "application/json", "Record"),
        link("alternate", &current, "text/html", "Page for people"),
        link("monitor", &feed, "application/x-ndjson", "Changes"),
    ];
    if current != own {
        links.push(link("canonical", &current, "application/json", "Number of today"));
    }
    if let Some(successor) = member("successor") {
        links.push(link("related", &path(successor), "application/json", "Successor"));
    }
    let named_by = answer.get("namedBy").and_then(Value::as_array).into_iter().flatten();
    links.extend(named_by.filter_map(|named| {
        let source = named.get("ubin")?.as_str()?;
        let title = title(named.get("type")?.as_str()?);
        Some(link("related", &path(source), "application/json", title))
    }));
    Links { anchor: own, links }
}

/// What a record is to the one that it names in a relation of this type.
fn title(relation: &str) -> &'static str {
    match relation {
        "BRANCH_OF" => "Branch",
        "SUB_FUND_OF" => "Sub-fund",
        "SUCCESSOR_OF" => "Successor",
        "RELOCATED_FROM" => "Number after relocation",
        "MERGED_INTO" => "Merged into this",
        "CONVERTED_TO" => "Converted to this",
        "RELOCATED_TO" => "Relocated to this",
        _ => "Related",
    }
}

impl Links {
    /// `application/linkset+json`.
    pub(super) fn to_json(&self) -> Value {
        let mut context = Object::new();
        context.insert("anchor".to_owned(), Value::from(self.anchor.as_str()));
        for link in &self.links {
            let target = json!({ "href": link.href, "type": link.media_type, "title": link.title });
            let targets = context.entry(link.relation).or_insert_with(|| json!([]));
            if let Value::Array(targets) = targets {
                targets.push(target);
            }
        }
        json!({ "linkset": [context] })
    }

    /// `application/linkset`.
    pub(super) fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .links
            .iter()
            .map(|Link { relation, href, media_type, title }| {
                format!(
                    "<{href}>; rel=\"{relation}\"; anchor=\"{}\"; type=\"{media_type}\"; \
                     title=\"{title}\"",
                    self.anchor
                )
            })
            .collect();
        lines.join(",\n") + "\n"
    }
}
