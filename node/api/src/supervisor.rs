//! Reads for those who watch. Local, and each says how old it is.

use std::sync::Arc;

use prost::Message;
use ringmain_protocol::v1::supervisor_service_server::SupervisorService;
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::{ContactView, Position, QueueView};
use ringmain_telemetry::codes;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::convert::contact::{contact, operator, state_kind};
use crate::named::{ContactName, Wanted};
use crate::shared::Shared;
use crate::validate::{Problems, cursor};
use crate::watch::{self, Filter};
use crate::{cases, enquiries, error, explain, named};

/// Rows of a page unless the client says otherwise.
const PAGE_DEFAULT: usize = 500;
/// Rows of a page at most.
const PAGE_MAX: usize = 2_000;
/// Bytes of a page: below the 1 MiB of a message with the largest row on top.
const PAGE_BYTES_MAX: usize = 768 * 1024;
/// Slots looked at while the router is held.
const SLOTS_PER_READ: u32 = 512;
/// Slots looked at for one page; a page of a strict filter may be short.
const SLOTS_PER_PAGE: u32 = 200_000;

/// `SupervisorService`.
pub(crate) struct Supervisors {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl SupervisorService for Supervisors {
    type WatchEventsStream = ReceiverStream<Result<v1::WatchEventsResponse, Status>>;

