//! The drills that come with the program, and those of its users.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::{Drill, FileError};

/// Files of the repository, by name; compiled in, so that the program runs them anywhere.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".yaml"), include_str!(concat!("../../../drills/", $name, ".yaml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "rolling-kill",
    "kill-leader-often",
    "kill-follower-often",
    "kill-next-often",
    "pause-leader",
    "rolling-restart",
    "wipe",
    "repeats",
    "surge",
    "partition-halves",
    "partition-isolated",
    "partition-one-way",
    "partition-flapping",
    "partition-ring",
    "wan",
    "network-worse",
    "region-loss",
    "power-loss",
    "power-loss-all",
    "fsync-error",
    "fsync-slow",
    "fsync-skip",
    "slow-disk",
    "slow-majority",
    "disk-full",
    "read-only",
    "bit-rot",
    "clock-jump",
    "clock-drift",
    "cpu-starved",
    "memory-short",
    "files-short",
];

/// All that come with the program, in the order in which they are listed.
///
/// # Errors
/// A file has mistakes, which a test of the house excludes.
pub fn shipped() -> Result<Vec<Drill>> {
    FILES.iter().map(|(file, text)| Drill::parse(file, text).map_err(told)).collect()
}

/// The drill of that name, or the one in the file of that name.
///
/// # Errors
/// There is neither, or the file has mistakes: all of them are told.
pub fn find(name: &str) -> Result<Drill> {
    if name.ends_with(".yaml") || name.ends_with(".yml") {
        let text = fs::read_to_string(Path::new(name)).with_context(|| format!("reading {name}"))?;
        return Drill::parse(name, &text).map_err(told);
    }
    let drills = shipped()?;
    let names: Vec<&str> = drills.iter().map(|drill| &*drill.name).collect();
    let Some(place) = names.iter().position(|known| *known == name) else {
        bail!("there is no drill {name:?}; there are {}, and files like ./my.yaml", names.join(", "));
    };
    drills.into_iter().nth(place).with_context(|| format!("drill {name}"))
}

fn told(errors: Vec<FileError>) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow!(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in_and_has_no_mistake() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("drills");
        let there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let known: BTreeSet<String> = FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
        assert_eq!(there, known);
        for (file, text) in FILES {
            let drill = Drill::parse(file, text).unwrap_or_else(|errors| panic!("{}", told(errors)));
            assert_eq!(format!("{}.yaml", drill.name), *file, "a file has the name of its drill");
        }
    }

    #[test]
    fn the_example_of_the_document_is_a_drill() {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CHAOS.md");
        let document = fs::read_to_string(document).unwrap();
        let example = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let drill =
            Drill::parse("docs/CHAOS.md", example).unwrap_or_else(|errors| panic!("{}", told(errors)));
        assert_eq!(drill.rounds, 10);
    }

    #[test]
    fn a_drill_that_does_not_exist_is_answered_with_those_that_do() {
        let error = find("rolling").expect_err("there is none").to_string();
        assert!(error.contains("rolling-kill"), "{error}");
    }
}
