//! Reads of enquiries, for those who watch and for operators.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::{EnquiryFilter, EnquiryView, Name, OperatorId};
use ringmain_telemetry::codes;

use crate::convert::enquiry;
use crate::error;
use crate::shared::Shared;
use crate::supervisor::{collect, page_size, page_start};
use crate::validate::Problems;

/// A page of enquiries.
pub(crate) fn list(
    shared: &Shared,
    request: &v1::ListEnquiriesRequest,
) -> Result<v1::ListEnquiriesResponse, Error> {
    shared.admit_read()?;
    let mut problems = Problems::default();
    let contact = Some(&request.contact).filter(|contact| !contact.is_empty());
    let contact = contact.map(|contact| problems.contact("contact", contact));
    let contact = problems.into_result(contact)?;
    let named = |name: &String| Some(name.as_str()).filter(|name| !name.is_empty()).map(Name::from);
    let filter = EnquiryFilter {
        asker: named(&request.asker),
        unit: named(&request.unit),
        contact,
        open: request.open,
        overdue: request.overdue,
    };
    let page = (request.page_size, request.page_cursor.as_str());
    let (enquiries, next_page_cursor) = page_of(shared, &filter, page, |_| true)?;
    Ok(v1::ListEnquiriesResponse { enquiries, next_page_cursor, stamp: Some(shared.stamp()) })
}

/// A page of the open enquiries that an operator may close.
pub(crate) fn list_of(
    shared: &Shared,
    operator: OperatorId,
    request: &v1::OperatorServiceListEnquiriesRequest,
) -> Result<v1::OperatorServiceListEnquiriesResponse, Error> {
    shared.admit_read()?;
    let unit = shared.replica.read(|router| router.operator(operator)).and_then(|view| view.unit);
    let filter = EnquiryFilter { open: Some(true), ..EnquiryFilter::default() };
    let page = (request.page_size, request.page_cursor.as_str());
    let concerns = |view: &EnquiryView| view.asker == operator || view.unit == unit;
    let (enquiries, next_page_cursor) = page_of(shared, &filter, page, concerns)?;
    Ok(v1::OperatorServiceListEnquiriesResponse { enquiries, next_page_cursor })
}

fn page_of(
    shared: &Shared,
    filter: &EnquiryFilter,
    (size, cursor): (u32, &str),
    wanted: impl Fn(&EnquiryView) -> bool,
) -> Result<(Vec<v1::Enquiry>, String), Error> {
    let read = |from, max| {
        shared.replica.read(|router| {
            let (views, next) = router.enquiries_from(filter, from, usize::MAX, max);
            let wanted = views.iter().filter(|view| wanted(view));
            (wanted.map(|view| (view.id.slot, enquiry::enquiry(view))).collect(), next)
        })
    };
    Ok(collect(page_start(cursor)?, page_size(size)?, read, |_| true))
}

/// One enquiry.
pub(crate) fn get(shared: &Shared, request: &v1::GetEnquiryRequest) -> Result<v1::GetEnquiryResponse, Error> {
    shared.admit_read()?;
    let mut problems = Problems::default();
    let id = problems.enquiry("enquiry", &request.enquiry);
    let id = problems.into_result(id)?;
    let found = shared.replica.read(|router| router.enquiry(id).map(|view| enquiry::enquiry(&view)));
    let unknown = || {
        let message = "enquiry: no such enquiry; closed ones are remembered for the key window";
        error::of_code(&codes::NOT_FOUND, message)
    };
    Ok(v1::GetEnquiryResponse { enquiry: Some(found.ok_or_else(unknown)?), stamp: Some(shared.stamp()) })
}
