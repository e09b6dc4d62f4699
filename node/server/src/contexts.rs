//! Clusters by name: where each is and with which token it is called. One file for each user of the machine, which
//! nobody else can read.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ringmain_telemetry::codes;
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, FailureKind};

/// Most contexts of a user.
pub const CONTEXTS_MAX: usize = 1_000;
/// Longest name of a context.
const NAME_MAX: usize = 64;
/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// All contexts of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one that is taken when nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// Where a cluster is, and as whom it is called.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// API addresses of its nodes.
    pub address: Vec<String>,
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The gateway that the token was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

/// Without the token: it belongs into no log.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("address", &self.address)
            .field("has_token", &self.token.is_some())
            .field("gateway", &self.gateway)
            .finish()
    }
}

impl Contexts {
    /// Reads the user's file; none is no contexts. Says on standard error when others can read it.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn load() -> Result<Contexts, Failure> {
        match path() {
            Some(path) => Contexts::load_from(&path),
            None => Ok(Contexts::default()),
        }
    }

    /// The same from a file.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn load_from(path: &Path) -> Result<Contexts, Failure> {
        let shown = path.display();
        let about = match std::fs::metadata(path) {
            Ok(about) => about,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Contexts::default()),
            Err(error) => return Err(invalid(format!("cannot read {shown}: {error}"))),
        };
        if about.len() > FILE_BYTES_MAX {
            return Err(invalid(format!(
                "{shown} has {} bytes; at most {FILE_BYTES_MAX} are read",
                about.len()
            )));
        }
        if about.permissions().mode() & 0o077 != 0 {
            eprintln!("warning: others can read {shown}, which holds tokens; chmod 600 it");
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| invalid(format!("cannot read {shown}: {error}")))?;
        Contexts::parse(&shown.to_string(), &text)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(source: &str, text: &str) -> Result<Contexts, Failure> {
        // The library quotes the line, and the line may hold a token: only its words about the problem are told.
        let contexts: Contexts = toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            invalid(format!("{source}:{}: {}", before.lines().count().max(1), error.message()))
        })?;
        for (name, context) in &contexts.contexts {
            check(name, context).map_err(|failure| invalid(format!("{source}: {}", failure.message)))?;
        }
        match &contexts.in_use {
            Some(name) if !contexts.contexts.contains_key(name) => {
                Err(invalid(format!("{source}: in_use: there is no context {name:?}")))
            }
            Some(_) | None => Ok(contexts),
        }
    }

    /// Writes the user's file whole: a reader sees the old or the new one.
    ///
    /// # Errors
    /// When there is no home or it cannot be written.
    pub fn save(&self) -> Result<PathBuf, Failure> {
        let Some(path) = path() else {
            return Err(invalid("there is no place for contexts: set HOME or XDG_CONFIG_HOME".to_owned()));
        };
        self.save_to(&path)?;
        Ok(path)
    }

    /// The same to a file, with a folder that is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_to(&self, path: &Path) -> Result<(), Failure> {
        let text =
            toml::to_string(self).map_err(|error| Failure::new(FailureKind::Internal, "internal", error))?;
        write_whole(path, &text).map_err(|error| invalid(format!("cannot write {}: {error}", path.display())))
    }

    /// The one that is taken when nothing else is said.
    #[must_use]
    pub fn in_use(&self) -> Option<&Context> {
        self.contexts.get(self.in_use.as_ref()?)
    }

    /// One by its name.
    ///
    /// # Errors
    /// When there is none of that name; those that there are are named.
    pub fn named(&self, name: &str) -> Result<&Context, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            let known = if names.is_empty() {
                "there are none; add it with `ringmain context add`".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            invalid(format!("there is no context {name:?}; {known}"))
        })
    }

    /// Adds one; the first is taken from now on.
    ///
    /// # Errors
    /// When the name is taken and `replace` is false, a value is malformed, or there are too many.
    pub fn add(&mut self, name: &str, context: Context, replace: bool) -> Result<(), Failure> {
        check(name, &context)?;
        if self.contexts.contains_key(name) && !replace {
            return Err(invalid(format!("there is a context {name:?} already; --replace replaces it")));
        }
        if self.contexts.len() >= CONTEXTS_MAX && !self.contexts.contains_key(name) {
            return Err(invalid(format!(
                "there are {CONTEXTS_MAX} contexts; remove one with `ringmain context rm`"
            )));
        }
        self.contexts.insert(name.to_owned(), context);
        self.in_use.get_or_insert_with(|| name.to_owned());
        Ok(())
    }

    /// Takes that one from now on.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn select(&mut self, name: &str) -> Result<(), Failure> {
        self.named(name)?;
        self.in_use = Some(name.to_owned());
        Ok(())
    }

    /// Forgets one. When it was in use, none is.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove(&mut self, name: &str) -> Result<(), Failure> {
        self.named(name)?;
        self.contexts.remove(name);
        self.in_use = self.in_use.take().filter(|in_use| in_use != name);
        Ok(())
    }
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // A file of that name that was left behind keeps its mode: set it again.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Where the user's file is: below XDG_CONFIG_HOME, else below HOME.
fn path() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("ringmain").join("contexts.toml"))
}

