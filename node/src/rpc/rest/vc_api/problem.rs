//! Errors of the VC API: `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use titian_api::Refusal;
use titian_contracts::error::Code;
use titian_credential::codes::Fault;

const VCDM: &str = "https://www.w3.org/TR/vc-data-model#";
const SECURITY: &str = "https://w3id.org/security#";

/// What went wrong with a request.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub status: StatusCode,
    /// Name of the rule or check code.
    pub code: String,
    pub detail: String,
    /// JSON pointer of the member it is about; empty if of the whole.
    pub pointer: String,
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.to_owned(),
            pointer: String::new(),
            retry_after_ms: None,
        }
    }

    /// What a request must show that it does not: a token, or a scope.
    pub fn unauthorised(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::Forbidden.name(), detail)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let status = match fault.code {
            "TOO_LARGE" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let detail = "the request is not JSON of the expected form";
        Self { pointer: fault.pointer, ..Self::new(status, fault.code, detail) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.rule() {
            Some(Code::Forbidden) => StatusCode::FORBIDDEN,
            Some(Code::NotFound | Code::UnknownList) => StatusCode::NOT_FOUND,
            Some(Code::CredentialErased | Code::HeightPruned) => StatusCode::GONE,
            Some(
                Code::CredentialExists
                | Code::StatusIrreversible
                | Code::StatusConflict
                | Code::VersionConflict
                | Code::ListRetired,
            ) => StatusCode::CONFLICT,
            Some(Code::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Some(Code::Unavailable | Code::Pending) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let detail = refusal.data.detail.unwrap_or(refusal.message);
        Self {
            pointer: refusal.data.field.unwrap_or_default(),
            retry_after_ms: refusal.data.retry_after_ms,
            ..Self::new(status, &refusal.data.name, &detail)
        }
    }
}

/// The problem type of a code (codes.json).
fn type_of(code: &str) -> String {
    match code {
        "PARSE_ERROR" | "DUPLICATE_KEY" | "NUMBER_RANGE" | "TOO_LARGE" | "TOO_DEEP"
        | "TOO_MANY_NODES" | "ENCODING" => format!("{VCDM}PARSING_ERROR"),
        "UNDEFINED_TERM" | "RELATIVE_IRI" => format!("{SECURITY}DATA_LOSS_DETECTION_ERROR"),
        _ if code.starts_with("PROOF_") || code == "CRYPTOSUITE_UNSUPPORTED" => {
            format!("{SECURITY}PROOF_VERIFICATION_ERROR")
        }
        _ => {
            let fails = |check: &str| {
                titian_credential::codes::TABLE
                    .iter()
                    .any(|(c, name, _)| *c == check && *name == code)
            };
            match fails("syntax") || fails("schema") {
                true => format!("{VCDM}MALFORMED_VALUE_ERROR"),
                false => format!("/problems/{code}"),
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": type_of(&self.code),
            "title": self.code,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if !self.pointer.is_empty() {
            body["pointer"] = json!(self.pointer);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}
