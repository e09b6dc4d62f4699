//! `ringmain-bench theory`: small centres worked out, beside what the core does with them.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ringmain_bench::theory::trial::{Compared, Trial};
use ringmain_bench::theory::{Model, all};

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Contacts of each run that are observed; a fifth more come before them and a tenth behind
    #[arg(long, default_value_t = 2_000)]
    contacts: usize,
    /// Independent runs, with the seeds 1, 2, …
    #[arg(long, default_value_t = 20)]
    replications: usize,
    /// How sure the intervals are, in percent
    #[arg(long, default_value_t = 99.9)]
    confidence: f64,
    /// A file for the table, in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs all models and prints each figure beside theory's.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let trial = Trial {
        replications: options.replications,
        observed: options.contacts,
        warm_up: options.contacts / 5,
        behind: options.contacts / 10,
        confidence: options.confidence / 100.0,
    };
    let mut page = String::new();
    let (mut held, mut figures) = (0, 0);
    for model in all() {
        let bar = crate::progress_bar(options.replications as u64, "simulating");
        let compared =
            trial.compare(&model, &mut |runs| bar.set_position(runs as u64)).context(model.name)?;
        bar.finish_and_clear();
        held += compared.iter().filter(|one| one.simulated.covers(one.exact)).count();
        figures += compared.len();
        println!("{}\n{}\n", model.name, crate::table(&HEAD, compared.iter().map(cells).collect()));
        markdown(&mut page, &model, &compared)?;
    }
    println!(
        "{held} of {figures} intervals of {} % hold what theory says; {} runs of {} contacts each, {} of them observed; \
         waits in mean service times",
        options.confidence,
        trial.replications,
        trial.contacts(),
        trial.observed
    );
    match &options.out {
        Some(path) => std::fs::write(path, page).with_context(|| path.display().to_string()),
        None => Ok(()),
    }
}

const HEAD: [&str; 5] = ["figure", "theory", "simulated", "±", "holds"];

fn cells(one: &Compared) -> Vec<String> {
    let holds = if one.simulated.covers(one.exact) { "yes" } else { "no" };
    vec![
        one.quantity.clone(),
        format!("{:.4}", one.exact),
        format!("{:.4}", one.simulated.mean),
        format!("{:.4}", one.simulated.half_width),
        holds.to_owned(),
    ]
}

fn markdown(page: &mut String, model: &Model, compared: &[Compared]) -> std::fmt::Result {
    writeln!(page, "### {}\n\n| {} |\n| --- | ---: | ---: | ---: | --- |", model.name, HEAD.join(" | "))?;
    for one in compared {
        writeln!(page, "| {} |", cells(one).join(" | "))?;
    }
    writeln!(page)
}
