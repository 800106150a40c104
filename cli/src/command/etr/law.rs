//! What each state says of electronic records, in words and as a matrix.

use serde_json::Value as Json;
use titian_api::etr::MatrixParams;
use titian_api::etr_read::{CourtPolicyParams, LegalEffectParams};
use titian_api::{Nothing, call};
use titian_contracts::access::is_state_code;

use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Arguments of `law`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// matrix (all states and classes), CC (one state) or court CC
    #[arg(value_name = "WHAT", num_args = 0..=2)]
    what: Vec<String>,
    /// Only this class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
}

/// Runs `titian etr law`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    match question(&args.what)? {
        Question::Court(cc) => court(session, &cc),
        Question::Matrix => matrix(session, args.class.as_deref()),
        Question::State(cc) => state(session, &cc, args.class.as_deref()),
        Question::All => in_words(session, args.class.as_deref()),
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    /// Each state, in words.
    All,
    /// All states and classes.
    Matrix,
    /// One state.
    State(String),
    /// The court policy of one state.
    Court(String),
}

/// Reads `matrix`, `CC` or `court CC`.
fn question(words: &[String]) -> Result<Question> {
    let code = |text: &str| {
        let cc = text.to_uppercase();
        is_state_code(&cc).then_some(cc)
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = match words.as_slice() {
        [] => Some(Question::All),
        ["matrix"] => Some(Question::Matrix),
        ["court", cc] => code(cc).map(Question::Court),
        [cc] => code(cc).map(Question::State),
        _ => None,
    };
    found.ok_or_else(|| {
        CommandError::usage(format!("{} is no question", words.join(" ")))
            .hint("titian etr law [matrix | CC | court CC], for example TH or court SG")
    })
}

/// Errors: no type of record has this class of law, and no state says anything of it.
fn check_class(class: Option<&str>, classes: &[String], entries: &[Json]) -> Result<()> {
    let Some(class) = class else { return Ok(()) };
    let known = classes.iter().any(|known| known == class)
        || entries.iter().any(|entry| member(entry, "class") == class);
    if known {
        return Ok(());
    }
    Err(CommandError::usage(format!("there is no class {class}")).hint(classes.join(", ")))
}

/// Errors: nothing is recorded of this country, which may be none.
fn check_state(ams: &str, entries: &[Json]) -> Result<()> {
    let mut states: Vec<&str> = entries.iter().map(|entry| member(entry, "ams")).collect();
    states.sort_unstable();
    states.dedup();
    if states.contains(&ams) {
        return Ok(());
    }
    Err(CommandError::usage(format!("nothing is recorded of {ams}"))
        .hint(format!("recorded: {}", states.join(", "))))
}

/// The classes of law of the types of records; of the model law alone those of its records.
fn classes(session: &Session, of_model_law: bool) -> Result<Vec<String>> {
    let profiles = Json::Object(session.client()?.ask::<call::EtrProfiles>(&Nothing {})?);
    let items = profiles.get("profiles").and_then(Json::as_array).into_iter().flatten();
    let mut classes: Vec<String> = items
        .filter(|item| !of_model_law || item.pointer("/profile/mletr") == Some(&Json::Bool(true)))
        .filter_map(|item| document::text(item, "/profile/law_class").map(str::to_owned))
        .collect();
    classes.sort();
    classes.dedup();
    Ok(classes)
}

/// The matrix as the node answers it, and its entries. Errors: a class that is none.
fn entries(session: &Session, class: Option<&str>) -> Result<(Json, Vec<Json>)> {
    if class.is_some() {
        // asked for one class the node answers it for every state, also one that nobody knows
        let (_, all) = entries(session, None)?;
        check_class(class, &classes(session, false)?, &all)?;
    }
    let params = MatrixParams { class: class.map(str::to_owned) };
    let answer = Json::Object(session.client()?.ask::<call::EtrLegalMatrix>(&params)?);
    let entries = answer.get("entries").and_then(Json::as_array).cloned().unwrap_or_default();
    Ok((answer, entries))
}

fn member<'a>(entry: &'a Json, name: &str) -> &'a str {
    entry.get(name).and_then(Json::as_str).unwrap_or("?")
}

