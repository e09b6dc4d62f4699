//! The config of one node: who it is, where it listens, who its peers are.

mod limits;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use ringmain_routing::NodeId;
use ringmain_routing::limits::NAME_BYTES_MAX;

use self::limits::LIMITS;
pub use self::limits::NodeLimits;
use crate::problem::{Problems, Sink};
use crate::section::{self, Section};
use crate::shape::{Field, Kind, Need, Shape};
use crate::telemetry::{self, TelemetryConfig};

/// Most nodes of a cluster, learners included.
pub const PEERS_MAX: usize = 64;

const NAME: Kind = Kind::Text(NAME_BYTES_MAX);
const PATH: Kind = Kind::Text(4096);
const NODE_ID: Kind = Kind::Integer(1, u32::MAX as u64);

/// The config of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Name of the cluster; a data folder of another cluster is refused.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// Where the log, snapshots and history are; relative paths count from the config's folder.
    pub data_dir: PathBuf,
    /// The file of tokens; relative paths count from the config's folder.
    pub tokens: PathBuf,
    /// Where this node listens.
    pub listen: Listen,
    /// The nodes that form the cluster, this one included. Once it runs, its log knows its members.
    pub peers: Vec<PeerConfig>,
    /// With an empty data folder: wait for a running cluster to take the node in, instead of forming a new one.
    pub join: bool,
    /// Timeouts of the cluster; the same on all nodes.
    pub timeouts: Timeouts,
    /// What the node keeps and takes at most.
    pub limits: NodeLimits,
    /// What the node writes to its log output.
    pub log: LogConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
}

/// Addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// gRPC for gateways, operators, supervisors and admins.
    pub api: String,
    /// gRPC between nodes.
    pub peer: String,
    /// HTTP: metrics, livez, readyz.
    pub http: String,
}

/// One node of the cluster, as others reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Which.
    pub node: NodeId,
    /// Its business area.
    pub region: String,
    /// Where other nodes reach it.
    pub peer: String,
    /// Where clients reach it; told to them as a hint.
    pub api: String,
}

/// Timeouts in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Shortest wait for a leader's sign of life before an election.
    pub election_min_ms: u64,
    /// Longest such wait.
    pub election_max_ms: u64,
    /// Between two signs of life of the leader.
    pub heartbeat_ms: u64,
    /// How often the leader asks its peers whether they live.
    pub ping_ms: u64,
    /// Silence after which a node's sessions are lost.
    pub node_lost_ms: u64,
    /// Time without a leader after which a node is read-only.
    pub read_only_ms: u64,
    /// How often clients send a heartbeat; after three in silence their stream counts as lost.
    pub client_heartbeat_ms: u64,
    /// How long the streams of a stopping node have to go elsewhere.
    pub stop_ms: u64,
}

/// Log output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Lines for people or for programs.
    pub format: LogFormat,
    /// Which lines, as `level` or `target=level,…`.
    pub filter: String,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line.
    Text,
    /// One JSON object a line.
    Json,
}

/// A config that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

impl NodeConfig {
    /// Reads the file's text; `source` is its name for errors. Relative paths stay as they are.
    ///
    /// # Errors
    /// Every problem of the file, with its line.
    pub fn parse(source: &str, text: &str) -> Result<NodeConfig, Problems> {
        section::parse(source, text, &FILE, |file, sink| {
            let config = read(file);
            check(file, &config, sink);
            config
        })
    }

