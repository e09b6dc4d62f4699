//! `debug bundle`.

use std::path::Path;

use ringmain_cluster_config::NodeConfig;
use ringmain_replication::Clock;
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use super::archive::Parts;
use super::{local, remote};
use crate::cli::BundleArgs;
use crate::clock::SystemClock;
use crate::connection::Clients;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows, moment};
use crate::progress::Progress;

/// A node, and where its HTTP port is, or why that is not known.
type NodeHttp = (u64, Result<String, String>);

/// Collects what can be had and writes it. A node that is away is a line in the manifest, not the end: a bundle is
/// made when something is wrong.
pub(super) async fn run(args: BundleArgs) -> Result<(), Failure> {
    if args.file.exists() {
        return Err(unwritable(&args.file, "exists already; choose another name"));
    }
    let progress = Progress::new("collecting", 4);
    let mut parts = Parts::default();
    let made_at_ms = SystemClock::start().wall_ms();
    let mut about = local::versions();
    about["made_at"] = json!(moment(made_at_ms));
    parts.add_json("versions.json", Ok(about));
    let mut http = args.http.clone();
    if let Some(path) = &args.config {
        http.extend(add_config(&mut parts, path));
    }
    let nodes = add_cluster(&mut parts, &args, &progress).await;
    http.retain(|address| !nodes.iter().any(|(_, told)| told.as_ref() == Ok(address)));
    http.sort();
    http.dedup();
    let named = nodes.into_iter().map(|(node, told)| (format!("node-{node}"), told));
    for (name, address) in named.chain(http.into_iter().map(|address| (file_name(&address), Ok(address)))) {
        add_http(&mut parts, &name, address, &progress).await;
    }
    progress.say("reading logs");
    progress.at(3, 4);
    for (number, path) in args.logs.iter().enumerate() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        parts.add(&format!("logs/{number}-{name}"), local::end_of(path, args.log_mib * 1024 * 1024));
    }
    let manifest = parts.manifest();
    parts
        .write(&args.file, made_at_ms / 1_000)
        .map_err(|error| unwritable(&args.file, &error.to_string()))?;
    output::print(&answer(&args.file, manifest), args.node.format, false)
}

fn file_name(address: &str) -> String {
    address.replace([':', '/'], "-")
}

/// What an HTTP port says, or why it is not known.
async fn add_http(parts: &mut Parts, name: &str, address: Result<String, String>, progress: &Progress) {
    for (folder, path) in [("metrics", "/metrics"), ("ready", "/readyz?verbose")] {
        let said = match &address {
            Ok(address) => {
                progress.say(&format!("asking {address}"));
                remote::http(address, path).await
            }
            Err(unknown) => Err(unknown.clone()),
        };
        parts.add(&format!("{folder}/{name}.txt"), said);
    }
}

/// The node's config and the names of its files; returns where its HTTP port is.
fn add_config(parts: &mut Parts, path: &Path) -> Option<String> {
    match NodeConfig::load(path) {
        Ok(config) => {
            parts.add("config/node.toml", Ok(local::config_text(&config).into_bytes()));
            parts.add_json("data-files.json", local::data_files(&config.data_dir));
            Some(config.listen.http)
        }
        Err(error) => {
            parts.add("config/node.toml", Err(error.to_string()));
            None
        }
    }
}

/// What the nodes say; returns where those that answer have their HTTP ports, or why that is not known.
async fn add_cluster(parts: &mut Parts, args: &BundleArgs, progress: &Progress) -> Vec<NodeHttp> {
    let clients = match Clients::open(&args.node).await {
        Ok(clients) => clients,
        Err(failure) => {
            parts.add("cluster/status.json", Err(failure.to_string()));
            return Vec::new();
        }
    };
    let mut http = Vec::new();
    let said = |result: Result<Value, Failure>| result.map_err(|failure| failure.to_string());
    parts.add_json("cluster/status.json", said(remote::status(&clients).await));
    let nodes = remote::nodes(&clients).await.unwrap_or_default();
    for (number, (node, address)) in nodes.iter().enumerate() {
        progress.say(&format!("asking node {node}"));
        progress.at(number as u64, nodes.len() as u64);
        let status = remote::status_at(&args.node, address).await;
        http.extend(status.as_ref().ok().map(|status| (*node, remote::http_address(status, address))));
        parts.add_json(&format!("cluster/node-{node}.json"), said(status));
    }
    parts.add_json("queues.json", said(remote::queues(&clients).await));
    parts.add_json("operators.json", said(remote::operators(&clients).await));
    let plan = remote::plan(&clients).await;
    parts.add("plan.txt", plan.map(String::into_bytes).map_err(|failure| failure.to_string()));
    http
}

fn answer(file: &Path, manifest: Value) -> Answer {
    let mut rows =
        Rows::new(&[Column::Words("part"), Column::Number("bytes"), Column::Words("missing because")]);
    let text_of = |part: &Value, key: &str| part[key].as_str().unwrap_or_default().to_owned();
    for part in manifest["parts"].as_array().into_iter().flatten() {
        rows.push([text_of(part, "name"), part["bytes"].to_string(), String::new()]);
    }
    for part in manifest["missing"].as_array().into_iter().flatten() {
        rows.push([text_of(part, "name"), "–".to_owned(), text_of(part, "cause")]);
    }
    let mut json = manifest;
    json["file"] = json!(file);
    let end = format!("{} written; look into it before you send it", file.display());
    Answer { json, text: vec![Block::Rows(rows), Block::Line(end)] }
}

fn unwritable(file: &Path, cause: &str) -> Failure {
    let message = format!("{}: {cause}", file.display());
    Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, message)
}
