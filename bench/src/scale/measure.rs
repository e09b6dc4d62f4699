//! The whole run, part by part; what has been measured is written down after each.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use ringmain_protocol::client::{AdminClient, CallConfig};
use ringmain_protocol::plan::{operator_to_message, to_message};
use ringmain_protocol::v1::{ApplyPlanRequest, PutOperatorsRequest};
use ringmain_routing::limits::{CLASSES_MAX, OPERATORS_PER_COMMAND_MAX};

use super::centre::{self, People};
use super::crowd::Presence;
use super::figures::{Asked, BESIDE_LINES, FORMAT, Fact, Furnishing, Run, Setup};
use super::flood::Flood;
use super::sessions::Place;
use super::size::Growing;
use super::stand::{LOOK_EVERY, SETTLE, Stand};
use super::voice::Voice;
use crate::clock::Stopwatch;
use crate::cluster::{
    Book, Desk, Gateway, Latency, Machine, Rig, Roll, Service, Setup as LoadSetup, histogram,
};
use crate::nodes::NODES;
use crate::play::Stage;
use crate::usage::Disk;

/// Connections to each node that all clients share: a few thousand streams would wait for each other on fewer.
const CONNECTIONS: usize = 24;
/// A command that puts operators may take so long.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);
/// Unanswered pushes of a gateway for operators who are free.
const EXPRESS_WINDOW: u32 = 64;

/// Runs everything on nodes of a program, which keep their data below a folder. `report` gets what there is, again and
/// again.
///
/// # Errors
/// A node ends, or a part cannot be brought to its end.
pub async fn measure(
    (asked, is_smoke): (&Asked, bool),
    (program, folder): (&Path, &Path),
    voice: &Voice,
    mut report: impl FnMut(&Run) -> anyhow::Result<()>,
) -> anyhow::Result<Run> {
    let setup = Setup::of(asked, is_smoke);
    let people = People::of(&setup);
    let mut stand = Stand::start(&setup, &people, program, folder)?;
    let mut run = furnished(&mut stand, &setup, &people, voice).await?;
    report(&run)?;
    let stage = Stage::with_connections(stand.nodes.addresses(), setup.seed, CONNECTIONS);
    let place = Place { setup: &setup, stage: &stage, stand: &stand, voice, is_smoke };
    let gathered = sign_in(&place, &people, &mut run).await?;
    report(&run)?;
    let rig = open_express(&setup, &people, (stage, stand), folder, voice).await?;
    let (gateways, presence) = gathered;
    let mut growing = Growing {
        rig,
        setup: &setup,
        people: &people,
        gateways,
        presence,
        flood: Flood::default(),
        completed: 0,
        killed: 0,
        voice,
    };
    growing.flood.bring_fillers(&setup, &growing.gateways).await?;
    for waiting in &setup.sizes {
        let size = growing.measure(*waiting).await?;
        run.sizes.push(size);
        run.seconds = voice.seconds();
        report(&run)?;
    }
    join_and_agree(&mut growing, &mut run).await?;
    run.seconds = voice.seconds();
    report(&run)?;
    Ok(run)
}

/// A cluster with its plan and its operators.
async fn furnished(stand: &mut Stand, setup: &Setup, people: &People, voice: &Voice) -> anyhow::Result<Run> {
    let token = &people.admin.token;
    let waiting = || voice.doing("waiting for a leader");
    stand.nodes.furnish(token, &centre::first_plan(), &[], waiting).await?;
    let admin = CallConfig { timeout: COMMAND_WITHIN, ..CallConfig::new(stand.nodes.addresses(), token) };
    let admin = AdminClient::new(&admin)?;
    voice.doing("applying the plan");
    let watch = Stopwatch::start();
    let plan = Some(to_message(&centre::plan(setup)));
    admin.apply_plan(ApplyPlanRequest { plan, dry_run: false }).await.context("applying the plan")?;
    let plan_s = watch.elapsed().as_secs_f64();
    let mut furnishing = put_operators(&admin, setup, people, voice).await?;
    (furnishing.plan_s, furnishing.queues) = (plan_s, setup.queues);
    furnishing.resident = stand.nodes.resident()?;
    voice.done(&format!(
        "plan of {} queues in {plan_s:.2} s, {} operators in {:.2} s",
        setup.queues, furnishing.operators, furnishing.operators_s
    ));
    let version = stand.statuses().await?[0].version.clone();
    Ok(Run {
        format: FORMAT,
        machine: Machine::here(&version),
        setup: setup.clone(),
        facts: facts(setup),
        furnishing: Some(furnishing),
        gateways: None,
        operators: None,
        sizes: Vec::new(),
        joining: None,
        open_expected: 0,
        open: Vec::new(),
        replicas_agree: false,
        terms: 0,
        seconds: voice.seconds(),
    })
}

