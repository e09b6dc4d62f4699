//! Carries a drill file out: brings nodes and clients up, strikes as the file says, heals, and judges.

mod criteria;
mod felt;
mod page;
mod record;
mod series;
mod stage;
mod strike;
mod targets;
mod timeline;
mod watch;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use ringmain_routing::NodeId;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use felt::Felt;
pub use record::{Check, Machine, Record, Second};

use super::exercise::{Ground, Load, SETTLE};
use super::file::{Cut, Drill, Fault, Strike, Surge};
use super::meter::metric;
use super::report::Kill;
use stage::Stage;
use strike::Open;
use targets::Turns;
use watch::Watch;

/// How a node counts what it was asked.
const REQUESTS: &str = "ringmain_requests_total";
const TICK: Duration = Duration::from_millis(20);
/// Without any word of a leader for so long, a drill cannot go on.
const LEADER_MAX_MS: u64 = 20_000;

/// Runs a drill with a number of nodes and a rate of contacts.
///
/// # Errors
/// It could not be run at all, or a fault could not be made.
pub(super) async fn run(drill: &Drill, nodes: usize, rate: u32, ground: &Ground<'_>) -> Result<Record> {
    let mut interrupt = Interrupts::listen()?;
    let mut stage = Stage::build(drill, nodes, ground)?;
    stage.exercise.open().await?;
    let watch = Watch::begin(&stage.exercise);
    let load = stage.seat(drill, rate)?;
    let mut run = Run {
        drill,
        stage,
        load,
        watch,
        turns: Turns::default(),
        open: Vec::new(),
        ended: Vec::new(),
        healed_ms: 0,
        last_leader: (NodeId(1), 0),
        broken_off: None,
        surging: 1,
        refused: 0.0,
    };
    run.idle(drill.warm_up.0, &mut interrupt).await?;
    for round in 0..drill.rounds {
        if run.broken_off.is_some() {
            break;
        }
        if drill.rounds > 1 {
            println!("round {} of {}", round + 1, drill.rounds);
        }
        run.round(&mut interrupt).await?;
        let shift_ms = drill.shift.ms() * u64::from(round) % 1_000;
        run.idle(Duration::from_millis(shift_ms), &mut interrupt).await?;
    }
    run.idle(drill.after.0, &mut interrupt).await?;
    run.conclude(rate, ground).await
}

struct Run<'a> {
    drill: &'a Drill,
    stage: Stage,
    load: Load,
    watch: Watch,
    turns: Turns,
    open: Vec<Open>,
    ended: Vec<Ended>,
    /// When the last fault ended.
    healed_ms: u64,
    last_leader: (NodeId, u64),
    broken_off: Option<String>,
    /// Times the usual rate.
    surging: u32,
    /// Requests refused with the code that the drill asks for, at the node that refused most.
    refused: f64,
}

/// What asks a drill to end: Ctrl-C, and SIGTERM of whoever started it.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn listen() -> Result<Interrupts> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Interrupts { interrupt, terminate })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _asked = self.interrupt.recv() => {}
            _asked = self.terminate.recv() => {}
        }
    }
}

/// A fault that is over: its number, the ids of those struck as they are since, and when.
struct Ended {
    number: usize,
    nodes: Vec<u64>,
    at_ms: u64,
}