/// What follows from an entry's verdict, `allow`, `warn` or `block`, before anything binds later records
/// only; a state without an entry warns, and a class that is no transferable record is asked nothing
/// about.
pub(super) fn effect_of(entry: &Json) -> &str {
    match document::text(entry, "/verdict").unwrap_or("unknown") {
        "not_applicable" => "allow",
        verdict => document::text(entry, &format!("/policy/{verdict}")).unwrap_or("warn"),
    }
}

/// What an entry means, in one sentence.
pub(super) fn sentence(entry: &Json) -> String {
    // a country outside the network has its code alone
    let country = entry.get("name").and_then(Json::as_str).unwrap_or(member(entry, "ams"));
    let of_class = match member(entry, "class") {
        "*" => String::new(),
        class => format!(", {}", class.replace('_', " ")),
    };
    let meaning = match member(entry, "verdict") {
        "full" => format!("in force: {}", member(entry, "citation")),
        "excluded" => "excluded by the statute; an electronic record has no effect".to_owned(),
        "unknown" => "no enabling statute recorded; effect is contractual only".to_owned(),
        "not_applicable" => "no transferable record; the question does not arise".to_owned(),
        _ => format!("statute {}; effect is contractual only", member(entry, "status")),
    };
    format!("{country}{of_class}: {meaning}")
}

fn in_words(session: &Session, class: Option<&str>) -> Result<Report> {
    let (answer, entries) = entries(session, class)?;
    let lines: Vec<String> = entries.iter().map(sentence).collect();
    Ok(Report::new(lines.join("\n"), answer))
}

/// Rows are states, columns are classes of records; `*` stands for all others.
fn matrix(session: &Session, class: Option<&str>) -> Result<Report> {
    let (answer, entries) = entries(session, class)?;
    let mut classes = classes(session, true)?;
    classes.retain(|own| class.is_none_or(|class| class == own));
    let mut states: Vec<String> =
        entries.iter().map(|entry| member(entry, "ams").to_owned()).collect();
    states.sort();
    states.dedup();
    let mut rows = vec![vec!["CLASS".to_owned()]];
    if let Some(head) = rows.first_mut() {
        head.extend(states.iter().cloned());
    }
    for class in &classes {
        let mut row = vec![class.replace('_', " ")];
        for ams in &states {
            let of = |class: &str| {
                entries.iter().find(|e| member(e, "ams") == ams && member(e, "class") == class)
            };
            let entry = of(class).or_else(|| of("*"));
            let excluded = entry
                .and_then(|entry| entry.get("excludes"))
                .and_then(Json::as_array)
                .is_some_and(|excludes| excludes.iter().any(|e| e.as_str() == Some(class)));
            let verdict = if excluded {
                "excluded"
            } else {
                entry.map_or("unknown", |e| member(e, "verdict"))
            };
            row.push(verdict.to_owned());
        }
        rows.push(row);
    }
    Ok(Report::new(table(&rows), answer))
}

fn state(session: &Session, ams: &str, class: Option<&str>) -> Result<Report> {
    let (_, all) = entries(session, None)?;
    check_state(ams, &all)?;
    if class.is_some() {
        check_class(class, &classes(session, false)?, &all)?;
    }
    let class = class.unwrap_or("bill_of_lading").to_owned();
    let params = LegalEffectParams { ams: ams.to_owned(), class, height: None };
    let answer = Json::Object(session.client()?.ask::<call::EtrLegalEffect>(&params)?);
    Ok(Report::new(sentence(&answer), answer))
}

fn court(session: &Session, ams: &str) -> Result<Report> {
    check_state(ams, &entries(session, None)?.1)?;
    let params = CourtPolicyParams { ams: ams.to_owned() };
    let answer = Json::Object(session.client()?.ask::<call::EtrCourtPolicy>(&params)?);
    let text = if answer.get("enacted") == Some(&Json::Bool(true)) {
        policy_in_words(&answer)
    } else {
        format!("{}: no court policy; every court act is refused", params.ams)
    };
    Ok(Report::new(text, answer))
}

