//! `top`: the whole centre on one screen.

mod draw;
mod live;
mod picture;
mod sample;
mod screen;

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ringmain_replication::Clock;
use ringmain_telemetry::codes;

use crate::cli::TopArgs;
use crate::clock::SystemClock;
use crate::commands::watch::is_passing;
use crate::connection::Clients;
use crate::exit::{Failure, FailureKind};
use crate::output;
use sample::Sample;
use screen::Screen;

/// Longest line of a recording.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Shows a node, or a recording, until `q` is pressed.
pub(super) async fn run(args: TopArgs) -> Result<(), Failure> {
    let source = Source::open(&args)?;
    match &args.picture {
        Some(path) => paint(&args, source, path).await,
        None if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() => {
            live::run(&args, source).await
        }
        None => {
            let message =
                "top needs a terminal; use --picture FILE, or `ringmain queue list --watch` for text";
            Err(Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message))
        }
    }
}

/// Where samples come from.
struct Source {
    node: crate::cli::NodeArgs,
    clients: Option<Clients>,
    clock: SystemClock,
    record: Option<File>,
    replay: Option<BufReader<File>>,
}

impl Source {
    fn open(args: &TopArgs) -> Result<Source, Failure> {
        let file = |flag: &str, path: &Path, opened: std::io::Result<File>| {
            opened.map_err(|error| wrong_file(&format!("--{flag}: {}: {error}", path.display())))
        };
        let record = args.record.as_deref();
        let record =
            record.map(|path| file("record", path, File::options().create(true).append(true).open(path)));
        let replay = args.replay.as_deref().map(|path| file("replay", path, File::open(path)));
        Ok(Source {
            node: args.node.clone(),
            clients: None,
            clock: SystemClock::start(),
            record: record.transpose()?,
            replay: replay.transpose()?.map(BufReader::new),
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    /// The next sample; `None` at the end of a recording.
    async fn next(&mut self) -> Result<Option<Sample>, Failure> {
        if let Some(replay) = &mut self.replay {
            return recorded(replay);
        }
        let clients = match self.clients.take() {
            Some(clients) => clients,
            None => Clients::open(&self.node).await?,
        };
        let sample = sample::take(&clients, self.now_ms()).await?;
        self.clients = Some(clients);
        if let Some(record) = &mut self.record {
            let line = serde_json::to_string(&sample)
                .map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
            writeln!(record, "{line}").map_err(|error| wrong_file(&format!("--record: {error}")))?;
        }
        Ok(Some(sample))
    }
}

fn recorded(replay: &mut BufReader<File>) -> Result<Option<Sample>, Failure> {
    let mut line = String::new();
    let mut limited = std::io::Read::take(replay, LINE_BYTES_MAX);
    let read = limited.read_line(&mut line).map_err(|error| wrong_file(&format!("--replay: {error}")))?;
    if read == 0 {
        return Ok(None);
    }
    let sample = serde_json::from_str(&line)
        .map_err(|error| wrong_file(&format!("--replay: a line is no sample of `top --record`: {error}")))?;
    Ok(Some(sample))
}

fn wrong_file(message: &str) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message)
}

/// Takes samples, draws the last screen into memory, and writes it as a picture.
async fn paint(args: &TopArgs, mut source: Source, path: &Path) -> Result<(), Failure> {
    let every = if source.replay.is_some() { Duration::ZERO } else { args.every };
    let mut screen = Screen::new(u64::try_from(args.every.as_millis()).unwrap_or(u64::MAX));
    for taken in 0..args.samples {
        if taken > 0 && !every.is_zero() {
            tokio::time::sleep(every).await;
        }
        match source.next().await {
            Ok(Some(sample)) => screen.take(sample),
            Ok(None) => break,
            Err(failure) if is_passing(&failure) && taken > 0 => eprintln!("{failure}"),
            Err(failure) => return Err(failure),
        }
    }
    let Some(latest) = &screen.latest else { return Err(wrong_file("--replay: the recording is empty")) };
    let title = format!("ringmain top: cluster {} at {}", latest.cluster.name, output::moment(latest.at_ms));
    let internal = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, "internal", error);
    let (columns, rows) = args.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).map_err(|error| internal(&error))?;
    terminal.draw(|frame| draw::draw(frame, &screen)).map_err(|error| internal(&error))?;
    let picture = picture::svg(terminal.backend().buffer(), &title);
    std::fs::write(path, picture)
        .map_err(|error| wrong_file(&format!("--picture: cannot write {}: {error}", path.display())))?;
    output::write_out(&format!("{}\n", path.display()))
}
