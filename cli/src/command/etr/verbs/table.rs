//! The verbs of acts on a record: what each takes, as data. The order is that of etr.md §5.

use super::{Absent, Flag, Kind, Verb};

const fn flag(
    name: &'static str,
    member: &'static str,
    kind: Kind,
    absent: Absent,
    help: &'static str,
) -> Flag {
    Flag { name, member, kind, absent, help }
}

const ENDORSE: Kind =
    Kind::Choice(&["special", "blank", "restrictive", "collection", "pledge", "none"]);
const TO: Flag = flag("to", "to", Kind::Party, Absent::Required, "Receiver");
const ENDORSEMENT: Flag = flag(
    "endorse",
    "endorse",
    ENDORSE,
    Absent::Text("special"),
    "Endorsement: special, blank, restrictive, collection, pledge or none [default: special]",
);
const NO_RECOURSE: Flag = flag(
    "without-recourse",
    "withoutRecourse",
    Kind::Flag,
    Absent::Leave,
    "Endorse without recourse",
);
const DEADLINE: Flag = flag(
    "deadline",
    "deadlineMs",
    Kind::Deadline,
    Absent::Text("72h"),
    "Time to answer, from when the ledger takes it: 90m, 72h, 14d [default: 72h]",
);
const EVIDENCE: Flag = flag(
    "evidence",
    "evidence",
    Kind::JsonList,
    Absent::Empty,
    "Evidence for conditions or of payment: a JSON list, in a file or as text",
);
const CODE_OTHER: Flag = flag(
    "reason",
    "reason",
    Kind::Text,
    Absent::Text("other"),
    "Reason code: a-z, 0-9 and _ [default: other]",
);
const PLEDGE_NO: Flag =
    flag("no", "no", Kind::Count, Absent::Required, "Number of the pledge in the record");
const ORDER: Flag = flag(
    "order",
    "order",
    Kind::Digest,
    Absent::Required,
    "The court order: its file, or its b3: digest",
);
const LOT: Flag = flag(
    "lot",
    "lots",
    Kind::Lots,
    Absent::Required,
    "Lot: number:unit:amount, for example 1:KGM:5000; repeat it",
);

