//! Reads of cases, for those who watch.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::{CaseFilter, Name};
use ringmain_telemetry::codes;

use crate::convert::case;
use crate::error;
use crate::shared::Shared;
use crate::supervisor::{collect, page_size, page_start};
use crate::validate::Problems;

/// A page of cases.
pub(crate) fn list(shared: &Shared, request: &v1::ListCasesRequest) -> Result<v1::ListCasesResponse, Error> {
    shared.admit_read()?;
    let size = page_size(request.page_size)?;
    let named = |name: &String| Some(name.as_str()).filter(|name| !name.is_empty()).map(Name::from);
    let filter = CaseFilter {
        route: named(&request.route),
        stage: named(&request.stage),
        open: request.open,
        overdue: request.overdue,
    };
    let read = |from, max| {
        shared.replica.read(|router| {
            let (views, next) = router.cases_from(&filter, from, usize::MAX, max);
            (views.iter().map(|view| (view.id.slot, case::case(view, router))).collect(), next)
        })
    };
    let (cases, next_page_cursor) = collect(page_start(&request.page_cursor)?, size, read, |_| true);
    Ok(v1::ListCasesResponse { cases, next_page_cursor, stamp: Some(shared.stamp()) })
}

/// One case.
pub(crate) fn get(shared: &Shared, request: &v1::GetCaseRequest) -> Result<v1::GetCaseResponse, Error> {
    shared.admit_read()?;
    let mut problems = Problems::default();
    let id = problems.case("case", &request.case);
    let id = problems.into_result(id)?;
    let found = shared.replica.read(|router| router.case(id).map(|view| case::case(&view, router)));
    let unknown = || {
        let message = "case: no such case; closed ones are remembered for the key window";
        error::of_code(&codes::NOT_FOUND, message)
    };
    Ok(v1::GetCaseResponse { case: Some(found.ok_or_else(unknown)?), stamp: Some(shared.stamp()) })
}

/// How many cases are open in each stage.
pub(crate) fn count(shared: &Shared) -> Result<v1::CountCasesResponse, Error> {
    shared.admit_read()?;
    let counts = shared.replica.read(|router| router.case_tally().iter().map(case::count).collect());
    Ok(v1::CountCasesResponse { counts, stamp: Some(shared.stamp()) })
}