impl Run<'_> {
    async fn idle(&mut self, time: Duration, interrupt: &mut Interrupts) -> Result<()> {
        let until_ms = self.stage.now_ms() + time.as_millis() as u64;
        while self.broken_off.is_none() && self.stage.now_ms() < until_ms {
            self.tick(interrupt).await?;
        }
        Ok(())
    }

    /// All faults of the file once, and their ends.
    async fn round(&mut self, interrupt: &mut Interrupts) -> Result<()> {
        let begin_ms = self.stage.now_ms();
        let mut due: Vec<Strike> = self.drill.faults.clone();
        due.sort_by_key(|strike| strike.at);
        let mut due = VecDeque::from(due);
        let surges =
            self.drill.load.surges.iter().map(|surge| (surge.at.0 + surge.lasts.0).as_millis() as u64);
        let length_ms = surges.max().unwrap_or_default().max(self.drill.round.ms());
        while self.broken_off.is_none() {
            let round_ms = self.stage.now_ms() - begin_ms;
            self.surge(round_ms).await;
            if due.front().is_some_and(|strike| strike.at.ms() <= round_ms) {
                let Some(strike) = due.pop_front() else { continue };
                self.begin(strike, interrupt).await?;
                continue;
            }
            if due.is_empty() && self.open.is_empty() && round_ms >= length_ms {
                return Ok(());
            }
            self.tick(interrupt).await?;
        }
        self.heal().await
    }

    /// One look at everything.
    async fn tick(&mut self, interrupt: &mut Interrupts) -> Result<()> {
        let now_ms = self.stage.now_ms();
        self.notice_stops()?;
        self.move_wanderers(now_ms).await;
        while let Some(place) = self.open.iter().position(|open| open.ends_ms <= now_ms) {
            self.end(place).await?;
        }
        self.look_for_reasons_to_stop(now_ms);
        tokio::select! {
            () = interrupt.recv() => self.break_off("interrupted".to_owned()),
            () = tokio::time::sleep(TICK) => {}
        }
        Ok(())
    }

    fn break_off(&mut self, why: String) {
        println!("broken off: {why}");
        self.broken_off.get_or_insert(why);
    }

    fn look_for_reasons_to_stop(&mut self, now_ms: u64) {
        if let Err(error) = self.stage.exercise.nodes.check_alive() {
            self.break_off(error.to_string());
        }
        let (forgotten, last_ns) = {
            let notes = self.stage.exercise.journal.notes();
            (notes.forgotten, notes.last_assignment_ns)
        };
        if forgotten >= self.drill.abort.forgotten.max(1) {
            self.break_off(format!("{forgotten} accepted contacts were forgotten"));
        }
        let silent_ms = now_ms.saturating_sub((last_ns / 1_000_000).max(self.drill.warm_up.ms()));
        let most_ms = self.drill.abort.no_assignment.ms() * self.stage.patience;
        if silent_ms > most_ms {
            self.break_off(format!("nobody was assigned for {} s", silent_ms / 1_000));
        }
    }

    async fn surge(&mut self, round_ms: u64) {
        let is_on = |surge: &&Surge| (surge.at.ms()..surge.at.ms() + surge.lasts.ms()).contains(&round_ms);
        let times = self.drill.load.surges.iter().find(is_on).map_or(1, |surge| surge.times);
        if times != self.surging {
            println!("{times} times the usual contacts");
            self.surging = times;
            self.load.surge(times).await;
        }
    }

    /// Who leads; the last who did, when nobody can tell.
    async fn leader(&mut self, interrupt: &mut Interrupts) -> Result<(NodeId, u64)> {
        let begin_ms = self.stage.now_ms();
        while self.broken_off.is_none() {
            let now_ms = self.stage.now_ms();
            if let Some((node, term)) = watch::leader(&self.watch.last(now_ms)) {
                self.last_leader = (NodeId(node), term);
                break;
            }
            // With faults in force there may be none.
            let most_ms = if self.open.is_empty() { LEADER_MAX_MS * self.stage.patience } else { 0 };
            if now_ms - begin_ms >= most_ms {
                if self.open.is_empty() {
                    self.break_off("nobody leads although nothing is wrong".to_owned());
                }
                break;
            }
            self.tick(interrupt).await?;
        }
        Ok(self.last_leader)
    }

    async fn begin(&mut self, strike: Strike, interrupt: &mut Interrupts) -> Result<()> {
        let (leader, term) = self.leader(interrupt).await?;
        if self.broken_off.is_some() {
            return Ok(());
        }
        let nodes = self.stage.exercise.ids();
        let places = self.turns.resolve(strike.target, &nodes, leader, self.stage.regions);
        let struck = self.stage.nodes(&places);
        let name = strike.fault.name();
        println!("{:>7.1} s  {name}: {} {struck:?}", self.stage.now_ms() as f64 / 1e3, strike.target);
        self.stage.exercise.note_kill(&struck, &name, &strike.target.to_string(), term);
        let number = self.stage.exercise.kills.len() - 1;
        let all_without = |part: &[NodeId]| -> Vec<u64> {
            nodes.iter().filter(|node| !part.contains(node)).map(|node| node.0).collect()
        };
        if let Some(kill) = self.stage.exercise.kills.last_mut() {
            kill.minority = minority(strike.fault, &struck, all_without(&struck));
            let silenced = |node: &NodeId| {
                if kill.minority.is_empty() { struck.contains(node) } else { kill.minority.contains(&node.0) }
            };
            let silences = strike.fault.silences();
            kill.needs_election = silences && silenced(&leader);
            kill.was_majority =
                silences && nodes.iter().filter(|node| silenced(node)).count() * 2 > nodes.len();
        }
        let open = Open::begin(&mut self.stage, strike, places, number).await?;
        let now_ms = self.stage.now_ms();
        if let Some(kill) = self.stage.exercise.kills.last_mut() {
            kill.remark.clone_from(&open.remark);
            kill.in_force_ms = now_ms;
        }
        self.open.push(open);
        Ok(())
    }

    async fn end(&mut self, place: usize) -> Result<()> {
        self.count_refusals().await;
        let open = self.open.remove(place);
        let (number, name) = (open.number, open.strike.fault.name());
        let felt = felt::felt(&mut self.stage, &open).await?;
        let at_ms = self.stage.now_ms();
        if let Some(kill) = self.stage.exercise.kills.get_mut(number) {
            (kill.until_ms, kill.felt) = (Some(at_ms), felt);
            kill.started_after_ms = Some(at_ms - kill.at_ms);
        }
        let nodes = open.end(&mut self.stage).await?;
        println!("{:>7.1} s  over: {name}", at_ms as f64 / 1e3);
        let nodes: Vec<u64> = nodes.iter().map(|node| node.0).collect();
        if let Some(kill) = self.stage.exercise.kills.get_mut(number).filter(|kill| kill.nodes != nodes) {
            kill.remark += &format!("; back as {nodes:?}");
        }
        self.ended.push(Ended { number, nodes, at_ms: self.stage.now_ms() });
        self.healed_ms = self.stage.now_ms();
        Ok(())
    }

    async fn count_refusals(&mut self) {
        let Some(code) = &self.drill.pass.refused_with else { return };
        for row in self.stage.exercise.nodes.all() {
            // A node that does not answer has refused nobody.
            let count = metric(row, REQUESTS, &format!("code=\"{code}\"")).await.unwrap_or_default();
            self.refused = self.refused.max(count);
        }
    }

    /// Ends everything that lasts.
    async fn heal(&mut self) -> Result<()> {
        while !self.open.is_empty() {
            self.end(0).await?;
        }
        self.load.surge(1).await;
        Ok(())
    }

    /// Nodes that stop by themselves, as they should or as they may.
    fn notice_stops(&mut self) -> Result<()> {
        let now_ms = self.stage.now_ms();
        for open in self.open.iter().filter(|open| open.strike.fault.may_end_nodes()) {
            let Some(kill) = self.stage.exercise.kills.get_mut(open.number) else { continue };
            if kill.stopped_after_ms.is_some() {
                continue;
            }
            let nodes = self.stage.nodes(&open.places);
            if nodes.iter().all(|node| self.stage.exercise.nodes.has_ended(*node)) {
                let said: Vec<String> =
                    nodes.iter().map(|node| self.stage.exercise.nodes.said(*node)).collect();
                let kill = &mut self.stage.exercise.kills[open.number];
                kill.stopped_after_ms = Some(now_ms - kill.at_ms);
                kill.stopped_with = said.iter().find_map(|said| code(said));
            }
        }
        Ok(())
    }

    async fn move_wanderers(&mut self, now_ms: u64) {
        let is_due = |open: &Open| open.wanders_ms.is_some_and(|ms| ms <= now_ms);
        let Some(open) = self.open.iter_mut().find(|open| is_due(open)) else { return };
        open.wanders_ms = None;
        let away =
            self.open.iter().filter(|open| open.keeps_away()).flat_map(|open| self.stage.nodes(&open.places));
        let away: Vec<NodeId> = away.collect();
        self.stage.exercise.wander(&self.load, &away).await;
    }

    /// Waits until all nodes have what any node has, lets everything be served, and judges.
    async fn conclude(mut self, rate: u32, ground: &Ground<'_>) -> Result<Record> {
        self.heal().await?;
        let settle = SETTLE * u32::try_from(self.stage.patience).unwrap_or(1);
        let begin_ns = self.stage.exercise.journal.now_ns();
        let ids: Vec<u64> = self.stage.exercise.ids().iter().map(|node| node.0).collect();
        while self.watch.words().caught_up_after(&ids, self.healed_ms).is_none() {
            let what = format!("every node with what the others have: {ids:?}");
            if let Err(error) = self.stage.exercise.pause(begin_ns, settle, &what).await {
                self.break_off(error.to_string());
                break;
            }
        }
        let words = self.watch.words();
        let Run { stage, load, drill, ended, broken_off, refused, .. } = self;
        let kept_back = stage.kept_back();
        let Stage { exercise, hosts: _hosts, disks: _disks, .. } = stage;
        let nodes = ids.len();
        let (mut report, notes) = exercise.conclude_with_notes(load).await?;
        for place in 0..report.kills.len() {
            let end_ms = super::exercise::next_after(&report.kills, place);
            let over = ended.iter().find(|ended| ended.number == place);
            complete(&mut report.kills[place], end_ms, over, &words, &notes);
        }
        let (cut, lost) = kept_back;
        let mut record = Record::of(drill, nodes, rate, ground, report);
        record.seconds = series::seconds(&notes, &words);
        (record.packets_cut, record.packets_lost) = (cut, lost);
        (record.broken_off, record.refused) = (broken_off, refused as u64);
        criteria::judge(drill, &mut record, &notes, ground.patience);
        Ok(record)
    }
}

