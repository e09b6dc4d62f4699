//! A reader of PromQL, as far as our rules and dashboards use it. It is strict: what it does not know it refuses, so
//! an expression that it reads is one that Prometheus reads. `promtool` says the same where it is installed
//! (node/server/packaging/check); this reader needs nothing, and says which metrics and labels are used.

/// What an expression uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Names of metrics, each with the labels that its selector asks for.
    pub selectors: Vec<(String, Vec<String>)>,
    /// Labels by which results are grouped or matched.
    pub grouping: Vec<String>,
}

/// What a part of an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Scalar,
    Vector,
    Range,
}

const AGGREGATIONS: &[&str] = &["sum", "max", "min", "avg", "count"];
/// Functions: their name, what they take, what they give.
const FUNCTIONS: &[(&str, &[Shape], Shape)] = &[
    ("rate", &[Shape::Range], Shape::Vector),
    ("increase", &[Shape::Range], Shape::Vector),
    ("changes", &[Shape::Range], Shape::Vector),
    ("histogram_quantile", &[Shape::Scalar, Shape::Vector], Shape::Vector),
    ("vector", &[Shape::Scalar], Shape::Vector),
    ("abs", &[Shape::Vector], Shape::Vector),
];
/// Binary operators, from the weakest to the strongest.
const OPERATORS: &[&[&str]] =
    &[&["or"], &["and", "unless"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/"]];

/// Reads an expression as a whole.
pub fn read(text: &str) -> Result<Uses, String> {
    let mut reader = Reader { words: words(text)?, at: 0, uses: Uses::default() };
    let shape = reader.binary(0)?;
    if let Some(word) = reader.words.get(reader.at) {
        return Err(format!("{word:?} comes too much in {text}"));
    }
    if shape != Shape::Vector {
        return Err(format!("{text} is a {shape:?}, and a vector is wanted"));
    }
    Ok(reader.uses)
}

/// Splits into names, numbers with units, strings with their quotes, and operators.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            1 + rest[1..].find('"').ok_or("a string does not end")? + 1
        } else if first.is_alphanumeric() || first == '_' {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || (first.is_ascii_digit() && c == '.');
            rest.find(|c| !is_part(c)).unwrap_or(rest.len())
        } else if ["==", "!=", "<=", ">=", "=~", "!~"].iter().any(|two| rest.starts_with(two)) {
            2
        } else if "(){}[],=<>+-*/".contains(first) {
            1
        } else {
            return Err(format!("{first:?} is not known"));
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

struct Reader {
    words: Vec<String>,
    at: usize,
    uses: Uses,
}

impl Reader {
    fn next_is(&self, word: &str) -> bool {
        self.words.get(self.at).is_some_and(|next| next == word)
    }

    fn take_if(&mut self, word: &str) -> bool {
        let is = self.next_is(word);
        self.at += usize::from(is);
        is
    }

    fn take(&mut self) -> Result<String, String> {
        self.at += 1;
        self.words.get(self.at - 1).cloned().ok_or_else(|| "the expression breaks off".to_owned())
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        let taken = self.take()?;
        if taken == word { Ok(()) } else { Err(format!("{word:?} is wanted, not {taken:?}")) }
    }

    fn binary(&mut self, level: usize) -> Result<Shape, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.part() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.next_is(operator)) {
            self.at += 1;
            let matched = self.matching()?;
            let right = self.binary(level + 1)?;
            if left == Shape::Range || right == Shape::Range {
                return Err(format!("a range stands beside {operator:?}"));
            }
            let both = left == Shape::Vector && right == Shape::Vector;
            if (level < 2 || matched) && !both {
                return Err(format!("{operator:?} wants a vector on both sides here"));
            }
            left = if left == Shape::Scalar { right } else { left };
        }
        Ok(left)
    }

    /// `on (a, b)` or `ignoring (a, b)` behind an operator.
    fn matching(&mut self) -> Result<bool, String> {
        let matched = self.take_if("on") || self.take_if("ignoring");
        if matched {
            self.labels()?;
        }
        Ok(matched)
    }

    /// `(a, b)`.
    fn labels(&mut self) -> Result<(), String> {
        self.expect("(")?;
        loop {
            let label = self.name()?;
            self.uses.grouping.push(label);
            if !self.take_if(",") {
                return self.expect(")");
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let word = self.take()?;
        let begins = word.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if begins { Ok(word) } else { Err(format!("a name is wanted, not {word:?}")) }
    }

    fn part(&mut self) -> Result<Shape, String> {
        if self.take_if("(") {
            let shape = self.binary(0)?;
            self.expect(")")?;
            return Ok(shape);
        }
        if self.words.get(self.at).is_some_and(|word| word.parse::<f64>().is_ok()) {
            self.at += 1;
            return Ok(Shape::Scalar);
        }
        let name = self.name()?;
        if AGGREGATIONS.contains(&name.as_str()) {
            return self.aggregation();
        }
        if let Some((_, wanted, given)) = FUNCTIONS.iter().find(|(function, ..)| *function == name) {
            return self.call(&name, wanted, *given);
        }
        self.selector(name)
    }

    fn aggregation(&mut self) -> Result<Shape, String> {
        if self.take_if("by") || self.take_if("without") {
            self.labels()?;
        }
        self.expect("(")?;
        let shape = self.binary(0)?;
        self.expect(")")?;
        if shape == Shape::Vector { Ok(shape) } else { Err("an aggregation wants a vector".to_owned()) }
    }

    fn call(&mut self, name: &str, wanted: &[Shape], given: Shape) -> Result<Shape, String> {
        self.expect("(")?;
        for (place, want) in wanted.iter().enumerate() {
            if place > 0 {
                self.expect(",")?;
            }
            let shape = self.binary(0)?;
            if shape != *want {
                return Err(format!("{name} wants a {want:?}, not a {shape:?}"));
            }
        }
        self.expect(")")?;
        Ok(given)
    }

    fn selector(&mut self, name: String) -> Result<Shape, String> {
        let mut labels = Vec::new();
        if self.take_if("{") {
            while !self.take_if("}") {
                labels.push(self.name()?);
                let operator = self.take()?;
                let value = self.take()?;
                if !["=", "!=", "=~", "!~"].contains(&operator.as_str()) || !value.starts_with('"') {
                    return Err(format!("{operator} {value} is no condition on a label"));
                }
                if !self.take_if(",") && !self.next_is("}") {
                    return Err("conditions on labels are parted by commas".to_owned());
                }
            }
        }
        self.uses.selectors.push((name, labels));
        let range = self.take_if("[");
        if range {
            self.span()?;
            self.expect("]")?;
        }
        if self.take_if("offset") {
            self.span()?;
        }
        Ok(if range { Shape::Range } else { Shape::Vector })
    }

    /// A span such as `5m`.
    fn span(&mut self) -> Result<(), String> {
        let word = self.take()?;
        let (digits, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len()));
        let is_span = !digits.is_empty() && ["s", "m", "h", "d"].contains(&unit);
        if is_span { Ok(()) } else { Err(format!("{word:?} is no span such as 5m")) }
    }
}

#[test]
fn what_prometheus_reads_is_read() {
    let uses = read(
        "sum by (a, le) (rate(x_bucket{b=\"1\", c=~\"2|3\"}[5m])) / on (a) (y offset 1h) > 0.5 or vector(1)",
    )
    .expect("it is right");
    assert_eq!(
        uses.selectors,
        [("x_bucket".to_owned(), vec!["b".to_owned(), "c".to_owned()]), ("y".to_owned(), vec![])]
    );
    assert_eq!(uses.grouping, ["a", "le", "a"]);
}

#[test]
fn what_prometheus_refuses_is_refused() {
    for wrong in [
        "",
        "1",
        "x[5m]",
        "rate(x)",
        "rate(x[5])",
        "rate(x[5m]",
        "sum(x[5m])",
        "sum by a (x)",
        "x{a=1}",
        "x{a=\"1\" b=\"2\"}",
        "x{a>\"1\"}",
        "x and 1",
        "x ==",
        "x y",
        "x > on (a) 1",
        "no_such_function(x)",
        "\"text\"",
        "x & y",
        "histogram_quantile(x, 0.9)",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
