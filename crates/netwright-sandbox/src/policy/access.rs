//! Which files a command may read and write.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use netwright_sys::{Cause, Error, Result};

/// Which files a command may read and write. Where nothing is said, it may do what its user may.
///
/// Where something is, it reads the system ([`FileAccess::SYSTEM`]) and what is installed with the programs of its `PATH`, writes what is named, and has a `/tmp` and `/var/tmp` of
/// its own in memory. Everything else is not there, as if it did not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAccess {
    /// Files and directories that may be read, with all below them.
    pub read: Vec<PathBuf>,
    /// Files and directories that may be written, too.
    pub write: Vec<PathBuf>,
    /// The working directory may be written, and there is an empty home directory in memory.
    pub workspace: bool,
    /// Caches of tools in the home directory that may be written, by the tools' names ([`FileAccess::caches`]).
    pub caches: Vec<String>,
}

/// A tool's cache: its name, what may be written of it, and what may be read, below the home directory.
type Cache = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Programs that a command leaves in a cache are run by nobody, as far as the tools go: directories of programs and settings are read only.
const CACHES: &[Cache] = &[
    (
        "cargo",
        &[".cargo/registry", ".cargo/git", ".cargo/.package-cache"],
        &[".cargo/bin", ".cargo/env", ".cargo/config.toml", ".rustup"],
    ),
    ("npm", &[".npm"], &[".npmrc"]),
    ("yarn", &[".cache/yarn"], &[".yarnrc", ".yarnrc.yml"]),
    ("pnpm", &[".local/share/pnpm/store"], &[".npmrc"]),
    ("pip", &[".cache/pip"], &[".config/pip", ".pip"]),
    ("uv", &[".cache/uv"], &[".config/uv"]),
    ("go", &["go/pkg/mod", ".cache/go-build"], &[".config/go"]),
    ("gradle", &[".gradle/caches", ".gradle/wrapper"], &[".gradle/gradle.properties"]),
    ("maven", &[".m2/repository"], &[".m2/settings.xml"]),
    ("ccache", &[".cache/ccache"], &[".config/ccache"]),
];

impl FileAccess {
    /// What every command may read: programs, libraries, settings, and the kernel's own file systems.
    pub const SYSTEM: [&str; 14] = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu",
        "/proc", "/sys", "/dev",
    ];
    /// Directories for files of a moment, of which the command has its own.
    const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

    /// The names of tools whose caches are known.
    pub fn caches() -> impl Iterator<Item = &'static str> {
        CACHES.iter().map(|(name, ..)| *name)
    }

    /// Whether anything is said.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.workspace || !self.read.is_empty() || !self.write.is_empty() || !self.caches.is_empty()
    }
}

/// What surrounds a command, by which the paths of a [`FileAccess`] are understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Its working directory.
    pub directory: PathBuf,
    /// The home directory of its user, where it has one.
    pub home: Option<PathBuf>,
    /// The directories in which it looks for programs.
    pub programs: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let programs = std::env::var_os("PATH").unwrap_or_default();
        Surroundings {
            directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
            home: std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()),
            programs: std::env::split_paths(&programs).filter(|path| path.is_absolute()).collect(),
        }
    }

    /// Where the programs of `PATH` are with what belongs to them: within the home directory, what a directory of programs lies in, but for those in which
    /// there are other things, too.
    fn installed(&self) -> Vec<PathBuf> {
        let mut places = Vec::new();
        for programs in &self.programs {
            let home = self.home.as_deref().filter(|home| programs.starts_with(home));
            let (Some(home), Some(above)) = (home, programs.parent()) else {
                places.push(programs.clone());
                continue;
            };
            let shared = [
                (home.to_owned(), None),
                (home.join(".local"), Some(home.join(".local/lib"))),
                (home.join(".cargo"), Some(home.join(".rustup"))),
            ];
            match shared.into_iter().find(|(place, _)| above == place) {
                Some((_, beside)) => places.extend([programs.clone()].into_iter().chain(beside)),
                None => places.push(above.to_owned()),
            }
        }
        places
    }

    /// A path as it was written: `~` is the home directory, and other paths begin at the working directory.
    #[must_use]
    pub fn whole(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.directory.join(path),
        }
    }
}

/// What of the files may be used, by paths without links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
    /// What the command has of its own, in memory.
    private: BTreeSet<PathBuf>,
    /// What leads to those: links.
    links: BTreeSet<PathBuf>,
}

