//! `cargo xtask comparison`: the same six programs with netwright and with its peers, built, tried by one script, and measured.
//! What it found last of each library stands in `docs/comparison/README.md`.

mod measure;
mod page;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cargo::root;
use crate::setup::{find, is_root, search_path};
use measure::Built;
pub(crate) use page::write;

/// The programs, in the order of the page.
const PROGRAMS: [&str; 6] = ["seed", "cni", "vpn", "blocklist", "monitor", "routes"];

/// A library with its programs.
struct Library {
    /// Name on the page.
    name: &'static str,
    /// Folder of its programs.
    folder: &'static str,
    /// Ending of its sources.
    ending: &'static str,
}

const LIBRARIES: [Library; 4] = [
    Library { name: "netwright", folder: "netwright", ending: "rs" },
    Library { name: "nlink", folder: "nlink", ending: "rs" },
    Library { name: "rtnetlink, nftables", folder: "rtnetlink", ending: "rs" },
    Library { name: "Go: netlink, nftables", folder: "go", ending: "go" },
];

impl Library {
    /// Lines of a program that are neither blank nor comments.
    fn lines(&self, program: &str) -> Result<usize, String> {
        let path = home().join(self.folder).join(format!("{program}.{}", self.ending));
        let source = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        Ok(source.lines().filter(code).count())
    }
}

fn home() -> PathBuf {
    root().join("docs/comparison")
}

/// What the script said of a program.
#[derive(Default)]
struct Judgement {
    /// What was tried, and whether it held.
    checks: Vec<(String, bool)>,
    /// What was measured.
    figures: Vec<(String, String)>,
}

/// Builds, tries and measures the programs of one folder or of all, and writes the page with what is known of all.
pub(crate) fn run(only: Option<&str>) -> Result<(), String> {
    if !is_root() {
        return Err("the programs are tried as root, for they open /dev/net/tun".to_owned());
    }
    for tool in ["python3", "ip", "nft", "ping", "unshare"] {
        find(tool).ok_or(format!("the programs cannot be tried: there is no {tool}"))?;
    }
    let chosen = |library: &&Library| only.is_none_or(|only| library.folder == only);
    if !LIBRARIES.iter().any(|library| chosen(&library)) {
        let folders = LIBRARIES.map(|library| library.folder).join(", ");
        return Err(format!("there are programs of {folders}"));
    }
    let mut failed = None;
    for library in LIBRARIES.iter().filter(chosen) {
        println!("== {}", library.name);
        let built = measure::build(library)?;
        let judgements = PROGRAMS.map(|program| judge(&built, program));
        let judgements: Vec<Judgement> = judgements.into_iter().collect::<Result<_, _>>()?;
        let checks = judgements.iter().flat_map(|judgement| &judgement.checks);
        if library.folder == "netwright" {
            failed = checks.filter(|(_, held)| !held).map(|(what, _)| what.clone()).next();
        }
        page::keep(library, &built, &judgements)?;
    }
    page::write()?;
    match failed {
        Some(what) => Err(format!("of netwright's programs this does not hold: {what}")),
        None => Ok(()),
    }
}

fn judge(built: &Built, program: &str) -> Result<Judgement, String> {
    let script = home().join("judge");
    let mut command = Command::new(&script);
    command.arg(program).arg(built.folder.join(program)).env("PATH", search_path());
    let output = command.output().map_err(|e| format!("{}: {e}", script.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut judgement = Judgement::default();
    for line in text.lines() {
        println!("{program}: {line}");
        match line.split_once(' ') {
            Some(("ok", what)) => judgement.checks.push((what.to_owned(), true)),
            Some(("no", what)) => {
                let what = what.split_once(" | ").map_or(what, |(what, _)| what);
                judgement.checks.push((what.to_owned(), false));
            }
            Some(("is", figure)) => {
                let (what, much) = figure.split_once(": ").unwrap_or((figure, ""));
                judgement.figures.push((what.to_owned(), much.to_owned()));
            }
            _ => {}
        }
    }
    match judgement.checks.is_empty() {
        true => Err(format!("{program} was not tried: {}", String::from_utf8_lossy(&output.stderr).trim())),
        false => Ok(judgement),
    }
}

#[cfg(test)]
mod tests;
