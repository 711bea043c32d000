//! The masks that leave a command the files that it may use, and what is told of others.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use netwright_confine::{FileReporter, Mask, UsedFile};
use netwright_sys::{Cause, Error, Result};
use rustix::fs::{FileType, fstat};

use super::reports::Reports;
use crate::local_file::LocalFile;
use crate::{Access, Action, FileUse, Usable};

/// So many different files are told apart; then it begins anew.
const KNOWN: usize = 1 << 16;

/// What is covered so that nothing but what may be used is there.
pub(super) fn masks(access: &Access) -> Result<Vec<Mask>> {
    let failed = |error| Error::new("look for what is to be hidden from the command", error);
    let covers = access.covers().map_err(failed)?;
    // What leads to kept files of a private directory is in memory as well.
    let is_private = |path: &PathBuf| access.private().any(|private| path.starts_with(private));
    let private: Vec<PathBuf> =
        covers.iter().map(|(path, _)| path).filter(|path| is_private(path)).cloned().collect();
    let mut masks: Vec<Mask> =
        covers.into_iter().map(|(path, keep)| Mask::Directory { path, keep }).collect();
    masks.extend(access.hidden_files().map_err(failed)?.into_iter().map(|path| Mask::Nothing { path }));
    if access.written().any(|path| path == Path::new("/")) {
        return Ok(masks);
    }
    masks.push(Mask::AllReadOnly);
    masks.extend(private.into_iter().map(|path| Mask::Private { path }));
    masks.extend(access.written().cloned().map(|path| Mask::Writable { path }));
    Ok(masks)
}

/// Where files may be opened for writing, named pipes and devices included; nothing where that is everywhere.
pub(super) fn written(access: &Access) -> Option<Vec<PathBuf>> {
    let kernel = ["/dev", "/proc"].map(PathBuf::from);
    let written = access.written().chain(access.private()).cloned().chain(kernel).collect::<Vec<_>>();
    (!written.iter().any(|path| path == Path::new("/"))).then_some(written)
}

/// Refuses standard streams that are directories: what lies below them would be in reach, whatever is hidden.
pub(super) fn check_streams() -> Result<()> {
    let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let streams = [("input", input.as_fd()), ("output", output.as_fd()), ("error", errors.as_fd())];
    for (name, stream) in streams {
        let is_directory =
            fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory);
        if is_directory {
            let cause = format!("standard {name} is a directory, below which all would be in reach");
            return Err(Error::new("confine the command's files", Cause::Invalid(cause))
                .with_help("Give it another one, such as /dev/null."));
        }
    }
    Ok(())
}

/// Hears of files that the command uses. Where it may not use one that is there, that is told; `learns` says that it may use all.
pub(super) fn reporter(access: Arc<Access>, reports: &Arc<Reports>, learns: bool) -> FileReporter {
    // What the command leaves running may use some when nobody hears of it any more.
    let reports = Arc::downgrade(reports);
    let known = Mutex::new(HashSet::new());
    FileReporter::new(move |UsedFile { process, path, writes }| {
        if ["/proc", "/dev", "/sys"].iter().any(|kernel| path.starts_with(kernel)) {
            return;
        }
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        if !known.insert((path.clone(), writes)) {
            return;
        }
        drop(known);
        let Some(reports) = reports.upgrade() else { return };
        // The command would have found nothing where there is neither it nor a place for it.
        let Some(file) = LocalFile::find(&path).filter(|file| file.exists || writes) else { return };
        let refused = match access.of(&file.path) {
            Usable::Written(_) => false,
            Usable::Read(_) => writes && file.is_writable(),
            Usable::Private(own) => !writes && file.path != own,
            Usable::Hidden => !writes || file.is_writable(),
        };
        let path = file.path;
        if refused && !access.leads_on(&path) {
            let action = if learns { Action::Allowed } else { Action::Blocked };
            reports.file(action, process, path, if writes { FileUse::Write } else { FileUse::Read });
        }
    })
}
