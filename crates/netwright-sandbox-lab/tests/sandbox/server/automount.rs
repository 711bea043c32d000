//! A directory in which this process is asked to mount whatever is looked for by name (autofs), as `/net/HOST`.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use netwright_confine::attempt::call;
use netwright_lab::Failure;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// `struct autofs_v5_packet` of `linux/auto_fs.h`, and where its token, and the length of its name and the name are.
const PACKET: usize = 304;
const TOKEN: usize = 8;
const LENGTH: usize = 40;
const NAME: usize = 44;
/// `AUTOFS_IOC_FAIL` and `AUTOFS_IOC_CATATONIC`
const FAIL: i64 = 0x9361;
const CATATONIC: i64 = 0x9362;

/// The directory, until it is dropped.
pub(super) struct Automount {
    path: PathBuf,
    root: Arc<File>,
    asked: Arc<Mutex<String>>,
}

impl Automount {
    pub(super) fn at(path: &Path) -> Result<Self, Failure> {
        fs::create_dir(path)?;
        let (asked_by, asks) = std::io::pipe()?;
        let options = format!("fd={},minproto=5,maxproto=5,indirect", asks.as_raw_fd());
        let place = CString::new(path.as_os_str().as_bytes()).map_err(Failure::wrong)?;
        let options = CString::new(options).map_err(Failure::wrong)?;
        mount(c"automount", &place, c"autofs", MountFlags::empty(), Some(options.as_c_str()))
            .map_err(|error| Failure::lacking(format_args!("autofs cannot be mounted: {error}")))?;
        let (root, asked) = (Arc::new(File::open(path)?), Arc::new(Mutex::new(String::new())));
        let (mut packets, answers, names) = (asked_by, Arc::clone(&root), Arc::clone(&asked));
        thread::spawn(move || {
            let mut packet = [0; PACKET];
            while packets.read_exact(&mut packet).is_ok() {
                let number = |at: usize| {
                    packet
                        .get(at..at + 4)
                        .and_then(|bytes| bytes.try_into().ok())
                        .map_or(0, u32::from_ne_bytes)
                };
                let name = packet.get(NAME..NAME + number(LENGTH) as usize).unwrap_or_default();
                names.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(name));
                let _ = call(
                    libc::SYS_ioctl,
                    [answers.as_raw_fd().into(), FAIL.into(), i64::from(number(TOKEN)).into()],
                );
            }
        });
        Ok(Automount { path: path.to_owned(), root, asked })
    }

    /// The names that were looked for.
    pub(super) fn asked(&self) -> String {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Automount {
    fn drop(&mut self) {
        // It asks nobody any more, and closes its end of the pipe.
        let _ = call(libc::SYS_ioctl, [self.root.as_raw_fd().into(), CATATONIC.into(), 0.into()]);
        let _ = unmount(&self.path, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.path);
    }
}
