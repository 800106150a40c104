//! Keys of names: what makes two spellings of a name comparable (ubin-api.md §8.1).
//!
//! Invariant: a key depends on the name and on tables pinned to Unicode 14.0 alone, so every node
//! and the command line find the same. Only keys are normalised: a stored name is shown as it was
//! signed. No act asks for a key, so no receipt and no root depends on one. NFKC needs no table
//! here: the stability policy of Unicode fixes it for all characters that names may hold.
//!
//! [`keys`] makes the three keys of a name; `scripts` holds the rules of each script, [`forms`] the
//! words that name a legal form, [`score`] how far two names are apart.

pub mod forms;
pub mod score;
mod scripts;
mod tables;

use unicode_normalization::UnicodeNormalization as _;

use super::unicode;
use forms::FormTokens;

/// The keys of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameKeys {
    /// The name without differences that no reader means: case, width, order of marks. Words of
    /// letters, marks and numbers, one space between them.
    pub k1: String,
    /// `k1` without diacritics and tone marks.
    pub k0: String,
    /// `k0` without the words that name a legal form; `k0` if there are no others.
    pub core: String,
}

/// The keys of a name; `forms` are the legal forms of its country.
pub fn keys(name: &str, forms: &FormTokens) -> NameKeys {
    let k1 = k1(name);
    let k0 = k0(&k1);
    let core = forms.core_of(&k0);
    NameKeys { k1, k0, core }
}

/// Steps 1 to 7 of §8.1: the key with diacritics.
pub fn k1(name: &str) -> String {
    let mut text: Vec<char> = name
        .chars()
        .filter(|c| !unicode::is_format(*c) && !matches!(c, '\u{FE00}'..='\u{FE0F}'))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.iter().all(char::is_ascii) {
        text.iter_mut().for_each(|c| *c = c.to_ascii_lowercase());
    } else {
        text = fold_case(&text);
        scripts::burmese_zero_to_wa(&mut text);
        for c in &mut text {
            *c = unicode::decimal_digit(*c).map_or(*c, |value| char::from(b'0' + value));
        }
        scripts::thai(&mut text);
        scripts::lao(&mut text);
        scripts::khmer(&mut text);
        scripts::burmese(&mut text);
    }
    words(&text)
}

/// `k1` without diacritics: combining marks U+0300 to 036F, tone marks of Thai and Lao, and the
/// letters that no decomposition takes apart.
pub fn k0(k1: &str) -> String {
    if k1.is_ascii() {
        return k1.to_owned();
    }
    let dropped = |c: &char| matches!(c, '\u{0300}'..='\u{036F}' | '\u{0E48}'..='\u{0E4C}' | '\u{0EC8}'..='\u{0ECC}');
    let mut plain = String::with_capacity(k1.len());
    for c in k1.nfd().filter(|c| !dropped(c)) {
        match c {
            'đ' => plain.push('d'),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ı' => plain.push('i'),
            _ => plain.push(c),
        }
    }
    plain.nfc().collect()
}

/// NFKC, full case folding, NFKC.
fn fold_case(text: &[char]) -> Vec<char> {
    let mut folded = Vec::with_capacity(text.len());
    for c in text.iter().copied().nfkc() {
        tables::fold_into(c, &mut folded);
    }
    folded.into_iter().nfkc().collect()
}

/// `&` in words, other characters than letters, marks and numbers as separators.
fn words(text: &[char]) -> String {
    let mut key = String::with_capacity(text.len());
    let mut gap = false;
    let mut push = |c: char, gap: &mut bool| {
        if *gap && !key.is_empty() {
            key.push(' ');
        }
        *gap = false;
        key.push(c);
    };
    for c in text {
        match c {
            '&' => {
                gap = true;
                "and".chars().for_each(|letter| push(letter, &mut gap));
                gap = true;
            }
            c if tables::is_word(*c) => push(*c, &mut gap),
            _ => gap = true,
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_go_and_controls_part_words() {
        assert_eq!(k1("A\u{200B}C\u{FE0F}ME\u{200E}"), "acme");
        assert_eq!(k1("acme\tltd\u{0085}asia"), "acme ltd asia");
        assert_eq!(k1(" \u{200D} "), "");
    }

    #[test]
    fn width_case_and_compatibility_forms_are_folded() {
        assert_eq!(k1("ＡＣＭＥ　Ｌｔｄ．"), "acme ltd");
        assert_eq!(k1("Straße ﬁn ΣΑΣ"), "strasse fin σασ");
        // folding makes a sequence that NFKC composes again
        assert_eq!(k1("\u{1E9B}"), k1("ṡ"));
        assert_eq!(k1("İstanbul"), "i\u{307}stanbul");
        assert_eq!(k0(&k1("İstanbul ı")), "istanbul i");
    }

    #[test]
    fn digits_of_every_script_are_ascii() {
        assert_eq!(k1("๖M๑๓๑ ໑ ៣ ١"), "6m131 1 3 1");
    }

    #[test]
    fn the_ampersand_is_a_word_and_punctuation_a_space() {
        assert_eq!(k1("Air&Sea Pte. Ltd."), "air and sea pte ltd");
        assert_eq!(k1("&"), "and");
        assert_eq!(k1("-- A--B --"), "a b");
        assert_eq!(k1("①½"), "11 2");
    }

    #[test]
    fn diacritics_tones_and_letters_without_decomposition_are_plain() {
        assert_eq!(k0(&k1("Công ty Cổ phần Đường Thuỷ")), "cong ty co phan duong thuy");
        assert_eq!(k0(&k1("Łódź Øre Æon Œuvre")), "lodz ore aeon oeuvre");
        assert_eq!(k0(&k1("น้ำใส")), "นํ\u{E32}ใส");
        assert_eq!(k0(&k1("ຜ້າ")), "ຜາ");
        // marks of other scripts stay
        assert_eq!(k0(&k1("ក្រុម")), k1("ក្រុម"));
    }

    #[test]
    fn a_key_of_a_key_is_the_key() {
        for name in ["Công ty TNHH Thử Nghiệm", "บริษัท น้ำใส", "နေ၀န်းနီ", "ក្រុមហ៊ុន ស្រ្តី", "A&B"]
        {
            let key = k1(name);
            assert_eq!(k1(&key), key, "{name}");
            assert_eq!(k0(&k0(&key)), k0(&key), "{name}");
        }
    }
}
