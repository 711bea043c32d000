//! The masks over files of the inside, which are laid beside everything else.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use netwright_confine::{Enclosure, Mask};
use netwright_sys::{Error, Result};
use rustix::process::getuid;

use super::{Sandbox, confined, kernel};
use crate::{Access, Usable};

const ASKED: &str = "look for what is to be masked inside";

/// The thread that masks files.
pub(super) struct Masking<'scope> {
    enclosure: Sender<Arc<Enclosure>>,
    thread: ScopedJoinHandle<'scope, Result<()>>,
}

impl<'scope> Masking<'scope> {
    /// Begins to look for what is to be masked. `files` are given another content.
    pub(super) fn begin(
        scope: &'scope Scope<'scope, '_>,
        sandbox: &'scope Sandbox,
        files: Vec<(PathBuf, Vec<u8>)>,
        access: Option<&'scope Access>,
    ) -> Result<Self> {
        let (enclosure, made) = channel::<Arc<Enclosure>>();
        let cover = move || {
            let masks = masks(sandbox, files, access)?;
            // Without an enclosure there was an error, which others tell of.
            made.recv().map_or(Ok(()), |enclosure| enclosure.mask(&masks))
        };
        let thread = Builder::new().name("netwright-masks".into()).spawn_scoped(scope, cover);
        Ok(Masking { enclosure, thread: thread.map_err(|error| Error::new(ASKED, error))? })
    }

    /// Lays the masks, as soon as they are known. Whoever wants something of the enclosure meanwhile may have to wait.
    pub(super) fn lay(&self, enclosure: &Arc<Enclosure>) {
        let _ = self.enclosure.send(Arc::clone(enclosure)); // the thread waits for it
    }

    /// Waits until they lie.
    pub(super) fn finish(self) -> Result<()> {
        drop(self.enclosure);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Those that let files be used come first: what the kernel's own file systems and the name servers need lies over them.
fn masks(sandbox: &Sandbox, files: Vec<(PathBuf, Vec<u8>)>, access: Option<&Access>) -> Result<Vec<Mask>> {
    let user = sandbox.user.as_ref().map_or_else(|| getuid().as_raw(), |user| user.uid);
    let mut masks = access.map(confined::masks).transpose()?.unwrap_or_default();
    if access.is_some() && sandbox.share.processes {
        masks.push(Mask::Writable { path: "/proc".into() });
    }
    let is_there = |path: &Path| access.is_none_or(|access| access.leaves(path));
    masks.extend(kernel::masks(user == 0).into_iter().filter(|mask| is_there(mask.path())));
    for (path, content) in files {
        let Ok(path) = fs::canonicalize(path) else { continue };
        masks.extend(path.parent().and_then(changing));
        masks.push(Mask::File { path, content });
    }
    masks.extend(kernel::devices(&sandbox.share, &sandbox.devices));
    for path in &sandbox.protected {
        masks.extend(protecting(path, access));
    }
    if access.is_some() && (sandbox.share.devices || sandbox.share.ipc) {
        let shared = ["/dev/shm", "/dev/mqueue"].map(PathBuf::from).into_iter().filter(|path| path.exists());
        masks.extend(shared.map(|path| Mask::Writable { path }));
    }
    Ok(masks)
}

/// What keeps a file as it is: it cannot be written, and nothing can take its place. Where files are confined, the directories that lead to it cannot be
/// renamed either.
fn protecting(path: &Path, access: Option<&Access>) -> Vec<Mask> {
    let Ok(path) = fs::canonicalize(path) else { return Vec::new() };
    let mut masks = Vec::new();
    match access.map(|access| access.of(&path)) {
        Some(Usable::Hidden | Usable::Private(_)) => return masks,
        Some(Usable::Written(root)) => {
            let within =
                path.ancestors().skip(1).take_while(|above| above.starts_with(&root) && *above != root);
            let mut within: Vec<&Path> = within.collect();
            within.reverse();
            masks.extend(within.into_iter().map(|path| Mask::Writable { path: path.into() }));
        }
        Some(Usable::Read(_)) | None => {}
    }
    masks.push(Mask::ReadOnly { path });
    masks
}

/// A directory in which services replace files, whose mask would go with the file: it is replaced itself, by one with the same entries, in which
/// nothing changes any more.
fn changing(directory: &Path) -> Option<Mask> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let keep = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    directory.starts_with("/run").then(|| Mask::Directory { path: directory.to_owned(), keep })
}
