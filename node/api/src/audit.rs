//! The audit: what people did, read from the node's history, and the check that nobody has changed it since. A
//! record counts as audit when a person stands behind its command.

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::HistoryRecord;
use ringmain_routing::command::{Act, Action, DeclaredPresence, EntryOf, HandOver, HandOverFrom, MoveFrom};
use ringmain_routing::{
    Command, ContactId, LogIndex, Outcome, Reply, Router, SupervisedBy, Timestamp, next_chain,
};
use ringmain_telemetry::codes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::error;
use crate::shared::Shared;
use crate::validate::Problems;
use crate::watch;

/// Records of a page unless the client says otherwise.
const PAGE_DEFAULT: usize = 200;
/// Records of a page at most.
const PAGE_MAX: usize = 1_000;
/// Records of the history looked at for one page; a page of a strict filter may be short.
const LOOKED_AT_MAX: u64 = 50_000;
/// Records read from the history at once.
const RECORDS_PER_READ: usize = 512;
/// How many records pass between two words about progress.
const TOLD_EVERY: u64 = 20_000;
/// A client that takes nothing for so long is given up.
const CLIENT_STUCK: Duration = Duration::from_secs(30);

/// What is wanted of the audit.
struct Wanted {
    by: String,
    actions: Vec<String>,
    since: Option<Timestamp>,
    contact: Option<ContactId>,
}

/// A page of the audit.
pub(crate) async fn list(
    shared: &Shared,
    request: &v1::ListAuditRequest,
) -> Result<v1::ListAuditResponse, Error> {
    let mut problems = Problems::default();
    let contact = Some(&request.contact).filter(|text| !text.is_empty());
    let wanted = Wanted {
        by: request.by.clone(),
        actions: request.actions.clone(),
        since: request.since_ms.map(|ms| problems.moment("since_ms", ms)),
        contact: contact.map(|text| problems.contact("contact", text)),
    };
    let after = page_start(&request.page_cursor, &mut problems);
    let size = problems.at_most("page_size", request.page_size, PAGE_MAX as u32) as usize;
    problems.into_result(())?;
    let size = if size == 0 { PAGE_DEFAULT } else { size };
    let after = after.unwrap_or_else(|| before_oldest(shared));
    let (records, next) = find(shared, &wanted, after, size).await?;
    let next_page_cursor = next.map(|next| next.0.to_string()).unwrap_or_default();
    Ok(v1::ListAuditResponse { records, next_page_cursor, stamp: Some(shared.stamp()) })
}

fn page_start(cursor: &str, problems: &mut Problems) -> Option<LogIndex> {
    if cursor.is_empty() {
        return None;
    }
    let index = cursor.parse().map(LogIndex);
    if index.is_err() {
        problems.add("page_cursor", "is no cursor of this list; give the one of the page before");
    }
    index.ok()
}

fn before_oldest(shared: &Shared) -> LogIndex {
    LogIndex(shared.replica.history_oldest().0.saturating_sub(1))
}

/// The wanted records behind `after`, and where the next page begins.
async fn find(
    shared: &Shared,
    wanted: &Wanted,
    mut after: LogIndex,
    size: usize,
) -> Result<(Vec<v1::AuditRecord>, Option<LogIndex>), Error> {
    let last = shared.replica.read(Router::index);
    let stop = LogIndex(after.0.saturating_add(LOOKED_AT_MAX));
    let mut found = Vec::new();
    while after < last && after < stop {
        let records = watch::history(&shared.replica, after, RECORDS_PER_READ).await?;
        if records.is_empty() {
            return Ok((found, None));
        }
        for record in &records {
            after = record.log_index;
            if let Some(entry) = audited(record, wanted)? {
                found.push(entry);
                if found.len() == size {
                    return Ok((found, (after < last).then_some(after)));
                }
            }
        }
    }
    Ok((found, (after < last).then_some(after)))
}

