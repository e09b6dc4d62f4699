//! What a drill takes place on: nodes on loopback or on hosts, with or without disks of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use ringmain_routing::NodeId;
use tokio::runtime::Handle;

use crate::drills::centre::ADMIN;
use crate::drills::disk::Disk;
use crate::drills::exercise::{Exercise, Ground, Load};
use crate::drills::file::{Drill, Need};
use crate::drills::gateway::Habits;
use crate::drills::hosts::{Hosts, Rule};
use crate::drills::nodes::NodeOptions;
use crate::drills::world;

/// The nodes come first: they must have ended before their disks and hosts are taken away.
pub(super) struct Stage {
    pub(super) exercise: Exercise,
    /// By place of the node; none where nodes have no disks of their own.
    pub(super) disks: Vec<Disk>,
    pub(super) hosts: Option<Hosts>,
    pub(super) regions: usize,
    pub(super) scratch: PathBuf,
    /// How many times longer than usual everything may take.
    pub(super) patience: u64,
}

impl Stage {
    pub(super) fn build(drill: &Drill, nodes: usize, ground: &Ground<'_>) -> Result<Stage> {
        let regions = drill.regions.unwrap_or(nodes);
        let hosts = drill.needs.contains(&Need::Netns).then(|| Hosts::build(nodes, regions, ground.salt));
        let hosts = hosts.transpose()?;
        let has_disks = drill.needs.contains(&Need::Disks);
        let limits: Vec<String> =
            drill.limits.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let faketime = drill.needs.contains(&Need::Faketime).then(world::faketime).flatten();
        let options = NodeOptions {
            data_dir: if has_disks { "disk/data" } else { "data" },
            limits: limits.concat(),
            regions,
            hosts: hosts.as_ref().map(Hosts::addresses).unwrap_or_default(),
            faketime,
            ..NodeOptions::default()
        };
        let exercise = Exercise::prepare(ground, nodes, options)?;
        let disk = |node: &crate::drills::nodes::Node| Disk::make(&node.home.join("disk"), drill.disk_bytes);
        let disks = if has_disks {
            exercise.nodes.all().iter().map(disk).collect::<Result<_>>()?
        } else {
            Vec::new()
        };
        if let (Some(hosts), Some(weather)) = (&hosts, drill.network) {
            hosts.add(Rule::Weather { ports: hosts.everybody(), weather });
        }
        let scratch = world::scratch().unwrap_or_else(|| ground.folder.to_owned());
        Ok(Stage { exercise, disks, hosts, regions, scratch, patience: ground.patience })
    }

    /// Puts everybody to work, each in the region of the node that is tried first.
    pub(super) fn seat(&self, drill: &Drill, rate: u32) -> Result<Load> {
        let habits = Habits {
            repeat_every: drill.load.repeat_every,
            repeat_late: drill.load.repeat_late.map(|span| span.0),
        };
        let region = |hosts: &Hosts, region| hosts.region(region).cloned();
        let regions: Vec<Handle> = self
            .hosts
            .iter()
            .flat_map(|hosts| {
                (0..hosts.regions()).filter_map(|place| region(hosts, place)).collect::<Vec<_>>()
            })
            .collect();
        self.exercise.seat(rate, habits, &regions)
    }

    /// Ids of the nodes at some places.
    pub(super) fn nodes(&self, places: &[usize]) -> Vec<NodeId> {
        places.iter().filter_map(|place| self.exercise.nodes.all().get(*place)).map(|row| row.node).collect()
    }

    /// Milliseconds since the drill began.
    pub(super) fn now_ms(&self) -> u64 {
        self.exercise.journal.now_ns() / 1_000_000
    }

    /// Packets that cuts kept back, and packets lost on bad lines, so far.
    pub(super) fn kept_back(&self) -> (u64, u64) {
        self.hosts.as_ref().map_or((0, 0), Hosts::kept_back)
    }

    /// Kills nodes in the moment in which their disks lose power, and has the disks back as after a start of the
    /// machine.
    pub(super) fn lose_power(&mut self, places: &[usize]) -> Result<()> {
        // The disks first: whatever a process still does in its last moment must not reach them.
        places.iter().try_for_each(|place| self.disks[*place].lose_power())?;
        self.kill(places)?;
        self.remount(places)
    }

    /// Kills those that run.
    pub(super) fn kill(&mut self, places: &[usize]) -> Result<()> {
        for node in self.nodes(places) {
            if !self.exercise.nodes.has_ended(node) {
                self.exercise.nodes.kill(node)?;
            }
        }
        Ok(())
    }

    /// Starts those that do not run.
    pub(super) fn start(&mut self, places: &[usize]) -> Result<()> {
        for node in self.nodes(places) {
            if self.exercise.nodes.has_ended(node) {
                self.exercise.nodes.start(node)?;
            }
        }
        Ok(())
    }

    pub(super) fn remount(&self, places: &[usize]) -> Result<()> {
        std::thread::scope(|scope| {
            let remounts: Vec<_> =
                places.iter().map(|place| scope.spawn(|| self.disks[*place].remount())).collect();
            let done = |remount: std::thread::ScopedJoinHandle<'_, Result<()>>| {
                remount.join().unwrap_or_else(|_| Err(anyhow!("mounting a disk again panicked")))
            };
            remounts.into_iter().try_for_each(done)
        })
    }

    /// What a person does whose node has lost its data: the id goes for good, the machine comes back under a new one.
    pub(super) async fn rejoin(&mut self, place: usize) -> Result<NodeId> {
        self.kill(&[place])?;
        let [old] = self.nodes(&[place])[..] else {
            return Err(anyhow!("there is no node at place {place}"));
        };
        self.ringmain(vec!["cluster".to_owned(), "remove".to_owned(), old.to_string()]).await?;
        let new = self.exercise.nodes.renew(old)?;
        self.exercise.nodes.start(new)?;
        let config = self.exercise.nodes.find(new)?.config.display().to_string();
        let others = self.addresses_but(place);
        let words = ["cluster", "join", "--config", &config, "--via", &others];
        self.ringmain(words.map(str::to_owned).to_vec()).await?;
        Ok(new)
    }

    fn addresses_but(&self, place: usize) -> String {
        let all = self.exercise.nodes.all().iter().enumerate();
        let others: Vec<&str> = all.filter(|(other, _)| *other != place).map(|(_, row)| &*row.api).collect();
        others.join(",")
    }

    /// Runs a command of the node's own program, as an administrator.
    async fn ringmain(&self, words: Vec<String>) -> Result<()> {
        let token = self.exercise.journal.secrets.token("admin", ADMIN);
        let (binary, addresses) =
            (self.exercise.nodes.binary.clone(), self.exercise.nodes.addresses().join(","));
        let said = words.join(" ");
        let run = move || run(&binary, &words, &addresses, &token);
        tokio::task::spawn_blocking(run).await?.with_context(|| format!("ringmain {said}"))
    }
}

fn run(binary: &Path, words: &[String], addresses: &str, token: &str) -> Result<()> {
    let mut command = Command::new(binary);
    command.args(words).env("RINGMAIN_ADDR", addresses).env("RINGMAIN_TOKEN", token);
    crate::drills::disk::succeed(&mut command)
}
