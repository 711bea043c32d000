//! Programs whose files are confined: they do their work in its directory, and neither see nor change anything else of the home directory.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use netwright_lab::{Failure, Lab, Outcome, ensure};

use super::super::need;
use super::folder;
use crate::leak::{World, told};
use crate::run::{Mode, Ran, as_user, finish, sandboxed};
use crate::surroundings::{NOBODY, surroundings};

/// What no command may see.
const SECRET: &str = "of-the-home-directory";

const GIT: &str = "
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
    git init -q .; echo one > file; git add file; git commit -qm first
    git checkout -q -b other; echo two > file; git commit -qam second; git log --format=%s
    git clone -q . clone; git -C clone gc -q; cat clone/file";
const PYTHON: &str = r#"
    /usr/bin/python3 -m venv --without-pip environment
    echo 'def said(): return "imported"' > module.py
    environment/bin/python -c 'import module, multiprocessing, tempfile; tempfile.NamedTemporaryFile(); multiprocessing.Lock(); print(module.said())'
    ls environment/bin/python"#;
const PIP: &str = r#"
    /usr/bin/python3 -c '
import zipfile
with zipfile.ZipFile("thing-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("thing.py", "print(\"installed\")\n")
    wheel.writestr("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
    wheel.writestr("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("thing-1.dist-info/RECORD", "")
'
    /usr/bin/python3 -m pip install -q --no-index --disable-pip-version-check --root-user-action ignore --target out thing-1-py3-none-any.whl
    cd out; /usr/bin/python3 -c 'import thing'"#;
const NPM: &str = r#"
    mkdir dependency
    echo '{"name": "dependency", "version": "1.0.0", "main": "main.js"}' > dependency/package.json
    echo 'module.exports = "required"' > dependency/main.js
    echo '{"name": "work", "version": "1.0.0"}' > package.json
    npm install --offline --no-audit --no-fund --no-update-notifier ./dependency > /dev/null
    node -p 'require("dependency")'"#;
const COMPILER: &str = r#"
    echo '#include <stdio.h>' > main.c; echo 'int main(void) { puts("compiled"); return 0; }' >> main.c
    printf 'main: main.c\n\tcc -pipe -o main main.c\n' > Makefile; make -s; ./main"#;
/// The toolchain by which this was built is where its user alone may look, as a rule.
const CARGO: &str = r#"
    unset RUSTC_WRAPPER RUSTFLAGS CARGO_TARGET_DIR
    cargo init -q --offline --vcs none --name work .
    cargo run -q --offline
    ls target/debug/work"#;

/// Its own sandbox, of which root has none, works inside of this one.
const BROWSER: &str = r#"
    set -- --headless --disable-gpu --dump-dom
    test "$(id -u)" != 0 || set -- --no-sandbox "$@"
    echo '<p></p><script>document.querySelector("p").textContent = "rendered " + 6 * 7</script>' > page.html
    chromium "$@" "file://$PWD/page.html" 2> /dev/null | grep -o 'rendered 42'
    chromium "$@" http://good.example.org/ 2> /dev/null | grep -o 'hello from'"#;

pub(super) fn git(lab: &mut Lab, mode: Mode) -> Outcome {
    there("git", "git")?;
    works(lab, mode, &[], GIT, "second\nfirst\ntwo\n")
}

pub(super) fn python(lab: &mut Lab, mode: Mode) -> Outcome {
    there("python3", "python3")?;
    works(lab, mode, &[], PYTHON, "imported\nenvironment/bin/python")
}

pub(super) fn pip(lab: &mut Lab, mode: Mode) -> Outcome {
    there("python3", "python3")?;
    has(mode, "/usr/bin/python3 -m pip --version", "python3-pip")?;
    works(lab, mode, &[], PIP, "installed\n")
}

pub(super) fn npm(lab: &mut Lab, mode: Mode) -> Outcome {
    there("npm", "npm")?;
    works(lab, mode, &[], NPM, "required\n")
}

pub(super) fn compiler(lab: &mut Lab, mode: Mode) -> Outcome {
    there("make", "make")?;
    there("cc", "gcc")?;
    works(lab, mode, &[], COMPILER, "compiled\n")
}

pub(super) fn cargo(lab: &mut Lab, mode: Mode) -> Outcome {
    there("cc", "gcc")?;
    let programs = Path::new(env!("CARGO")).parent().unwrap_or(Path::new("/usr/bin"));
    let toolchain = programs.parent().unwrap_or(programs).display().to_string();
    has(mode, &format!("{}/cargo --version", programs.display()), "a cargo that every user may run")?;
    let script = format!("export PATH={}:$PATH CARGO_HOME=$HOME/.cargo\n{CARGO}", programs.display());
    works(lab, mode, &["--read", &toolchain], &script, "Hello, world!\ntarget/debug/work\n")
}

pub(super) fn browser(lab: &mut Lab, mode: Mode) -> Outcome {
    there("chromium", "chromium")?;
    if std::env::var_os("CI").is_some() {
        return Err(Failure::lacking("it takes half a minute where others run beside it: not with CI=true"));
    }
    works(lab, mode, &["--allow", "good.example.org:80"], BROWSER, "rendered 42\nhello from\n")
}

/// A terminal multiplexer's server outside is reached by its socket, and by that alone.
pub(super) fn tmux(lab: &mut Lab, mode: Mode) -> Outcome {
    there("tmux", "tmux")?;
    let _world = World::new(lab)?;
    let (home, work) = home(mode)?;
    let socket = work.join("tmux").display().to_string();
    let outside = |arguments: &[&str]| -> Result<Ran, Failure> {
        let mut command = as_user(mode, "tmux")?;
        command.args(["-f", "/dev/null", "-S", &socket]).args(arguments).env("HOME", &home);
        finish(command.current_dir(&work))
    };
    let started = outside(&["new-session", "-d", "-s", "outside", "sleep", "600"])?;
    ensure!(started.status == Some(0), "tmux does not start: {}", told(&started));
    let look = format!("tmux -S {socket} list-sessions");
    let seen = inside(mode, &home, &work, &["--socket", &socket], &look);
    let hidden = inside(mode, &home, &work, &[], &look);
    outside(&["kill-server"])?;
    let (seen, hidden) = (seen?, hidden?);
    ensure!(seen.status == Some(0) && seen.stdout.starts_with("outside:"), "{}", told(&seen));
    ensure!(hidden.status != Some(0) && !hidden.stdout.contains("outside"), "{}", told(&hidden));
    Ok(())
}

/// Whether a program is there; where it is not, the test could show nothing.
fn there(program: &str, package: &str) -> Outcome {
    need(program, package).map_err(|_| Failure::lacking(format_args!("there is no {program} ({package})")))
}

/// The same of what has to be asked.
fn has(mode: Mode, question: &str, package: &str) -> Outcome {
    let ran = finish(as_user(mode, "sh")?.args(["-c", question]))?;
    match ran.status {
        Some(0) => Ok(()),
        _ => Err(Failure::lacking(format_args!("there is no {package}"))),
    }
}

/// A home directory with a secret in it, and a directory for work below.
fn home(mode: Mode) -> Result<(PathBuf, PathBuf), Failure> {
    let home = folder(mode)?;
    let work = home.join("work");
    fs::create_dir(&work)?;
    fs::write(home.join("secret"), SECRET)?;
    if mode.is_user() && surroundings()?.really_root {
        chown(&work, Some(NOBODY), Some(NOBODY))?;
    }
    Ok((home, work))
}

/// Runs a script in the workspace, as the user who has this home directory.
fn inside(mode: Mode, home: &Path, work: &Path, flags: &[&str], script: &str) -> Result<Ran, Failure> {
    let flags = [&["--quiet", "--workspace"], flags].concat();
    let mut command = sandboxed(mode, &flags, &["sh", "-euc", script])?;
    finish(command.current_dir(work).env("HOME", home).env_remove("TMPDIR"))
}

/// What a script does works, and its files are there afterwards; all around them is as it was.
fn works(lab: &mut Lab, mode: Mode, flags: &[&str], script: &str, says: &str) -> Outcome {
    let _world = World::new(lab)?;
    let (home, work) = home(mode)?;
    let around = "test ! -e ~/secret; echo x > ~/.profile; echo x > /tmp/left; if echo x 2>/dev/null > /usr/left; then exit 9; fi";
    let ran = inside(mode, &home, &work, flags, &format!("{script}\n{around}"))?;
    ensure!(ran.status == Some(0) && ran.stdout.contains(says), "{}", told(&ran));
    ensure!(fs::read_dir(&work)?.next().is_some(), "nothing is in the workspace: {}", told(&ran));
    for left in [home.join(".profile"), "/tmp/left".into(), "/usr/left".into()] {
        ensure!(!left.exists(), "{} was written outside", left.display());
    }
    Ok(())
}
