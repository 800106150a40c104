//! A closed JSON Schema validator (2020-12) for the keywords that the linter lets schemas use.
//!
//! Invariant: a keyword it does not know makes the answer "unknown", never "valid"; nothing is
//! fetched; patterns run in linear time and the work is counted.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use titian_contracts::time::Date;

use crate::json::canonical;
use crate::time;

/// What evaluation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// The value matches.
    Valid,
    /// JSON pointers of what does not match, at most 16.
    Invalid(Vec<String>),
    /// The schema uses what this validator does not know, or takes too long.
    Limit,
}

/// How many pointers of violations are reported.
pub const POINTERS_MAX: usize = 16;
/// Schema nodes visited at most.
const STEPS_MAX: usize = 100_000;
/// Size of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Nesting of references and values.
const DEPTH_MAX: usize = 64;

/// Evaluates `value` against `schema`.
pub fn evaluate(schema: &Value, value: &Value) -> Evaluation {
    let mut run = Run { root: schema, steps: 0, limit: false, violations: Vec::new() };
    run.check(schema, value, "", 0);
    if run.limit {
        Evaluation::Limit
    } else if run.violations.is_empty() {
        Evaluation::Valid
    } else {
        run.violations.dedup();
        run.violations.truncate(POINTERS_MAX);
        Evaluation::Invalid(run.violations)
    }
}

struct Run<'a> {
    root: &'a Value,
    steps: usize,
    limit: bool,
    violations: Vec<String>,
}

impl Run<'_> {
    fn fail(&mut self, pointer: &str) {
        if self.violations.len() <= POINTERS_MAX {
            self.violations.push(pointer.to_owned());
        }
    }

    /// Whether `value` matches, without keeping violations.
    fn matches(&mut self, schema: &Value, value: &Value, depth: usize) -> bool {
        let kept = std::mem::take(&mut self.violations);
        self.check(schema, value, "", depth);
        let good = self.violations.is_empty();
        self.violations = kept;
        good
    }

    fn check(&mut self, schema: &Value, value: &Value, pointer: &str, depth: usize) {
        self.steps += 1;
        if self.limit || self.steps > STEPS_MAX || depth > DEPTH_MAX {
            self.limit = true;
            return;
        }
        let members = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return self.fail(pointer),
            Value::Object(members) => members,
            _ => {
                self.limit = true;
                return;
            }
        };
        for (keyword, rule) in members {
            match keyword.as_str() {
                "properties" | "required" | "additionalProperties" => {}
                "$ref" | "allOf" | "anyOf" | "oneOf" | "not" => {
                    self.apply(keyword, rule, value, pointer, depth)
                }
                "items" | "contains" => self.list(keyword, rule, value, pointer, depth),
                _ => match simple(keyword, rule, value) {
                    Some(true) => {}
                    Some(false) => self.fail(pointer),
                    None => self.limit = true,
                },
            }
        }
        if let Value::Object(object) = value {
            self.object(members, object, pointer, depth);
        }
    }

    fn apply(&mut self, keyword: &str, rule: &Value, value: &Value, pointer: &str, depth: usize) {
        match (keyword, rule) {
            ("$ref", Value::String(reference)) => {
                let target = reference
                    .strip_prefix("#/$defs/")
                    .and_then(|name| self.root.get("$defs")?.get(name));
                match target {
                    Some(target) => self.check(target, value, pointer, depth + 1),
                    None => self.limit = true,
                }
            }
            ("allOf", Value::Array(all)) => {
                for schema in all {
                    self.check(schema, value, pointer, depth + 1);
                }
            }
            ("anyOf", Value::Array(any)) => {
                if !any.iter().any(|schema| self.matches(schema, value, depth + 1)) {
                    self.fail(pointer);
                }
            }
            ("oneOf", Value::Array(any)) => {
                let matching = any.iter().filter(|s| self.matches(s, value, depth + 1)).count();
                if matching != 1 {
                    self.fail(pointer);
                }
            }
            ("not", schema) => {
                if self.matches(schema, value, depth + 1) {
                    self.fail(pointer);
                }
            }
            _ => self.limit = true,
        }
    }

    fn list(&mut self, keyword: &str, rule: &Value, value: &Value, pointer: &str, depth: usize) {
        let Value::Array(items) = value else { return };
        if keyword == "contains" {
            if !items.iter().any(|item| self.matches(rule, item, depth + 1)) {
                self.fail(pointer);
            }
            return;
        }
        for (i, item) in items.iter().enumerate() {
            self.check(rule, item, &format!("{pointer}/{i}"), depth + 1);
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        pointer: &str,
        depth: usize,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if name.as_str().is_none_or(|name| !object.contains_key(name)) {
                self.fail(&format!("{pointer}/{}", name.as_str().unwrap_or_default()));
            }
        }
        let closed = match schema.get("additionalProperties") {
            None | Some(Value::Bool(true)) => false,
            Some(Value::Bool(false)) => true,
            Some(_) => {
                self.limit = true;
                return;
            }
        };
        for (name, value) in object {
            match properties.and_then(|properties| properties.get(name)) {
                Some(rule) => self.check(rule, value, &format!("{pointer}/{name}"), depth + 1),
                // the name itself is not repeated: it may be anything
                None if closed => self.fail(pointer),
                None => {}
            }
        }
    }
}