    async fn list_queues(
        &self,
        request: Request<v1::ListQueuesRequest>,
    ) -> Result<Response<v1::ListQueuesResponse>, Status> {
        let request = request.into_inner();
        self.list_queues(&request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn list_operators(
        &self,
        request: Request<v1::ListOperatorsRequest>,
    ) -> Result<Response<v1::ListOperatorsResponse>, Status> {
        let request = request.into_inner();
        self.list_operators(&request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn list_contacts(
        &self,
        request: Request<v1::ListContactsRequest>,
    ) -> Result<Response<v1::ListContactsResponse>, Status> {
        let request = request.into_inner();
        self.list_contacts(&request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn get_contact(
        &self,
        request: Request<v1::GetContactRequest>,
    ) -> Result<Response<v1::GetContactResponse>, Status> {
        let request = request.into_inner();
        self.get_contact(&request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let request = request.into_inner();
        cases::list(&self.shared, &request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn get_case(
        &self,
        request: Request<v1::GetCaseRequest>,
    ) -> Result<Response<v1::GetCaseResponse>, Status> {
        let request = request.into_inner();
        cases::get(&self.shared, &request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn count_cases(
        &self,
        _: Request<v1::CountCasesRequest>,
    ) -> Result<Response<v1::CountCasesResponse>, Status> {
        cases::count(&self.shared).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn list_enquiries(
        &self,
        request: Request<v1::ListEnquiriesRequest>,
    ) -> Result<Response<v1::ListEnquiriesResponse>, Status> {
        let request = request.into_inner();
        enquiries::list(&self.shared, &request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn get_enquiry(
        &self,
        request: Request<v1::GetEnquiryRequest>,
    ) -> Result<Response<v1::GetEnquiryResponse>, Status> {
        let request = request.into_inner();
        enquiries::get(&self.shared, &request).map(Response::new).map_err(|error| error::status(&error))
    }

    async fn explain_contact(
        &self,
        request: Request<v1::ExplainContactRequest>,
    ) -> Result<Response<v1::ExplainContactResponse>, Status> {
        let explained = explain::contact(&self.shared, &request.into_inner());
        explained.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn explain_operator(
        &self,
        request: Request<v1::ExplainOperatorRequest>,
    ) -> Result<Response<v1::ExplainOperatorResponse>, Status> {
        let explained = explain::operator(&self.shared, &request.into_inner());
        explained.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let listed = self.list_events(request.into_inner()).await;
        listed.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        self.watch(request.into_inner()).map(Response::new).map_err(|error| error::status(&error))
    }
}

impl Supervisors {
    fn list_queues(&self, request: &v1::ListQueuesRequest) -> Result<v1::ListQueuesResponse, Error> {
        self.shared.admit_read()?;
        let from = page_start(&request.page_cursor)? as usize;
        let size = page_size(request.page_size)?;
        let (queues, total) = self.shared.replica.read(|router| {
            let views = router.queues();
            let total = views.len();
            let plans = &router.plan().queues;
            let rows = views.iter().zip(plans).skip(from).take(size).map(|(view, plan)| queue(view, plan));
            (rows.collect::<Vec<_>>(), total)
        });
        let next = from + queues.len();
        let next_page_cursor = if next < total { next.to_string() } else { String::new() };
        Ok(v1::ListQueuesResponse { queues, next_page_cursor, stamp: Some(self.shared.stamp()) })
    }

    fn list_operators(&self, request: &v1::ListOperatorsRequest) -> Result<v1::ListOperatorsResponse, Error> {
        self.shared.admit_read()?;
        let size = page_size(request.page_size)?;
        let wanted = |row: &v1::Operator| {
            let kind = row.presence.as_ref().map_or(0, |presence| presence.kind);
            request.presences.is_empty() || request.presences.contains(&kind)
        };
        let read = |from, max| {
            self.shared.replica.read(|router| {
                let (views, next) = router.operators_from(from, max);
                let rows: Vec<_> = views.iter().map(|view| (view.id.slot, operator(view))).collect();
                (rows, next)
            })
        };
        let (operators, next) = collect(page_start(&request.page_cursor)?, size, read, wanted);
        Ok(v1::ListOperatorsResponse { operators, next_page_cursor: next, stamp: Some(self.shared.stamp()) })
    }

    fn list_contacts(&self, request: &v1::ListContactsRequest) -> Result<v1::ListContactsResponse, Error> {
        self.shared.admit_read()?;
        let size = page_size(request.page_size)?;
        let fits = |view: &ContactView| {
            let state: i32 = state_kind(&view.state).into();
            (request.queue.is_empty() || *view.queue == *request.queue)
                && (request.gateway.is_empty() || *view.gateway == *request.gateway)
                && (request.states.is_empty() || request.states.contains(&state))
        };
        let read = |from, max| {
            self.shared.replica.read(|router| {
                let (views, next) = router.contacts_from(from, max);
                let fitting = views.iter().filter(|view| fits(view));
                (fitting.map(|view| (view.id.slot, contact(view, router))).collect(), next)
            })
        };
        let (contacts, next) = collect(page_start(&request.page_cursor)?, size, read, |_| true);
        Ok(v1::ListContactsResponse { contacts, next_page_cursor: next, stamp: Some(self.shared.stamp()) })
    }

    fn get_contact(&self, request: &v1::GetContactRequest) -> Result<v1::GetContactResponse, Error> {
        self.shared.admit_read()?;
        use v1::get_contact_request::Name;
        let wanted = Wanted::read(request.name.as_ref().map(|name| match name {
            Name::Contact(id) => ContactName::Id(id),
            Name::Key(key) => ContactName::Key(key),
        }))?;
        let found = self.shared.replica.read(|router| wanted.view(router).map(|view| contact(&view, router)));
        let contact = found.ok_or_else(named::contact_unknown)?;
        Ok(v1::GetContactResponse { contact: Some(contact), stamp: Some(self.shared.stamp()) })
    }

    async fn list_events(&self, request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Error> {
        self.shared.admit_read()?;
        let size = page_size(request.page_size)?;
        let life = self.shared.life();
        let after = cursor(&request.cursor, life)?.of_this_life()?.unwrap_or_default();
        let replica = &self.shared.replica;
        let filter = replica.read(|router| Filter::read(request.filter, router))?;
        let page = watch::page(replica, after, &filter, size, life).await?;
        let next_cursor = if page.at_end { String::new() } else { life.cursor(page.reached) };
        Ok(v1::ListEventsResponse { events: page.events, next_cursor, stamp: Some(self.shared.stamp()) })
    }

    fn watch(
        &self,
        request: v1::WatchEventsRequest,
    ) -> Result<ReceiverStream<Result<v1::WatchEventsResponse, Status>>, Error> {
        let permit = watch::room(&self.shared)?;
        let replica = &self.shared.replica;
        let filter = replica.read(|router| Filter::read(request.filter, router))?;
        let after = match cursor(&request.cursor, self.shared.life())?.of_this_life()? {
            Some(after) => after,
            None => Position::end_of(replica.read(ringmain_routing::Router::index)),
        };
        Ok(watch::watch(Arc::clone(&self.shared), after, filter, permit))
    }
}

/// Collects a page of rows that are read slot by slot, holding the router only for a part at a time.
pub(crate) fn collect<T: Message>(
    mut from: u32,
    size: usize,
    read: impl Fn(u32, u32) -> (Vec<(u32, T)>, Option<u32>),
    wanted: impl Fn(&T) -> bool,
) -> (Vec<T>, String) {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let last = from.saturating_add(SLOTS_PER_PAGE);
    loop {
        let (part, next) = read(from, SLOTS_PER_READ);
        for (slot, row) in part {
            if !wanted(&row) {
                continue;
            }
            if rows.len() == size || bytes >= PAGE_BYTES_MAX {
                return (rows, slot.to_string());
            }
            bytes += row.encoded_len();
            rows.push(row);
        }
        match next {
            None => return (rows, String::new()),
            Some(next) if next >= last => return (rows, next.to_string()),
            Some(next) => from = next,
        }
    }
}

pub(crate) fn page_size(asked: u32) -> Result<usize, Error> {
    let mut problems = Problems::default();
    let size = problems.at_most("page_size", asked, PAGE_MAX as u32) as usize;
    problems.into_result(if size == 0 { PAGE_DEFAULT } else { size })
}

pub(crate) fn page_start(cursor: &str) -> Result<u32, Error> {
    if cursor.is_empty() {
        return Ok(0);
    }
    cursor.parse().map_err(|_| {
        let message = "page_cursor: is not a cursor that this cluster gave out; send back what was received";
        error::of_code(&codes::INVALID_CURSOR, message)
    })
}

fn queue(view: &QueueView, plan: &QueuePlan) -> v1::Queue {
    let totals = &view.totals;
    v1::Queue {
        id: view.id.0,
        name: view.name.to_string(),
        open: plan.open,
        waiting: u64::from(view.waiting),
        oldest_enqueued_at_ms: view.oldest_enqueued_at.map(|at| at.0),
        offered: u64::from(view.offered),
        handling: u64::from(view.handling),
        wrap_up: u64::from(view.wrap_up),
        entered_total: totals.entered,
        connected_total: totals.connected,
        completed_total: totals.completed,
        abandoned_total: totals.abandoned,
        merged_total: totals.merged,
        requeued_total: totals.requeued,
        target_within_ms: plan.target.within.0,
        target_percent: u32::from(plan.target.percent),
        answered_wait_ms_total: Some(totals.waited_ms),
        answered_in_target_total: Some(totals.connected_in_target),
        expected_wait_ms: view.expected_wait.map(|wait| wait.0),
        wait_band: view.wait_band.map(u32::from),
        parked: u64::from(view.parked),
        for_customer: u64::from(view.for_customer),
    }
}
