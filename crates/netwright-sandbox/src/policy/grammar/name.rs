//! Names and patterns of names.

use super::punycode::ascii;
use super::{Fault, Piece, Read, Target};
use crate::policy::NamePattern;

/// The longest name that DNS carries, in bytes (RFC 1035, section 2.3.4), and the longest of its labels.
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Reads a name or `*.` before one.
pub(super) fn pattern(text: Piece<'_>) -> Read<Target> {
    let star = text.text.starts_with("*.");
    let parent = if star { text.from(2) } else { text };
    if let Some(at) = parent.text.find('*') {
        return Err(stray_star(text, parent.part(at..at + 1)));
    }
    let name = exact(parent)?;
    Ok(Target::Name(if star { NamePattern::Below(name) } else { NamePattern::Exact(name) }))
}

/// Reads a name as it is compared: in lower case, without the last dot.
///
/// # Errors
/// What is wrong with it, as a sentence without a full stop.
#[cfg(feature = "file")]
pub(crate) fn name(text: &str) -> Result<String, String> {
    exact(Piece { text, start: 0 }).map_err(|fault| fault.message)
}

fn exact(text: Piece<'_>) -> Read<String> {
    let name = text.before(text.text.strip_suffix('.').unwrap_or(text.text).len());
    if name.text.is_empty() {
        return Err(text.fault("a name is missing"));
    }
    let mut start = 0;
    for label in name.text.split('.') {
        check_label(name.part(start..start + label.len()), name)?;
        start += label.len() + 1;
    }
    if name.text.len() > LONGEST {
        return Err(name.fault(format!("the name is {} bytes long: DNS carries {LONGEST}", name.text.len())));
    }
    let last = name.text.rsplit('.').next().unwrap_or("");
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(name.fault(format!("`{}` is neither a name nor an address", name.text)));
    }
    Ok(name.text.to_ascii_lowercase())
}

fn check_label(label: Piece<'_>, name: Piece<'_>) -> Read<()> {
    let text = label.text;
    if text.is_empty() {
        let fault = name.fault("a name has something between its dots");
        return Err(match name.text.strip_prefix('.') {
            Some(parent) if !parent.starts_with('.') => {
                fault.help(format!("Write `*.{parent}` for all names below."))
            }
            _ => fault,
        });
    }
    if !text.is_ascii() {
        let fault = name.fault("names are written as DNS has them, in ASCII");
        return Err(match ascii(name.text) {
            Some(ascii) => fault.help(format!("Write `{ascii}`.")),
            None => fault.help("Write its `xn--` form."),
        });
    }
    if let Some(at) = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
        let bad = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let fault = label.part(at..at + bad.len_utf8()).fault(format!("a name has no `{bad}` in it"));
        return Err(match bad {
            '@' => fault.help("A rule has no user: write what follows `@`."),
            ',' => fault.help("Give each rule on its own."),
            _ => fault,
        });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(label.fault("a part of a name neither begins nor ends with `-`"));
    }
    if text.len() > LONGEST_LABEL {
        return Err(
            label.fault(format!("a part of a name has at most {LONGEST_LABEL} bytes, not {}", text.len()))
        );
    }
    Ok(())
}

fn stray_star(whole: Piece<'_>, star: Piece<'_>) -> Fault {
    let fault = star.fault("`*` stands at the start only, for all names below");
    let text = whole.text;
    if text.bytes().all(|byte| b".*".contains(&byte)) {
        return fault.help("Write `any`.");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || b".*".contains(&byte)) {
        let fixed: Vec<&str> = text.split('.').take_while(|part| *part != "*").collect();
        let zeros = vec!["0"; 4_usize.saturating_sub(fixed.len())];
        let help = format!("Write `{}/{}`.", [fixed.clone(), zeros].concat().join("."), fixed.len() * 8);
        return fault.help(help);
    }
    let parent = text.rsplit('*').next().unwrap_or("").trim_start_matches(|c| c != '.');
    match parent.strip_prefix('.').filter(|parent| !parent.is_empty()) {
        Some(parent) => fault.help(format!("`*.{parent}` covers every depth.")),
        None => fault,
    }
}
