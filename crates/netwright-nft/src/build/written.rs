//! What can be written in the language: the builder takes no more, or what is listed could not be read again, and a comment
//! could pretend to be rules.

use std::time::Duration;

use super::Invalid;
use crate::syntax::is_name;

/// The most bytes of a comment.
const MAXIMUM_COMMENT: usize = 128;
/// The most bytes of a name (`NFT_NAME_MAXLEN`, without the NUL).
const MAXIMUM_NAME: usize = 255;

/// A text between double quotes, which the language cannot write within.
pub(super) fn text(what: &str, text: &str) -> Result<(), Invalid> {
    match text.chars().find(|&c| c == '"' || c.is_control()) {
        Some(odd) => Err(Invalid::new(format!("{odd:?} cannot be part of {what}"))),
        None => Ok(()),
    }
}

pub(super) fn comment(comment: Option<&String>) -> Result<(), Invalid> {
    let Some(comment) = comment else { return Ok(()) };
    if comment.len() > MAXIMUM_COMMENT {
        return Err(Invalid::new(format!("a comment has at most {MAXIMUM_COMMENT} bytes")));
    }
    text("a comment", comment)
}

/// The name of a table, chain, set or object that is to be made.
pub(super) fn name(noun: &str, name: &str) -> Result<(), Invalid> {
    let why = match name.len() {
        0 => "it is empty".to_owned(),
        length if length > MAXIMUM_NAME => format!("it has {length} bytes, and {MAXIMUM_NAME} are the most"),
        _ if !is_name(name) => "the language has another meaning for it, or cannot write it: letters, digits, `_`, `-`, `.` and `/` \
                                make a name that begins with a letter"
            .to_owned(),
        _ => return Ok(()),
    };
    Err(Invalid::new(format!("{name:?} is no name of a {noun}: {why}")))
}

/// The name of something that is to be made, and the comment on it.
pub(super) fn named(noun: &str, name: &str, comment: Option<&String>) -> Result<(), Invalid> {
    self::name(noun, name)?;
    self::comment(comment)
}

/// A time in milliseconds, the kernel's unit of timeouts, for which none is 0.
pub(super) fn milliseconds(duration: Duration) -> Result<u64, Invalid> {
    match u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) {
        0 => Err(Invalid::new(format!(
            "a timeout of {duration:?} would be none: it has at least a millisecond"
        ))),
        milliseconds => Ok(milliseconds),
    }
}
