//! Files of the kernel that stand among those of processes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where processes and the kernel have their files.
const PROCESSES: &str = "/proc";
/// Those that every kernel has, as far as it has what they are about.
pub(crate) const USUAL: [&str; 6] =
    ["/proc/acpi", "/proc/bus", "/proc/irq", "/proc/scsi", "/proc/sys", "/proc/sysrq-trigger"];
/// Who writes there changes what he is told himself, and nothing of others.
const HARMLESS: &str = "/proc/pressure";
/// Anybody may write.
const WRITABLE: u32 = 0o222;
/// So deep below `/proc` there are files, but for the settings of `/proc/sys`.
const DEPTH: usize = 4;

/// What of `/proc` belongs to no process and can be written, or has something in it that can: settings of the whole machine, such as those of
/// `/proc/sys`, of interrupts, or of what the kernel logs. All of them belong to user number 0, of whom it takes no capability.
#[must_use]
pub fn kernel_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(PROCESSES).into_iter().flatten().flatten();
    let of_kernel = entries.filter(|entry| {
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
        !is_process && entry.path() != Path::new(HARMLESS)
    });
    let is_usual = |path: &Path| USUAL.iter().any(|usual| path == Path::new(usual));
    let of_kernel = of_kernel.filter(|entry| is_usual(&entry.path()) || has_writable(entry, DEPTH));
    of_kernel.map(|entry| entry.path()).collect()
}

/// Whether it can be written, or something in it. Links are neither: they lead to what is looked at by its own name, or to a process.
fn has_writable(entry: &fs::DirEntry, depth: usize) -> bool {
    let Ok(kind) = entry.file_type() else { return false };
    if kind.is_dir() && depth > 0 {
        let mut below = fs::read_dir(entry.path()).into_iter().flatten().flatten();
        return below.any(|entry| has_writable(&entry, depth - 1));
    }
    kind.is_file() && entry.metadata().is_ok_and(|found| found.mode() & WRITABLE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_and_processes_are_not() {
        let found = kernel_files();
        assert!(found.contains(&"/proc/sys".into()), "{found:?}");
        for other in ["/proc/self", "/proc/1", "/proc/version", HARMLESS] {
            assert!(!found.contains(&other.into()), "{found:?}");
        }
    }
}
