//! A drill as a YAML file: what is believed, what is done to the cluster, and what must hold.

mod catalogue;
mod fault;
mod lines;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

pub use catalogue::{find, shipped};
pub use fault::{ClientSide, Cut, Fault, Need, RotFile, Weather};
pub use units::{Bytes, Percent, Span, Speed, Target};

use fault::FaultText;
use lines::line_of;

const NAME_BYTES_MAX: usize = 40;
const FAULTS_MAX: usize = 64;
const ROUNDS_MAX: u32 = 1_000;
const RATE_MAX: u32 = 2_000;
const SURGE_MAX: u32 = 50;
/// The configuration that a drill may change is that of limits.
const CLUSTER_SIZES: [usize; 2] = [3, 5];

/// A drill.
#[derive(Clone, Debug)]
pub struct Drill {
    /// Its name: lower-case words joined by hyphens.
    pub name: String,
    /// What is believed, in a sentence or two.
    pub hypothesis: String,
    /// Numbers of nodes with which it may be run; the first is the usual one.
    pub nodes: Vec<usize>,
    /// Regions that the nodes are spread over, in turn; none for one each.
    pub regions: Option<usize>,
    /// What the machine must have: that of the faults, and what the file names.
    pub needs: BTreeSet<Need>,
    /// What clients do.
    pub load: Load,
    /// How packets travel all the time; none for as fast as they can.
    pub network: Option<Weather>,
    /// Size of each node's own disk, where it has one.
    pub disk_bytes: u64,
    /// Lines of the nodes' section of limits.
    pub limits: BTreeMap<String, u64>,
    /// Load before the first round.
    pub warm_up: Span,
    /// How often the faults come.
    pub rounds: u32,
    /// How long a round takes at least.
    pub round: Span,
    /// Each round begins so much later than the one before, up to a second, so that faults come at different moments.
    pub shift: Span,
    /// Load after the last round.
    pub after: Span,
    /// What is done in each round.
    pub faults: Vec<Strike>,
    /// When the drill is broken off.
    pub abort: Abort,
    /// What must hold, beside the rules that hold always.
    pub pass: Pass,
}

/// What clients do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Load {
    /// Contacts a second, of all gateways together.
    pub rate: u32,
    /// More of them for a while.
    pub surges: Vec<Surge>,
    /// Each gateway brings every so many contacts twice at once.
    pub repeat_every: u64,
    /// Each gateway brings every contact that is repeated again after so long, when much has happened since.
    pub repeat_late: Option<Span>,
}

/// More contacts for a while.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Surge {
    /// Since the round began.
    pub at: Span,
    /// How long.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// Times the usual rate.
    pub times: u32,
}

/// A fault, when it comes, whom it strikes and when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strike {
    /// Since the round began.
    pub at: Span,
    /// How long it lasts.
    pub lasts: Span,
    /// Whom.
    pub target: Target,
    /// What.
    pub fault: Fault,
}

/// When a drill is broken off: everything is healed at once, and it has failed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Abort {
    /// Nobody was assigned for so long.
    pub no_assignment: Span,
    /// So many accepted contacts came back as new ones when they were brought again.
    pub forgotten: u64,
}

/// What must hold. Times are as clients see them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pass {
    /// Accepted contacts that a node lacks in the end.
    pub lost: u64,
    /// Contacts with two assignments at once.
    pub double: u64,
    /// Assignments that passed over somebody.
    pub order: u64,
    /// Answers that contradict the order of real time.
    pub real_time: u64,
    /// Longest time until somebody is assigned again after each fault; where a majority is struck, after its end.
    pub resumed_within: Option<Span>,
    /// Share of the faults for which that must hold.
    pub resumed_share: Option<Percent>,
    /// As `resumed_within`, for half of the faults.
    pub resumed_median: Option<Span>,
    /// Longest time without an assignment from each fault until five seconds after its end.
    pub pause_within: Option<Span>,
    /// Most elections from each fault until the next.
    pub elections: Option<u64>,
    /// Commands that nodes without a majority acknowledged.
    pub minority_acknowledged: Option<u64>,
    /// Longest time until a node without a majority says so.
    pub minority_says_so_within: Option<Span>,
    /// Longest time until a node that was struck has caught up, from the end of the fault.
    pub back_within: Option<Span>,
    /// 99 of 100 contacts pushed before the first fault are assigned within this.
    pub quiet_p99: Option<Span>,
    /// 99 of 100 contacts of life safety pushed in the drill are assigned within this.
    pub life_safety_p99: Option<Span>,
    /// How many times as long 99 of 100 contacts may take while a fault lasts as before the first one.
    pub slowdown: Option<f64>,
    /// Longest time until struck nodes stop by themselves.
    pub stops_within: Option<Span>,
    /// Struck nodes must stop by themselves, with this code.
    pub stops_with: Option<String>,
    /// Clients must have been refused with this code.
    pub refused_with: Option<String>,
}

