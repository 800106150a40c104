//! Every act of the UBIN register but bulk import, one verb each (ubin.md §4).
//!
//! What an act quotes (version, prev, sequence) is read from the node. Acts of two officers and of
//! a root quorum are written to a file with `-o` while signatures lack.

use super::border::{self, ConsentArgs, ContinueArgs, MergeInArgs, WithdrawArgs};
use super::challenge::{self, ClockArgs, DecideArgs, IdArgs, OpenArgs};
use super::mark::{self, AliasArgs, AnnulArgs, DuplicateArgs, MergeArgs};
use super::scheme::{self, AttestArgs, PutArgs, SuspendArgs};
use super::write::{
    self, BodyArgs, ChangeArgs, ConvertArgs, CorrectArgs, HistoryArgs, RenumberArgs,
};
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

/// Acts on records and on what stands beside them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Act {
    /// Register a business: the first version of its record
    #[command(after_help = "Examples:
  titian ubin register body.json --as SG:ACRA
  titian ubin register body.json --dry-run")]
    Register(HistoryArgs),
    /// Write the next version of a record
    #[command(after_help = "Examples:
  titian ubin update SG-UEN-199403865N-G7 --set /sizeClass=SMALL --as SG:ACRA
  titian ubin update body.json --as SG:ACRA")]
    Update(BodyArgs),
    /// Confirm that a record is still right
    #[command(after_help = "Examples:
  titian ubin confirm SG-UEN-199403865N-G7 --as SG:ACRA")]
    Confirm(ChangeArgs),
    /// Suspend a business
    #[command(after_help = "Examples:
  titian ubin suspend SG-UEN-199403865N-G7 --reason FILING_DEFAULT --as SG:ACRA")]
    Suspend(ChangeArgs),
    /// End a suspension
    #[command(after_help = "Examples:
  titian ubin reinstate SG-UEN-199403865N-G7 --reason REQUEST --as SG:ACRA")]
    Reinstate(ChangeArgs),
    /// Record that a business has ended; two officers sign
    #[command(after_help = "Examples:
  titian ubin dissolve SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf \\
    --as SG:ACRA#k1 --as SG:ACRA#k2")]
    Dissolve(ChangeArgs),
    /// Bring a dissolved business back; two officers sign
    #[command(after_help = "Examples:
  titian ubin restore SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf -o op.json")]
    Restore(ChangeArgs),
    /// Correct a record, also back-dated, or take its mark or closure away; two officers sign
    #[command(after_help = "Examples:
  titian ubin correct SG-UEN-199403865N-G7 --set /registeredOn=2020-01-02 --reason ERROR -o op.json
  titian ubin correct SG-UEN-199403865N-G7 --on 2026-01-01 --clear mark --reason ERROR -o op.json")]
    Correct(CorrectArgs),
    /// Mark a record that was registered in error; two officers sign
    #[command(after_help = "Examples:
  titian ubin annul SG-UEN-199403865N-G7 --reason ERROR -o op.json")]
    Annul(AnnulArgs),
    /// Mark a record as a duplicate of another; two officers sign
    #[command(after_help = "Examples:
  titian ubin duplicate SG-UEN-199403865N-G7 --of SG-UEN-201912345K-8Y -o op.json")]
    Duplicate(DuplicateArgs),
    /// Close a record in favour of one of another kind; two officers sign
    #[command(after_help = "Examples:
  titian ubin convert SG-UEN-199403865N-G7 llp.json --reason REQUEST -o op.json")]
    Convert(ConvertArgs),
    /// Close records in favour of a survivor of the same state; two officers sign
    #[command(after_help = "Examples:
  titian ubin merge SG-UEN-199403865N-G7 --absorb SG-UEN-201912345K-8Y -o op.json")]
    Merge(MergeArgs),
    /// Let a further number of the same business resolve to its record
    #[command(after_help = "Examples:
  titian ubin alias-add SG-UEN-199403865N-G7 SG-UEN-53083479E-XX --as SG:ACRA")]
    AliasAdd(AliasArgs),
    /// Move a record to another number of its state; two officers sign
    #[command(after_help = "Examples:
  titian ubin renumber SG-UEN-199403865N-G7 SG-UEN-201912345K-8Y -o op.json")]
    Renumber(RenumberArgs),
    /// Agree that a business moves or merges abroad; two officers of the losing state sign
    #[command(after_help = "Examples:
  titian ubin consent-out MY-BRN-196501000279-FI --to SG --expires 90d -o op.json
  titian ubin consent-out MY-BRN-196501000279-FI --to SG --merge-into SG-UEN-199403865N-G7")]
    ConsentOut(ConsentArgs),
    /// Withdraw a consent before it is used
    #[command(after_help = "Examples:
  titian ubin consent-withdraw b3:… --as MY:SSM")]
    ConsentWithdraw(WithdrawArgs),
    /// Take a business in under the consent of another state; two officers sign
    #[command(after_help = "Examples:
  titian ubin continue-in body.json --consent b3:… -o op.json")]
    ContinueIn(ContinueArgs),
    /// Merge businesses of other states into one of this state, with a consent each; two officers
    /// sign
    #[command(after_help = "Examples:
  titian ubin merge-in SG-UEN-199403865N-G7 --consent b3:… --reason REQUEST -o op.json")]
    MergeIn(MergeInArgs),
    /// Say that a record is wrong
    #[command(after_help = "Examples:
  titian ubin challenge-open SG-UEN-199403865N-G7 --ground NAME --field /legalName/value \\
    --evidence extract.pdf --as MY:SSM")]
    ChallengeOpen(OpenArgs),
    /// Acknowledge a challenge, as the register of the record
    #[command(after_help = "Examples:
  titian ubin challenge-ack b3:… --as SG:ACRA")]
    ChallengeAck(IdArgs),
    /// Uphold or reject a challenge; two officers sign
    #[command(after_help = "Examples:
  titian ubin challenge-decide b3:… --uphold -o op.json
  titian ubin challenge-decide b3:… --reject --reason OTHER -o op.json")]
    ChallengeDecide(DecideArgs),
    /// Withdraw a challenge of one's own
    #[command(after_help = "Examples:
  titian ubin challenge-withdraw b3:… --as MY:SSM")]
    ChallengeWithdraw(IdArgs),
    /// Set a state less time to answer challenges; the root quorum signs
    #[command(after_help = "Examples:
  titian ubin challenge-clock SG --acknowledge 3 --decide 20 -o op.json")]
    ChallengeClock(ClockArgs),
    /// Change the rules of a national number, or add one; the root quorum signs
    #[command(after_help = "Examples:
  titian ubin scheme-put SG-UEN --set /refreshDays=200 -o op.json
  titian ubin scheme-put entry.json --effective 2027-01-01 -o op.json")]
    SchemePut(PutArgs),
    /// Stop registrations under a scheme at once; the root quorum signs
    #[command(after_help = "Examples:
  titian ubin scheme-suspend SG-UEN -o op.json")]
    SchemeSuspend(SuspendArgs),
    /// State figures that the ledger cannot count itself
    #[command(after_help = "Examples:
  titian ubin attest-counts cells.json --cc SG --metric ubin_women_owned --period 2026-Q2")]
    AttestCounts(AttestArgs),
}

