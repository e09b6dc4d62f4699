//! `drill run`: one node of a cluster in use is struck for a while, and whatever happens the fault is undone.

mod hooks;

use std::time::Duration;

use ringmain_protocol::v1::{CheckQuorumRequest, ClusterStatusResponse, DrainNodeRequest};
use ringmain_replication::Clock;
use ringmain_telemetry::codes;
use serde_json::json;

use super::check;
use crate::cli::{DrillCommand, DrillFault, DrillRunArgs};
use crate::clock::SystemClock;
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};
use crate::running::signals::StopSignals;
use hooks::Hooks;

const LOOK_EVERY: Duration = Duration::from_millis(200);

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

struct Drill {
    args: DrillRunArgs,
    hooks: Option<Hooks>,
    clients: Clients,
    clock: SystemClock,
    seen: Seen,
}

async fn drill(args: DrillRunArgs) -> Result<(), Failure> {
    let hooks = Hooks::load(args.hooks.as_deref(), args.fault, args.struck)?;
    let clients = Clients::open(&args.node).await?;
    let mut drill = Drill { args, hooks, clients, clock: SystemClock::start(), seen: Seen::default() };
    let before = drill.check_that_it_may().await?;
    if drill.args.dry_run {
        return drill.tell_plan(&before);
    }
    let mut signals = StopSignals::listen(false)?;
    drill.seen = Seen { term: before.term, leader: before.leader, ..Seen::default() };
    let begun = drill.begin().await;
    let broken_off = match &begun {
        Ok(()) => drill.watch(&mut signals).await,
        Err(_) => None,
    };
    // A fault that may have been made only in part is undone as well.
    let undone = drill.end().await;
    begun.and(undone)?;
    let healthy_after = drill.wait_until_healthy().await;
    drill.tell_outcome(&before, broken_off, healthy_after)
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

    async fn end(&self) -> Result<(), Failure> {
        match &self.hooks {
            Some(hooks) => hooks::run(&hooks.end).await,
            None => self.drain(true).await,
        }
    }

    async fn drain(&self, undo: bool) -> Result<(), Failure> {
        let request = DrainNodeRequest { node: self.args.struck, undo, within_ms: 0, dry_run: false };
        let done = self.clients.cluster.drain_node(request).await;
        done.map(|_done| ()).map_err(|error| failed(&error))
    }

    /// Looks on until the time is over; why it was broken off when it was.
    async fn watch(&mut self, signals: &mut StopSignals) -> Option<String> {
        let until = self.clock.monotonic() + self.args.lasts;
        while self.clock.monotonic() < until {
            self.look().await;
            if self.seen.lacks_leader_for(self.clock.monotonic()) >= self.args.leaderless {
                return Some(format!("nobody led for {} s", self.args.leaderless.as_secs()));
            }
            if self.args.abort_file.as_ref().is_some_and(|path| path.exists()) {
                return Some("the abort file is there".to_owned());
            }
            tokio::select! {
                signal = signals.next() => return Some(signal.to_owned()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        None
    }

    async fn look(&mut self) -> Option<ClusterStatusResponse> {
        let status = self.clients.admin.cluster_status().await.ok();
        self.seen.take(status.as_ref(), self.clock.monotonic());
        status
    }

    async fn wait_until_healthy(&mut self) -> Option<Duration> {
        let begin = self.clock.monotonic();
        loop {
            let status = self.look().await;
            let waited = self.clock.monotonic() - begin;
            if status.is_some_and(|status| check::ill(&status).is_empty()) {
                return Some(waited);
            }
            if waited > self.args.settle {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
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
        broken_off: Option<String>,
        healthy_after: Option<Duration>,
    ) -> Result<(), Failure> {
        let Seen { elections, leader, leaderless, .. } = self.seen;
        let ms = |span: Duration| span.as_millis() as u64;
        let struck = format!("{}, node {}", word(self.args.fault), self.args.struck);
        let healthy = healthy_after.map_or("not well again".to_owned(), |after| {
            format!("well again {} ms after its end", ms(after))
        });
        let mut text = vec![Block::Line(format!(
            "{struck}: {elections} elections, no leader for {} ms at most, node {leader} leads; {healthy}",
            ms(leaderless)
        ))];
        text.extend(broken_off.iter().map(|why| Block::Line(format!("broken off: {why}"))));
        let answer = Answer {
            json: json!({
                "fault": word(self.args.fault), "node": self.args.struck, "led": before.leader == self.args.struck,
                "elections": elections, "leaderless_ms": ms(leaderless), "leader": leader,
                "healthy_after_ms": healthy_after.map(ms), "broken_off": broken_off,
            }),
            text,
        };
        output::print(&answer, self.args.node.format, false)?;
        match healthy_after {
            Some(_) => Ok(()),
            None => {
                let message =
                    format!("the cluster is not well {} s after the drill", self.args.settle.as_secs());
                Err(Failure::new(FailureKind::Refused, codes::UNHEALTHY.code, message))
            }
        }
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
    use super::*;

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
