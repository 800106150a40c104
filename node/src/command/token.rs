//! `titian-node token`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use titian_contracts::ubin::identifier::Ubin;
use titian_genesis::Genesis;

use super::output::say;
use super::{CommandError, ConfigArgs, Kind};
use crate::rpc::auth::{self, AccessClaims};
use crate::signer::keystore::NodeKey;

/// Make a bearer token for a system: what it may call, for which issuers, until when
#[derive(Debug, Args)]
#[command(after_help = "Example:
  titian-node token --name gateway --scope vc:issue --scope vc:status \\
    --issuer did:ubin:SG:CUSTOMS --days 30 > gateway.token
  titian-node token --name erp --scope etr:read --party UBIN > erp.token")]
pub(super) struct TokenArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The system, as logs shall name it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may call; repeat it
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = auth::SCOPES)]
    scopes: Vec<String>,
    /// The DID of an issuer of this node that it may act for; repeat it
    #[arg(long = "issuer", value_name = "DID")]
    issuers: Vec<String>,
    /// The UBIN of a party whose records it may read with etr:read; repeat it
    #[arg(long = "party", value_name = "UBIN")]
    parties: Vec<String>,
    /// Days until it ends
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
}

pub(super) fn token(args: &TokenArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    for issuer in &args.issuers {
        if !config.issuer.iter().any(|known| known.did == *issuer) {
            return Err(CommandError::new(Kind::Usage, format!("no [[issuer]] has did {issuer}")));
        }
    }
    if args.issuers.is_empty() && args.scopes.iter().any(|scope| scope.starts_with("vc:")) {
        let message = "a token with a scope of vc needs --issuer";
        return Err(CommandError::new(Kind::Usage, message));
    }
    check_parties(args)?;
    let bytes = std::fs::read(&config.node.genesis).map_err(|fault| {
        CommandError::refused(format!("genesis {}: {fault}", config.node.genesis.display()))
    })?;
    let genesis = Genesis::parse(&bytes).map_err(CommandError::refused)?;
    let key = NodeKey::load_or_create(&config.admin.token_key).map_err(CommandError::refused)?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    let claims = AccessClaims {
        aud: genesis.chain,
        iat: now_s,
        exp: now_s.saturating_add(args.days * 86_400),
        scope: args.scopes.join(" "),
        issuers: args.issuers.clone(),
        parties: args.parties.clone(),
        sub: args.name.clone(),
    };
    say!("{}", auth::access_token(&key, &claims).map_err(CommandError::refused)?);
    Ok(())
}

/// A token reads records as parties: who may read but names none would read nothing.
fn check_parties(args: &TokenArgs) -> Result<(), CommandError> {
    if let Some(text) = args.parties.iter().find(|text| Ubin::parse_canonical(text).is_none()) {
        return Err(CommandError::new(Kind::Usage, format!("{text} is no UBIN in canonical form")));
    }
    if args.parties.is_empty() == args.scopes.iter().any(|scope| scope == "etr:read") {
        let message = "scope etr:read and --party go together: a token reads records as a party";
        return Err(CommandError::new(Kind::Usage, message));
    }
    Ok(())
}
