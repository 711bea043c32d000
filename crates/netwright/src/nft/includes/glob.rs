//! File names with `*`, `?` and `[…]`, as shells read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Whether a name has wildcards.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The files that a pattern names, in the order of their bytes. Names that begin with a dot are not meant by a wildcard.
pub(super) fn find(place: &Path, pattern: &str) -> Vec<PathBuf> {
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { place.to_owned() };
    let mut found = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found.into_iter().flat_map(|directory| step(&directory, part)).collect();
    }
    found.retain(|path| path.is_file());
    found.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    found
}

fn step(directory: &Path, part: &str) -> Vec<PathBuf> {
    if !is_pattern(part) {
        let path = directory.join(part);
        return if path.exists() { vec![path] } else { Vec::new() };
    }
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let names = fs::read_dir(here)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let pattern: Vec<char> = part.chars().collect();
    let meant = |name: &String| {
        (part.starts_with('.') || !name.starts_with('.'))
            && matches(&pattern, &name.chars().collect::<Vec<_>>())
    };
    names.filter(meant).map(|name| directory.join(name)).collect()
}

/// Goes back to the last `*` where the rest does not fit: linear in the lengths' product, whatever the pattern.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let fits = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => name.get(n).and_then(|&c| one(pattern.get(p..).unwrap_or_default(), c)),
            None => None,
        };
        match (fits, star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&c| c == '*')
}

/// How many characters of the pattern's start stand for this one character; `None` where they do not fit it.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => {
            let negated = matches!(rest.first(), Some('!' | '^'));
            let set = rest.get(usize::from(negated)..)?;
            // a bracket right at the start means itself
            let end = set.iter().skip(1).position(|&c| c == ']').map(|at| at + 1);
            let Some(end) = end else { return (c == '[').then_some(1) };
            let inside = in_set(set.get(..end)?, c);
            (inside != negated).then_some(1 + usize::from(negated) + end + 1)
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

fn in_set(mut set: &[char], c: char) -> bool {
    loop {
        set = match set {
            [low, '-', high, ..] if (*low..=*high).contains(&c) => return true,
            [_, '-', _, rest @ ..] => rest,
            [own, ..] if *own == c => return true,
            [_, rest @ ..] => rest,
            [] => return false,
        };
    }
}

#[cfg(test)]
mod tests;
