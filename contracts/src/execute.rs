//! The only entrance for a block: parent state and transactions in, changes and receipts out.
//!
//! Invariant: equal inputs give equal outputs on every build. A refused transaction changes
//! nothing and is recorded with its error. [`CheckedTransaction`] only spares work: it remembers
//! under which public keys signatures were found valid; the result is the same without it.

use std::borrow::Borrow;
use std::sync::LazyLock;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::access::{self, authority};
use crate::block::encode;
use crate::context::{Authority, Context, Event, Need};
use crate::digest::{Digest, Tag};
use crate::error::{Code, Reject};
use crate::etr::legal::Opinion;
use crate::merkle;
use crate::op::{Op, Register};
use crate::state::{CHANGE_NODE, Change, Overlay, Reader};
use crate::transaction::{Payload, Transaction, TransactionId};
use crate::{credential, etr, governance, ubin};

static RECEIPT: LazyLock<Tag> = LazyLock::new(|| Tag::new("titian receipt v1"));

/// A transaction that was parsed, and whose signatures were looked at as far as they could be.
#[derive(Clone, Debug)]
pub struct CheckedTransaction {
    /// Its id.
    pub id: TransactionId,
    /// The transaction, or why it is none.
    pub parsed: Result<Transaction, Reject>,
    /// For each signature the public key under which it is valid, if it was found so.
    pub verified: Vec<Option<[u8; 32]>>,
}

impl CheckedTransaction {
    /// Parses `bytes` and verifies every signature against the keys at the head at `time_ms`.
    ///
    /// This is the expensive part (about 40 µs a signature); it needs no lock and may run for many
    /// transactions at once. `head` is as for [`Self::admit`].
    pub fn check(bytes: &[u8], head: &Overlay<'_>, time_ms: u64) -> Self {
        let id = TransactionId::of(bytes);
        let parsed = Transaction::parse(bytes);
        let verified = match &parsed {
            Ok(tx) => verify_all(tx, head, time_ms),
            Err(_) => Vec::new(),
        };
        Self { id, parsed, verified }
    }

    /// Admission to the mempool (ledger.md §3): parses, the chain is ours, the act is known, every
    /// key is active and every signature valid at the head; a part of an import belongs to an open
    /// chunk; nothing of the UBIN register carries data of a natural person, which a block would keep
    /// for good. What fails is refused at the door.
    ///
    /// `head` is state at the head without writes; transactions that are admitted after each other
    /// share it, so that the keys of those who sign much are read once.
    pub fn admit(
        bytes: &[u8],
        chain: &str,
        head: &Overlay<'_>,
        time_ms: u64,
    ) -> Result<Self, Reject> {
        let tx = Transaction::parse(bytes)?;
        check_frame(&tx, chain)?;
        if let Payload::ImportPart(part) = &tx.payload {
            ubin::import::admit(head, part, time_ms)?;
        }
        if let (Payload::Op(op), Register::Ubin) = (&tx.payload, tx.register) {
            ubin::check_door(head, op, time_ms)?;
        }
        let mut verified = Vec::new();
        for (i, (signature, digest)) in tx.signatures().into_iter().enumerate() {
            let field = format!("/sigs/{i}");
            let key = authority::active_key(head, signature, time_ms, &field)?;
            let bytes = key.bytes();
            if bytes.is_none() {
                return Err(Reject::new(Code::BadSignature, &field, "not an Ed25519 key"));
            }
            if !key.verifies(&digest, &signature.signature) {
                return Err(Reject::new(Code::BadSignature, &field, ""));
            }
            verified.push(bytes);
        }
        Ok(Self { id: tx.id, parsed: Ok(tx), verified })
    }
}

/// The outcome of one transaction, part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// The transaction.
    pub id: TransactionId,
    /// The block.
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// Number and field of the refusal; `None` if it was applied.
    pub error: Option<(u16, String)>,
    /// What happened; empty if refused.
    pub events: Vec<Event>,
    /// Warnings; empty if refused.
    pub warnings: Vec<String>,
}

