//! One verb per act on a record, made from a table: what it takes, as options or as `--args`.
//!
//! Invariant: what an option says stands in the op under the member of `acts.json`; `--args` fills in
//! or replaces members, so every act can be done in full.

mod table;

use clap::{ArgAction, ArgMatches, Args as _, FromArgMatches, Subcommand};
use titian_api::call;
use titian_api::etr::GetParams;
use titian_api::etr_read::ProfileParams;
use titian_contracts::digest::{Digest, hash};
use titian_contracts::json::Value;

use super::handover::{self, Deed, Faces, Given, HandoverArgs};
use super::issue::{Lot, lot};
use super::merged::{self, MergerArgs};
use super::receivers;
use super::unseen::{self, UnseenArgs};
use super::{HOUR_MS, canonical, duration_ms};
use crate::act::{self, Draft, FrameArgs, SigningArgs, now_ms};
use crate::command::access::read_arguments;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

/// What a short time to answer is given more, ms.
const WAY_MS: u64 = 30_000;

/// What a verb takes, and what it says of itself.
#[derive(Debug)]
struct Verb {
    act: &'static str,
    about: &'static str,
    example: &'static str,
    flags: &'static [Flag],
}

/// One option of a verb.
#[derive(Debug)]
struct Flag {
    name: &'static str,
    member: &'static str,
    kind: Kind,
    absent: Absent,
    help: &'static str,
}

/// How the text of an option becomes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A UBIN in any spelling, or JSON of a joint holder.
    Party,
    /// Several UBINs.
    Parties,
    /// One of these words; `none` is null.
    Choice(&'static [&'static str]),
    /// Text as it is.
    Text,
    /// Several texts.
    Texts,
    /// A whole number.
    Count,
    /// A whole number as text.
    Amount,
    /// A time from now on, in ms since 1970.
    Deadline,
    /// A duration in seconds.
    Seconds,
    /// A `b3:` digest, or a file whose digest is taken.
    Digest,
    /// JSON in a file or as text.
    Json,
    /// A JSON list in a file or as text.
    JsonList,
    /// Lots.
    Lots,
    /// Parts of a split.
    Parts,
    /// Records with seq and head as the node shows them.
    Records,
    /// `CODE=FILE` or `CODE=DIGEST`.
    Statement,
    /// `KIND` or `KIND:UBIN`.
    Title,
    /// True if it stands.
    Flag,
}

impl Kind {
    const fn repeats(self) -> bool {
        matches!(self, Self::Parties | Self::Texts | Self::Lots | Self::Parts | Self::Records)
    }

    const fn value_name(self) -> &'static str {
        match self {
            Self::Party | Self::Parties => "UBIN",
            Self::Choice(_) => "KIND",
            Self::Text => "CODE",
            Self::Texts => "TEXT",
            Self::Count => "N",
            Self::Amount => "AMOUNT",
            Self::Deadline | Self::Seconds => "TIME",
            Self::Digest => "FILE|DIGEST",
            Self::Json | Self::JsonList => "FILE|JSON",
            Self::Lots => "LOT",
            Self::Parts => "PART",
            Self::Records => "ID",
            Self::Statement => "CODE=FILE",
            Self::Title => "KIND[:UBIN]",
            Self::Flag => "",
        }
    }
}

/// What stands in the op where an option does not stand on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    /// The option is needed, unless `--args` is there.
    Required,
    /// The member is left out.
    Leave,
    /// Null.
    Null,
    /// An empty list.
    Empty,
    /// False.
    False,
    /// As if this had been given.
    Text(&'static str),
}

/// A verb with what was given to it.
#[derive(Clone, Debug)]
pub(crate) struct ActVerb {
    act: &'static str,
    id: String,
    given: ArgMatches,
    /// A file to write the act to for `titian etr bundle`.
    draft: Option<std::path::PathBuf>,
    handover: HandoverArgs,
    merger: MergerArgs,
    unseen: UnseenArgs,
    frame: FrameArgs,
    signing: SigningArgs,
}

fn verb_of(name: &str) -> Option<&'static Verb> {
    table::VERBS.iter().find(|verb| cli_name(verb.act) == name)
}

fn cli_name(act: &str) -> String {
    act.replace('_', "-")
}

