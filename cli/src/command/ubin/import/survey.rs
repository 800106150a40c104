//! The first reading: every line is judged and what is bad is reported. It is the dry run, and
//! every import starts with it. A dry run also asks what the second reading of a commit would: whether
//! a line fits the record that stands.

use std::thread;

use titian_contracts::error::Code;
use titian_contracts::ubin::legal_form::LegalFormCodes;
use titian_contracts::ubin::name_key::forms::LegalForms;

use super::Import;
use super::chunk::{self, Plan};
use super::entry::{Entry, Judge, Judged};
use super::numbers::{Keys, Lines, NumberKey, key_of};
use super::register::Register;
use super::report::{Fault, Findings, Level, TWO_OFFICERS};
use super::similar::{self, LikenessKey};
use super::source::{Line, Source};
use crate::command::explain;
use crate::error::{CommandError, Result};

/// Lines that are held at once.
const BATCH_LINES: usize = 2_000;

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Records in the file.
    pub(super) lines: u64,
    /// Those that keep the rules.
    pub(super) good: u64,
    /// Lines that do not.
    pub(super) bad: Lines,
    /// Lines whose numbers are registered.
    known: Lines,
    /// The SHA-256 of the file.
    pub(super) digest: String,
}

/// What is said of one line.
struct Verdict {
    judged: Judged,
    warnings: Vec<String>,
    /// The ISO 20275 code that its legal form may have.
    form: Option<String>,
    names: Vec<LikenessKey>,
    /// Whether two officers must sign its record.
    two_officers: bool,
}

impl Survey {
    /// Good lines whose numbers are registered.
    pub(super) fn registered(&self) -> u64 {
        self.known.count_without(&self.bad)
    }
}

