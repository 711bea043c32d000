//! Ways by files that may be read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use netwright_confine::attempt;

use crate::{Came, Outcome, Way, token, word};

pub(crate) const WAYS: &[Way] = &[
    ("write", |words| write(word(words, 0)?)),
    // Opened for reading first, and by its descriptor for writing then.
    ("write-by-proc", |words| {
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(word(words, 0)?)?;
        write(&format!("/proc/self/fd/{}", file.as_raw_fd()))
    }),
    ("look-below", |words| look_below(word(words, 0)?)),
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

/// Looks for a name in a directory by all calls that take one, and by several ways there.
fn look_below(directory: &str) -> Outcome {
    let links = std::env::temp_dir().join(format!("links-{}", std::process::id()));
    let _ = fs::create_dir_all(&links);
    let _ = symlink(directory, links.join("directory"));
    let name = Path::new(directory).join(token());
    let _ = symlink(&name, links.join("file"));
    let roundabout = Path::new("/usr/..").join(name.strip_prefix("/").unwrap_or(&name));
    let calls: [fn(&Path) -> std::io::Result<()>; 9] = [
        |path| fs::read_dir(path).map(drop),
        |path| fs::metadata(path).map(drop),
        |path| File::open(path).map(drop),
        |path| File::create(path).map(drop),
        |path| fs::create_dir(path),
        |path| fs::remove_file(path),
        |path| fs::rename("/usr/bin/true", path),
        |path| symlink("anything", path),
        |path| Command::new(path).status().map(drop),
    ];
    let mut outcome = Err("there is no way".into());
    for path in
        [&name, &name.join("below"), &roundabout, &links.join("directory").join(token()), &links.join("file")]
    {
        for call in calls {
            outcome = match call(path) {
                Ok(()) => return Ok(Came::Reached(path.display().to_string())),
                Err(error) => Err(error.into()),
            };
        }
    }
    outcome
}