/// A mistake in a drill file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file.
    pub source: String,
    /// Where; 0 when unknown.
    pub line: usize,
    /// Which field and what is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.source, self.line, self.message)
    }
}

impl std::error::Error for FileError {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DrillText {
    name: String,
    hypothesis: String,
    nodes: Vec<usize>,
    regions: Option<usize>,
    #[serde(default)]
    needs: BTreeSet<Need>,
    #[serde(default)]
    load: Load,
    network: Option<NetworkText>,
    #[serde(default = "usual_disk")]
    disk: Bytes,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    #[serde(default = "usual_warm_up")]
    warm_up: Span,
    #[serde(default = "one")]
    rounds: u32,
    #[serde(default)]
    round: Span,
    #[serde(default)]
    shift: Span,
    #[serde(default = "usual_after")]
    after: Span,
    faults: Vec<FaultText>,
    #[serde(default)]
    abort: Abort,
    pass: Pass,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NetworkText {
    #[serde(default)]
    delay: Span,
    #[serde(default)]
    jitter: Span,
    #[serde(default)]
    loss: Percent,
    #[serde(default)]
    duplicate: Percent,
    #[serde(default)]
    reorder: Percent,
    bytes_per_s: Option<Bytes>,
}

impl Default for Load {
    fn default() -> Self {
        Load { rate: 60, surges: Vec::new(), repeat_every: 8, repeat_late: None }
    }
}

impl Default for Abort {
    fn default() -> Self {
        Abort { no_assignment: Span(std::time::Duration::from_secs(60)), forgotten: 1 }
    }
}

fn seconds(seconds: u64) -> Span {
    Span(std::time::Duration::from_secs(seconds))
}

fn usual_disk() -> Bytes {
    Bytes(512 << 20)
}

fn usual_warm_up() -> Span {
    seconds(3)
}

fn usual_after() -> Span {
    seconds(3)
}

fn one() -> u32 {
    1
}

impl Drill {
    /// Reads a file's text; `source` is its name for errors.
    ///
    /// # Errors
    /// The first mistakes: of form one, of meaning all.
    pub fn parse(source: &str, text: &str) -> Result<Drill, Vec<FileError>> {
        let wrong = |line, message| FileError { source: source.to_owned(), line, message };
        let file = serde_yaml_ng::Deserializer::from_str(text);
        let file: DrillText = serde_path_to_error::deserialize(file).map_err(|error| {
            let (line, message) = of_form(text, &error);
            vec![wrong(line, message)]
        })?;
        let mut problems = Problems { text, found: Vec::new() };
        let drill = problems.read(file);
        let found = problems.found.into_iter().map(|(line, message)| wrong(line, message));
        let found: Vec<FileError> = found.collect();
        if found.is_empty() { Ok(drill) } else { Err(found) }
    }

    /// How long it takes at least, clean-up and waiting not counted.
    #[must_use]
    pub fn length(&self) -> Span {
        let ends = self.faults.iter().map(|strike| strike.at.0 + strike.lasts.0);
        let surges = self.load.surges.iter().map(|surge| surge.at.0 + surge.lasts.0);
        let round = ends.chain(surges).max().unwrap_or_default().max(self.round.0);
        let shifts = self.shift.0 * self.rounds;
        Span(self.warm_up.0 + (round * self.rounds) + shifts + self.after.0)
    }
}

/// Line and words of a mistake that the reader of YAML found. It knows the place of what holds the field, and we the field.
fn of_form(text: &str, error: &serde_path_to_error::Error<serde_yaml_ng::Error>) -> (usize, String) {
    let path = error.path().to_string();
    let told = error.inner().to_string();
    let told = told.rsplit_once(" at line ").map_or(&*told, |(told, _place)| told);
    let told = match told.split_once(": ") {
        Some((place, rest)) if path.starts_with(place) => rest,
        Some(_) | None => told,
    };
    let parts = path.replace('[', ".[");
    let parts: Vec<&str> = parts.split('.').filter(|part| !part.is_empty()).collect();
    let line = match line_of(text, &parts) {
        0 => error.inner().location().map_or(0, |location| location.line()),
        line => line,
    };
    (line, if path == "." { told.to_owned() } else { format!("{path}: {told}") })
}

struct Problems<'a> {
    text: &'a str,
    found: Vec<(usize, String)>,
}

impl Problems<'_> {
    fn add(&mut self, path: &[&str], message: &str) {
        let field = path.join(".").replace(".[", "[");
        self.found.push((line_of(self.text, path), format!("{field}: {message}")));
    }

