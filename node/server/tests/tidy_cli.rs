//! What documents say about the command line: every example in a shell block is one that it understands, and the
//! lists of docs/CLI.md are those that it makes.

use std::path::{Path, PathBuf};

use clap::Parser;
use ringmain::cli::{Cli, tree};

fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of documents can be read");
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry of it too").path()) {
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// Commands in the shell blocks of a document, without comments and prompts.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks
        .flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| line.split(" #").next().expect("split yields a part").trim().to_owned())
        .collect()
}

/// What belongs to the shell and not to the program: redirections, and whatever comes after a command.
fn is_for_the_shell(word: &str) -> bool {
    word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['>', '<', '|', '&', ';'])
}

/// The arguments of `ringmain`, however it is started; nothing for another program.
fn arguments(command: &str) -> Option<Vec<String>> {
    let rest =
        ["cargo run --release -- ", "ringmain "].iter().find_map(|start| command.strip_prefix(start))?;
    let words = rest.split_whitespace().take_while(|word| !is_for_the_shell(word)).map(str::to_owned);
    Some(std::iter::once("ringmain".to_owned()).chain(words).collect())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("node/server is two levels down")
}

/// The page with the part between the mark of this name and the next end replaced.
fn with_part(page: &str, name: &str, part: &str) -> String {
    let start =
        page.find(&format!("<!-- {name}: ")).unwrap_or_else(|| panic!("docs/CLI.md has no mark {name}"));
    let from = start + page[start..].find("-->").expect("the mark ends") + "-->\n".len();
    let to = from + page[from..].find("<!-- end -->").expect("the part ends");
    format!("{}{part}{}", &page[..from], &page[to..])
}

#[test]
fn the_lists_of_the_page_are_those_of_the_program() {
    let path = root().join("docs/CLI.md");
    let page = std::fs::read_to_string(&path).expect("a document is UTF-8");
    let with_codes = with_part(&page, "exit codes", &format!("\n{}\n", tree::exit_codes_markdown()));
    let wanted = with_part(&with_codes, "commands", &format!("\n{}\n", tree::commands_markdown()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("docs/ can be written");
        return;
    }
    assert!(page == wanted, "docs/CLI.md is old; run: UPDATE_DOCS=1 cargo test -p ringmain --test tidy_cli");
}

#[test]
fn the_command_line_understands_every_example_of_the_documents() {
    let mut examples = 0;
    let mut findings = Vec::new();
    for path in documents(&root().join("docs")).into_iter().chain([root().join("README.md")]) {
        let text = std::fs::read_to_string(&path).expect("a document is UTF-8");
        for command in commands(&text) {
            let Some(arguments) = arguments(&command) else { continue };
            examples += 1;
            if let Err(error) = Cli::try_parse_from(arguments) {
                findings.push(format!("{}: {command}\n{error}", path.display()));
            }
        }
    }
    assert!(examples > 3, "the examples were not found");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
