//! The kernel's settings of a network namespace, the files under `/proc/sys/net`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use netwright_wire::{Errno, text};

use crate::{Cause, Error, Namespace, Result};

/// The settings of one network namespace.
///
/// A key is given as its components below `net`, so that a dot in an interface's name is nothing special:
/// `["ipv4", "conf", "eth0.5", "forwarding"]`.
#[derive(Clone, Debug)]
pub struct Sysctl {
    namespace: Namespace,
}

impl Sysctl {
    /// The settings of this namespace.
    #[must_use]
    pub fn new(namespace: &Namespace) -> Self {
        Sysctl { namespace: namespace.clone() }
    }

    /// Reads a value, without the white space around it.
    pub fn read(&self, key: &[&str]) -> Result<String> {
        let text = self.at(key, "read", fs::read_to_string)?;
        Ok(text.trim().to_owned())
    }

    /// Reads a value and parses it.
    pub fn read_as<T: FromStr>(&self, key: &[&str]) -> Result<T> {
        let text = self.read(key)?;
        text.parse().map_err(|_| {
            let what = format!("its value «{text}» is not of the expected form");
            Error::new(sentence("read", key), Cause::Invalid(what))
        })
    }

    /// Writes a value.
    pub fn write(&self, key: &[&str], value: impl ToString) -> Result<()> {
        let value = value.to_string();
        self.at(key, "write", |path| File::options().write(true).open(path)?.write_all(value.as_bytes()))
    }

    /// Does something with a key's file. The kernel shows each thread the files of its own namespace.
    fn at<T: Send>(
        &self,
        key: &[&str],
        verb: &str,
        action: impl FnOnce(PathBuf) -> std::io::Result<T> + Send,
    ) -> Result<T> {
        let path = path_of(key).map_err(|cause| Error::new(sentence(verb, key), cause))?;
        let result = match self.namespace.is_current() {
            true => action(path),
            false => self.namespace.run(|| action(path))?,
        };
        result.map_err(|error| {
            let error = Error::new(sentence(verb, key), error);
            match error.errno() {
                Some(Errno::ENOENT) => {
                    error.with_help("A setting appears with its interface, or with its kernel module.")
                }
                Some(Errno::EINVAL) => error.with_help("The kernel does not take this value for it."),
                _ => error,
            }
        })
    }
}

fn sentence(verb: &str, key: &[&str]) -> String {
    format!("{verb} the setting net/{}", key.join("/"))
}

fn path_of(key: &[&str]) -> std::result::Result<PathBuf, Cause> {
    let wrong = |part: &&str| matches!(*part, "" | "." | "..") || part.contains(['/', '\0']);
    if key.is_empty() || key.iter().any(wrong) {
        return Err(Cause::Invalid("a key's components are not empty and contain no «/»".into()));
    }
    let mut path = PathBuf::from("/proc/sys/net");
    key.iter().for_each(|part| path.push(OsStr::from_bytes(&text::to_bytes(part))));
    Ok(path)
}

#[cfg(test)]
mod tests;
