//! `top`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::NodeArgs;
use super::shared::parse_interval;

/// See [`super::Command::Top`].
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// How often the node is asked
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    pub every: Duration,
    /// Write what the node says into this file too, a line of JSON each time
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Show what was recorded instead of asking a node
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Draw into this SVG file instead of on the screen, and end
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// With --picture: how often the node is asked before
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=600))]
    pub samples: u32,
    /// With --picture: columns and rows
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "120x40", value_parser = parse_size)]
    pub size: (u16, u16),
}

fn parse_size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "write it like 120x40, from 60x20 to 400x200".to_owned();
    let (columns, rows) = text.split_once('x').ok_or_else(wrong)?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns @ 60..=400), Ok(rows @ 20..=200)) => Ok((columns, rows)),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(wrong()),
    }
}