impl Receipt {
    /// The leaf of the receipt root.
    pub fn leaf(&self) -> Digest {
        RECEIPT.hash(&[&encode(self)])
    }
}

/// What a block does.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The changed values, in tree-key order.
    pub changes: Vec<Change>,
    /// One receipt per transaction, in order.
    pub receipts: Vec<Receipt>,
    /// RFC 9162 root over the receipts.
    pub receipt_root: Digest,
    /// RFC 9162 root over the changes.
    pub change_root: Digest,
}

/// The block that is executed.
#[derive(Clone, Copy, Debug)]
pub struct BlockInfo<'a> {
    /// The chain id.
    pub chain: &'a str,
    /// The height.
    pub height: u64,
    /// Block time in ms.
    pub time_ms: u64,
}

/// Executes a block on the state of its parent.
pub fn execute(
    block: BlockInfo<'_>,
    transactions: &[impl Borrow<CheckedTransaction>],
    state: &dyn Reader,
) -> Outcome {
    let mut overlay = Overlay::new(state);
    let mut receipts = Vec::with_capacity(transactions.len());
    for (index, tx) in transactions.iter().enumerate() {
        receipts.push(execute_one(block, index, tx.borrow(), &mut overlay));
    }
    let changes = overlay.into_changes(block.height);
    let receipt_leaves: Vec<Digest> = receipts.iter().map(Receipt::leaf).collect();
    Outcome {
        receipt_root: merkle::root_of("titian receipt node v1", &receipt_leaves),
        change_root: change_root(&changes),
        changes,
        receipts,
    }
}

/// RFC 9162 root over the changes of a block, which are in tree-key order.
pub fn change_root(changes: &[Change]) -> Digest {
    let leaves: Vec<Digest> = changes.iter().map(Change::leaf).collect();
    merkle::root_of(CHANGE_NODE, &leaves)
}

/// What `*_prepare` finds out about an unsigned op: the signers it needs, its warnings, what the law
/// says, and the first check that fails, as of `state`.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The signers it needs.
    pub needs: Vec<Need>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// What the states say that it asks, by country code, whether they warn or not; empty where the law
    /// is not asked. It is there also where a check before that one fails.
    pub opinions: Vec<Opinion>,
    /// What would happen.
    pub events: Vec<Event>,
    /// The first failing check.
    pub fails: Option<Reject>,
}

/// Runs the unsigned ops of a bundle in order on one throw-away overlay, with signatures assumed.
/// One answer per op; after the first that fails there are no more.
pub fn dry_run_bundle(block: BlockInfo<'_>, ops: &[Op], state: &dyn Reader) -> Vec<DryRun> {
    let mut overlay = Overlay::new(state);
    let mut group = etr::bundle::Group::new(ops);
    let mut answers = Vec::new();
    for op in ops {
        let bytes = Transaction::encode("op", op.register, op.value.clone());
        let id = TransactionId::of(&bytes);
        let mut ctx = context(block, &mut overlay, id, &[], Authority::Assumed);
        let opinions = etr::inquiry::of_op(&ctx, op);
        let extent = etr::kernel::Extent::Whole;
        let result = etr::kernel::run(&mut ctx, op, &[], extent, Some(&mut group));
        let fails = result.err();
        let last = fails.is_some();
        answers.push(DryRun {
            needs: ctx.needs,
            warnings: ctx.warnings,
            opinions,
            events: ctx.events,
            fails,
        });
        if last {
            break;
        }
    }
    answers
}