/// Every act on a record but `issue`, `issue_from_paper` and `amend`, which read contents.
pub(super) const VERBS: &[Verb] = &[
    Verb {
        act: "offer",
        about: "Offer a record to another; it stays with you until accepted",
        example: "etr_5c… --to TH-JP-0105530041751-D9 --endorse special --deadline 72h",
        flags: &[
            TO,
            ENDORSEMENT,
            NO_RECOURSE,
            flag(
                "when",
                "conditions",
                Kind::Json,
                Absent::Null,
                "Conditions: a JSON tree, in a file or as text",
            ),
            flag(
                "irrevocable",
                "irrevocable",
                Kind::Flag,
                Absent::False,
                "The offer cannot be withdrawn before its deadline",
            ),
            DEADLINE,
        ],
    },
    Verb {
        act: "accept",
        about: "Accept an offer: control and title pass to you",
        example: "etr_5c… --as TH-JP-0105530041751-D9 --ack TH:unknown",
        flags: &[EVIDENCE],
    },
    Verb {
        act: "refuse",
        about: "Refuse an offer",
        example: "etr_5c… --reason wrong_goods",
        flags: &[flag("reason", "reason", Kind::Text, Absent::Null, "Reason code: a-z, 0-9 and _")],
    },
    Verb { act: "withdraw", about: "Take an offer back", example: "etr_5c…", flags: &[] },
    Verb {
        act: "expire",
        about: "Note that a deadline has passed; anyone may, and nobody signs",
        example: "etr_5c…",
        flags: &[],
    },
    Verb {
        act: "deliver",
        about: "Hand a record over in one step; the receiver signs too or has agreed beforehand",
        example: "etr_5c… --to TH-JP-0105530041751-D9 --consent-no 1",
        flags: &[
            TO,
            ENDORSEMENT,
            NO_RECOURSE,
            flag(
                "consent-no",
                "consentNo",
                Kind::Count,
                Absent::Null,
                "Standing consent of the receiver that covers this",
            ),
        ],
    },
    Verb {
        act: "assign_control",
        about: "Pass the right of control; giver, receiver and obligor sign",
        example: "etr_5c… --to TH-JP-0105530041751-D9 --stage",
        flags: &[TO],
    },
    Verb {
        act: "succeed",
        about: "Take the place of a party that merged or was converted into you",
        example: "etr_5c… --role controller --of VN-MST-0100233488-43 --successor VN-MST-0100109106-30",
        flags: &[
            flag(
                "role",
                "role",
                Kind::Choice(&["controller", "obligor", "pledgee"]),
                Absent::Required,
                "Which place: controller, obligor or pledgee",
            ),
            flag("of", "of", Kind::Party, Absent::Required, "Who held it"),
            flag("successor", "successor", Kind::Party, Absent::Required, "Who takes it"),
        ],
    },
    Verb {
        act: "endorse",
        about: "Endorse in place: in blank, or back to your own order",
        example: "etr_5c… --kind blank",
        flags: &[flag(
            "kind",
            "kind",
            Kind::Choice(&["blank", "conversion"]),
            Absent::Text("blank"),
            "blank (to bearer) or conversion (to your order) [default: blank]",
        )],
    },
    Verb {
        act: "annotate",
        about: "Add a coded note with the digest of a document",
        example: "etr_5c… --code on_board --document survey.pdf",
        flags: &[
            flag("code", "code", Kind::Text, Absent::Required, "Code of the note"),
            flag(
                "document",
                "digest",
                Kind::Digest,
                Absent::Required,
                "The document: its file, or its b3: digest",
            ),
        ],
    },
    Verb {
        act: "split",
        about: "Make several records of one, with the same total",
        example: "etr_5c… --part 1:KGM:5000 --part 1:KGM:7000",
        flags: &[flag(
            "part",
            "parts",
            Kind::Parts,
            Absent::Required,
            "Lots of one part: LOT[,LOT…], and what of pledge N goes with it: @N=LOT[,LOT…]; repeat it",
        )],
    },
    Verb {
        act: "merge",
        about: "Make one record of several that differ in quantity, or of receipts whose contents differ",
        example: "etr_5c… --with etr_7d…\n  titian etr merge etr_5c… --with etr_7d… --merged receipt.json",
        flags: &[
            flag("with", "with", Kind::Records, Absent::Required, "The other record; repeat it"),
            flag(
                "leaves",
                "leaves",
                Kind::JsonList,
                Absent::Null,
                "New leaves where the contents differ: a JSON list",
            ),
            flag(
                "open",
                "open",
                Kind::Json,
                Absent::Null,
                "Opened fields of the new content: a JSON object",
            ),
        ],
    },
    Verb {
        act: "pledge",
        about: "Pledge the record or part of it",
        example: "etr_5c… --to TH-JP-0105530041751-D9 --lot 1:KGM:12000 --terms loan.pdf --on default.json",
        flags: &[
            flag("to", "to", Kind::Party, Absent::Required, "Pledgee"),
            LOT,
            flag(
                "terms",
                "terms",
                Kind::Digest,
                Absent::Required,
                "The agreement: its file, or its b3: digest",
            ),
            flag(
                "on",
                "on",
                Kind::Json,
                Absent::Required,
                "When it may be enforced: a condition tree, in a file or as text",
            ),
            flag(
                "cure",
                "cureS",
                Kind::Seconds,
                Absent::Text("72h"),
                "Time to cure after a notice of default [default: 72h]",
            ),
        ],
    },
    Verb {
        act: "release",
        about: "Give up a pledge",
        example: "etr_5c… --no 1 --as TH-JP-0105530041751-D9",
        flags: &[PLEDGE_NO],
    },
    Verb {
        act: "default_notice",
        about: "Give notice of default: the time to cure begins",
        example: "etr_5c… --no 1 --document notice.pdf",
        flags: &[
            PLEDGE_NO,
            flag(
                "document",
                "digest",
                Kind::Digest,
                Absent::Required,
                "The notice: its file, or its b3: digest",
            ),
        ],
    },
    Verb {
        act: "enforce",
        about: "Take or sell what is pledged, after default",
        example: "etr_5c… --no 1 --to TH-JP-0105530041751-D9",
        flags: &[PLEDGE_NO, TO, EVIDENCE],
    },
    Verb {
        act: "surrender",
        about: "Hand the record to the obligor, for delivery of the goods, claim, exchange or paper",
        example: "etr_5c… --kind delivery",
        flags: &[
            flag(
                "kind",
                "kind",
                Kind::Choice(&["delivery", "claim", "exchange", "paper"]),
                Absent::Text("delivery"),
                "delivery, claim, exchange or paper [default: delivery]",
            ),
            flag("reason", "reason", Kind::Text, Absent::Null, "Reason code"),
            DEADLINE,
        ],
    },
    Verb {
        act: "surrender_accept",
        about: "Accept a surrender: the record ends",
        example: "etr_5c… --serial P-0001 --print print.html --statement replaced=statement.txt",
        flags: &[
            flag(
                "document",
                "digest",
                Kind::Digest,
                Absent::Leave,
                "Delivery or claim: a document of it, its file or b3: digest",
            ),
            flag(
                "serial",
                "serials",
                Kind::Texts,
                Absent::Leave,
                "Paper: serial of an original; repeat it",
            ),
            flag(
                "print",
                "print",
                Kind::Digest,
                Absent::Leave,
                "Paper: the print, its file or b3: digest",
            ),
            flag(
                "statement",
                "statement",
                Kind::Statement,
                Absent::Leave,
                "Paper: the printed statement of the change of medium, CODE=FILE or CODE=DIGEST",
            ),
            flag(
                "issued",
                "issued",
                Kind::Texts,
                Absent::Leave,
                "Exchange: a record issued for it in the same bundle; repeat it",
            ),
        ],
    },
    Verb {
        act: "surrender_reject",
        about: "Reject a surrender: the record stays with its holder",
        example: "etr_5c… --reason freight_unpaid",
        flags: &[CODE_OTHER],
    },
    Verb {
        act: "deliver_part",
        about: "Take delivery of part of the goods; the record goes on with the rest",
        example: "etr_5c… --lot 1:KGM:2000",
        flags: &[
            LOT,
            flag(
                "document",
                "digest",
                Kind::Digest,
                Absent::Null,
                "A document of the delivery: its file, or its b3: digest",
            ),
        ],
    },
    Verb {
        act: "present",
        about: "Present a bill, note or cheque for acceptance or payment",
        example: "etr_5c… --for payment --deadline 72h",
        flags: &[
            flag(
                "for",
                "for",
                Kind::Choice(&["acceptance", "payment"]),
                Absent::Text("payment"),
                "acceptance or payment [default: payment]",
            ),
            flag(
                "attester",
                "attesters",
                Kind::Parties,
                Absent::Empty,
                "Who may attest payment; repeat it",
            ),
            DEADLINE,
        ],
    },
    Verb {
        act: "bill_accept",
        about: "Accept a bill as drawee: you owe its sum",
        example: "etr_5c… --amount 100000",
        flags: &[
            flag(
                "amount",
                "amount",
                Kind::Amount,
                Absent::Required,
                "The sum, in the smallest unit of the record",
            ),
            flag(
                "variation",
                "variation",
                Kind::Digest,
                Absent::Null,
                "What is varied: its file, or its b3: digest",
            ),
        ],
    },
    Verb {
        act: "dishonour",
        about: "Refuse acceptance or payment",
        example: "etr_5c… --reason no_funds",
        flags: &[CODE_OTHER],
    },
    Verb {
        act: "pay",
        about: "Record a payment; at zero the record ends",
        example: "etr_5c… --amount 100000 --evidence attestation.json",
        flags: &[
            flag(
                "amount",
                "amount",
                Kind::Amount,
                Absent::Required,
                "The sum, in the smallest unit of the record",
            ),
            EVIDENCE,
        ],
    },
    Verb {
        act: "protest",
        about: "Record a notarial protest",
        example: "etr_5c… --document protest.pdf",
        flags: &[flag(
            "document",
            "digest",
            Kind::Digest,
            Absent::Required,
            "The notarial act: its file, or its b3: digest",
        )],
    },
    Verb {
        act: "notify",
        about: "Give notice of dishonour",
        example: "etr_5c… --to VN-MST-0100233488-43",
        flags: &[flag("to", "to", Kind::Parties, Absent::Required, "Who is notified; repeat it")],
    },
    Verb {
        act: "recourse",
        about: "Demand payment from a party liable before you",
        example: "etr_5c… --against VN-MST-0100233488-43",
        flags: &[flag("against", "against", Kind::Party, Absent::Required, "Who is to pay")],
    },
    Verb {
        act: "recourse_pay",
        about: "Pay on recourse and take the record over",
        example: "etr_5c… --payer VN-MST-0100233488-43",
        flags: &[flag("payer", "payer", Kind::Party, Absent::Required, "Who pays")],
    },
    Verb {
        act: "aval",
        about: "Stand for a sum of the record as guarantor",
        example: "etr_5c… --guarantor TH-JP-0105530041751-D9 --for VN-MST-0100233488-43 --amount 100000",
        flags: &[
            flag("guarantor", "guarantor", Kind::Party, Absent::Required, "Who guarantees"),
            flag("for", "for", Kind::Party, Absent::Required, "For whom"),
            flag(
                "amount",
                "amount",
                Kind::Amount,
                Absent::Required,
                "The sum, in the smallest unit of the record",
            ),
        ],
    },
    Verb {
        act: "stop",
        about: "Countermand payment as drawer",
        example: "etr_5c… --reason lost",
        flags: &[CODE_OTHER],
    },
    Verb {
        act: "cancel",
        about: "End the record; holder and obligor sign",
        example: "etr_5c… --reason issued_in_error --stage",
        flags: &[CODE_OTHER],
    },
    Verb {
        act: "lapse",
        about: "Note that the record has lapsed; anyone may, and nobody signs",
        example: "etr_5c…",
        flags: &[],
    },
    Verb {
        act: "freeze",
        about: "Court: freeze the record until a named end",
        example: "etr_5c… --order order.pdf --until 30d --permit release",
        flags: &[
            ORDER,
            flag(
                "until",
                "untilMs",
                Kind::Deadline,
                Absent::Required,
                "How long from now: 72h, 30d",
            ),
            flag(
                "permit",
                "permits",
                Kind::Texts,
                Absent::Empty,
                "Act that stays allowed; repeat it",
            ),
        ],
    },
    Verb {
        act: "unfreeze",
        about: "End a freeze: a court at any time, anyone after its end",
        example: "etr_5c…",
        flags: &[flag(
            "order",
            "order",
            Kind::Digest,
            Absent::Null,
            "The court order: its file, or its b3: digest",
        )],
    },
    Verb {
        act: "court_notice",
        about: "Court: announce an order; the parties have time to answer",
        example: "etr_5c… --act court_transfer --order order.pdf",
        flags: &[
            flag(
                "act",
                "act",
                Kind::Choice(&["court_transfer", "court_amend", "court_annul"]),
                Absent::Required,
                "court_transfer, court_amend or court_annul",
            ),
            ORDER,
        ],
    },
    Verb {
        act: "court_transfer",
        about: "Court: move control and title",
        example: "etr_5c… --order order.pdf --to VN-MST-0100233488-43 --title bearer",
        flags: &[
            ORDER,
            TO,
            flag(
                "title",
                "title",
                Kind::Title,
                Absent::Required,
                "Title: bearer, none, to_order:UBIN or named:UBIN",
            ),
        ],
    },
    Verb {
        act: "court_amend",
        about: "Court: change the content",
        example: "etr_5c… --order order.pdf --args amendment.json",
        flags: &[
            ORDER,
            flag(
                "leaves",
                "leaves",
                Kind::JsonList,
                Absent::Required,
                "All leaves as they are: a JSON list",
            ),
            flag(
                "changes",
                "changes",
                Kind::JsonList,
                Absent::Required,
                "New leaf hashes by name: a JSON list",
            ),
            flag(
                "text",
                "text",
                Kind::Digest,
                Absent::Required,
                "Text of the change: its file, or its b3: digest",
            ),
        ],
    },
    Verb {
        act: "court_annul",
        about: "Court: annul the record",
        example: "etr_5c… --order order.pdf",
        flags: &[ORDER],
    },
];
