//! Work that takes more than one command.

mod asking;
mod command;
mod files;
mod logins;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use netwright_lab::{Failure, Outcome};

use super::{Scenario, need};
use crate::run::Mode;
use crate::surroundings::{NOBODY, surroundings};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("git-over-http", logins::git_over_http),
    ("git-over-https", logins::git_over_https),
    ("git-over-ssh", logins::git_over_ssh),
    ("ssh", logins::ssh),
    ("curl-https", logins::curl_https),
    ("wget-https", logins::wget_https),
    ("musl", logins::musl),
    ("java", logins::java),
    ("ten-thousand-connections", command::many_connections),
    ("published-port", command::published_port),
    ("policy-file", command::policy_file),
    ("reload", command::reload),
    ("several-at-once", command::several),
    ("input-by-a-pipe", command::input),
    ("environment-and-folder", command::environment),
    ("killed-by-a-signal", command::killed),
    ("signals-are-passed-on", command::signals),
    ("terminal", command::terminal),
    ("interrupt-key", command::interrupt_key),
    ("stop-key", command::stop_key),
    ("log", command::log),
    ("summary", command::summary),
    ("learn", command::learn),
    ("answers-on-a-terminal", asking::answers),
    ("stopped-while-asked", asking::stopped),
    ("socket-that-is-allowed", command::allowed_socket),
    ("quiet", command::quiet),
];

/// Those with confined files, which have to do with the network in no mode: they are tried as an ordinary user and as root.
pub(super) const WITH_FILES: &[Scenario] = &[
    ("files-git", files::git),
    ("files-python", files::python),
    ("files-pip", files::pip),
    ("files-npm", files::npm),
    ("files-compiler", files::compiler),
    ("files-cargo", files::cargo),
    ("files-browser", files::browser),
    ("files-tmux", files::tmux),
];

/// A fresh folder that belongs to the mode's user.
fn folder(mode: Mode) -> Result<PathBuf, Failure> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let surroundings = surroundings()?;
    let folder = surroundings.folder.join(format!("scenario-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    if mode.is_user() && surroundings.really_root {
        chown(&folder, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(folder)
}

/// All of these programs, with their packages.
fn all(needed: &[(&str, &str)]) -> Outcome {
    needed.iter().try_for_each(|(program, package)| need(program, package))
}
