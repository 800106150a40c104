//! Scheme entries as JSON: the form of `schemes.json`, of `scheme_put` and of answers.
//!
//! Invariant: `to_value(from_value(x)) == x` for every entry that reads. It deliberately does not
//! check patterns or examples; `scheme` does.

use super::scheme::{AcceptExample, NormaliseStep, SchemeAuthority, SchemeEntry, TypeRule};
use super::vocabulary::{SchemeUse, Status};
use crate::error::Reject;
use crate::json::{Members, Value};

impl SchemeEntry {
    /// Reads an entry. Unknown members are `MALFORMED`.
    pub fn from_value(value: &Value, path: &str) -> Result<Self, Reject> {
        let mut m = Members::of(value, path)?;
        let entry = Self {
            cc: m.text("cc")?.to_owned(),
            code: m.text("code")?.to_owned(),
            names: read_texts(&mut m, "name")?,
            authority: read_authority(m.object("authority")?)?,
            usage: SchemeUse::parse(m.text("use")?)
                .ok_or_else(|| m.malformed("use", "PRIMARY, ALIAS or REFERENCE"))?,
            pattern: m.text("pattern")?.to_owned(),
            expected: nullable_text(&mut m, "expected")?,
            normalise: read_steps(&mut m)?,
            check_alg: m.text("checkAlg")?.to_owned(),
            types: read_types(&mut m)?,
            personal_deny: m.texts("personalDeny")?.into_iter().map(str::to_owned).collect(),
            natural_persons: match m.text("naturalPersons")? {
                "ALLOW" => true,
                "DENY" => false,
                _ => return Err(m.malformed("naturalPersons", "ALLOW or DENY")),
            },
            refresh_days: m.uint("refreshDays")?,
            icd: nullable_text(&mut m, "icd")?,
            peppol_prefix: nullable_text(&mut m, "peppolPrefix")?,
            status_map: read_status_map(&mut m)?,
            provisional: m.boolean("provisional")?,
            note: nullable_text(&mut m, "note")?,
            version: m.uint("version")?,
            valid_from_height: m.uint("validFromHeight")?,
            accept: read_accept(&mut m)?,
            reject: read_reject(&mut m)?,
        };
        m.finish()?;
        Ok(entry)
    }

    /// The entry as JSON.
    pub fn to_value(&self) -> Value {
        let texts = |items: &[String]| {
            Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
        };
        let optional = |text: &Option<String>| Value::from(text.as_deref());
        let types = self.types.as_ref().map_or(Value::Null, |types| {
            Value::object([
                ("offset", Value::from(types.offset)),
                ("length", Value::from(types.length)),
                ("when", optional(&types.when)),
                ("values", texts(&types.values)),
            ])
        });
        let natural_persons = if self.natural_persons { "ALLOW" } else { "DENY" };
        Value::object([
            ("cc", Value::from(self.cc.as_str())),
            ("code", Value::from(self.code.as_str())),
            ("name", Value::object(self.names.iter().map(|(k, v)| (k, Value::from(v.as_str()))))),
            ("authority", authority_value(&self.authority)),
            ("use", Value::from(self.usage.name())),
            ("pattern", Value::from(self.pattern.as_str())),
            ("expected", optional(&self.expected)),
            ("normalise", Value::List(self.normalise.iter().map(step_value).collect())),
            ("checkAlg", Value::from(self.check_alg.as_str())),
            ("types", types),
            ("personalDeny", texts(&self.personal_deny)),
            ("naturalPersons", Value::from(natural_persons)),
            ("refreshDays", Value::from(self.refresh_days)),
            ("icd", optional(&self.icd)),
            ("peppolPrefix", optional(&self.peppol_prefix)),
            (
                "statusMap",
                Value::object(self.status_map.iter().map(|(k, v)| (k, Value::from(v.name())))),
            ),
            ("provisional", Value::from(self.provisional)),
            ("note", optional(&self.note)),
            ("version", Value::from(self.version)),
            ("validFromHeight", Value::from(self.valid_from_height)),
            ("accept", Value::List(self.accept.iter().map(accept_value).collect())),
            ("reject", Value::List(self.reject.iter().map(reject_value).collect())),
        ])
    }
}

fn authority_value(authority: &SchemeAuthority) -> Value {
    Value::object([
        ("name", Value::from(authority.name.as_str())),
        ("raCode", Value::from(authority.ra_code.as_deref())),
        ("registerDomain", Value::from(authority.register_domain.as_deref())),
        ("did", Value::from(authority.did.as_deref())),
    ])
}

