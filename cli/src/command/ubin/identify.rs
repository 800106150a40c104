//! What needs no node: identifiers and schemes.

use serde_json::{Value as Json, json};
use titian_contracts::ubin::identifier;
use titian_contracts::ubin::scheme::{Scheme, SchemeTable};
use titian_contracts::ubin::view;

use super::schemes::TableArgs;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone, table};
use crate::session::Session;

pub(super) fn check(session: &Session, input: &str, schemes: &TableArgs) -> Result<Report> {
    let table = schemes.table(session)?;
    match identifier::parse(input, &table) {
        Ok(parsed) => {
            let json = document::to_json(&view::parsed(&parsed, &table));
            let ubin = &parsed.ubin;
            let mut lines = vec![
                format!("{} {ubin}", session.output.paint(Tone::Good, "ok")),
                format!(" country {}, scheme {}, number {}", ubin.cc, ubin.scheme, ubin.local),
            ];
            if let Some(scheme) = table.find(&ubin.cc, &ubin.scheme) {
                lines.push(format!(" register {}", scheme.entry.authority.name));
            }
            lines.push(format!(" national check {}", parsed.national_check.name()));
            for warning in &parsed.warnings {
                let word = session.output.paint(Tone::Warn, "warning");
                lines.push(format!(" {word} {warning}"));
                lines.extend(session.output.in_words(warning).map(|words| format!(" {words}")));
            }
            lines.push(" whether it is registered: titian ubin get".to_owned());
            Ok(Report::new(lines.join("\n"), json))
        }
        Err(error) => {
            let mut answer = CommandError::new(Kind::NotProven, error.code.meaning());
            for suggestion in &error.suggestions {
                answer = answer.hint(format!("did you mean {suggestion}?"));
            }
            let data =
                json!({ "name": error.code.name(), "suggestions": error.suggestions, "ok": false });
            Err(answer.named(error.code.name()).with_data(data))
        }
    }
}

/// The canonical form of an identifier by the schemes built in; what does not check is an error with
/// suggestions.
pub(crate) fn canonical(input: &str) -> Result<String> {
    canonical_in(input, &SchemeTable::genesis())
}

/// The canonical form of an identifier by a table.
pub(super) fn canonical_in(input: &str, table: &SchemeTable) -> Result<String> {
    let parsed = identifier::parse(input, table).map_err(|error| {
        let mut answer = CommandError::usage(error.code.meaning());
        for suggestion in &error.suggestions {
            answer = answer.hint(format!("did you mean {suggestion}?"));
        }
        answer.named(error.code.name())
    })?;
    Ok(parsed.ubin.to_string())
}

pub(super) fn make(cc: &str, scheme: &str, number: &str, table: &SchemeTable) -> Result<Report> {
    let (cc, scheme) = (cc.to_uppercase(), scheme.to_uppercase());
    let parsed = identifier::make(&cc, &scheme, number, table).map_err(|error| {
        CommandError::new(Kind::NotProven, error.code.meaning())
            .named(error.code.name())
            .hint(format!("titian ubin schemes --cc {cc}"))
    })?;
    let mut lines = vec![parsed.ubin.to_string()];
    lines.extend(parsed.warnings.iter().map(|warning| format!("warning {warning}")));
    Ok(Report::new(lines.join("\n"), document::to_json(&view::parsed(&parsed, table))))
}

pub(super) fn schemes(cc: Option<&str>, schemes: &SchemeTable) -> Result<Report> {
    let wanted = cc.map(str::to_uppercase);
    let chosen: Vec<&Scheme> = schemes
        .iter()
        .filter(|scheme| wanted.as_ref().is_none_or(|cc| *cc == scheme.entry.cc))
        .collect();
    if chosen.is_empty() {
        let known: Vec<&str> = schemes.countries().collect();
        return Err(CommandError::usage("no scheme of this country")
            .hint(format!("countries: {}", known.join(" "))));
    }
    let heading = ["CC", "SCHEME", "NAME", "REGISTER", "EXAMPLE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for scheme in &chosen {
        let entry = &scheme.entry;
        rows.push(vec![
            entry.cc.clone(),
            entry.code.clone(),
            entry.names.first().map(|(_, name)| name.clone()).unwrap_or_default(),
            entry.authority.name.clone(),
            entry.accept.first().map(|example| example.raw.clone()).unwrap_or_default(),
        ]);
    }
    let list: Vec<Json> =
        chosen.iter().map(|scheme| document::to_json(&scheme.entry.to_value())).collect();
    Ok(Report::new(table(&rows), json!(list)))
}
