//! The words of scenario files: how one value is written and read.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use ringmain_routing::plan::{Answer, Orphan};
use ringmain_routing::{Millis, Name};

/// A line in words: plain ones in order, and `name=value` ones.
#[derive(Debug, Default)]
pub(crate) struct Words {
    plain: Vec<String>,
    named: BTreeMap<String, String>,
}

impl Words {
    pub(crate) fn of(line: &str) -> Result<Words> {
        let mut words = Words::default();
        for word in split(line)? {
            match word.split_once('=') {
                Some((name, value)) => {
                    words.named.insert(name.to_owned(), value.to_owned());
                }
                None => words.plain.push(word),
            }
        }
        Ok(words)
    }

    pub(crate) fn plain(&self, place: usize) -> Result<&str> {
        self.plain.get(place).map(String::as_str).with_context(|| format!("word {} is missing", place + 1))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.plain.iter().any(|plain| plain == word)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    pub(crate) fn name(&self, name: &str) -> Result<Name> {
        self.text(name).map(Name::from).with_context(|| format!("{name}= is missing"))
    }

    pub(crate) fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| anyhow::anyhow!("{name}={text} is no such value"))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        self.optional(name)?.with_context(|| format!("{name}= is missing"))
    }

    /// `a:1,b:2`
    pub(super) fn levels<T: FromStr>(&self, name: &str) -> Result<Vec<(Name, T)>> {
        self.parts(name).map(level).collect()
    }

    /// `a,b`
    pub(super) fn names(&self, name: &str) -> Vec<Name> {
        self.parts(name).map(Name::from).collect()
    }

    /// `a:text,b:text`
    pub(super) fn pairs(&self, name: &str) -> Result<Vec<(Name, Name)>> {
        let pair = |part: &str| {
            let (one, other) =
                part.split_once(':').with_context(|| format!("{name}={part}: name:text is expected"))?;
            Ok((one.into(), other.into()))
        };
        self.parts(name).map(pair).collect()
    }

    /// `yes` or `no`
    pub(super) fn answer(&self, name: &str) -> Result<Option<bool>> {
        match self.text(name) {
            None => Ok(None),
            Some("yes") => Ok(Some(true)),
            Some("no") => Ok(Some(false)),
            Some(other) => bail!("{name}={other}: yes or no"),
        }
    }

    /// The parts of a list; none is empty.
    pub(super) fn parts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text(name).unwrap_or("").split(',').filter(|part| !part.is_empty())
    }
}

fn level<T: FromStr>(part: &str) -> Result<(Name, T)> {
    let (name, level) = part.rsplit_once(':').with_context(|| format!("{part}: name:number is expected"))?;
    let level = level.parse().map_err(|_| anyhow::anyhow!("{part}: {level} is no such number"))?;
    Ok((name.into(), level))
}

/// Splits at spaces; a value in quotes may hold spaces.
fn split(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut in_quotes = false;
    for letter in line.chars() {
        match letter {
            '"' => {
                in_quotes = !in_quotes;
                word.get_or_insert_default();
            }
            ' ' if !in_quotes => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if in_quotes {
        bail!("a quote is open: {line}");
    }
    words.extend(word);
    Ok(words)
}

/// A value, in quotes where it holds spaces.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(' ') || text.is_empty() { format!("\"{text}\"") } else { text.to_owned() }
}

pub(super) fn write_levels<T: Display>(levels: &[(Name, T)]) -> String {
    levels.iter().map(|(name, level)| format!("{name}:{level}")).collect::<Vec<_>>().join(",")
}

pub(super) fn write_answer(answer: Answer) -> String {
    match answer {
        Answer::Automatic => "automatic".to_owned(),
        Answer::Confirmed { within } => format!("confirmed:{}", within.0),
        Answer::Offered { within } => format!("offered:{}", within.0),
        Answer::Previewed { within } => format!("previewed:{}", within.0),
    }
}

pub(super) fn read_answer(text: &str) -> Result<Answer> {
    let (kind, within) = text.split_once(':').unwrap_or((text, "0"));
    let within = Millis(within.parse()?);
    match kind {
        "automatic" => Ok(Answer::Automatic),
        "confirmed" => Ok(Answer::Confirmed { within }),
        "offered" => Ok(Answer::Offered { within }),
        "previewed" => Ok(Answer::Previewed { within }),
        _ => bail!("answer={text}: automatic, confirmed:MS, offered:MS or previewed:MS"),
    }
}

pub(super) fn write_orphan(orphan: Orphan) -> &'static str {
    match orphan {
        Orphan::Requeue => "requeue",
        Orphan::Close => "close",
    }
}

pub(super) fn read_orphan(text: &str) -> Result<Orphan> {
    match text {
        "requeue" => Ok(Orphan::Requeue),
        "close" => Ok(Orphan::Close),
        _ => bail!("orphan={text}: requeue or close"),
    }
}
