//! Presentment, payment and recourse in the reference model (etr.md §6.6).

use titian_contracts::digest::Digest;
use titian_tests::etr_types::at;

use super::ask::{Ask, Do, uetr};
use super::effects::{cut, link};
use super::model::{Model, Person, Title, Waiting, in_time};
use super::rules::{Book, Outcome, Refused, must};

impl Book {
    pub fn money(
        &self,
        m: &mut Model,
        ask: &Ask,
        t: u64,
        op: Digest,
        out: &mut Outcome,
    ) -> Result<(), Refused> {
        match &ask.act {
            Do::Present { what, attesters, deadline } => {
                must(m.entitled(), "NOT_ENTITLED")?;
                must(in_time(*deadline, t), "BAD_DEADLINE")?;
                let money = m.money.as_ref().expect("an instrument of payment");
                if *what == "acceptance" {
                    let none = m.word("money/acceptance") == "none";
                    must(!none && money.accepted.is_none(), "ALREADY_ACCEPTED")?;
                } else {
                    must(money.due.is_none_or(|due| t >= due), "TOO_EARLY")?;
                }
                let waiting = Waiting::Present { what, attesters: attesters.clone() };
                m.waiting = Some((waiting, *deadline, op));
            }
            Do::BillAccept { amount } => {
                let what = match &m.waiting {
                    Some((Waiting::Present { what, .. }, _, _)) => *what,
                    _ => "",
                };
                must(what == "acceptance", "WRONG_STATE")?;
                must(*amount <= m.sum(), "AMOUNT_EXCEEDS")?;
                m.money.as_mut().expect("money").accepted = Some((*amount, t));
                m.waiting = None;
            }
            Do::Dishonour => {
                let Some((Waiting::Present { what, .. }, _, _)) = &m.waiting else {
                    return Err("WRONG_STATE");
                };
                let what = *what;
                m.dishonour(t, what, Some("no"));
                m.waiting = None;
            }
            Do::Pay { .. } => self.pay(m, ask, t, out)?,
            Do::Stop => m.money.as_mut().expect("money").stopped = true,
            Do::Aval { guarantor, of, amount } => {
                must(*amount <= m.sum(), "AMOUNT_EXCEEDS")?;
                must(*of == 0 || own_place(m, *of).is_some(), "NO_RECOURSE")?;
                must(m.guarantees.len() < 16, "LIMIT_EXCEEDED")?;
                m.guarantees.push((*guarantor, *of, *amount));
            }
            _ => recourse(m, ask, t)?,
        }
        Ok(())
    }

    fn pay(&self, m: &mut Model, ask: &Ask, t: u64, out: &mut Outcome) -> Result<(), Refused> {
        let Do::Pay { amount, words } = &ask.act else { unreachable!("a payment") };
        let presented = match &m.waiting {
            Some((Waiting::Present { attesters, .. }, _, op)) => Some((attesters.clone(), *op)),
            _ => None,
        };
        for word in words {
            let named = (word.by == 3 && word.op == m.issue_op)
                || presented
                    .as_ref()
                    .is_some_and(|(who, op)| who.contains(&word.by) && word.op == *op);
            let fits = word.amount == *amount && uetr(word.no) == uetr(words[0].no);
            must(named && fits, "EVIDENCE_INVALID")?;
        }
        let due = m.money.as_ref().expect("money").due;
        let is_due = due.map_or(presented.is_some(), |due| t >= due);
        must(is_due || m.controller.signed(&ask.signers), "TOO_EARLY")?;
        let partial = m.flag("quantity/partial");
        must(*amount <= m.sum() && (partial || *amount == m.sum()), "AMOUNT_EXCEEDS")?;
        self.use_words(words, out)?;
        m.lots[0].3 -= amount;
        if m.lots[0].3 == 0 {
            m.die("discharged");
        } else {
            m.parted = true;
            cut(m);
        }
        Ok(())
    }
}

/// Where one stands who is liable by itself: the drawer at 0, an endorser at its entry.
fn own_place(m: &Model, who: usize) -> Option<usize> {
    if m.word("parties/issuer") == "drawer" && m.issuer == who {
        return Some(0);
    }
    let liable = m.chain.iter().position(|link| {
        ["special", "blank", "restrictive"].contains(&link.kind)
            && link.from.of.contains(&who)
            && !(link.flag || link.released || link.struck)
    });
    liable.map(|at| at + 1)
}

/// Where one stands who is liable to the controller, and whether as guarantor.
fn place(m: &Model, who: usize) -> Option<(usize, bool)> {
    if m.controller.of.contains(&who) {
        return None;
    }
    if let Some(at) = own_place(m, who) {
        return Some((at, false));
    }
    m.guarantees.iter().filter(|(guarantor, _, _)| *guarantor == who).find_map(|(_, of, _)| {
        let at = if *of == 0 { Some(0) } else { own_place(m, *of) };
        at.map(|at| (at, true))
    })
}

fn recourse(m: &mut Model, ask: &Ask, t: u64) -> Result<(), Refused> {
    let dishonoured = m.money.as_ref().is_some_and(|money| money.dishonoured.is_some());
    match &ask.act {
        Do::Protest => {
            must(dishonoured, "NOT_DISHONOURED")?;
            m.money.as_mut().expect("money").protested = Some(t);
        }
        Do::Notify { to } => {
            must(dishonoured, "NOT_DISHONOURED")?;
            let notified = &mut open(m).3;
            if !notified.contains(to) {
                notified.push(*to);
            }
        }
        Do::Recourse { against } => {
            must(dishonoured, "NOT_DISHONOURED")?;
            let asks = at(&m.profile, "money/protest").as_text() == Some("required");
            let protested = m.money.as_ref().is_some_and(|money| money.protested.is_some());
            must(!asks || protested, "PROTEST_MISSING")?;
            must(place(m, *against).is_some(), "NO_RECOURSE")?;
            let demands = &mut open(m).4;
            if !demands.contains(against) {
                demands.push(*against);
            }
        }
        Do::RecoursePay { payer } => {
            let demanded = dishonoured && open(m).4.contains(payer);
            let (at, guarantor) = place(m, *payer).filter(|_| demanded).ok_or("NO_RECOURSE")?;
            for (n, link) in (1..).zip(&mut m.chain) {
                link.struck |= if guarantor { n > at } else { n >= at };
            }
            let (from, to) = (m.controller.clone(), Person::one(*payer));
            link(m, "recourse_pay", from, Some(to.clone()), true);
            m.title = Title::of("to_order", Some(to.clone()));
            m.controller = to;
            open(m).4.clear();
        }
        _ => unreachable!("an act of recourse"),
    }
    Ok(())
}

type Dishonour = (u64, &'static str, Option<&'static str>, Vec<usize>, Vec<usize>);

fn open(m: &mut Model) -> &mut Dishonour {
    m.money.as_mut().expect("money").dishonoured.as_mut().expect("dishonoured")
}