/// A court policy, line by line. `exParte` stands here and in the dossier: no act can say that its
/// order dispenses with notice, so whatever the policy says, notice is asked for.
fn policy_in_words(policy: &Json) -> String {
    let list = |name: &str| {
        let items = policy.get(name).and_then(Json::as_array).map(Vec::as_slice);
        let words: Vec<&str> = items.unwrap_or_default().iter().filter_map(Json::as_str).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let number = |name: &str| policy.get(name).and_then(Json::as_u64).unwrap_or_default();
    let notice = match policy.get("exParte").and_then(Json::as_bool) {
        Some(true) => "; an order may dispense with it (ex parte), but no act says so yet",
        _ => "; no order dispenses with it (ex parte)",
    };
    let reach = match member(policy, "reach") {
        "all" => "every record, 90 days after the policy took effect".to_owned(),
        _ => format!("records issued at height {} or later", number("fromHeight")),
    };
    let keys = format!("{} of {}", number("courtK"), list("courtKeys"));
    [
        format!("{}: {}", member(policy, "ams"), member(policy, "basis")),
        format!("acts      {}", list("acts")),
        format!("signed by {keys}, with {} registrar keys", number("registryK")),
        format!("notice    {} h{notice}", number("noticeS") / 3_600),
        format!("freezes   at most {} days", number("freezeMaxS") / 86_400),
        format!("reach     {reach}"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Question, check_class, check_state, policy_in_words, question, sentence};

    #[test]
    fn an_entry_is_said_of_the_country_by_its_name() {
        let entry = json!({"ams": "TH", "name": "Thailand", "class": "*", "verdict": "unknown"});
        let said = "Thailand: no enabling statute recorded; effect is contractual only";
        assert_eq!(sentence(&entry), said);
        let outside = json!({
            "ams": "GB", "class": "bill_of_lading", "verdict": "full", "citation": "an Act",
        });
        assert_eq!(sentence(&outside), "GB, bill of lading: in force: an Act");
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let asked = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            question(&words).map_err(|error| error.message)
        };
        assert_eq!(asked(&[]), Ok(Question::All));
        assert_eq!(asked(&["matrix"]), Ok(Question::Matrix));
        assert_eq!(asked(&["th"]), Ok(Question::State("TH".to_owned())));
        assert_eq!(asked(&["court", "sg"]), Ok(Question::Court("SG".to_owned())));
        for wrong in [&["court"][..], &["foo", "bar"], &["matrix", "SG"], &["S1"], &["court", "x"]]
        {
            assert!(asked(wrong).is_err_and(|said| said.contains(wrong[0])), "{wrong:?}");
        }
    }

    #[test]
    fn a_class_or_country_of_which_nothing_is_known_is_refused_with_those_that_there_are() {
        let entries =
            [json!({"ams": "SG", "class": "*"}), json!({"ams": "GB", "class": "bill_of_lading"})];
        let classes = ["cheque".to_owned()];
        for known in [None, Some("cheque"), Some("bill_of_lading")] {
            assert!(check_class(known, &classes, &entries).is_ok(), "{known:?}");
        }
        let refused = check_class(Some("nosuch"), &classes, &entries).expect_err("no class");
        assert_eq!(refused.hints, ["cheque"]);
        assert!(check_state("GB", &entries).is_ok());
        let refused = check_state("ZZ", &entries).expect_err("no country");
        assert_eq!(refused.hints, ["recorded: GB, SG"]);
    }

    #[test]
    fn a_court_policy_says_whether_orders_dispense_with_notice() {
        let policy = |ex_parte: bool, reach: &str| {
            policy_in_words(&json!({
                "ams": "SG", "basis": "a statute", "acts": ["freeze", "unfreeze"],
                "courtKeys": ["SG:COURT#k1", "SG:COURT#k2"], "courtK": 2, "registryK": 1,
                "noticeS": 259_200, "exParte": ex_parte, "freezeMaxS": 7_776_000,
                "reach": reach, "fromHeight": 120,
            }))
        };
        assert_eq!(
            policy(false, "issued_after"),
            "SG: a statute\n\
             acts      freeze, unfreeze\n\
             signed by 2 of SG:COURT#k1, SG:COURT#k2, with 1 registrar keys\n\
             notice    72 h; no order dispenses with it (ex parte)\n\
             freezes   at most 90 days\n\
             reach     records issued at height 120 or later"
        );
        let other = policy(true, "all");
        assert!(
            other.contains("may dispense with it (ex parte), but no act says so yet"),
            "{other}"
        );
        assert!(other.contains("every record, 90 days after"), "{other}");
    }
}
