//! The tokens file: who may call, under which name and in which role.

use std::collections::BTreeMap;
use std::fmt;

use ringmain_routing::limits::NAME_BYTES_MAX;

use crate::problem::Problems;
use crate::section::{self, Section};
use crate::shape::{Field, Kind, Need, Shape};

/// Most tokens of one file.
pub const TOKENS_MAX: usize = 200_000;
/// Longest token.
pub const TOKEN_BYTES_MAX: usize = 256;
/// Shortest token: shorter ones can be guessed.
pub const TOKEN_BYTES_MIN: usize = 16;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenRole {
    /// Brings contacts; the token's name is the gateway's name.
    Gateway,
    /// Serves contacts; the token's name is the login.
    Operator,
    /// Sees queues, operators, contacts and events.
    Supervisor,
    /// Changes the plan and the cluster; may all that a supervisor may.
    Admin,
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// Gateway name, login or a name for the audit.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
}

/// All tokens of a cluster.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    holders: BTreeMap<String, TokenHolder>,
}

/// The fields of the file.
pub static FILE: Shape = Shape {
    doc: "Who may call the cluster.",
    exactly_one: false,
    fields: &[Field {
        name: "tokens",
        kind: Kind::List(&Kind::Table(&TOKEN), TOKENS_MAX),
        need: Need::Required,
        doc: "The tokens.",
    }],
};

static TOKEN: Shape = Shape {
    doc: "A token and whom it stands for.",
    exactly_one: false,
    fields: &[
        Field { name: "token", kind: Kind::Text(TOKEN_BYTES_MAX), need: Need::Required, doc: "The secret." },
        Field {
            name: "name",
            kind: Kind::Text(NAME_BYTES_MAX),
            need: Need::Required,
            doc: "Gateway name, operator login or a name for the audit.",
        },
        Field {
            name: "role",
            kind: Kind::Choice(&["gateway", "operator", "supervisor", "admin"]),
            need: Need::Required,
            doc: "What the holder may do.",
        },
    ],
};

impl TokenRole {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TokenRole::Gateway => "gateway",
            TokenRole::Operator => "operator",
            TokenRole::Supervisor => "supervisor",
            TokenRole::Admin => "admin",
        }
    }

    fn from_word(word: &str) -> Option<TokenRole> {
        [TokenRole::Gateway, TokenRole::Operator, TokenRole::Supervisor, TokenRole::Admin]
            .into_iter()
            .find(|role| role.word() == word)
    }
}

impl Tokens {
    /// Reads the file's text; `source` is its name for errors.
    ///
    /// # Errors
    /// Every problem of the file. A token itself never stands in an error.
    pub fn parse(source: &str, text: &str) -> Result<Tokens, Problems> {
        section::parse(source, text, &FILE, |file, sink| {
            let mut tokens = Tokens::default();
            for entry in file.sections("tokens") {
                if let Some((token, holder)) = read(&entry) {
                    let span = entry.span_of("token");
                    if token.len() < TOKEN_BYTES_MIN {
                        let message = format!("is shorter than {TOKEN_BYTES_MIN} bytes and could be guessed");
                        sink.add(&span, &entry.path_of("token"), message);
                    }
                    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                        sink.add(
                            &span,
                            &entry.path_of("token"),
                            "may hold printable ASCII without spaces only",
                        );
                    }
                    if tokens.holders.insert(token, holder).is_some() {
                        sink.add(&span, &entry.path_of("token"), "stands twice in the file");
                    }
                }
            }
            tokens
        })
    }

    /// Whom the token stands for.
    #[must_use]
    pub fn holder(&self, token: &str) -> Option<&TokenHolder> {
        self.holders.get(token)
    }

    /// Tokens with their holders.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TokenHolder)> {
        self.holders.iter().map(|(token, holder)| (token.as_str(), holder))
    }
}

/// Without the tokens, so that none reaches a log.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.holders.values()).finish()
    }
}

fn read(entry: &Section<'_>) -> Option<(String, TokenHolder)> {
    let token = entry.text("token")?.value.to_owned();
    let role = TokenRole::from_word(entry.word("role"))?;
    Some((token, TokenHolder { name: entry.text("name")?.value.to_owned(), role }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_holder_and_role() {
        let text = "tokens = [{ token = \"0123456789abcdef\", name = \"sip-1\", role = \"gateway\" }]";
        let tokens = Tokens::parse("tokens.toml", text).unwrap();
        let holder = TokenHolder { name: "sip-1".into(), role: TokenRole::Gateway };
        assert_eq!(tokens.holder("0123456789abcdef"), Some(&holder));
        assert_eq!(tokens.holder("another"), None);
        assert!(!format!("{tokens:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn short_double_and_roleless_tokens_are_all_listed_without_showing_them() {
        let text = "[[tokens]]\ntoken = \"secret\"\nname = \"a\"\nrole = \"admin\"\n\
                    [[tokens]]\ntoken = \"secret\"\nname = \"b\"\nrole = \"admn\"\n\
                    [[tokens]]\ntoken = \"secret\"\nname = \"c\"\nrole = \"admin\"\n";
        let problems = Tokens::parse("tokens.toml", text).unwrap_err();
        let lines: Vec<usize> = problems.list.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 8, 10, 10], "{problems}");
        assert!(!problems.to_string().contains("secret"));
    }
}
