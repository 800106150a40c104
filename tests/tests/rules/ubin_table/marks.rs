//! The rows of acts on marks and closures.

use super::*;

impl Scene {
    pub(super) fn meta_rows(&self) -> Vec<Row> {
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
}