/// Those who have no majority while a fault lasts, but run.
fn minority(fault: Fault, struck: &[NodeId], others: Vec<u64>) -> Vec<u64> {
    let is_cut = matches!(
        fault,
        Fault::Partition { cut: Cut::Both | Cut::Outbound | Cut::Inbound, flapping: None, .. }
    );
    let struck: Vec<u64> = struck.iter().map(|node| node.0).collect();
    match (is_cut, struck.len() > others.len()) {
        (false, _) => Vec::new(),
        (true, true) => others,
        (true, false) => struck,
    }
}

/// What the watch and the clients saw of a fault.
fn complete(
    kill: &mut Kill,
    end_ms: u64,
    over: Option<&Ended>,
    words: &watch::Words,
    notes: &super::journal::Notes,
) {
    let until_ms = kill.until_ms.unwrap_or(end_ms);
    kill.elections = words.elections(kill.term, kill.at_ms, end_ms);
    if let Some(over) = over {
        kill.back_after_ms = words.caught_up_after(&over.nodes, over.at_ms);
    }
    if kill.was_majority {
        (kill.minority_asked, kill.minority_acknowledged) =
            series::answered(notes, kill.in_force_ms, until_ms);
    }
    if !kill.minority.is_empty() {
        kill.read_only_after_ms = words.read_only_after(&kill.minority, kill.at_ms, until_ms);
        (kill.minority_asked, kill.minority_acknowledged) =
            series::answered_by(notes, &kill.minority, kill.in_force_ms, until_ms);
    }
}

/// The stable code with which a node said that it stops.
fn code(said: &str) -> Option<String> {
    let (_, rest) = said.rsplit_once("error[")?;
    rest.split_once(']').map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_side_of_a_cut_is_the_minority() {
        let cut = |cut, flapping| Fault::Partition {
            cut,
            flapping,
            clients: super::super::file::ClientSide::Everywhere,
        };
        let both = cut(Cut::Both, None);
        assert_eq!(minority(both, &[NodeId(1)], vec![2, 3]), [1]);
        assert_eq!(minority(both, &[NodeId(1), NodeId(2)], vec![3]), [3]);
        assert!(minority(cut(Cut::Ring, None), &[NodeId(1)], vec![2, 3]).is_empty());
        assert!(minority(Fault::Kill, &[NodeId(1)], vec![2, 3]).is_empty());
    }

    #[test]
    fn the_last_code_that_a_node_named_is_why_it_stopped() {
        assert_eq!(code("error[a]: x\nerror[damaged-data]: y\n"), Some("damaged-data".to_owned()));
        assert_eq!(code("all is well"), None);
    }
}
