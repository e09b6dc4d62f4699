//! Alert rules and dashboard: made of the lists of `node/telemetry`, and held against its metrics and the runbooks.

use std::collections::BTreeSet;
use std::fmt::Write;

use ringmain_telemetry::alerts::ALERTS;
use ringmain_telemetry::codes::{Acts, NODE_CODES};
use ringmain_telemetry::dashboard::{Form, Panel, ROWS, Scale, plain_panel};
use ringmain_telemetry::labels;
use ringmain_telemetry::rules::{RULES, Rule};
use ringmain_telemetry::{Kind, METRICS, Metric};
use serde_json::{Value, json};

use crate::promql;
use crate::source::{assert_none, paths, read, root};

const RULES_FILE: &str = "node/server/packaging/prometheus/ringmain.rules.yml";
/// A chart cannot read what lies outside of it.
const RULES_OF_CHART: &str = "node/server/packaging/helm/ringmain/files/ringmain.rules.yml";
const DASHBOARD_FILE: &str = "node/server/packaging/grafana/ringmain.json";
/// What Prometheus itself tells: its alerts, and whether a scrape worked; and the labels that it adds.
const OF_PROMETHEUS: &[(&str, &[&str])] =
    &[("ALERTS", &["alertname", "alertstate"]), ("up", &["job", "instance"])];

/// Compares a file with what the lists make; writes it anew where that was asked for.
fn assert_made(path: &str, made: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let file = root().join(path);
        std::fs::create_dir_all(file.parent().expect("it lies in a folder"))
            .expect("packaging can be written");
        std::fs::write(file, made).expect("packaging can be written");
    }
    let hint = "UPDATE_DOCS=1 cargo test -p ringmain --test tidy";
    let is = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    assert!(is == made, "{path} is not what the lists make; run: {hint}");
}

fn rules_yaml() -> String {
    // JSON strings are YAML strings: quotes and braces of an expression need no thought.
    let quote = |text: &str| Value::from(text).to_string();
    let mut text = String::from(
        "# Made of node/telemetry/src/rules.rs by `UPDATE_DOCS=1 cargo test -p ringmain --test tidy`.\n\
         # The scrape job of the nodes' HTTP ports is expected to be called `ringmain`.\n\
         groups:\n  - name: ringmain\n    rules:\n",
    );
    for rule in RULES {
        let Rule { name, severity, hold, summary, .. } = rule;
        write!(
            text,
            "      - alert: {}\n        expr: {}\n        for: {hold}\n        labels:\n          severity: {}\n        \
             annotations:\n          summary: {}\n          runbook: docs/runbooks/{name}.md\n",
            rule.alert_name(),
            quote(&rule.expr()),
            severity.word(),
            quote(summary),
        )
        .expect("a String takes all");
    }
    text
}

/// An expression of a panel with Grafana's words for our short ones.
fn for_grafana(expr: &str) -> String {
    expr.replace("$all", "cluster=~\"$cluster\"")
        .replace("$nodes", "cluster=~\"$cluster\", node=~\"$node\"")
        .replace("$window", "$__rate_interval")
}

/// A metric is shown where an expression of the rows names it.
fn is_shown(metric: &Metric) -> bool {
    let mut queries = ROWS.iter().flat_map(|row| row.panels).flat_map(|panel| panel.queries);
    queries.any(|(expr, _)| {
        let uses = promql::read(&for_reader(expr)).unwrap_or_else(|error| panic!("{expr}: {error}"));
        uses.selectors.iter().any(|(name, _)| metric_of(name).is_some_and(|used| used.name == metric.name))
    })
}

fn for_reader(expr: &str) -> String {
    for_grafana(expr).replace("$__rate_interval", "5m")
}

fn metric_of(selector: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        Kind::Counter | Kind::Gauge => metric.name == selector,
        Kind::Histogram(_) => {
            let part = selector.strip_prefix(metric.name);
            part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
        }
    })
}

