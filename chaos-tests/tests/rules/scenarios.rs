//! Every scenario file is replayed: the core and the naive model give the trace that is written there.
//! With `RINGMAIN_RETRACE=1` the traces are written anew from the model.

use std::path::{Path, PathBuf};

use crate::both::Both;
use ringmain_chaos::model::Model;
use ringmain_chaos::scenario::{self, Scenario};
use ringmain_routing::Router;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder of scenarios exists");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    scenario::read(&text).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()))
}

#[test]
fn scenario_files_are_replayed_with_their_full_trace() {
    let files = files();
    assert!(!files.is_empty());
    for path in files {
        let given = read(&path);
        let mut model = Model::new();
        let by_model = given.retraced(|at, command| model.apply(at, command));
        if std::env::var_os("RINGMAIN_RETRACE").is_some() {
            std::fs::write(&path, scenario::write(&by_model)).expect("the file can be written");
            continue;
        }
        let mut router = Router::new();
        let by_router = given.retraced(|at, command| router.apply(at, command));
        let name = path.display();
        assert_eq!(scenario::write(&given), scenario::write(&by_model), "{name}: the model");
        assert_eq!(scenario::write(&given), scenario::write(&by_router), "{name}: the core");
        let mut both = Both::new();
        for entry in &given.entries {
            both.apply(entry.at, &entry.command).unwrap_or_else(|difference| panic!("{name}: {difference}"));
        }
    }
}

#[test]
fn a_scenario_is_read_as_it_was_written() {
    for path in files() {
        let scenario = read(&path);
        let again = scenario::read(&scenario::write(&scenario)).expect("what we write can be read");
        assert_eq!(again, scenario, "{}", path.display());
    }
}
