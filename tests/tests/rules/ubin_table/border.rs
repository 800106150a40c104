//! The rows of moves and mergers across a border.

use super::*;

impl Scene {
    pub(super) fn border_rows(&self) -> Vec<Row> {
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
}
