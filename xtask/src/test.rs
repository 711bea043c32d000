//! `cargo xtask test`: every test there is, with its set-up.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{Program, build, cargo, root};
use crate::report::{Report, Tests};
use crate::setup::{Install, find, is_root, search_path, tools};

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// Sets up, runs all tests, and prints what ran and what did not.
pub(crate) fn run(install: Install) -> Result<(), String> {
    let mut report = Report::default();
    tools(install, &mut report);
    print_oracles();
    let programs = match build(&["test", "--workspace", "--all-features", "--no-run"]) {
        Ok(programs) => programs,
        Err(why) => {
            report.failed("the build of the tests", &why);
            return report.finish();
        }
    };
    let programs: Vec<Program> = programs.into_iter().filter(|program| program.has_tests).collect();
    // Most of a test is waiting, so as this user and as an ordinary one they run beside each other, the latter from behind: few
    // are beside themselves.
    let home = ordinary_user(&mut report);
    let mut lanes = vec![as_this_user(&programs)];
    lanes.extend(home.as_ref().map(|home| as_ordinary_user(&programs, home, &mut report)));
    report.tests(&lanes);
    documentation(&mut report);
    host_files(&mut report);
    report.finish()
}

/// All tests as whoever runs this.
fn as_this_user(programs: &[Program]) -> Vec<Tests<'_>> {
    let of = |program: &Program| {
        let mut command = Command::new(&program.path);
        command.current_dir(&program.folder).env("PATH", search_path());
        command.env("CARGO_MANIFEST_DIR", &program.folder);
        command
    };
    let tests = |program| Tests { step: Program::shown(program), command: Box::new(move || of(program)) };
    programs.iter().map(tests).collect()
}

fn documentation(report: &mut Report) {
    let mut documentation = cargo(["test", "--workspace", "--all-features", "--no-fail-fast", "--doc"]);
    report.command("examples of the documentation", documentation.env("PATH", search_path()));
}

/// Says which tools the tests compare with: versions differ in what they know and how they print it.
fn print_oracles() {
    let newer = std::env::var_os("NETWRIGHT_NFT");
    let nft = newer.clone().map(PathBuf::from).or_else(|| find("nft"));
    for (tool, path, version) in [("nft", nft, "--version"), ("ip", find("ip"), "-V")] {
        let said = path.as_ref().and_then(|path| Command::new(path).arg(version).output().ok());
        match (path, said) {
            (Some(path), Some(said)) => {
                println!("{tool}: {}, {}", path.display(), String::from_utf8_lossy(&said.stdout).trim());
            }
            (Some(path), None) => println!("{tool}: {} cannot be run", path.display()),
            (None, _) => println!("{tool}: none"),
        }
    }
    if newer.is_none() {
        println!("(set NETWRIGHT_NFT to the path of a newer nft to compare with that one)");
    }
}

/// Tests every host file among the examples with the command itself.
fn host_files(report: &mut Report) {
    const STEP: &str = "host files of the examples";
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("examples"))
        .into_iter()
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let programs = build(&["build", "--package", "netwright-cli", "--bin", "netwright"]);
    let program = match programs.map(|programs| programs.into_iter().find(|program| program.kind == "bin")) {
        Ok(Some(program)) => program,
        Ok(None) => return report.failed(STEP, "the build made no command"),
        Err(why) => return report.failed(STEP, &why),
    };
    if files.is_empty() {
        return report.failed(STEP, "there are none in examples/");
    }
    for file in files {
        let shown = file.strip_prefix(root()).unwrap_or(&file);
        let step = format!("netwright test {}", shown.display());
        report.command(&step, Command::new(&program.path).arg("test").arg(shown).current_dir(root()));
    }
}

/// The ordinary user's home, where this process may become one and that user gets networks.
fn ordinary_user(report: &mut Report) -> Option<Home> {
    const STEP: &str = "kernel tests as an ordinary user";
    if !is_root() {
        println!("\n(the tests run as an ordinary user; run this as root to run them as both)");
        return None;
    }
    let home = match Home::create() {
        Ok(home) => home,
        Err(e) => {
            report.failed(STEP, &format!("no temporary home could be made: {e}"));
            return None;
        }
    };
    match user_namespaces_work(&home) {
        Ok(()) => Some(home),
        Err(why) => {
            report.not_run(STEP, &why);
            None
        }
    }
}

/// The integration tests again, as a user without any privilege.
fn as_ordinary_user<'a>(programs: &'a [Program], home: &'a Home, report: &mut Report) -> Vec<Tests<'a>> {
    let mut lane = Vec::new();
    for program in programs.iter().rev().filter(|program| program.kind == "test") {
        let step = format!("{} as an ordinary user", program.shown());
        match unreachable(program, home) {
            Some(why) => report.not_run(&step, &why),
            None => {
                let command = Box::new(|| home.command(&program.path, &program.folder));
                lane.push(Tests { step, command });
            }
        }
    }
    lane
}

/// Whether an ordinary user gets a network of its own, in which it may configure something.
fn user_namespaces_work(home: &Home) -> Result<(), String> {
    let (unshare, ip) = (find("unshare").ok_or("there is no unshare")?, find("ip").ok_or("there is no ip")?);
    let mut probe = home.command(&unshare, Path::new("/"));
    probe.args(["--user", "--map-root-user", "--net"]).arg(ip).args(["link", "set", "lo", "up"]);
    let output = probe.output().map_err(|e| format!("unshare cannot be run: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "the kernel refuses user namespaces to ordinary users ({}); see the sysctls user.max_user_namespaces, \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// Why an ordinary user cannot start a program, if so: usually the checkout lies in somebody's closed home.
fn unreachable(program: &Program, home: &Home) -> Option<String> {
    let error = home.command(&program.path, &program.folder).arg("--list").output().err()?;
    Some(match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("ordinary users cannot reach {}; put the checkout where they can", program.path.display())
        }
        _ => format!("{} cannot be run: {error}", program.path.display()),
    })
}

/// A temporary home of the ordinary user; gone when dropped.
struct Home(PathBuf);

impl Home {
    fn create() -> std::io::Result<Home> {
        let path = std::env::temp_dir().join(format!("netwright-home-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        let home = Home(path);
        chown(&home.0, Some(NOBODY), Some(NOBODY))?;
        Ok(home)
    }

    /// A program as the ordinary user, without the caller's groups.
    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).uid(NOBODY).gid(NOBODY);
        command.env("HOME", &self.0).env("TMPDIR", &self.0).env("PATH", search_path());
        command.env("CARGO_MANIFEST_DIR", OsString::from(folder));
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {e}", self.0.display());
        }
    }
}