fn command_of(verb: &'static Verb) -> clap::Command {
    let name = cli_name(verb.act);
    let example = format!("Examples:\n  titian etr {name} {}", verb.example);
    let mut command = clap::Command::new(name)
        .arg(clap::Arg::new("record").required(true).value_name("RECORD").help("The record"));
    for flag in verb.flags {
        let mut arg = clap::Arg::new(flag.name).long(flag.name).help(flag.help);
        arg = match flag.kind {
            Kind::Flag => arg.action(ArgAction::SetTrue),
            kind if kind.repeats() => arg.action(ArgAction::Append).value_name(kind.value_name()),
            kind => arg.value_name(kind.value_name()),
        };
        if let Kind::Choice(words) = flag.kind {
            arg = arg.value_parser(clap::builder::PossibleValuesParser::new(words));
        }
        if flag.absent == Absent::Required {
            arg = arg.required_unless_present("args");
        }
        command = command.arg(arg);
    }
    if receivers::are_there(verb.act) {
        command = HandoverArgs::augment_args(command);
    }
    if verb.act == "merge" {
        command = MergerArgs::augment_args(command);
    }
    if verb.act == "accept" {
        command = UnseenArgs::augment_args(command);
    }
    let command = command
        .arg(
            clap::Arg::new("args")
                .long("args")
                .value_name("FILE|JSON")
                .help("Arguments of the act as a JSON object; they go before the options"),
        )
        .arg(
            clap::Arg::new("draft")
                .long("draft")
                .value_name("FILE")
                .value_parser(clap::value_parser!(std::path::PathBuf))
                .help("Sign nothing; write the act here for `titian etr bundle`"),
        );
    // the options of others bring a description of their own
    SigningArgs::augment_args(FrameArgs::augment_args(command))
        .about(verb.about)
        .long_about(None)
        .after_help(example)
}

impl Subcommand for ActVerb {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        table::VERBS.iter().fold(command, |command, verb| command.subcommand(command_of(verb)))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        verb_of(name).is_some()
    }
}

impl FromArgMatches for ActVerb {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (name, given) = matches.subcommand().ok_or_else(missing)?;
        let verb = verb_of(name).ok_or_else(missing)?;
        Ok(Self {
            act: verb.act,
            id: given.get_one::<String>("record").cloned().unwrap_or_default(),
            draft: given.get_one::<std::path::PathBuf>("draft").cloned(),
            handover: of_act(receivers::are_there(verb.act), given)?,
            merger: of_act(verb.act == "merge", given)?,
            unseen: of_act(verb.act == "accept", given)?,
            frame: FrameArgs::from_arg_matches(given)?,
            signing: SigningArgs::from_arg_matches(given)?,
            given: given.clone(),
        })
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Options that only some acts have.
fn of_act<T: Default + FromArgMatches>(
    has: bool,
    given: &ArgMatches,
) -> std::result::Result<T, clap::Error> {
    if has { T::from_arg_matches(given) } else { Ok(T::default()) }
}

/// Runs an act.
pub(super) fn run(session: &Session, verb: &ActVerb) -> Result<Report> {
    let party = verb.signing.asker();
    let mut args = verb.args(session)?;
    let merged = verb.merger.commit(session, &verb.id, party)?;
    if let Some(merged) = &merged {
        args = merged.add(&args);
        if !verb.signing.dry_run {
            merged.keep()?;
        }
    }
    if let Some(path) = &verb.draft {
        let draft = super::bundle::write_draft(path, verb.act, Some(&verb.id), &args, &verb.frame);
        return draft
            .map(|report| merged.iter().fold(report, |report, merged| merged.tell(report)));
    }
    super::show::before_signing(session, &verb.id, &verb.signing)?;
    if (verb.act, verb.signing.dry_run) == ("accept", false) {
        let mandate = verb.signing.mandate.as_ref();
        unseen::before_accept(session, &verb.id, &verb.unseen, mandate, party)?;
    }
    let deed = Deed { act: verb.act, id: &verb.id, args: &args, party };
    let given = verb.handover.content.as_deref().map_or(Given::Among(&[]), Given::This);
    let seals = !verb.handover.no_seal && !verb.signing.dry_run;
    // what is made of records has its ids when the act stands
    let after = seals && handover::makes_children(session, &deed)?;
    let handover = if seals && !after {
        handover::prepare(session, deed, given, &mut Faces::default())?
    } else {
        None
    };
    let draft = Draft::on_record(verb.act, Some(&verb.id), args.clone(), verb.frame.clone());
    let outcome = act::perform(session, &draft, &verb.signing);
    let outcome = outcome.map_err(|error| with_help(session, verb, error));
    if let Some(merged) = merged.filter(|_| !verb.signing.dry_run) {
        let by = (!verb.handover.no_seal).then(|| verb.by());
        return merged.finish(session, deed, by, outcome?);
    }
    if after {
        let report = outcome?;
        let handovers = handover::of_children(session, deed, verb.by(), given, &report.json);
        return handover::finish_with_list(session, &handovers, Ok(report));
    }
    match handover {
        Some(handover) => handover.finish(session, outcome),
        None => outcome,
    }
}

impl ActVerb {
    /// Who hands contents over: an agent is no party, and hands over none.
    fn by(&self) -> &[KeyRef] {
        self.signing.asker().map_or(&[], |_| &self.signing.signers)
    }

