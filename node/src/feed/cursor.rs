//! A place in the feed.

use std::fmt;
use std::str::FromStr;

use titian_contracts::snapshot::INDEX_ALL;

/// `height:index` of an event: what stands there and before was handled. Index 4294967295 stands
/// for everything of the height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The height.
    pub height: u64,
    /// The place among the events of the height.
    pub index: u32,
}

impl Cursor {
    /// Before everything.
    pub const START: Self = Self { height: 0, index: 0 };

    /// After everything of a height.
    pub const fn end_of(height: u64) -> Self {
        Self { height, index: INDEX_ALL }
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let (height, index) = text.split_once(':').ok_or(())?;
        if !digits(height) || !digits(index) {
            return Err(());
        }
        let height: u64 = height.parse().map_err(|_| ())?;
        Ok(Self { height, index: index.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.height, self.index)
    }
}
