//! Spelling differences of single scripts that readers do not see: order and repetition of marks,
//! letters typed in two strokes (ubin-api.md §8.1, steps 2 to 6).

/// Step 2: the digit zero between Burmese letters or signs is the letter wa.
pub(super) fn burmese_zero_to_wa(text: &mut [char]) {
    let is_letter = |c: &char| matches!(c, '\u{1000}'..='\u{103F}' | '\u{1050}'..='\u{109F}');
    let zeros: Vec<usize> = (0..text.len())
        .filter(|at| {
            let beside = at.checked_sub(1).into_iter().chain(at.checked_add(1));
            text.get(*at) == Some(&'\u{1040}')
                && beside.filter_map(|at| text.get(at)).any(is_letter)
        })
        .collect();
    for at in zeros {
        if let Some(c) = text.get_mut(at) {
            *c = '\u{101D}';
        }
    }
}

/// Step 3.
pub(super) fn thai(text: &mut Vec<char>) {
    if text.iter().any(|c| matches!(c, '\u{0E00}'..='\u{0E7F}')) {
        replace_pairs(text, ['\u{0E40}', '\u{0E40}'], &['\u{0E41}']);
        sort_marks(text, |c| match c {
            '\u{0E3A}' => Some(0),
            '\u{0E38}' | '\u{0E39}' => Some(1),
            '\u{0E31}' | '\u{0E34}'..='\u{0E37}' | '\u{0E47}' => Some(2),
            '\u{0E4D}' => Some(3),
            '\u{0E48}'..='\u{0E4B}' => Some(4),
            '\u{0E4C}' | '\u{0E4E}' => Some(5),
            _ => None,
        });
    }
}

/// Step 4.
pub(super) fn lao(text: &mut Vec<char>) {
    if text.iter().any(|c| matches!(c, '\u{0E80}'..='\u{0EFF}')) {
        replace_pairs(text, ['\u{0EC0}', '\u{0EC0}'], &['\u{0EC1}']);
        sort_marks(text, |c| match c {
            '\u{0EB8}' | '\u{0EB9}' | '\u{0EBC}' => Some(1),
            '\u{0EB1}' | '\u{0EB4}'..='\u{0EB7}' | '\u{0EBB}' => Some(2),
            '\u{0ECD}' => Some(3),
            '\u{0EC8}'..='\u{0ECB}' => Some(4),
            '\u{0ECC}' => Some(5),
            _ => None,
        });
    }
}

/// Step 6.
pub(super) fn burmese(text: &mut Vec<char>) {
    if text.iter().any(|c| matches!(c, '\u{1000}'..='\u{109F}')) {
        replace_pairs(text, ['\u{1025}', '\u{103A}'], &['\u{1009}', '\u{103A}']);
        sort_marks(text, |c| match c {
            '\u{103B}' => Some(1),
            '\u{103C}' => Some(2),
            '\u{103D}' => Some(3),
            '\u{103E}' => Some(4),
            '\u{1031}' => Some(5),
            '\u{102D}' | '\u{102E}' | '\u{1032}' => Some(6),
            '\u{102F}' | '\u{1030}' => Some(7),
            '\u{102B}' | '\u{102C}' => Some(8),
            '\u{1036}' => Some(9),
            '\u{1037}' => Some(10),
            '\u{103A}' => Some(11),
            '\u{1038}' => Some(12),
            _ => None,
        });
    }
}

const COENG: char = '\u{17D2}';

/// Step 5. It runs after NFKC, whose canonical ordering can disturb coeng sequences.
pub(super) fn khmer(text: &mut Vec<char>) {
    if !text.iter().any(|c| matches!(c, '\u{1780}'..='\u{17DD}')) {
        return;
    }
    text.retain(|c| !matches!(c, '\u{17B4}' | '\u{17B5}'));
    let mut plain = Vec::with_capacity(text.len());
    for c in text.drain(..) {
        match c {
            '\u{17A3}' => plain.push('\u{17A2}'),
            '\u{17A4}' => plain.extend(['\u{17A2}', '\u{17B6}']),
            _ => plain.push(c),
        }
    }
    *text = sort_clusters(&plain);
    replace_pairs(text, [COENG, '\u{178A}'], &[COENG, '\u{178F}']);
    replace_pairs(text, ['\u{17C1}', '\u{17B8}'], &['\u{17BE}']);
    replace_pairs(text, ['\u{17C1}', '\u{17B6}'], &['\u{17C4}']);
}