    /// The arguments of the op.
    fn args(&self, session: &Session) -> Result<Value> {
        let given = match self.given.get_one::<String>("args") {
            Some(source) => read_arguments(source)?,
            None => Value::Object(Vec::new()),
        };
        let verb = verb_of(&cli_name(self.act))
            .ok_or_else(|| CommandError::bug(format!("no verb for {}", self.act)))?;
        let mut args = given.clone();
        for flag in verb.flags {
            if given.get(flag.member).is_none()
                && let Some(value) = self.member(session, flag)?
            {
                args = args.with(flag.member, value);
            }
        }
        // delivery and claim say null where they name no document; paper and exchange have no such member
        let empty = args.as_object().is_some_and(<[_]>::is_empty);
        if self.act == "surrender_accept" && empty {
            args = args.with("digest", Value::Null);
        }
        Ok(args)
    }

    fn member(&self, session: &Session, flag: &Flag) -> Result<Option<Value>> {
        if flag.kind == Kind::Flag {
            let on = self.given.get_flag(flag.name);
            return Ok((on || flag.absent == Absent::False).then(|| Value::from(on)));
        }
        let texts: Vec<String> =
            self.given.get_many::<String>(flag.name).into_iter().flatten().cloned().collect();
        if !texts.is_empty() {
            return read(session, flag, &texts).map(Some).map_err(|error| of_option(flag, error));
        }
        match flag.absent {
            Absent::Text(text) => read(session, flag, &[text.to_owned()]).map(Some),
            Absent::Null => Ok(Some(Value::Null)),
            Absent::Empty => Ok(Some(Value::List(Vec::new()))),
            Absent::Required | Absent::Leave | Absent::False => Ok(None),
        }
    }
}

/// The error with the option that it is about.
fn of_option(flag: &Flag, mut error: CommandError) -> CommandError {
    error.message = format!("--{}: {}", flag.name, error.message);
    error
}

/// The member that the texts of an option make.
fn read(session: &Session, flag: &Flag, texts: &[String]) -> Result<Value> {
    let wrong = |what: &str| CommandError::usage(what);
    let text = texts.first().map(String::as_str).unwrap_or_default();
    let each = |read: &dyn Fn(&str) -> Result<Value>| {
        texts.iter().map(|text| read(text)).collect::<Result<Vec<_>>>().map(Value::List)
    };
    match flag.kind {
        Kind::Party => party(text),
        Kind::Parties => each(&|text| Ok(Value::from(canonical(text)?))),
        Kind::Choice(_) if text == "none" => Ok(Value::Null),
        Kind::Choice(_) | Kind::Text => Ok(Value::from(text)),
        Kind::Texts => each(&|text| Ok(Value::from(text))),
        Kind::Count => {
            text.parse::<u64>().map(Value::from).map_err(|_| wrong("a whole number is expected"))
        }
        Kind::Amount => {
            let number = text.parse::<u64>().map_err(|_| wrong("a whole number is expected"))?;
            Ok(Value::from(number.to_string()))
        }
        Kind::Deadline => {
            let ms = duration_ms(text).map_err(|message| wrong(&message))?;
            Ok(Value::from(now_ms().saturating_add(with_way(ms))))
        }
        Kind::Seconds => {
            duration_ms(text).map(|ms| Value::from(ms / 1000)).map_err(|message| wrong(&message))
        }
        Kind::Digest => Ok(Value::from(digest_of(text)?)),
        Kind::Json => read_arguments(text),
        Kind::JsonList => read_list(text),
        Kind::Lots => {
            each(&|text| Ok(read_lot(text).map_err(|message| wrong(&message))?.to_value()))
        }
        Kind::Parts => each(&|text| part(text).map_err(|message| wrong(&message))),
        Kind::Records => each(&|id| place_of(session, id)),
        Kind::Statement => {
            let (code, document) =
                text.split_once('=').ok_or_else(|| wrong("CODE=FILE is expected"))?;
            Ok(statement(code, digest_of(document)?))
        }
        Kind::Title => {
            let (kind, party) = text.split_once(':').unwrap_or((text, ""));
            let mut title = vec![("kind", Value::from(kind))];
            if !party.is_empty() {
                title.push(("party", Value::from(canonical(party)?)));
            }
            Ok(Value::object(title))
        }
        Kind::Flag => Ok(Value::from(true)),
    }
}

/// A short time to answer with what the way to the ledger takes: it counts from the block, and the least
/// that a type allows could not be given otherwise.
const fn with_way(ms: u64) -> u64 {
    if ms < HOUR_MS { ms.saturating_add(WAY_MS) } else { ms }
}

/// The error of an act with what helps: the times to answer that the type of the record allows, and what
/// a merger of unequal contents takes.
fn with_help(session: &Session, verb: &ActVerb, error: CommandError) -> CommandError {
    match (error.name.as_deref(), verb.act) {
        (Some("BAD_DEADLINE"), _) => with_range(session, verb, error),
        (Some("CONTENT_MISMATCH"), "merge") if !verb.merger.is_given() => {
            error.hint(merged::UNEQUAL)
        }
        _ => error,
    }
}

fn with_range(session: &Session, verb: &ActVerb, error: CommandError) -> CommandError {
    let pointer = if verb.act == "offer" { "transfer/offer_s" } else { "surrender/answer_s" };
    let profile = profile_of(session, &verb.id).ok();
    match profile.and_then(|profile| range(&profile, pointer)) {
        Some(range) => error.hint(range),
        None => error,
    }
}

/// The type of a record as the node shows it.
fn profile_of(session: &Session, id: &str) -> Result<serde_json::Value> {
    let record = super::show::get(session, id, None, None)?;
    let name = document::text(&record, "/public/profile").unwrap_or_default();
    let (id, version) = name.split_once('@').unwrap_or((name, ""));
    let params = ProfileParams { id: id.to_owned(), version: version.parse().ok() };
    Ok(serde_json::Value::Object(session.client()?.ask::<call::EtrProfile>(&params)?))
}

/// The least and the most time to answer that a type allows, in words.
fn range(profile: &serde_json::Value, pointer: &str) -> Option<String> {
    // a list of least, usual and most, also where the type stands under a name
    let found = ["", "/profile"].iter().find_map(|at| profile.pointer(&format!("{at}/{pointer}")));
    let seconds = |at: usize| found?.get(at)?.as_u64();
    let text = |s: u64| match s {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s} s"),
    };
    let (least, most) = (text(seconds(0)?), text(seconds(2)?));
    Some(format!("--deadline is {least} to {most}, counted from the block that takes the act"))
}

