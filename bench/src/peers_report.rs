//! `ringmain-bench peers`: the same work by real databases and queues, in turns with a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use ringmain_bench::clock::Stopwatch;
use ringmain_bench::cluster::peers::{Beside, Contender, OURS, Peer, TALLY_FORMAT, Tally, Turn};
use ringmain_bench::cluster::{Arrivals, Machine, Ours, Rig, Search, Service, Setup, Step, System};
use ringmain_bench::nodes;

use crate::Skipped;
use crate::load::{self, COMFORT, LoadOptions, USUAL_RATE};

/// Rates of a smoke run, contacts per second.
const SMOKE_RATES: [f64; 2] = [20.0, 200.0];
/// A search begins at this share of what was held in the round before.
const AGAIN: f64 = 0.5;

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    ringmain-bench peers --report peers-report\n  \
    ringmain-bench peers --with redis --rounds 3 --for 8\n  \
    ringmain-bench peers --smoke\n\n\
    bench/peers/install installs the servers. How each of them is set up stands in docs/PERFORMANCE.md.")]
pub struct Options {
    /// The systems beside ours
    #[arg(long = "with", value_name = "NAME,…", value_delimiter = ',', default_value = "postgres,redis,etcd,nats",
        value_parser = PossibleValuesParser::new(Peer::ALL.map(Peer::word)).map(peer_of))]
    peers: Vec<Peer>,
    /// A short run of the peers alone that checks counts and that each life cycle was done once, and no times
    #[arg(long, conflicts_with_all = ["rounds", "seconds", "warm_up", "window", "operators"])]
    smoke: bool,
    /// How often everybody has a turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The first rate of the first search, contacts per second
    #[arg(long, value_name = "RATE", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    start: u32,
    /// The search goes no higher, contacts per second
    #[arg(long, value_name = "RATE", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    max: u32,
    /// How often the last distance is halved
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=10))]
    halvings: u32,
    #[command(flatten)]
    load: LoadOptions,
    /// Folder for the report: JSON and page; written anew after each turn
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The program to run as nodes; without it, `ringmain` beside this program
    #[arg(long, value_name = "FILE")]
    ringmain: Option<PathBuf>,
    /// Where all servers keep their data, a new or empty folder; without it one that goes with the run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Who has a turn.
enum Entrant {
    Ours(PathBuf),
    Peer(Peer, PathBuf),
}

/// Everybody's turns.
struct Contest<'a> {
    options: &'a Options,
    folder: PathBuf,
    setup: Setup,
    entrants: Vec<Entrant>,
    watch: Stopwatch,
    tally: Tally,
}

/// Runs the benchmark; all servers end with it, however it ends.
pub fn run(options: &Options) -> anyhow::Result<()> {
    load::run(measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let present = present(&options.peers)?;
    let scratch = tempfile::Builder::new().prefix("ringmain-bench-").tempdir()?;
    let folder = match &options.data {
        Some(folder) => load::empty_folder(folder)?,
        None => scratch.path().to_owned(),
    };
    let setup = options.load.setup(options.smoke);
    if options.smoke {
        return smoke(&present, &setup, &folder).await;
    }
    let ours = Entrant::Ours(nodes::program(options.ringmain.as_deref())?);
    let peers = present.into_iter().map(|(peer, programs)| Entrant::Peer(peer, programs));
    let entrants: Vec<Entrant> = [ours].into_iter().chain(peers).collect();
    let contenders = entrants.iter().map(Entrant::contender).collect::<anyhow::Result<_>>()?;
    let tally = Tally {
        format: TALLY_FORMAT,
        machine: Machine::here(""),
        setup: setup.clone(),
        rounds: options.rounds,
        contenders,
        seconds: 0.0,
    };
    let mut contest = Contest { options, folder, setup, entrants, watch: Stopwatch::start(), tally };
    for round in 1..=options.rounds {
        contest.round(round).await?;
    }
    contest.conclude()
}

/// Those that are installed; says which are not.
fn present(asked_for: &[Peer]) -> anyhow::Result<Vec<(Peer, PathBuf)>> {
    let mut present = Vec::new();
    for peer in asked_for {
        match peer.programs() {
            Some(programs) => {
                println!("{} {} in {}", peer.word(), peer.version(&programs)?, programs.display());
                present.push((*peer, programs));
            }
            None => println!("{}: skipped, package {} is not installed", peer.word(), peer.package()),
        }
    }
    if present.is_empty() {
        bail!(Skipped("none of these servers is installed; bench/peers/install does it".to_owned()));
    }
    Ok(present)
}

/// Little and more at each peer.
async fn smoke(present: &[(Peer, PathBuf)], setup: &Setup, folder: &Path) -> anyhow::Result<()> {
    for (peer, programs) in present {
        let mut rig = open_peer(setup, (*peer, programs), &folder.join(peer.word())).await?;
        for rate in SMOKE_RATES {
            let step = load::step(&mut rig, peer.word(), Arrivals::Poisson, rate).await?;
            step.keeps_promises()?;
        }
    }
    println!("smoke: every count adds up and every life cycle was done once");
    Ok(())
}

async fn open_peer(
    setup: &Setup,
    (peer, programs): (Peer, &Path),
    folder: &Path,
) -> anyhow::Result<Rig<Beside>> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    Rig::<Beside>::open(setup, peer, programs, folder).await
}

