//! `cargo xtask bench`: what netwright takes beside the tools and beside the kernel alone, as a table and as plots in
//! `docs/benchmarks.md`.

mod plot;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::cargo::{build, cargo, output, root};
use crate::setup::{find, search_path};

/// A line of the table.
struct Row {
    workload: String,
    size: u64,
    peer: String,
    wall: f64,
    processor: f64,
    /// Wall and processor as multiples of the floor's.
    ratios: [f64; 2],
    /// The most memory at once, in MiB.
    peak: f64,
}

/// Measures, prints, and writes the page with its plots.
pub(crate) fn run() -> Result<(), String> {
    let programs = build(&["build", "--release", "--package", "netwright-cli", "--bin", "netwright"])?;
    let program = programs.iter().find(|program| program.kind == "bin").ok_or("the build made no command")?;
    let mut bench = cargo(["bench", "--package", "netwright-lab", "--bench", "compare"]);
    bench.env("NETWRIGHT_COMMAND", &program.path).env("PATH", search_path()).stdout(Stdio::piped());
    let mut child = bench.spawn().map_err(|e| format!("cargo bench cannot be run: {e}"))?;
    let mut rows = Vec::new();
    for line in BufReader::new(child.stdout.take().ok_or("cargo bench has no output")?).lines() {
        let line = line.map_err(|e| format!("cargo bench cannot be read: {e}"))?;
        println!("{line}");
        rows.extend(row(&line));
    }
    let status = child.wait().map_err(|e| format!("cargo bench cannot be waited for: {e}"))?;
    if !status.success() {
        return Err(format!("cargo bench failed ({status})"));
    }
    let folder = root().join("docs/benchmarks");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut by_workload: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| by_workload.entry(&row.workload).or_default().push(row));
    for (workload, rows) in &by_workload {
        let place = folder.join(format!("{workload}.svg"));
        std::fs::write(&place, plot::costs(workload, rows))
            .map_err(|e| format!("{}: {e}", place.display()))?;
    }
    let page = page(&rows, by_workload.keys().copied());
    let place = root().join("docs/benchmarks.md");
    std::fs::write(&place, page).map_err(|e| format!("{}: {e}", place.display()))
}

/// A line of the table of `cargo bench`; none where it is its head.
fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [workload, size, peer, wall, processor, of_wall, of_processor, peak, ""] = cells.as_slice() else {
        return None;
    };
    Some(Row {
        workload: (*workload).to_owned(),
        size: size.parse().ok()?,
        peer: (*peer).to_owned(),
        wall: wall.parse().ok()?,
        processor: processor.parse().ok()?,
        ratios: [of_wall.parse().ok()?, of_processor.parse().ok()?],
        peak: peak.parse().ok()?,
    })
}

const HEAD: &str = "\
# Benchmarks

This page and its plots are written by `cargo xtask bench`; what stands here is one run of it.

The *floor* is the kernel alone: messages that were encoded before are sent, and answers are received and not looked at. What
is above it is what a program adds. Peers take turns, each time as a process of its own in a fresh network namespace; the table
has medians. A ratio of the processor's time tells more than one of the clock on a machine that does other things too.

`netwright` encodes raw messages and `netwright, typed` is the builder of the library. Of what is listed, `in place` looks at each
answer where it lies, `collected` and `decoded` make a list of objects. What begins with `netwright nft` and `netwright list` is the command,
from its start to its end, as are `nft` and `ip`.

The peak is the most memory at once: of a command all that it had, of the library what the work added to it. Of `forward`, the floor is a host
without rules, and its time that of 100,000 packets. Of `cold-start`, each is a process from its start to its end; the floor is one that does
nothing, and what the kernel does with the rule. The smallest sizes are tried seven times, those from 20,000 on three times, a million once.

One processor does all of it. A transaction is one system call, and all its messages are written before it; a ruleset is written out once it is
known to be of one moment, which is when the kernel has told all of it. So neither leaves the kernel something to do beside it. A list of
routes could be written beside their dump: what that would save by the clock is at most what the command takes above the floor.
";

fn page<'a>(rows: &[Row], workloads: impl Iterator<Item = &'a str>) -> String {
    let mut page = HEAD.to_owned();
    // writing to a string cannot fail
    let _ = writeln!(page, "\n| what | which |\n|---|---|");
    for (what, which) in versions() {
        let _ = writeln!(page, "| {what} | {which} |");
    }
    let _ = writeln!(
        page,
        "\n| workload | size | peer | wall ms | cpu ms | wall / floor | cpu / floor | peak MiB |"
    );
    let _ = writeln!(page, "|---|---:|---|---:|---:|---:|---:|---:|");
    for Row { workload, size, peer, wall, processor, ratios: [of_wall, of_processor], peak } in rows {
        let _ = writeln!(
            page,
            "| {workload} | {size} | {peer} | {wall:.1} | {processor:.1} | {of_wall:.2} | {of_processor:.2} | {peak:.1} |"
        );
    }
    for workload in workloads {
        let _ =
            writeln!(page, "\n![{workload}: time of the processor against size](benchmarks/{workload}.svg)");
    }
    page
}

/// What it was measured on.
fn versions() -> Vec<(&'static str, String)> {
    let first = |text: String| text.lines().next().unwrap_or_default().trim().to_owned();
    let said = |command: &mut Command| output(command).map(first).unwrap_or_else(|_| "none".to_owned());
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let nft = std::env::var_os("NETWRIGHT_NFT").map(std::path::PathBuf::from).or_else(|| find("nft"));
    let tool = |path: Option<std::path::PathBuf>, flag: &str| match path {
        Some(path) => said(Command::new(path).arg(flag)),
        None => "none".to_owned(),
    };
    vec![
        ("processor", format!("{} ×{count}", model.trim_start_matches(['\t', ' ', ':']))),
        ("kernel", first(read("/proc/sys/kernel/osrelease"))),
        ("netwright", env!("CARGO_PKG_VERSION").to_owned()),
        ("rustc", said(Command::new("rustc").arg("--version"))),
        ("nft", tool(nft, "--version")),
        ("ip", tool(find("ip"), "-V")),
    ]
}
