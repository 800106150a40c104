//! What the acts of one record do to it, by the documents.

use titian_contracts::digest::Digest;
use titian_tests::etr::DAY_MS;
use titian_tests::etr_types::at;

use super::ask::{Ask, Do};
use super::model::{Link, Lot, Model, Person, Pledged, Title, less};
use super::rules::{Outcome, Refused, must};

pub fn entitled_to_endorse(m: &Model, endorse: Option<&str>) -> Result<(), Refused> {
    must(endorse.is_none() || m.entitled(), "NOT_ENTITLED")
}

pub fn terms(m: &Model, to: &Person, endorse: Option<&str>, flag: bool) -> Result<(), Refused> {
    if m.word("transfer/mode") == "named_once" {
        let named = m.title.party.as_ref().expect("a straight record names one");
        must(named.same(to) && !named.same(&m.controller), "TRANSFER_FORBIDDEN")?;
    }
    must(!to.same(&m.controller), "SELF_TRANSFER")?;
    let free = matches!(endorse, Some("special" | "blank" | "restrictive"));
    must(!flag || (free && m.flag("title/without_recourse")), "ENDORSEMENT_FORBIDDEN")?;
    let Some(kind) = endorse else { return Ok(()) };
    let back = kind == "special" && m.title.principal.as_ref().is_some_and(|p| p.same(to));
    let capacity = match m.title.capacity {
        "owner" => true,
        "collection" => kind == "collection" || back,
        _ => back,
    };
    let allowed = m.lists("title/endorse", kind) && capacity && m.title.kind != "none";
    must(allowed, "ENDORSEMENT_FORBIDDEN")?;
    must(m.title.kind != "named", "TITLE_FINAL")
}

pub fn take(m: &mut Model, to: Person, endorse: Option<&'static str>, flag: bool) {
    let from = m.controller.clone();
    if let Some(kind) = endorse {
        let agent = |capacity, principal| Title {
            kind: "to_order",
            party: Some(to.clone()),
            capacity,
            principal: Some(principal),
        };
        m.title = match kind {
            "special" => Title::of("to_order", Some(to.clone())),
            "restrictive" => Title::of("named", Some(to.clone())),
            "blank" => Title::of("bearer", None),
            "collection" => agent("collection", m.title.principal.clone().unwrap_or(from.clone())),
            _ => agent("pledge", from.clone()),
        };
        let link_to = (kind != "blank").then(|| to.clone());
        link(m, kind, from, link_to, flag);
    }
    m.controller = to;
}

pub fn link(m: &mut Model, kind: &'static str, from: Person, to: Option<Person>, flag: bool) {
    m.chain.push(Link { kind, from, to, flag, released: false, struck: false });
}

pub fn endorse_in_place(m: &mut Model, blank: bool) -> Result<(), Refused> {
    must(m.entitled(), "NOT_ENTITLED")?;
    must(!blank || m.lists("title/endorse", "blank"), "ENDORSEMENT_FORBIDDEN")?;
    must(m.title.capacity == "owner", "ENDORSEMENT_FORBIDDEN")?;
    must(m.title.kind != "named", "TITLE_FINAL")?;
    must(m.title.kind == if blank { "to_order" } else { "bearer" }, "ENDORSEMENT_FORBIDDEN")?;
    let holder = m.controller.clone();
    if blank {
        link(m, "blank", holder, None, false);
        m.title = Title::of("bearer", None);
    } else {
        link(m, "conversion", holder.clone(), Some(holder.clone()), false);
        m.title = Title::of("to_order", Some(holder));
    }
    Ok(())
}

pub fn lapse(m: &mut Model, t: u64) -> Result<(), Refused> {
    let days = at(&m.profile, "lapse/days").as_int().and_then(|d| u64::try_from(d).ok());
    let days = days.expect("a number of days");
    must(days > 0 && t > m.issued + days * DAY_MS, "NOT_LAPSED")?;
    m.die("lapsed");
    Ok(())
}

