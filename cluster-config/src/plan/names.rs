//! Names that the plan declares once and uses elsewhere.

use std::collections::BTreeMap;

use crate::problem::Sink;
use crate::section::Placed;
use crate::suggest;

/// The declared names of one kind, in the order of the file.
pub(super) struct Names {
    kind: &'static str,
    order: Vec<String>,
    lines: BTreeMap<String, std::ops::Range<usize>>,
}

impl Names {
    pub(super) fn new(kind: &'static str) -> Names {
        Names { kind, order: Vec::new(), lines: BTreeMap::new() }
    }

    /// Declares a name; a second time is a problem.
    pub(super) fn declare(&mut self, name: &Placed<&str>, sink: &mut Sink<'_>) -> bool {
        if self.lines.contains_key(name.value) {
            let message = format!("the plan has {} {:?} already", self.kind, name.value);
            sink.add_hint(&name.span, &name.path, message, "each name may be given once");
            return false;
        }
        self.lines.insert(name.value.to_owned(), name.span.clone());
        self.order.push(name.value.to_owned());
        true
    }

    /// Notes a name that nobody declared.
    pub(super) fn resolve(&self, name: &Placed<&str>, sink: &mut Sink<'_>) -> bool {
        if self.lines.contains_key(name.value) {
            return true;
        }
        let message = format!("the plan has no {} {:?}", self.kind, name.value);
        match suggest::hint(name.value, self.order.iter().map(String::as_str)) {
            Some(hint) => sink.add_hint(&name.span, &name.path, message, hint),
            None => sink.add(&name.span, &name.path, message),
        }
        false
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }
}