fn audited(record: &HistoryRecord, wanted: &Wanted) -> Result<Option<v1::AuditRecord>, Error> {
    let unreadable = |error| error::of_code(&codes::FATAL, format!("record {}: {error}", record.log_index));
    let command = Command::decode(&record.command).map_err(unreadable)?;
    let Some(by) = command.author() else { return Ok(None) };
    let outcome = Outcome::decode(&record.outcome).map_err(unreadable)?;
    let told = told(&command);
    let fits = (wanted.by.is_empty() || *wanted.by == **by)
        && (wanted.actions.is_empty() || wanted.actions.iter().any(|action| *action == told.action))
        && wanted.since.is_none_or(|since| record.at >= since)
        && wanted.contact.is_none_or(|contact| names(&command, contact));
    if !fits {
        return Ok(None);
    }
    let contacts = match outcome.reply {
        Ok(Reply::Acted { contacts }) => contacts,
        Ok(
            Reply::Done
            | Reply::Enqueued { .. }
            | Reply::Merged { .. }
            | Reply::Opened { .. }
            | Reply::PlanApplied { .. }
            | Reply::Taken { .. }
            | Reply::Asked { .. }
            | Reply::Break(_),
        )
        | Err(_) => 0,
    };
    Ok(Some(v1::AuditRecord {
        log_index: record.log_index.0,
        at_ms: record.at.0,
        by: by.to_string(),
        action: told.action.to_owned(),
        key: told.key,
        subject: told.subject,
        detail: told.detail,
        refused: outcome.reply.err().map(|refusal| refusal.code().to_owned()).unwrap_or_default(),
        contacts,
        chain: record.chain.to_be_bytes().to_vec().into(),
    }))
}

/// A command in words.
struct Told {
    action: &'static str,
    key: String,
    subject: String,
    detail: String,
}

fn told(command: &Command) -> Told {
    let plain = |action, subject, detail| Told { action, key: String::new(), subject, detail };
    match command {
        Command::ApplyPlan(command) => {
            plain("apply-plan", "plan".to_owned(), format!("version {}", command.plan.version))
        }
        Command::PutOperators(command) => {
            let logins: Vec<&str> = command.operators.iter().take(20).map(|row| &*row.login).collect();
            plain("put-operators", logins.join(","), format!("{} operators", command.operators.len()))
        }
        Command::Act(command) => told_action(command),
        Command::PutLifeSupport(command) => {
            let detail = format!("{} in, {} out", command.add.len(), command.remove.len());
            plain("put-life-support", "life-support register".to_owned(), detail)
        }
        Command::Tick
        | Command::OpenSession(_)
        | Command::LoseSession(_)
        | Command::CloseSession(_)
        | Command::NodeStarted(_)
        | Command::NodeLost(_)
        | Command::EnqueueContact(_)
        | Command::UpdateContact(_)
        | Command::AbandonContact(_)
        | Command::SetPresence(_)
        | Command::AcceptOffer(_)
        | Command::DeclineOffer(_)
        | Command::CompleteContact(_)
        | Command::ExtendWrapUp(_)
        | Command::EndWrapUp(_)
        | Command::TransferContact(_)
        | Command::HoldContact(_)
        | Command::TakeNext(_)
        | Command::AssignContact(_)
        | Command::AskForBreak(_)
        | Command::Consult(_)
        | Command::EndConsult(_)
        | Command::JoinConsult(_)
        | Command::RequestPerson(_)
        | Command::InviteCompanion(_)
        | Command::DeflectContact(_)
        | Command::NoteMessage(_)
        | Command::BeginEnquiry(_)
        | Command::FreeCaller(_)
        | Command::CloseEnquiry(_)
        | Command::AskForHelp(_) => plain(command.name(), String::new(), String::new()),
    }
}

fn told_action(command: &Act) -> Told {
    let (subject, detail) = match &command.action {
        Action::ForcePresence { login, presence } => (
            login.to_string(),
            match presence {
                DeclaredPresence::Ready => "ready".to_owned(),
                DeclaredPresence::NotReady(reason) => format!("not ready, reason {reason}"),
            },
        ),
        Action::SignOut { login } => (login.to_string(), String::new()),
        Action::RequeueContact { contact } => (contact.to_string(), String::new()),
        Action::CloseContact { contact, reason } => (contact.to_string(), reason.to_string()),
        Action::AssignContact { contact, to, hold } => {
            (contact.to_string(), format!("to {to}, for {} ms", hold.0))
        }
        Action::MoveContacts { from: MoveFrom::Contacts(contacts), to } => {
            let ids: Vec<String> = contacts.iter().take(20).map(ContactId::to_string).collect();
            (ids.join(","), format!("{} contacts to {to}", contacts.len()))
        }
        Action::MoveContacts { from: MoveFrom::Queue { name, count_max }, to } => {
            let first = count_max.map_or("all in line".to_owned(), |count| format!("first {count}"));
            (name.to_string(), format!("{first} to {to}"))
        }
        Action::LiftContact { contact, tier, head_start } => {
            let tier = tier.map(|tier| format!("tier {tier}"));
            let head_start = head_start.map(|span| format!("head start {} ms", span.0));
            let detail: Vec<String> = tier.into_iter().chain(head_start).collect();
            (contact.to_string(), detail.join(", "))
        }
        Action::HandOver(command) => told_hand_over(command),
        Action::CloseEntry(command) => {
            let until = command.until.map_or_else(String::new, |until| format!(", until {}", until.0));
            (told_entry(&command.of), format!("{}{until}", command.why))
        }
        Action::OpenEntry { of } => (told_entry(of), String::new()),
        Action::Supervise { contact, how } => {
            let how = match how {
                Some(SupervisedBy::Listening) => "listens",
                Some(SupervisedBy::Whispering) => "whispers",
                Some(SupervisedBy::Barging) => "barges in",
                None => "leaves",
            };
            (contact.to_string(), how.to_owned())
        }
        Action::AnswerHelp { login } => (login.to_string(), String::new()),
        Action::CloseEnquiry { enquiry, answer } => {
            let answer =
                answer.as_ref().map_or("withdrawn".to_owned(), |answer| format!("answered: {answer}"));
            (enquiry.to_string(), answer)
        }
        Action::DeferBreaks { on } => {
            ("breaks".to_owned(), if *on { "deferred" } else { "deferred no longer" }.to_owned())
        }
        Action::Note { what, detail } => (what.to_string(), detail.to_string()),
    };
    Told { action: command.action.name(), key: command.key.to_string(), subject, detail }
}

