//! The rows of acts that write a body.

use super::*;

impl Scene {
    pub(super) fn body_rows(&self) -> Vec<Row> {
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
}
