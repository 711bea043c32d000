//! What all tests share: the programs, the files of the host, and its sockets in the file system.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use netwright_lab::{Failure, Outcome};
use netwright_sandbox_lab::internet::{NAME_SERVERS, SharedSockets, serve_files};
use netwright_sandbox_lab::program;
use rustix::mount::{MountFlags, mount, mount_bind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The user and group that own nothing.
pub(crate) const NOBODY: u32 = 65534;

/// The socket of the host's SSH agent.
pub(crate) const AGENT: &str = "/tmp/ssh-netwright/agent.1";

/// What was found and made before the first test.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The command under test.
    pub(crate) netwright: PathBuf,
    /// The probe of this crate.
    pub(crate) probe: PathBuf,
    /// A folder for everybody's files.
    pub(crate) folder: PathBuf,
    /// Whether this process was root before it made a user namespace.
    pub(crate) really_root: bool,
    /// The host's sockets in the file system.
    pub(crate) sockets: SharedSockets,
}

static SURROUNDINGS: OnceLock<Surroundings> = OnceLock::new();

/// What was prepared.
pub(crate) fn surroundings() -> Result<&'static Surroundings, Failure> {
    SURROUNDINGS.get().ok_or_else(|| Failure::wrong("nothing was prepared"))
}

/// What was found before this process left the machine's network.
pub(crate) struct Outside {
    netwright: PathBuf,
    really_root: bool,
}

/// Finds the command under test.
pub(crate) fn prepare_outside() -> Result<Outside, Failure> {
    Ok(Outside { netwright: program::netwright()?, really_root: rustix::process::geteuid().is_root() })
}

/// The paths of sockets that a sandbox must hide.
pub(crate) fn hidden_sockets() -> Vec<String> {
    let user = NOBODY;
    [
        "/run/docker.sock".to_owned(),
        "/run/containerd/containerd.sock".to_owned(),
        "/run/podman/podman.sock".to_owned(),
        "/run/nscd/socket".to_owned(),
        "/run/systemd/resolve/io.systemd.Resolve".to_owned(),
        "/run/systemd/journal/socket".to_owned(),
        "/run/dbus/system_bus_socket".to_owned(),
        format!("/run/user/{user}/bus"),
        format!("/run/user/{user}/gnupg/S.gpg-agent"),
        format!("/run/user/{user}/wayland-0"),
        AGENT.to_owned(),
        format!("/tmp/tmux-{user}/default"),
        "/tmp/.X11-unix/X77".to_owned(),
    ]
    .into()
}

/// Prepares the mount namespace of all tests.
pub(crate) fn prepare(outside: Outside) -> Outcome {
    let tmpfs = |over: &str| mount(c"tmpfs", over, c"tmpfs", MountFlags::empty(), Some(c"mode=755"));
    tmpfs("/run")?;
    // All files are gone with the mount namespace; what stays behind are empty folders in /tmp.
    let own_folder = |path: &Path| -> Outcome {
        fs::create_dir_all(path)?;
        Ok(tmpfs(&path.display().to_string())?)
    };
    let folder = std::env::temp_dir().join("netwright-sandbox-suite");
    own_folder(&folder)?;
    for path in hidden_sockets() {
        if let Some(parent) = Path::new(&path).parent().filter(|parent| parent.starts_with("/tmp")) {
            own_folder(parent)?;
        }
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
    fs::create_dir_all(format!("/run/user/{NOBODY}"))?;
    let _ = chown(format!("/run/user/{NOBODY}"), Some(NOBODY), Some(NOBODY));
    let servers: String = NAME_SERVERS.iter().map(|server| format!("nameserver {server}\n")).collect();
    replace(&folder, "/etc/resolv.conf", &format!("{servers}search corp.example.org\n"))?;
    replace(&folder, "/etc/nsswitch.conf", "hosts: files dns\n")?;
    replace(&folder, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n")?;
    // The ordinary user gets a shell, for servers of logins.
    let users = fs::read_to_string("/etc/passwd")?;
    let users: String =
        users.lines().filter(|line| !line.starts_with("nobody:")).map(|line| format!("{line}\n")).collect();
    let nobody = format!("nobody:x:{NOBODY}:{NOBODY}:nobody:{}:/bin/sh\n", folder.display());
    replace(&folder, "/etc/passwd", &format!("{users}{nobody}"))?;
    fs::create_dir(folder.join("files"))?;
    serve_files(folder.join("files"));
    let sockets = SharedSockets::listen(hidden_sockets())?;
    raise_descriptors();
    let surroundings = Surroundings {
        netwright: outside.netwright,
        probe: env!("CARGO_BIN_EXE_netwright-lab-probe").into(),
        folder,
        really_root: outside.really_root,
        sockets,
    };
    let _ = SURROUNDINGS.set(surroundings);
    Ok(())
}

/// Puts other contents over a file, for this mount namespace.
fn replace(folder: &Path, path: &str, contents: &str) -> Outcome {
    let file = folder.join(path.replace('/', "_"));
    fs::write(&file, contents)?;
    Ok(mount_bind(&file, path)?)
}

/// As many descriptors as may be.
fn raise_descriptors() {
    const WANTED: u64 = 65_536;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(WANTED);
    for wanted in [WANTED.max(most), most] {
        if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) }).is_ok() {
            return;
        }
    }
}