fn check(name: &str, context: &Context) -> Result<(), Failure> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_good) {
        return Err(invalid(format!(
            "{name:?} is no name of a context; write 1 to {NAME_MAX} letters, digits, dots or dashes"
        )));
    }
    let is_address = |address: &String| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if context.address.is_empty() {
        return Err(invalid(format!("context {name:?} has no address; write one as HOST:PORT")));
    }
    match context.address.iter().find(|address| !is_address(address)) {
        Some(wrong) => Err(invalid(format!("context {name:?}: {wrong:?} is no address; write HOST:PORT"))),
        None => Ok(()),
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_CONTEXT.code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(address: &str) -> Context {
        Context { address: vec![address.to_owned()], token: Some("secret".to_owned()), gateway: None }
    }

    #[test]
    fn the_first_is_in_use_and_a_removed_one_is_not() {
        let mut contexts = Contexts::default();
        contexts.add("a", context("h:1"), false).expect("new");
        contexts.add("b", context("h:2"), false).expect("new");
        assert_eq!(contexts.in_use.as_deref(), Some("a"));
        contexts.add("b", context("h:3"), false).expect_err("taken");
        contexts.add("b", context("h:3"), true).expect("replaced");
        contexts.remove("a").expect("known");
        assert_eq!(contexts.in_use, None);
        contexts.select("a").expect_err("gone");
        contexts.select("b").expect("known");
        assert_eq!(contexts.in_use().map(|context| context.address.clone()), Some(vec!["h:3".to_owned()]));
    }

    #[test]
    fn names_and_addresses_are_checked() {
        let mut contexts = Contexts::default();
        for (name, address) in [("", "h:1"), ("a b", "h:1"), ("../x", "h:1"), ("a", "h"), ("a", "h:70000")] {
            contexts.add(name, context(address), false).expect_err("malformed");
        }
        contexts.add("a", Context { address: Vec::new(), ..context("h:1") }, false).expect_err("no address");
        assert_eq!(contexts, Contexts::default());
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_by_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ringmain").join("contexts.toml");
        let mut contexts = Contexts::default();
        contexts.add("a", context("h:1"), false).expect("new");
        contexts.save_to(&path).expect("written");
        assert_eq!(Contexts::load_from(&path).expect("good"), contexts);
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
    }

    #[test]
    fn a_broken_file_is_refused_without_a_word_of_its_tokens() {
        let text = "[contexts.a]\naddress = [\"h:1\"]\ntoken = \"secret-word\" oops\n";
        let failure = Contexts::parse("contexts.toml", text).expect_err("broken");
        assert!(failure.message.starts_with("contexts.toml:3: "), "{failure}");
        assert!(!failure.message.contains("secret-word"), "{failure}");
        Contexts::parse("c", "in_use = \"b\"\n").expect_err("not there");
        Contexts::parse("c", "colour = 1\n").expect_err("unknown key");
        assert!(!format!("{:?}", context("h:1")).contains("secret"));
    }
}
