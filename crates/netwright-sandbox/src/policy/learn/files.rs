//! The paths that allow what was done with files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::FileAccess;

/// So many files of one directory stand for the directory.
const TOGETHER: usize = 4;

/// Adds paths that cover files, each with whether it was written. What was written is made anew most often, in a directory that is there before.
pub(super) fn add(access: &mut FileAccess, files: &BTreeMap<PathBuf, bool>) {
    let written = files.iter().filter(|(_, writes)| **writes);
    let directories: BTreeSet<&Path> = written
        .map(|(path, _)| path.parent().filter(|parent| *parent != Path::new("/")).unwrap_or(path))
        .collect();
    access.write.extend(outermost(directories));
    let is_written = |path: &Path| access.write.iter().any(|written| path.starts_with(written));
    let read: BTreeSet<&Path> =
        files.iter().filter(|(path, _)| !is_written(path)).map(|(path, _)| path.as_path()).collect();
    let mut by_directory: BTreeMap<&Path, usize> = BTreeMap::new();
    read.iter()
        .filter_map(|path| path.parent())
        .for_each(|parent| *by_directory.entry(parent).or_default() += 1);
    let covering = read.into_iter().map(|path| match path.parent() {
        Some(parent) if parent != Path::new("/") && by_directory.get(parent) >= Some(&TOGETHER) => parent,
        _ => path,
    });
    access.read.extend(outermost(covering.collect()));
}

/// Those that lie within no other one.
fn outermost(paths: BTreeSet<&Path>) -> Vec<PathBuf> {
    let mut outermost: Vec<PathBuf> = Vec::new();
    for path in paths {
        if outermost.last().is_none_or(|last| !path.starts_with(last)) {
            outermost.push(path.to_owned());
        }
    }
    outermost
}
