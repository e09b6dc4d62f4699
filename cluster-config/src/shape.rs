//! The fields of our files, described once: checking, defaults and JSON Schema all come from here.

/// The fields of one table.
#[derive(Debug)]
pub struct Shape {
    /// What the table is, in a few words.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// Whether exactly one of the fields must be given.
    pub exactly_one: bool,
}

/// One field of a table.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Whether it must stand there, and what holds if it does not.
    pub need: Need,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// How a text must look: judged by code, which can say what is wrong, and described to editors by a pattern.
#[derive(Debug)]
pub struct Form {
    /// What is expected, for an error.
    pub expected: &'static str,
    /// A regular expression (of JSON Schema) that every good text matches.
    pub pattern: &'static str,
    /// What is wrong with a text, and what to do.
    pub check: fn(&str) -> Result<(), String>,
}

/// What may stand in a field.
#[derive(Debug)]
pub enum Kind {
    /// A text of 1 to so many bytes.
    Text(usize),
    /// A text of a form.
    Formed(&'static Form),
    /// A network address with port.
    Address,
    /// An address with port, behind `http://`.
    HttpUrl,
    /// A whole number from the first to the second.
    Integer(u64, u64),
    /// True or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// At most so many values of one kind.
    List(&'static Kind, usize),
    /// One text of a form, or a list of at most so many.
    OneOrMore(&'static Form, usize),
    /// At most so many pairs of a name and a value of one kind.
    Map(&'static Kind, usize),
    /// The same with names of a form.
    Keyed(&'static Form, &'static Kind, usize),
    /// A table.
    Table(&'static Shape),
    /// A text of the first kind or a table.
    TextOrTable(&'static Kind, &'static Shape),
}

/// Whether a field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// Nothing holds without it.
    Optional,
    /// Without it this number holds.
    Number(u64),
    /// Without it this holds.
    Flag(bool),
    /// Without it this word holds.
    Word(&'static str),
}

impl Shape {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Kind {
    /// What is expected, for an error: "a whole number from 1 to 10".
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Kind::Text(max) => format!("a text of 1 to {max} bytes"),
            Kind::Formed(form) => form.expected.to_owned(),
            Kind::Address => "an address with port, like \"10.0.0.1:7101\"".to_owned(),
            Kind::HttpUrl => "an address like \"http://10.0.0.1:4317\"".to_owned(),
            Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", quoted(words)),
            Kind::List(of, max) => format!("a list of at most {max}, each {}", of.expected()),
            Kind::OneOrMore(form, max) => format!("{}, or a list of at most {max} such", form.expected),
            Kind::Map(of, _) => format!("a table of names, each with {}", of.expected()),
            Kind::Keyed(key, of, _) => format!("a table: {} = {}", key.expected, of.expected()),
            Kind::Table(shape) => format!("a table with {}", field_names(shape)),
            Kind::TextOrTable(text, shape) => {
                format!("{} or a table with {}", text.expected(), field_names(shape))
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

fn field_names(shape: &Shape) -> String {
    let between = if shape.exactly_one { " or " } else { ", " };
    shape.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(between)
}
