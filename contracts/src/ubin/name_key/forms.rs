//! The words that name a legal form (`sdn bhd`, `công ty tnhh`), by country (ubin-schemes.md §7).
//!
//! They come with the genesis table of schemes and serve search and import only; no rule reads
//! them.

use std::collections::BTreeMap;

use super::{k0, k1};
use crate::ubin::legal_form::legal_forms;
use crate::ubin::scheme::GENESIS_TABLE;

/// The words of every country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalForms {
    countries: BTreeMap<String, FormTokens>,
    all: FormTokens,
}

/// Words that name a legal form, as keys `k0`: the longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormTokens(Vec<String>);

impl LegalForms {
    /// The words of the genesis table, as built into the program.
    pub fn genesis() -> Self {
        Self::read(GENESIS_TABLE).expect("the bundled table is checked by a test")
    }

    /// Reads member `legalForms` of a table in the form of `schemes.json`; `None` if it has another
    /// shape.
    pub fn read(table: &[u8]) -> Option<Self> {
        let countries = legal_forms(table)?.into_iter().map(|(cc, forms)| {
            let tokens = forms.iter().flat_map(|form| form.tokens.iter().map(String::as_str));
            (cc, FormTokens::new(tokens))
        });
        let countries: BTreeMap<_, _> = countries.collect();
        let all = countries.values().flat_map(|tokens| tokens.0.iter().map(String::as_str));
        let all = FormTokens::new(all);
        Some(Self { countries, all })
    }

    /// The words of one country; none for a country without an entry.
    pub fn of_country(&self, cc: &str) -> FormTokens {
        self.countries.get(cc).cloned().unwrap_or_default()
    }

    /// The words of some countries, of all if none is named.
    pub fn of_countries(&self, countries: &[String]) -> FormTokens {
        if countries.is_empty() {
            return self.all.clone();
        }
        let tokens = countries.iter().filter_map(|cc| self.countries.get(cc));
        FormTokens::new(tokens.flat_map(|tokens| tokens.0.iter().map(String::as_str)))
    }
}

impl FormTokens {
    fn new<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let mut keys: Vec<String> = tokens.map(|token| k0(&k1(token))).collect();
        keys.retain(|key| !key.is_empty());
        keys.sort_by(|a, b| b.chars().count().cmp(&a.chars().count()).then_with(|| a.cmp(b)));
        keys.dedup();
        Self(keys)
    }

    /// A key `k0` without these words: Latin ones as whole words anywhere, others at the start or
    /// end; the longest first, until nothing changes. The key itself if nothing is left.
    pub fn core_of(&self, key: &str) -> String {
        let mut core = key.to_owned();
        loop {
            let before = core.len();
            for token in &self.0 {
                if token.is_ascii() {
                    without_words(&mut core, token);
                } else {
                    without_ends(&mut core, token);
                }
            }
            if core.len() == before {
                break;
            }
        }
        if core.is_empty() { key.to_owned() } else { core }
    }
}

/// Drops every place where `token` stands between spaces or ends.
fn without_words(text: &mut String, token: &str) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(token)).map(|at| from + at) {
        let end = at + token.len();
        let begins = at == 0 || text.as_bytes().get(at - 1) == Some(&b' ');
        let ends = matches!(text.as_bytes().get(end), None | Some(b' '));
        if begins && ends {
            // with the space behind it, or else the one before it
            let (first, last) = if end < text.len() { (at, end + 1) } else { (at.max(1) - 1, end) };
            text.replace_range(first..last, "");
            from = first;
        } else {
            from = end;
        }
    }
}

/// Drops `token` from the start and from the end.
fn without_ends(text: &mut String, token: &str) {
    if let Some(rest) = text.strip_prefix(token) {
        *text = rest.trim().to_owned();
    }
    if let Some(rest) = text.strip_suffix(token) {
        *text = rest.trim().to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(cc: &str, name: &str) -> String {
        LegalForms::genesis().of_country(cc).core_of(&k0(&k1(name)))
    }

    #[test]
    fn latin_words_go_anywhere_but_only_whole() {
        assert_eq!(core("ID", "Central PT Java"), "central java");
        assert_eq!(core("ID", "Optik PT. Ptx Tbk"), "optik ptx");
        assert_eq!(core("SG", "ACME Pte. Ltd. (Asia) Pte Ltd"), "acme asia");
        assert_eq!(core("SG", "Ltd Unlimited Ltd Ltd"), "unlimited");
    }

    #[test]
    fn the_longest_word_goes_first() {
        // `company limited` and not `limited` with `company` left over
        assert_eq!(core("TH", "Ford Company Limited"), "ford");
        assert_eq!(core("VN", "Công ty TNHH Một Thành Viên ABC"), "abc");
    }

    #[test]
    fn other_scripts_lose_them_at_start_and_end_also_without_spaces() {
        assert_eq!(core("TH", "บริษัท น้ำใส จำกัด"), k0(&k1("น้ำใส")));
        assert_eq!(core("LA", "ບໍລິສັດກາເຟຈຳກັດ"), k0(&k1("ກາເຟ")));
        assert_eq!(core("TH", "น้ำ บริษัท ใส"), k0(&k1("น้ำ บริษัท ใส")));
        assert_eq!(core("TH", "บริษัท น้ำใส จำกัด (มหาชน)"), k0(&k1("น้ำใส")));
    }

    #[test]
    fn a_name_of_such_words_alone_keeps_them_and_a_country_without_list_all() {
        assert_eq!(core("SG", "Pte Ltd"), "pte ltd");
        assert_eq!(core("TH", "บริษัท จำกัด"), k0(&k1("บริษัท จำกัด")));
        assert_eq!(core("XX", "Acme Ltd"), "acme ltd");
    }

    #[test]
    fn without_a_country_the_words_of_all_go() {
        let forms = LegalForms::genesis();
        assert_eq!(forms.of_countries(&[]).core_of("pt acme sdn bhd"), "acme");
        let two = forms.of_countries(&["SG".to_owned(), "MY".to_owned()]);
        assert_eq!(two.core_of("pt acme sdn bhd pte ltd"), "pt acme");
    }
}