    fn read(&mut self, file: DrillText) -> Drill {
        self.check_head(&file);
        let mut faults = Vec::new();
        let mut needs = file.needs;
        for (place, line) in file.faults.into_iter().enumerate() {
            if let Some(strike) = self.read_fault(place, line, &file.nodes, file.regions) {
                needs.extend(strike.fault.needs());
                faults.push(strike);
            }
        }
        if file.network.is_some() {
            needs.extend([Need::Root, Need::Netns]);
        }
        let weather = |network: NetworkText| Weather {
            delay: network.delay,
            jitter: network.jitter,
            loss: network.loss,
            duplicate: network.duplicate,
            reorder: network.reorder,
            bytes_per_s: network.bytes_per_s.map(|bytes| bytes.0),
        };
        Drill {
            name: file.name,
            hypothesis: file.hypothesis.split_whitespace().collect::<Vec<_>>().join(" "),
            nodes: file.nodes,
            regions: file.regions,
            needs,
            load: file.load,
            network: file.network.map(weather),
            disk_bytes: file.disk.0,
            limits: file.limits,
            warm_up: file.warm_up,
            rounds: file.rounds,
            round: file.round,
            shift: file.shift,
            after: file.after,
            faults,
            abort: file.abort,
            pass: file.pass,
        }
    }

    fn check_head(&mut self, file: &DrillText) {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if file.name.is_empty() || file.name.len() > NAME_BYTES_MAX || !file.name.chars().all(is_letter) {
            self.add(&["name"], "must be 1 to 40 lower-case letters, digits and hyphens");
        }
        if file.hypothesis.trim().is_empty() {
            self.add(&["hypothesis"], "is empty; say in a sentence what is believed");
        }
        if file.nodes.is_empty() || file.nodes.iter().any(|nodes| !CLUSTER_SIZES.contains(nodes)) {
            self.add(&["nodes"], "must be [3], [5] or both, the usual one first");
        }
        let least = file.nodes.iter().min().copied().unwrap_or_default();
        if file.regions.is_some_and(|regions| regions == 0 || regions > least) {
            self.add(&["regions"], "must be from 1 to the number of nodes");
        }
        if file.faults.is_empty() && file.load.surges.is_empty() {
            self.add(&["faults"], "are missing; a drill without any shows nothing");
        }
        if file.faults.len() > FAULTS_MAX {
            self.add(&["faults"], "are more than 64; use rounds");
        }
        if file.rounds == 0 || file.rounds > ROUNDS_MAX {
            self.add(&["rounds"], "must be from 1 to 1000");
        }
        self.check_load(&file.load);
        for (name, wanted) in [
            ("lost", file.pass.lost),
            ("double", file.pass.double),
            ("order", file.pass.order),
            ("real-time", file.pass.real_time),
        ] {
            if wanted != 0 {
                self.add(&["pass", name], "must be 0; no drill may lose, repeat or reorder anything");
            }
        }
    }

    fn check_load(&mut self, load: &Load) {
        if load.rate == 0 || load.rate > RATE_MAX {
            self.add(&["load", "rate"], "must be from 1 to 2000 contacts a second");
        }
        if load.repeat_every < 2 {
            self.add(&["load", "repeat-every"], "must be at least 2");
        }
        if load.surges.iter().any(|surge| surge.times < 2 || surge.times > SURGE_MAX) {
            self.add(&["load", "surges"], "each must have times: from 2 to 50");
        }
    }

    fn read_fault(
        &mut self,
        place: usize,
        line: FaultText,
        nodes: &[usize],
        regions: Option<usize>,
    ) -> Option<Strike> {
        let item = format!("[{place}]");
        let (at, lasts, target) = (line.at, line.lasts.unwrap_or_default(), line.target);
        let fault = line.read();
        let before = self.found.len();
        for (field, message) in fault.as_ref().err().into_iter().flatten() {
            self.add(&["faults", &item, field], message);
        }
        if lasts == Span::default() {
            self.add(&["faults", &item, "for"], "is missing; write how long it lasts, like for: 3s");
        }
        let least = nodes.iter().min().copied().unwrap_or_default() as u64;
        let regions = regions.map_or(least, |regions| regions as u64);
        match target {
            None => {
                let message = "is missing; write who is struck, like target: leader";
                self.add(&["faults", &item, "target"], message);
            }
            Some(Target::Node(node)) if node > least => {
                let message = format!("names a node that does not exist; there are {least}");
                self.add(&["faults", &item, "target"], &message);
            }
            Some(Target::Region(region)) if region > regions => {
                let message = format!("names a region that does not exist; there are {regions}");
                self.add(&["faults", &item, "target"], &message);
            }
            Some(_) => {}
        }
        if let Ok(fault) = fault {
            self.check_meaning(&item, fault, target, nodes);
            if self.found.len() == before {
                return target.map(|target| Strike { at, lasts, target, fault });
            }
        }
        None
    }