impl Entrant {
    fn contender(&self) -> anyhow::Result<Contender> {
        let (name, version, promise) = match self {
            Entrant::Ours(_) => ("ringmain".to_owned(), env!("CARGO_PKG_VERSION").to_owned(), OURS),
            Entrant::Peer(peer, programs) => {
                (peer.word().to_owned(), peer.version(programs)?, peer.promise())
            }
        };
        Ok(Contender { name, version, promise, turns: Vec::new() })
    }
}

impl Contest<'_> {
    /// Everybody has a turn, on new servers with the same seed. Every other round begins with the last.
    async fn round(&mut self, round: u32) -> anyhow::Result<()> {
        let setup =
            Setup { seed: self.setup.seed.wrapping_add(u64::from(round) * 1_000), ..self.setup.clone() };
        let mut order: Vec<usize> = (0..self.entrants.len()).collect();
        if round.is_multiple_of(2) {
            order.reverse();
        }
        for place in order {
            let name = &self.tally.contenders[place].name;
            println!("round {round}: {name}");
            let folder = self.folder.join(format!("{round}-{name}"));
            std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
            let search = self.search(place);
            let turn = match &self.entrants[place] {
                Entrant::Ours(program) => {
                    let rig =
                        Rig::<Ours>::open(&setup, &Service::at_once(), program, &folder, |_| {}).await?;
                    turn(rig, search).await?
                }
                Entrant::Peer(peer, programs) => {
                    let rig = Rig::<Beside>::open(&setup, *peer, programs, &folder).await?;
                    turn(rig, search).await?
                }
            };
            // What servers leave behind is of no use, and the next ones need the room.
            std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
            self.tally.contenders[place].turns.push(turn);
            self.write()?;
        }
        Ok(())
    }

    /// Begins near what was held in the round before.
    fn search(&self, place: usize) -> Search {
        let before = self.tally.contenders[place].turns.iter().rev().find_map(|turn| turn.saturation_per_s);
        let first = before.map_or(f64::from(self.options.start), |held| held * AGAIN);
        Search::new(first, self.options.max.into(), self.options.halvings)
    }

    fn conclude(mut self) -> anyhow::Result<()> {
        for path in self.write()? {
            println!("{}", path.display());
        }
        let names = self.tally.names();
        let header: Vec<&str> = [""].into_iter().chain(names.iter().map(String::as_str)).collect();
        println!("{}", crate::table(&header, self.tally.rows()));
        println!("medians of {} rounds; in brackets, how many times ours", self.tally.rounds);
        let turns = self.tally.contenders.iter().flat_map(|it| &it.turns);
        turns.flat_map(Turn::steps).try_for_each(Step::keeps_promises)
    }

    fn write(&mut self) -> anyhow::Result<Vec<PathBuf>> {
        self.tally.seconds = self.watch.elapsed().as_secs_f64();
        self.options.report.as_deref().map_or(Ok(Vec::new()), |folder| self.tally.write(folder))
    }
}

/// The usual rate, the search for saturation, and what lies below it.
async fn turn<S: System>(mut rig: Rig<S>, mut search: Search) -> anyhow::Result<Turn> {
    let usual = load::step(&mut rig, "usual", Arrivals::Poisson, USUAL_RATE).await?;
    let mut turn = Turn { usual: Some(usual), ..Turn::default() };
    while let Some(rate) = search.next_rate() {
        let step = load::step(&mut rig, "search", Arrivals::Poisson, rate).await?;
        search.tried(step.is_held);
        turn.search.push(step);
    }
    turn.saturation_per_s = search.saturation();
    if let Some(saturation) = search.saturation() {
        turn.comfort = Some(load::step(&mut rig, "70 %", Arrivals::Poisson, saturation * COMFORT).await?);
    }
    Ok(turn)
}

fn peer_of(word: String) -> Peer {
    Peer::ALL.into_iter().find(|peer| peer.word() == word).expect("these are the words that are possible")
}
