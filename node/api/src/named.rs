//! How a read names a contact: by its id, or by its gateway's key.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::{ContactId, ContactView, Name, Router};
use ringmain_telemetry::codes;

use crate::error;
use crate::validate::Problems;

/// A name as it stands in a request.
pub(crate) enum ContactName<'a> {
    /// The contact's id.
    Id(&'a str),
    /// Its gateway's key.
    Key(&'a v1::GatewayKey),
}

/// A name that was read.
pub(crate) enum Wanted {
    Id(ContactId),
    Key { gateway: Name, key: Name },
}

impl Wanted {
    /// Reads a name.
    ///
    /// # Errors
    /// When there is none, or it is malformed.
    pub(crate) fn read(name: Option<ContactName<'_>>) -> Result<Wanted, Error> {
        let mut problems = Problems::default();
        let wanted = match name {
            Some(ContactName::Id(id)) => Wanted::Id(problems.contact("contact", id)),
            Some(ContactName::Key(key)) => Wanted::Key {
                gateway: problems.name("key.gateway", &key.gateway),
                key: problems.key("key.key", &key.key),
            },
            None => {
                let problem = "name the contact by its id, or by gateway and key";
                let problem = v1::FieldProblem { field: "name".into(), problem: problem.into() };
                return Err(error::invalid(vec![problem]));
            }
        };
        problems.into_result(wanted)
    }

    /// The contact, if the state remembers it.
    pub(crate) fn view(&self, router: &Router) -> Option<ContactView> {
        match self {
            Wanted::Id(id) => router.contact(*id),
            Wanted::Key { gateway, key } => router.contact_by_key(gateway, key),
        }
    }
}

/// The error for a contact that the state does not remember.
pub(crate) fn contact_unknown() -> Error {
    let message = "contact: not known here; ended contacts are remembered for the key window";
    error::of_code(&codes::NOT_FOUND, message)
}
