//! The tools that tests compare with, installed where that is allowed.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use crate::report::Report;

/// A tool and the package that has it.
pub(crate) struct Tool {
    /// The program.
    pub(crate) name: &'static str,
    /// Its package in Debian and its descendants.
    package: &'static str,
    /// What does not run without it.
    needed_for: &'static str,
}

/// The tools that tests run.
const TOOLS: &[Tool] = &[
    Tool { name: "nft", package: "nftables", needed_for: "comparisons of the firewall with nft" },
    Tool { name: "ip", package: "iproute2", needed_for: "comparisons of links, addresses, routes with ip" },
    Tool { name: "ping", package: "iputils-ping", needed_for: "comparisons of ICMP with ping" },
    Tool { name: "strace", package: "strace", needed_for: "striking an apply at a chosen moment" },
    sandboxed("curl", "curl"),
    sandboxed("wget", "wget"),
    sandboxed("dig", "bind9-dnsutils"),
    sandboxed("host", "bind9-host"),
    sandboxed("psql", "postgresql-client"),
    sandboxed("git", "git"),
    sandboxed("ssh", "openssh-client"),
    sandboxed("sshd", "openssh-server"),
    sandboxed("openssl", "openssl"),
    sandboxed("socat", "socat"),
    sandboxed("python3", "python3"),
    sandboxed("node", "nodejs"),
    sandboxed("hey", "hey"),
    sandboxed("javac", "default-jdk-headless"),
    sandboxed("musl-gcc", "musl-tools"),
    sandboxed("busybox", "busybox"),
];

const SANDBOXED: &str = "trying that program in a sandbox";

/// A program that must work in a sandbox.
const fn sandboxed(name: &'static str, package: &'static str) -> Tool {
    Tool { name, package, needed_for: SANDBOXED }
}

/// The search path with the administrator's folders, which an ordinary user's often lacks.
pub(crate) fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// Where a program lies.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// What is installed before the tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    /// Nothing.
    Nothing,
    /// What the tests of the language, links and host files compare with.
    Usual,
    /// The programs that are tried in a sandbox, too.
    All,
}

/// Installs the tools that are missing where that is asked for and the system allows it, and reports those that stay missing.
pub(crate) fn tools(install: Install, report: &mut Report) {
    let missing = || TOOLS.iter().filter(|tool| find(tool.name).is_none());
    let wanted = |tool: &&Tool| match install {
        Install::Nothing => false,
        Install::Usual => tool.needed_for != SANDBOXED,
        Install::All => true,
    };
    let packages: Vec<&str> = missing().filter(wanted).map(|tool| tool.package).collect();
    if !packages.is_empty() {
        println!("== installing {}", packages.join(", "));
        if let Err(why) = apt(&packages) {
            println!("not installed: {why}");
        }
    }
    for tool in missing() {
        let why = format!("there is no {}; install the package {}", tool.name, tool.package);
        report.not_run(tool.needed_for, &why);
    }
}

fn apt(packages: &[&str]) -> Result<(), String> {
    if !is_root() {
        return Err("only root may install packages".to_owned());
    }
    let apt_get = find("apt-get").ok_or("this system has no apt-get")?;
    for arguments in [vec!["update"], [&["install", "-y", "--no-install-recommends"], packages].concat()] {
        let mut command = Command::new(&apt_get);
        command.arg("-qq").args(&arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let status = command.status().map_err(|e| format!("apt-get cannot be run: {e}"))?;
        if !status.success() {
            return Err(format!("apt-get {} failed ({status})", arguments.join(" ")));
        }
    }
    Ok(())
}