fn step_value(step: &NormaliseStep) -> Value {
    match step {
        NormaliseStep::StripPrefix(prefix) => Value::object([
            ("op", Value::from("strip_prefix")),
            ("value", Value::from(prefix.as_str())),
        ]),
        NormaliseStep::Remove(word) => {
            Value::object([("op", Value::from("remove")), ("value", Value::from(word.as_str()))])
        }
        NormaliseStep::PadLeft { with, when_length, to_length } => Value::object([
            ("op", Value::from("pad_left")),
            ("value", Value::from(with.as_str())),
            ("whenLength", Value::from(*when_length)),
            ("toLength", Value::from(*to_length)),
        ]),
    }
}

fn accept_value(example: &AcceptExample) -> Value {
    Value::object([
        ("raw", Value::from(example.raw.as_str())),
        ("local", Value::from(example.local.as_str())),
        ("nationalCheck", Value::from(example.national_check.as_str())),
    ])
}

fn reject_value((raw, error): &(String, String)) -> Value {
    Value::object([("raw", Value::from(raw.as_str())), ("error", Value::from(error.as_str()))])
}

/// A required member that is a string or `null`.
fn nullable_text(m: &mut Members<'_>, name: &str) -> Result<Option<String>, Reject> {
    match m.required(name)? {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text.clone())),
        _ => Err(m.malformed(name, "a string or null is expected")),
    }
}

fn read_texts(m: &mut Members<'_>, name: &str) -> Result<Vec<(String, String)>, Reject> {
    let members = m.required(name)?.as_object().unwrap_or_default();
    members
        .iter()
        .map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned())))
        .collect::<Option<_>>()
        .ok_or_else(|| m.malformed(name, "strings are expected"))
}

fn read_authority(mut m: Members<'_>) -> Result<SchemeAuthority, Reject> {
    let authority = SchemeAuthority {
        name: m.text("name")?.to_owned(),
        ra_code: nullable_text(&mut m, "raCode")?,
        register_domain: nullable_text(&mut m, "registerDomain")?,
        did: nullable_text(&mut m, "did")?,
    };
    m.finish()?;
    Ok(authority)
}

fn read_steps(m: &mut Members<'_>) -> Result<Vec<NormaliseStep>, Reject> {
    let path = m.pointer("normalise");
    let mut steps = Vec::new();
    for (i, item) in m.list("normalise")?.iter().enumerate() {
        let mut m = Members::of(item, &format!("{path}/{i}"))?;
        let op = m.text("op")?;
        let value = m.text("value")?.to_owned();
        steps.push(match op {
            "strip_prefix" => NormaliseStep::StripPrefix(value),
            "remove" => NormaliseStep::Remove(value),
            "pad_left" => NormaliseStep::PadLeft {
                with: value,
                when_length: m.uint("whenLength")?,
                to_length: m.uint("toLength")?,
            },
            _ => return Err(m.malformed("op", "strip_prefix, remove or pad_left")),
        });
        m.finish()?;
    }
    Ok(steps)
}

fn read_types(m: &mut Members<'_>) -> Result<Option<TypeRule>, Reject> {
    let path = m.pointer("types");
    let value = m.required("types")?;
    if *value == Value::Null {
        return Ok(None);
    }
    let mut m = Members::of(value, &path)?;
    let rule = TypeRule {
        offset: m.uint("offset")?,
        length: m.uint("length")?,
        when: nullable_text(&mut m, "when")?,
        values: m.texts("values")?.into_iter().map(str::to_owned).collect(),
    };
    m.finish()?;
    Ok(Some(rule))
}

fn read_status_map(m: &mut Members<'_>) -> Result<Vec<(String, Status)>, Reject> {
    read_texts(m, "statusMap")?
        .into_iter()
        .map(|(national, name)| {
            let status =
                Status::parse(&name).ok_or_else(|| m.malformed("statusMap", "unknown status"))?;
            Ok((national, status))
        })
        .collect()
}

fn read_accept(m: &mut Members<'_>) -> Result<Vec<AcceptExample>, Reject> {
    let path = m.pointer("accept");
    let mut examples = Vec::new();
    for (i, item) in m.list("accept")?.iter().enumerate() {
        let mut m = Members::of(item, &format!("{path}/{i}"))?;
        examples.push(AcceptExample {
            raw: m.text("raw")?.to_owned(),
            local: m.text("local")?.to_owned(),
            national_check: m.text("nationalCheck")?.to_owned(),
        });
        m.finish()?;
    }
    Ok(examples)
}

fn read_reject(m: &mut Members<'_>) -> Result<Vec<(String, String)>, Reject> {
    let path = m.pointer("reject");
    let mut examples = Vec::new();
    for (i, item) in m.list("reject")?.iter().enumerate() {
        let mut m = Members::of(item, &format!("{path}/{i}"))?;
        examples.push((m.text("raw")?.to_owned(), m.text("error")?.to_owned()));
        m.finish()?;
    }
    Ok(examples)
}
