//! Builds of the programs, and what they cost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Library, PROGRAMS, home};
use crate::cargo::{cargo, output, root};

/// The programs of a library, built.
pub(crate) struct Built {
    /// Where they are.
    pub(crate) folder: PathBuf,
    /// Which versions of the library and the compiler.
    pub(crate) versions: String,
    /// How many packages are built in, with the library's own and without the standard library.
    pub(crate) packages: usize,
    /// Seconds of the processor that building all of it took.
    pub(crate) seconds: f64,
    /// Sizes of the programs, without symbols, in bytes.
    pub(crate) sizes: Vec<u64>,
}

pub(crate) fn build(library: &Library) -> Result<Built, String> {
    match library.ending {
        "go" => go(library),
        _ => rust(library),
    }
}

/// A folder of its own for each library, so that nothing is built already.
fn target(library: &Library) -> PathBuf {
    root().join("target/comparison").join(library.folder)
}

fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", folder.display())),
        _ => Ok(()),
    }
}

fn sizes(folder: &Path) -> Result<Vec<u64>, String> {
    let size = |program: &str| {
        let path = folder.join(program);
        fs::metadata(&path).map(|file| file.len()).map_err(|e| format!("{}: {e}", path.display()))
    };
    PROGRAMS.into_iter().map(size).collect()
}

/// Seconds of the processor that finished children have taken.
fn children() -> Result<f64, String> {
    let own = fs::read_to_string("/proc/self/stat").map_err(|e| format!("/proc/self/stat: {e}"))?;
    // behind the name, which may have anything in it; the times are in hundredths
    let fields = own.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
    let ticks: u64 =
        fields.into_iter().flatten().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}

fn timed(command: &mut Command) -> Result<f64, String> {
    let before = children()?;
    output(command)?;
    Ok(children()? - before)
}

fn rust(library: &Library) -> Result<Built, String> {
    let manifest = home().join("Cargo.toml");
    let package = format!("comparison-{}", library.folder);
    let with = |arguments: &[&str]| {
        let mut command = cargo(arguments.iter().copied());
        command
            .arg("--locked")
            .arg("--manifest-path")
            .arg(&manifest)
            .env("CARGO_TARGET_DIR", target(library));
        command
    };
    output(&mut with(&["fetch"]))?;
    remove(&target(library))?;
    let seconds = timed(&mut with(&["build", "--release", "--package", &package]))?;
    let tree = ["tree", "--package", &package, "--edges=normal", "--prefix=none", "--format={p}"];
    let tree = output(&mut with(&tree))?;
    let all: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    let named = |line: &&&str| library.name.split(", ").any(|name| line.split(' ').next() == Some(name));
    let versions: Vec<&str> = all.iter().filter(named).copied().collect();
    let compiler = output(Command::new("rustc").arg("--version"))?;
    let compiler = compiler.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let folder = target(library).join("release");
    Ok(Built {
        versions: format!("{}; {compiler}", versions.join(", ")),
        packages: all.len() - 1, // without the programs' own
        seconds,
        sizes: sizes(&folder)?,
        folder,
    })
}

/// With the packages that Debian has of the compiler and the libraries, fetched where they are not there yet.
fn go(library: &Library) -> Result<Built, String> {
    let debian = root().join("target/comparison/debian");
    if !debian.join("versions").exists() {
        output(Command::new(home().join("go/fetch")).arg(&debian))
            .map_err(|e| format!("Go and its libraries could not be fetched: {e}"))?;
    }
    let folder = target(library).join("release");
    remove(&target(library))?;
    let go = |arguments: &[&str]| {
        let mut command = Command::new(debian.join("go"));
        command.args(arguments).current_dir(home().join(library.folder));
        command.env("GOCACHE", target(library).join("cache"));
        command
    };
    // The standard library comes as source only: as for Rust's, its building does not count.
    output(&mut go(&["build", "std"]))?;
    let (mut seconds, mut all) = (0.0, BTreeSet::new());
    for program in PROGRAMS {
        let (made, source) = (folder.join(program), format!("{program}.go"));
        let made = made.to_string_lossy();
        seconds += timed(&mut go(&["build", "-trimpath", "-ldflags=-s -w", "-o", &made, &source]))?;
        let outside = "{{if not .Standard}}{{.ImportPath}}{{end}}";
        let listed = output(&mut go(&["list", "-deps", "-f", outside, &source]))?;
        let module = |line: &str| line.split('/').take(3).collect::<Vec<_>>().join("/");
        all.extend(listed.lines().filter(|line| line.contains('/')).map(module));
    }
    let versions = fs::read_to_string(debian.join("versions")).map_err(|e| format!("versions: {e}"))?;
    Ok(Built {
        versions: versions.trim().to_owned(),
        packages: all.len(),
        seconds,
        sizes: sizes(&folder)?,
        folder,
    })
}
