//! The table of ubin.md §4 as a whole (ubin-api.md §14 T5): every act is prepared right and applies
//! as it stands; then each precondition that it shares with others is broken in turn, and its own
//! ones after that. One scene holds what every act needs; each try starts from it again.

use crate::ubin_scene::{
    R1, R2, body_args, evidence, moved, next, quote, quote_reason, relation, run, status, text,
    ubin_of,
};
use titian_contracts::access::scope;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo, DryRun};
use titian_contracts::json::Value;
use titian_contracts::op::{self, Op, Register};
use titian_contracts::state::MemoryState;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_tests::world::{World, company_body, outcome_of};

const SG_ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
const MY_ROOT: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];
const MY2: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];

/// Who signs: the role of `*_prepare`, who of them, and the scope or "" for a root.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    R1,
    R2,
    Root,
    Party,
}

/// An act of the table with arguments that apply in the scene.
struct Row {
    act: &'static str,
    role: Role,
    signers: &'static [(&'static str, u64)],
    args: Value,
    /// Members that may be left out.
    optional: &'static [&'static str],
    /// Where a number stands, and the error if it holds nothing, only forwards, or has ended; none
    /// where that is no fault.
    numbers: Vec<(Vec<&'static str>, Option<Code>, Option<Code>)>,
    /// Its own preconditions.
    own: Vec<(&'static str, Value, Code)>,
}

/// Numbers of the scene. All are of SG-UEN but the last two.
const FIRST: &str = "199403865N";
const SECOND: &str = "201912345K";
const SUSPENDED: &str = "202112345A";
const DISSOLVED: &str = "202212345A";
const ANNULLED: &str = "202312345A";
const ALIAS: &str = "202412345A";
const LEAVING: &str = "202512345A";
const MERGING: &str = "202512346A";
const CONVERTED: &str = "202512347A";
const FREE: &str = "199612345K";
const GAINING: &str = "202401000002";
const ABROAD: &str = "202501000007";

fn sg(local: &str) -> Value {
    company_body("SG", "UEN", local, "TITIAN DEMO")
}

fn my(local: &str) -> Value {
    company_body("MY", "BRN", local, "TITIAN DEMO")
}

fn name_of(body: &Value) -> Value {
    body.get("ubin").expect("set").clone()
}

fn reasoned(body: &Value) -> Value {
    body_args(body).with("reason", text("REQUEST"))
}

/// Everything that acts of the table work on.
struct Scene {
    world: World,
    start: MemoryState,
    /// Open consents: to relocate LEAVING, to merge MERGING.
    relocate: Digest,
    merge: Digest,
    /// An open challenge of FIRST, and an acknowledged one of SECOND.
    open: Digest,
    acknowledged: Digest,
}

fn id_of(world: &World, act: &str, args: &Value) -> Digest {
    op::digest_of(Register::Ubin, &world.op(Register::Ubin, act, args.clone()))
}

fn consent(world: &World, body: &Value, kind: &str) -> Value {
    let args = Value::object([
        ("kind", text(kind)),
        ("ubin", name_of(body)),
        ("version", Value::Int(1)),
        ("toAms", text("MY")),
        ("toScheme", text("BRN")),
        ("expiresMs", Value::from(world.time_ms + 30 * DAY_MS)),
    ]);
    if kind == "MERGE" { args.with("successorUbin", name_of(&my(ABROAD))) } else { args }
}

fn challenge(body: &Value, ground: &str) -> Value {
    Value::object([
        ("by", name_of(&my(ABROAD))),
        ("ubin", name_of(body)),
        ("version", Value::Int(1)),
        ("ground", text(ground)),
        ("fields", Value::List(vec![text("/legalName/value")])),
        ("evidence", evidence()),
    ])
}

fn scene() -> Scene {
    let mut world = World::new();
    for local in [FIRST, SECOND, SUSPENDED, DISSOLVED, ANNULLED, LEAVING, MERGING, CONVERTED] {
        run(&mut world, "register", &sg(local), R1).expect("registered");
    }
    let abroad = world.register_company("MY:SSM", "BRN", ABROAD, "CHALLENGER");
    world.bind_business_key("MY:SSM", &abroad, &["etr.*", "ubin.challenge_*"]);
    let mut act = |act: &str, args: Value, signers: &[(&str, u64)]| {
        let id = id_of(&world, act, &args);
        world.act(Register::Ubin, act, args, signers).unwrap_or_else(|c| panic!("{act}: {c:?}"));
        id
    };
    let suspended = next(&sg(SUSPENDED), &[("status", status("SUSPENDED"))]);
    act("suspend", reasoned(&suspended), R1);
    act("dissolve", reasoned(&moved(&sg(DISSOLVED), "DISSOLVED")), R2);
    let alias = Value::object([("ubin", name_of(&sg(SECOND))), ("alias", name_of(&sg(ALIAS)))]);
    act("alias_add", alias, R1);
    let key = [(abroad.as_str(), 1)];
    let open = act("challenge_open", challenge(&sg(FIRST), "NAME"), &key);
    let acknowledged = act("challenge_open", challenge(&sg(SECOND), "NAME"), &key);
    act("challenge_ack", Value::object([("id", acknowledged.into())]), R1);
    let annul = quote_reason(&world, &ubin_of(&sg(ANNULLED)));
    world.act(Register::Ubin, "annul", annul, R2).expect("annulled");
    let new = company_body("SG", "UEN", "T24LL0001A", "TITIAN DEMO LLP")
        .with("relations", relation("SUCCESSOR_OF", &ubin_of(&sg(CONVERTED)).to_string()));
    let convert = quote_reason(&world, &ubin_of(&sg(CONVERTED))).with("body", new);
    world.act(Register::Ubin, "convert", convert, R2).expect("converted");
    let mut consented = |local: &str, kind: &str| {
        let args = consent(&world, &sg(local), kind);
        let id = id_of(&world, "consent_out", &args);
        world.act(Register::Ubin, "consent_out", args, R2).expect("consented");
        id
    };
    let (relocate, merge) = (consented(LEAVING, "RELOCATE"), consented(MERGING, "MERGE"));
    let start = world.state.clone();
    Scene { world, start, relocate, merge, open, acknowledged }
}

impl Scene {
    /// Runs an act on the scene; the scene stays as it was.
    fn attempt(&mut self, act: &str, args: &Value, signers: &[(&str, u64)]) -> Result<(), Code> {
        let op = self.world.sign(&self.world.op(Register::Ubin, act, args.clone()), signers);
        let (height, time_ms) = (self.world.height, self.world.time_ms);
        let result = outcome_of(self.world.run(&op)).map(|_| ());
        if result.is_err() {
            assert_eq!(self.world.state.0, self.start.0, "{act}: a refused act changes nothing");
        }
        self.world.state = self.start.clone();
        (self.world.height, self.world.time_ms) = (height, time_ms);
        result
    }

    fn prepare(&self, act: &str, args: &Value) -> DryRun {
        let op = self.world.op(Register::Ubin, act, args.clone());
        let op = Op::from_value(op).expect("an op");
        let world = &self.world;
        let chain = &world.genesis.chain;
        let block = BlockInfo { chain, height: world.height + 1, time_ms: world.time_ms };
        execute::dry_run(block, op, &world.state)
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.body_rows();
        rows.extend(self.meta_rows());
        rows.extend(self.border_rows());
        rows.extend(self.other_rows());
        rows
    }

    fn body_rows(&self) -> Vec<Row> {
        let first = sg(FIRST);
        let plain = |old: &Value, code: &str| next(old, &[("status", status(code))]);
        let number = |missing| vec![(vec!["body", "ubin"], missing, Some(Code::TerminalStatus))];
        let unknown = Some(Code::UbinUnknown);
        let row = |act, role: Role, args: Value, own| Row {
            act,
            role,
            signers: if role == Role::R1 { R1 } else { R2 },
            args,
            optional: &["reason"],
            numbers: number(unknown),
            own,
        };
        let ended = sg(DISSOLVED);
        let ended = moved(&ended, "DISSOLVED");
        let suspended = plain(&sg(SUSPENDED), "SUSPENDED");
        let update = next(&first, &[("sizeClass", text("SMALL"))]);
        let confirm = next(&first, &[("confirmedOn", text("2026-07-01"))]);
        let needs = |args: &Value| ("no reason", args.without("reason"), Code::ReasonRequired);
        let suspend = reasoned(&plain(&first, "SUSPENDED"));
        let reinstate = reasoned(&plain(&suspended, "ACTIVE"));
        let dissolve = reasoned(&moved(&first, "DISSOLVED"));
        let restore = reasoned(&moved(&ended, "ACTIVE"));
        let bare = |body: &Value| reasoned(&body.without("evidence"));
        let correct = reasoned(&next(&first, &[("registeredOn", text("2020-01-01"))]));
        let closed = next(&sg(CONVERTED), &[]);
        let renumber = next(&first, &[("ubin", name_of(&sg(FREE))), ("displayId", text(FREE))]);
        let renumber = body_args(&renumber).with("ubin", name_of(&first));
        let taken = next(&first, &[("ubin", name_of(&sg(SECOND))), ("displayId", text(SECOND))]);
        vec![
            Row {
                numbers: vec![(vec!["body", "ubin"], None, None)],
                ..row(
                    "register",
                    Role::R1,
                    body_args(&sg(FREE)),
                    vec![
                        (
                            "taken",
                            body_args(&first.with("sizeClass", text("SMALL"))),
                            Code::UbinExists,
                        ),
                        ("an alias", body_args(&sg(ALIAS)), Code::UbinExists),
                        ("same body", body_args(&first), Code::Unchanged),
                        (
                            "no such format",
                            body_args(&sg("1994038654").without("displayId")),
                            Code::LocalFormat,
                        ),
                        (
                            "closed without successor",
                            body_args(&sg(FREE).with("status", status("MERGED"))),
                            Code::BadTransition,
                        ),
                    ],
                )
            },
            row(
                "update",
                Role::R1,
                body_args(&update),
                vec![
                    ("dissolved", body_args(&moved(&first, "DISSOLVED")), Code::BadTransition),
                    ("same body", body_args(&first), Code::Unchanged),
                    (
                        "another registeredOn",
                        body_args(&update.with("registeredOn", text("2024-01-03"))),
                        Code::BadTransition,
                    ),
                    (
                        "another entity",
                        body_args(&update.with("entity", text("ent_x"))),
                        Code::BadTransition,
                    ),
                ],
            ),
            row(
                "confirm",
                Role::R1,
                body_args(&confirm),
                vec![(
                    "more differs",
                    body_args(&confirm.with("sizeClass", text("SMALL"))),
                    Code::ConfirmOnly,
                )],
            ),
            row(
                "suspend",
                Role::R1,
                suspend.clone(),
                vec![
                    needs(&suspend),
                    (
                        "from SUSPENDED",
                        reasoned(&plain(&suspended, "SUSPENDED")),
                        Code::BadTransition,
                    ),
                    (
                        "more differs",
                        reasoned(&plain(&first, "SUSPENDED").with("sizeClass", text("SMALL"))),
                        Code::BadTransition,
                    ),
                ],
            ),
            row(
                "reinstate",
                Role::R1,
                reinstate.clone(),
                vec![
                    needs(&reinstate),
                    ("from ACTIVE", reasoned(&plain(&first, "ACTIVE")), Code::BadTransition),
                ],
            ),
            row(
                "dissolve",
                Role::R2,
                dissolve.clone(),
                vec![
                    needs(&dissolve),
                    ("no evidence", bare(&moved(&first, "DISSOLVED")), Code::EvidenceRequired),
                    ("from DISSOLVED", reasoned(&moved(&ended, "DISSOLVED")), Code::BadTransition),
                ],
            ),
            row(
                "restore",
                Role::R2,
                restore.clone(),
                vec![
                    needs(&restore),
                    ("no evidence", bare(&moved(&ended, "ACTIVE")), Code::EvidenceRequired),
                    ("from ACTIVE", reasoned(&moved(&first, "ACTIVE")), Code::BadTransition),
                ],
            ),
            Row {
                numbers: vec![(vec!["body", "ubin"], unknown, None)],
                ..row(
                    "correct",
                    Role::R2,
                    correct.clone(),
                    vec![
                        needs(&correct),
                        (
                            "the successor lives",
                            reasoned(&closed).with("clear", text("CLOSURE")),
                            Code::SuccessorLive,
                        ),
                        (
                            "nothing to clear",
                            correct.with("clear", text("MARK")),
                            Code::BadTransition,
                        ),
                    ],
                )
            },
            Row {
                numbers: vec![
                    (vec!["ubin"], unknown, Some(Code::TerminalStatus)),
                    (vec!["body", "ubin"], None, None),
                ],
                ..row(
                    "renumber",
                    Role::R2,
                    renumber.clone(),
                    vec![("taken", renumber.with("body", taken), Code::UbinExists)],
                )
            },
        ]
    }

    fn meta_rows(&self) -> Vec<Row> {
        let (first, second) = (ubin_of(&sg(FIRST)), ubin_of(&sg(SECOND)));
        let row = |act, args: Value, numbers, own| Row {
            act,
            role: Role::R2,
            signers: R2,
            args,
            optional: &[],
            numbers,
            own,
        };
        let ended = Some(Code::TerminalStatus);
        let unknown = Some(Code::UbinUnknown);
        let needs = |args: &Value| ("no reason", args.without("reason"), Code::ReasonRequired);
        let annul = quote_reason(&self.world, &first);
        let duplicate = annul.with("canonical", Value::from(second.to_string()));
        let new = company_body("SG", "UEN", "T24LL0002A", "TITIAN DEMO LLP")
            .with("relations", relation("SUCCESSOR_OF", &first.to_string()));
        let convert = annul.with("body", new.clone());
        let taken = sg(SECOND).with("relations", relation("SUCCESSOR_OF", &first.to_string()));
        let absorbed = |items| duplicate.without("canonical").with("absorbed", Value::List(items));
        let one = quote(&self.world, &second);
        let merge = absorbed(vec![one.clone()]).with("date", text("2026-07-01"));
        let dead = quote(&self.world, &ubin_of(&sg(DISSOLVED)));
        let invalid = Some(Code::SurvivorInvalid);
        vec![
            row("annul", annul.clone(), vec![(vec!["ubin"], unknown, ended)], vec![needs(&annul)]),
            row(
                "duplicate",
                duplicate.clone(),
                vec![
                    (vec!["ubin"], unknown, ended),
                    (vec!["canonical"], None, Some(Code::CanonicalInvalid)),
                ],
                vec![
                    needs(&duplicate),
                    (
                        "itself",
                        duplicate.with("canonical", Value::from(first.to_string())),
                        Code::CanonicalInvalid,
                    ),
                    (
                        "nothing there",
                        duplicate.with("canonical", name_of(&sg(FREE))),
                        Code::CanonicalInvalid,
                    ),
                    (
                        "of another state",
                        duplicate.with("canonical", name_of(&my(ABROAD))),
                        Code::NotOwner,
                    ),
                ],
            ),
            row(
                "convert",
                convert.clone(),
                vec![(vec!["ubin"], unknown, ended), (vec!["body", "ubin"], None, None)],
                vec![
                    needs(&convert),
                    ("taken", convert.with("body", taken), Code::UbinExists),
                    (
                        "not live",
                        quote_reason(&self.world, &ubin_of(&sg(DISSOLVED))).with("body", new),
                        Code::BadTransition,
                    ),
                ],
            ),
            row(
                "merge",
                merge.clone(),
                vec![
                    (vec!["ubin"], invalid, invalid),
                    (vec!["absorbed", "0", "ubin"], unknown, ended),
                ],
                vec![
                    needs(&merge),
                    ("nobody", merge.with("absorbed", Value::List(Vec::new())), Code::Malformed),
                    (
                        "seventeen",
                        merge.with("absorbed", Value::List(vec![one; 17])),
                        Code::FieldLimit,
                    ),
                    (
                        "not live",
                        merge.with("absorbed", Value::List(vec![dead])),
                        Code::BadTransition,
                    ),
                    (
                        "in the future",
                        merge.with("date", text("2026-07-09")),
                        Code::FutureEffective,
                    ),
                ],
            ),
        ]
    }

    fn border_rows(&self) -> Vec<Row> {
        let world = &self.world;
        let first = sg(FIRST);
        let out = consent(world, &first, "RELOCATE").with("successorUbin", name_of(&my(GAINING)));
        let body = my(GAINING)
            .with("entity", sg(LEAVING).get("entity").expect("set").clone())
            .with("relations", relation("RELOCATED_FROM", &ubin_of(&sg(LEAVING)).to_string()));
        let continue_in = body_args(&body).with("consent", self.relocate.into());
        let merge_in = quote_reason(world, &ubin_of(&my(ABROAD)))
            .with("date", text("2026-07-01"))
            .with("consents", Value::List(vec![self.merge.into()]));
        let by_id = |id: Digest| Value::object([("id", id.into())]);
        let invalid = Some(Code::SurvivorInvalid);
        let late = |days: u64| out.with("expiresMs", Value::from(world.time_ms + days * DAY_MS));
        vec![
            Row {
                act: "consent_out",
                role: Role::R2,
                signers: R2,
                args: out.clone(),
                optional: &["successorUbin"],
                numbers: vec![
                    (vec!["ubin"], Some(Code::UbinUnknown), Some(Code::TerminalStatus)),
                    (vec!["successorUbin"], None, None),
                ],
                own: vec![
                    ("one is open", consent(world, &sg(LEAVING), "MERGE"), Code::ConsentExists),
                    (
                        "not live",
                        consent(world, &sg(DISSOLVED), "RELOCATE").with("version", Value::Int(2)),
                        Code::BadTransition,
                    ),
                    (
                        "half a day",
                        out.with("expiresMs", Value::from(world.time_ms + 1)),
                        Code::LimitExceeded,
                    ),
                    ("181 days", late(181), Code::LimitExceeded),
                    ("to itself", out.with("toAms", text("SG")), Code::Malformed),
                ],
            },
            Row {
                act: "consent_withdraw",
                role: Role::R1,
                signers: R1,
                args: by_id(self.relocate),
                optional: &[],
                numbers: Vec::new(),
                own: vec![("no such", by_id(Digest::ZERO), Code::ConsentMissing)],
            },
            Row {
                act: "continue_in",
                role: Role::R2,
                signers: MY2,
                args: continue_in.clone(),
                optional: &[],
                numbers: vec![(vec!["body", "ubin"], None, None)],
                own: vec![
                    (
                        "no such",
                        continue_in.with("consent", Digest::ZERO.into()),
                        Code::ConsentMissing,
                    ),
                    (
                        "of another kind",
                        continue_in.with("consent", self.merge.into()),
                        Code::ConsentMismatch,
                    ),
                    (
                        "another entity",
                        continue_in.with("body", body.with("entity", text("ent_x"))),
                        Code::BadTransition,
                    ),
                    (
                        "no relation",
                        continue_in.with("body", body.without("relations")),
                        Code::Malformed,
                    ),
                ],
            },
            Row {
                act: "merge_in",
                role: Role::R2,
                signers: MY2,
                args: merge_in.clone(),
                optional: &[],
                numbers: vec![(vec!["ubin"], invalid, None)],
                own: vec![
                    ("no reason", merge_in.without("reason"), Code::ReasonRequired),
                    (
                        "of another kind",
                        merge_in.with("consents", Value::List(vec![self.relocate.into()])),
                        Code::ConsentMismatch,
                    ),
                    (
                        "no such",
                        merge_in.with("consents", Value::List(vec![Digest::ZERO.into()])),
                        Code::ConsentMissing,
                    ),
                ],
            },
        ]
    }

    fn other_rows(&self) -> Vec<Row> {
        let abroad: &'static str = Box::leak(ubin_of(&my(ABROAD)).to_string().into_boxed_str());
        let key: &'static [(&'static str, u64)] = Box::leak(vec![(abroad, 1)].into_boxed_slice());
        let by_id = |id: Digest| Value::object([("id", id.into())]);
        let open = challenge(&sg(SECOND), "STATUS");
        let alias = Value::object([("ubin", name_of(&sg(FIRST))), ("alias", name_of(&sg(FREE)))]);
        let no = |args: Value| ("no such", args, Code::NotFound);
        let reject = by_id(self.acknowledged)
            .with("decision", text("REJECTED"))
            .with("reason", text("OTHER"));
        let uphold = by_id(self.acknowledged).with("decision", text("UPHELD"));
        let cell = |yes: Option<u64>, no: Option<u64>| {
            let row =
                [("YES", Value::from(yes)), ("NO", Value::from(no)), ("UNDECLARED", Value::Int(9))];
            Value::object([("MICRO", Value::object(row))])
        };
        let counts = Value::object([
            ("cc", text("SG")),
            ("metric", text("ubin_women_owned")),
            ("period", text("2026-Q2")),
            ("version", Value::Int(1)),
            ("cells", cell(Some(10), Some(20))),
        ]);
        let entry = SchemeTable::genesis().find("SG", "UEN").expect("in genesis").entry.to_value();
        let entry = entry.with("version", Value::Int(2));
        let put = Value::object([
            ("entry", entry.clone()),
            ("effectiveMs", Value::from(self.world.time_ms + 15 * DAY_MS)),
        ]);
        let suspend = Value::object([
            ("cc", text("SG")),
            ("scheme", text("UEN")),
            ("version", Value::Int(1)),
        ]);
        let row = |act, role, signers, args, own| Row {
            act,
            role,
            signers,
            args,
            optional: &[],
            numbers: Vec::new(),
            own,
        };
        vec![
            Row {
                numbers: vec![
                    (vec!["ubin"], Some(Code::UbinUnknown), Some(Code::TerminalStatus)),
                    (vec!["alias"], None, None),
                ],
                ..row(
                    "alias_add",
                    Role::R1,
                    R1,
                    alias.clone(),
                    vec![
                        ("taken", alias.with("alias", name_of(&sg(SECOND))), Code::UbinExists),
                        (
                            "of another state",
                            alias.with("alias", name_of(&my(GAINING))),
                            Code::NotOwner,
                        ),
                    ],
                )
            },
            Row {
                numbers: vec![(vec!["ubin"], Some(Code::UbinUnknown), None)],
                ..row(
                    "challenge_open",
                    Role::Party,
                    key,
                    open,
                    vec![("made before", challenge(&sg(FIRST), "NAME"), Code::ChallengeState)],
                )
            },
            row(
                "challenge_ack",
                Role::R1,
                R1,
                by_id(self.open),
                vec![
                    no(by_id(Digest::ZERO)),
                    ("acknowledged", by_id(self.acknowledged), Code::ChallengeState),
                ],
            ),
            Row {
                optional: &[],
                ..row(
                    "challenge_decide",
                    Role::R2,
                    R2,
                    reject.clone(),
                    vec![
                        no(reject.with("id", Digest::ZERO.into())),
                        (
                            "not acknowledged",
                            reject.with("id", self.open.into()),
                            Code::ChallengeState,
                        ),
                        ("no reason", reject.without("reason"), Code::ReasonRequired),
                        ("not corrected", uphold, Code::ChallengeNoCorrection),
                        ("no decision", reject.with("decision", text("OPEN")), Code::Malformed),
                    ],
                )
            },
            row(
                "challenge_withdraw",
                Role::Party,
                key,
                by_id(self.acknowledged),
                vec![no(by_id(Digest::ZERO))],
            ),
            row(
                "attest_counts",
                Role::R1,
                R1,
                counts.clone(),
                vec![
                    ("small", counts.with("cells", cell(Some(4), Some(20))), Code::SmallCell),
                    (
                        "one null",
                        counts.with("cells", cell(None, Some(20))),
                        Code::SmallCellComplement,
                    ),
                    ("in the future", counts.with("period", text("2027")), Code::FutureEffective),
                    ("no such state", counts.with("cc", text("XX")), Code::UbinCountryUnknown),
                ],
            ),
            row(
                "scheme_put",
                Role::Root,
                SG_ROOT,
                put.clone(),
                vec![
                    (
                        "too early",
                        put.with("effectiveMs", Value::from(self.world.time_ms)),
                        Code::DelayRunning,
                    ),
                    (
                        "not the next",
                        put.with("entry", entry.with("version", Value::Int(3))),
                        Code::SchemeVersion,
                    ),
                ],
            ),
            row(
                "scheme_suspend",
                Role::Root,
                SG_ROOT,
                suspend.clone(),
                vec![
                    ("not in force", suspend.with("version", Value::Int(2)), Code::SchemeVersion),
                    ("no such scheme", suspend.with("scheme", text("ABC")), Code::SchemeUnknown),
                    ("no such state", suspend.with("cc", text("XX")), Code::UbinCountryUnknown),
                ],
            ),
        ]
    }
}

