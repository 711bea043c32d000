//! The rows of the tables, found in the source text.
//!
//! A row of `attrs!` carries the header's name of its constant. A row of `open_enum!` or `open_flags!` has one where
//! it says so in `#[doc(alias = "NFT_META_LEN")]`, or where the type's documentation names the common start of its
//! constants, «Keys of the meta expression (`NFT_META_*`)», or their enumeration, «(`enum nft_meta_keys`)».

mod lex;

use std::path::{Path, PathBuf};

use lex::{Token, tokens};

/// One row of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The file that has it.
    pub(crate) file: PathBuf,
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its constant's name in the kernel headers.
    pub(crate) name: Name,
    /// Its number.
    pub(crate) value: i128,
}

/// How a row names its constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// In full.
    Full(String),
    /// Without the start that all members of an enumeration have.
    Member {
        /// The enumeration.
        enumeration: String,
        /// The rest of the name.
        rest: String,
    },
    /// Not at all.
    Nowhere,
}

impl Row {
    /// File and line.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// All rows of all tables of a file.
pub(crate) fn rows(file: &Path, text: &str) -> Vec<Row> {
    let tokens = tokens(text);
    let mut rows = Vec::new();
    for (at, _) in tokens.iter().enumerate() {
        let [(_, Token::Word(table)), (_, Token::Sign('!')), (_, Token::Sign('{')), ..] = tokens[at..] else {
            continue;
        };
        if ["attrs", "open_enum", "open_flags"].contains(&table) {
            let found = block(&tokens[at + 3..], table == "attrs");
            rows.extend(found.map(|(line, name, value)| Row { file: file.to_owned(), line, name, value }));
        }
    }
    rows
}

/// The rows of one table, whose tokens start behind its opening brace.
fn block<'a>(
    tokens: &'a [(usize, Token<'a>)],
    named: bool,
) -> impl Iterator<Item = (usize, Name, i128)> + 'a {
    let mut depth = 1;
    let (mut start, mut alias) = (None, None);
    let mut at = 0;
    std::iter::from_fn(move || {
        while depth > 0 {
            let rest = tokens.get(at..).filter(|rest| !rest.is_empty())?;
            at += 1;
            match rest {
                [(_, Token::Sign('{')), ..] => depth += 1,
                [(_, Token::Sign('}')), ..] => depth -= 1,
                [(_, Token::Doc(doc)), ..] if depth == 1 => start = common_start(doc).or(start),
                [(_, Token::Word("alias")), (_, Token::Sign('=')), (_, Token::Text(name)), ..] => {
                    alias = Some((*name).to_owned());
                }
                [(line, Token::Word(name)), (_, Token::Sign('=')), (_, Token::Number(number)), rest @ ..] => {
                    let value = match rest {
                        [(_, Token::Sign('<')), (_, Token::Sign('<')), (_, Token::Number(by)), ..] => {
                            number << by
                        }
                        _ => *number,
                    };
                    let rest = (*name).to_owned();
                    let name = match (alias.take(), start) {
                        _ if named => Name::Full(rest),
                        (Some(alias), _) => Name::Full(alias),
                        (None, Some(Start::Prefix(prefix))) => Name::Full(format!("{prefix}{rest}")),
                        (None, Some(Start::Of(enumeration))) => {
                            Name::Member { enumeration: enumeration.to_owned(), rest }
                        }
                        (None, None) => Name::Nowhere,
                    };
                    return Some((*line, name, value));
                }
                _ => {}
            }
            if depth == 1 && matches!(rest, [(_, Token::Sign('}')), ..]) {
                start = None;
            }
        }
        None
    })
}

/// What a type's documentation says about the start of its constants.
#[derive(Clone, Copy)]
enum Start<'a> {
    /// It is this.
    Prefix(&'a str),
    /// It is that of this enumeration.
    Of(&'a str),
}

/// `NFT_META_` of «(`NFT_META_*`)», or `nft_meta_keys` of «(`enum nft_meta_keys`)».
fn common_start(doc: &str) -> Option<Start<'_>> {
    let mut quoted = doc.split('`').skip(1).step_by(2);
    quoted.find_map(|name| match (name.strip_suffix("_*"), name.strip_prefix("enum ")) {
        (Some(prefix), _) => Some(Start::Prefix(name.get(..=prefix.len())?)),
        (None, Some(enumeration)) => Some(Start::Of(enumeration)),
        (None, None) => None,
    })
}

#[cfg(test)]
mod tests;