fn told_entry(of: &EntryOf) -> String {
    match of {
        EntryOf::Queue(name) => format!("queue {name}"),
        EntryOf::Unit(name) => format!("unit {name}"),
    }
}

fn told_hand_over(command: &HandOver) -> (String, String) {
    let subject = match &command.from {
        HandOverFrom::Operator(login) => login.to_string(),
        HandOverFrom::Unit(unit) => format!("unit {unit}"),
    };
    let to = command.to.as_ref().map_or("to the line".to_owned(), |to| format!("to {to}"));
    (subject, format!("{to}, {} notes", command.notes.len()))
}

/// Whether the command names the contact.
fn names(command: &Command, wanted: ContactId) -> bool {
    let Command::Act(command) = command else { return false };
    match &command.action {
        Action::RequeueContact { contact }
        | Action::CloseContact { contact, .. }
        | Action::AssignContact { contact, .. }
        | Action::Supervise { contact, .. }
        | Action::LiftContact { contact, .. } => *contact == wanted,
        Action::MoveContacts { from: MoveFrom::Contacts(contacts), .. } => contacts.contains(&wanted),
        Action::HandOver(command) => command.notes.iter().any(|(contact, _)| *contact == wanted),
        Action::MoveContacts { from: MoveFrom::Queue { .. }, .. }
        | Action::ForcePresence { .. }
        | Action::SignOut { .. }
        | Action::DeferBreaks { .. }
        | Action::CloseEntry(_)
        | Action::OpenEntry { .. }
        | Action::CloseEnquiry { .. }
        | Action::AnswerHelp { .. }
        | Action::Note { .. } => false,
    }
}