    /// Reads the file and makes its paths count from its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or every problem of it.
    pub fn load(path: &Path) -> Result<NodeConfig, ConfigError> {
        let text = read_file(path)?;
        let mut config = NodeConfig::parse(&path.display().to_string(), &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.data_dir = folder.join(&config.data_dir);
        config.tokens = folder.join(&config.tokens);
        Ok(config)
    }

    /// This node among the peers.
    #[must_use]
    pub fn me(&self) -> Option<&PeerConfig> {
        self.peers.iter().find(|peer| peer.node == self.node)
    }

    /// The config as a file that [`NodeConfig::parse`] reads back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = String::new();
        let mut line = |words: String| {
            text.write_str(&words).and_then(|()| text.write_char('\n')).expect("a String takes all")
        };
        line(format!("cluster = {}", quote(&self.cluster)));
        line(format!("node = {}", self.node));
        line(format!("data_dir = {}", quote(&self.data_dir.to_string_lossy())));
        line(format!("tokens = {}", quote(&self.tokens.to_string_lossy())));
        line(format!("join = {}", self.join));
        line(format!("\n[listen]\napi = {}", quote(&self.listen.api)));
        line(format!("peer = {}\nhttp = {}", quote(&self.listen.peer), quote(&self.listen.http)));
        for peer in &self.peers {
            line(format!("\n[[peers]]\nnode = {}\nregion = {}", peer.node, quote(&peer.region)));
            line(format!("peer = {}\napi = {}", quote(&peer.peer), quote(&peer.api)));
        }
        line("\n[timeouts]".to_owned());
        for (name, value) in self.timeouts.named() {
            line(format!("{name} = {value}"));
        }
        line("\n[limits]".to_owned());
        for (name, value) in self.limits.named() {
            line(format!("{name} = {value}"));
        }
        line(format!(
            "\n[log]\nformat = {}\nfilter = {}",
            quote(self.log.format.word()),
            quote(&self.log.filter)
        ));
        line(self.telemetry.to_toml());
        text
    }
}

/// Reads a file of ours as text.
///
/// # Errors
/// When it cannot be read or is no UTF-8.
pub fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })
}

impl Timeouts {
    fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("election_min_ms", self.election_min_ms),
            ("election_max_ms", self.election_max_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("ping_ms", self.ping_ms),
            ("node_lost_ms", self.node_lost_ms),
            ("read_only_ms", self.read_only_ms),
            ("client_heartbeat_ms", self.client_heartbeat_ms),
            ("stop_ms", self.stop_ms),
        ]
    }

    fn read(number: impl Fn(&'static str) -> u64) -> Timeouts {
        Timeouts {
            election_min_ms: number("election_min_ms"),
            election_max_ms: number("election_max_ms"),
            heartbeat_ms: number("heartbeat_ms"),
            ping_ms: number("ping_ms"),
            node_lost_ms: number("node_lost_ms"),
            read_only_ms: number("read_only_ms"),
            client_heartbeat_ms: number("client_heartbeat_ms"),
            stop_ms: number("stop_ms"),
        }
    }
}

impl LogFormat {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts::read(|name| TIMEOUTS.number(name))
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: LogFormat::Text, filter: DEFAULT_FILTER.to_owned() }
    }
}

/// openraft tells each step of an election at `info`; its warnings are enough.
const DEFAULT_FILTER: &str = "info,openraft=warn";

fn read(file: &Section<'_>) -> NodeConfig {
    let text =
        |section: &Section<'_>, key| section.text(key).map_or_else(String::new, |text| text.value.to_owned());
    let listen = |key| file.section("listen").map_or_else(String::new, |section| text(&section, key));
    let peer = |section: &Section<'_>| PeerConfig {
        node: NodeId(section.number("node")),
        region: text(section, "region"),
        peer: text(section, "peer"),
        api: text(section, "api"),
    };
    let log = file.section("log").map_or_else(LogConfig::default, |section| LogConfig {
        format: if section.word("format") == "json" { LogFormat::Json } else { LogFormat::Text },
        filter: section.word("filter").to_owned(),
    });
    NodeConfig {
        cluster: text(file, "cluster"),
        node: NodeId(file.number("node")),
        data_dir: PathBuf::from(text(file, "data_dir")),
        tokens: PathBuf::from(text(file, "tokens")),
        listen: Listen { api: listen("api"), peer: listen("peer"), http: listen("http") },
        peers: file.sections("peers").iter().map(peer).collect(),
        join: file.flag("join"),
        timeouts: file
            .section("timeouts")
            .map_or_else(Timeouts::default, |section| Timeouts::read(|name| section.number(name))),
        limits: file
            .section("limits")
            .map_or_else(NodeLimits::default, |section| NodeLimits::read(|name| section.number(name))),
        log,
        telemetry: file
            .section("telemetry")
            .map_or_else(TelemetryConfig::default, |section| TelemetryConfig::read(&section)),
    }
}

