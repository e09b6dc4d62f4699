//! Holds a document against a shape and notes everything that does not fit.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::Sink;
use crate::shape::{Form, Kind, Need, Shape};
use crate::suggest;

/// Notes unknown and missing keys of the table and whatever is wrong with the values.
pub(crate) fn check_table(
    table: &DeTable<'_>,
    span: &Range<usize>,
    shape: &'static Shape,
    path: &str,
    sink: &mut Sink<'_>,
) {
    for (key, value) in table {
        let here = join(path, key.get_ref());
        match shape.field(key.get_ref()) {
            Some(field) => check_value(value, &field.kind, &here, sink),
            None => unknown_key(table, &key.span(), key.get_ref(), shape, &here, sink),
        }
    }
    if shape.exactly_one {
        if table.len() != 1 {
            sink.add(
                span,
                path,
                format!("give exactly one of {}", names(shape).collect::<Vec<_>>().join(", ")),
            );
        }
        return;
    }
    for field in shape.fields.iter().filter(|field| field.need == Need::Required) {
        if !table.contains_key(field.name) {
            sink.add_hint(
                span,
                &join(path, field.name),
                "is missing",
                format!("give {}", field.kind.expected()),
            );
        }
    }
}

/// Dotted path of a key below `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn names(shape: &'static Shape) -> impl Iterator<Item = &'static str> {
    shape.fields.iter().map(|field| field.name)
}

fn unknown_key(
    table: &DeTable<'_>,
    span: &Range<usize>,
    key: &str,
    shape: &'static Shape,
    path: &str,
    sink: &mut Sink<'_>,
) {
    // A key that is given already is hardly meant, however near it is.
    let free = names(shape).filter(|name| !table.contains_key(*name));
    let hint = match suggest::nearest(key, free) {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("there are: {}", names(shape).collect::<Vec<_>>().join(", ")),
    };
    sink.add_hint(span, path, "is not a key of this table", hint);
}

/// A value, where it stands and what may stand there.
struct Spot<'v> {
    value: &'v DeValue<'v>,
    span: Range<usize>,
    path: &'v str,
    kind: &'static Kind,
}

impl Spot<'_> {
    fn add(&self, message: String, sink: &mut Sink<'_>) {
        sink.add(&self.span, self.path, message);
    }

    fn wrong_type(&self, sink: &mut Sink<'_>) {
        self.add(format!("expected {}, found {}", self.kind.expected(), type_name(self.value)), sink);
    }
}

