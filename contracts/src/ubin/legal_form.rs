//! ISO 20275 codes by the words that name a legal form (ubin-schemes.md §7).
//!
//! They serve proposals at import only: no rule reads them, and a code is never filled in by
//! itself.

use std::collections::BTreeMap;

use super::scheme::GENESIS_TABLE;
use crate::json::{self, Value};

/// The legal forms of every country that have a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegalFormCodes(BTreeMap<String, Vec<(String, String)>>);

impl LegalFormCodes {
    /// The codes of the genesis table, as built into the program.
    pub fn genesis() -> Self {
        Self::read(GENESIS_TABLE).expect("the bundled table is checked by a test")
    }

    /// Reads member `legalForms` of a table in the form of `schemes.json`; `None` if it has another
    /// shape.
    pub fn read(table: &[u8]) -> Option<Self> {
        let table = json::parse(table).ok()?;
        let mut countries = BTreeMap::new();
        for (cc, forms) in table.get("legalForms")?.as_object()? {
            let mut words = Vec::new();
            for form in forms.as_list()? {
                let Some(elf) = form.get("elf")?.as_text() else { continue };
                for token in form.get("tokens")?.as_list()? {
                    words.push((spaced(Value::as_text(token)?), elf.to_owned()));
                }
            }
            // the longest words say most: `private limited` before `limited`
            words.sort_by_key(|(word, _)| std::cmp::Reverse(word.chars().count()));
            countries.insert(cc.clone(), words);
        }
        Some(Self(countries))
    }

    /// The code that a text of a country ends with the words of: a legal form in national words,
    /// or a whole name. `None` if no words fit.
    pub fn propose(&self, cc: &str, text: &str) -> Option<&str> {
        let text = spaced(text);
        let ends = |word: &str| {
            text.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
        };
        let words = self.0.get(cc)?;
        words.iter().find(|(word, _)| ends(word)).map(|(_, elf)| elf.as_str())
    }
}

/// Lower case, words separated by one space, punctuation dropped.
fn spaced(text: &str) -> String {
    let kept = text.to_lowercase().replace(['.', ',', '(', ')'], " ");
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::LegalFormCodes;

    #[test]
    fn the_longest_words_at_the_end_name_the_form_and_only_whole_ones() {
        let forms = LegalFormCodes::genesis();
        assert_eq!(forms.propose("MY", "TITIAN DEMO SDN. BHD."), Some("XEOV"));
        assert_eq!(forms.propose("MY", "Titian Demo Berhad"), Some("7OYN"));
        assert_eq!(forms.propose("SG", "Acme Limited Liability Partnership"), Some("5SGV"));
        assert_eq!(forms.propose("SG", "Unlimited"), None);
        assert_eq!(forms.propose("SG", "Ltd Acme"), None);
        // a form without a code of ISO 20275 has nothing to propose
        assert_eq!(forms.propose("SG", "Acme VCC"), None);
        assert_eq!(forms.propose("XX", "Acme Ltd"), None);
    }
}