/// The rules that join several fields.
fn check(file: &Section<'_>, config: &NodeConfig, sink: &mut Sink<'_>) {
    check_peers(file, config, sink);
    if let Some(listen) = file.section("listen") {
        let addresses =
            [("api", &config.listen.api), ("peer", &config.listen.peer), ("http", &config.listen.http)];
        for (i, (name, address)) in addresses.iter().enumerate() {
            if let Some((other, _)) =
                addresses[..i].iter().find(|(_, other)| other == address && !address.is_empty())
            {
                sink.add(
                    &listen.span_of(name),
                    &listen.path_of(name),
                    format!("is the same address as listen.{other}"),
                );
            }
        }
    }
    let timeouts = &config.timeouts;
    let section = file.section("timeouts");
    let mut timeout_problem = |name: &str, message: String| {
        let section = section.as_ref().unwrap_or(file);
        sink.add(&section.span_of(name), &section.path_of(name), message);
    };
    if timeouts.election_max_ms <= timeouts.election_min_ms {
        timeout_problem(
            "election_max_ms",
            format!("must be above election_min_ms ({})", timeouts.election_min_ms),
        );
    }
    if timeouts.heartbeat_ms.saturating_mul(2) > timeouts.election_min_ms {
        let half = timeouts.election_min_ms / 2;
        timeout_problem("heartbeat_ms", format!("must be at most half of election_min_ms, {half} or less"));
    }
    if timeouts.node_lost_ms <= timeouts.election_max_ms {
        let least = timeouts.election_max_ms;
        timeout_problem("node_lost_ms", format!("must be above election_max_ms ({least})"));
    }
}

fn check_peers(file: &Section<'_>, config: &NodeConfig, sink: &mut Sink<'_>) {
    let sections = file.sections("peers");
    for (i, (section, peer)) in sections.iter().zip(&config.peers).enumerate() {
        let before = &config.peers[..i];
        if section.has("node") && before.iter().any(|other| other.node == peer.node) {
            sink.add(
                &section.span_of("node"),
                &section.path_of("node"),
                format!("node {} is listed twice", peer.node),
            );
        }
        let taken = |address: &str| {
            !address.is_empty() && before.iter().any(|other| other.peer == address || other.api == address)
        };
        for (name, address) in [("peer", &peer.peer), ("api", &peer.api)] {
            if taken(address) || (name == "api" && *address == peer.peer && !address.is_empty()) {
                sink.add(&section.span_of(name), &section.path_of(name), format!("{address} is given twice"));
            }
        }
    }
    if file.has("peers") && file.has("node") && config.me().is_none() {
        let message = format!("node {} is not among the peers", config.node);
        sink.add_hint(
            &file.span_of("node"),
            "node",
            message,
            "list all nodes of the cluster, this one included",
        );
    }
}

/// The fields of the file.
pub static FILE: Shape = Shape {
    doc: "The config of one Ringmain node.",
    exactly_one: false,
    fields: &[
        Field {
            name: "cluster",
            kind: NAME,
            need: Need::Required,
            doc: "Name of the cluster; a data folder of another cluster is refused.",
        },
        Field { name: "node", kind: NODE_ID, need: Need::Required, doc: "Number of this node." },
        Field {
            name: "data_dir",
            kind: PATH,
            need: Need::Required,
            doc: "Folder of the log, snapshots and history; relative to this file.",
        },
        Field {
            name: "tokens",
            kind: PATH,
            need: Need::Required,
            doc: "File of tokens; relative to this file.",
        },
        Field {
            name: "listen",
            kind: Kind::Table(&LISTEN),
            need: Need::Required,
            doc: "Addresses this node listens on.",
        },
        Field {
            name: "peers",
            kind: Kind::List(&Kind::Table(&PEER), PEERS_MAX),
            need: Need::Required,
            doc: "The nodes that form the cluster, this one included; one that joins may list only itself.",
        },
        Field {
            name: "join",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "With an empty data folder: wait for a running cluster to take the node in.",
        },
        Field {
            name: "timeouts",
            kind: Kind::Table(&TIMEOUTS),
            need: Need::Optional,
            doc: "Timeouts; the same on all nodes.",
        },
        Field {
            name: "limits",
            kind: Kind::Table(&LIMITS),
            need: Need::Optional,
            doc: "Limits of this node.",
        },
        Field { name: "log", kind: Kind::Table(&LOG), need: Need::Optional, doc: "Log output of this node." },
        Field {
            name: "telemetry",
            kind: Kind::Table(&telemetry::SHAPE),
            need: Need::Optional,
            doc: "Where traces of this node go.",
        },
    ],
};

