//! Scopes: `register.act` with an optional `:object`; `*` as last character is a wildcard.

use crate::limits;

/// Every act there is, by register, as scopes name it (ledger.md §7, §8; ubin.md §4; vc.md §5;
/// etr.md §5). A scope that matches none of them is unknown.
pub const ACTS: &[(&str, &[&str])] = &[
    (
        "access",
        &[
            "authority_create",
            "authority_close",
            "key_bind",
            "key_rotate",
            "key_revoke",
            "recover",
            "recover_cancel",
            "deactivate",
            "root_rotate",
            "root_rotate_cancel",
            "mandate_set",
            "mandate_end",
        ],
    ),
    (
        "ubin",
        &[
            "register",
            "update",
            "confirm",
            "suspend",
            "reinstate",
            "dissolve",
            "restore",
            "correct",
            "annul",
            "duplicate",
            "convert",
            "merge",
            "alias_add",
            "renumber",
            "consent_out",
            "consent_withdraw",
            "continue_in",
            "merge_in",
            "challenge_open",
            "challenge_ack",
            "challenge_decide",
            "challenge_withdraw",
            "challenge_clock",
            "import_chunk",
            "attest_counts",
            "scheme_put",
            "scheme_suspend",
        ],
    ),
    (
        "vc",
        &[
            "accreditation_grant",
            "accreditation_suspend",
            "accreditation_reinstate",
            "accreditation_revoke",
            "type_publish",
            "resource_publish",
            "type_deprecate",
            "resource_deprecate",
            "list_create",
            "list_set",
            "list_retire",
            "use_lodge",
            "use_utilise",
            "use_release",
            "use_cancel",
            "anchor_submit",
        ],
    ),
    (
        "etr",
        &[
            "issue",
            "issue_from_paper",
            "offer",
            "accept",
            "refuse",
            "withdraw",
            "expire",
            "deliver",
            "assign_control",
            "succeed",
            "endorse",
            "annotate",
            "amend",
            "split",
            "merge",
            "pledge",
            "release",
            "default_notice",
            "enforce",
            "surrender",
            "surrender_accept",
            "surrender_reject",
            "deliver_part",
            "present",
            "bill_accept",
            "dishonour",
            "pay",
            "protest",
            "notify",
            "recourse",
            "recourse_pay",
            "aval",
            "stop",
            "cancel",
            "lapse",
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
            "consent_set",
            "consent_revoke",
            "stage",
            "unstage",
            "cosign",
            "attest",
            "custody",
        ],
    ),
    (
        "gov",
        &[
            "proposal_open",
            "proposal_vote",
            "proposal_withdraw",
            "recognition_declare",
            "recognition_suspend",
            "recognition_resume",
            "recognition_withdraw",
            "legal_effect_set",
            "regime_set",
            "court_policy_set",
            "rulebook_set",
            "standard_set",
            "evidence_submit",
        ],
    ),
];

/// What a registrar may let the key of a business sign: the registers in which businesses act, and
/// their own keys, mandates and challenges. Who may do what there is asked by the acts themselves.
pub const BUSINESS: &[&str] = &[
    "access.key_*",
    "access.mandate_*",
    "access.recover_cancel",
    "etr.*",
    "ubin.challenge_*",
    "vc.*",
];

/// Whether a granted scope covers an asked one. A grant without object covers every object of its
/// act; a grant with an object covers that object only; a final `*` covers every continuation.
pub fn covers(granted: &str, asked: &str) -> bool {
    if let Some(prefix) = granted.strip_suffix('*') {
        return asked.starts_with(prefix);
    }
    granted == asked || asked.strip_prefix(granted).is_some_and(|rest| rest.starts_with(':'))
}

/// Whether a scope is well formed and names at least one known act.
pub fn is_known(text: &str) -> bool {
    let shape = text.len() <= limits::SCOPE_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:*-/@".contains(&b))
        && text.find('*').is_none_or(|at| at == text.len() - 1);
    if !shape {
        return false;
    }
    let act = match text.split_once(':') {
        Some((_, "")) => return false,
        Some((act, _)) => act,
        None => text,
    };
    ACTS.iter().any(|(register, acts)| {
        acts.iter().any(|name| match act.strip_suffix('*') {
            // a wildcard must at least name its register: `*` alone would grant everything
            Some(prefix) => {
                prefix.contains('.') && format!("{register}.{name}").starts_with(prefix)
            }
            None => act == format!("{register}.{name}"),
        })
    })
}
