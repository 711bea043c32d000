//! Namespaces of a test's own, and commands in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use netwright::sys::isolate;

const INSIDE: &str = "NETWRIGHT_TEST_INSIDE";

/// Runs a test's body in namespaces of its own: the test runs once more, alone, in a child process that is isolated.
pub(crate) fn isolated(test: &str, body: impl FnOnce(&Place)) {
    let told = isolated_with(test, 0, |place, _| {
        body(place);
        String::new()
    });
    if let Some(Err(text)) = told {
        panic!("{text}");
    }
}

/// The same with a number, such as a seed; what the body returns comes back as its text. `None` inside the child, which has
/// nothing more to do.
pub(crate) fn isolated_with(
    test: &str,
    number: u64,
    body: impl FnOnce(&Place, u64) -> String,
) -> Option<Result<String, String>> {
    const START: &str = "told: ";
    if env::var_os(INSIDE).is_some_and(|inside| inside == *test) {
        let number = env::var("NETWRIGHT_TEST_NUMBER").unwrap().parse().unwrap();
        let told = body(&Place::new(), number);
        println!("{START}{told}");
        return None;
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test);
    command.env("NETWRIGHT_TEST_NUMBER", number.to_string());
    let output = command.output().map_err(isolate::failed).unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines().filter(|line| line.starts_with("figure: ")) {
        println!("{line}");
    }
    let told = text.split_once(START).map(|(_, told)| told.to_owned());
    Some(match (output.status.success(), told) {
        (true, Some(told)) => {
            let told = told.rsplit_once("\ntest ").map_or(told.clone(), |(told, _)| told.to_owned());
            Ok(told.trim().to_owned())
        }
        _ => Err(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr))),
    })
}

/// Whether TUN and TAP interfaces can be made here: ordinary users may not open their device everywhere.
pub(crate) fn may_make_tunnels() -> bool {
    fs::File::options().read(true).write(true).open("/dev/net/tun").is_ok()
}

/// Whether what a test needs is there; else it says that it did not run, which fails in CI.
pub(crate) fn needs(programs: &[&str]) -> bool {
    let there = |name: &&str| Command::new(name).arg("-V").output().is_ok();
    let missing: Vec<_> = programs.iter().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(env::var_os("CI").is_none(), "{missing:?} are missing");
    println!("did not run: {missing:?} are missing");
    false
}

/// A number from the environment: how much of a test is done.
pub(crate) fn size(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A folder of a test's own, in a namespace of its own.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("netwright-apply-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Place { folder }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The command under test, with a folder of the test's own for what it keeps.
    pub(crate) fn netwright(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwright"));
        command.env("NETWRIGHT_STATE_DIRECTORY", self.folder.join("state")).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env_remove("SSH_CONNECTION");
        command
    }

    /// Applies a host file and returns exit code and all that was said.
    pub(crate) fn apply(&self, path: &Path) -> (Option<i32>, String) {
        said(self.netwright().arg("apply").arg(path))
    }

    #[track_caller]
    pub(crate) fn apply_well(&self, name: &str, text: &str) -> String {
        let path = self.write(name, text);
        let (code, said) = self.apply(&path);
        assert_eq!(code, Some(0), "{said}\n{text}");
        said
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Exit code and all that a command says.
pub(crate) fn said(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.code(), text)
}

/// Runs shell commands that must succeed.
#[track_caller]
pub(crate) fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs shell commands that may fail.
pub(crate) fn try_sh(script: &str) -> bool {
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    output.status.success()
}

/// Numbers from a seed (xorshift).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.below(7);
        random
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    pub(crate) fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn some<T: Copy>(&mut self, from: &[T], of: usize) -> Vec<T> {
        from.iter().copied().filter(|_| self.chance(of)).collect()
    }
}
