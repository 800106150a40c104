//! Legal forms by country: the words that name them, and their ISO 20275 codes (ubin-schemes.md §7).
//!
//! They serve search and proposals at import only: no rule reads them, and a code is never filled
//! in by itself.

use std::collections::BTreeMap;

use super::scheme::GENESIS_TABLE;
use crate::json::{self, Value};

/// A legal form of a country.
pub(super) struct LegalForm {
    /// Its ISO 20275 code, if it has one.
    elf: Option<String>,
    /// The words that name it.
    pub(super) tokens: Vec<String>,
}

/// Member `legalForms` of a table in the form of `schemes.json`, by country; `None` if it has another
/// shape.
pub(super) fn legal_forms(table: &[u8]) -> Option<Vec<(String, Vec<LegalForm>)>> {
    let form = |form: &Value| {
        let tokens = form.get("tokens")?.as_list()?.iter();
        let tokens = tokens.map(|token| token.as_text().map(str::to_owned));
        let elf = match form.get("elf")? {
            Value::Null => None,
            elf => Some(elf.as_text()?.to_owned()),
        };
        Some(LegalForm { elf, tokens: tokens.collect::<Option<_>>()? })
    };
    let table = json::parse(table).ok()?;
    let countries = table.get("legalForms")?.as_object()?.iter();
    countries
        .map(|(cc, forms)| {
            let forms = forms.as_list()?.iter().map(form).collect::<Option<_>>()?;
            Some((cc.clone(), forms))
        })
        .collect()
}

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
        let countries = legal_forms(table)?.into_iter().map(|(cc, forms)| {
            let mut words = Vec::new();
            for LegalForm { elf, tokens } in forms {
                let Some(elf) = elf else { continue };
                words.extend(tokens.iter().map(|token| (spaced(token), elf.clone())));
            }
            // the longest words say most: `private limited` before `limited`
            words.sort_by_key(|(word, _)| std::cmp::Reverse(word.chars().count()));
            (cc, words)
        });
        Some(Self(countries.collect()))
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
