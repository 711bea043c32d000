//! The covers over files of the inside, which are sought and laid beside everything else: to look through directories takes about as long as
//! to make the namespaces.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use netwright_sys::{Enclosure, Error, Mask, Result};
use rustix::process::getuid;

use super::Sandbox;
use super::masks::masks;

const ASKED: &str = "look for what is to be covered inside";
/// What root could change of the host by its user number alone.
const SETTINGS: [&str; 7] =
    ["/proc/acpi", "/proc/bus", "/proc/irq", "/proc/scsi", "/proc/sys", "/proc/sysrq-trigger", "/sys"];

/// The thread that covers files.
pub(super) struct Covering<'scope> {
    enclosure: Sender<Arc<Enclosure>>,
    thread: ScopedJoinHandle<'scope, Result<()>>,
}

impl<'scope> Covering<'scope> {
    /// Begins to look for what is to be covered. `files` are given another content.
    pub(super) fn begin(
        scope: &'scope Scope<'scope, '_>,
        sandbox: &'scope Sandbox,
        files: Vec<(PathBuf, Vec<u8>)>,
    ) -> Result<Self> {
        let (enclosure, made) = channel::<Arc<Enclosure>>();
        let cover = move || {
            let covers = covers(sandbox, files);
            // Without an enclosure there was an error, which others tell of.
            made.recv().map_or(Ok(()), |enclosure| enclosure.mask(&covers))
        };
        let thread = Builder::new().name("netwright-covers".into()).spawn_scoped(scope, cover);
        Ok(Covering { enclosure, thread: thread.map_err(|error| Error::new(ASKED, error))? })
    }

    /// Lays the covers, as soon as they are known. Whoever wants something of the enclosure meanwhile may have to wait.
    pub(super) fn lay(&self, enclosure: &Arc<Enclosure>) {
        let _ = self.enclosure.send(Arc::clone(enclosure)); // the thread waits for it
    }

    /// Waits until they lie.
    pub(super) fn finish(self) -> Result<()> {
        drop(self.enclosure);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn covers(sandbox: &Sandbox, files: Vec<(PathBuf, Vec<u8>)>) -> Vec<Mask> {
    let user = sandbox.user.as_ref().map_or_else(|| getuid().as_raw(), |user| user.uid);
    let mut covers = masks(&sandbox.policy.sockets, files, user);
    if user == 0 {
        let there = SETTINGS.into_iter().filter(|path| Path::new(path).exists());
        covers.extend(there.map(|path| Mask::ReadOnly { path: path.into() }));
    }
    covers
}
