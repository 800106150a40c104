//! Identifiers and schemes (ubin-api.md §14 T3).

use std::cell::OnceCell;

use titian_contracts::json;
use titian_contracts::ubin::identifier::{Ubin, parse, renderings, resolve_candidates};
use titian_contracts::ubin::pattern::Pattern;
use titian_contracts::ubin::scheme::{Scheme, SchemeEntry, SchemeTable};

/// A target: its name and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 2] =
    [("ubin_identifier", ubin_identifier), ("ubin_scheme", ubin_scheme)];

/// Suggestions of one number, and records that one text may mean, are few.
const SUGGESTIONS_MAX: usize = 3;

fn with_table(run: impl FnOnce(&SchemeTable)) {
    thread_local! {
        static TABLE: OnceCell<SchemeTable> = const { OnceCell::new() };
    }
    TABLE.with(|table| run(table.get_or_init(SchemeTable::genesis)));
}

/// Any spelling of a number: what reads keeps its meaning in every rendering, what does not gets
/// suggestions that read.
pub fn ubin_identifier(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    with_table(|table| {
        match parse(&text, table) {
            Ok(parsed) => {
                let canonical = parsed.ubin.to_string();
                assert_eq!(Ubin::parse_canonical(&canonical).as_ref(), Some(&parsed.ubin));
                let shown = renderings(&parsed.ubin, table);
                for form in [canonical, shown.compact] {
                    let again = parse(&form, table).expect("a rendering reads");
                    assert_eq!(again.ubin, parsed.ubin);
                }
                let others = [Some(shown.alei), Some(shown.euid_like), shown.urn, shown.peppol];
                for form in others.into_iter().flatten() {
                    let found = resolve_candidates(&form, None, None, table);
                    assert!(found.iter().any(|found| found.ubin == parsed.ubin), "{form}");
                }
            }
            Err(error) => {
                assert!(error.suggestions.len() <= SUGGESTIONS_MAX);
                for suggestion in error.suggestions {
                    parse(&suggestion, table).expect("a suggestion reads");
                }
            }
        }
        resolve_candidates(&text, None, None, table);
    });
}

/// Patterns and entries: what is accepted matches without end in sight, and is written as it was read.
pub fn ubin_scheme(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(pattern) = Pattern::parse(&text) {
        pattern.matches(&text);
        pattern.matches("ABCDEFGH0123456789ABCDEF");
    }
    let Ok(value) = json::parse(data) else { return };
    let Ok(entry) = SchemeEntry::from_value(&value, "") else { return };
    assert_eq!(SchemeEntry::from_value(&entry.to_value(), "").as_ref(), Ok(&entry));
    if let Ok(scheme) = Scheme::new(entry) {
        // whether its examples hold is another question
        let _ = scheme.check_examples();
    }
}