/// Checks the history from its oldest record to the state.
pub(crate) fn verify(
    shared: Arc<Shared>,
) -> Result<ReceiverStream<Result<v1::VerifyAuditResponse, Status>>, Error> {
    let permit = watch::room(&shared)?;
    let (sender, receiver) = mpsc::channel(4);
    spawn_named("verify-audit", async move {
        // A client that has gone needs no verdict.
        drop(check(&shared, &sender).await);
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

type Sender = mpsc::Sender<Result<v1::VerifyAuditResponse, Status>>;

/// The client has gone.
struct Gone;

async fn tell(sender: &Sender, progress: v1::VerifyAuditResponse) -> Result<(), Gone> {
    match tokio::time::timeout(CLIENT_STUCK, sender.send(Ok(progress))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn check(shared: &Shared, sender: &Sender) -> Result<(), Gone> {
    let (last, chain) = shared.replica.read(|router| (router.index(), router.chain()));
    let before = before_oldest(shared);
    let mut links = Links::from(before);
    let mut progress = v1::VerifyAuditResponse {
        first_log_index: before.0 + 1,
        verified_log_index: before.0,
        last_log_index: last.0,
        ..v1::VerifyAuditResponse::default()
    };
    let mut told = before.0;
    while links.index < last {
        let max = RECORDS_PER_READ.min((last.0 - links.index.0) as usize);
        let read = watch::history(&shared.replica, links.index, max).await;
        progress.problem = match read {
            Ok(records) if records.is_empty() => "the history ends here".to_owned(),
            Ok(records) => records.iter().find_map(|record| links.add(record).err()).unwrap_or_default(),
            Err(error) => error.message,
        };
        progress.verified_log_index = links.index.0;
        if !progress.problem.is_empty() {
            break;
        }
        if links.index.0 - told >= TOLD_EVERY {
            told = links.index.0;
            tell(sender, progress.clone()).await?;
        }
    }
    if progress.problem.is_empty() && last.0 > 0 && links.chain != Some(chain) {
        progress.problem = "the state of this node has another chain than its history".to_owned();
    }
    progress.done = true;
    tell(sender, progress).await
}

/// The chain as far as it has been recomputed.
pub(crate) struct Links {
    /// The last record that holds.
    pub(crate) index: LogIndex,
    now: Timestamp,
    /// `None` before the first record of a history whose beginning is gone.
    chain: Option<u128>,
}

impl Links {
    /// Nothing yet; the record after `index` is the first.
    pub(crate) fn from(index: LogIndex) -> Links {
        Links { index, now: Timestamp(0), chain: (index.0 == 0).then_some(0) }
    }

    /// Adds the next record.
    ///
    /// # Errors
    /// In words, why the record is not what was written.
    pub(crate) fn add(&mut self, record: &HistoryRecord) -> Result<(), String> {
        let index = LogIndex(self.index.0 + 1);
        if record.log_index != index {
            return Err(format!("record {} stands where {index} is due", record.log_index));
        }
        self.now = self.now.max(record.at);
        if let Some(chain) = self.chain {
            let frames = [&record.command[..], &record.outcome[..]].concat();
            if next_chain(chain, index, self.now, &frames) != record.chain {
                return Err(format!("record {index} was changed, or one before it"));
            }
        }
        (self.index, self.chain) = (index, Some(record.chain));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<HistoryRecord> {
        let mut router = Router::new();
        let note = |n: u64| {
            let action = Action::Note { what: "drain".into(), detail: format!("node {n}").into() };
            Command::Act(Box::new(Act { by: "olga".into(), key: format!("{n}").into(), action }))
        };
        let record = |n| {
            let command = note(n);
            let outcome = router.apply(Timestamp(100 * n), &command);
            HistoryRecord {
                log_index: router.index(),
                raft_index: n,
                term: 1,
                at: router.now(),
                command: command.encode(),
                outcome: outcome.encode(),
                chain: router.chain(),
            }
        };
        (1..=5).map(record).collect()
    }

    fn verify(records: &[HistoryRecord]) -> (u64, Option<String>) {
        let mut links = Links::from(LogIndex(records[0].log_index.0 - 1));
        let problem = records.iter().find_map(|record| links.add(record).err());
        (links.index.0, problem)
    }

    #[test]
    fn an_untouched_history_holds_to_its_end() {
        assert_eq!(verify(&history()), (5, None));
    }

    #[test]
    fn a_history_whose_beginning_is_gone_holds_from_its_second_record_on() {
        assert_eq!(verify(&history()[2..]), (5, None));
        let mut records = history();
        records[4].at = Timestamp(499);
        assert_eq!(verify(&records[2..]).0, 4);
    }

    #[test]
    fn one_changed_byte_is_found_wherever_it_is() {
        for place in 0..history()[2].command.len() {
            let mut records = history();
            records[2].command[place] ^= 1;
            let (holds, problem) = verify(&records);
            assert_eq!((holds, problem.is_some()), (2, true), "byte {place}");
        }
        let mut records = history();
        let last = records[2].outcome.len() - 1;
        records[2].outcome[last] ^= 1;
        assert_eq!(verify(&records).0, 2);
    }

    #[test]
    fn a_record_with_a_forged_chain_is_found_by_the_next() {
        let mut records = history();
        records[2].chain ^= 1;
        assert_eq!(verify(&records).0, 2);
        let mut records = history();
        records.remove(2);
        assert_eq!(verify(&records).1.as_deref(), Some("record 4 stands where 3 is due"));
    }

    #[test]
    fn records_are_found_by_who_what_and_contact() {
        let records = history();
        let wanted = |by: &str, action: &str| Wanted {
            by: by.to_owned(),
            actions: vec![action.to_owned()],
            since: Some(Timestamp(300)),
            contact: None,
        };
        let count =
            |wanted: &Wanted| records.iter().filter_map(|record| audited(record, wanted).unwrap()).count();
        assert_eq!(count(&wanted("olga", "note")), 3);
        assert_eq!(count(&wanted("pavel", "note")), 0);
        assert_eq!(count(&wanted("olga", "lift-contact")), 0);
        let found = audited(&records[4], &wanted("olga", "note")).unwrap().unwrap();
        assert_eq!(
            (found.subject.as_str(), found.detail.as_str(), found.key.as_str()),
            ("drain", "node 5", "5")
        );
    }
}
