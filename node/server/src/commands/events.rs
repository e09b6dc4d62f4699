//! `events`: what happened, and with --follow what happens.

use ringmain_protocol::v1::{Event, EventFilter, ListEventsRequest};
use serde_json::Value;

use super::event_view::{CSV_HEAD, event_csv, event_json, event_line};
use crate::cli::{EventsArgs, Format};
use crate::connection::{Clients, failed};
use crate::exit::Failure;
use crate::output::{self, formats, yaml};

/// Events asked for in one call.
const PAGE: u32 = 500;

/// Prints the history, or follows; one line for each event, a member of one list in YAML.
pub(super) async fn run(args: EventsArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let filter = EventFilter {
        queues: args.queues.clone(),
        contact: args.contact.clone().unwrap_or_default(),
        operator_login: args.operator.clone().unwrap_or_default(),
    };
    let cursor = args.after.clone().unwrap_or_default();
    if args.node.format == Format::Csv {
        output::write_out(&formats::lines([CSV_HEAD.map(str::to_owned).to_vec()])?)?;
    }
    if args.follow {
        return follow(&args, &clients, &cursor, filter).await;
    }
    let (mut cursor, mut left) = (cursor, args.limit);
    while left > 0 {
        let page_size = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let request = ListEventsRequest { page_size, cursor, filter: Some(filter.clone()) };
        let page = clients.supervisor.list_events(request).await.map_err(|error| failed(&error))?;
        let shown = page.events.len().min(left);
        write(&page.events[..shown], args.node.format)?;
        left -= shown;
        if page.next_cursor.is_empty() {
            break;
        }
        cursor = page.next_cursor;
    }
    Ok(())
}

async fn follow(
    args: &EventsArgs,
    clients: &Clients,
    cursor: &str,
    filter: EventFilter,
) -> Result<(), Failure> {
    let mut watch = clients.supervisor.watch_events(cursor, Some(filter));
    loop {
        let response = watch.next().await.map_err(|error| failed(&error))?;
        write(&response.events, args.node.format)?;
    }
}

fn write(events: &[Event], format: Format) -> Result<(), Failure> {
    let json = || events.iter().map(event_json);
    let text = match format {
        Format::Table => events.iter().map(|event| format!("{}\n", event_line(event))).collect(),
        Format::Json => json().map(|event| format!("{event}\n")).collect(),
        Format::Csv => formats::lines(json().map(event_csv))?,
        // Parts of a list that follow each other are one list.
        Format::Yaml if events.is_empty() => String::new(),
        Format::Yaml => yaml::yaml(&Value::Array(json().collect())),
    };
    output::write_out(&text)
}