/// `value` with what stands at `way` replaced.
fn put_at(value: &Value, way: &[&str], new: &Value) -> Value {
    let Some((name, rest)) = way.split_first() else { return new.clone() };
    match value {
        Value::List(items) => {
            let at: usize = name.parse().expect("a place");
            let mut items = items.clone();
            items[at] = put_at(&items[at], rest, new);
            Value::List(items)
        }
        object => object.with(name, put_at(object.get(name).expect("there"), rest, new)),
    }
}

/// The arguments with another number; a body that names it shows no other.
fn renamed(args: &Value, way: &[&str], number: &Value) -> Value {
    let args = put_at(args, way, number);
    if way == ["body", "ubin"] {
        let body = args.get("body").expect("set").without("displayId");
        return args.with("body", body);
    }
    args
}

#[test]
fn t05_the_table_has_a_row_for_each_act() {
    let (_, acts) = scope::ACTS.iter().find(|(register, _)| *register == "ubin").expect("known");
    let rows = scene().rows();
    let mut named: Vec<&str> = rows.iter().map(|row| row.act).collect();
    // bulk import has tests of its own (T13)
    named.push("import_chunk");
    named.sort_unstable();
    let mut acts = acts.to_vec();
    acts.sort_unstable();
    assert_eq!(named, acts);
}

