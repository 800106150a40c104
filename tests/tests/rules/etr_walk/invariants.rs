//! The invariants of etr.md §8, asserted on the model after each step; the ledger is compared with
//! the model, so they hold of it too.

use std::collections::BTreeMap;

use super::model::{Lot, Model, TRADERS, less};
use super::rules::Book;

/// A record that an op changed, and what it was; none before it was opened.
pub type Changed<'a> = (&'a Model, Option<&'a Model>);

/// Acts that the controller signs.
const OF_CONTROLLER: [&str; 18] = [
    "offer",
    "withdraw",
    "deliver",
    "assign_control",
    "endorse",
    "amend",
    "split",
    "merge",
    "pledge",
    "surrender",
    "deliver_part",
    "present",
    "protest",
    "notify",
    "recourse",
    "recourse_pay",
    "aval",
    "cancel",
];

/// Acts that bring units in, let them go or correct them; all others are neutral.
const OF_QUANTITY: [&str; 9] = [
    "issue",
    "issue_from_paper",
    "amend",
    "deliver_part",
    "pay",
    "surrender_accept",
    "cancel",
    "lapse",
    "court_annul",
];

/// Asserts I2 to I13 and I16 to I18 over a step that was applied.
pub fn check(changed: &[Changed<'_>], act: &str, signers: &[usize], id: &str) {
    let court = act.starts_with("court_") || act == "freeze" || act == "unfreeze";
    assert!(court || signers.iter().all(|who| *who < TRADERS), "I16, I18: only businesses act");
    for (new, old) in changed {
        if let Some(old) = old {
            step(old, new, act, signers);
        }
        let pledged = new.pledges.iter().try_fold(new.lots.clone(), |rest, p| less(&rest, &p.lots));
        assert!(new.pledges.is_empty() || pledged.is_some(), "I12: more pledged than held");
        linked(new);
    }
    conserved(changed, act, id);
}

/// I14: a serial that did not come back is of a record that ended on paper.
pub fn serials<'a>(book: &'a Book, of: impl Fn(&str) -> &'a Model) {
    for ((_, serial), (record, consumed)) in &*book.serials {
        let ended = of(record).end;
        assert!(*consumed || ended == Some("paper"), "I14: serial {serial} of a live record");
    }
}

/// I1: a root record comes of an issue, and every other one descends from one that was there. That a
/// number has one root record is asserted where records are taken over.
pub fn opened(known: impl Fn(&str) -> bool, after: &[Model], act: &str, signers: &[usize]) {
    for new in after.iter().filter(|new| !known(&new.id)) {
        if new.from.is_empty() {
            assert_eq!(act, "issue", "I1: a root record comes of an issue");
        }
        assert!(new.from.iter().all(|id| known(id)), "I1: a descendant has parents");
        // by standing consent the receiver need not sign, but somebody does
        assert!(!signers.is_empty(), "I4");
    }
}

fn step(old: &Model, new: &Model, act: &str, signers: &[usize]) {
    if old.end.is_some() {
        // a dead record only learns of its descendants
        let same = Model { into: new.into.clone(), ..old.clone() };
        assert_eq!(*new, same, "I2, I8: the dead stay as they are");
        return;
    }
    assert_eq!(new.seq, old.seq + 1, "I7");
    assert_ne!(new.head, old.head, "I6");
    let amended = act == "amend" || act == "court_amend";
    assert!(amended || new.content_root() == old.content_root(), "I6: the content stays");
    if let Some((.., permits)) = &old.frozen {
        let free = permits.contains(&act) || act.starts_with("court_");
        assert!(free || ["expire", "freeze", "unfreeze"].contains(&act), "I13");
    }
    if OF_CONTROLLER.contains(&act) {
        assert!(
            old.controller.signed(signers),
            "I5: who is in control now signs {act}, nobody else"
        );
    }
    if new.controller != old.controller {
        let ways = ["accept", "deliver", "assign_control", "enforce", "recourse_pay"];
        assert!(ways.contains(&act) || act == "court_transfer", "I3: control moved by {act}");
        let mode = new.word("transfer/mode");
        let assigned = act == "assign_control" || act == "court_transfer";
        assert!(mode != "right_of_control" || assigned, "I11");
        if ["deliver", "assign_control", "recourse_pay"].contains(&act) {
            assert!(old.controller.signed(signers), "I3: the former controller signed");
        }
        if ["accept", "assign_control", "enforce"].contains(&act) {
            assert!(new.controller.of.iter().all(|who| signers.contains(who)), "I4");
        }
    }
}

/// I10: who endorses is whom the entry before endorsed to, or that one was blank, or a gap is flagged.
fn linked(m: &Model) {
    let gap = ["succeed", "enforce", "recourse_pay", "court_transfer"];
    for pair in m.chain.windows(2) {
        let open = pair[0].to.is_none() || gap.contains(&pair[1].kind);
        let follows = pair[0].to.as_ref().is_some_and(|to| to.same(&pair[1].from));
        assert!(open || follows, "I10: {:?}", m.chain);
    }
}

/// I9: per lot code and unit, what lived before and was issued is what lives after and was let go.
fn conserved(changed: &[Changed<'_>], act: &str, id: &str) {
    let mut sums: BTreeMap<(String, &str), i128> = BTreeMap::new();
    let mut add = |lots: &[Lot], sign: i128| {
        for lot in lots {
            *sums.entry((lot.0.clone(), lot.1)).or_default() += sign * i128::from(lot.3);
        }
    };
    for (new, old) in changed {
        if let Some(old) = old.filter(|old| old.end.is_none()) {
            add(&old.lots, -1);
        }
        if new.end.is_none() {
            add(&new.lots, 1);
        }
    }
    if !OF_QUANTITY.contains(&act) {
        assert!(sums.values().all(|sum| *sum == 0), "I9: {act} on {id}: {sums:?}");
    } else if !act.starts_with("issue") && act != "amend" {
        let less = sums.values().all(|sum| *sum <= 0) && sums.values().any(|sum| *sum < 0);
        assert!(less, "I9: {act} on {id} lets units go: {sums:?}");
    }
}
