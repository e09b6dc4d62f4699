//! Keys pressed while the demo runs, when it runs on a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Twenty times the arrivals for a minute.
    Surge,
    /// Kill the leader's process.
    Kill,
    /// Start what was killed again.
    Restart,
    /// Say what the keys do.
    Help,
    /// End the demo.
    Quit,
}

/// The keyboard. Dropping it gives the terminal back.
pub struct Keyboard {
    raw: bool,
    /// Held open without a terminal, so that a listener waits instead of seeing the end.
    _silent: Option<mpsc::Sender<Key>>,
}

/// Keys that may wait to be acted on.
const KEYS_MAX: usize = 16;
/// How long the reading thread takes at most to notice that nobody listens.
const POLL: Duration = Duration::from_millis(200);

impl Keyboard {
    /// Starts to listen. Without a terminal no key ever comes.
    ///
    /// # Errors
    /// The terminal cannot be switched to single keys.
    pub fn listen() -> io::Result<(Keyboard, mpsc::Receiver<Key>)> {
        let (keys, pressed) = mpsc::channel(KEYS_MAX);
        let raw = io::stdin().is_terminal() && io::stdout().is_terminal();
        if !raw {
            return Ok((Keyboard { raw, _silent: Some(keys) }, pressed));
        }
        enable_raw_mode()?;
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&keys))?;
        Ok((Keyboard { raw, _silent: None }, pressed))
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if self.raw && disable_raw_mode().is_err() {
            eprintln!("the terminal could not be reset; type `reset`");
        }
    }
}

fn read_keys(keys: &mpsc::Sender<Key>) {
    while !keys.is_closed() {
        let Ok(ready) = poll(POLL) else { return };
        if !ready {
            continue;
        }
        let Ok(event) = read() else { return };
        if let Some(key) = meaning(&event)
            && keys.blocking_send(key).is_err()
        {
            return;
        }
    }
}

fn meaning(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else { return None };
    if key.kind != KeyEventKind::Press {
        return None;
    }
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(Key::Quit);
    }
    let KeyCode::Char(letter) = key.code else { return None };
    match letter {
        's' => Some(Key::Surge),
        'k' => Some(Key::Kill),
        'r' => Some(Key::Restart),
        'h' | '?' => Some(Key::Help),
        'q' => Some(Key::Quit),
        _ => None,
    }
}