/// Why a file may be used, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usable {
    /// It may be written, by this.
    Written(PathBuf),
    /// It may be read, by this.
    Read(PathBuf),
    /// The command has its own, in memory.
    Private(PathBuf),
    /// It is not there for it.
    Hidden,
}

impl fmt::Display for Usable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Usable::Written(by) => write!(f, "may be read and written ({})", by.display()),
            Usable::Read(by) => write!(f, "may be read and not written ({})", by.display()),
            Usable::Private(by) => write!(f, "is the command's own, in memory ({})", by.display()),
            Usable::Hidden => {
                f.write_str("is not there for the command: nothing that may be read or written covers it")
            }
        }
    }
}

impl Access {
    /// What a description means here. `sockets` are reachable as well.
    ///
    /// # Errors
    /// A path that was named is not there, or the working directory is one that a workspace cannot be.
    pub fn new(files: &FileAccess, around: &Surroundings, sockets: &[PathBuf]) -> Result<Self> {
        let mut access = Access::default();
        for path in FileAccess::SYSTEM.iter().map(PathBuf::from).chain(around.installed()) {
            access.may_read(&path);
        }
        sockets.iter().for_each(|path| access.may_read(path));
        ["/etc/resolv.conf", "/etc/hosts"].iter().for_each(|path| access.may_read(Path::new(path)));
        for path in &files.read {
            existing(&around.whole(path), "read")?;
            access.may_read(&around.whole(path));
        }
        for path in &files.write {
            existing(&around.whole(path), "written")?;
            access.may_write(&around.whole(path));
        }
        for name in &files.caches {
            access.cache(name, around)?;
        }
        if files.workspace {
            access.workspace(around)?;
        }
        for temporary in FileAccess::TEMPORARY {
            let path = PathBuf::from(temporary);
            let is_named = |set: &BTreeSet<PathBuf>| set.contains(&path);
            if path.is_dir() && !is_named(&access.read) && !is_named(&access.write) {
                access.private.insert(path);
            }
        }
        Ok(access)
    }

    fn workspace(&mut self, around: &Surroundings) -> Result<()> {
        let refused = |why: &str| {
            let asked = format!("take {} for a workspace", around.directory.display());
            Err(Error::new(asked, Cause::Invalid(why.into())).with_help(
                "Change into the directory of the work, or name what may be written with --write.",
            ))
        };
        let directory = fs::canonicalize(&around.directory)
            .map_err(|error| Error::new("find the working directory", error))?;
        let home = around.home.as_ref().and_then(|home| fs::canonicalize(home).ok());
        if home.as_ref().is_some_and(|home| home.starts_with(&directory)) {
            return refused(
                "it is the home directory, or has it in it: everything of the user's could be written",
            );
        }
        if directory == Path::new("/") {
            return refused("it is the whole system");
        }
        self.may_write(&directory);
        self.private.extend(home);
        Ok(())
    }

    fn cache(&mut self, name: &str, around: &Surroundings) -> Result<()> {
        let asked = || format!("let the cache of {name} be written");
        let Some((_, write, read)) = CACHES.iter().find(|(known, ..)| *known == name) else {
            let known = FileAccess::caches().collect::<Vec<_>>().join(", ");
            return Err(Error::new(asked(), Cause::Invalid(format!("the known ones are {known}")))
                .with_help("Name the path of another one with --write."));
        };
        let Some(home) = &around.home else {
            return Err(Error::new(asked(), Cause::Invalid("there is no home directory (HOME)".into())));
        };
        let mut is_there = false;
        for path in write.iter().map(|path| home.join(path)).filter(|path| path.exists()) {
            self.may_write(&path);
            is_there = true;
        }
        for path in read.iter().map(|path| home.join(path)).filter(|path| path.exists()) {
            self.may_read(&path);
        }
        match is_there {
            true => Ok(()),
            false => {
                let first = write.first().map(|path| home.join(path)).unwrap_or_default();
                Err(Error::new(asked(), Cause::Invalid(format!("there is none at {}", first.display())))
                    .with_help("Make the directory first, or leave this out."))
            }
        }
    }

    fn may_read(&mut self, path: &Path) {
        if let Some(path) = self.follow(path) {
            self.read.insert(path);
        }
    }

    fn may_write(&mut self, path: &Path) {
        if let Some(path) = self.follow(path) {
            self.write.insert(path);
        }
    }

