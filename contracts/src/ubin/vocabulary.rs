//! The controlled vocabularies of the record (ubin.md §2, §4): closed lists, changed by protocol
//! upgrade only.
//!
//! Invariant: a name has one variant and back; stored values carry the variant, answers the name.

use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! vocabulary {
    ($(#[$meta:meta])* $type:ident { $($(#[$note:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
        )]
        pub enum $type {
            $($(#[$note])* #[doc = $name] $variant,)*
        }

        impl $type {
            /// Every value, in stored order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in bodies and answers.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The value of a name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

pub(super) use vocabulary;

vocabulary! {
    /// What kind of business a record is about.
    Category {
        General = "GENERAL",
        Branch = "BRANCH",
        Fund = "FUND",
        Cooperative = "COOPERATIVE",
        Government = "GOVERNMENT",
        NonProfit = "NON_PROFIT",
        SoleProprietor = "SOLE_PROPRIETOR",
        Household = "HOUSEHOLD",
    }
}

impl Category {
    /// Whether it is the business of a natural person: minimal records only (§3.2, §3.3).
    pub const fn is_natural_person(self) -> bool {
        matches!(self, Self::SoleProprietor | Self::Household)
    }
}

vocabulary! {
    /// Size by the national definition.
    SizeClass {
        Micro = "MICRO",
        Small = "SMALL",
        Medium = "MEDIUM",
        Large = "LARGE",
    }
}

vocabulary! {
    /// What happened to the business (§2.3).
    Status {
        Reserved = "RESERVED",
        Active = "ACTIVE",
        Suspended = "SUSPENDED",
        UnderAdministration = "UNDER_ADMINISTRATION",
        StrikeOffPending = "STRIKE_OFF_PENDING",
        InLiquidation = "IN_LIQUIDATION",
        Other = "OTHER",
        Dissolved = "DISSOLVED",
        Merged = "MERGED",
        Converted = "CONVERTED",
        Relocated = "RELOCATED",
    }
}

impl Status {
    /// Whether a business with this status is live. OTHER is unknown and counts as not live.
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Active
                | Self::Suspended
                | Self::UnderAdministration
                | Self::StrikeOffPending
                | Self::InLiquidation
        )
    }

    /// Whether the status ends the record in favour of a successor.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Merged | Self::Converted | Self::Relocated)
    }

    /// Whether `update` may move from this status to `next`: among the live ones and OTHER, and
    /// from RESERVED to any of these. A status that stays is no move.
    pub const fn may_update_to(self, next: Self) -> bool {
        let from = self.is_live() || matches!(self, Self::Other | Self::Reserved);
        let to = next.is_live() || matches!(next, Self::Other);
        self as u8 == next as u8 || (from && to)
    }
}

vocabulary! {
    /// Why a status changed.
    Reason {
        FilingDefault = "FILING_DEFAULT",
        Licence = "LICENCE",
        Court = "COURT",
        Insolvency = "INSOLVENCY",
        Request = "REQUEST",
        Expiry = "EXPIRY",
        Error = "ERROR",
        Other = "OTHER",
    }
}

vocabulary! {
    /// How far the register corroborated the record.
    Corroboration {
        Full = "FULL",
        Partial = "PARTIAL",
        Supplied = "SUPPLIED",
    }
}

vocabulary! {
    /// What kind of other name it is.
    NameType {
        Previous = "PREVIOUS",
        Trading = "TRADING",
        AltLanguage = "ALT_LANGUAGE",
        AsciiPreferred = "ASCII_PREFERRED",
        AsciiAuto = "ASCII_AUTO",
    }
}

vocabulary! {
    /// How a record relates to another.
    RelationType {
        BranchOf = "BRANCH_OF",
        SubFundOf = "SUB_FUND_OF",
        SuccessorOf = "SUCCESSOR_OF",
        RelocatedFrom = "RELOCATED_FROM",
        MergedInto = "MERGED_INTO",
        ConvertedTo = "CONVERTED_TO",
        RelocatedTo = "RELOCATED_TO",
    }
}

impl RelationType {
    /// The terminal status to which a relation of loaded history belongs.
    pub const fn terminal_status(self) -> Option<Status> {
        match self {
            Self::MergedInto => Some(Status::Merged),
            Self::ConvertedTo => Some(Status::Converted),
            Self::RelocatedTo => Some(Status::Relocated),
            _ => None,
        }
    }
}

vocabulary! {
    /// What a piece of evidence is; only its digest is kept.
    EvidenceType {
        CourtOrder = "COURT_ORDER",
        Gazette = "GAZETTE",
        Filing = "FILING",
        Request = "REQUEST",
    }
}

vocabulary! {
    /// What a scheme is for (ubin-schemes.md §1).
    SchemeUse {
        Primary = "PRIMARY",
        Alias = "ALIAS",
        Reference = "REFERENCE",
    }
}