/// Performs an act.
pub(super) fn run(session: &Session, act: &Act) -> Result<Report> {
    match act {
        Act::Register(args) => write::register(session, args),
        Act::Update(args) => write::body(session, "update", args),
        Act::Confirm(args) => write::change(session, "confirm", args),
        Act::Suspend(args) => write::change(session, "suspend", args),
        Act::Reinstate(args) => write::change(session, "reinstate", args),
        Act::Dissolve(args) => write::change(session, "dissolve", args),
        Act::Restore(args) => write::change(session, "restore", args),
        Act::Correct(args) => write::correct(session, args),
        Act::Annul(args) => mark::annul(session, args),
        Act::Duplicate(args) => mark::duplicate(session, args),
        Act::Convert(args) => write::convert(session, args),
        Act::Merge(args) => mark::merge(session, args),
        Act::AliasAdd(args) => mark::alias_add(session, args),
        Act::Renumber(args) => write::renumber(session, args),
        Act::ConsentOut(args) => border::consent_out(session, args),
        Act::ConsentWithdraw(args) => border::consent_withdraw(session, args),
        Act::ContinueIn(args) => border::continue_in(session, args),
        Act::MergeIn(args) => border::merge_in(session, args),
        Act::ChallengeOpen(args) => challenge::open(session, args),
        Act::ChallengeAck(args) => challenge::by_id(session, "challenge_ack", args),
        Act::ChallengeDecide(args) => challenge::decide(session, args),
        Act::ChallengeWithdraw(args) => challenge::by_id(session, "challenge_withdraw", args),
        Act::ChallengeClock(args) => challenge::clock(session, args),
        Act::SchemePut(args) => scheme::put(session, args),
        Act::SchemeSuspend(args) => scheme::suspend(session, args),
        Act::AttestCounts(args) => scheme::attest(session, args),
    }
}
