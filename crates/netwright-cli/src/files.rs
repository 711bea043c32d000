//! Reading files: host files, rulesets and what they include.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use netwright_nft::syntax::Loader;

use crate::failure::{Failure, reason};

mod glob;

/// What standard input is called in messages.
pub(crate) const STDIN: &str = "<stdin>";

/// A text that was named on the command line, with its name for messages; `-` is standard input.
pub(crate) fn read_argument(path: &Path) -> Result<(String, String), Failure> {
    let (name, text) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        (STDIN.to_owned(), read.map_err(|error| reason(&error)).and_then(|_| utf8(bytes)))
    } else {
        (path.display().to_string(), read(path))
    };
    match text {
        Ok(text) => Ok((name, text)),
        Err(reason) => Err(Failure::said(format!("cannot read {name}: {reason}"))),
    }
}

/// The text of a file, or the end of a sentence that says why there is none.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read(path).map_err(|error| reason(&error)).and_then(utf8)
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|&&byte| byte == b'\n').count() + 1;
        format!("it is not UTF-8 text (line {line})")
    })
}

/// Why a file that was named on the command line could not be written: `what` says what was to be in it.
pub(crate) fn unwritable(what: &str, path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".into(),
        _ => reason(error),
    };
    Failure::said(format!("cannot write {what} {}: {reason}", path.display()))
}

/// Finds what `include` names.
#[derive(Clone, Debug)]
pub(crate) struct Includes {
    /// Where names that begin with `./` start: beside the file that has the `include`, or in the current directory.
    pub(crate) beside: bool,
    /// Directories to search for other relative names, before the one of the file that has the `include`.
    pub(crate) directories: Vec<PathBuf>,
}

impl Includes {
    /// As for a host file: what is beside the including file comes first.
    pub(crate) fn beside() -> Self {
        Includes { beside: true, directories: Vec::new() }
    }

    /// The directories in which a name is looked for, in order.
    fn places(&self, pattern: &str, from: &str) -> Vec<PathBuf> {
        let own = Path::new(from).parent().unwrap_or(Path::new("")).to_owned();
        if pattern.starts_with('/') {
            return vec![PathBuf::new()];
        }
        if pattern.starts_with("./") || pattern.starts_with("../") {
            return vec![if self.beside { own } else { PathBuf::new() }];
        }
        let searched = self.directories.iter().cloned().chain([PathBuf::from("/etc")]);
        let mut places: Vec<PathBuf> = if self.beside { vec![own.clone()] } else { Vec::new() };
        places.extend(searched);
        if !self.beside {
            places.push(own);
        }
        places
    }
}

impl Loader for Includes {
    fn load(&mut self, pattern: &str, from: &str) -> Result<Vec<(String, String)>, String> {
        let name = |path: &Path| path.display().to_string();
        for place in self.places(pattern, from) {
            if !glob::is_pattern(pattern) {
                let path = place.join(pattern);
                match fs::metadata(&path) {
                    Ok(_) => return Ok(vec![(name(&path), read(&path)?)]),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(reason(&error)),
                }
            }
            let paths = glob::find(&place, pattern);
            if !paths.is_empty() {
                return paths.iter().map(|path| Ok((name(path), read(path)?))).collect();
            }
        }
        if glob::is_pattern(pattern) { Ok(Vec::new()) } else { Err("there is no such file".into()) }
    }
}

#[cfg(test)]
mod tests;