impl Import<'_> {
    /// Reads the whole file.
    pub(super) fn survey(&self, findings: &mut Findings) -> Result<Survey> {
        let mut source = self.input.open()?;
        let judge = self.input.judge(&source);
        let register = self.register.as_ref();
        let cc = self.input.cc.as_str();
        let length = std::fs::metadata(self.input.file).map_or(0, |meta| meta.len());
        let bar = self.session.output.bar(length, "checking (bytes)");
        let forms = LegalFormCodes::genesis();
        let words = LegalForms::genesis().of_country(cc);
        let mut survey = Survey::default();
        let mut numbers = Keys::default();
        let mut names = Keys::default();
        loop {
            let lines = read_batch(&mut source)?;
            if lines.is_empty() {
                break;
            }
            let mut verdicts = in_parallel(&lines, |line| {
                let (judged, warnings) = judge.judge(line, register);
                let entry = judged.outcome.as_ref().ok();
                let form = entry.and_then(|entry| legal_form(entry, cc, &forms));
                let form = form.map(str::to_owned);
                let names = entry.map(|entry| similar::keys_of(&entry.body, &words));
                let names = names.unwrap_or_default();
                Verdict { judged, warnings, form, names, two_officers: false }
            })?;
            if let Some(register) = register.filter(|_| !self.args.commit) {
                self.foresee(&judge, register, &lines, &mut verdicts)?;
            }
            for (line, verdict) in lines.iter().zip(verdicts) {
                survey.take(line, &verdict.judged, &judge, register, findings)?;
                if let Some(number) = &verdict.judged.number {
                    numbers.add(key_of(number), line.number);
                }
                if verdict.judged.outcome.is_ok() {
                    self.remark(line.number, &verdict, findings)?;
                }
                verdict.names.into_iter().for_each(|key| names.add(key, line.number));
            }
            bar.set_position(source.bytes());
        }
        self.collisions(numbers, &mut survey, findings)?;
        self.similar_names(names, &survey, findings)?;
        bar.finish_and_clear();
        survey.digest = source.digest();
        Ok(survey)
    }

    /// Asks of good lines whose numbers are registered whether the record takes them.
    fn foresee(
        &self,
        judge: &Judge<'_>,
        register: &Register,
        lines: &[Line],
        verdicts: &mut [Verdict],
    ) -> Result<()> {
        let mut standing = Vec::new();
        let mut entries = Vec::new();
        for (line, verdict) in lines.iter().zip(verdicts) {
            if let Ok(entry) = &verdict.judged.outcome
                && register.find(&entry.ubin).is_some()
            {
                entries.push((line.number, entry.clone()));
                standing.push(verdict);
            }
        }
        let plans = chunk::plan(judge, register, self.session.client()?, entries)?;
        for (verdict, plan) in standing.into_iter().zip(plans) {
            match plan {
                Plan::Send(_, two_officers) => verdict.two_officers = two_officers,
                Plan::Unchanged => {}
                Plan::Bad(_, fault) => verdict.judged.outcome = Err(fault),
            }
        }
        Ok(())
    }

    /// Reports good lines that share a number with other lines.
    fn collisions(
        &self,
        numbers: Keys<NumberKey>,
        survey: &mut Survey,
        findings: &mut Findings,
    ) -> Result<()> {
        let map = self.input.map.as_ref();
        let column = map.map_or("/ubin".to_owned(), |map| map.shown("local_id"));
        for (line, other) in numbers.shared(|_| true) {
            if !survey.bad.contains(line) {
                let message = format!("one canonical number with line {other}");
                let fault = Fault::new(Code::ImportCollision, &column, message)
                    .suggest("keep one of the lines, or correct the number of the other");
                findings.bad(line, &column, &fault)?;
                survey.bad.insert(line);
                survey.good = survey.good.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Notes good lines that may be one business under two numbers.
    fn similar_names(
        &self,
        names: Keys<LikenessKey>,
        survey: &Survey,
        findings: &mut Findings,
    ) -> Result<()> {
        let map = self.input.map.as_ref();
        let column = map.map_or("/legalName".to_owned(), |map| map.shown("legal_name"));
        for (line, other) in names.shared(|line| !survey.bad.contains(line)) {
            let message = format!(
                "a name of line {other} but for its legal form, with its region and date of registration"
            );
            let advice =
                format!("if it is the business of line {other}, register one of the numbers only");
            findings.remark(line, &column, Level::Warning, "SIMILAR_NAME", &message, &advice)?;
        }
        Ok(())
    }

    /// Notes warnings and the proposal of a legal form, which is never filled in.
    fn remark(&self, line: u64, verdict: &Verdict, findings: &mut Findings) -> Result<()> {
        if verdict.two_officers && self.args.signers.len() < 2 {
            let (name, message) = (Code::QuorumMissing.name(), "two officers must sign for it");
            findings.remark(line, "", Level::Warning, name, message, TWO_OFFICERS)?;
        }
        for warning in &verdict.warnings {
            let message = explain::term_meaning(warning).unwrap_or("a warning");
            let advice = format!("titian explain {warning}");
            findings.remark(line, "", Level::Warning, warning, message, &advice)?;
        }
        let Some(code) = verdict.form.as_deref() else { return Ok(()) };
        let column = self.input.map.as_ref().map_or("/legalForm/elf", |_| "form_elf");
        let message = format!("the legal form may be ISO 20275 {code}; it is not filled in");
        findings.remark(line, column, Level::Proposal, "ELF_PROPOSED", &message, code)
    }
}

impl Survey {
    fn take(
        &mut self,
        line: &Line,
        judged: &Judged,
        judge: &Judge<'_>,
        register: Option<&Register>,
        findings: &mut Findings,
    ) -> Result<()> {
        self.lines += 1;
        if let (Some(number), Some(register)) = (&judged.number, register)
            && register.find(number).is_some()
        {
            self.known.insert(line.number);
        }
        match &judged.outcome {
            Ok(_) => self.good += 1,
            Err(fault) => {
                self.bad.insert(line.number);
                findings.bad(line.number, &judge.column(line, fault), fault)?;
            }
        }
        Ok(())
    }
}

/// The ISO 20275 code that a legal form without one may have.
fn legal_form<'f>(entry: &Entry, cc: &str, forms: &'f LegalFormCodes) -> Option<&'f str> {
    let text = |member: &str, part: &str| entry.body.get(member)?.get(part)?.as_text();
    if text("legalForm", "elf").is_some() {
        return None;
    }
    let national = text("legalForm", "national").and_then(|text| forms.propose(cc, text));
    national.or_else(|| forms.propose(cc, text("legalName", "value")?))
}

/// The next lines of a file; none at its end.
pub(super) fn read_batch(source: &mut Source) -> Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(BATCH_LINES);
    while lines.len() < BATCH_LINES {
        match source.next()? {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    Ok(lines)
}

/// The answers of `ask` for each of `items`, in their order, by all cores.
pub(super) fn in_parallel<T: Sync, A: Send>(
    items: &[T],
    ask: impl Fn(&T) -> A + Sync,
) -> Result<Vec<A>> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = items.len().div_ceil(cores).max(1);
    let ask = &ask;
    let found = thread::scope(|scope| {
        let workers: Vec<_> = items
            .chunks(share)
            .map(|some| scope.spawn(move || some.iter().map(ask).collect::<Vec<A>>()))
            .collect();
        workers.into_iter().map(|worker| worker.join().ok()).collect::<Option<Vec<Vec<A>>>>()
    });
    let found = found.ok_or_else(|| CommandError::bug("a line stopped a worker"))?;
    Ok(found.into_iter().flatten().collect())
}
