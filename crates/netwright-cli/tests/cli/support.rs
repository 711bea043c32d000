//! Running the built command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The command that was built, with nothing in its environment that changes what it prints.
pub(crate) fn netwright() -> Command {
    plain(Command::new(env!("CARGO_BIN_EXE_netwright")))
}

/// A shell script in namespaces of its own, in which `$0` is the command and `$1` the directory of the tests.
pub(crate) fn isolated(script: &str) -> Command {
    let mut command = netwright::sys::isolate::command("sh");
    command.args(["-euc", script, env!("CARGO_BIN_EXE_netwright")]).arg(directory());
    command.env("NETWRIGHT_STATE_DIRECTORY", state_directory());
    plain(command)
}

/// A folder of the test's own for what is kept between two commands.
fn state_directory() -> PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("state-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    // an ordinary user may not be allowed to write below the target folder
    match std::fs::create_dir_all(&folder) {
        Ok(()) => folder,
        Err(_) => std::env::temp_dir().join(format!("netwright-test-{}-{number}", std::process::id())),
    }
}

fn plain(mut command: Command) -> Command {
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The directory of the tests.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Exit code, standard output and standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the command prints text");
    (status.code().expect("the command ends by itself"), text(stdout), text(stderr))
}

/// Standard output of a command that must succeed without a word.
pub(crate) fn stdout(command: &mut Command) -> String {
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    stdout
}

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("did not run: there is no {program}");
    }
    found
}

/// A directory of a test's own, which everybody may read.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netwright-run-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    /// The directory itself.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).expect("a file");
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A script in namespaces of its own whose `$2` is this path.
pub(crate) fn with(script: &str, path: PathBuf) -> Command {
    let mut command = isolated(script);
    command.arg(path);
    command
}

/// Whether control groups can be made here: by root, where the hierarchy of version 2 is mounted.
pub(crate) fn control_groups() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let root = mounts.lines().find_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        behind.starts_with("cgroup2 ").then(|| before.split(' ').nth(4))?
    });
    let probe = root.map(|root| format!("{root}/netwright-test-{}", std::process::id()));
    let made =
        probe.is_some_and(|probe| fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).is_ok());
    if !made {
        eprintln!("did not run: control groups of version 2 cannot be made here");
    }
    made
}