/// Code and digest of a statement of change of medium.
pub(super) fn statement(code: &str, digest: Digest) -> Value {
    Value::object([("code", Value::from(code)), ("digest", Value::from(digest))])
}

/// A UBIN, or the JSON of a joint holder.
pub(super) fn party(text: &str) -> Result<Value> {
    if text.trim_start().starts_with('{') {
        read_arguments(text)
    } else {
        Ok(Value::from(canonical(text)?))
    }
}

/// A digest as it is, else that of the bytes of a file: H("titian document v1", bytes).
pub(super) fn digest_of(text: &str) -> Result<Digest> {
    match Digest::parse(text) {
        Some(digest) => Ok(digest),
        None if text.starts_with("b3:") => {
            Err(CommandError::usage("a digest is b3: and 64 lower-case hex digits"))
        }
        None => Ok(hash("titian document v1", &[&document::read(text.as_ref())?])),
    }
}

fn read_list(text: &str) -> Result<Value> {
    let value = if text.trim_start().starts_with('[') {
        let json = serde_json::from_str(text)
            .map_err(|error| CommandError::usage(format!("not JSON: {error}")))?;
        document::from_json(&json)?
    } else {
        document::read_value(text.as_ref())?
    };
    match value {
        Value::List(_) => Ok(value),
        // one piece of evidence as a tool writes it
        Value::Object(_) => Ok(Value::List(vec![value])),
        _ => Err(CommandError::usage("a JSON list is expected")),
    }
}

fn read_lot(text: &str) -> std::result::Result<Lot, String> {
    lot(text)
}

fn lots(text: &str) -> std::result::Result<Value, String> {
    let lots = text.split(',').map(|text| Ok(read_lot(text)?.to_value()));
    Ok(Value::List(lots.collect::<std::result::Result<_, String>>()?))
}

