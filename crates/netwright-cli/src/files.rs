//! Reading files: host files, rulesets and what they include.

use std::io;
use std::path::Path;

pub(crate) use netwright::nft::{Includes, read_text as read};
use netwright::nft::{read_named, read_standard_input, utf8_text};
use netwright_nft::syntax::Loader;

use crate::failure::{Failure, reason};

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "<stdin>";

/// A text that was named on the command line, with its name for messages; `-` is standard input.
pub(crate) fn read_argument(path: &Path) -> Result<(String, String), Failure> {
    let (name, bytes) = read_bytes(path)?;
    match utf8_text(bytes) {
        Ok(text) => Ok((name, text)),
        Err(reason) => Err(Failure::said(format!("cannot read {name}: {reason}"))),
    }
}

/// As [`read_argument`], for texts in nft's language: their names and comments may have bytes that are not UTF-8.
pub(crate) fn read_script(path: &Path) -> Result<(String, String), Failure> {
    let (name, bytes) = read_bytes(path)?;
    Ok((name, netwright_wire::text::from_bytes(&bytes).into_owned()))
}

fn read_bytes(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let (name, bytes) = if path == Path::new("-") {
        (STDIN.to_owned(), read_standard_input())
    } else {
        (path.display().to_string(), read_named(path))
    };
    bytes
        .map(|bytes| (name.clone(), bytes))
        .map_err(|reason| Failure::said(format!("cannot read {name}: {reason}")))
}

/// The texts of a file, or of all `*.toml` of a folder in the order of their names.
pub(crate) fn read_arguments(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    if !path.is_dir() {
        return Ok(vec![read_argument(path)?]);
    }
    let unreadable = |error: &io::Error| {
        Failure::said(format!("cannot read the folder {}: {}", path.display(), reason(error)))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unreadable(&error))? {
        let file = entry.map_err(|error| unreadable(&error))?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && file.extension().is_some_and(|end| end == "toml") && !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Failure::said(format!("there is no *.toml in the folder {}", path.display())));
    }
    files.sort();
    files.iter().map(|file| read_argument(file)).collect()
}

/// Where the texts come from that a host file names.
#[derive(Clone, Debug)]
pub(crate) enum Files {
    /// From the disk.
    Disk,
    /// From what was kept, with the names that the files had.
    Kept(Vec<(String, String)>),
}

impl Files {
    /// The text of a file.
    pub(crate) fn read(&mut self, path: &str) -> Result<String, String> {
        match self {
            Files::Disk => read(Path::new(path)),
            Files::Kept(texts) => {
                let found = texts.iter().find(|(name, _)| name == path);
                found.map(|(_, text)| text.clone()).ok_or_else(|| "it was not kept".to_owned())
            }
        }
    }
}

impl Loader for Files {
    fn load(&mut self, pattern: &str, from: &str) -> Result<Vec<(String, String)>, String> {
        let Files::Kept(texts) = self else { return Includes::beside().load(pattern, from) };
        let own = Path::new(from).parent().unwrap_or(Path::new(""));
        let is_pattern = pattern.contains(['*', '?', '[']);
        for place in [own, Path::new("/etc"), Path::new("")] {
            let whole = place.join(pattern).to_string_lossy().into_owned();
            let mut found: Vec<_> = texts.iter().filter(|(name, _)| matches(&whole, name)).cloned().collect();
            found.dedup();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if is_pattern { Ok(Vec::new()) } else { Err("it was not kept".to_owned()) }
    }
}

/// Whether a name fits a pattern with `*` and `?`, which stand for no slash; of `[]` any one character is taken.
fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('*') => {
            let end = name.find('/').unwrap_or(name.len());
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]).take_while(|at| *at <= end);
            let rest = letters.as_str();
            ends.into_iter().any(|at| name.get(at..).is_some_and(|name| matches(rest, name)))
        }
        Some(letter) => {
            let rest = match letter {
                '[' => letters.as_str().split_once(']').map_or(letters.as_str(), |(_, rest)| rest),
                _ => letters.as_str(),
            };
            let mut name = name.chars();
            let fits = name
                .next()
                .is_some_and(|other| other == letter || (matches!(letter, '?' | '[') && other != '/'));
            fits && matches(rest, name.as_str())
        }
    }
}

/// Why a file that was named on the command line could not be written: `what` says what was to be in it.
pub(crate) fn unwritable(what: &str, path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".into(),
        _ => reason(error),
    };
    Failure::said(format!("cannot write {what} {}: {reason}", path.display()))
}
