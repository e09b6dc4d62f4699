//! A document as a script: its fenced `sh` blocks run one after the other in one shell, and so it cannot lie.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::clock::Stopwatch;

/// A comment of this form, which readers of the document do not see, tells the drill to do something.
const MARK: (&str, &str) = ("<!-- drill: ", " -->");
const FENCE: &str = "```";
const LANGUAGE: &str = "sh";
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Something that the document says is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Commands, under the heading above them.
    Commands {
        /// The heading.
        title: String,
        /// The first line in the document.
        line: usize,
        /// What the shell gets.
        text: String,
    },
    /// A word to the drill.
    Mark(String),
}

/// Reads a document's items in order.
///
/// # Errors
/// A block has no end.
pub(super) fn parse(document: &str) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut title = String::new();
    let mut block: Option<(bool, usize, String)> = None;
    for (number, line) in (1..).zip(document.lines()) {
        match (&mut block, line.trim_start().strip_prefix(FENCE)) {
            (None, Some(language)) => block = Some((language.trim() == LANGUAGE, number + 1, String::new())),
            (Some(_), Some(_)) => {
                if let Some((true, line, text)) = block.take() {
                    items.push(Item::Commands { title: title.clone(), line, text });
                }
            }
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {
                if let Some(heading) = line.strip_prefix('#') {
                    heading.trim_start_matches('#').trim().clone_into(&mut title);
                } else if let Some(mark) =
                    line.strip_prefix(MARK.0).and_then(|rest| rest.strip_suffix(MARK.1))
                {
                    items.push(Item::Mark(mark.to_owned()));
                }
            }
        }
    }
    if let Some((_, line, _)) = block {
        bail!("the block that begins at line {line} has no end");
    }
    Ok(items)
}

/// A shell that keeps what it has defined and started from block to block. What it has started ends with it.
pub(super) struct Shell {
    bash: Child,
    orders: Option<ChildStdin>,
    folder: PathBuf,
    blocks: usize,
}

/// What is told to the shell before the document is.
const PREAMBLE: &str = "set -euo pipefail\n\
    trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT\n";

impl Shell {
    /// Starts one in a folder, with variables for the document's commands.
    pub(super) fn start(folder: &Path, variables: &[(String, String)]) -> Result<Shell> {
        let log = fs::File::create(folder.join("shell.log"))?;
        let mut bash = Command::new("bash")
            .args(["--noprofile", "--norc", "-s"])
            .current_dir(folder)
            .envs(variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("skipped: this drill needs `bash`")?;
        let orders = bash.stdin.take();
        let mut shell = Shell { bash, orders, folder: folder.to_owned(), blocks: 0 };
        shell.tell(PREAMBLE)?;
        Ok(shell)
    }

    /// Runs a block; what it printed, or an error with that.
    pub(super) async fn run(&mut self, text: &str, patience: Duration) -> Result<String> {
        self.blocks += 1;
        let file = |end: &str| format!("block-{}.{end}", self.blocks);
        let (script, out, done) = (file("sh"), file("out"), file("done"));
        fs::write(self.folder.join(&script), text)?;
        self.tell(&format!(". ./{script} </dev/null >{out} 2>&1; : >{done}\n"))?;
        let watch = Stopwatch::start();
        loop {
            let said = || fs::read_to_string(self.folder.join(&out)).unwrap_or_default();
            if self.folder.join(&done).exists() {
                return Ok(said());
            }
            if let Some(status) = self.bash.try_wait()? {
                bail!("the commands failed ({status}); they printed:\n{}", said());
            }
            ensure!(watch.elapsed() < patience, "not done within {patience:?}; printed so far:\n{}", said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn tell(&mut self, text: &str) -> Result<()> {
        let orders = self.orders.as_mut().context("the shell takes no more")?;
        orders.write_all(text.as_bytes()).and_then(|()| orders.flush()).context("telling the shell")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // At the end of its orders the shell ends what it has started, then itself.
        self.orders = None;
        let _ended = self.bash.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_and_marks_are_items_and_keep_their_order() {
        let document = "# One\n```sh\na\n# no heading\n```\n<!-- drill: load -->\n## Two\n```text\nb\n```\n```sh\nc\n```\n";
        let commands = |title: &str, line, text: &str| Item::Commands {
            title: title.to_owned(),
            line,
            text: text.to_owned(),
        };
        let wanted = vec![
            commands("One", 3, "a\n# no heading\n"),
            Item::Mark("load".to_owned()),
            commands("Two", 12, "c\n"),
        ];
        assert_eq!(parse(document).unwrap(), wanted);
    }

    #[test]
    fn a_block_without_an_end_is_refused() {
        assert!(parse("```sh\nrm -rf data\n").is_err());
    }
}
