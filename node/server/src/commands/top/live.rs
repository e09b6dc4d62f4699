//! `top` on a terminal: keys, samples and frames.

use std::io::{self, Stdout};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;

use super::Source;
use super::draw::draw;
use super::screen::{Key, Screen};
use crate::cli::TopArgs;
use crate::commands::watch::is_passing;
use crate::exit::{Failure, FailureKind};

/// Keys that may wait to be acted on.
const KEYS_MAX: usize = 16;
/// How long the reading thread takes at most to notice that nobody listens; also how often age is drawn anew.
const POLL: Duration = Duration::from_millis(200);

/// The terminal, given back when it is dropped.
struct Held {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Held {
    fn take() -> io::Result<Held> {
        enable_raw_mode()?;
        // From here on `drop` gives it back.
        let mut held = Held { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        execute!(io::stdout(), EnterAlternateScreen)?;
        held.terminal.clear()?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let given_back = execute!(io::stdout(), LeaveAlternateScreen).and_then(|()| disable_raw_mode());
        if given_back.and_then(|()| self.terminal.show_cursor()).is_err() {
            eprintln!("the terminal could not be reset; type `reset`");
        }
    }
}

/// Shows samples until `q`.
pub(super) async fn run(args: &TopArgs, mut source: Source) -> Result<(), Failure> {
    let broken =
        |error: io::Error| Failure::new(FailureKind::Internal, "internal", format!("terminal: {error}"));
    // The first answer is asked for before the screen is taken, so that a wrong address is a plain error.
    let mut screen = Screen::new(u64::try_from(args.every.as_millis()).unwrap_or(u64::MAX));
    look(&mut source, &mut screen).await?;
    if let Some(trouble) = screen.trouble.take() {
        return Err(Failure::new(
            FailureKind::Unavailable,
            ringmain_telemetry::codes::UNREACHABLE.code,
            trouble,
        ));
    }
    let mut held = Held::take().map_err(broken)?;
    let (keys, mut pressed) = mpsc::channel(KEYS_MAX);
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&keys)).map_err(broken)?;
    let mut due_ms = source.now_ms() + screen.every_ms;
    while !screen.quit {
        if source.replay.is_none() {
            screen.now_ms = source.now_ms();
        }
        held.terminal.draw(|frame| draw(frame, &screen)).map_err(broken)?;
        let wait = Duration::from_millis(due_ms.saturating_sub(source.now_ms())).min(POLL);
        tokio::select! {
            key = pressed.recv() => screen.press(key.unwrap_or(Key::Quit)),
            () = tokio::time::sleep(wait) => {}
        }
        if source.now_ms() >= due_ms {
            look(&mut source, &mut screen).await?;
            due_ms = source.now_ms() + screen.every_ms;
        }
    }
    Ok(())
}

/// The next sample onto the screen; trouble that may pass is shown there.
async fn look(source: &mut Source, screen: &mut Screen) -> Result<(), Failure> {
    match source.next().await {
        Ok(Some(sample)) => screen.take(sample),
        Ok(None) => screen.trouble = Some("the recording has ended".to_owned()),
        Err(failure) if is_passing(&failure) => screen.trouble = Some(failure.to_string()),
        Err(failure) => return Err(failure),
    }
    Ok(())
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

#[expect(clippy::wildcard_enum_match_arm, reason = "a keyboard has many keys that mean nothing here")]
fn meaning(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else { return None };
    if key.kind != KeyEventKind::Press {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Key::Quit);
    }
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => Some(Key::Up),
        KeyCode::Down | KeyCode::Char('j') => Some(Key::Down),
        KeyCode::PageUp => Some(Key::PageUp),
        KeyCode::PageDown => Some(Key::PageDown),
        KeyCode::Tab => Some(Key::Panel),
        KeyCode::Char('s') => Some(Key::Order),
        KeyCode::Char('p' | ' ') => Some(Key::Pause),
        KeyCode::Char('?' | 'h') => Some(Key::Help),
        KeyCode::Char('-') => Some(Key::Slower),
        KeyCode::Char('+' | '=') => Some(Key::Faster),
        KeyCode::Esc | KeyCode::Char('q') => Some(Key::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn keys_mean_what_the_help_says() {
        let press = |code, modifiers| meaning(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Some(Key::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
        assert_eq!(press(KeyCode::Char('s'), KeyModifiers::CONTROL), None);
        assert_eq!(press(KeyCode::Tab, KeyModifiers::NONE), Some(Key::Panel));
        assert_eq!(press(KeyCode::F(1), KeyModifiers::NONE), None);
    }
}