pub fn amend(m: &mut Model, ask: &Ask, t: u64) -> Result<(), Refused> {
    let (field, hash, lots, by_court) = match &ask.act {
        Do::Amend { field, hash, lots, .. } => (field, hash, lots.as_ref(), false),
        Do::CourtAmend { field, hash } => (field, hash, None, true),
        _ => unreachable!("an amendment"),
    };
    if by_court {
        must(m.issuer == 0, "COURT_DISABLED")?;
        quorum(ask)?;
        ripe(m, "court_amend", t)?;
    } else {
        must(m.entitled(), "NOT_ENTITLED")?;
    }
    let bound = m.bound_fields().contains(field);
    let required = m.lists("fields/required", field);
    let at = m.leaves.iter().position(|(name, _)| name == field);
    match (at, hash) {
        (Some(at), Some(hash)) if m.leaves[at].1 != *hash => m.leaves[at].1 = *hash,
        (Some(at), None) => {
            m.leaves.remove(at);
        }
        (None, Some(hash)) => m.leaves.push((field.clone(), *hash)),
        _ => return Err("CONTENT_MISMATCH"),
    }
    m.leaves.sort();
    if by_court {
        must(!bound && (hash.is_some() || !required), "CONTENT_MISMATCH")?;
        m.notice = None;
    } else {
        must(hash.is_some() || !required, "FIELD_MISSING")?;
        must(!bound, "BOUND_FIELD_MISMATCH")?;
        if let Some(lots) = lots {
            must(!m.parted, "QUANTITY_MISMATCH")?;
            let clean = !lots.is_empty() && lots.iter().all(|lot| lot.3 > 0);
            must(clean, "LOTS_INVALID")?;
            let fits = m
                .pledges
                .iter()
                .try_fold(lots.clone(), |rest, pledge| less(&rest, &pledge.lots))
                .is_some();
            must(fits, "PLEDGE_EXCEEDS")?;
            m.lots = lots.clone();
        }
        if m.lists("fields/essential", field) {
            for link in &mut m.chain {
                link.released |= !link.from.signed(&ask.signers);
            }
        }
    }
    m.version += 1;
    Ok(())
}

pub fn share(m: &Model, lots: &[Lot], shares: &[(u64, Vec<Lot>)]) -> Option<Vec<Pledged>> {
    let mut pledges: Vec<Pledged> = Vec::new();
    let mut rest = lots.to_vec();
    for (no, lots) in shares {
        let whole = m.pledges.iter().find(|pledge| pledge.no == *no)?;
        if pledges.iter().any(|pledge| pledge.no == *no) {
            return None;
        }
        rest = less(&rest, lots)?;
        pledges.push(Pledged { lots: lots.clone(), ..whole.clone() });
    }
    pledges.sort_by_key(|pledge| pledge.no);
    Some(pledges)
}

/// After less is held, pledges shrink from the lowest rank on.
pub fn cut(m: &mut Model) {
    let mut rest = m.lots.clone();
    for pledge in &mut m.pledges {
        for lot in &mut pledge.lots {
            let held = rest.iter_mut().find(|held| held.0 == lot.0);
            let left = held.as_ref().map_or(0, |held| held.3);
            lot.3 = lot.3.min(left);
            if let Some(held) = held {
                held.3 -= lot.3;
            }
        }
        pledge.lots.retain(|lot| lot.3 > 0);
    }
    m.pledges.retain(|pledge| !pledge.lots.is_empty());
}

pub fn pledge(m: &mut Model, ask: &Ask, t: u64, op: Digest) -> Result<(), Refused> {
    match &ask.act {
        Do::Pledge { to, lots, on_ms, cure_s } => {
            must(m.entitled(), "NOT_ENTITLED")?;
            must(*lots == m.lots || m.flag("pledge/partial"), "PLEDGE_EXCEEDS")?;
            must(less(&m.free(), lots).is_some(), "PLEDGE_EXCEEDS")?;
            must(m.pledges.len() < 8, "LIMIT_EXCEEDED")?;
            m.pledged += 1;
            m.pledges.push(Pledged {
                no: m.pledged,
                to: *to,
                lots: lots.clone(),
                on_ms: *on_ms,
                cure_s: *cure_s,
                op,
                notice: None,
            });
        }
        Do::Release { no } => {
            must(m.pledges.iter().any(|pledge| pledge.no == *no), "PLEDGE_UNKNOWN")?;
            m.pledges.retain(|pledge| pledge.no != *no);
        }
        Do::DefaultNotice { no } => {
            let pledge = m.pledges.iter_mut().find(|pledge| pledge.no == *no);
            pledge.ok_or("PLEDGE_UNKNOWN")?.notice = Some(t);
        }
        _ => unreachable!("an act on pledges"),
    }
    Ok(())
}

