//! `drill run`: one node of a cluster in use is struck for a while, and whatever happens the fault is undone.

mod hooks;

use std::time::Duration;

use futures::future::join_all;
use ringmain_protocol::client::AdminClient;
use ringmain_protocol::v1::{CheckQuorumRequest, ClusterStatusResponse, DrainNodeRequest};
use ringmain_replication::Clock;
use ringmain_telemetry::codes;
use serde_json::json;

use super::check;
use crate::cli::{DrillCommand, DrillFault, DrillRunArgs};
use crate::clock::SystemClock;
use crate::connection::{self, Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};
use crate::running::signals::StopSignals;
use hooks::Hooks;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A node that takes longer says nothing in this look.
const LOOK_MAX: Duration = Duration::from_secs(1);
/// How often the end of the fault is tried before the person is told to end it by hand.
const END_TRIES: u32 = 3;
const END_AGAIN: Duration = Duration::from_secs(1);

/// Carries out the command.
pub(super) fn run(command: DrillCommand) -> Result<(), Failure> {
    match command {
        DrillCommand::Run(args) => super::client(drill(args)),
    }
}

/// What was seen from the beginning of the fault on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Term before.
    term: u64,
    elections: u64,
    leader: u64,
    /// Longest time without word of a leader.
    leaderless: Duration,
    /// Since when nobody leads.
    since: Option<Duration>,
}

impl Seen {
    fn take(&mut self, status: Option<&ClusterStatusResponse>, now: Duration) {
        let leading = status.filter(|status| status.leader != 0 && !status.read_only);
        match leading {
            Some(status) => {
                self.since = None;
                self.leader = status.leader;
                self.elections = self.elections.max(status.term.saturating_sub(self.term));
            }
            None => {
                let since = *self.since.get_or_insert(now);
                self.leaderless = self.leaderless.max(now - since);
            }
        }
    }

    fn lacks_leader_for(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now - since)
    }
}

/// Why a fault was ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BrokenOff {
    /// Somebody wanted it: by a signal or the abort file.
    Asked(String),
    /// Nobody led for so long.
    Leaderless(Duration),
}

impl BrokenOff {
    fn text(&self) -> String {
        match self {
            BrokenOff::Asked(how) => how.clone(),
            BrokenOff::Leaderless(span) => format!("nobody led for {} s", span.as_secs_f64()),
        }
    }
}

/// Whether the cluster was well again after the end of the fault.
enum Recovery {
    After(Duration),
    NotInTime,
    /// Somebody wanted to wait no longer.
    NotAwaited(String),
}

struct Drill {
    args: DrillRunArgs,
    hooks: Option<Hooks>,
    clients: Clients,
    /// One of each other node: what the one that is struck says of the cluster is not what the cluster is.
    others: Vec<AdminClient>,
    clock: SystemClock,
    seen: Seen,
}

async fn drill(args: DrillRunArgs) -> Result<(), Failure> {
    let hooks = Hooks::load(args.hooks.as_deref(), args.fault, args.struck)?;
    let clients = Clients::open(&args.node).await?;
    let (clock, seen, others) = (SystemClock::start(), Seen::default(), Vec::new());
    let mut drill = Drill { args, hooks, clients, others, clock, seen };
    let before = drill.check_that_it_may().await?;
    if drill.args.dry_run {
        return drill.tell_plan(&before);
    }
    let others = addresses_of_others(&before, drill.args.struck);
    let client = |address: &String| connection::admin_of(address, &drill.args.node, LOOK_MAX);
    drill.others = others.iter().map(client).collect::<Result<_, _>>()?;
    let mut signals = StopSignals::listen(false)?.or_hangup()?;
    drill.seen = Seen { term: before.term, leader: before.leader, ..Seen::default() };
    let begun = tokio::select! {
        begun = drill.begin() => begun.map(|()| None),
        signal = signals.next() => Ok(Some(BrokenOff::Asked(signal.to_owned()))),
    };
    let broken_off = match &begun {
        Ok(None) => drill.watch(&mut signals).await,
        Ok(Some(broken_off)) => Some(broken_off.clone()),
        Err(_) => None,
    };
    // A fault that may have been made only in part is undone as well. No signal breaks that off.
    let undone = drill.end().await;
    both(begun.map(|_| ()), undone)?;
    let recovery = drill.wait_until_healthy(&mut signals).await;
    drill.tell_outcome(&before, broken_off.as_ref(), &recovery)
}

