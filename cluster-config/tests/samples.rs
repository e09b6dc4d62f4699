//! The samples are good files, for the parser and for the JSON Schemas alike.

mod json_schema;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ringmain_cluster_config::{NodeConfig, RoutingPlan, Tokens, profiles, schema};
use ringmain_routing::command::{ApplyPlan, ContactDetails, EnqueueContact, OpenSession, Role};
use ringmain_routing::rules::Facts;
use ringmain_routing::{
    Command, Epoch, Incarnation, Millis, NodeId, Outcome, Party, Plan, Reply, Router, Timestamp,
};
use serde_json::Value;

fn sample(path: &str) -> (String, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(path);
    (path.display().to_string(), std::fs::read_to_string(&path).expect("the sample is there"))
}

fn as_json(text: &str) -> Value {
    let table: toml::Table = toml::from_str(text).expect("TOML");
    serde_json::to_value(table).expect("plain values")
}

fn plan_of(profile: &str) -> RoutingPlan {
    let (source, text) = sample(&format!("plans/{profile}.toml"));
    RoutingPlan::parse(&source, &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn assert_valid(schema: &Value, instance: &Value, what: &str) {
    let errors = json_schema::errors(schema, instance);
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

#[test]
fn every_sample_plan_is_good_and_holds_no_warning() {
    for profile in profiles::ALL {
        assert_eq!(plan_of(profile.name).warnings, [], "{}", profile.name);
    }
}

#[test]
fn every_sample_plan_knows_what_its_profile_brings() {
    for profile in profiles::ALL {
        let (plan, day) = (plan_of(profile.name), serde_json::from_str::<Value>(profile.json).expect("JSON"));
        let queues: BTreeSet<&str> = plan.plan.queues.iter().map(|queue| &*queue.name).collect();
        let channels: BTreeSet<&str> = plan.plan.channels.iter().map(|channel| &*channel.name).collect();
        let skills: BTreeSet<&str> = plan.plan.skills.iter().map(|skill| &**skill).collect();
        for class in day["classes"].as_array().expect("classes") {
            let word = |key: &str| class[key].as_str().expect("a text").to_owned();
            assert!(queues.contains(&*word("queue")), "{}: {class}", profile.name);
            assert!(channels.contains(&*word("channel")), "{}: {class}", profile.name);
            for skill in class["skills"].as_array().expect("skills") {
                assert!(skills.contains(skill.as_str().expect("a text")), "{}: {class}", profile.name);
            }
        }
        let count: u64 = day["operators"]
            .as_array()
            .expect("groups")
            .iter()
            .filter_map(|group| group["count"].as_u64())
            .sum();
        assert_eq!(plan.operators.len() as u64, count, "{}", profile.name);
    }
}

#[test]
fn beelines_sixteen_channels_find_their_queues_by_channel_and_language() {
    let plan = Plan { version: 1, ..plan_of("beeline_kz").plan };
    assert!(plan.channels.len() >= 16);
    let mut router = Router::new();
    let mut apply = |command| {
        let Outcome { reply, .. } = router.apply(Timestamp(1), &command);
        reply.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    };
    apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    let opened = apply(Command::OpenSession(OpenSession {
        role: Role::Gateway,
        name: "bot".into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce: 1,
        resume: None,
        takeover: false,
    }));
    let Reply::Opened { party: Party::Gateway(gateway), .. } = opened else { panic!("{opened:?}") };
    let cases = [
        ("telegram", "kk", "telegram.kk"),
        ("whatsapp", "ru", "whatsapp.ru"),
        ("app", "kk", "app.kk"),
        ("instagram", "kk", "social.instagram"),
        ("2gis", "ru", "social.2gis"),
    ];
    for (channel, language, _) in cases {
        apply(Command::EnqueueContact(Box::new(EnqueueContact {
            gateway,
            epoch: Epoch(1),
            key: channel.into(),
            queue: "".into(),
            channel: channel.into(),
            tier: 5,
            head_start: Millis(0),
            skills: Vec::new(),
            scope: None,
            units: None,
            not_before: None,
            preferred: None,
            callback: None,
            details: ContactDetails::default(),
            facts: Facts { language: Some(language.into()), ..Facts::default() },
        })));
    }
    for (channel, _, queue) in cases {
        let contact = router.contact_by_key("bot", channel).expect("it is there");
        assert_eq!(&*contact.queue, queue, "{channel}");
    }
}

#[test]
fn plan_schema_accepts_the_samples_and_refuses_what_the_parser_refuses() {
    let schema = schema::routing_plan();
    for profile in profiles::ALL {
        let (source, text) = sample(&format!("plans/{}.toml", profile.name));
        assert_valid(&schema, &as_json(&text), &source);
    }
    for wrong in [
        "channels = []",
        "channels = []\nqueues = []\ncolour = 1",
        "channels = []\nqueues = [{ name = \"\" }]",
        "channels = []\nqueues = [{ name = \"a\", answer = \"manual\" }]",
        "channels = []\nqueues = [{ name = \"a\", answer = { offered_ms = 1, confirmed_ms = 1 } }]",
        "channels = []\nqueues = [{ name = \"a\", waiting_max = 0 }]",
        "channels = []\nqueues = [{ name = \"a\", target = { percent = 101 } }]",
    ] {
        assert!(!json_schema::errors(&schema, &as_json(wrong)).is_empty(), "{wrong}");
        assert!(RoutingPlan::parse("plan.toml", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn node_schema_accepts_the_samples_and_what_we_write_ourselves() {
    let schema = schema::node_config();
    for node in 1..=3 {
        let (source, text) = sample(&format!("three-nodes/node-{node}.toml"));
        let config = NodeConfig::parse(&source, &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_valid(&schema, &as_json(&text), &source);
        assert_eq!(config.me().map(|me| me.node), Some(config.node));
        assert_valid(&schema, &as_json(&config.to_toml()), "written");
        assert_eq!(NodeConfig::parse("written", &config.to_toml()), Ok(config));
    }
}

#[test]
fn tokens_sample_is_good() {
    let (source, text) = sample("three-nodes/tokens.toml");
    let tokens = Tokens::parse(&source, &text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(tokens.iter().count(), 4);
    assert_valid(&schema::tokens(), &as_json(&text), &source);
}

#[test]
fn the_three_sample_nodes_agree_on_their_cluster() {
    let nodes: Vec<NodeConfig> = (1..=3)
        .map(|node| {
            let (source, text) = sample(&format!("three-nodes/node-{node}.toml"));
            NodeConfig::parse(&source, &text).unwrap_or_else(|problems| panic!("{problems}"))
        })
        .collect();
    for node in &nodes {
        assert_eq!((&node.cluster, &node.peers), (&nodes[0].cluster, &nodes[0].peers));
        assert_eq!(node.me().map(|me| (&me.api, &me.peer)), Some((&node.listen.api, &node.listen.peer)));
    }
}
