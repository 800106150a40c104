//! `template.toml`: what all members agree on before anyone makes a key.

use serde::Deserialize;

use titian_contracts::error::{Code, Reject};
use titian_contracts::limits;

use crate::GenesisError;
use crate::contribution::Contribution;
use crate::devnet::STATES;

/// The last millisecond of the year 9999.
const TIME_MS_MAX: u64 = 253_402_300_799_999;

/// The agreed frame of a network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Template {
    /// Chain id: 3 to 48 of a-z 0-9 `-`; never reused.
    pub chain: String,
    /// Block time of height 0, ms since the Unix epoch.
    pub time_ms: u64,
    /// Version of the rules.
    pub app_version: u32,
    /// Unicode tables of the rules.
    pub unicode_version: String,
    /// A network for tests.
    pub sandbox: bool,
    /// Shortest consultation on a proposal, in seconds. Less than 24 hours is for a network for tests.
    #[serde(default = "consultation_s")]
    pub consultation_s: u64,
    /// The states that must contribute.
    pub members: Vec<String>,
}

const fn consultation_s() -> u64 {
    limits::CONSULTATION_S_MIN
}

impl Template {
    /// Reads the TOML text; unknown keys are refused.
    pub fn parse(text: &str) -> Result<Self, GenesisError> {
        let template: Self = toml::from_str(text)?;
        check_chain(&template.chain)
            .and_then(|()| check_consultation(template.consultation_s, template.sandbox))
            .and_then(|()| check_time(template.time_ms))
            .and_then(|()| check_states(&template.members))
            .map_err(|reject| GenesisError::Form { file: "template.toml".to_owned(), reject })?;
        Ok(template)
    }

    /// Every member contributed exactly once, nobody else did, and all for this chain.
    pub(crate) fn check_members(&self, members: &[Contribution]) -> Result<(), GenesisError> {
        let mut expected: Vec<&str> = self.members.iter().map(String::as_str).collect();
        expected.sort_unstable();
        let given: Vec<&str> = members.iter().map(|member| member.cc.as_str()).collect();
        if let Some(missing) = expected.iter().find(|cc| !given.contains(cc)) {
            return Err(GenesisError::Inconsistent(format!("no contribution of {missing}")));
        }
        if expected != given {
            return Err(GenesisError::Inconsistent(format!(
                "contributions are of {given:?}, the template names {expected:?}"
            )));
        }
        match members.iter().find(|member| member.chain != self.chain) {
            Some(member) => Err(GenesisError::Inconsistent(format!(
                "{} signed for chain {}, the template names {}",
                member.cc, member.chain, self.chain
            ))),
            None => Ok(()),
        }
    }
}

/// Before the year 10000, which RFC 3339 cannot write.
fn check_time(time_ms: u64) -> Result<(), Reject> {
    if time_ms <= TIME_MS_MAX {
        Ok(())
    } else {
        Err(Reject::new(Code::LimitExceeded, "/time-ms", "milliseconds since 1970, before 10000"))
    }
}

/// Member states of ASEAN, each once.
fn check_states(members: &[String]) -> Result<(), Reject> {
    let mut seen: Vec<&str> = Vec::new();
    for cc in members {
        if !STATES.iter().any(|(code, ..)| code == cc) {
            let detail = "codes of ASEAN's member states in capital letters, such as SG";
            return Err(Reject::new(Code::Malformed, "/members", detail));
        }
        if seen.contains(&cc.as_str()) {
            return Err(Reject::new(Code::Malformed, "/members", "each state once"));
        }
        seen.push(cc);
    }
    Ok(())
}

/// 24 hours to 90 days; less in a network for tests.
pub(crate) fn check_consultation(seconds: u64, sandbox: bool) -> Result<(), Reject> {
    let min = if sandbox { 0 } else { limits::CONSULTATION_S_MIN };
    if (min..=limits::CONSULTATION_S_MAX).contains(&seconds) {
        Ok(())
    } else {
        Err(Reject::new(Code::LimitExceeded, "/consultationS", "24 hours to 90 days"))
    }
}

/// The grammar of chain ids.
pub(crate) fn check_chain(chain: &str) -> Result<(), Reject> {
    let shape = (3..=48).contains(&chain.len())
        && chain.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if shape {
        Ok(())
    } else {
        Err(Reject::new(Code::Malformed, "/chain", "3 to 48 of a-z, 0-9 and -"))
    }
}