fn dashboard_json() -> String {
    let mut panels = Vec::new();
    let mut top = 0;
    for row in ROWS {
        heading(row.title, &mut top, &mut panels);
        let drawn = row.panels.iter().map(drawn).collect();
        place(drawn, &mut top, &mut panels);
    }
    heading("Everything else", &mut top, &mut panels);
    let others = METRICS.iter().filter(|metric| !is_shown(metric)).map(|metric| {
        let (expr, legend, scale) = plain_panel(metric);
        let title = metric.name.trim_start_matches("ringmain_").replace('_', " ");
        let mut panel = graph(&title, Form::Lines, scale, &[(&expr, &legend)]);
        panel["description"] = json!(metric.help);
        (Form::Lines, panel)
    });
    place(others.collect(), &mut top, &mut panels);
    for (id, panel) in panels.iter_mut().enumerate() {
        panel["id"] = json!(id + 1);
    }
    let page = json!({
        "uid": "ringmain",
        "title": "Ringmain",
        "tags": ["ringmain"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "10s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            { "type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus" },
            choice("cluster", "label_values(ringmain_build_info, cluster)"),
            choice("node", "label_values(ringmain_build_info{cluster=~\"$cluster\"}, node)"),
        ] },
        "panels": panels,
    });
    serde_json::to_string_pretty(&page).expect("it is a plain value") + "\n"
}

fn choice(name: &str, query: &str) -> Value {
    json!({
        "type": "query", "name": name, "label": name, "query": query, "refresh": 2, "multi": true,
        "includeAll": true, "allValue": ".*", "current": { "text": "All", "value": "$__all" },
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
    })
}

fn heading(title: &str, top: &mut u64, panels: &mut Vec<Value>) {
    panels.push(json!({
        "type": "row", "title": title, "collapsed": false, "panels": [],
        "gridPos": { "x": 0, "y": *top, "w": 24, "h": 1 },
    }));
    *top += 1;
}

fn drawn(panel: &Panel) -> (Form, Value) {
    (panel.form, graph(panel.title, panel.form, panel.scale, panel.queries))
}

fn graph(title: &str, form: Form, scale: Scale, queries: &[(&str, &str)]) -> Value {
    let targets: Vec<Value> = queries
        .iter()
        .zip('A'..)
        .map(|((expr, legend), id)| {
            json!({
                "refId": id.to_string(), "expr": for_grafana(expr), "legendFormat": legend,
                "datasource": { "type": "prometheus", "uid": "${datasource}" },
                "instant": form == Form::Number, "range": form == Form::Lines,
            })
        })
        .collect();
    let kind = match form {
        Form::Number => "stat",
        Form::Lines => "timeseries",
    };
    json!({
        "type": kind, "title": title, "targets": targets,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "fieldConfig": { "defaults": { "unit": scale.grafana() }, "overrides": [] },
    })
}

/// Puts panels side by side, as many as fit into a row of 24 columns.
fn place(drawn: Vec<(Form, Value)>, top: &mut u64, panels: &mut Vec<Value>) {
    let (mut left, mut tallest) = (0, 0);
    for (form, mut panel) in drawn {
        let (width, height) = match form {
            Form::Number => (4, 4),
            Form::Lines => (8, 8),
        };
        if left + width > 24 {
            *top += tallest;
            (left, tallest) = (0, 0);
        }
        panel["gridPos"] = json!({ "x": left, "y": *top, "w": width, "h": height });
        left += width;
        tallest = tallest.max(height);
        panels.push(panel);
    }
    *top += tallest;
}

#[test]
fn the_alert_rules_are_the_list() {
    assert_made(RULES_FILE, &rules_yaml());
    assert_made(RULES_OF_CHART, &rules_yaml());
}

#[test]
fn the_dashboard_is_the_list() {
    assert_made(DASHBOARD_FILE, &dashboard_json());
}

#[test]
fn every_alert_that_a_node_raises_has_a_rule() {
    let missing: Vec<String> = ALERTS
        .iter()
        .filter(|alert| !RULES.iter().any(|rule| rule.name == alert.name))
        .map(|alert| format!("{0}: add `raised(\"{0}\", Severity::…, \"…\"),` to RULES", alert.name))
        .collect();
    assert_none(&missing, "nobody would be told of it; node/telemetry/src/rules.rs:");
}

#[test]
fn a_rule_that_waits_for_a_raised_alert_names_one_that_a_node_raises() {
    let raised = |rule: &&Rule| rule.condition == ringmain_telemetry::rules::Condition::Raised;
    let stale: Vec<String> = RULES
        .iter()
        .filter(raised)
        .filter(|rule| !ALERTS.iter().any(|alert| alert.name == rule.name))
        .map(|rule| format!("{}: no such alert in node/telemetry/src/alerts.rs", rule.name))
        .collect();
    assert_none(&stale, "a rule that never fires:");
}

