//! Services and other names of a party's DID document, as acts set them.
//!
//! Invariant: no name and no free text gets in, only addresses of known kinds.

use super::{PartyEntry, Service};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;

/// What an act says about services and aliases; `None` leaves what is there.
#[derive(Debug)]
pub(super) struct DocumentPart {
    services: Option<Vec<Service>>,
    also_known_as: Option<Vec<String>>,
}

impl DocumentPart {
    /// Reads the optional members `services` and `alsoKnownAs`: `MALFORMED`.
    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, Reject> {
        let services = match members.optional("services") {
            None => None,
            Some(value) => Some(read_services(value, &members.pointer("services"))?),
        };
        let also_known_as = match members.optional("alsoKnownAs") {
            None => None,
            Some(value) => Some(read_aliases(value, &members.pointer("alsoKnownAs"))?),
        };
        Ok(Self { services, also_known_as })
    }

    /// `FIELD_LIMIT` for too many or too long ones.
    pub(super) fn check(&self) -> Result<(), Reject> {
        let services = self.services.as_deref().unwrap_or_default();
        let services_fit = services.len() <= limits::SERVICES_MAX
            && services.iter().all(|service| {
                service.id.len() <= 32 && service.endpoint.len() <= limits::SERVICE_BYTES_MAX
            });
        if !services_fit {
            let detail = "at most 8 services, id 32 and endpoint 256 bytes";
            return Err(Reject::new(Code::FieldLimit, "/args/services", detail));
        }
        let aliases = self.also_known_as.as_deref().unwrap_or_default();
        let aliases_fit = aliases.len() <= limits::ALSO_KNOWN_AS_MAX
            && aliases.iter().all(|alias| alias.len() <= limits::SERVICE_BYTES_MAX);
        if !aliases_fit {
            let detail = "at most 4 other names of 256 bytes";
            return Err(Reject::new(Code::FieldLimit, "/args/alsoKnownAs", detail));
        }
        Ok(())
    }

    /// Takes over what the act says.
    pub(super) fn write(self, entry: &mut PartyEntry) {
        if let Some(services) = self.services {
            entry.services = services;
        }
        if let Some(also_known_as) = self.also_known_as {
            entry.also_known_as = also_known_as;
        }
    }
}

fn read_services(value: &Value, path: &str) -> Result<Vec<Service>, Reject> {
    let items = list(value, path)?;
    let mut services: Vec<Service> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let mut members = Members::of(item, &format!("{path}/{i}"))?;
        let id = members.text("id")?.to_owned();
        let kind = members.text("type")?.to_owned();
        let endpoint = members.text("serviceEndpoint")?.to_owned();
        let id_fits = !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        // `#k1` is a key of the party, `#1` an entry of a list
        let digits = id.strip_prefix('k').unwrap_or(&id);
        let of_others = digits.bytes().all(|b| b.is_ascii_digit());
        if !id_fits || of_others || services.iter().any(|before| before.id == id) {
            return Err(members.malformed("id", "a-z 0-9 and -, none twice, no key's id"));
        }
        if !["LinkedDomains", "StatusListService", "CredentialRegistry"].contains(&kind.as_str()) {
            return Err(members.malformed("type", "unknown type of service"));
        }
        if !endpoint.starts_with("https://") || !is_address(&endpoint) {
            return Err(members.malformed("serviceEndpoint", "an https address is expected"));
        }
        members.finish()?;
        services.push(Service { id, kind, endpoint });
    }
    Ok(services)
}

fn read_aliases(value: &Value, path: &str) -> Result<Vec<String>, Reject> {
    list(value, path)?
        .iter()
        .map(|item| {
            item.as_text()
                .filter(|alias| alias.contains(':') && is_address(alias))
                .map(str::to_owned)
                .ok_or_else(|| Reject::new(Code::Malformed, path, "URIs are expected"))
        })
        .collect()
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Reject> {
    value.as_list().ok_or_else(|| Reject::new(Code::Malformed, path, "a list is expected"))
}

/// Printable ASCII without blanks and quotes.
fn is_address(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}