pub fn enforce(
    m: &mut Model,
    no: u64,
    to: &Person,
    t: u64,
    op: Digest,
    out: &mut Outcome,
) -> Result<(), Refused> {
    let pledge = m.pledges.iter().find(|pledge| pledge.no == no).cloned();
    let pledge = pledge.ok_or("PLEDGE_UNKNOWN")?;
    let cured = pledge.notice.map(|notice| notice + pledge.cure_s * 1000);
    must(cured.is_some_and(|cured| cured <= t) && pledge.on_ms <= t, "ENFORCE_UNMET")?;
    let rest = less(&m.lots, &pledge.lots).expect("I12: what is pledged is held");
    let give = |m: &mut Model| {
        let from = m.controller.clone();
        link(m, "enforce", from, Some(to.clone()), true);
        m.title = Title::of("to_order", Some(to.clone()));
        m.controller = to.clone();
    };
    m.pledges.retain(|other| other.no != no);
    if rest.is_empty() {
        give(m);
        return Ok(());
    }
    let mut given = m.child(op, 0, pledge.lots);
    given.pledges.clear();
    give(&mut given);
    let kept = m.child(op, 1, rest);
    m.into = vec![given.id.clone(), kept.id.clone()];
    m.die("split");
    out.records.extend([given, kept]);
    Ok(())
}

/// Two court keys and two registrar keys; the policy of the walk allows every act and is in force.
pub fn quorum(ask: &Ask) -> Result<(), Refused> {
    let count = |keys: [usize; 2]| keys.iter().filter(|key| ask.signers.contains(key)).count();
    must(count([4, 5]) == 2 && count([6, 7]) == 2, "COURT_QUORUM")
}

pub fn ripe(m: &Model, act: &str, t: u64) -> Result<(), Refused> {
    let ripe = m.notice.is_some_and(|(of, ms)| {
        let from = ms + 3 * DAY_MS;
        of == act && from <= t && t <= from + 30 * DAY_MS
    });
    must(ripe, "NOTICE_RUNNING")
}

pub fn court(m: &mut Model, ask: &Ask, t: u64) -> Result<(), Refused> {
    if let Do::Freeze { until, .. } = &ask.act {
        must(*until > t, "BAD_DEADLINE")?;
    }
    let over = m.frozen.as_ref().is_some_and(|(until, ..)| *until < t);
    let lifted = matches!(ask.act, Do::Unfreeze) && over;
    if !lifted {
        // bills that a Malaysian drawer opens are of Malaysia, where no policy stands
        must(m.issuer == 0, "COURT_DISABLED")?;
        quorum(ask)?;
    }
    match &ask.act {
        Do::Freeze { order, until, permits } => {
            must(*until <= t + 90 * DAY_MS, "FREEZE_TOO_LONG")?;
            let renewed = m.frozen.as_ref().is_some_and(|(_, before, _)| before == order);
            must(!renewed && !m.spent.contains(order), "FREEZE_TOO_LONG")?;
            let before = m.frozen.replace((*until, order, permits.clone()));
            m.spent.extend(before.map(|(_, order, _)| order));
        }
        Do::Unfreeze => {
            let (_, order, _) = m.frozen.take().ok_or("NOT_FROZEN")?;
            m.spent.push(order);
        }
        Do::Notice { act } => m.notice = Some((act, t)),
        Do::CourtTransfer { to, title: (kind, party) } => {
            ripe(m, "court_transfer", t)?;
            let ways: &[&str] = match *kind {
                "bearer" => &["blank"],
                "named" => &["restrictive"],
                "to_order" => &["special", "collection", "pledge"],
                _ => &[],
            };
            let endorsed = ways.iter().any(|way| m.lists("title/endorse", way));
            must(m.lists("title/initial", kind) || endorsed, "TITLE_FORBIDDEN")?;
            let from = m.controller.clone();
            link(m, "court_transfer", from, party.clone(), true);
            m.title = Title::of(kind, party.clone());
            m.controller = to.clone();
            m.notice = None;
            m.waiting = None;
        }
        Do::CourtAnnul => {
            ripe(m, "court_annul", t)?;
            m.notice = None;
            m.die("annulled");
        }
        _ => unreachable!("a court act"),
    }
    Ok(())
}