/// Every expression of rules and dashboard, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let rules = RULES.iter().map(|rule| (format!("rule {}", rule.name), rule.expr()));
    let panels = ROWS.iter().flat_map(|row| row.panels.iter().map(move |panel| (row.title, panel)));
    let shown = panels.flat_map(|(row, panel)| {
        panel.queries.iter().map(move |(expr, _)| (format!("panel {row}/{}", panel.title), for_reader(expr)))
    });
    let plain = METRICS
        .iter()
        .map(|metric| (format!("panel of {}", metric.name), for_reader(&plain_panel(metric).0)));
    rules.chain(shown).chain(plain).collect()
}

#[test]
fn expressions_are_promql_over_metrics_and_labels_that_exist() {
    let mut findings = Vec::new();
    for (place, expr) in expressions() {
        match promql::read(&expr) {
            Ok(uses) => findings.extend(strange(&uses).into_iter().map(|what| format!("{place}: {what}"))),
            Err(error) => findings.push(format!("{place}: {error}")),
        }
    }
    assert_none(&findings, "nothing would ever be seen of these:");
}

fn strange(uses: &promql::Uses) -> Vec<String> {
    let common: Vec<&str> =
        labels::COMMON.iter().map(|label| label.name).chain(["job", "instance"]).collect();
    let mut findings = Vec::new();
    for (name, asked) in &uses.selectors {
        let mut known = common.clone();
        if let Some(metric) = metric_of(name) {
            known.extend(metric.labels.iter().map(|label| label.name).chain(["le"]));
        } else if let Some((_, labels)) = OF_PROMETHEUS.iter().find(|(metric, _)| metric == name) {
            known.extend(*labels);
        } else {
            findings.push(format!("no metric {name}"));
        }
        let strange = asked.iter().filter(|label| !known.contains(&label.as_str()));
        findings.extend(strange.map(|label| format!("{name} has no label {label}")));
    }
    let all = labels::ALL.iter().map(|label| label.name).chain(common).chain(["le"]);
    let all: BTreeSet<&str> = all.collect();
    findings.extend(
        uses.grouping
            .iter()
            .filter(|label| !all.contains(label.as_str()))
            .map(|label| format!("no label {label}")),
    );
    findings
}

/// What must have a runbook: errors on which operations act, alerts that a node raises, and rules.
fn with_runbook() -> BTreeSet<&'static str> {
    let codes = NODE_CODES.iter().filter(|entry| entry.acts == Acts::Operations).map(|entry| entry.code);
    codes.chain(ALERTS.iter().map(|alert| alert.name)).chain(RULES.iter().map(|rule| rule.name)).collect()
}

/// Pages that no single code or alert leads to; the list of runbooks names them apart.
const PROCEDURES: &[&str] = &["README", "disaster"];

#[test]
fn what_operations_must_act_on_has_a_runbook() {
    let expected = with_runbook();
    let actual: BTreeSet<String> = paths()
        .into_iter()
        .filter_map(|path| Some(path.strip_prefix("docs/runbooks/")?.strip_suffix(".md")?.to_owned()))
        .filter(|name| !PROCEDURES.contains(&name.as_str()))
        .collect();
    let missing = expected.iter().filter(|name| !actual.contains(**name)).map(|name| {
        format!("{name}: write docs/runbooks/{name}.md (see the others) and list it in its README.md")
    });
    let stale = actual
        .iter()
        .filter(|name| !expected.contains(name.as_str()))
        .map(|name| format!("{name}: no such code, alert or rule"));
    assert_none(&missing.chain(stale).collect::<Vec<_>>(), "one runbook for each:");
}

#[test]
fn a_runbook_says_how_it_is_seen_what_to_do_and_when_it_is_over() {
    let index = read("docs/runbooks/README.md");
    let mut findings = Vec::new();
    for name in with_runbook() {
        let path = format!("docs/runbooks/{name}.md");
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        if !text.starts_with(&format!("# `{name}`: ")) {
            findings.push(format!("{path}: begins with \"# `{name}`: …\""));
        }
        for part in ["**Seen by**", "**What to do**", "**Over when**"] {
            if !text.contains(part) {
                findings.push(format!("{path}: lacks {part}"));
            }
        }
        if !index.contains(&format!("| [{name}]({name}.md) |")) {
            findings.push(format!("docs/runbooks/README.md: does not list {name}"));
        }
    }
    assert_none(&findings, "a runbook is read at night:");
}
