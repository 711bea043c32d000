//! What must work in a sandbox as it does without one.

mod programs;
mod scenarios;

use netwright_lab::{Failure, Lab, Outcome, Prepared, ensure};

use crate::leak::{World, told};
use crate::report::note;
use crate::run::{Mode, as_user, attached, finish, sandboxed, token};
use crate::surroundings::surroundings;

/// Something that must work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Its name.
    pub(crate) name: &'static str,
    /// The program that it needs, and the Debian package that has it.
    pub(crate) needs: Option<(&'static str, &'static str)>,
    /// The flags of the policy.
    pub(crate) policy: &'static [&'static str],
    /// What is run: `probe` stands for the probe.
    pub(crate) command: &'static [&'static str],
    /// What must be in its output.
    pub(crate) says: &'static str,
    /// Its exit status.
    pub(crate) status: i32,
    /// Whether the same works without a sandbox in this internet, which is then tried too.
    pub(crate) outside: bool,
    /// Whether it takes a sandbox: of the host's loopback, nobody knows which servers belong to a process that is put behind a policy.
    pub(crate) contained: bool,
}

impl Work {
    const fn new(
        name: &'static str,
        policy: &'static [&'static str],
        command: &'static [&'static str],
        says: &'static str,
    ) -> Self {
        Work { name, needs: None, policy, command, says, status: 0, outside: true, contained: false }
    }

    const fn needs(mut self, program: &'static str, package: &'static str) -> Self {
        self.needs = Some((program, package));
        self
    }

    const fn status(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// It takes a loopback of its own.
    const fn contained(mut self) -> Self {
        self.contained = true;
        self
    }

    /// It works by the sandbox only.
    const fn inside(mut self) -> Self {
        self.outside = false;
        self
    }
}

/// A piece of work that is more than one command.
pub(crate) type Scenario = (&'static str, fn(&mut Lab, Mode) -> Outcome);

/// Every piece of work in every mode, and without a sandbox.
pub(crate) fn tests() -> Vec<Prepared> {
    let mut tests = Vec::new();
    for &mode in crate::modes() {
        for work in
            programs::WORKS.iter().filter(|work| mode != Mode::Attached || work.outside && !work.contained)
        {
            let name = format!("works::{}::{}", mode.name(), work.name);
            let body = move |lab: &mut Lab| note("works", mode.name(), work.name, sandbox(lab, work, mode));
            tests.push(Prepared { name, body: Box::new(body) });
        }
        // these start and signal the sandbox themselves
        let with_files = scenarios::WITH_FILES.iter().filter(|_| matches!(mode, Mode::User | Mode::Root));
        let others = scenarios::SCENARIOS.iter().filter(|_| mode != Mode::Attached);
        for &(what, scenario) in others.chain(with_files) {
            let name = format!("works::{}::{what}", mode.name());
            let body = move |lab: &mut Lab| note("works", mode.name(), what, scenario(lab, mode));
            tests.push(Prepared { name, body: Box::new(body) });
        }
    }
    for work in programs::WORKS.iter().filter(|work| work.outside) {
        let name = format!("plain::{}", work.name);
        let body = move |lab: &mut Lab| note("plain", "user", work.name, plain(lab, work));
        tests.push(Prepared { name, body: Box::new(body) });
    }
    tests
}

/// Whether a program is there.
pub(crate) fn need(program: &str, package: &str) -> Outcome {
    let folders = ["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    match folders.iter().any(|folder| std::path::Path::new(folder).join(program).is_file()) {
        true => Ok(()),
        false => Err(Failure::missing(format_args!("there is no {program}; install the package {package}"))),
    }
}

/// The command's words with the probe's path for `probe`.
fn words(work: &Work) -> Result<Vec<String>, Failure> {
    let probe = surroundings()?.probe.display().to_string();
    Ok(work
        .command
        .iter()
        .map(|word| if *word == "probe" { probe.clone() } else { (*word).to_owned() })
        .collect())
}

fn sandbox(lab: &mut Lab, work: &Work, mode: Mode) -> Outcome {
    if let Some((program, package)) = work.needs {
        need(program, package)?;
    }
    let _world = World::new(lab)?;
    let words = words(work)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = match mode {
        Mode::Attached => attached(work.policy, &words, &token(), || Ok(()))?.0,
        _ => finish(&mut sandboxed(mode, work.policy, &words)?)?,
    };
    judge(work, &ran)
}

fn plain(lab: &mut Lab, work: &Work) -> Outcome {
    if let Some((program, package)) = work.needs {
        need(program, package)?;
    }
    let _world = World::new(lab)?;
    let words = words(work)?;
    let (program, rest) = words.split_first().ok_or_else(|| Failure::wrong("no command"))?;
    judge(work, &finish(as_user(Mode::User, program)?.args(rest))?)
}

fn judge(work: &Work, ran: &crate::run::Ran) -> Outcome {
    ensure!(ran.status == Some(work.status), "it should end with {}: {}", work.status, told(ran));
    ensure!(ran.stdout.contains(work.says), "it should say {:?}: {}", work.says, told(ran));
    Ok(())
}
