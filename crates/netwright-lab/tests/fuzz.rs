//! The fuzzers' functions over their seeds and a few thousand mutations, always the same ones; and that every reader has one.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use netwright_lab::fuzz::{TARGETS, check};

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(TARGETS, stringify!($name)); })*

        #[test]
        fn all_targets_are_run() {
            let run = [$(stringify!($name)),*];
            assert!(TARGETS.iter().all(|target| run.contains(&target.name)));
            let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
            assert!(run.iter().all(|name| std::path::Path::new(&format!("{files}/{name}.rs")).exists()));
        }
    };
}

targets! { session route }

/// What stands in the file of readers: each file with its targets, or `-` for one that needs none, with the reason.
#[test]
fn every_reader_has_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = fs::read_to_string(root.join("fuzz/readers")).unwrap();
    let rows = list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap());
    let rows: BTreeMap<&str, &str> = rows.collect();
    let mut found = BTreeSet::new();
    for package in fs::read_dir(root.join("crates")).unwrap() {
        let package = package.unwrap().path();
        if !package.to_string_lossy().ends_with("-lab") {
            readers(&package.join("src"), &mut found);
        }
    }
    let crates = root.join("crates");
    let found: BTreeSet<&str> =
        found.iter().map(|path| path.strip_prefix(&crates).unwrap().to_str().unwrap()).collect();
    let listed: BTreeSet<&str> = rows.keys().copied().collect();
    assert_eq!(found.difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new(), "missing in fuzz/readers");
    assert_eq!(listed.difference(&found).collect::<Vec<_>>(), Vec::<&&str>::new(), "no readers any more");
    for (file, targets) in rows {
        match targets.strip_prefix("- ") {
            Some(reason) => assert!(!reason.is_empty(), "{file}"),
            None => assert!(
                targets.split(' ').all(|one| root.join(format!("fuzz/fuzz_targets/{one}.rs")).exists()),
                "{file}: {targets}"
            ),
        }
    }
}

/// The files of a folder, but for tests, that read bytes or text.
fn readers(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            readers(&path, found);
        } else if fs::read_to_string(&path).unwrap().lines().any(reads) {
            found.insert(path);
        }
    }
}

fn reads(line: &str) -> bool {
    let calls = ["fs::read(", "read_to_string(", "read_to_end(", "FromStr for"];
    let function = line.split_once("fn ").is_some_and(|(_, function)| {
        ["read", "parse", "decode"].iter().any(|name| function.starts_with(name))
            && [": &[u8]", ": &str"].iter().any(|bytes| function.contains(bytes))
    });
    function || calls.iter().any(|call| line.contains(call))
}
