//! What can be asked of a body without state.

use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::time::Date;
use crate::ubin::acts::{check_entity, check_imported, check_successor_named};
use crate::ubin::body::{Body, PATH};
use crate::ubin::body_rules::{self, Rules};
use crate::ubin::scheme::{self, SchemeTable};
use crate::ubin::vocabulary::SchemeUse;

/// Checks a body as `register` does, as far as that needs no state: the number, the form, every
/// rule of ubin.md §2 and §3 for block date `today`, and for version 1 scheme, pattern and entity.
/// Gives the warnings, sorted. The field of an error is a pointer below the body.
///
/// What only state can say is left to the ledger: whether the number is taken, the version before,
/// whether the scheme is suspended.
pub fn check_body(body: &Value, table: &SchemeTable, today: Date) -> Result<Vec<String>, Reject> {
    judge(body, table, today).map_err(below_body)
}

/// Checks a body that passes [`check_body`] as the version that an import writes after `current`, the
/// body in force, of a record that is not final: version and `prev`, reason and evidence, the move of
/// the status, dates and what never changes. Gives whether two officers must sign. The field of an
/// error is a pointer below the body.
///
/// What other records have a say in is left to the ledger.
pub fn check_change(current: &Value, body: &Value) -> Result<bool, Reject> {
    let judge = || check_imported(&Body::read(current)?, &Body::read(body)?);
    judge().map_err(|mut reject| {
        // no op stands beside the body: its status is the only place of a reason
        if reject.code == Code::ReasonRequired {
            reject.field = format!("{PATH}/status/reason");
        }
        below_body(reject)
    })
}

fn judge(value: &Value, table: &SchemeTable, today: Date) -> Result<Vec<String>, Reject> {
    let number = Members::of(value, PATH)?.text("ubin")?;
    let refuse = |code| Reject::new(code, &format!("{PATH}/ubin"), "");
    let (scheme, ubin) = scheme::known_in(table, number).map_err(refuse)?;
    let body = Body::read(value)?;
    let first = body.version == 1;
    if body.version == 0 || first != body.prev.is_none() {
        return Err(Reject::new(Code::VersionConflict, &format!("{PATH}/version"), ""));
    }
    if first && scheme.entry.usage != SchemeUse::Primary {
        return Err(refuse(Code::SchemeNotPrimary));
    }
    if first && !scheme.is_canonical(&ubin.local) {
        return Err(refuse(Code::LocalFormat));
    }
    let rules = Rules {
        scheme,
        local: &ubin.local,
        deny: table.deny_of(&ubin.cc),
        today,
        known: &|target| scheme::known_in(table, target).map(|_| ()),
    };
    let warnings = body_rules::judge(&body, &rules, &[])?;
    if first {
        check_entity(&body, &ubin)?;
        check_successor_named(&body)?;
    }
    Ok(warnings)
}

/// The error with its field below the body, where an op's path means nothing.
fn below_body(mut reject: Reject) -> Reject {
    if let Some(pointer) = reject.field.strip_prefix(PATH) {
        reject.field = pointer.to_owned();
    }
    reject
}
