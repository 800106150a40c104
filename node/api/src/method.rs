//! The one table of methods.

use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Bundle, Nothing, Object, Page, PrepareParams, Prepared, access, etr, etr_envelope, etr_read,
    gov, ledger, node, ubin, ubin_feed, vc, vc_issue, vc_verify,
};

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anyone.
    Public,
    /// The operator: loopback and a token.
    Admin,
    /// A token with scope `vc:issue`.
    VcIssue,
    /// A token with scope `vc:status`.
    VcStatus,
    /// A token with scope `vc:use`.
    VcUse,
    /// A token with scope `vc:custody`.
    VcCustody,
}

impl Scope {
    /// The name in `rpc.discover`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::VcIssue => "vc:issue",
            Self::VcStatus => "vc:status",
            Self::VcUse => "vc:use",
            Self::VcCustody => "vc:custody",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The method name.
    pub name: &'static str,
    /// Who may call it.
    pub scope: Scope,
    /// What it does.
    pub summary: &'static str,
    /// The schema of its parameters, an object.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of its result; of a subscription, of its notices.
    pub result: fn(&mut SchemaGenerator) -> Schema,
    /// Whether it opens a subscription (WebSocket only).
    pub subscription: bool,
}

/// A method as a type: its name, parameters and result belong together.
pub trait Call {
    /// The method name.
    const NAME: &'static str;
    /// Its parameters, passed by name.
    type Params: Serialize + DeserializeOwned + Send;
    /// Its result.
    type Result: Serialize + DeserializeOwned + Send;
}

