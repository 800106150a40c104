//! The rows of aliases, challenges, imports, figures and schemes.

use super::*;

impl Scene {
    pub(super) fn other_rows(&self) -> Vec<Row> {
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
        let days = |name| (name, Value::Int(3));
        let clock = Value::object([
            ("cc", text("SG")),
            ("version", Value::Int(1)),
            days("acknowledgeDays"),
            days("decideDays"),
            ("personalDataAcknowledgeDays", Value::Int(1)),
            days("personalDataDecideDays"),
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
                "challenge_clock",
                Role::Root,
                SG_ROOT,
                clock.clone(),
                vec![
                    ("not the next", clock.with("version", Value::Int(2)), Code::VersionConflict),
                    ("longer", clock.with("decideDays", Value::Int(31)), Code::LimitExceeded),
                    ("no time", clock.with("acknowledgeDays", Value::Int(0)), Code::LimitExceeded),
                    ("decided first", clock.with("decideDays", Value::Int(2)), Code::LimitExceeded),
                    ("no such state", clock.with("cc", text("XX")), Code::UbinCountryUnknown),
                ],
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
