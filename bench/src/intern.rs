//! Texts and lists that many rows repeat, kept once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::scenario::Text;

/// Gives equal texts and lists the same memory.
#[derive(Default)]
pub(crate) struct Interner {
    texts: HashMap<Box<str>, Text>,
    lists: HashMap<String, Arc<[Text]>>,
}

impl Interner {
    /// The shared text equal to `text`.
    pub(crate) fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let shared: Text = text.into();
        self.texts.insert(text.into(), Arc::clone(&shared));
        shared
    }

    /// The shared list of these texts. None of them holds the separator `|`.
    pub(crate) fn list(&mut self, parts: &[&str]) -> Arc<[Text]> {
        let key = parts.join("|");
        if let Some(known) = self.lists.get(&key) {
            return Arc::clone(known);
        }
        let list: Arc<[Text]> = parts.iter().map(|part| self.text(part)).collect();
        self.lists.insert(key, Arc::clone(&list));
        list
    }
}
