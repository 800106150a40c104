//! What an act sees while it runs: state, block time, its signers; and what it leaves: events.
//!
//! Invariant: an act depends on nothing but [`Context`] and its op. The same rules serve a block
//! ([`Authority::Signed`]) and a dry run for `*_prepare` ([`Authority::Assumed`]), where no
//! signature is asked for and the signers that would be needed are noted down.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::json::Value;
use crate::state::Overlay;
use crate::transaction::TransactionId;

/// Whether signatures are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// A block: every signature counts and is checked.
    Signed,
    /// A dry run: signatures are not there yet; what is needed is noted in [`Context::needs`].
    Assumed,
}

/// A signer that an act needs, for `*_prepare`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// `R1`, `R2`, `root`, `party`, or the role letter of an ETR act.
    pub role: String,
    /// The party that signs; `CC:*` stands for any registrar authority of that state.
    pub party: String,
    /// How many signatures.
    pub count: u64,
    /// The scope that the key must hold; empty if none is asked for.
    pub scope: String,
}

/// What happened, in public terms: one per effect of an act.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// `register.act`.
    pub name: String,
    /// What it is about: a UBIN, party, list, accreditation or record id.
    pub subject: String,
    /// Public details: the JCS text of an object.
    pub data: String,
}

/// The surroundings of one act.
#[derive(Debug)]
pub struct Context<'a, 'b> {
    /// State, as left by the acts before.
    pub state: &'a mut Overlay<'b>,
    /// The chain id.
    pub chain: &'a str,
    /// The height of the block.
    pub height: u64,
    /// Block time in ms.
    pub time_ms: u64,
    /// The transaction that carries the op.
    pub transaction: TransactionId,
    /// For each signature of the transaction: the public key under which it was found valid
    /// before, if it was.
    pub verified: &'a [Option<[u8; 32]>],
    /// Whether signatures are checked.
    pub authority: Authority,
    /// The signers that the act asked for, in a dry run.
    pub needs: Vec<Need>,
    /// The events so far.
    pub events: Vec<Event>,
    /// Warnings of this act (`LOCAL_SHAPE_UNUSUAL` and the like), for receipt and dry run.
    pub warnings: Vec<String>,
}

impl Context<'_, '_> {
    /// Notes an event. `data` holds public values only.
    pub fn emit<K: Into<String>, I: IntoIterator<Item = (K, Value)>>(
        &mut self,
        name: &str,
        subject: &str,
        data: I,
    ) {
        self.emit_text(name.to_owned(), subject, Value::object(data).to_jcs());
    }

    /// The same with the JCS text of the data.
    pub fn emit_text(&mut self, name: String, subject: &str, data: String) {
        self.events.push(Event { name, subject: subject.to_owned(), data });
    }

    /// Notes a signer that the act needs; only a dry run keeps it.
    pub fn need(&mut self, role: &str, party: &str, count: u64, scope: &str) {
        if self.authority == Authority::Assumed {
            self.needs.push(Need {
                role: role.to_owned(),
                party: party.to_owned(),
                count,
                scope: scope.to_owned(),
            });
        }
    }
}
