//! The one table of error names and numeric codes of all registers.
//!
//! Invariant: a name has one meaning everywhere; a code is assigned once and never reused. Both are
//! part of the protocol: receipts carry them. An error names the field it is about by its JSON
//! pointer and never holds a value that was refused.

use std::fmt;

/// A refusal: what rule (`code`), which member (`field`, a JSON pointer, may be empty) and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The rule that refused, stable.
    pub code: Code,
    /// JSON pointer of the member it is about; empty if it is about the whole.
    pub field: String,
    /// Details for people; not part of the protocol, holds no refused value.
    pub detail: String,
}

impl Reject {
    /// A refusal by rule `code` about member `field`.
    pub fn new(code: Code, field: &str, detail: &str) -> Self {
        Self { code, field: field.to_owned(), detail: detail.to_owned() }
    }
}

impl From<Code> for Reject {
    fn from(code: Code) -> Self {
        Self::new(code, "", "")
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code.name())?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(if self.detail.is_empty() { self.code.meaning() } else { &self.detail })
    }
}

impl std::error::Error for Reject {}

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $meaning:literal;)*) => {
        /// Name and number of a rule; see [`Code::meaning`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl Code {
            /// All codes, ascending by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, as the documents write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for people, without full stop.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

impl Code {
    /// The stable number that receipts carry.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of a name, if there is one.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The code of a number, if there is one.
    pub fn by_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

codes! {
    Malformed = 1, "MALFORMED", "not in canonical form, a member is missing, unknown or of the wrong type, or another chain is named";
    LimitExceeded = 2, "LIMIT_EXCEEDED", "a size, count or range is beyond its limit";
    SignatureOrder = 3, "SIGNATURE_ORDER", "signatures are not ordered by party and key number, or a pair stands twice";
    AlgUnsupported = 4, "ALG_UNSUPPORTED", "the algorithm id is unknown or not allowed here";
    KeyNotActive = 5, "KEY_NOT_ACTIVE", "the key is not active for this use at the time that counts";
    BadSignature = 6, "BAD_SIGNATURE", "a signature does not verify";
    Busy = 7, "BUSY", "too many calls or transactions at once; retry after retryAfterMs";
    Pending = 8, "PENDING", "the transaction is admitted but its receipt did not come in time";
    ExpiredInPool = 9, "EXPIRED_IN_POOL", "the transaction waited too long and was dropped";
    NotOwner = 10, "NOT_OWNER", "the signers belong to another state than the object";
    ScopeDenied = 11, "SCOPE_DENIED", "the scopes of the key do not cover the act";
    QuorumMissing = 12, "QUORUM_MISSING", "too few signatures of the right keys";
    VersionConflict = 13, "VERSION_CONFLICT", "the version, sequence or predecessor that the act quotes is not the current one";
    PartyNotLive = 14, "PARTY_NOT_LIVE", "a party has no live UBIN, or the authority does not exist";
    FieldLimit = 15, "FIELD_LIMIT", "a list or text is longer than allowed";
    ReasonRequired = 16, "REASON_REQUIRED", "the act needs a reason";
    FutureEffective = 17, "FUTURE_EFFECTIVE", "the effective date or time lies in the future";
    BadTransition = 18, "BAD_TRANSITION", "the status does not allow this change";
    PersonalDataSuspected = 19, "PERSONAL_DATA_SUSPECTED", "the text looks like data of a natural person";
    NotFound = 20, "NOT_FOUND", "nothing is known under this key";
    HeightUnknown = 21, "HEIGHT_UNKNOWN", "the height is above the head";
    HeightPruned = 22, "HEIGHT_PRUNED", "the height is below what this node keeps";
    InvalidParams = 23, "INVALID_PARAMS", "a parameter is missing or of the wrong type";
    Forbidden = 24, "FORBIDDEN", "the caller is not authorised";
    Unavailable = 25, "UNAVAILABLE", "the node cannot answer now";
    SlowConsumer = 26, "SLOW_CONSUMER", "the subscriber did not keep up; resume from the cursor";
    NotBuilt = 27, "NOT_BUILT", "this is specified but not built in this release";
    CursorTooOld = 28, "CURSOR_TOO_OLD", "the cursor is older than what this node keeps";
    PartyExists = 101, "PARTY_EXISTS", "the party exists already";
    PartyUnknown = 102, "PARTY_UNKNOWN", "no such party";
    PartyClosed = 103, "PARTY_CLOSED", "the party is closed";
    DidInvalid = 104, "DID_INVALID", "the party name breaks its grammar";
    ScopeUnknown = 105, "SCOPE_UNKNOWN", "a scope names no known act, or is not held by who grants it";
    PossessionInvalid = 106, "POSSESSION_INVALID", "the proof of possession of a new key does not verify";
    KeyWeak = 107, "KEY_WEAK", "the key is off the curve or of small order";
    KeyReused = 108, "KEY_REUSED", "the key was bound before";
    KeyLimit = 109, "KEY_LIMIT", "too many keys, or none with purpose invoke";
    KeyState = 110, "KEY_STATE", "the key does not exist or its state cannot move so";
    LastKey = 111, "LAST_KEY", "the last active invoke key may be revoked by its authority or root only";
    DelayRunning = 112, "DELAY_RUNNING", "a delay is running";
    RecoveryNone = 113, "RECOVERY_NONE", "no recovery or rotation is pending";
    MandateLimit = 114, "MANDATE_LIMIT", "the mandate is out of bounds, or does not cover the act";
    UbinEmpty = 201, "UBIN_EMPTY", "nothing is left after separators are dropped";
    UbinTooLong = 202, "UBIN_TOO_LONG", "longer than 128 bytes";
    UbinChar = 203, "UBIN_CHAR", "a character outside 0-9 and A-Z";
    UbinCountryUnknown = 204, "UBIN_COUNTRY_UNKNOWN", "the first two letters are no member state";
    UbinSchemeUnknown = 205, "UBIN_SCHEME_UNKNOWN", "no scheme code of this country";
    UbinLocalLength = 206, "UBIN_LOCAL_LENGTH", "the local number has not 1 to 24 characters";
    PersonalNumberRefused = 207, "PERSONAL_NUMBER_REFUSED", "the number has the form of a natural person's number";
    UbinCheckFailed = 208, "UBIN_CHECK_FAILED", "the check characters do not match";
    LocalFormat = 209, "LOCAL_FORMAT", "the number does not match its scheme";
    UbinExists = 210, "UBIN_EXISTS", "the key holds a record or an alias already";
    UbinUnknown = 211, "UBIN_UNKNOWN", "no record under this UBIN";
    SchemeNotPrimary = 212, "SCHEME_NOT_PRIMARY", "the scheme carries no records, or takes no registrations now";
    DisplayIdMismatch = 213, "DISPLAY_ID_MISMATCH", "displayId does not normalise to the local number";
    NameNotNfc = 214, "NAME_NOT_NFC", "the name is not in Unicode normal form C";
    NameLength = 215, "NAME_LENGTH", "the name is empty or too long";
    NameChar = 216, "NAME_CHAR", "the name holds a control, a bidi control or an unassigned code point";
    StatusMapMismatch = 217, "STATUS_MAP_MISMATCH", "the status code is not what the scheme maps the national code to";
    SurrogateRequired = 218, "SURROGATE_REQUIRED", "the business of a natural person needs a surrogate number";
    MinimalRecordRequired = 219, "MINIMAL_RECORD_REQUIRED", "the record of a natural person's business holds more or less than allowed";
    EffectiveOrder = 220, "EFFECTIVE_ORDER", "validFrom precedes that of the previous version";
    TerminalStatus = 221, "TERMINAL_STATUS", "the record is closed, ended or annulled";
    Unchanged = 222, "UNCHANGED", "the body equals the current one";
    ConfirmOnly = 223, "CONFIRM_ONLY", "more differs than confirmation";
    EvidenceRequired = 224, "EVIDENCE_REQUIRED", "the act needs evidence";
    SuccessorLive = 225, "SUCCESSOR_LIVE", "the successor is still live";
    CanonicalInvalid = 226, "CANONICAL_INVALID", "the canonical record does not exist, is marked, or is the same";
    SurvivorInvalid = 227, "SURVIVOR_INVALID", "the survivor is not a live record of the state";
    AliasLimit = 228, "ALIAS_LIMIT", "too many aliases";
    ConsentExists = 229, "CONSENT_EXISTS", "a consent is open for the record";
    ConsentMissing = 230, "CONSENT_MISSING", "no such consent";
    ConsentExpired = 231, "CONSENT_EXPIRED", "the consent has expired";
    ConsentMismatch = 232, "CONSENT_MISMATCH", "the consent names another change";
    ConsentUsed = 233, "CONSENT_USED", "the consent was used";
    ChallengeLimit = 234, "CHALLENGE_LIMIT", "too many open challenges";
    ChallengeState = 235, "CHALLENGE_STATE", "the challenge is not in a state for this";
    ChallengeNoCorrection = 236, "CHALLENGE_NO_CORRECTION", "no newer version corrects the challenged one";
    SchemeVersion = 237, "SCHEME_VERSION", "the scheme version is not the next one";
    SchemePrefix = 238, "SCHEME_PREFIX", "a scheme code is a prefix of another";
    SchemePattern = 239, "SCHEME_PATTERN", "a pattern does not parse";
    SchemeExampleFailed = 240, "SCHEME_EXAMPLE_FAILED", "an example does not give its stated result";
    SchemeAlgUnknown = 241, "SCHEME_ALG_UNKNOWN", "the check algorithm is unknown";
    SchemeImmutable = 242, "SCHEME_IMMUTABLE", "the field of a scheme may never change";
    SchemeInUse = 243, "SCHEME_IN_USE", "the scheme has live records";
    SmallCell = 244, "SMALL_CELL", "a count below the floor must be null";
    SmallCellComplement = 245, "SMALL_CELL_COMPLEMENT", "a single null can be computed from the total";
    ImportCollision = 246, "IMPORT_COLLISION", "two raw numbers have one canonical form";
    SuccessionTooLong = 247, "SUCCESSION_TOO_LONG", "more than eight successions";
    QueryLength = 248, "QUERY_LENGTH", "the query is too short or too long";
    SchemeUnknown = 249, "SCHEME_UNKNOWN", "no such scheme";
    ImportSeq = 261, "IMPORT_SEQ", "the chunk's number is not the next of the state";
    ImportNotOpen = 262, "IMPORT_NOT_OPEN", "no open chunk of the state has this number";
    ImportPath = 263, "IMPORT_PATH", "bodies and path do not lead to the root of the chunk";
    UnknownAccreditation = 401, "UNKNOWN_ACCREDITATION", "no such accreditation";
    UnknownType = 402, "UNKNOWN_TYPE", "no such credential type";
    UnknownResource = 403, "UNKNOWN_RESOURCE", "no such resource";
    UnknownList = 404, "UNKNOWN_LIST", "no such live list of the right profile";
    UnknownRecognition = 405, "UNKNOWN_RECOGNITION", "no such recognition entry";
    RecognitionExists = 406, "RECOGNITION_EXISTS", "the name is taken";
    TypeExists = 407, "TYPE_EXISTS", "the type name is taken";
    ResourceExists = 408, "RESOURCE_EXISTS", "the resource exists and is immutable";
    ParentNotActive = 409, "PARENT_NOT_ACTIVE", "the parent accreditation is not active or may not accredit";
    NotNarrower = 410, "NOT_NARROWER", "the accreditation is wider than its parent";
    DepthExceeded = 411, "DEPTH_EXCEEDED", "the chain is too deep";
    NotAncestor = 412, "NOT_ANCESTOR", "the signer is neither grantor nor ancestor";
    RightMissing = 413, "RIGHT_MISSING", "the party does not hold the right for this type";
    ClassMissing = 414, "CLASS_MISSING", "a schema leaf has no x-titian-class";
    ClassMismatch = 415, "CLASS_MISMATCH", "personal leaves and naturalPersonData disagree";
    PersonalField = 416, "PERSONAL_FIELD", "a personal property is not of class personal";
    BiometricField = 417, "BIOMETRIC_FIELD", "biometric data may not stand in a schema";
    SchemaLimit = 418, "SCHEMA_LIMIT", "the schema breaks a limit of the linter";
    ContextKeyword = 419, "CONTEXT_KEYWORD", "the context uses an unsupported keyword";
    TermRedefined = 420, "TERM_REDEFINED", "a protected term is redefined";
    ListRetired = 421, "LIST_RETIRED", "the list is retired";
    ListInUse = 422, "LIST_IN_USE", "the list may still be in use";
    UseList = 423, "USE_LIST", "a single-use list changes by use acts only";
    ChangeLimit = 424, "CHANGE_LIMIT", "none or too many changes";
    StatusIndexRange = 425, "STATUS_INDEX_RANGE", "the index is outside the list or stands twice";
    StatusValue = 426, "STATUS_VALUE", "the value does not fit the list";
    StatusConflict = 427, "STATUS_CONFLICT", "the old value is not the current one";
    StatusIrreversible = 428, "STATUS_IRREVERSIBLE", "the value may not go back";
    ReasonForbidden = 429, "REASON_FORBIDDEN", "lists of natural persons carry no reason";
    NotLodger = 430, "NOT_LODGER", "another state lodged the document";
    AnchorSize = 431, "ANCHOR_SIZE", "the anchor size is out of range";
    AccreditationSuspended = 432, "ACCREDITATION_SUSPENDED", "the accreditation is suspended";
    CredentialRefused = 433, "CREDENTIAL_REFUSED", "a verifier would refuse the credential, so it is not issued";
    CredentialExists = 434, "CREDENTIAL_EXISTS", "another credential was issued under this id";
    CredentialErased = 435, "CREDENTIAL_ERASED", "the credential was erased";
    BundleMismatch = 601, "BUNDLE_MISMATCH", "the op is bound to another bundle, to none, or submitted alone";
    RecordExists = 602, "RECORD_EXISTS", "the number is already used in this series by this issuer";
    UnknownRecord = 603, "UNKNOWN_RECORD", "no record has this id";
    RecordDead = 604, "RECORD_DEAD", "the record has ended";
    StaleSeq = 605, "STALE_SEQ", "seq is not the record's current seq";
    StaleHead = 606, "STALE_HEAD", "head is not the record's current head";
    UnknownProfile = 607, "UNKNOWN_PROFILE", "no such profile version, or it is withdrawn for issue";
    ActNotInProfile = 608, "ACT_NOT_IN_PROFILE", "the profile does not allow the act";
    RulebookUnknown = 609, "RULEBOOK_UNKNOWN", "the rulebook digest is not in force";
    MissingSigner = 610, "MISSING_SIGNER", "a required role did not sign; the role is named";
    UnexpectedSigner = 611, "UNEXPECTED_SIGNER", "a signature of a party that the act does not call for";
    Frozen = 612, "FROZEN", "the record is frozen and the order does not permit the act";
    DeadlinePassed = 613, "DEADLINE_PASSED", "the pending state that the act answers is past its deadline";
    WrongState = 614, "WRONG_STATE", "the act is not defined in the record's status";
    LegalBlocked = 615, "LEGAL_BLOCKED", "a concerned jurisdiction blocks the act";
    LegalAckRequired = 616, "LEGAL_ACK_REQUIRED", "ack is not the exact set of warnings";
    FieldMissing = 617, "FIELD_MISSING", "a required member has no leaf";
    ContentMismatch = 618, "CONTENT_MISMATCH", "leaves are unsorted, repeated or do not rebuild contentRoot";
    BoundFieldMismatch = 619, "BOUND_FIELD_MISMATCH", "an opened bound or const member differs from state or profile, or is not opened";
    TitleForbidden = 620, "TITLE_FORBIDDEN", "the profile does not allow this initial title";
    RefInvalid = 621, "REF_INVALID", "the reference breaks its grammar";
    RegimeUnknown = 622, "REGIME_UNKNOWN", "the regime is not registered";
    PaperSerialUsed = 623, "PAPER_SERIAL_USED", "a paper serial is consumed, or already bound to another record";
    PaperSetIncomplete = 624, "PAPER_SET_INCOMPLETE", "not every original of the set is handed in";
    StatementMissing = 625, "STATEMENT_MISSING", "the statement of change of medium is absent";
    LotsInvalid = 626, "LOTS_INVALID", "kind, unit, scale or number of lots does not fit the profile, or an amount is 0";
    TransferForbidden = 627, "TRANSFER_FORBIDDEN", "the profile's mode does not allow this transfer";
    SelfTransfer = 628, "SELF_TRANSFER", "the receiver already is the controller";
    NotEntitled = 629, "NOT_ENTITLED", "the controller is not entitled by title";
    EndorsementForbidden = 630, "ENDORSEMENT_FORBIDDEN", "the kind is not allowed by profile or capacity";
    TitleFinal = 631, "TITLE_FINAL", "title was endorsed restrictively";
    BadDeadline = 632, "BAD_DEADLINE", "a deadline lies outside its range";
    ConditionInvalid = 633, "CONDITION_INVALID", "a condition tree is too deep, too large or breaks section 6.2 or 6.7";
    ConditionUnmet = 634, "CONDITION_UNMET", "the conditions do not hold at t";
    EvidenceInvalid = 635, "EVIDENCE_INVALID", "evidence does not verify or names another record, offer or sum";
    EvidenceReused = 636, "EVIDENCE_REUSED", "this (attester, uetr) was used before";
    OfferIrrevocable = 637, "OFFER_IRREVOCABLE", "the offer cannot be withdrawn before its deadline";
    NotExpired = 638, "NOT_EXPIRED", "the deadline has not passed";
    ReceiverConsentMissing = 639, "RECEIVER_CONSENT_MISSING", "the receiver neither signed nor has a fitting standing consent";
    NoSuccession = 640, "NO_SUCCESSION", "the UBIN register shows no such succession";
    NoteForbidden = 641, "NOTE_FORBIDDEN", "the profile does not allow this author or code";
    QuantityMismatch = 642, "QUANTITY_MISMATCH", "lots do not add up";
    MergeMismatch = 643, "MERGE_MISMATCH", "the records differ in a compared field or are encumbered";
    PledgeExceeds = 644, "PLEDGE_EXCEEDS", "more is pledged than is free, or a partial pledge is not allowed";
    PledgeUnknown = 645, "PLEDGE_UNKNOWN", "no live pledge has this number";
    EnforceUnmet = 646, "ENFORCE_UNMET", "cure time is running or the default condition does not hold";
    SurrenderKind = 647, "SURRENDER_KIND", "the profile or the capacity does not allow this kind";
    ExchangeIncomplete = 648, "EXCHANGE_INCOMPLETE", "a replacing record was not issued to the controller in this bundle";
    AlreadyAccepted = 649, "ALREADY_ACCEPTED", "the bill is already accepted or needs no acceptance";
    TooEarly = 650, "TOO_EARLY", "before the due date or its window";
    AmountExceeds = 651, "AMOUNT_EXCEEDS", "the sum is above what is outstanding";
    NotDishonoured = 652, "NOT_DISHONOURED", "the instrument has not been dishonoured";
    ProtestMissing = 653, "PROTEST_MISSING", "the profile asks for a protest";
    NoRecourse = 654, "NO_RECOURSE", "the party is not liable, or no demand is open";
    NotLapsed = 655, "NOT_LAPSED", "the lapse date has not passed, or the profile has none";
    CourtDisabled = 656, "COURT_DISABLED", "the home AMS has no court policy for this act";
    CourtScope = 657, "COURT_SCOPE", "the record is outside the policy's reach";
    CourtQuorum = 658, "COURT_QUORUM", "court or registry keys are too few";
    NoticeRunning = 659, "NOTICE_RUNNING", "no matching notice, or its time is running";
    FreezeTooLong = 660, "FREEZE_TOO_LONG", "the freeze is longer than the policy allows";
    NotFrozen = 661, "NOT_FROZEN", "the record is not frozen";
    StageUnknown = 662, "STAGE_UNKNOWN", "no staged op has this digest";
    StageStale = 663, "STAGE_STALE", "the record has moved on since the op was staged";
    ProfileInvalid = 664, "PROFILE_INVALID", "a profile breaks rule L1 to L10; the rule is named";
    UnknownProposal = 701, "UNKNOWN_PROPOSAL", "no such proposal";
    ProposalState = 702, "PROPOSAL_STATE", "the proposal is decided, withdrawn or lapsed";
    ProposalLimit = 703, "PROPOSAL_LIMIT", "too many proposals are open";
    VoteCast = 704, "VOTE_CAST", "the state has voted on this proposal";
}
