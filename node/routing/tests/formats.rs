//! What nodes of an earlier format have on their disks is read by this program, and means the same.

use ringmain_routing::command::{Act, Action, ApplyPlan};
use ringmain_routing::{Command, Outcome, Plan, Router, SnapshotError, Timestamp};

macro_rules! world {
    ($format:literal, $n:literal) => {
        (
            include_bytes!(concat!("fixtures/format-", $format, "/world-", $n, ".log")).as_slice(),
            include_bytes!(concat!("fixtures/format-", $format, "/world-", $n, ".snapshot")).as_slice(),
        )
    };
}

const WORLDS: [(&[u8], &[u8]); 12] = [
    world!("1", "0"),
    world!("1", "1"),
    world!("1", "2"),
    world!("1", "3"),
    world!("1", "4"),
    world!("1", "5"),
    world!("2", "0"),
    world!("2", "1"),
    world!("2", "2"),
    world!("2", "3"),
    world!("2", "4"),
    world!("2", "5"),
];

struct Entry<'a> {
    at: Timestamp,
    command: &'a [u8],
    outcome: &'a [u8],
    chain: u128,
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(bytes);
    *rest = left;
    taken
}

fn frame<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = u32::from_le_bytes(take(rest, 4).try_into().expect("4 bytes"));
    take(rest, length as usize)
}

fn entries(mut log: &[u8]) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    while !log.is_empty() {
        let at = Timestamp(u64::from_le_bytes(take(&mut log, 8).try_into().expect("8 bytes")));
        let (command, outcome) = (frame(&mut log), frame(&mut log));
        let chain = u128::from_le_bytes(take(&mut log, 16).try_into().expect("16 bytes"));
        entries.push(Entry { at, command, outcome, chain });
    }
    entries
}

fn apply(router: &mut Router, entry: &Entry) -> Outcome {
    let command = Command::decode(entry.command).expect("a frame of an earlier format is read");
    assert_eq!(command.encode(), entry.command, "a frame that was read is written again byte for byte");
    router.apply(entry.at, &command)
}

#[test]
fn a_log_of_an_earlier_format_gives_the_same_outcomes_and_the_same_chain() {
    for (log, _) in WORLDS {
        let mut router = Router::new();
        for entry in entries(log) {
            let outcome = apply(&mut router, &entry);
            assert_eq!(Outcome::decode(entry.outcome), Ok(outcome.clone()));
            assert_eq!(outcome.encode(), entry.outcome);
            assert_eq!(router.chain(), entry.chain, "at {:?}", router.index());
        }
    }
}

#[test]
fn a_snapshot_of_an_earlier_format_is_the_state_that_its_log_leads_to() {
    for (log, snapshot) in WORLDS {
        let mut restored = Router::restore(snapshot).expect("a snapshot of an earlier format is read");
        let mut replayed = Router::new();
        for entry in entries(log) {
            if replayed.index() < restored.index() {
                apply(&mut replayed, &entry);
                continue;
            }
            assert_eq!(replayed.snapshot().encode(), restored.snapshot().encode());
            assert_eq!(apply(&mut replayed, &entry), apply(&mut restored, &entry));
        }
        assert_eq!(replayed.snapshot().encode(), restored.snapshot().encode());
    }
}

#[test]
fn what_only_format_2_says_is_written_in_it_and_read_back() {
    let by = Some("olga".into());
    let command = Command::ApplyPlan(Box::new(ApplyPlan { plan: Plan::default(), by }));
    let frame = command.encode();
    assert_eq!(frame[..3], [2, 0, 2]);
    assert_eq!(Command::decode(&frame), Ok(command));
    let action = Action::Note { what: "drain".into(), detail: "node 2".into() };
    let command = Command::Act(Box::new(Act { by: "olga".into(), key: "k".into(), action }));
    assert_eq!(command.author().map(|name| &**name), Some("olga"));
    assert_eq!(Command::decode(&command.encode()), Ok(command));
}

#[test]
fn a_snapshot_of_a_newer_format_is_refused_by_its_number() {
    let mut bytes = Router::new().snapshot().encode();
    bytes[6] = 4;
    let content = bytes.len() - 16;
    let checksum = ringmain_routing::hash_parts(&[&bytes[..content]]).to_le_bytes();
    bytes[content..].copy_from_slice(&checksum);
    assert_eq!(Router::restore(&bytes).err(), Some(SnapshotError::Newer { found: 4, known: 3 }));
}
