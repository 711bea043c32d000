//! What an attempt has outside for itself, to which nothing may come: a server with a path socket, a named pipe, a file, or a directory that is
//! mounted in by name.

mod automount;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use netwright_lab::{Failure, wait_until};
use rustix::fs::{CWD, FileType, Mode as Rights, OFlags, mknodat};

use self::automount::Automount;
use crate::attempts::Server;
use crate::run::{Mode, as_user};
use crate::surroundings::{NOBODY, surroundings};

/// The path of an attempt's own server.
pub(crate) fn server_path(token: &str) -> Result<PathBuf, Failure> {
    Ok(surroundings()?.folder.join(format!("{token}.sock")))
}

/// An attempt's own server.
pub(crate) struct OwnServer {
    path: PathBuf,
    by: By,
}

enum By {
    /// A process, as the working directory is one's.
    Process(Child),
    /// The reading end of a named pipe.
    Pipe(File),
    /// What is in the file in the end.
    File,
    Automount(Automount),
}

impl OwnServer {
    pub(crate) fn start(server: Server, token: &str, mode: Mode) -> Result<Self, Failure> {
        let path = server_path(token)?;
        let by = match server {
            Server::Pipe => {
                mknodat(CWD, &path, FileType::Fifo, Rights::from_raw_mode(0o600), 0)?;
                let flags = OFlags::NONBLOCK.bits().cast_signed();
                By::Pipe(File::options().read(true).custom_flags(flags).open(&path)?)
            }
            Server::Input => {
                fs::write(&path, "what is to be read")?;
                By::File
            }
            Server::Automount if !surroundings()?.really_root => {
                return Err(Failure::lacking("only the machine's root can mount autofs"));
            }
            Server::Automount => By::Automount(Automount::at(&path)?),
            Server::Late | Server::Relative | Server::Waiting => By::Process(process(server, &path)?),
        };
        if matches!(by, By::Pipe(_) | By::File) && mode.is_user() && surroundings()?.really_root {
            chown(&path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(OwnServer { path, by })
    }

    /// What the command gets as its standard input, where that is what is tried.
    pub(crate) fn input(&self) -> Option<io::Result<File>> {
        matches!(self.by, By::File).then(|| File::open(&self.path))
    }

    /// What came to it.
    pub(crate) fn came(&self) -> String {
        let mut came = Vec::new();
        match &self.by {
            By::Process(_) => came = fs::read(self.path.with_extension("came")).unwrap_or_default(),
            By::Pipe(pipe) => drop((&*pipe).read_to_end(&mut came)), // what was written is there
            By::Automount(automount) => came = automount.asked().into_bytes(),
            By::File => came = fs::read(&self.path).unwrap_or_default(),
        }
        String::from_utf8_lossy(&came).into_owned()
    }
}

fn process(server: Server, path: &Path) -> Result<Child, Failure> {
    let name = path.file_name().unwrap_or_default();
    let mut command = as_user(Mode::User, &surroundings()?.probe.display().to_string())?;
    command.arg("serve-path");
    match server {
        Server::Late => {
            command.arg(path).arg(path.with_extension("came")).arg(path.with_extension("sock.ready"))
        }
        Server::Relative => command.arg(Path::new(".").join(name)).arg(path.with_extension("came")),
        _ => command.arg(path).arg(path.with_extension("came")),
    };
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let server_is_there = || Ok((server == Server::Late || path.exists()).then_some(()));
    wait_until("the server listens", server_is_there)?;
    Ok(child)
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let By::Process(child) = &mut self.by {
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in ["sock", "came", "sock.ready"] {
            let _ = fs::remove_file(self.path.with_extension(name));
        }
    }
}
