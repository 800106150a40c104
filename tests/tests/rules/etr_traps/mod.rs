//! No state of a record is a trap (I19; etr-api.md A§5.4): from each state that a small model
//! reaches, once every deadline is over, anyone brings the record back to active, and then those who
//! hold it, without obligor, court or issuer, move it on.
//!
//! The model is one record of each shipped profile, four traders and a court, every act with a few
//! arguments ([`alphabet`]), and time that passes to the next deadline. It is searched breadth first
//! over the real kernel, with all signatures assumed; states that differ in ids, digests, times and
//! endorsements alone are one ([`state::State::key`]). `TITIAN_TRAP_STATES` sets how many states of
//! a profile are searched; the ordinary run stops before it has seen them all.

mod alphabet;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use titian_contracts::context::Authority;
use titian_contracts::error::Code;
use titian_contracts::json::Value;

use alphabet::{Ask, asks};
use state::{Model, State};

const STATES: usize = 400;
/// Roles that hold a record or take it over: who can always be asked (etr.md §1).
const HOLDERS: &[&str] = &["K", "Q", "X", "N", "S"];
/// Acts that only say something about a record.
const IDLE: &[&str] = &["annotate", "amend", "protest", "notify", "aval", "pledge"];

/// What a search of one profile found.
#[derive(Debug, Default)]
struct Found {
    states: usize,
    /// Whether there were no more.
    whole: bool,
    ends: BTreeSet<String>,
    /// How often each act was applied.
    acts: BTreeMap<String, usize>,
}

fn search(model: &Model, most: usize) -> Found {
    let mut found = Found { whole: true, ..Found::default() };
    let first = model.first();
    let mut seen = BTreeSet::from([first.key(model)]);
    let mut queue = VecDeque::from([first]);
    while let Some(state) = queue.pop_front() {
        found.states += 1;
        let record = state.record(model);
        if let Some(end) = record.public.end {
            found.ends.insert(end.text().to_owned());
            continue;
        }
        check_way_out(model, &state);
        let mut next = state.later(model);
        for ask in asks(model, &state) {
            let Ok(done) = model.apply(&state, &ask, Authority::Assumed) else { continue };
            *found.acts.entry(ask.act.to_owned()).or_default() += 1;
            next.extend(done.states);
        }
        for state in next {
            if seen.len() >= most {
                found.whole = false;
            } else if seen.insert(state.key(model)) {
                queue.push_back(state);
            }
        }
    }
    found
}

/// Once every deadline is over, anyone leads the record back to active, without a signature; then
/// an act that holders alone sign moves it on.
fn check_way_out(model: &Model, state: &State) {
    let mut late = state.when_all_is_over(model);
    let alone = |late: &State, act: &'static str| {
        let ask = Ask { act, args: Value::object::<&str, _>([]) };
        let ask = if act == "unfreeze" { alphabet::unfreeze() } else { ask };
        let done = model.apply(late, &ask, Authority::Signed);
        done.unwrap_or_else(|code| panic!("trap: {act} is {} in {late:?}", code.name()))
    };
    if late.record(model).public.frozen.is_some() {
        late = alone(&late, "unfreeze").states.remove(0);
    }
    if late.record(model).party.pending.is_some() {
        late = alone(&late, "expire").states.remove(0);
    }
    let status = late.record(model).public.status.text();
    assert_eq!(status, "active", "trap: {late:?}");
    let moves = |ask: &Ask| {
        !IDLE.contains(&ask.act)
            && model.apply(&late, ask, Authority::Assumed).is_ok_and(|done| {
                !done.roles.is_empty()
                    && done.roles.iter().all(|role| HOLDERS.contains(&role.as_str()))
            })
    };
    assert!(asks(model, &late).iter().any(moves), "no holder moves it on: {late:?}");
}

fn most() -> usize {
    let text = std::env::var("TITIAN_TRAP_STATES").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(STATES)
}

#[test]
fn no_state_that_a_small_model_reaches_is_a_trap() {
    let profiles = titian_genesis::profiles::etr_profiles();
    let found: Vec<(String, Found)> = profiles
        .into_par_iter()
        .map(|profile| {
            let model = Model::new(profile);
            (model.profile_id(), search(&model, most()))
        })
        .collect();
    for (id, found) in &found {
        let Found { states, whole, ends, acts } = found;
        let whole = if *whole { "all" } else { "not all" };
        let applied: usize = acts.values().sum();
        println!("{id}: {states} states ({whole}), {applied} acts applied, ends {ends:?}");
        assert!(*states >= 20, "{id}: the search went nowhere");
        assert!(ends.len() >= 2, "{id}: no end was reached but {ends:?}");
    }
}

#[test]
fn the_search_sees_a_trap() {
    // a controller that is no longer live, without successor: its record waits for a court
    let mut model = Model::new(titian_tests::etr_types::profile("promissory-note"));
    let vn = model.traders.vn.clone();
    model.close(&vn);
    let first = model.first();
    let trap = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        check_way_out(&model, &first);
    }));
    assert!(trap.is_err(), "nobody holds it");
    let refused = model.apply(&first, &alphabet::cancel(), Authority::Assumed).map(|_| ());
    assert_eq!(refused, Err(Code::PartyNotLive));
}