fn check_value(value: &Spanned<DeValue<'_>>, kind: &'static Kind, path: &str, sink: &mut Sink<'_>) {
    let spot = Spot { value: value.get_ref(), span: value.span(), path, kind };
    match kind {
        Kind::Text(max) => check_text(&spot, *max, sink),
        Kind::Formed(form) => check_form(&spot, form, sink),
        Kind::Address => check_address(&spot, sink),
        Kind::HttpUrl => check_http_url(&spot, sink),
        Kind::Integer(min, max) => check_integer(&spot, *min, *max, sink),
        Kind::Flag => {
            if !spot.value.is_bool() {
                spot.wrong_type(sink);
            }
        }
        Kind::Choice(words) => check_choice(&spot, words, sink),
        Kind::List(of, max) => check_list(&spot, of, *max, sink),
        Kind::OneOrMore(form, max) => check_one_or_more(&spot, form, *max, sink),
        Kind::Map(of, max) => check_map(&spot, None, of, *max, sink),
        Kind::Keyed(key, of, max) => check_map(&spot, Some(key), of, *max, sink),
        Kind::Table(shape) => match spot.value.as_table() {
            Some(table) => check_table(table, &spot.span, shape, path, sink),
            None => spot.wrong_type(sink),
        },
        Kind::TextOrTable(text, shape) => match (spot.value.as_table(), text) {
            (Some(table), _) => check_table(table, &spot.span, shape, path, sink),
            (None, Kind::Choice(words)) => check_choice(&spot, words, sink),
            (None, _) if spot.value.is_str() => check_value(value, text, path, sink),
            (None, _) => spot.wrong_type(sink),
        },
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn check_text(spot: &Spot<'_>, max: usize, sink: &mut Sink<'_>) {
    let Some(text) = spot.value.as_str() else { return spot.wrong_type(sink) };
    if text.is_empty() {
        spot.add("must not be empty".to_owned(), sink);
    } else if text.len() > max {
        spot.add(format!("is {} bytes long; at most {max} are possible", text.len()), sink);
    } else if text.trim() != text || text.chars().any(char::is_control) {
        let message = "must not hold line breaks or control characters, nor begin or end with a space";
        spot.add(message.to_owned(), sink);
    }
}

fn check_address(spot: &Spot<'_>, sink: &mut Sink<'_>) {
    let Some(text) = spot.value.as_str() else { return spot.wrong_type(sink) };
    if !is_address(text) {
        spot.add(format!("{text:?} is no address; expected {}", spot.kind.expected()), sink);
    }
}

/// Longest address with a scheme.
const URL_BYTES_MAX: usize = 1_024;

fn check_http_url(spot: &Spot<'_>, sink: &mut Sink<'_>) {
    let Some(text) = spot.value.as_str() else { return spot.wrong_type(sink) };
    if text.len() > URL_BYTES_MAX
        || text.contains(char::is_control)
        || !text.strip_prefix("http://").is_some_and(is_address)
    {
        spot.add(format!("{text:?} is no address; expected {}", spot.kind.expected()), sink);
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([' ', '/', ':', '[', ']']),
        };
        host_is_good && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn check_integer(spot: &Spot<'_>, min: u64, max: u64, sink: &mut Sink<'_>) {
    let Some(number) = spot.value.as_integer() else { return spot.wrong_type(sink) };
    let fits = u64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|n| (min..=max).contains(&n));
    if !fits {
        spot.add(format!("{} is out of bounds; expected {}", number.as_str(), spot.kind.expected()), sink);
    }
}

fn check_choice(spot: &Spot<'_>, words: &[&str], sink: &mut Sink<'_>) {
    let Some(word) = spot.value.as_str() else { return spot.wrong_type(sink) };
    if words.contains(&word) {
        return;
    }
    let message = format!("{word:?} is not possible; expected {}", spot.kind.expected());
    match suggest::nearest(word, words.iter().copied()) {
        Some(nearest) => sink.add_hint(&spot.span, spot.path, message, format!("did you mean {nearest:?}?")),
        None => spot.add(message, sink),
    }
}

fn check_list(spot: &Spot<'_>, of: &'static Kind, max: usize, sink: &mut Sink<'_>) {
    let Some(list) = spot.value.as_array() else { return spot.wrong_type(sink) };
    if list.len() > max {
        spot.add(format!("has {} elements; at most {max} are possible", list.len()), sink);
    }
    for (i, element) in list.iter().enumerate() {
        check_value(element, of, &format!("{}[{i}]", spot.path), sink);
    }
}

fn check_form(spot: &Spot<'_>, form: &'static Form, sink: &mut Sink<'_>) {
    let Some(text) = spot.value.as_str() else { return spot.wrong_type(sink) };
    if let Err(message) = (form.check)(text) {
        spot.add(message, sink);
    }
}

fn check_one_or_more(spot: &Spot<'_>, form: &'static Form, max: usize, sink: &mut Sink<'_>) {
    let Some(list) = spot.value.as_array() else { return check_form(spot, form, sink) };
    if list.len() > max {
        spot.add(format!("has {} elements; at most {max} are possible", list.len()), sink);
    }
    for (i, element) in list.iter().enumerate() {
        let path = format!("{}[{i}]", spot.path);
        let element = Spot { value: element.get_ref(), span: element.span(), path: &path, kind: spot.kind };
        check_form(&element, form, sink);
    }
}

fn check_map(
    spot: &Spot<'_>,
    key_form: Option<&'static Form>,
    of: &'static Kind,
    max: usize,
    sink: &mut Sink<'_>,
) {
    let Some(map) = spot.value.as_table() else { return spot.wrong_type(sink) };
    if map.len() > max {
        spot.add(format!("has {} entries; at most {max} are possible", map.len()), sink);
    }
    for (key, element) in map {
        let path = join(spot.path, key.get_ref());
        if let Some(Err(message)) = key_form.map(|form| (form.check)(key.get_ref())) {
            sink.add(&key.span(), &path, message);
        }
        check_value(element, of, &path, sink);
    }
}