/// `LOT[,LOT…][@NO=LOT[,LOT…]]…`: a part with what of each pledge goes with it.
fn part(text: &str) -> std::result::Result<Value, String> {
    let mut pieces = text.split('@');
    let own = lots(pieces.next().unwrap_or_default())?;
    let pledges = pieces.map(|piece| {
        let usage = || "a pledge's share is @NO=LOT[,LOT…]".to_owned();
        let (no, share) = piece.split_once('=').ok_or_else(usage)?;
        let no: u64 = no.parse().map_err(|_| usage())?;
        Ok(Value::object([("no", Value::from(no)), ("lots", lots(share)?)]))
    });
    let pledges = pledges.collect::<std::result::Result<_, String>>()?;
    Ok(Value::object([("lots", own), ("pledges", Value::List(pledges))]))
}

/// Id, seq and head of a record, which are public.
fn place_of(session: &Session, id: &str) -> Result<Value> {
    let params = GetParams { id: id.to_owned(), ..GetParams::default() };
    let answer = serde_json::Value::Object(session.client()?.ask::<call::EtrGet>(&params)?);
    let seq = answer.pointer("/public/seq").and_then(serde_json::Value::as_u64);
    let head = document::text(&answer, "/public/head");
    let (Some(seq), Some(head)) = (seq, head) else {
        return Err(CommandError::refused("the node shows no such record").named("UNKNOWN_RECORD"));
    };
    Ok(Value::object([
        ("id", Value::from(id)),
        ("seq", Value::from(seq)),
        ("head", Value::from(head)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_of_the_ledger_has_a_verb() {
        let with_files = ["issue", "issue_from_paper", "amend", "consent_set", "consent_revoke"];
        let acts = titian_contracts::access::scope::ACTS;
        let (_, acts) = acts.iter().find(|(register, _)| *register == "etr").expect("of etr");
        let wrappers = ["stage", "cosign", "unstage", "attest", "custody"];
        for act in acts.iter().filter(|act| !wrappers.contains(act)) {
            let known = with_files.contains(act) || table::VERBS.iter().any(|v| v.act == *act);
            assert!(known, "no verb for {act}");
        }
        for verb in table::VERBS {
            assert!(acts.contains(&verb.act), "{} is no act", verb.act);
        }
    }

    #[test]
    fn a_minute_to_answer_is_a_minute_when_the_ledger_takes_it() {
        let pointed = pointed_deadline("1m");
        assert!(pointed >= now_ms() + 60_000 + WAY_MS - 5_000, "{pointed}");
        // a longer time is what was asked for: the most that a type allows stays within it
        let (before, month) = (now_ms(), 30 * 24 * HOUR_MS);
        assert!((before + month..=now_ms() + month).contains(&pointed_deadline("30d")));
    }

    fn pointed_deadline(text: &str) -> u64 {
        let ms = duration_ms(text).expect("a time");
        now_ms().saturating_add(with_way(ms))
    }

    #[test]
    fn the_times_to_answer_of_a_type_are_named() {
        let profile = serde_json::json!({
            "profile": { "transfer": { "offer_s": [60, 259_200, 2_592_000] },
                "surrender": { "answer_s": [90, 3_600, 7_200] } },
        });
        let said = "--deadline is 1m to 30d, counted from the block that takes the act";
        assert_eq!(range(&profile, "transfer/offer_s").as_deref(), Some(said));
        let said = "--deadline is 90 s to 2h, counted from the block that takes the act";
        assert_eq!(range(&profile, "surrender/answer_s").as_deref(), Some(said));
        assert_eq!(range(&profile, "transfer/mode"), None);
    }

    #[test]
    fn a_part_is_lots_with_the_shares_of_pledges() {
        let text = "1:KGM:5000,2:LTR:1.5@1=1:KGM:4000";
        let jcs = part(text).expect("well formed").to_jcs();
        assert_eq!(
            jcs,
            r#"{"lots":[{"amount":"5000","lot":"1","scale":0,"unit":"KGM"},{"amount":"15","lot":"2","scale":1,"unit":"LTR"}],"pledges":[{"lots":[{"amount":"4000","lot":"1","scale":0,"unit":"KGM"}],"no":1}]}"#
        );
        for wrong in ["", "1:KGM", "1:KGM:5000@", "1:KGM:5000@x=1:KGM:1", "1:KGM:5000@1"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
