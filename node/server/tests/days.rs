//! docs/DAYS.md: what the built-in centres' days look like by their sample plans, made by the program itself.

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ringmain_cluster_config::profiles;
use serde_json::Value;
use support::succeed;

/// The page is of this seed.
const SEED: &str = "7";
/// More queues than this and the page shows the channels instead.
const QUEUES_SHOWN: usize = 12;
/// One part of the page.
struct Day {
    mark: &'static str,
    profile: &'static str,
    days: &'static str,
    /// Who stays away: of each group those with a number above this.
    absent: &'static [(&'static str, u32)],
    /// So many of a hundred calls get a companion.
    companions: Option<&'static str>,
    /// What part of the centre and of its contacts.
    scale: &'static str,
}

const fn day_of(profile: &'static str) -> Day {
    Day { mark: profile, profile, days: "1", absent: &[], companions: None, scale: "1" }
}

/// At full size, but for the national outage, which would take an unoptimised program too long.
const DAYS: [Day; 6] = [
    day_of("rosseti_siberia"),
    Day { companions: Some("17"), ..day_of("uralenergosbyt") },
    day_of("beeline_kz"),
    day_of("energosbyt_plus"),
    Day {
        mark: "energosbyt_plus_short",
        profile: "energosbyt_plus",
        days: "5",
        absent: &[("b00_h-", 10), ("b00_o-", 3)],
        companions: None,
        scale: "1",
    },
    Day { scale: "0.02", ..day_of("national_outage") },
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn seconds(ms: &Value) -> String {
    ms.as_f64().map_or_else(|| "–".to_owned(), |ms| format!("{:.1}", ms / 1_000.0))
}

fn row(name: &str, of: &Value) -> String {
    let level =
        of["service_level"].as_f64().map_or_else(|| "–".to_owned(), |level| format!("{:.1}", level * 100.0));
    let open = of["waiting"].as_u64().unwrap_or_default() + of["in_service"].as_u64().unwrap_or_default();
    format!(
        "| {name} | {} | {} | {} | {open} | {} | {} | {} | {level} |\n",
        of["contacts"],
        of["served"],
        of["abandoned"],
        seconds(&of["asa_ms"]),
        seconds(&of["wait_ms"]["p90"]),
        seconds(&of["longest_ms"]),
    )
}

/// Whoever stays away takes part no more.
fn send_away(absent: &[(&str, u32)], operators: &str) {
    let text = std::fs::read_to_string(operators).expect("operators.json");
    let mut there: Vec<Value> = serde_json::from_str(&text).expect("a list");
    there.retain(|operator| {
        let login = operator["operator_id"].as_str().expect("a login");
        let number = |group: &str| login.strip_prefix(group).and_then(|number| number.parse::<u32>().ok());
        !absent.iter().any(|(group, last)| number(group).is_some_and(|number| number > *last))
    });
    std::fs::write(operators, serde_json::to_vec(&there).expect("JSON")).expect("operators.json");
}

/// The part of the page about one centre, and its picture.
fn part_of(day: &Day, folder: &Path) -> (String, String) {
    let at = |file: &str| folder.join(file).display().to_string();
    let drawn = at("day");
    succeed(&[
        "workload",
        "generate",
        day.profile,
        "--seed",
        SEED,
        "--days",
        day.days,
        "--scale",
        day.scale,
        "--with-plan",
        "--out",
        &drawn,
    ]);
    send_away(day.absent, &at("day/operators.json"));
    let report = at("report");
    let mut words = vec!["simulate", &drawn, "--report", &report];
    words.extend(day.companions.into_iter().flat_map(|share| ["--companions", share]));
    let said = succeed(&words);
    let read = |file: &str| std::fs::read_to_string(folder.join("report").join(file)).expect("a report");
    let report: Value = serde_json::from_str(&read("report.json")).expect("JSON");
    let queues = report["summary"]["queues"].as_object().expect("queues by name");
    let (kind, rows) = match queues.len() {
        0..=QUEUES_SHOWN => ("queue", queues),
        _ => ("channel", report["channels"].as_object().expect("channels by name")),
    };
    let mut part =
        format!("\n| {kind} | contacts | served | abandoned | open | ASA s | p90 s | longest s | SL % |\n");
    part.push_str("| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n");
    rows.iter().for_each(|(name, of)| part.push_str(&row(name, of)));
    part.push_str(&row("*all*", &report["summary"]["total"]));
    part.push('\n');
    let beside = said.lines().skip_while(|line| !line.starts_with('└')).skip(1);
    for line in beside.take_while(|line| !line.contains(" commands, chain ")) {
        writeln!(part, "* {line}").expect("a text takes everything");
    }
    let picture = format!("pictures/day-{}.svg", day.mark);
    write!(part, "\n![{}: contacts, waits and occupancy by the hour]({picture})\n\n", day.profile)
        .expect("a text takes everything");
    (part, read("report.svg"))
}

/// The page with the part of one day replaced.
fn with_part(page: &str, name: &str, part: &str) -> String {
    let mark = format!("<!-- day {name} -->\n");
    let from = page.find(&mark).unwrap_or_else(|| panic!("docs/DAYS.md has no mark {mark}")) + mark.len();
    let to = from + page[from..].find("<!-- end -->").expect("the part ends");
    format!("{}{part}{}", &page[..from], &page[to..])
}

#[test]
fn the_page_of_days_says_what_the_program_does() {
    let path = docs().join("DAYS.md");
    let page = std::fs::read_to_string(&path).expect("a document is UTF-8");
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut wanted = page.clone();
    for day in &DAYS {
        let folder = tempfile::tempdir().expect("a folder");
        let (part, picture) = part_of(day, folder.path());
        wanted = with_part(&wanted, day.mark, &part);
        let picture_path = docs().join(format!("pictures/day-{}.svg", day.mark));
        if is_update {
            std::fs::write(&picture_path, &picture).expect("docs/ can be written");
        }
        let hint = "UPDATE_DOCS=1 cargo test -p ringmain --test days";
        assert!(
            std::fs::read_to_string(&picture_path).is_ok_and(|old| old == picture),
            "{} is old; run: {hint}",
            picture_path.display()
        );
    }
    if is_update {
        std::fs::write(&path, &wanted).expect("docs/ can be written");
        return;
    }
    assert_eq!(page, wanted, "docs/DAYS.md is old; run: UPDATE_DOCS=1 cargo test -p ringmain --test days");
}

#[test]
fn only_built_in_centres_have_a_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.json");
    std::fs::write(&file, profiles::ROSSETI_SIBERIA.json).expect("a file");
    let words =
        ["workload", "generate", &file.display().to_string(), "--seed", "1", "--with-plan", "--out", "x"];
    assert!(support::fail(&words, 2).contains("--with-plan"));
}
