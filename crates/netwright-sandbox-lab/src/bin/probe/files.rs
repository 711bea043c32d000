//! Ways by files that may be read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use netwright_confine::attempt;

use crate::{Came, Outcome, Way, token, word};

pub(crate) const WAYS: &[Way] = &[
    ("write", |words| write(word(words, 0)?)),
    // Opened for reading first, and by its descriptor for writing then.
    ("write-by-proc", |words| {
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(word(words, 0)?)?;
        write(&format!("/proc/self/fd/{}", file.as_raw_fd()))
    }),
    ("look-below", |words| {
        let found = fs::read_dir(format!("{}/{}", word(words, 0)?, token()))?;
        Ok(Came::Reached(format!("{} entries", found.count())))
    }),
    ("change-input", |_| {
        let before = fs::metadata("/proc/self/fd/0")?.permissions().mode() & 0o777;
        attempt::call(libc::SYS_fchmod, [0.into(), i64::from(before ^ 0o111).into()])?;
        Ok(Came::Breach("the rights of the file at standard input were changed".into()))
    }),
];

/// Writes the token, in all ways to open it for that.
fn write(path: &str) -> Outcome {
    let options: [fn(&mut OpenOptions) -> &mut OpenOptions; 4] = [
        |options| options.write(true),
        |options| options.read(true).write(true),
        |options| options.append(true),
        |options| options.write(true).truncate(true),
    ];
    // Its owner may give himself the right.
    let _ = fs::set_permissions(path, Permissions::from_mode(0o666));
    let mut outcome = Err("there is no way".into());
    for option in options {
        let opened = option(File::options().custom_flags(libc::O_NONBLOCK)).open(path);
        match opened.and_then(|mut file| file.write_all(token().as_bytes())) {
            Ok(()) => return Ok(Came::Reached(format!("{path} was written"))),
            Err(error) => outcome = Err(error.into()),
        }
    }
    outcome
}