#[test]
fn t05_every_act_is_prepared_right_and_applies() {
    let mut scene = scene();
    for row in scene.rows() {
        let found = scene.prepare(row.act, &row.args);
        assert_eq!(found.fails, None, "{}", row.act);
        assert!(!found.events.is_empty(), "{}", row.act);
        let need = found.needs.first().unwrap_or_else(|| panic!("{}: no signer", row.act));
        let cc = &row.signers[0].0[..2];
        let due = match row.role {
            Role::R1 => ("R1", format!("{cc}:*"), 1),
            Role::R2 => ("R2", format!("{cc}:*"), 2),
            Role::Root => ("root", cc.to_owned(), 2),
            Role::Party => ("party", row.signers[0].0.to_owned(), 1),
        };
        assert_eq!((need.role.as_str(), need.party.clone(), need.count), due, "{}", row.act);
        let scoped = need.scope.starts_with(&format!("ubin.{}:", row.act));
        assert_eq!(scoped, row.role != Role::Root, "{}: {}", row.act, need.scope);
        assert_eq!(scene.attempt(row.act, &row.args, row.signers), Ok(()), "{}", row.act);
    }
}

#[test]
fn t05_every_act_asks_for_its_signers_before_its_content() {
    let mut scene = scene();
    for row in scene.rows() {
        let mut expect = |what: &str, signers: &[(&str, u64)], due: Code| {
            let found = scene.attempt(row.act, &row.args, signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
        };
        let own = &row.signers[0].0[..2];
        let (foreign, root): (&[(&str, u64)], _) =
            if own == "SG" { (MY2, SG_ROOT) } else { (R2, MY_ROOT) };
        expect("another state", foreign_of(&row, foreign), Code::NotOwner);
        let mixed: Vec<(&str, u64)> = row.signers.iter().chain(foreign).copied().collect();
        let mut mixed = mixed;
        mixed.sort_unstable();
        expect("both states", &mixed, Code::NotOwner);
        expect("nobody", &[], Code::QuorumMissing);
        match row.role {
            Role::R2 => expect("one officer", &row.signers[..1], Code::QuorumMissing),
            Role::Root => {
                expect("one root key", &row.signers[..1], Code::QuorumMissing);
                expect("the registrar", R2, Code::QuorumMissing);
            }
            Role::Party => expect("its registrar", MY2, Code::QuorumMissing),
            Role::R1 => {}
        }
        if matches!(row.role, Role::R1 | Role::R2) {
            expect("the root of the state", root, Code::ScopeDenied);
        }
    }
}

/// Keys of a state to which the act of a row does not belong.
fn foreign_of<'a>(row: &Row, foreign: &'a [(&'a str, u64)]) -> &'a [(&'a str, u64)] {
    if row.role == Role::Root { MY_ROOT } else { foreign }
}

#[test]
fn t05_every_member_is_asked_for_and_no_other_is_taken() {
    let mut scene = scene();
    for row in scene.rows() {
        let mut expect = |what: &str, args: Value, due: Code| {
            let found = scene.attempt(row.act, &args, row.signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
        };
        expect("unknown member", row.args.with("remark", text("x")), Code::Malformed);
        for (name, _) in row.args.as_object().expect("an object") {
            let needed = !row.optional.contains(&name.as_str()) && name != "reason";
            if needed {
                expect(&format!("no {name}"), row.args.without(name), Code::Malformed);
            }
            let wrong = row.args.with(name, Value::from(true));
            expect(&format!("{name} is a flag"), wrong, Code::Malformed);
        }
        for name in ["version", "metaSeq"] {
            if row.act == "scheme_suspend" {
                continue; // quotes the version of a scheme: SCHEME_VERSION
            }
            if let Some(Value::Int(version)) = row.args.get(name) {
                let ahead = row.args.with(name, Value::Int(version + 1));
                expect(&format!("{name} ahead"), ahead, Code::VersionConflict);
            }
        }
        if let Some(body) = row.args.get("body") {
            let with = |name: &str, value: Value| row.args.with("body", body.with(name, value));
            let version = body.get("version").and_then(Value::as_int).expect("set");
            expect(
                "version ahead",
                with("version", Value::Int(version + 1)),
                Code::VersionConflict,
            );
            expect("another prev", with("prev", Digest::ZERO.into()), Code::VersionConflict);
            expect("unknown member of the body", with("remark", text("x")), Code::Malformed);
            expect("no format", with("v", Value::Int(2)), Code::Malformed);
        }
    }
}

#[test]
fn t05_every_number_is_read_and_looked_up() {
    let mut scene = scene();
    for row in scene.rows() {
        for (way, missing, ended) in &row.numbers {
            let mut expect = |what: &str, number: &str, due: Code| {
                let args = renamed(&row.args, way, &text(number));
                let found = scene.attempt(row.act, &args, row.signers);
                let place = format!("{} {way:?}: {what}", row.act);
                assert_eq!(found.map_err(Code::name), Err(due.name()), "{place}");
            };
            expect("check", "SG-UEN-199403865N-G8", Code::UbinCheckFailed);
            expect("country", "XX-UEN-199403865N-G8", Code::UbinCountryUnknown);
            expect("scheme", "SG-ABC-199403865N-G8", Code::UbinSchemeUnknown);
            expect("length", "SG-UEN--G8", Code::UbinLocalLength);
            expect("of a person", "SG-UEN-S0000000X-00", Code::PersonalNumberRefused);
            expect("another spelling", "sg-uen-199403865n-g7", Code::Malformed);
            expect("nothing", "", Code::UbinEmpty);
            expect("too long", &"S".repeat(129), Code::UbinTooLong);
            expect("a character", "SG-UEN-199403865Ö-G7", Code::UbinChar);
            let own = &row.signers[0].0[..2];
            if own == "SG" || row.act == "challenge_open" {
                let free = ubin_of(&sg("199712345K")).to_string();
                let alias = ubin_of(&sg(ALIAS)).to_string();
                let annulled = ubin_of(&sg(ANNULLED)).to_string();
                if let Some(missing) = missing {
                    expect("not registered", &free, *missing);
                    expect("only forwards", &alias, *missing);
                }
                if let Some(ended) = ended {
                    expect("annulled", &annulled, *ended);
                }
            } else if let Some(missing) = missing {
                expect("not registered", &ubin_of(&my("202601000001")).to_string(), *missing);
            }
        }
    }
}

#[test]
fn t05_every_act_has_its_own_preconditions() {
    let mut scene = scene();
    for row in scene.rows() {
        for (what, args, due) in &row.own {
            let found = scene.attempt(row.act, args, row.signers);
            assert_eq!(found.map_err(Code::name), Err(due.name()), "{}: {what}", row.act);
            let prepared = scene.prepare(row.act, args).fails.map(|reject| reject.code.name());
            assert_eq!(prepared, Some(due.name()), "{}: {what}, prepared", row.act);
        }
    }
}
