//! A drill as a page for people: Markdown with the picture beside it.

use std::fmt::{Result, Write};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::record::{Check, FORMAT, Record};
use super::timeline;
use crate::drills::report::Kill;

impl Record {
    /// Writes the record as JSON, and beside it the page and the picture, with the same name and another ending.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, json).with_context(|| format!("--report: writing {}", path.display()))?;
        self.write_page(path).map(|_pages| ())
    }

    /// Reads what [`Record::write`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, or is none of ours.
    pub fn read(path: &Path) -> anyhow::Result<Record> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let record: Record = serde_json::from_str(&text).with_context(|| {
            format!(
                "{}: not the report of a drill; one is made by `drill run NAME --report FILE`",
                path.display()
            )
        })?;
        let found = record.format;
        ensure!(found == FORMAT, "{}: of format {found}; this program reads {FORMAT}", path.display());
        Ok(record)
    }

    /// Writes page and picture beside the record's file; their names.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_page(&self, path: &Path) -> anyhow::Result<[PathBuf; 2]> {
        let (page, picture) = (path.with_extension("md"), path.with_extension("svg"));
        let name = picture.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::write(&picture, timeline::draw(self)?)
            .with_context(|| format!("writing {}", picture.display()))?;
        fs::write(&page, markdown(self, &name)?).with_context(|| format!("writing {}", page.display()))?;
        Ok([page, picture])
    }
}

fn markdown(record: &Record, picture: &str) -> std::result::Result<String, std::fmt::Error> {
    let mut page = String::new();
    let verdict = if record.is_clean() { "clean" } else { "NOT CLEAN" };
    writeln!(page, "# {}: {verdict}\n\n{}\n", record.report.drill, record.hypothesis)?;
    writeln!(page, "![what happened, second by second]({picture})\n")?;
    if let Some(why) = &record.broken_off {
        writeln!(page, "**Broken off:** {why}\n")?;
    }
    checks(&mut page, &record.checks)?;
    faults(&mut page, &record.report.kills)?;
    problems(&mut page, record)?;
    circumstances(&mut page, record)?;
    Ok(page)
}

fn checks(page: &mut String, checks: &[Check]) -> Result {
    writeln!(page, "## What had to hold\n\n| | wanted | found | |\n| --- | --- | --- | --- |")?;
    for Check { name, wanted, found, holds } in checks {
        writeln!(page, "| {name} | {wanted} | {found} | {} |", if *holds { "holds" } else { "**broken**" })?;
    }
    writeln!(page)
}

fn faults(page: &mut String, kills: &[Kill]) -> Result {
    if kills.is_empty() {
        return Ok(());
    }
    writeln!(
        page,
        "## Faults\n\nTimes in ms. *Again*: until somebody was assigned again, where a majority was struck from its end on. \
         *Pause*: the longest time without an assignment. *Back*: from the end of the fault until those struck had \
         what the others have.\n\n\
         | at | what | whom | again | pause | elections | back | acknowledged, lost | remarks |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for kill in kills {
        let ms = |ms: Option<u64>| ms.map_or("never".to_owned(), |ms| ms.to_string());
        writeln!(
            page,
            "| {:.1} s | {} | {} {:?} | {} | {} | {} | {} | {}, {} | {} |",
            kill.at_ms as f64 / 1e3,
            kill.how,
            kill.role,
            kill.nodes,
            ms(kill.resumed_after_ms()),
            kill.longest_pause_ms,
            kill.elections,
            ms(kill.back_after_ms),
            kill.acknowledged,
            kill.lost,
            remarks(kill)
        )?;
    }
    writeln!(page)
}

fn remarks(kill: &Kill) -> String {
    let mut remarks = Vec::new();
    if !kill.minority.is_empty() {
        let says = kill.read_only_after_ms.map_or("never".to_owned(), |ms| format!("after {ms} ms"));
        remarks.push(format!(
            "without a majority {:?}: acknowledged {} of {}, said so {says}",
            kill.minority, kill.minority_acknowledged, kill.minority_asked
        ));
    }
    if kill.was_majority {
        let (acknowledged, asked) = (kill.minority_acknowledged, kill.minority_asked);
        remarks.push(format!("the others had no majority: acknowledged {acknowledged} of {asked}"));
    }
    if let Some(ms) = kill.stopped_after_ms {
        let code = kill.stopped_with.as_deref().unwrap_or("no code");
        remarks.push(format!("stopped by itself after {ms} ms ({code})"));
    }
    if let Some(felt) = &kill.felt {
        remarks.push(felt.by.clone());
    }
    if !kill.remark.is_empty() {
        remarks.push(kill.remark.clone());
    }
    remarks.join("; ").replace('|', "/")
}

fn problems(page: &mut String, record: &Record) -> Result {
    let details = &record.report.verdict.details;
    if record.report.problems.is_empty() && details.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Problems\n")?;
    record.report.problems.iter().chain(details).try_for_each(|problem| writeln!(page, "* {problem}"))?;
    writeln!(page)
}

fn circumstances(page: &mut String, record: &Record) -> Result {
    let (report, verdict, machine) = (&record.report, &record.report.verdict, &record.machine);
    writeln!(page, "## Circumstances\n")?;
    writeln!(page, "* {} nodes, {} contacts a second, seed {}", record.nodes, record.rate, record.seed)?;
    writeln!(
        page,
        "* {} processors, kernel {}{}; timeouts times {}",
        machine.processors,
        machine.kernel,
        if machine.debug_build { ", built without optimisation" } else { "" },
        record.patience
    )?;
    writeln!(page, "* ended at {} s since 1970, took {:.0} s", record.ended_unix_s, report.seconds)?;
    writeln!(
        page,
        "* accepted {}, ended {}, open {}; log entries {}, of them compared with the model {}",
        verdict.accepted, verdict.ended, verdict.open, verdict.entries, verdict.model_checked_entries
    )?;
    writeln!(
        page,
        "* operations {:?}; packets cut {}, lost {}",
        report.operations, record.packets_cut, record.packets_lost
    )?;
    let (streams, told) = (&report.streams, &report.continuity);
    writeln!(
        page,
        "* streams opened {}, resumed {}; events {}, missed {}, repeated {}",
        streams.opened, streams.resumed, told.delivered, told.missed, told.repeated
    )
}
