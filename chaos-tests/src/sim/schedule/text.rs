//! A schedule as a text that a person can read: a head, and one line for each thing that happens.

use anyhow::{Context, Result, bail, ensure};
use ringmain_routing::Name;
use ringmain_routing::command::Role;

use super::{Client, Errand, Fault, HABITS, Intent, Planned, Schedule, Step, What};
use crate::scenario::Words;

const STEPS: [(Step, &str); 4] = [
    (Step::Synced, "synced"),
    (Step::Applied, "applied"),
    (Step::Elected, "elected"),
    (Step::AtWork, "at-work"),
];
const ERRANDS: [(Errand, &str); 4] = [
    (Errand::Act, "acts"),
    (Errand::Plan, "plans"),
    (Errand::Staff, "staffs"),
    (Errand::Register, "registers"),
];

/// The schedule as text; `about` becomes remarks at its head.
#[must_use]
pub fn write(schedule: &Schedule, about: &str) -> String {
    let mut text: String = about.lines().map(|line| format!("# {line}\n")).collect();
    text += &format!("seed {}\nnodes {}\nspan {}\n", schedule.seed, schedule.nodes, schedule.span);
    for client in &schedule.clients {
        text += &format!("{} {}\n", role_word(client.role), client.name);
    }
    for (habit, word) in HABITS {
        if schedule.has(habit) {
            text += &format!("habit {word}\n");
        }
    }
    for event in &schedule.events {
        text += &format!("at {} {}\n", event.at, line(&event.what));
    }
    text
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Gateway => "gateway",
        Role::Operator => "operator",
    }
}

fn line(what: &What) -> String {
    match what {
        What::Fault(fault) => fault_line(fault),
        What::Intent { client, intent } => format!("{client} {}", intent_line(intent)),
        What::Errand(errand, number) => format!("supervisor {} number={number}", word_of(&ERRANDS, *errand)),
    }
}

fn intent_line(intent: &Intent) -> String {
    match intent {
        Intent::Bring(number) => format!("brings number={number}"),
        Intent::BringAgain => "brings-again".into(),
        Intent::ReuseKey => "reuses-key".into(),
        Intent::Leave => "customer-leaves".into(),
        Intent::Pause => "pauses".into(),
        Intent::HandOut => "hands-out".into(),
        Intent::SignOut => "signs-out".into(),
        Intent::Garbage(number) => format!("talks-garbage number={number}"),
    }
}

fn fault_line(fault: &Fault) -> String {
    let word = if matches!(fault, Fault::CrashAt { .. }) { "crash-at" } else { fault.word() };
    let rest = match fault {
        Fault::Crash { node, down, salt } => format!("node={node} down={down} salt={salt}"),
        Fault::CrashAt { node, step, down, salt } => {
            format!("node={node} step={} down={down} salt={salt}", word_of(&STEPS, *step))
        }
        Fault::CrashAll { down, salt } => format!("down={down} salt={salt}"),
        Fault::WallsBehind { by, down, salt } => format!("by={by} down={down} salt={salt}"),
        Fault::Pause { node, span }
        | Fault::Isolate { node, span }
        | Fault::Behind { node, span }
        | Fault::Flap { node, span }
        | Fault::SlowDisk { node, span }
        | Fault::FullDisk { node, span } => format!("node={node} span={span}"),
        Fault::Halves { mask, span } => format!("mask={mask} span={span}"),
        Fault::Ring { span } => format!("span={span}"),
        Fault::OneWay { from, to, span } => format!("from={from} to={to} span={span}"),
        Fault::Noise { loss, twice, span } => format!("loss={loss} twice={twice} span={span}"),
        Fault::Flip { node, salt } => format!("node={node} salt={salt}"),
        Fault::WallJump { node, by, span } => format!("node={node} by={by} span={span}"),
        Fault::Drift { node, ppm } => format!("node={node} ppm={ppm}"),
        Fault::Snapshot { node } => format!("node={node}"),
        Fault::CutStream { client } | Fault::EndProgram { client } => format!("client={client}"),
        Fault::Mute { client, up, span } => {
            format!("client={client} way={} span={span}", if *up { "up" } else { "down" })
        }
    };
    format!("{word} {rest}")
}