macro_rules! methods {
    ($($(#[doc = $summary:literal])+ $call:ident = $name:literal, $scope:ident, $params:ty => $result:ty $(, $subscription:ident)?;)*) => {
        /// One type per method; see [`Call`].
        pub mod call {
            use super::*;
            $(
                $(#[doc = $summary])+
                #[derive(Clone, Copy, Debug)]
                pub struct $call;

                impl Call for $call {
                    const NAME: &'static str = $name;
                    type Params = $params;
                    type Result = $result;
                }
            )*
        }

        /// Every method of a node, by name.
        pub const METHODS: &[Method] = &[$(Method {
            name: $name,
            scope: Scope::$scope,
            summary: concat!($($summary),+),
            params: |generator| generator.subschema_for::<$params>(),
            result: |generator| generator.subschema_for::<$result>(),
            subscription: methods!(@subscription $($subscription)?),
        },)*];
    };
    (@subscription) => { false };
    (@subscription subscription) => { true };
}

methods! {
    /// Submits a transaction and waits for its receipt.
    LedgerSubmit = "ledger_submit", Public, ledger::SubmitParams => ledger::Submitted;
    /// Submits up to 500 transactions.
    LedgerSubmitBatch = "ledger_submitBatch", Public, ledger::SubmitBatchParams => ledger::SubmittedBatch;
    /// The receipt of a transaction.
    LedgerReceipt = "ledger_receipt", Public, ledger::TxParams => ledger::Receipt;
    /// A transaction; etr ops as digests without authorisation.
    LedgerTransaction = "ledger_transaction", Public, ledger::TransactionParams => ledger::Transaction;
    /// A block; etr ops as digests without authorisation.
    LedgerBlock = "ledger_block", Public, ledger::HeightParams => ledger::Block;
    /// A block header.
    LedgerHeader = "ledger_header", Public, ledger::HeightParams => ledger::Header;
    /// The commit certificate of a height.
    LedgerCertificate = "ledger_certificate", Public, ledger::HeightParams => ledger::Certificate;
    /// The validator set.
    LedgerValidators = "ledger_validators", Public, Nothing => ledger::Validators;
    /// Head, validators, mempool, and why the node is not ready.
    LedgerStatus = "ledger_status", Public, Nothing => ledger::Status;
    /// The genesis file.
    LedgerGenesis = "ledger_genesis", Public, Nothing => ledger::GenesisFile;
    /// A proof bundle of any kind.
    LedgerProve = "ledger_prove", Public, ledger::ProveParams => Bundle;
    /// Blocks, receipts or events from a cursor on; notices come as `ledger_subscription`.
    LedgerSubscribe = "ledger_subscribe", Public, ledger::SubscribeParams => ledger::Notice, subscription;

    /// A party: version, status, services, pending recovery; of a root or authority its policy.
    AccessParty = "access_party", Public, access::PartyParams => Object;
    /// All keys a party ever had.
    AccessKeys = "access_keys", Public, access::PartyParams => Object;
    /// The mandates a principal gave.
    AccessMandates = "access_mandates", Public, access::MandatesParams => Object;
    /// Dry run of an unsigned access op.
    AccessPrepare = "access_prepare", Public, PrepareParams => Prepared;

    /// Parts, warnings and renderings of a UBIN; an error carries suggestions.
    UbinParse = "ubin_parse", Public, ubin::ParseParams => Object;
    /// The UBIN of a national number.
    UbinMake = "ubin_make", Public, ubin::MakeParams => Object;
    /// A record, or `found: false`.
    UbinGet = "ubin_get", Public, ubin::GetParams => Object;
    /// Every record that an input may mean.
    UbinResolve = "ubin_resolve", Public, ubin::ResolveParams => Object;
    /// Records by prefix, in key order.
    UbinList = "ubin_list", Public, ubin::ListParams => Page;
    /// Records by name, most alike first; says up to which height names are indexed.
    UbinSearch = "ubin_search", Public, ubin::SearchParams => Object;
    /// Records that name this one: branches, what was merged into it, what it goes on from.
    UbinLinks = "ubin_links", Public, ubin::LinksParams => Page;
    /// Versions of a record, newest first.
    UbinHistory = "ubin_history", Public, ubin::HistoryParams => Object;
    /// A proof of a record, of absence, of all versions, or of counters, now or as of a height.
    UbinProve = "ubin_prove", Public, ubin::ProveParams => ubin::Proof;
    /// Published figures at a height.
    UbinKpi = "ubin_kpi", Public, ubin::KpiParams => Object;
    /// The schemes in force.
    UbinSchemes = "ubin_schemes", Public, ubin::SchemesParams => Object;
    /// One scheme.
    UbinScheme = "ubin_scheme", Public, ubin::SchemeParams => Object;
    /// What became of the records of an import's chunk.
    UbinImportStatus = "ubin_importStatus", Public, ubin::ImportStatusParams => Object;
    /// What changed after a cursor.
    UbinChanges = "ubin_changes", Public, ubin_feed::ChangesParams => ubin_feed::Changes;
    /// What changes from a cursor on; notices come as `ubin_subscription`.
    UbinSubscribe = "ubin_subscribe", Public, ubin_feed::SubscribeParams => ubin_feed::Notice, subscription;
    /// The snapshots of the register that this node keeps.
    UbinSnapshot = "ubin_snapshot", Public, ubin_feed::SnapshotParams => ubin_feed::Snapshots;
    /// Challenges, by record, state or how far they went.
    UbinChallenges = "ubin_challenges", Public, ubin::ChallengesParams => Page;
    /// In how many days a state answers challenges; version 0 if it set no times of its own.
    UbinChallengeClock = "ubin_challengeClock", Public, ubin::ClockParams => Object;
    /// Consents to a move or merger across a border.
    UbinConsents = "ubin_consents", Public, ubin::ConsentsParams => Page;
    /// The newest figures that a state attested for a metric and period; version 0 if none.
    UbinAttested = "ubin_attested", Public, ubin::AttestedParams => Object;
    /// Dry run of an unsigned UBIN op.
    UbinPrepare = "ubin_prepare", Public, PrepareParams => Prepared;

    /// DID resolution; of a DID URL the key, resource, list or entry that it names.
    VcResolve = "vc_resolve", Public, vc::ResolveParams => Object;
    /// Accreditations, types, jurisdictions and lists of an issuer.
    VcIssuer = "vc_issuer", Public, vc::DidParams => Object;
    /// The parties that hold accreditations.
    VcIssuers = "vc_issuers", Public, vc::IssuersParams => vc::Listed;
    /// Whether an issuer may issue a type for a state, with code and chain.
    VcAuthorised = "vc_authorised", Public, vc::AuthorisedParams => Object;
    /// One accreditation.
    VcAccreditation = "vc_accreditation", Public, vc::IdParams => Object;
    /// Registered credential types.
    VcTypes = "vc_types", Public, vc::TypesParams => vc::Listed;
    /// One registered resource.
    VcResource = "vc_resource", Public, vc::IdParams => Object;
    /// The status of one entry of a list, now or at any earlier height.
    VcStatus = "vc_status", Public, vc::StatusParams => Object;
    /// A whole status list.
    VcStatusList = "vc_statusList", Public, vc::StatusListParams => Object;
    /// Status lists, by issuer.
    VcStatusLists = "vc_statusLists", Public, vc::StatusListsParams => vc::Listed;
    /// Whether a state recognises an issuer's credentials of a type.
    VcRecognition = "vc_recognition", Public, vc::RecognitionParams => Object;
    /// Proposals, by number, with where they stand.
    GovProposals = "gov_proposals", Public, gov::ProposalsParams => vc::Listed;
    /// One proposal with its body and the votes.
    GovProposal = "gov_proposal", Public, gov::ProposalParams => Object;
    /// Dry run of an unsigned act of governance.
    GovPrepare = "gov_prepare", Public, PrepareParams => Prepared;
    /// Entries of recognition between states.
    GovRecognitions = "gov_recognitions", Public, vc::RecognitionsParams => vc::Listed;
    /// One anchor.
    VcAnchor = "vc_anchor", Public, vc::IdParams => Object;
    /// A challenge for one presentation.
    VcChallenge = "vc_challenge", Public, vc_verify::ChallengeParams => vc_verify::Challenge;
    /// Judges a credential or presentation.
    VcVerify = "vc_verify", Public, vc_verify::VerifyParams => Object;
    /// Judges up to 1,000 credentials on one state.
    VcVerifyBatch = "vc_verifyBatch", Public, vc_verify::VerifyBatchParams => vc_verify::Verdicts;
    /// Judges a presentation and each credential in it.
    VcVerifyPresentation = "vc_verifyPresentation", Public, vc_verify::VerifyPresentationParams => vc_verify::PresentationVerdict;
    /// A trust bundle for verdicts without network, or the evidence pack of one credential.
    VcBundle = "vc_bundle", Public, vc::BundleParams => Bundle;
    /// What changes among issuers, lists, resources, recognition and anchors; notices come as `vc_subscription`.
    VcSubscribe = "vc_subscribe", Public, vc::SubscribeParams => vc::Notice, subscription;
    /// Dry run of an unsigned credential op.
    VcPrepare = "vc_prepare", Public, PrepareParams => Prepared;
    /// Issues a credential with the key of an issuer of this node.
    VcIssue = "vc_issue", VcIssue, vc_issue::IssueParams => vc_issue::Issued;
    /// Sets an entry of an issuer's status list.
    VcSetStatus = "vc_setStatus", VcStatus, vc_issue::SetStatusParams => vc_issue::Acted;
    /// Moves a single-use entry.
    VcUse = "vc_use", VcUse, vc_issue::UseParams => vc_issue::Acted;
    /// A credential that this node issued and keeps.
    VcCredential = "vc_credential", VcCustody, vc_issue::CredentialParams => vc_issue::Issued;
    /// Erases a credential that this node keeps, and revokes it first.
    VcErase = "vc_erase", VcCustody, vc_issue::EraseParams => vc_issue::Erased;
    /// What this node keeps of which types and why, in numbers; counts below 5 are hidden.
    VcPrivacyReport = "vc_privacyReport", VcCustody, Nothing => Object;

    /// A record; the public part only without authorisation.
    EtrGet = "etr_get", Public, etr::GetParams => Object;
    /// The record of a number or paper serial, or `found: false`.
    EtrLookup = "etr_lookup", Public, etr::LookupParams => Object;
    /// The records of a party.
    EtrList = "etr_list", Public, etr::ListParams => Page;
    /// What waits for a party's answer.
    EtrInbox = "etr_inbox", Public, etr::InboxParams => Page;
    /// The staged ops of a record or party, and the signatures they lack.
    EtrStaged = "etr_staged", Public, etr_read::StagedParams => etr_read::Staged;
    /// The ops of a record in order; digests only without authorisation.
    EtrHistory = "etr_history", Public, etr_read::HistoryParams => Page;
    /// The endorsement chain of a record.
    EtrEndorsements = "etr_endorsements", Public, etr_read::EndorsementsParams => Object;
    /// What a controller signs to show control.
    EtrChallenge = "etr_challenge", Public, etr_read::ChallengeParams => etr_read::ChallengeText;
    /// The standing consents of a party.
    EtrConsents = "etr_consents", Public, etr_read::PartyParams => Object;
    /// Events of a record or party from a cursor on; notices come as `etr_subscription`.
    EtrSubscribe = "etr_subscribe", Public, etr_read::SubscribeParams => ledger::Notice, subscription;
    /// Takes a part of a sealed content.
    EtrEnvelopePut = "etr_envelopePut", Public, etr_envelope::PutParams => etr_envelope::PutResult;
    /// A part of a sealed content.
    EtrEnvelopeGet = "etr_envelopeGet", Public, etr_envelope::GetParams => etr_envelope::EnvelopePart;
    /// The sealed contents that this node keeps of a record.
    EtrEnvelopes = "etr_envelopes", Public, etr_envelope::ListParams => etr_envelope::Envelopes;
    /// Erases a sealed content from this node.
    EtrEnvelopeErase = "etr_envelopeErase", Public, etr_envelope::EraseParams => etr_envelope::Erased;
    /// Dry run of an unsigned ETR op, or of a bundle of them.
    EtrPrepare = "etr_prepare", Public, etr::PrepareParams => Prepared;
    /// A proof of status, control, absence, singularity, conversion, history, signers or rules.
    EtrProve = "etr_prove", Public, etr::ProveParams => Bundle;
    /// The type profiles in force.
    EtrProfiles = "etr_profiles", Public, Nothing => Object;
    /// One type profile.
    EtrProfile = "etr_profile", Public, etr_read::ProfileParams => Object;
    /// What a state says of a class of records.
    EtrLegalEffect = "etr_legalEffect", Public, etr_read::LegalEffectParams => Object;
    /// What each state says of each class of records.
    EtrLegalMatrix = "etr_legalMatrix", Public, etr::MatrixParams => Object;
    /// What a state lets its courts do; `enacted: false` if nothing.
    EtrCourtPolicy = "etr_courtPolicy", Public, etr_read::CourtPolicyParams => Object;

    /// The state of the node, for its operator.
    NodeStatus = "node_status", Admin, Nothing => node::NodeStatus;
    /// The peers.
    NodePeers = "node_peers", Admin, Nothing => node::Peers;
    /// Sets the log filter.
    NodeLogLevel = "node_logLevel", Admin, node::LogLevelParams => node::LogLevel;
    /// Begins a backup, or says how one stands.
    NodeBackup = "node_backup", Admin, node::BackupParams => node::Backup;

    /// This description, in OpenRPC form.
    Discover = "rpc.discover", Public, Nothing => Object;
}
