//! Typed reading of a document that was held against its shape. What does not fit its shape reads as absent: the
//! problem is noted already.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::check::{check_table, join};
use crate::problem::Sink;
use crate::shape::{Kind, Need, Shape};

/// Reads the text, holds it against the shape and hands the document to `read`. Whatever `read` returns counts
/// only if nobody noted a problem.
pub(crate) fn parse<T>(
    source: &str,
    text: &str,
    shape: &'static Shape,
    read: impl FnOnce(&Section<'_>, &mut Sink<'_>) -> T,
) -> Result<T, crate::Problems> {
    let mut sink = Sink::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        sink.add(&error.span().unwrap_or(0..0), "", error.message().to_owned());
    }
    // A broken document still has readable parts, but what is missing there may be missing for the break alone.
    let value = if sink.is_empty() {
        let whole = Section { table: document.get_ref(), span: 0..0, path: String::new(), shape };
        check_table(whole.table, &whole.span, shape, "", &mut sink);
        Some(read(&whole, &mut sink))
    } else {
        None
    };
    match (sink.into_problems(source), value) {
        (None, Some(value)) => Ok(value),
        (Some(problems), _) => Err(problems),
        (None, None) => unreachable!("without a value there is a syntax error"),
    }
}

/// One table of the document.
#[derive(Clone)]
pub(crate) struct Section<'d> {
    table: &'d DeTable<'d>,
    /// Where it stands.
    pub(crate) span: Range<usize>,
    /// Its dotted path.
    pub(crate) path: String,
    shape: &'static Shape,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
    pub(crate) path: String,
}

impl<'d> Section<'d> {
    /// Whether the file gives the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the key's value stands; the table's place when it is absent.
    pub(crate) fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Dotted path of a key of this table.
    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The text in the file.
    pub(crate) fn text(&self, key: &'static str) -> Option<Placed<&'d str>> {
        let value = self.table.get(key)?;
        Some(Placed { value: value.get_ref().as_str()?, span: value.span(), path: self.path_of(key) })
    }

    /// The word in the file, else the shape's.
    pub(crate) fn word(&self, key: &'static str) -> &'d str {
        match (self.text(key), self.need(key)) {
            (Some(text), _) => text.value,
            (None, Need::Word(word)) => word,
            (None, Need::Required | Need::Optional | Need::Number(_) | Need::Flag(_)) => "",
        }
    }

    /// The number in the file, if there is one within the shape's bounds.
    pub(crate) fn optional_number(&self, key: &'static str) -> Option<u64> {
        number(self.table.get(key)?.get_ref())
    }

    /// The number in the file, else the shape's, else 0.
    pub(crate) fn number(&self, key: &'static str) -> u64 {
        match (self.optional_number(key), self.need(key)) {
            (Some(number), _) | (None, Need::Number(number)) => number,
            (None, Need::Required | Need::Optional | Need::Word(_) | Need::Flag(_)) => 0,
        }
    }

    /// True or false in the file, else the shape's.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        match (self.table.get(key).and_then(|value| value.get_ref().as_bool()), self.need(key)) {
            (Some(flag), _) | (None, Need::Flag(flag)) => flag,
            (None, Need::Required | Need::Optional | Need::Word(_) | Need::Number(_)) => false,
        }
    }

    /// True or false in the file, if it says either.
    pub(crate) fn optional_flag(&self, key: &'static str) -> Option<bool> {
        self.table.get(key)?.get_ref().as_bool()
    }

    /// The pairs of a map with texts; empty when absent.
    pub(crate) fn pairs(&self, key: &'static str) -> Vec<(&'d str, &'d str)> {
        let map = self.table.get(key).and_then(|value| value.get_ref().as_table());
        let pair = |(name, value): (&'d Spanned<_>, &'d Spanned<DeValue<'d>>)| {
            let name: &'d std::borrow::Cow<'d, str> = name.get_ref();
            Some((name.as_ref(), value.get_ref().as_str()?))
        };
        map.into_iter().flat_map(|map| map.iter()).filter_map(pair).collect()
    }

    /// The elements of a list; empty when absent.
    pub(crate) fn list(&self, key: &'static str) -> Vec<Placed<&'d DeValue<'d>>> {
        let Some(list) = self.table.get(key).and_then(|value| value.get_ref().as_array()) else {
            return Vec::new();
        };
        let path = self.path_of(key);
        let place = |(i, element): (usize, &'d Spanned<DeValue<'d>>)| Placed {
            value: element.get_ref(),
            span: element.span(),
            path: format!("{path}[{i}]"),
        };
        list.iter().enumerate().map(place).collect()
    }

