//! Answers to "why": local reads, worked out from the state when they are asked for.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::Party;
use ringmain_routing::command::Role;
use ringmain_telemetry::codes;

use crate::convert::why;
use crate::error;
use crate::named::{self, ContactName, Wanted};
use crate::shared::Shared;
use crate::validate::Problems;

/// Why a contact waits, or why its operator has it. Looks at every operator while the state is held.
pub(crate) fn contact(
    shared: &Shared,
    request: &v1::ExplainContactRequest,
) -> Result<v1::ExplainContactResponse, Error> {
    shared.admit_read()?;
    use v1::explain_contact_request::Name;
    let wanted = Wanted::read(request.name.as_ref().map(|name| match name {
        Name::Contact(id) => ContactName::Id(id),
        Name::Key(key) => ContactName::Key(key),
    }))?;
    let explained = shared.replica.read(|router| {
        let why = router.why_contact(wanted.view(router)?.id)?;
        Some(why::of_contact(&why, router))
    });
    let explained = explained.ok_or_else(named::contact_unknown)?;
    Ok(v1::ExplainContactResponse { stamp: Some(shared.stamp()), ..explained })
}

/// Why an operator gets no contacts. Looks at the foremost of every line while the state is held.
pub(crate) fn operator(
    shared: &Shared,
    request: &v1::ExplainOperatorRequest,
) -> Result<v1::ExplainOperatorResponse, Error> {
    shared.admit_read()?;
    let mut problems = Problems::default();
    let login = problems.name("login", &request.login);
    let login = problems.into_result(login)?;
    let explained = shared.replica.read(|router| match router.party(Role::Operator, &login)? {
        Party::Operator(id) => Some(why::of_operator(&router.why_operator(id)?, router)),
        Party::Gateway(_) => None,
    });
    let explained =
        explained.ok_or_else(|| error::of_code(&codes::NOT_FOUND, "login: nobody is known by this login"))?;
    Ok(v1::ExplainOperatorResponse { stamp: Some(shared.stamp()), ..explained })
}