/// Runs an unsigned op on a throw-away overlay, with signatures assumed.
pub fn dry_run(block: BlockInfo<'_>, op: Op, state: &dyn Reader) -> DryRun {
    let mut overlay = Overlay::new(state);
    let bytes = Transaction::encode("op", op.register, op.value.clone());
    let id = TransactionId::of(&bytes);
    let mut ctx = context(block, &mut overlay, id, &[], Authority::Assumed);
    let opinions = match op.register {
        Register::Etr => etr::inquiry::of_op(&ctx, &op),
        _ => Vec::new(),
    };
    let tx = Transaction { id, register: op.register, payload: Payload::Op(Box::new(op)), bytes };
    let result = check_frame(&tx, block.chain).and_then(|()| dispatch(&mut ctx, &tx));
    DryRun {
        needs: ctx.needs,
        warnings: ctx.warnings,
        opinions,
        events: ctx.events,
        fails: result.err(),
    }
}

fn execute_one(
    block: BlockInfo<'_>,
    index: usize,
    checked: &CheckedTransaction,
    overlay: &mut Overlay<'_>,
) -> Receipt {
    let mark = overlay.mark();
    let mut ctx = context(block, overlay, checked.id, &checked.verified, Authority::Signed);
    let result = match &checked.parsed {
        Ok(tx) => check_frame(tx, block.chain).and_then(|()| dispatch(&mut ctx, tx)),
        Err(reject) => Err(reject.clone()),
    };
    let (events, warnings) = (ctx.events, ctx.warnings);
    let (error, events, warnings) = match result {
        Ok(()) => {
            overlay.keep();
            (None, events, warnings)
        }
        Err(reject) => {
            overlay.roll_back(mark);
            (Some((reject.code.number(), reject.field)), Vec::new(), Vec::new())
        }
    };
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    Receipt { id: checked.id, height: block.height, index, error, events, warnings }
}

fn context<'a, 'b>(
    block: BlockInfo<'a>,
    state: &'a mut Overlay<'b>,
    transaction: TransactionId,
    verified: &'a [Option<[u8; 32]>],
    authority: Authority,
) -> Context<'a, 'b> {
    Context {
        state,
        chain: block.chain,
        height: block.height,
        time_ms: block.time_ms,
        transaction,
        verified,
        authority,
        needs: Vec::new(),
        events: Vec::new(),
        warnings: Vec::new(),
    }
}

/// The checks that need no state: our chain, a known act, signatures where they are due.
fn check_frame(tx: &Transaction, chain: &str) -> Result<(), Reject> {
    if tx.payload.ops().iter().any(|op| op.chain != chain) {
        return Err(Reject::new(Code::Malformed, "/chain", "names another chain"));
    }
    if matches!(tx.payload, Payload::Unstage(_)) {
        return Ok(());
    }
    for op in tx.payload.ops() {
        let known = access::scope::ACTS.iter().any(|(register, acts)| {
            *register == op.register.name() && acts.contains(&op.act.as_str())
        });
        if !known {
            return Err(Reject::new(Code::Malformed, "/act", "unknown act"));
        }
    }
    Ok(())
}

fn dispatch(ctx: &mut Context<'_, '_>, tx: &Transaction) -> Result<(), Reject> {
    match (&tx.payload, tx.register) {
        (_, Register::Etr) => etr::apply(ctx, tx),
        (Payload::Op(op), Register::Access) => access::apply(ctx, op),
        (Payload::Op(op), Register::Ubin) => ubin::apply(ctx, op),
        (Payload::ImportPart(part), _) => ubin::import::apply_part(ctx, part),
        (Payload::Op(op), Register::Vc) => credential::apply(ctx, op),
        (Payload::Op(op), Register::Gov) if etr::law_acts::ACTS.contains(&op.act.as_str()) => {
            etr::law_acts::apply(ctx, op)
        }
        (Payload::Op(op), Register::Gov) => governance::apply(ctx, op),
        _ => Err(Reject::new(Code::Malformed, "/kind", "this kind is for etr only")),
    }
}

fn verify_all(tx: &Transaction, head: &Overlay<'_>, time_ms: u64) -> Vec<Option<[u8; 32]>> {
    tx.signatures()
        .into_iter()
        .map(|(signature, digest)| {
            let key = authority::active_key(head, signature, time_ms, "").ok()?;
            if key.verifies(&digest, &signature.signature) { key.bytes() } else { None }
        })
        .collect()
}