/// Keywords that look at one value alone. `None` for an unknown keyword or a malformed rule.
fn simple(keyword: &str, rule: &Value, value: &Value) -> Option<bool> {
    let length = || value.as_str().map(|text| text.chars().count() as u64);
    let count = || value.as_array().map(|items| items.len() as u64);
    let bound = |actual: Option<u64>, holds: fn(u64, u64) -> bool| {
        let limit = rule.as_u64()?;
        Some(actual.is_none_or(|actual| holds(actual, limit)))
    };
    let compare = |holds: fn(Ordering) -> bool| {
        let limit = Decimal::of(rule)?;
        Some(Decimal::of(value).is_none_or(|actual| holds(actual.order(&limit))))
    };
    match keyword {
        "$schema" | "$id" | "$defs" | "$comment" | "title" | "description" | "examples"
        | "default" => Some(true),
        _ if keyword.starts_with("x-") => Some(true),
        "type" => match rule {
            Value::String(name) => of_type(name, value),
            Value::Array(names) => names
                .iter()
                .map(|name| of_type(name.as_str()?, value))
                .try_fold(false, |any, one| one.map(|one| any || one)),
            _ => None,
        },
        "enum" => rule.as_array().map(|allowed| allowed.contains(value)),
        "const" => Some(rule == value),
        "minLength" => bound(length(), |actual, limit| actual >= limit),
        "maxLength" => bound(length(), |actual, limit| actual <= limit),
        "pattern" => match (rule.as_str()?, value.as_str()) {
            (pattern, Some(text)) => Some(compile(pattern)?.is_match(text)),
            (pattern, None) => compile(pattern).map(|_| true),
        },
        "uniqueItems" => match (rule.as_bool()?, value.as_array()) {
            (true, Some(items)) => {
                let mut texts: Vec<String> = items.iter().map(canonical).collect();
                texts.sort_unstable();
                Some(texts.windows(2).all(|pair| matches!(pair, [a, b] if a != b)))
            }
            _ => Some(true),
        },
        "minItems" => bound(count(), |actual, limit| actual >= limit),
        "maxItems" => bound(count(), |actual, limit| actual <= limit),
        "minimum" => compare(Ordering::is_ge),
        "maximum" => compare(Ordering::is_le),
        "exclusiveMinimum" => compare(Ordering::is_gt),
        "exclusiveMaximum" => compare(Ordering::is_lt),
        "format" => match (rule.as_str()?, value.as_str()) {
            ("date" | "date-time", None) => Some(true),
            ("date", Some(text)) => Some(Date::parse(text).is_some()),
            ("date-time", Some(text)) => Some(time::parse(text).is_some()),
            _ => None,
        },
        _ => None,
    }
}

/// A JSON number by its decimal digits, so that fractions compare exactly: ±0.DIGITS × 10^POINT.
/// A fraction has the digits that its double is written with, at most 17.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Neither the first nor the last one is 0; none at all for zero.
    digits: String,
    point: i64,
}

impl Decimal {
    /// `None` for what is no number.
    fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        let text = number.to_string();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let point = i64::try_from(whole.len()).ok()? - zeros;
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, point: 0 });
        }
        Some(Self { negative, digits, point: point.checked_add(exponent.parse().ok()?)? })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// By distance from zero. Digits without zeros at the end compare like text.
    fn size(&self, other: &Self) -> Ordering {
        let nonzero = (!self.is_zero()).cmp(&!other.is_zero());
        nonzero.then(self.point.cmp(&other.point)).then_with(|| self.digits.cmp(&other.digits))
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size(other),
            (true, true) => other.size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// A pattern of ECMA-262 on the linear-time engine. The linter keeps out what that engine lacks;
/// the classes that the two read differently are written out. `None` for what cannot be told.
fn compile(pattern: &str) -> Option<Regex> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match (chars.next()?, inside) {
                ('d', false) => out.push_str("[0-9]"),
                ('d', true) => out.push_str("0-9"),
                ('w', false) => out.push_str("[0-9A-Za-z_]"),
                ('w', true) => out.push_str("0-9A-Za-z_"),
                ('D', false) => out.push_str("[^0-9]"),
                ('W', false) => out.push_str("[^0-9A-Za-z_]"),
                ('b' | 'B' | 'D' | 'W' | 'c' | 'u' | 'x' | 'p' | 'P', _) => return None,
                (escaped, _) => out.extend(['\\', escaped]),
            },
            // the engine gives these inside a class a meaning that ECMA-262 does not
            '[' | '&' | '~' if inside => out.extend(['\\', c]),
            '[' => {
                inside = true;
                out.push(c);
            }
            ']' => {
                inside = false;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    RegexBuilder::new(&out).size_limit(PATTERN_BYTES_MAX).nest_limit(32).build().ok()
}

fn of_type(name: &str, value: &Value) -> Option<bool> {
    Some(match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => return None,
    })
}