    fn check_meaning(&mut self, item: &str, fault: Fault, target: Option<Target>, nodes: &[usize]) {
        let is_region = matches!(target, Some(Target::Region(_)) | None);
        if fault == Fault::RegionLoss && !is_region {
            self.add(&["faults", item, "target"], "must be a region, like region:2");
        }
        let is_ring = matches!(fault, Fault::Partition { cut: Cut::Ring, .. });
        if is_ring && nodes.contains(&3) {
            let message = "ring needs 5 nodes, for with 3 everybody is a neighbour; write nodes: [5]";
            self.add(&["faults", item, "cut"], message);
        }
        let one_by_one = matches!(fault, Fault::Wipe | Fault::BitRot(_));
        let is_many =
            matches!(target, Some(Target::All | Target::Majority | Target::Minority | Target::Followers));
        if one_by_one && is_many {
            self.add(
                &["faults", item, "target"],
                "must be one node; whoever lost data is healed by the others",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name: one\nhypothesis: it works\nnodes: [3]\nfaults:\n  - at: 1s\n    for: 2s\n    \
                        fault: kill\n    target: leader\npass:\n  lost: 0\n  double: 0\n  order: 0\n  real-time: 0\n";

    fn errors(text: &str) -> String {
        let errors = Drill::parse("my.yaml", text).expect_err(text);
        errors.iter().map(|error| format!("{error}\n")).collect()
    }

    #[test]
    fn a_file_says_what_is_done_and_what_must_hold() {
        let drill = Drill::parse("my.yaml", GOOD).unwrap();
        let strike = Strike { at: seconds(1), lasts: seconds(2), target: Target::Leader, fault: Fault::Kill };
        assert_eq!(drill.faults, [strike]);
        assert_eq!(drill.length(), seconds(9));
        assert!(drill.needs.is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_field_line_and_remedy() {
        for (from, to, told) in [
            (
                "at: 1s",
                "at: 1",
                "my.yaml:5: faults[0].at: \"1\" is no time; write a number and a unit, like 500ms",
            ),
            (
                "target: leader",
                "target: chief",
                "my.yaml:8: faults[0].target: \"chief\" is nobody; write one of leader",
            ),
            (
                "target: leader",
                "target: node:4",
                "my.yaml:8: faults[0].target: names a node that does not exist; there are 3",
            ),
            (
                "    target: leader\n",
                "",
                "my.yaml:5: faults[0].target: is missing; write who is struck, like target: leader",
            ),
            (
                "    for: 2s\n",
                "",
                "my.yaml:5: faults[0].for: is missing; write how long it lasts, like for: 3s",
            ),
            (
                "fault: kill",
                "fault: kill\n    iops: 20",
                "my.yaml:8: faults[0].iops: does not belong to `kill`; take it out",
            ),
            (
                "fault: kill",
                "fault: slow-disk",
                "my.yaml:5: faults[0].iops: is missing; write one, like iops: 20",
            ),
            ("fault: kill", "fault: kil", "unknown variant `kil`, expected one of `kill`, `pause`"),
            (
                "fault: kill",
                "fault: kill\n    after: 1s",
                "unknown field `after`, expected one of `at`, `for`",
            ),
            ("nodes: [3]", "nodes: [4]", "my.yaml:3: nodes: must be [3], [5] or both"),
            ("lost: 0", "lost: 1", "my.yaml:10: pass.lost: must be 0"),
            ("name: one", "name: One Two", "my.yaml:1: name: must be 1 to 40 lower-case letters"),
            (
                "fault: kill",
                "fault: partition\n    cut: ring",
                "my.yaml:8: faults[0].cut: ring needs 5 nodes",
            ),
        ] {
            let told_now = errors(&GOOD.replace(from, to));
            assert!(told_now.contains(told), "{told}\nis not in\n{told_now}");
        }
    }

    #[test]
    fn the_needs_of_a_drill_are_those_of_its_faults() {
        let text = GOOD.replace("fault: kill", "fault: partition");
        let needs = Drill::parse("my.yaml", &text).unwrap().needs;
        assert_eq!(needs, BTreeSet::from([Need::Root, Need::Netns]));
    }
}