fn word_of<T: PartialEq>(words: &[(T, &'static str)], wanted: T) -> &'static str {
    words.iter().find(|(one, _)| *one == wanted).map_or("", |(_, word)| word)
}

/// The schedule of a text.
///
/// # Errors
/// The first line that is not understood, with its number.
pub fn read(text: &str) -> Result<Schedule> {
    let mut schedule =
        Schedule { seed: 0, nodes: 3, span: 0, clients: Vec::new(), habits: Vec::new(), events: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        read_line(&mut schedule, line).with_context(|| format!("line {}: {line}", number + 1))?;
    }
    ensure!((2..=7).contains(&schedule.nodes), "nodes: {} of them; 2 to 7 can be simulated", schedule.nodes);
    ensure!(schedule.span <= 3_600_000, "span: at most an hour, 3600000 ms");
    check_names(&schedule)?;
    schedule.events.sort_by_key(|event| event.at);
    Ok(schedule)
}

fn check_names(schedule: &Schedule) -> Result<()> {
    for event in &schedule.events {
        if let What::Fault(fault) = &event.what
            && let Some(node) = highest_node(fault)
        {
            ensure!(node < schedule.nodes, "at {}: node={node}: nodes are counted from 0", event.at);
        }
    }
    Ok(())
}

fn highest_node(fault: &Fault) -> Option<usize> {
    match fault {
        Fault::Crash { node, .. }
        | Fault::CrashAt { node, .. }
        | Fault::Pause { node, .. }
        | Fault::Isolate { node, .. }
        | Fault::Behind { node, .. }
        | Fault::Flap { node, .. }
        | Fault::SlowDisk { node, .. }
        | Fault::FullDisk { node, .. }
        | Fault::Flip { node, .. }
        | Fault::WallJump { node, .. }
        | Fault::Drift { node, .. }
        | Fault::Snapshot { node } => Some(*node),
        Fault::OneWay { from, to, .. } => Some(*from.max(to)),
        Fault::CrashAll { .. }
        | Fault::WallsBehind { .. }
        | Fault::Halves { .. }
        | Fault::Ring { .. }
        | Fault::Noise { .. }
        | Fault::CutStream { .. }
        | Fault::Mute { .. }
        | Fault::EndProgram { .. } => None,
    }
}

fn read_line(schedule: &mut Schedule, line: &str) -> Result<()> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let words = Words::of(line)?;
    let value = || words.plain(1);
    match words.plain(0)? {
        "seed" => schedule.seed = value()?.parse()?,
        "nodes" => schedule.nodes = value()?.parse()?,
        "span" => schedule.span = value()?.parse()?,
        "gateway" => schedule.clients.push(Client { role: Role::Gateway, name: value()?.into() }),
        "operator" => schedule.clients.push(Client { role: Role::Operator, name: value()?.into() }),
        "habit" => schedule.habits.push(read_word(&HABITS, value()?)?),
        "at" => {
            let (at, what) = line[3..].split_once(' ').context("at MS WHAT is expected")?;
            let what = read_what(schedule, &Words::of(what)?)?;
            schedule.events.push(Planned { at: at.parse()?, what });
        }
        other => {
            bail!("{other}: a line begins with seed, nodes, span, gateway, operator, habit, at or #")
        }
    }
    Ok(())
}

fn read_word<T: Copy>(words: &[(T, &str)], wanted: &str) -> Result<T> {
    let found = words.iter().find(|(_, word)| *word == wanted).map(|(one, _)| *one);
    let known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
    found.with_context(|| format!("{wanted}: one of {} is expected", known.join(", ")))
}

fn read_what(schedule: &Schedule, words: &Words) -> Result<What> {
    let first = words.plain(0)?;
    if first == "supervisor" {
        return Ok(What::Errand(read_word(&ERRANDS, words.plain(1)?)?, words.number("number")?));
    }
    if schedule.client(first).is_some() {
        return Ok(What::Intent { client: first.into(), intent: read_intent(words)? });
    }
    read_fault(first, words).map(What::Fault)
}

fn read_intent(words: &Words) -> Result<Intent> {
    Ok(match words.plain(1)? {
        "brings" => Intent::Bring(words.number("number")?),
        "brings-again" => Intent::BringAgain,
        "reuses-key" => Intent::ReuseKey,
        "customer-leaves" => Intent::Leave,
        "pauses" => Intent::Pause,
        "hands-out" => Intent::HandOut,
        "signs-out" => Intent::SignOut,
        "talks-garbage" => Intent::Garbage(words.number("number")?),
        other => bail!("{other}: no client does that"),
    })
}

fn read_fault(word: &str, words: &Words) -> Result<Fault> {
    let node = || words.number("node");
    let span = || words.number("span");
    let client = || -> Result<Name> { words.name("client") };
    Ok(match word {
        "crash" => Fault::Crash { node: node()?, down: words.number("down")?, salt: words.number("salt")? },
        "crash-at" => {
            let step = read_word(&STEPS, &words.name("step")?)?;
            Fault::CrashAt { node: node()?, step, down: words.number("down")?, salt: words.number("salt")? }
        }
        "crash-all" => Fault::CrashAll { down: words.number("down")?, salt: words.number("salt")? },
        "walls-behind" => Fault::WallsBehind {
            by: words.number("by")?,
            down: words.number("down")?,
            salt: words.number("salt")?,
        },
        "pause" => Fault::Pause { node: node()?, span: span()? },
        "isolate" => Fault::Isolate { node: node()?, span: span()? },
        "behind" => Fault::Behind { node: node()?, span: span()? },
        "halves" => Fault::Halves { mask: words.number("mask")?, span: span()? },
        "ring" => Fault::Ring { span: span()? },
        "one-way" => Fault::OneWay { from: words.number("from")?, to: words.number("to")?, span: span()? },
        "flap" => Fault::Flap { node: node()?, span: span()? },
        "noise" => Fault::Noise { loss: words.number("loss")?, twice: words.number("twice")?, span: span()? },
        "slow-disk" => Fault::SlowDisk { node: node()?, span: span()? },
        "full-disk" => Fault::FullDisk { node: node()?, span: span()? },
        "flip" => Fault::Flip { node: node()?, salt: words.number("salt")? },
        "wall-jump" => Fault::WallJump { node: node()?, by: words.number("by")?, span: span()? },
        "drift" => Fault::Drift { node: node()?, ppm: words.number("ppm")? },
        "snapshot" => Fault::Snapshot { node: node()? },
        "cut-stream" => Fault::CutStream { client: client()? },
        "mute" => Fault::Mute { client: client()?, up: &*words.name("way")? == "up", span: span()? },
        "end-program" => Fault::EndProgram { client: client()? },
        other => bail!("{other}: no such fault, client or supervisor"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        for seed in 0..40 {
            let schedule = Schedule::of(seed, None);
            let text = write(&schedule, "what it is about\nin two lines");
            assert_eq!(read(&text).expect("what we write can be read"), schedule);
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let said = |text: &str| format!("{:#}", read(text).expect_err("it is wrong"));
        assert!(said("seed 1\nat 5 crash node=9 down=1 salt=1").contains("nodes are counted from 0"));
        assert!(said("seed 1\nat 5 crsh node=1").contains("line 2"));
        assert!(said("habit sleepy").contains("jitter"));
    }
}