    /// The tables of a list of tables; empty when absent.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some(shape) = self.shape_below(key) else { return Vec::new() };
        self.list(key).iter().filter_map(|element| element.section(shape)).collect()
    }

    /// The table of that key, an empty one when absent: so its defaults can be read.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'d>> {
        let shape = self.shape_below(key)?;
        let value = self.table.get(key)?;
        let table = value.get_ref().as_table()?;
        Some(Section { table, span: value.span(), path: self.path_of(key), shape })
    }

    /// The pairs of a map with numbers; empty when absent.
    pub(crate) fn numbers(&self, key: &'static str) -> Vec<(Placed<&'d str>, u64)> {
        let Some(map) = self.table.get(key).and_then(|value| value.get_ref().as_table()) else {
            return Vec::new();
        };
        let path = self.path_of(key);
        map.iter()
            .filter_map(|(name, value)| {
                let placed = Placed {
                    value: name.get_ref().as_ref(),
                    span: name.span(),
                    path: join(&path, name.get_ref()),
                };
                Some((placed, number(value.get_ref())?))
            })
            .collect()
    }

    /// The numbers of a list; empty when absent.
    pub(crate) fn number_list(&self, key: &'static str) -> Vec<Placed<u64>> {
        let placed = |element: Placed<&'d DeValue<'d>>| {
            Some(Placed { value: number(element.value)?, span: element.span, path: element.path })
        };
        self.list(key).into_iter().filter_map(placed).collect()
    }

    /// The texts of a field that takes one or a list of them; empty when absent.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<Placed<&'d str>> {
        self.table.get(key).map_or_else(Vec::new, |value| texts(value, &self.path_of(key)))
    }

    /// The pairs of a map with one text or a list of them each; empty when absent.
    pub(crate) fn keyed_texts(&self, key: &'static str) -> Vec<(Placed<&'d str>, Vec<Placed<&'d str>>)> {
        let Some(map) = self.table.get(key).and_then(|value| value.get_ref().as_table()) else {
            return Vec::new();
        };
        let path = self.path_of(key);
        map.iter()
            .map(|(name, value)| {
                let path = join(&path, name.get_ref());
                let texts = texts(value, &path);
                (Placed { value: name.get_ref().as_ref(), span: name.span(), path }, texts)
            })
            .collect()
    }

    fn need(&self, key: &str) -> Need {
        self.shape.field(key).map_or(Need::Optional, |field| field.need)
    }

    fn shape_below(&self, key: &str) -> Option<&'static Shape> {
        match &self.shape.field(key)?.kind {
            Kind::Table(shape) | Kind::TextOrTable(_, shape) => Some(shape),
            Kind::List(of, _) => match of {
                Kind::Table(shape) | Kind::TextOrTable(_, shape) => Some(shape),
                Kind::Text(_)
                | Kind::Formed(_)
                | Kind::Address
                | Kind::HttpUrl
                | Kind::Integer(..)
                | Kind::Flag
                | Kind::Choice(_)
                | Kind::List(..)
                | Kind::OneOrMore(..)
                | Kind::Map(..)
                | Kind::Keyed(..) => None,
            },
            Kind::Text(_)
            | Kind::Formed(_)
            | Kind::Address
            | Kind::HttpUrl
            | Kind::Integer(..)
            | Kind::Flag
            | Kind::Choice(_)
            | Kind::OneOrMore(..)
            | Kind::Map(..)
            | Kind::Keyed(..) => None,
        }
    }
}

impl<'d> Placed<&'d DeValue<'d>> {
    /// The value as text.
    pub(crate) fn text(&self) -> Option<Placed<&'d str>> {
        Some(Placed { value: self.value.as_str()?, span: self.span.clone(), path: self.path.clone() })
    }

    /// The value as a table of the shape.
    pub(crate) fn section(&self, shape: &'static Shape) -> Option<Section<'d>> {
        Some(Section {
            table: self.value.as_table()?,
            span: self.span.clone(),
            path: self.path.clone(),
            shape,
        })
    }
}

fn texts<'d>(value: &'d Spanned<DeValue<'d>>, path: &str) -> Vec<Placed<&'d str>> {
    let placed = |value: &'d Spanned<DeValue<'d>>, path: String| {
        Some(Placed { value: value.get_ref().as_str()?, span: value.span(), path })
    };
    match value.get_ref().as_array() {
        Some(list) => {
            let texts = list.iter().enumerate();
            texts.filter_map(|(i, element)| placed(element, format!("{path}[{i}]"))).collect()
        }
        None => placed(value, path.to_owned()).into_iter().collect(),
    }
}

fn number(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}
