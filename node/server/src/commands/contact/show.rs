//! `contact show`.

use ringmain_protocol::v1::GetContactRequest;
use ringmain_protocol::v1::get_contact_request::Name;

use super::{Named, named, view};
use crate::cli::ShowArgs;
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output;

/// Shows one contact.
pub(in crate::commands) async fn show(args: ShowArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let name = match named(args.name) {
        Named::Id(contact) => Name::Contact(contact),
        Named::Key(key) => Name::Key(key),
    };
    let request = GetContactRequest { name: Some(name) };
    let response = clients.supervisor.contact(request).await.map_err(|error| failed(&error))?;
    let answer = view::answer(&response.contact.unwrap_or_default(), &response.stamp.unwrap_or_default());
    output::print(&answer, args.node.format, false)
}