    /// Where a path leads, with the links on the way noted.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let end = fs::canonicalize(path).ok()?;
        let mut path = path.to_owned();
        // As many links as the kernel follows.
        for _ in 0..40 {
            let link = path.ancestors().collect::<Vec<_>>().into_iter().rev().find(|part| part.is_symlink());
            let Some(link) = link.map(Path::to_owned) else { break };
            let target = link.parent().unwrap_or(Path::new("/")).join(fs::read_link(&link).ok()?);
            let rest = path.strip_prefix(&link).map(Path::to_owned).unwrap_or_default();
            path = netwright_confine::plain_path(&target.join(rest));
            self.links.insert(link);
        }
        Some(end)
    }

    /// What may be done with a file, by its path without links.
    #[must_use]
    pub fn of(&self, path: &Path) -> Usable {
        let nearest = |set: &BTreeSet<PathBuf>| path.ancestors().find_map(|above| set.get(above)).cloned();
        let depth = |path: &Option<PathBuf>| path.as_ref().map_or(0, |path| path.as_os_str().len());
        let (read, write, private) = (nearest(&self.read), nearest(&self.write), nearest(&self.private));
        match (write, read, private) {
            (Some(write), _, private) if depth(&private) <= write.as_os_str().len() => Usable::Written(write),
            (_, Some(read), private) if depth(&private) <= read.as_os_str().len() => Usable::Read(read),
            (.., Some(private)) => Usable::Private(private),
            _ => Usable::Hidden,
        }
    }

    /// What may be written: what lies within another one comes after it.
    pub(crate) fn written(&self) -> impl Iterator<Item = &PathBuf> {
        self.write.iter()
    }

    /// What the command has of its own.
    pub(crate) fn private(&self) -> impl Iterator<Item = &PathBuf> {
        self.private.iter()
    }

    /// Whether a path may be read or written itself.
    pub(crate) fn leaves(&self, path: &Path) -> bool {
        !matches!(self.of(path), Usable::Hidden | Usable::Private(_))
    }

    /// Whether a path leads to something that may be used.
    pub(crate) fn leads_on(&self, path: &Path) -> bool {
        [&self.read, &self.write, &self.private, &self.links]
            .into_iter()
            .flatten()
            .any(|known| known.starts_with(path))
    }

    /// The directories that are covered, each with the names of the entries that stay: those that lie within others come later.
    pub(crate) fn covers(&self) -> io::Result<Vec<(PathBuf, Vec<String>)>> {
        let stays: BTreeSet<&PathBuf> =
            [&self.read, &self.write, &self.links].into_iter().flatten().collect();
        let root = Path::new("/");
        let mut covers = Vec::new();
        if !stays.contains(&root.to_owned()) {
            for entry in fs::read_dir(root)?.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    cover(&entry.path(), &stays, &self.private, &mut covers);
                }
            }
        }
        // What is the command's own is covered even within what may be read.
        for private in &self.private {
            if !covers.iter().any(|(covered, _)| covered == private) {
                cover(private, &stays, &self.private, &mut covers);
            }
        }
        covers.sort();
        Ok(covers)
    }

    /// Files beside the directories of the system, which are hidden one by one.
    pub(crate) fn hidden_files(&self) -> io::Result<Vec<PathBuf>> {
        let root = Path::new("/");
        let entries = fs::read_dir(root)?.flatten();
        let files =
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir() && !kind.is_symlink()));
        Ok(files
            .map(|entry| entry.path())
            .filter(|path| !self.leads_on(path) && !self.leaves(path))
            .collect())
    }
}

fn cover(
    directory: &Path,
    stays: &BTreeSet<&PathBuf>,
    private: &BTreeSet<PathBuf>,
    covers: &mut Vec<(PathBuf, Vec<String>)>,
) {
    let mut keep = BTreeSet::new();
    let mut within = BTreeSet::new();
    for path in stays.iter().copied().chain(private) {
        let Ok(rest) = path.strip_prefix(directory) else { continue };
        let mut parts = rest.components();
        let Some(Component::Normal(first)) = parts.next() else {
            if stays.contains(path) {
                return; // all of it does
            }
            continue;
        };
        let Some(name) = first.to_str() else { continue };
        keep.insert(name.to_owned());
        if parts.next().is_some() {
            within.insert(directory.join(first));
        }
    }
    covers.push((directory.to_owned(), keep.into_iter().collect()));
    let within = within.iter().filter(|path| !stays.contains(path));
    within.for_each(|path| cover(path, stays, private, covers));
}

fn existing(path: &Path, verb: &str) -> Result<()> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = Error::new(format!("let {} be {verb}", path.display()), error);
            Err(match error.is_not_found() {
                true => error
                    .with_help("What is to be used must be there before the command starts: make it first."),
                false => error,
            })
        }
    }
}

#[cfg(test)]
mod tests;
