//! Reads JSON objects field by field, so that every problem is reported with its path and nothing is
//! silently ignored.

use serde_json::{Map, Value};

use crate::problem::{Place, Problems};

/// One JSON object on its way to a struct of ours. [`Fields::finish`] refuses by name what nobody asked for.
pub(crate) struct Fields<'a> {
    place: Place<'a>,
    path: String,
    object: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens `value` at `path`; `None` with a problem when it is no object.
    pub(crate) fn open(
        value: &'a Value,
        place: Place<'a>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(object) = value.as_object() else {
            let what = if path.is_empty() { None } else { Some(path) };
            problems.add(&Place { field: what, ..place }, "is not an object", "write it as { … }");
            return None;
        };
        Some(Fields { place, path: path.to_owned(), object, asked: Vec::new() })
    }

    /// The path of a field from the top of the file.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Reports a problem of one field.
    pub(crate) fn problem(&self, name: &str, problems: &mut Problems, problem: impl Into<String>, fix: &str) {
        problems.add(&self.place.field(&self.path(name)), problem, fix);
    }

    /// The raw value of an optional field; JSON null counts as absent.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// The raw value of a field that must be there.
    pub(crate) fn required(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a Value> {
        let value = self.optional(name);
        if value.is_none() {
            self.problem(name, problems, "is missing", "add it");
        }
        value
    }

    /// A required text that is not empty.
    pub(crate) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a str> {
        let value = self.required(name, problems)?;
        self.as_text(name, value, problems)
    }

    /// An optional text that is not empty when given.
    pub(crate) fn optional_text(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a str> {
        let value = self.optional(name)?;
        self.as_text(name, value, problems)
    }

    fn as_text(&self, name: &str, value: &'a Value, problems: &mut Problems) -> Option<&'a str> {
        let text = value.as_str().map(str::trim).filter(|text| is_plain(text));
        if text.is_none() {
            let fix = "write a text that is not empty and has no control characters";
            self.problem(name, problems, format!("{value} cannot stand here"), fix);
        }
        text
    }

    /// A required number within `least..=most`.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        (least, most): (f64, f64),
        problems: &mut Problems,
    ) -> Option<f64> {
        let value = self.required(name, problems)?;
        self.as_number(name, value, (least, most), problems)
    }

    /// An optional number within `least..=most`.
    pub(crate) fn optional_number(
        &mut self,
        name: &'static str,
        (least, most): (f64, f64),
        problems: &mut Problems,
    ) -> Option<f64> {
        let value = self.optional(name)?;
        self.as_number(name, value, (least, most), problems)
    }

    fn as_number(
        &self,
        name: &str,
        value: &Value,
        (least, most): (f64, f64),
        problems: &mut Problems,
    ) -> Option<f64> {
        let number = value.as_f64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let fix = format!("write a number from {least} to {most}");
            self.problem(name, problems, format!("{value} is out of bounds or no number"), &fix);
        }
        number
    }

    /// An optional whole number within `least..=most`.
    pub(crate) fn optional_whole(
        &mut self,
        name: &'static str,
        (least, most): (u64, u64),
        problems: &mut Problems,
    ) -> Option<u64> {
        let value = self.optional(name)?;
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let fix = format!("write a whole number from {least} to {most}");
            self.problem(name, problems, format!("{value} is out of bounds or no whole number"), &fix);
        }
        number
    }

    /// A required list.
    pub(crate) fn list(&mut self, name: &'static str, problems: &mut Problems) -> Option<&'a [Value]> {
        let value = self.required(name, problems)?;
        self.as_list(name, value, problems)
    }

    /// An optional list.
    pub(crate) fn optional_list(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<&'a [Value]> {
        let value = self.optional(name)?;
        self.as_list(name, value, problems)
    }

    fn as_list(&self, name: &str, value: &'a Value, problems: &mut Problems) -> Option<&'a [Value]> {
        let list = value.as_array().map(Vec::as_slice);
        if list.is_none() {
            self.problem(name, problems, "is not a list", "write it as [ … ]");
        }
        list
    }

    /// A required object, opened.
    pub(crate) fn object(&mut self, name: &'static str, problems: &mut Problems) -> Option<Fields<'a>> {
        let value = self.required(name, problems)?;
        Fields::open(value, self.place, &self.path(name), problems)
    }

    /// Accepts a field that is a fact for readers and no input.
    pub(crate) fn fact(&mut self, name: &'static str) {
        self.asked.push(name);
    }

    /// Refuses by name every field that was not asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for name in self.object.keys().filter(|name| !self.asked.contains(&name.as_str())) {
            self.problem(name, problems, "is a field that this build cannot honour", "remove it");
        }
    }

    /// The place of the object's file and line.
    pub(crate) fn place(&self) -> Place<'a> {
        self.place
    }
}

/// A text with content and without control characters.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