async fn put_operators(
    admin: &AdminClient,
    setup: &Setup,
    people: &People,
    voice: &Voice,
) -> anyhow::Result<Furnishing> {
    let operators = centre::operators(setup, people);
    let (watch, mut us): (_, Histogram<u64>) = (Stopwatch::start(), histogram());
    for part in operators.chunks(OPERATORS_PER_COMMAND_MAX) {
        let begun = Stopwatch::start();
        let operators = part.iter().map(operator_to_message).collect();
        let request = PutOperatorsRequest { operators, dry_run: false };
        admin.put_operators(request).await.context("adding operators")?;
        us.saturating_record(begun.elapsed().as_micros() as u64);
        voice.doing(format!("adding operators: {}", us.len() as usize * OPERATORS_PER_COMMAND_MAX));
    }
    Ok(Furnishing {
        operators: operators.len(),
        commands: us.len() as usize,
        operators_s: watch.elapsed().as_secs_f64(),
        command: Latency::of(&us),
        ..Furnishing::default()
    })
}

/// Limits of the product that shape a run.
fn facts(setup: &Setup) -> Vec<Fact> {
    let mut facts = Vec::new();
    if setup.lines < setup.queues - BESIDE_LINES {
        facts.push(Fact {
            about: "lines".to_owned(),
            words: format!(
                "contacts wait in {} of {} queues: at most {CLASSES_MAX} different lines (queue, requirement, cost) may \
                 have somebody waiting at once (CLASSES_MAX)",
                setup.lines, setup.queues
            ),
        });
    }
    facts
}

type Gathered = (Vec<super::crowd::Member<ringmain_protocol::client::GatewayClient>>, Presence);

/// Streams of everybody; gateways stay, operators leave again.
async fn sign_in(place: &Place<'_>, people: &People, run: &mut Run) -> anyhow::Result<Gathered> {
    let presence = Presence::default();
    let (gateways, crowd, failure) = place.gateways(&people.gateways, &presence).await?;
    let missing = |who: &str, why: Option<String>| why.map(|words| Fact { about: who.to_owned(), words });
    run.facts.extend(missing("gateways", failure));
    place.voice.done(&format!(
        "{} of {} gateways: {:.0}/s, p99 {:.0} ms, {:.0} KiB each in the nodes",
        crowd.online,
        crowd.wanted,
        crowd.per_s(),
        crowd.to_online.p99_ms,
        crowd.node_bytes_each / 1024.0
    ));
    run.gateways = Some(crowd);
    let (crowd, failure) = place.operators(&people.operators).await?;
    run.facts.extend(missing("operators", failure));
    place.voice.done(&format!(
        "{} of {} operators: {:.0}/s, p99 {:.0} ms, {:.0} KiB each in the nodes; ready in {:.1} s, gone in {:.1} s",
        crowd.online,
        crowd.wanted,
        crowd.per_s(),
        crowd.to_online.p99_ms,
        crowd.node_bytes_each / 1024.0,
        crowd.ready_s,
        crowd.leave_s
    ));
    run.operators = Some(crowd);
    Ok((gateways, presence))
}

