//! Messages that users of the UBIN register meet, in the official languages of the member states
//! (ubin-api.md §13): errors, statuses, warnings and verdicts, by their stable names.
//!
//! One file per language under `data/messages`; English is what the rest of the program says. A test
//! compares the files with the names that there are. Names, numbers and hints stay as they are: what
//! people quote to each other is the same in every language.

use std::collections::BTreeMap;

/// BCP 47 tag, name of the language in itself, messages by name.
const LANGUAGES: &[(&str, &str, &str)] = &[
    ("fil", "Filipino", include_str!("../data/messages/fil.json")),
    ("id", "Bahasa Indonesia", include_str!("../data/messages/id.json")),
    ("km", "ភាសាខ្មែរ", include_str!("../data/messages/km.json")),
    ("lo", "ພາສາລາວ", include_str!("../data/messages/lo.json")),
    ("ms", "Bahasa Melayu", include_str!("../data/messages/ms.json")),
    ("my", "မြန်မာဘာသာ", include_str!("../data/messages/my.json")),
    ("pt", "Português", include_str!("../data/messages/pt.json")),
    ("ta", "தமிழ்", include_str!("../data/messages/ta.json")),
    ("tet", "Tetun", include_str!("../data/messages/tet.json")),
    ("th", "ภาษาไทย", include_str!("../data/messages/th.json")),
    ("vi", "Tiếng Việt", include_str!("../data/messages/vi.json")),
    ("zh", "中文", include_str!("../data/messages/zh.json")),
];

/// A language besides English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    /// Its BCP 47 tag.
    pub(crate) tag: &'static str,
    messages: &'static str,
}

/// The language of a tag, whose region and script do not matter; `None` is English.
pub(crate) fn parse(tag: &str) -> Result<Option<Language>, String> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    // Tagalog is the older tag of what Filipino is the standard form of
    let primary = if primary == "tl" { "fil" } else { &primary };
    if primary == "en" {
        return Ok(None);
    }
    let found = LANGUAGES.iter().find(|(tag, ..)| *tag == primary);
    found.map(|(tag, _, messages)| Some(Language { tag, messages })).ok_or_else(|| {
        let known: Vec<String> =
            LANGUAGES.iter().map(|(tag, name, _)| format!("{tag} ({name})")).collect();
        format!("en (English), {}", known.join(", "))
    })
}

impl Language {
    /// What a name means; `None` for names that have no message.
    pub(crate) fn message(self, name: &str) -> Option<String> {
        let mut messages: BTreeMap<String, String> = serde_json::from_str(self.messages).ok()?;
        messages.remove(name)
    }
}
