//! The W3C VC API (VCALM) over HTTP (vc-api.md A§5).
//!
//! - [`issue`]: issuing, status, custody, status lists; [`problem`]: errors (RFC 9457).

pub(super) mod issue;
mod problem;
