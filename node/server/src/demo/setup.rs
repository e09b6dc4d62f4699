//! What the demo puts into its cluster: tokens, a plan, operators.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ringmain_bench::profile::Profile;
use ringmain_bench::scenario::{Operator, Scenario};
use ringmain_bench::simulate::plan_of;
use ringmain_bench::workload::{DayTime, Selection, generate};
use ringmain_cluster_config::RoutingPlan;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{Millis, Name, Plan};

/// The probe's queue: beside the centre's own.
pub const PROBE_QUEUE: &str = "probe";
/// Its channel.
pub const PROBE_CHANNEL: &str = "probe";
/// The skill that only probe operators have.
const PROBE_SKILL: &str = "probe";
/// Probe operators at each node.
pub const PROBE_OPERATORS_PER_NODE: usize = 2;
/// Contacts that one probe operator may have in hand.
const PROBE_CAPACITY: u32 = 8;

/// What the demo plays.
pub struct Stagecraft {
    /// Who calls when, and who works when.
    pub scenario: Arc<Scenario>,
    /// Queues, skills, channels.
    pub plan: Plan,
    /// The centre's operators and the probe's.
    pub operators: Vec<OperatorPlan>,
}

/// Which part of which day.
pub struct Choice<'a> {
    /// Name of a built-in profile, or the file of one.
    pub workload: &'a str,
    /// From this time of day.
    pub at: DayTime,
    /// Until this time of day.
    pub to: DayTime,
    /// Multiplies arrivals and operators.
    pub scale: f64,
    /// How much faster than real time the day passes.
    pub speed: f64,
    /// Where the random numbers come from.
    pub seed: u64,
}

/// Draws the scenario and makes the plan for it.
///
/// # Errors
/// An unknown profile, or one that cannot be drawn as asked.
pub fn stagecraft(choice: &Choice<'_>, nodes: usize) -> Result<Stagecraft> {
    let scenario = Arc::new(draw(choice)?);
    let mut plan = plan_of(&scenario);
    take_queue_settings(&mut plan, choice.workload);
    compress(&mut plan, choice.speed);
    plan.queues.push(QueuePlan::named(PROBE_QUEUE));
    if let Some(queue) = plan.queues.last_mut() {
        queue.required = vec![(PROBE_SKILL.into(), 1)];
        queue.target.within = Millis(1_000);
    }
    plan.skills.push(PROBE_SKILL.into());
    plan.channels.push(ChannelPlan { name: PROBE_CHANNEL.into(), units: 1 });
    plan.sessions = SessionPlan { grace: Millis(15_000), ..SessionPlan::default() };
    let mut operators: Vec<OperatorPlan> = scenario.operators.iter().map(operator_plan).collect();
    operators.extend((0..nodes * PROBE_OPERATORS_PER_NODE).map(probe_operator));
    Ok(Stagecraft { scenario, plan, operators })
}

/// A scenario of the same part of the day, for a surge beside the day itself.
///
/// # Errors
/// As for [`stagecraft`].
pub fn draw(choice: &Choice<'_>) -> Result<Scenario> {
    let json = match ringmain_cluster_config::profiles::named(choice.workload) {
        Some(profile) => profile.json.to_owned(),
        None => fs::read_to_string(choice.workload)
            .with_context(|| format!("--workload {}: no built-in profile and no file", choice.workload))?,
    };
    let profile = Profile::parse(&json, choice.workload).map_err(|error| anyhow!("{error}"))?;
    let selection =
        Selection { seed: choice.seed, days: 1, from: choice.at, to: choice.to, scale: choice.scale };
    Ok(generate(&profile, &selection)?)
}

/// How a queue answers and what it promises, where the centre's own plan says so.
fn take_queue_settings(plan: &mut Plan, workload: &str) {
    let Some(profile) = ringmain_cluster_config::profiles::named(workload) else { return };
    let Ok(sample) = RoutingPlan::parse(profile.name, profile.plan) else { return };
    for queue in &mut plan.queues {
        if let Some(own) = sample.plan.queues.iter().find(|own| own.name == queue.name) {
            (queue.answer, queue.target, queue.orphan) = (own.answer, own.target, own.orphan);
            (queue.wrap_up, queue.wrap_up_max) = (own.wrap_up, own.wrap_up_max.max(own.wrap_up));
        }
    }
}

/// Promises and wrap-up pass as fast as the day does; the time to answer an offer stays real.
fn compress(plan: &mut Plan, speed: f64) {
    for queue in &mut plan.queues {
        let real = |span: Millis| Millis((span.0 as f64 / speed).round() as u64);
        queue.target.within = real(queue.target.within).max(Millis(1));
        queue.wrap_up = real(queue.wrap_up);
        queue.wrap_up_max = real(queue.wrap_up_max).max(queue.wrap_up);
    }
}

fn operator_plan(operator: &Operator) -> OperatorPlan {
    OperatorPlan {
        login: Name::from(&*operator.operator_id),
        skills: operator.skills.iter().map(|(skill, level)| (Name::from(&**skill), *level)).collect(),
        capacity: operator.capacity,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    }
}

fn probe_operator(place: usize) -> OperatorPlan {
    OperatorPlan {
        login: probe_login(place).into(),
        skills: vec![(PROBE_SKILL.into(), 1)],
        capacity: PROBE_CAPACITY,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    }
}

/// Login of a probe operator.
pub fn probe_login(place: usize) -> String {
    format!("probe-{place}")
}

/// The demo's secrets: one for the admin, one for the supervisor, one for each gateway and operator.
pub struct Secrets {
    salt: u64,
}

impl Secrets {
    /// Tokens that differ from run to run.
    pub fn new(salt: u64) -> Secrets {
        Secrets { salt }
    }

    /// The token of a name in a role.
    pub fn token(&self, role: &str, name: &str) -> String {
        let hash =
            ringmain_routing::hash_parts(&[&self.salt.to_le_bytes(), role.as_bytes(), name.as_bytes()]);
        format!("{role}-{hash:032x}")
    }

    /// Writes the token file of all nodes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path, gateways: &[String], operators: &[OperatorPlan]) -> Result<()> {
        let mut text = String::from("# Made by `ringmain demo` for one run.\n");
        let mut add = |role: &str, name: &str| {
            let token = self.token(role, name);
            let name = serde_json::Value::from(name);
            write!(text, "\n[[tokens]]\ntoken = \"{token}\"\nname = {name}\nrole = \"{role}\"\n")
        };
        add("admin", "demo")?;
        add("supervisor", "demo")?;
        gateways.iter().try_for_each(|name| add("gateway", name))?;
        operators.iter().try_for_each(|operator| add("operator", &operator.login))?;
        let path = folder.join("tokens.toml");
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}