/// After each consonant or independent vowel: its coeng pairs and dependent signs by rank.
fn sort_clusters(text: &[char]) -> Vec<char> {
    let is_letter = |c: char| matches!(c, '\u{1780}'..='\u{17B3}');
    let is_sign = |c: char| matches!(c, '\u{17B6}'..='\u{17D1}' | '\u{17D3}' | '\u{17DD}');
    let rank = |unit: &[char]| match unit {
        [COENG, '\u{179A}'] => 1,
        [COENG, _] => 0,
        ['\u{17CC}'] => 2,
        ['\u{17C9}' | '\u{17CA}'] => 3,
        ['\u{17B6}'..='\u{17C5}'] => 4,
        _ => 5,
    };
    let mut sorted = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, mut after)) = rest.split_first() {
        sorted.push(*first);
        if is_letter(*first) {
            let mut units: Vec<&[char]> = Vec::new();
            loop {
                let length = match after {
                    [COENG, letter, ..] if is_letter(*letter) => 2,
                    [sign, ..] if is_sign(*sign) => 1,
                    _ => break,
                };
                let (unit, behind) = after.split_at(length);
                units.push(unit);
                after = behind;
            }
            units.sort_by_key(|unit| rank(unit));
            sorted.extend(units.concat());
        }
        rest = after;
    }
    sorted
}

/// Puts each run of marks in order of rank, equal ranks by code point, and drops repeats.
fn sort_marks(text: &mut Vec<char>, rank: impl Fn(char) -> Option<u8>) {
    let mut sorted = Vec::with_capacity(text.len());
    for run in text.chunk_by(|a, b| rank(*a).is_some() && rank(*b).is_some()) {
        let mut run = run.to_vec();
        if run.first().is_some_and(|c| rank(*c).is_some()) {
            run.sort_by_key(|c| (rank(*c), *c));
            run.dedup();
        }
        sorted.append(&mut run);
    }
    *text = sorted;
}

/// Replaces a pair of characters, from left to right; what comes in is not looked at again.
fn replace_pairs(text: &mut Vec<char>, pair: [char; 2], with: &[char]) {
    if !text.windows(2).any(|window| window == pair) {
        return;
    }
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(&pair) {
            Some(behind) => {
                replaced.extend_from_slice(with);
                rest = behind;
            }
            None => {
                replaced.push(*first);
                rest = after;
            }
        }
    }
    *text = replaced;
}

#[cfg(test)]
mod tests {
    use super::super::k1;

    /// Spellings that read the same have one key, and it is the one on the right.
    fn same(spellings: &[&str], key: &str) {
        for spelling in spellings {
            assert_eq!(k1(spelling), key, "{}", spelling.escape_unicode());
        }
    }

    #[test]
    fn burmese_zero_beside_a_letter_is_wa_and_alone_a_digit() {
        same(&["နေ၀န်း", "နေဝန်း"], "နေဝန်း");
        same(&["၁၀", "10"], "10");
        same(&["၀"], "0");
        // the digit before it is no letter, the letter after it is one
        same(&["၁၀က"], "1ဝက");
    }

    #[test]
    fn thai_marks_stand_in_order_and_once() {
        same(&["น้ำใส", "น้ํา\u{E43}ส", "นํ้าใส"], "นํ้าใส");
        same(&["\u{E40}\u{E40}สง", "แสง"], "แสง");
        same(&["ที่่", "ท่ี", "ที่"], "ที่");
        same(&["ก์\u{E38}"], "กุ์");
        // three strokes: the first two are one letter
        same(&["\u{E40}\u{E40}\u{E40}ก"], "\u{E41}\u{E40}ก");
    }

    #[test]
    fn lao_marks_stand_in_order_and_once() {
        same(&["ນ້ຳ", "ນໍ້າ", "ນ້ໍາ"], "ນໍ້າ");
        same(&["ເເສງ", "ແສງ"], "ແສງ");
        same(&["ໜຽວ"], "ຫນຽວ");
        same(&["ກີ່່", "ກ່ີ"], "ກີ່");
    }

    #[test]
    fn khmer_clusters_stand_in_order() {
        same(&["ស្ត្រី", "ស្រ្តី"], "ស្ត្រី");
        same(&["ក្ដី", "ក្តី"], "ក្តី");
        same(&["កេី", "កើ"], "កើ");
        same(&["កេា", "កោ"], "កោ");
        same(&["ហ៊ុន", "ហុ៊ន"], "ហ៊ុន");
        same(&["ក\u{17B5}\u{17B4}ម"], "កម");
        same(&["\u{17A3}", "\u{17A2}"], "\u{17A2}");
        same(&["\u{17A4}"], "\u{17A2}\u{17B6}");
        // a coeng without a letter joins nothing
        same(&["ក\u{17D2}"], "ក\u{17D2}");
    }

    #[test]
    fn burmese_marks_stand_in_order_and_once() {
        same(&["မြို့", "မြ\u{102F}\u{102D}\u{1037}", "မြ\u{1037}\u{102D}\u{102F}"], "မြို့");
        same(&["\u{1025}\u{103A}"], "\u{1009}\u{103A}");
        same(&["က\u{103D}\u{103C}\u{103B}\u{103B}"], "က\u{103B}\u{103C}\u{103D}");
        same(&["က\u{1038}\u{103A}"], "က\u{103A}\u{1038}");
    }
}
