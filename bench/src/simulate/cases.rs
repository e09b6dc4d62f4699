//! What became of cases in a simulation.

use std::collections::{BTreeMap, HashMap};

use ringmain_routing::{CaseEnd, CaseId, Effect, Router};
use serde::Serialize;

use crate::scenario::{Scenario, Text};

/// Cases of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CaseFigures {
    /// Opened.
    pub opened: u64,
    /// Stages begun, the first ones included.
    pub stages: u64,
    /// Closed behind their last stage.
    pub done: u64,
    /// Taken back by the customer.
    pub withdrawn: u64,
    /// Closed early by an operator or supervisor.
    pub closed_early: u64,
    /// Of those closed, the ones within their term.
    pub in_term: u64,
    /// Warnings that a deadline of a stage is near.
    pub warned: u64,
    /// Deadlines of stages that have passed.
    pub escalated: u64,
    /// Due dates of whole cases that have passed.
    pub overdue: u64,
    /// Open at the end.
    pub open: u64,
}

/// Counts cases by what is told of them.
#[derive(Default)]
pub(super) struct CaseBook {
    figures: BTreeMap<String, CaseFigures>,
    /// Contacts of the scenario by their ids, once a case asks.
    by_id: HashMap<Text, usize>,
}

impl CaseBook {
    /// The contact of the scenario that a case came with.
    pub(super) fn first_of(&mut self, reference: &str, scenario: &Scenario) -> Option<usize> {
        if self.by_id.is_empty() {
            let ids = scenario.contacts.iter().enumerate();
            self.by_id = ids.map(|(place, contact)| (contact.contact_id.clone(), place)).collect();
        }
        self.by_id.get(reference).copied()
    }

    pub(super) fn take(&mut self, effect: &Effect, router: &Router) {
        match *effect {
            Effect::AnnounceStage { case, .. } => {
                let is_first = router.case(case).is_some_and(|case| case.begun == 1);
                let figures = self.of(case, router);
                figures.stages += 1;
                figures.opened += u64::from(is_first);
            }
            Effect::WarnCase { case, .. } => self.of(case, router).warned += 1,
            Effect::EscalateCase { case, contact: Some(_), .. } => self.of(case, router).escalated += 1,
            Effect::EscalateCase { case, contact: None, .. } => self.of(case, router).overdue += 1,
            Effect::AnnounceCaseClosed { case, end, in_term, .. } => {
                let figures = self.of(case, router);
                figures.in_term += u64::from(in_term);
                match end {
                    CaseEnd::Done => figures.done += 1,
                    CaseEnd::Withdrawn => figures.withdrawn += 1,
                    CaseEnd::ClosedEarly => figures.closed_early += 1,
                }
            }
            Effect::AnnounceQueued { .. }
            | Effect::RingOperator { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::ConnectContact { .. }
            | Effect::WithdrawAssignment { .. }
            | Effect::StartWrapUp { .. }
            | Effect::ReleaseOperator { .. }
            | Effect::AnnounceEnded { .. }
            | Effect::AnnouncePresence { .. }
            | Effect::EndStream { .. }
            | Effect::NotifyThread { .. }
            | Effect::ParkContact { .. }
            | Effect::HoldContact { .. }
            | Effect::AnnounceMoved { .. }
            | Effect::AnnounceConsult { .. }
            | Effect::JoinConsult { .. }
            | Effect::NotifyWatcher { .. }
            | Effect::InviteCompanion { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::AnnounceAlarm { .. } => {}
        }
    }

    fn of(&mut self, case: CaseId, router: &Router) -> &mut CaseFigures {
        let route = router.case(case).map(|case| case.route.to_string()).unwrap_or_default();
        self.figures.entry(route).or_default()
    }

    /// The figures of all routes, with what is open now.
    pub(super) fn figures(mut self, router: &Router) -> BTreeMap<String, CaseFigures> {
        for tally in router.case_tally() {
            self.figures.entry(tally.route.to_string()).or_default().open += u64::from(tally.open);
        }
        self.figures
    }
}