/// Gateways and operators of the queue in which nobody waits.
async fn open_express(
    setup: &Setup,
    people: &People,
    (stage, mut stand): (Stage, Stand),
    folder: &Path,
    voice: &Voice,
) -> anyhow::Result<Rig<Stand>> {
    let (book, roll, service) = (Book::new(), Roll::default(), Service::at_once());
    for (place, seat) in people.express_gateways.iter().enumerate() {
        let config = stage.session(&seat.name, &seat.token, place % NODES);
        stand.express.push(Gateway::take(&stage, &book, &roll, config, (place as u32, EXPRESS_WINDOW))?);
    }
    for (place, seat) in people.express(setup).iter().enumerate() {
        let config = stage.session(&seat.name, &seat.token, place % NODES);
        stand.desks.push(Desk::take(&stage, &book, &roll, config, (place as u32, 1, &service))?);
    }
    let (expected, watch) = (stand.express.len() + stand.desks.len(), Stopwatch::start());
    while roll.present() < expected {
        stand.nodes.check_running()?;
        ensure!(watch.elapsed() < SETTLE, "{} of {expected} have signed in", roll.present());
        voice.doing("signing in");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(Rig::new(load_setup(setup), (stage, book, Disk::below(folder)?), stand))
}

fn load_setup(setup: &Setup) -> LoadSetup {
    LoadSetup {
        nodes: setup.nodes,
        gateways: setup.nodes,
        gateways_of_tier_0: 0,
        operators: setup.express,
        capacity: 1,
        tier_0_every: u32::MAX,
        window: EXPRESS_WINDOW,
        waiting_max: 0,
        measured_s: setup.express_s,
        warm_up_s: 1.0,
        p99_bound_ms: f64::MAX,
        accepted_share_bound: 0.0,
        seed: setup.seed,
    }
}

/// A fourth node; then all nodes must say the same.
async fn join_and_agree(growing: &mut Growing<'_>, run: &mut Run) -> anyhow::Result<()> {
    let voice = growing.voice;
    let token = &growing.people.admin.token;
    let joining = growing.rig.system.take_one_in(token, voice).await?;
    voice.done(&format!(
        "a fourth node votes after {:.1} s, {:.1} MB of snapshot and {:.1} MB of history",
        joining.seconds,
        joining.snapshot_bytes as f64 / 1e6,
        joining.history_bytes as f64 / 1e6
    ));
    run.joining = Some(joining);
    run.open_expected = growing.waiting();
    run.open = growing.rig.system.open_contacts(run.open_expected).await?;
    let watch = Stopwatch::start();
    let mut agree = None;
    while agree.is_none() && watch.elapsed() < SETTLE {
        agree = growing.rig.system.gauges.agree().await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    run.replicas_agree = agree.unwrap_or(false);
    let statuses = growing.rig.system.statuses().await?;
    run.terms = statuses.iter().map(|status| status.term).max().unwrap_or_default();
    let lost = growing.presence.stopped().into_iter();
    run.facts.extend(lost.map(|words| Fact { about: "a gateway's client stopped".to_owned(), words }));
    Ok(())
}

/// Fails when a promise was broken or a part is missing; says nothing about times.
///
/// # Errors
/// The first that does not hold.
pub fn judge(run: &Run) -> anyhow::Result<()> {
    let crowds = [("gateways", &run.gateways), ("operators", &run.operators)];
    for (who, crowd) in crowds {
        let crowd = crowd.as_ref().with_context(|| format!("no {who} were measured"))?;
        ensure!(crowd.online == crowd.wanted, "{} of {} {who} came", crowd.online, crowd.wanted);
    }
    ensure!(run.furnishing.is_some() && run.joining.is_some(), "plan or fourth node is missing");
    ensure!(run.sizes.len() == run.setup.sizes.len(), "not every size was measured");
    for size in &run.sizes {
        let (waiting, built) =
            (size.waiting, size.snapshots.iter().all(|one| one.built > 0 || one.bytes > 0));
        ensure!(size.snapshots.len() == NODES && built, "{waiting} wait: a node has taken no snapshot");
        let wanted = run.setup.completions_with(waiting);
        ensure!(size.completed >= wanted, "{waiting} wait: {} completed", size.completed);
        size.express.keeps_promises()?;
    }
    ensure!(
        run.open.len() == NODES + 1 && run.open.iter().all(|open| *open == run.open_expected),
        "{} contacts are open by the clients' records, {:?} by the nodes",
        run.open_expected,
        run.open
    );
    ensure!(run.replicas_agree, "the nodes did not come to the same chain at the same log index");
    Ok(())
}
