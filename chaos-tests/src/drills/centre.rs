//! The centre that is drilled: its plan, its people and their secrets.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use ringmain_protocol::client::AdminClient;
use ringmain_protocol::plan::{operator_to_message, to_message};
use ringmain_protocol::v1::{ApplyPlanRequest, PutOperatorsRequest};
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{Millis, Name, Plan, hash_parts};

/// Gateways at each node.
const GATEWAYS_PER_NODE: usize = 2;
/// Operators at each node, at least.
const OPERATORS_PER_NODE_LEAST: usize = 6;
/// Contacts per second that one operator is to have; about half of what one can serve, so that routing is measured
/// and not waiting.
const CONTACTS_PER_OPERATOR: usize = 7;
/// The gateway whose stream is moved from node to node.
pub(super) const WANDERING_GATEWAY: &str = "wandering-gateway";
/// The operator whose stream is moved from node to node.
pub(super) const WANDERING_OPERATOR: &str = "wandering-operator";
/// How long a talk takes.
pub(super) const SERVICE: Duration = Duration::from_millis(150);
/// The queue that only the wandering operator serves.
pub(super) const WANDERING_QUEUE: &str = "wandering";
/// Queues of the others: one connects at once, one asks the operator.
pub(super) const QUEUES: [&str; 2] = ["calls", "chat"];
pub(super) const CHANNEL: &str = "any";
/// Each gateway brings so many contacts, and then one of life safety (tier 0).
pub(super) const LIFE_SAFETY_EVERY: u64 = 21;
/// Stands in the keys of those.
pub(super) const LIFE_SAFETY: &str = "urgent-";
/// Name of the administrator.
pub(super) const ADMIN: &str = "drill";

/// How large the drilled centre is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Centre {
    pub(super) nodes: usize,
    operators_per_node: usize,
}

impl Centre {
    /// As many operators as contacts of a rate per second need.
    pub(super) fn for_rate(nodes: usize, rate: u32) -> Centre {
        let needed = (rate as usize).div_ceil(nodes * CONTACTS_PER_OPERATOR);
        Centre { nodes, operators_per_node: needed.max(OPERATORS_PER_NODE_LEAST) }
    }

    /// Gateways, without the wandering one.
    pub(super) fn gateways(self) -> usize {
        self.nodes * GATEWAYS_PER_NODE
    }

    /// Operators, without the wandering one.
    pub(super) fn operators(self) -> usize {
        self.nodes * self.operators_per_node
    }
}

/// Whether a contact is one of life safety, by its key.
pub(super) fn is_life_safety(key: &str) -> bool {
    key.contains(LIFE_SAFETY)
}

/// Name of a gateway.
pub(super) fn gateway_name(place: usize) -> String {
    format!("gateway-{place}")
}

/// Login of an operator.
pub(super) fn login(place: usize) -> String {
    format!("operator-{place}")
}

/// Short waits for those who do not answer: a drill has little time.
pub(super) fn plan() -> Plan {
    let answered_within = Answer::Offered { within: Millis(5_000) };
    let mut queues: Vec<QueuePlan> = QUEUES.iter().map(|name| QueuePlan::named(name)).collect();
    queues[1].answer = answered_within;
    queues[1].wrap_up = Millis(50);
    let mut wandering = QueuePlan::named(WANDERING_QUEUE);
    wandering.answer = answered_within;
    wandering.required = vec![(WANDERING_QUEUE.into(), 1)];
    queues.push(wandering);
    Plan {
        version: 1,
        queues,
        skills: vec!["chat".into(), WANDERING_QUEUE.into()],
        channels: vec![ChannelPlan { name: CHANNEL.into(), units: 1 }],
        units: Vec::new(),
        sessions: SessionPlan { missed: Millis(500), exclusion: Millis(500), ..SessionPlan::default() },
        rules: Default::default(),
    }
}

/// Everybody who serves; the wanderer comes last.
pub(super) fn operators(centre: Centre) -> Vec<OperatorPlan> {
    let operator = |login: String, skill: &str, capacity| OperatorPlan {
        login: login.into(),
        skills: vec![(Name::from(skill), 5)],
        capacity,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    };
    let others = (0..centre.operators()).map(|place| operator(login(place), "chat", 3));
    others.chain([operator(WANDERING_OPERATOR.to_owned(), WANDERING_QUEUE, 8)]).collect()
}

/// The same plan and operators as a file for `ringmain plan apply`.
pub(super) fn plan_file(centre: Centre) -> String {
    let mut text = format!(
        "skills = [\"chat\", \"{WANDERING_QUEUE}\"]\n\n[sessions]\nmissed_ms = 500\nexclusion_ms = 500\n\n\
         [[channels]]\nname = \"{CHANNEL}\"\nunits = 1\n\n\
         [[queues]]\nname = \"{}\"\n\n\
         [[queues]]\nname = \"{}\"\nanswer = {{ offered_ms = 5000 }}\nwrap_up_ms = 50\n\n\
         [[queues]]\nname = \"{WANDERING_QUEUE}\"\nanswer = {{ offered_ms = 5000 }}\nrequired = [\"{WANDERING_QUEUE}\"]\n",
        QUEUES[0], QUEUES[1]
    );
    for operator in operators(centre) {
        let skill = operator.skills.first().map_or("", |(name, _)| name);
        let (login, capacity) = (&operator.login, operator.capacity);
        text += &format!(
            "\n[[operators]]\nlogin = \"{login}\"\nskills = [{{ name = \"{skill}\", level = 5 }}]\ncapacity = {capacity}\n"
        );
    }
    text
}

/// Puts plan and operators into an empty cluster.
pub(super) async fn furnish(admin: &AdminClient, centre: Centre) -> Result<()> {
    let request = ApplyPlanRequest { plan: Some(to_message(&plan())), dry_run: false };
    admin.apply_plan(request).await.context("applying the plan")?;
    let operators = operators(centre).iter().map(operator_to_message).collect();
    let request = PutOperatorsRequest { operators, dry_run: false };
    admin.put_operators(request).await.context("putting the operators")?;
    Ok(())
}

/// Tokens that differ from run to run.
#[derive(Clone, Copy)]
pub(super) struct Secrets(pub(super) u64);

impl Secrets {
    pub(super) fn token(self, role: &str, name: &str) -> String {
        let hash = hash_parts(&[&self.0.to_le_bytes(), role.as_bytes(), name.as_bytes()]);
        format!("{role}-{hash:032x}")
    }

    /// Writes the token file of all nodes.
    pub(super) fn write(self, folder: &Path, centre: Centre) -> Result<()> {
        let mut text = String::from("# Made by a drill for one run.\n");
        let mut add = |role: &str, name: &str| {
            let token = self.token(role, name);
            write!(text, "\n[[tokens]]\ntoken = \"{token}\"\nname = \"{name}\"\nrole = \"{role}\"\n")
        };
        add("admin", ADMIN)?;
        add("gateway", WANDERING_GATEWAY)?;
        (0..centre.gateways()).try_for_each(|place| add("gateway", &gateway_name(place)))?;
        operators(centre).iter().try_for_each(|operator| add("operator", &operator.login))?;
        let path = folder.join("tokens.toml");
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }
}