/// What to tell when the beginning or the end of a fault failed: first what somebody must do at once.
fn both(begun: Result<(), Failure>, undone: Result<(), Failure>) -> Result<(), Failure> {
    match (begun, undone) {
        (begun, Ok(())) => begun,
        (Ok(()), Err(undone)) => Err(undone),
        (Err(begun), Err(undone)) => {
            let message = format!("{}; what came before: {}", undone.message, begun.message);
            Err(Failure { message, ..undone })
        }
    }
}

/// Where the APIs of all nodes but the one that is struck are.
fn addresses_of_others(status: &ClusterStatusResponse, struck: u64) -> Vec<String> {
    let others = status.nodes.iter().filter_map(|node| node.address.as_ref());
    others.filter(|one| one.node != struck).map(|one| one.address.clone()).collect()
}

/// The word of one that knows a leader, the latest; of any other only if none does.
fn best(answers: Vec<ClusterStatusResponse>, struck: u64) -> Option<ClusterStatusResponse> {
    let others = answers.into_iter().filter(|status| status.node != struck);
    others.max_by_key(|status| (status.leader != 0 && !status.read_only, status.term))
}

impl Drill {
    /// The cluster is healthy, has a majority without the node, and nobody has asked to stop before it began.
    async fn check_that_it_may(&self) -> Result<ClusterStatusResponse, Failure> {
        let refused = |code: &str, message: String| Failure::new(FailureKind::Refused, code, message);
        if let Some(path) = self.args.abort_file.as_ref().filter(|path| path.exists()) {
            let message = format!("--abort-file {}: exists; remove it first", path.display());
            return Err(Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message));
        }
        let status = self.clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
        let ill = check::ill(&status);
        if !ill.is_empty() {
            let message = format!("no drill on a cluster that is not well; look at: {}", ill.join(", "));
            return Err(refused(codes::UNHEALTHY.code, message));
        }
        let request = CheckQuorumRequest { node: self.args.struck };
        let judged = self.clients.cluster.check_quorum(request).await.map_err(|error| failed(&error))?;
        if !judged.safe {
            let message = format!("node {} must not be struck: {}", self.args.struck, judged.reason);
            return Err(refused(codes::QUORUM_CRITICAL.code, message));
        }
        Ok(status)
    }

    async fn begin(&self) -> Result<(), Failure> {
        match &self.hooks {
            Some(hooks) => hooks::run(&hooks.begin).await,
            None => self.drain(false).await,
        }
    }

    /// Ends the fault, or says how a person does.
    async fn end(&self) -> Result<(), Failure> {
        let mut tries = 1;
        loop {
            let undone = match &self.hooks {
                Some(hooks) => hooks::run(&hooks.end).await,
                None => self.drain(true).await,
            };
            let Err(failure) = undone else { return Ok(()) };
            if tries == END_TRIES {
                let by_hand = match &self.hooks {
                    Some(hooks) => hooks.end.clone(),
                    None => format!("ringmain cluster drain {} --undo", self.args.struck),
                };
                let message = format!(
                    "the fault at node {} is NOT undone, after {tries} tries ({}); run by hand: {by_hand}",
                    self.args.struck, failure.message
                );
                return Err(Failure { message, ..failure });
            }
            tries += 1;
            tokio::time::sleep(END_AGAIN).await;
        }
    }

    async fn drain(&self, undo: bool) -> Result<(), Failure> {
        let request = DrainNodeRequest { node: self.args.struck, undo, within_ms: 0 };
        let done = self.clients.cluster.drain_node(request).await;
        done.map(|_done| ()).map_err(|error| failed(&error))
    }

    /// Looks on until the time is over; why it was broken off when it was.
    async fn watch(&mut self, signals: &mut StopSignals) -> Option<BrokenOff> {
        let until = self.clock.monotonic() + self.args.lasts;
        loop {
            let rest = until.saturating_sub(self.clock.monotonic());
            tokio::select! {
                signal = signals.next() => return Some(BrokenOff::Asked(signal.to_owned())),
                () = tokio::time::sleep(rest) => return None,
                _status = self.look() => {}
            }
            if self.seen.lacks_leader_for(self.clock.monotonic()) >= self.args.leaderless {
                return Some(BrokenOff::Leaderless(self.args.leaderless));
            }
            if self.args.abort_file.as_ref().is_some_and(|path| path.exists()) {
                return Some(BrokenOff::Asked("the abort file is there".to_owned()));
            }
            tokio::select! {
                signal = signals.next() => return Some(BrokenOff::Asked(signal.to_owned())),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Asks all others at once: one that hangs hides nothing.
    async fn look(&mut self) -> Option<ClusterStatusResponse> {
        let answers = join_all(self.others.iter().map(AdminClient::cluster_status)).await;
        let status = best(answers.into_iter().flatten().collect(), self.args.struck);
        self.seen.take(status.as_ref(), self.clock.monotonic());
        status
    }

    async fn wait_until_healthy(&mut self, signals: &mut StopSignals) -> Recovery {
        let begin = self.clock.monotonic();
        loop {
            let status = self.look().await;
            let waited = self.clock.monotonic() - begin;
            if status.is_some_and(|status| check::ill(&status).is_empty()) {
                return Recovery::After(waited);
            }
            if waited > self.args.settle {
                return Recovery::NotInTime;
            }
            tokio::select! {
                signal = signals.next() => return Recovery::NotAwaited(signal.to_owned()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn tell_plan(&self, before: &ClusterStatusResponse) -> Result<(), Failure> {
        let node = self.args.struck;
        let [begin, end] = match &self.hooks {
            Some(hooks) => [hooks.begin.clone(), hooks.end.clone()],
            None => [format!("drain node {node}"), format!("undo the drain of node {node}")],
        };
        let seconds = self.args.lasts.as_secs_f64();
        let leads = if before.leader == node { ", which leads" } else { "" };
        let answer = Answer {
            json: json!({
                "fault": word(self.args.fault), "node": node, "seconds": seconds, "leads": before.leader == node,
                "begin": begin, "end": end, "dry_run": true,
            }),
            text: vec![
                Block::Line(format!("the cluster is well and has a majority without node {node}{leads}")),
                Block::Line(format!("would run:       {begin}")),
                Block::Line(format!("{seconds} s later:  {end}")),
                Block::Line("nothing was done (--dry-run)".to_owned()),
            ],
        };
        output::print(&answer, self.args.node.format, false)
    }

    fn tell_outcome(
        &self,
        before: &ClusterStatusResponse,
        broken_off: Option<&BrokenOff>,
        recovery: &Recovery,
    ) -> Result<(), Failure> {
        let Seen { elections, leader, leaderless, .. } = self.seen;
        let ms = |span: Duration| span.as_millis() as u64;
        let struck = format!("{}, node {}", word(self.args.fault), self.args.struck);
        let (healthy_after, healthy) = match recovery {
            Recovery::After(after) => {
                (Some(ms(*after)), format!("well again {} ms after its end", ms(*after)))
            }
            Recovery::NotInTime => (None, "not well again".to_owned()),
            Recovery::NotAwaited(signal) => (None, format!("not awaited until it was well again ({signal})")),
        };
        let broken_off_text = broken_off.map(BrokenOff::text);
        let mut text = vec![Block::Line(format!(
            "{struck}: {elections} elections, no leader for {} ms at most, node {leader} leads; {healthy}",
            ms(leaderless)
        ))];
        text.extend(broken_off_text.iter().map(|why| Block::Line(format!("broken off: {why}"))));
        let answer = Answer {
            json: json!({
                "fault": word(self.args.fault), "node": self.args.struck, "led": before.leader == self.args.struck,
                "elections": elections, "leaderless_ms": ms(leaderless), "leader": leader,
                "healthy_after_ms": healthy_after, "broken_off": broken_off_text,
            }),
            text,
        };
        output::print(&answer, self.args.node.format, false)?;
        verdict(broken_off, recovery, self.args.settle)
    }
}

/// What a drill that was carried out and undone says to the one who runs it in a job.
fn verdict(broken_off: Option<&BrokenOff>, recovery: &Recovery, settle: Duration) -> Result<(), Failure> {
    let ill = |message: String| Err(Failure::new(FailureKind::Refused, codes::UNHEALTHY.code, message));
    match (recovery, broken_off) {
        (Recovery::NotInTime, _) => {
            ill(format!("the cluster is not well {} s after the drill", settle.as_secs()))
        }
        (Recovery::NotAwaited(signal), _) => {
            ill(format!("{signal}: the fault is undone, and nobody waited until the cluster was well"))
        }
        (Recovery::After(_), Some(why @ BrokenOff::Leaderless(_))) => {
            ill(format!("the drill was broken off: {}", why.text()))
        }
        (Recovery::After(_), Some(BrokenOff::Asked(_)) | None) => Ok(()),
    }
}

fn word(fault: DrillFault) -> &'static str {
    match fault {
        DrillFault::Kill => "kill",
        DrillFault::Pause => "pause",
        DrillFault::Partition => "partition",
        DrillFault::Drain => "drain",
    }
}

#[cfg(test)]
mod tests {
    use ringmain_protocol::v1::{NodeAddress, NodeStatus};

    use super::*;

    fn failure(message: &str) -> Failure {
        Failure::new(FailureKind::Internal, "internal", message.to_owned())
    }

    #[test]
    fn a_fault_that_is_not_undone_is_told_first_whatever_else_failed() {
        let told = |begun, undone| both(begun, undone).map_err(|failure| failure.message);
        assert_eq!(told(Ok(()), Ok(())), Ok(()));
        assert_eq!(told(Err(failure("late")), Ok(())), Err("late".to_owned()));
        assert_eq!(told(Ok(()), Err(failure("run resume"))), Err("run resume".to_owned()));
        let both = told(Err(failure("late")), Err(failure("run resume")));
        assert_eq!(both, Err("run resume; what came before: late".to_owned()));
    }

    #[test]
    fn a_drill_that_left_the_cluster_without_a_leader_has_failed() {
        let code = |broken_off: Option<BrokenOff>, recovery| {
            verdict(broken_off.as_ref(), &recovery, Duration::ZERO)
                .map_err(|failure| failure.kind.exit_code())
        };
        let well = || Recovery::After(Duration::ZERO);
        assert_eq!(code(None, well()), Ok(()));
        assert_eq!(code(Some(BrokenOff::Asked("SIGINT".to_owned())), well()), Ok(()));
        assert_eq!(code(Some(BrokenOff::Leaderless(Duration::from_secs(10))), well()), Err(3));
        assert_eq!(code(None, Recovery::NotInTime), Err(3));
        assert_eq!(code(None, Recovery::NotAwaited("SIGINT".to_owned())), Err(3));
    }

    #[test]
    fn the_struck_node_is_not_asked_how_the_cluster_is() {
        let node = |node: u64| NodeStatus {
            address: Some(NodeAddress { node, address: format!("n{node}:7111"), region: String::new() }),
            ..NodeStatus::default()
        };
        let before =
            ClusterStatusResponse { nodes: (1..=3).map(node).collect(), ..ClusterStatusResponse::default() };
        assert_eq!(addresses_of_others(&before, 2), ["n1:7111", "n3:7111"]);
        let says = |node, leader, term, read_only| ClusterStatusResponse {
            node,
            leader,
            term,
            read_only,
            ..ClusterStatusResponse::default()
        };
        let answers =
            vec![says(2, 2, 9, false), says(1, 0, 8, false), says(3, 3, 7, false), says(4, 4, 6, true)];
        assert_eq!(best(answers, 2).map(|status| status.node), Some(3), "one that knows a leader");
        assert_eq!(best(vec![says(2, 2, 9, false)], 2), None);
    }

    #[test]
    fn time_without_a_leader_counts_from_its_first_word_to_the_last() {
        let at = Duration::from_secs;
        let led = ClusterStatusResponse { leader: 2, term: 7, ..ClusterStatusResponse::default() };
        let alone = ClusterStatusResponse { leader: 2, read_only: true, ..ClusterStatusResponse::default() };
        let mut seen = Seen { term: 5, ..Seen::default() };
        for (status, second) in
            [(None, 1), (Some(&alone), 2), (None, 3), (Some(&led), 4), (None, 5), (Some(&led), 6)]
        {
            seen.take(status, at(second));
        }
        assert_eq!((seen.leaderless, seen.elections, seen.leader), (at(2), 2, 2));
        assert_eq!(seen.lacks_leader_for(at(9)), Duration::ZERO);
    }
}