static LISTEN: Shape = Shape {
    doc: "Addresses to listen on.",
    exactly_one: false,
    fields: &[
        Field { name: "api", kind: Kind::Address, need: Need::Required, doc: "gRPC for clients." },
        Field { name: "peer", kind: Kind::Address, need: Need::Required, doc: "gRPC between nodes." },
        Field {
            name: "http",
            kind: Kind::Address,
            need: Need::Required,
            doc: "HTTP: metrics, livez, readyz.",
        },
    ],
};

static PEER: Shape = Shape {
    doc: "A node of the cluster.",
    exactly_one: false,
    fields: &[
        Field { name: "node", kind: NODE_ID, need: Need::Required, doc: "Its number." },
        Field { name: "region", kind: NAME, need: Need::Required, doc: "Its business area." },
        Field { name: "peer", kind: Kind::Address, need: Need::Required, doc: "Where other nodes reach it." },
        Field { name: "api", kind: Kind::Address, need: Need::Required, doc: "Where clients reach it." },
    ],
};

static TIMEOUTS: Shape = Shape {
    doc: "Timeouts in milliseconds.",
    exactly_one: false,
    fields: &[
        Field {
            name: "election_min_ms",
            kind: Kind::Integer(20, 60_000),
            need: Need::Number(100),
            doc: "Shortest wait for a leader's sign of life before an election.",
        },
        Field {
            name: "election_max_ms",
            kind: Kind::Integer(20, 60_000),
            need: Need::Number(200),
            doc: "Longest such wait.",
        },
        Field {
            name: "heartbeat_ms",
            kind: Kind::Integer(5, 30_000),
            need: Need::Number(30),
            doc: "Between two signs of life of the leader.",
        },
        Field {
            name: "ping_ms",
            kind: Kind::Integer(10, 60_000),
            need: Need::Number(100),
            doc: "How often the leader asks its peers whether they live.",
        },
        Field {
            name: "node_lost_ms",
            kind: Kind::Integer(50, 600_000),
            need: Need::Number(600),
            doc: "Silence after which a node's sessions are lost.",
        },
        Field {
            name: "read_only_ms",
            kind: Kind::Integer(50, 600_000),
            need: Need::Number(1_000),
            doc: "Time without a leader after which a node is read-only.",
        },
        Field {
            name: "client_heartbeat_ms",
            kind: Kind::Integer(100, 600_000),
            need: Need::Number(3_000),
            doc: "How often clients send a heartbeat; after three in silence their stream counts as lost.",
        },
        Field {
            name: "stop_ms",
            kind: Kind::Integer(0, 600_000),
            need: Need::Number(5_000),
            doc: "How long the streams of a stopping node have to go elsewhere.",
        },
    ],
};

static LOG: Shape = Shape {
    doc: "Log output.",
    exactly_one: false,
    fields: &[
        Field {
            name: "format",
            kind: Kind::Choice(&["text", "json"]),
            need: Need::Word("text"),
            doc: "Lines for people or for programs.",
        },
        Field {
            name: "filter",
            kind: Kind::Text(1_024),
            need: Need::Word(DEFAULT_FILTER),
            doc: "Which lines: a level, or target=level pairs with commas.",
        },
    ],
};

impl Shape {
    /// The number that holds when the field is not given.
    fn number(&self, name: &str) -> u64 {
        match self.field(name).map(|field| field.need) {
            Some(Need::Number(number)) => number,
            Some(Need::Required | Need::Optional | Need::Flag(_) | Need::Word(_)) | None => 0,
        }
    }
}
