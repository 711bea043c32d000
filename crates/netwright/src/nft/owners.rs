//! Programs that own tables.

use std::fs;
use std::path::Path;

use netwright_netfilter::request::Find;
use netwright_netfilter::{Table, TableRef};
use netwright_nft::ir::Ruleset;
use netwright_sys::{Connection, Namespace, protocol};

/// Names the owners of tables.
pub(super) fn name(raw: &[Table], ruleset: &mut Ruleset, namespace: &Namespace) {
    for (raw, content) in raw.iter().zip(&mut ruleset.tables) {
        content.table.owner = raw.owner.and_then(|port| program(port, namespace)).map(|(_, name)| name);
    }
}

/// The owner of a table, in words; `None` where it has none.
pub(super) fn of(table: &TableRef, connection: &mut Connection, namespace: &Namespace) -> Option<String> {
    let owner = connection.query(&Find(table.clone())).ok()?.owner?;
    Some(match program(owner, namespace) {
        Some((process, name)) => format!("the program {name} (process {process})"),
        None => format!("another program (netlink port {owner})"),
    })
}

/// The process whose socket has a port, and its name; `None` where `/proc` does not tell.
fn program(port: u32, namespace: &Namespace) -> Option<(u32, String)> {
    let read = || fs::read_to_string("/proc/thread-self/net/netlink").ok();
    let sockets = if namespace.is_current() { read() } else { namespace.run(read).ok()? }?;
    let inode = sockets.lines().find_map(|line| inode_of(line, port))?;
    // most programs use the port that the kernel gives the first socket of a process
    let first = holds(port, &inode).then_some(port);
    let process = first.or_else(|| processes().find(|process| holds(*process, &inode)))?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    Some((process, name.trim_end().chars().map(plain).collect()))
}

/// The inode of the socket that a line is about, where that is for netfilter and has this port.
fn inode_of(line: &str, port: u32) -> Option<String> {
    let mut words = line.split_whitespace();
    let (protocol, number) = (words.nth(1)?.parse::<i32>().ok()?, words.next()?.parse::<u32>().ok()?);
    (protocol == protocol::NETFILTER && number == port).then(|| words.last().map(str::to_owned))?
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether a process has a socket open.
fn holds(process: u32, inode: &str) -> bool {
    let wanted = format!("socket:[{inode}]");
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(&wanted)))
}
