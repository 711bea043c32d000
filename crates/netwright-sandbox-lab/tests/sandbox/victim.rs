//! A process outside that nothing inside may change.

use std::fs;
use std::process::{Child, Stdio};

use netwright_lab::Failure;

use crate::run::{Mode, as_user};

/// A process of the mode's user, as it was when it started.
#[derive(Debug)]
pub(crate) struct Victim {
    child: Child,
    before: String,
}

impl Victim {
    pub(crate) fn start(mode: Mode) -> Result<Self, Failure> {
        let mut command = as_user(mode, "sleep")?;
        command.arg("600").stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn()?;
        let asleep = || Ok(state(child.id()).filter(|state| state.contains("sleep")));
        let before = netwright_lab::wait_until("the process outside waits", asleep)?;
        Ok(Victim { child, before })
    }

    pub(crate) fn number(&self) -> u32 {
        self.child.id()
    }

    /// What is different now, if anything is.
    pub(crate) fn change(self) -> Option<String> {
        let now = state(self.child.id());
        match &now {
            Some(now) if *now == self.before => None,
            Some(now) => {
                let changed = now.lines().zip(self.before.lines()).find(|(now, before)| now != before);
                Some(format!("the process outside was changed: {changed:?}"))
            }
            None => Some("the process outside was ended".to_owned()),
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of a process that others might change; nothing where it has ended or was stopped.
fn state(process: u32) -> Option<String> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (name, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    (*fields.first()? == "S").then_some(())?;
    // group, session, priority, niceness, threads, and the scheduler's policy and priority
    let kept: Vec<&str> =
        [2, 3, 15, 16, 17, 37, 38].into_iter().filter_map(|at| fields.get(at).copied()).collect();
    let status = read("status");
    let wanted =
        ["Uid", "Gid", "Cpus_allowed", "Mems_allowed", "SigBlk", "SigIgn", "NoNewPrivs", "Seccomp", "Umask"];
    let status: Vec<&str> = status
        .lines()
        .filter(|line| wanted.iter().any(|wanted| line.split(':').next() == Some(wanted)))
        .collect();
    let files = ["limits", "oom_score_adj", "cgroup", "timerslack_ns", "coredump_filter"].map(read).concat();
    Some(format!("{name}\n{}\n{}\n{files}", kept.join(" "), status.join("\n")))
}
