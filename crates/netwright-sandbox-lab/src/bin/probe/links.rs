//! Ways by changing the network, the mounts and the privileges. Each then tries to connect: `ADDRESS PORT` are its last words.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use crate::net::tcp;
use crate::processes::{helper, supervisor};
use crate::{Came, Outcome, Way, temporary, word};
use netwright_confine::attempt::{self, Argument, call};

pub(crate) const WAYS: &[Way] = &[
    ("route-add", |words| after(words, &[route_add()])),
    ("address-add", |words| after(words, &[address_add()])),
    ("link-down", |words| after(words, &[link_flags(0), link_flags(1)])),
    ("rule-delete", |words| after(words, &[rule_delete()])),
    ("flush", |words| after(words, &[flush()])),
    ("join-namespace", join_namespace),
    ("nested", nested),
    ("unshare-user-then", |words| {
        call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()])?;
        after(words, &[flush(), route_add(), address_add(), link_flags(0)])
    }),
    ("become-root", become_root),
    ("capabilities", |_| capabilities()),
    ("tun", |_| {
        fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
        Err("it opens, which is no way without a capability".into())
    }),
    ("sysctl", sysctl),
    ("open-for-writing", |words| {
        let path = word(words, 0)?;
        fs::OpenOptions::new().write(true).open(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(Came::Breach(format!("{path} could be written")))
    }),
    ("mount", mount),
    ("unmount", unmount),
    ("set-user-program", set_user_program),
    ("bpf", |_| {
        call(libc::SYS_bpf, [0.into(), Argument::Bytes(&[0; 128]), 128.into()])
            .map_err(|error| error.to_string())?;
        Ok(Came::Breach("a map of BPF".into()))
    }),
];

/// Tries the changes, whatever comes of each, then connects. What the changes said is told where the connection is refused.
fn after(words: &[&str], changes: &[Result<(), String>]) -> Outcome {
    let to = SocketAddr::new(word(words, 0)?.parse()?, word(words, 1)?.parse()?);
    let connected = tcp(to);
    if changes.iter().any(Result::is_ok) {
        return Ok(Came::Breach(format!("a change was accepted: {changes:?}")));
    }
    connected.map_err(|error| format!("{changes:?}; {error}").into())
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

/// Sends netlink messages, and reads what the kernel says to the last.
pub(crate) fn netlink(protocol: i32, messages: &[u8]) -> Result<(), String> {
    let socket = attempt::socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol).map_err(text)?;
    let fd = socket.as_raw_fd();
    let address = [&(libc::AF_NETLINK as u16).to_ne_bytes()[..], &[0; 10]].concat();
    let length = messages.len() as i64;
    let to =
        [fd.into(), Argument::Bytes(messages), length.into(), 0.into(), Argument::Bytes(&address), 12.into()];
    call(libc::SYS_sendto, to).map_err(text)?;
    let mut answer = [0; 4096];
    let read =
        [fd.into(), Argument::Room(&mut answer), 4096.into(), libc::MSG_DONTWAIT.into(), 0.into(), 0.into()];
    call(libc::SYS_recvfrom, read).map_err(text)?;
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(text(std::io::Error::from_raw_os_error(-code))),
        None => Err("no answer".into()),
    }
}

/// A message: type, flags and body; an acknowledgement is asked for.
pub(crate) fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    const REQUEST_AND_ACKNOWLEDGE: u16 = 5;
    let length = (16 + body.len()) as u32;
    [
        &length.to_ne_bytes()[..],
        &kind.to_ne_bytes(),
        &(flags | REQUEST_AND_ACKNOWLEDGE).to_ne_bytes(),
        &1_u32.to_ne_bytes(),
        &[0; 4],
        body,
    ]
    .concat()
}

pub(crate) const CREATE: u16 = 0x400;

fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = [&(4 + content.len() as u16).to_ne_bytes()[..], &kind.to_ne_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `RTM_NEWROUTE`: 203.0.113.0/24 by link 2, or 1.
pub(crate) fn route_add() -> Result<(), String> {
    let by = |link: u32| {
        // Table main, protocol boot, scope link, unicast.
        let head = [2, 24, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0];
        let body = [&head[..], &attribute(1, &[203, 0, 113, 0]), &attribute(4, &link.to_ne_bytes())].concat();
        netlink(libc::NETLINK_ROUTE, &message(24, CREATE, &body))
    };
    by(2).or_else(|_| by(1))
}

/// `RTM_NEWADDR`: 203.0.113.5/24 on link 1.
pub(crate) fn address_add() -> Result<(), String> {
    let head = [2, 24, 0, 0, 1, 0, 0, 0];
    let body = [&head[..], &attribute(1, &[203, 0, 113, 5]), &attribute(2, &[203, 0, 113, 5])].concat();
    netlink(libc::NETLINK_ROUTE, &message(20, CREATE, &body))
}

/// `RTM_NEWLINK`: loopback up or down.
pub(crate) fn link_flags(up: u32) -> Result<(), String> {
    let body = [&[0, 0, 0, 0, 1, 0, 0, 0][..], &up.to_ne_bytes(), &1_u32.to_ne_bytes()].concat();
    netlink(libc::NETLINK_ROUTE, &message(16, 0, &body))
}

/// `RTM_DELRULE`: the first rule of IPv4.
fn rule_delete() -> Result<(), String> {
    netlink(libc::NETLINK_ROUTE, &message(33, 0, &[2, 0, 0, 0, 255, 0, 0, 1, 0, 0, 0, 0]))
}

/// Deletes all tables of nftables, in a batch.
fn flush() -> Result<(), String> {
    let marker = [0, 0, 0, 10]; // the subsystem, in network byte order
    let batch = [
        message(16, 0, &marker),                  // NFNL_MSG_BATCH_BEGIN
        message((10 << 8) | 2, 0, &[0, 0, 0, 0]), // NFT_MSG_DELTABLE of every family
        message(17, 0, &marker),
    ];
    netlink(libc::NETLINK_NETFILTER, &batch.concat())
}

/// Enters a network namespace by a path, or that of the process `supervisor`, `helper` or 1; with the user namespace first.
fn join_namespace(words: &[&str]) -> Outcome {
    let process = match word(words, 0)? {
        "supervisor" => supervisor()?,
        "helper" => helper()?,
        other => other.parse()?,
    };
    let before = fs::read_link("/proc/self/ns/net")?;
    let enter = |kind: &str, flag: i32| -> Result<(), String> {
        let path = format!("/proc/{process}/ns/{kind}");
        let file = fs::File::open(&path).map_err(|error| format!("{path}: {error}"))?;
        call(libc::SYS_setns, [file.as_raw_fd().into(), flag.into()]).map(drop).map_err(text)
    };
    let entered = [
        enter("user", libc::CLONE_NEWUSER),
        enter("net", libc::CLONE_NEWNET),
        enter("mnt", libc::CLONE_NEWNS),
    ];
    if fs::read_link("/proc/self/ns/net")? != before {
        return Ok(Came::Breach(format!("another network namespace, {entered:?}")));
    }
    after(words.get(1..).unwrap_or_default(), &[]).map_err(|error| format!("{entered:?}; {error}").into())
}

/// Makes a network namespace of its own, gives it a veth, and tries to put the other end into that of the supervisor.
fn nested(words: &[&str]) -> Outcome {
    let outside = supervisor()?;
    call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNET).into()])?;
    // RTM_NEWLINK with IFLA_LINKINFO { IFLA_INFO_KIND "veth", IFLA_INFO_DATA { VETH_INFO_PEER { IFLA_NET_NS_PID } } }.
    let peer = [vec![0; 16], attribute(19, &outside.to_ne_bytes())].concat();
    let data = [attribute(1, b"veth\0"), attribute(2 | 0x8000, &attribute(1, &peer))].concat();
    let body = [vec![0; 16], attribute(18 | 0x8000, &data)].concat();
    let linked = netlink(libc::NETLINK_ROUTE, &message(16, CREATE | 0x200, &body));
    after(words, &[linked])
}

/// Becomes another user, with all the ways of doing so.
fn become_root(words: &[&str]) -> Outcome {
    let results = [
        call(libc::SYS_setresuid, [0.into(), 0.into(), 0.into()]),
        call(libc::SYS_setresgid, [0.into(), 0.into(), 0.into()]),
        call(libc::SYS_setgroups, [0.into(), 0.into()]),
    ];
    let changes = [flush(), route_add()];
    after(words, &changes).map_err(|error| format!("{results:?}; {error}").into())
}

/// Whether the process could do anything to the network that it is in.
fn capabilities() -> Outcome {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let held: Vec<String> =
        ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].into_iter().map(of).collect();
    let new_privileges = of("NoNewPrivs:");
    let none = held.iter().all(|set| u64::from_str_radix(set, 16).ok() == Some(0));
    if new_privileges == "1" && none {
        return Err("none, and no new privileges".into());
    }
    Ok(Came::Breach(format!("capabilities {held:?}, no_new_privs {new_privileges}")))
}

/// Writes settings of the kernel, of the network and others.
fn sysctl(words: &[&str]) -> Outcome {
    let path = word(words, 0)?;
    let now = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    fs::write(path, &now).map_err(|error| format!("{path}: {error}"))?;
    Ok(Came::Breach(format!("{path} was written")))
}

/// Mounts a file system that shows or changes the network.
fn mount(words: &[&str]) -> Outcome {
    let kind = format!("{}\0", word(words, 0)?);
    let folder = temporary("mount");
    fs::create_dir(&folder)?;
    let path = format!("{}\0", folder.display());
    let arguments = [
        Argument::Bytes(kind.as_bytes()),
        Argument::Bytes(path.as_bytes()),
        Argument::Bytes(kind.as_bytes()),
        0.into(),
        0.into(),
    ];
    let mounted = call(libc::SYS_mount, arguments);
    let outcome = mounted.map_err(|error| format!("{}: {error}", word(words, 0).unwrap_or_default()).into());
    let outcome = outcome.map(|_| {
        let written = fs::read_to_string(folder.join("sys/net/ipv4/ip_forward"))
            .and_then(|value| fs::write(folder.join("sys/net/ipv4/ip_forward"), value));
        let _ = call(libc::SYS_umount2, [Argument::Bytes(path.as_bytes()), 2.into()]);
        Came::Breach(format!("mounted; settings written: {written:?}"))
    });
    let _ = fs::remove_dir(&folder);
    outcome
}

/// Takes a mask away, also in a mount namespace of its own.
fn unmount(words: &[&str]) -> Outcome {
    let path = format!("{}\0", word(words, 0)?);
    let attempt = || call(libc::SYS_umount2, [Argument::Bytes(path.as_bytes()), 2.into()]);
    let first = attempt();
    let unshared = call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into()]);
    match (first, attempt()) {
        (Err(first), Err(second)) => Err(format!("{first}; {unshared:?}; {second}").into()),
        _ => Ok(Came::Breach(format!("{} was unmounted", word(words, 0)?))),
    }
}

/// Whether a program with privileges of its own gets them.
fn set_user_program(words: &[&str]) -> Outcome {
    let program = word(words, 0)?;
    let output = std::process::Command::new(program).args(words.get(1..).unwrap_or_default()).output()?;
    if output.status.success() {
        return Ok(Came::Reached(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into())
}
