//! Data folders of earlier formats, as builds of their time left them.

use std::path::Path;

use ringmain_replication::identity::{self, Identity};
use ringmain_replication::state_machine::StateConfig;
use ringmain_routing::{Incarnation, NodeId};

use crate::node::{meter, open_with};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for row in std::fs::read_dir(from).unwrap() {
        let row = row.unwrap();
        let target = to.join(row.file_name());
        if row.file_type().unwrap().is_dir() {
            copy(&row.path(), &target);
        } else {
            std::fs::copy(row.path(), target).unwrap();
        }
    }
}

/// The folder of a node that took 60 contacts, wrote a snapshot at command 115 and stopped at 181.
#[tokio::test]
async fn a_folder_of_format_1_is_opened_and_brought_to_the_present_format() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1");
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    assert_eq!(identity::owner(dir.path()).unwrap().unwrap().format, 1);

    let identity = Identity::open(dir.path(), "fixture", NodeId(1), meter()).unwrap();
    assert_eq!((identity.incarnation(), identity.generation().get()), (Incarnation(2), 1));
    assert_eq!(identity::owner(dir.path()).unwrap().unwrap().format, identity::FORMAT);

    let mut node = open_with(&StateConfig::new(dir.path(), 1_000)).unwrap();
    assert!(node.suspect.is_none());
    assert_eq!(node.machine.index().0, 115, "the snapshot");
    node.replay().await.unwrap();
    let history = node.history();
    assert_eq!(history.len() as u64, node.machine.index().0);
    assert_eq!(history.last().map(|(_, chain)| *chain), Some(node.machine.read(|router| router.chain())));
    assert_eq!(node.machine.read(|router| router.plan().version), 1);
}
