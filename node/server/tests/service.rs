//! A node under a service manager.

mod support;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use support::{config_of_one, ringmain, write_config};

/// What a test waits for comes long before this, or never.
const NEVER: Duration = Duration::from_secs(60);

#[test]
fn the_service_manager_hears_that_the_node_serves_lives_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(NEVER)).expect("set");
    let hear = || {
        let mut words = [0; 512];
        let length = socket.recv(&mut words).expect("a word comes");
        String::from_utf8_lossy(&words[..length]).into_owned()
    };
    let config = config_of_one("service");
    let mut child = ringmain(&["start", "--config", &write_config(folder.path(), &config)])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .spawn()
        .expect("the binary runs");
    let mut heard = vec![hear()];
    while heard.iter().filter(|words| words.starts_with("WATCHDOG=1\n")).count() < 3 {
        heard.push(hear());
    }
    assert_eq!(heard.iter().filter(|words| *words == "READY=1").count(), 1, "{heard:?}");
    assert!(support::http(&config.listen.http, "/livez").0.contains("200"), "ready means that it serves");
    assert!(heard.last().is_some_and(|words| words.contains("STATUS=node 1 leads")), "{heard:?}");
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").arg(id).status().expect("kill runs").success());
    while !hear().starts_with("STOPPING=1") {}
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
