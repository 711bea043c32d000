//! The kernel headers that are installed here, read by the C compiler.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{output, root};
use crate::setup::find;

/// Headers with constants that the tables have; those that are not installed are left out.
const INCLUDED: &[&str] = &[
    "linux/netlink.h",
    "linux/rtnetlink.h",
    "linux/genetlink.h",
    "linux/icmpv6.h",
    "linux/if.h",
    "linux/if_addr.h",
    "linux/if_addrlabel.h",
    "linux/if_arp.h",
    "linux/if_bonding.h",
    "linux/if_bridge.h",
    "linux/if_ether.h",
    "linux/if_link.h",
    "linux/if_tun.h",
    "linux/if_tunnel.h",
    "linux/fib_rules.h",
    "linux/in.h",
    "linux/in6.h",
    "linux/lwtunnel.h",
    "linux/mpls_iptunnel.h",
    "linux/neighbour.h",
    "linux/net_namespace.h",
    "linux/netconf.h",
    "linux/nexthop.h",
    "linux/seg6_iptunnel.h",
    "linux/veth.h",
    "linux/xfrm.h",
    "linux/netfilter.h",
    "linux/netfilter_arp.h",
    "linux/netfilter_bridge.h",
    "linux/netfilter_ipv4.h",
    "linux/netfilter_ipv6.h",
    "linux/netfilter/nf_conntrack_common.h",
    "linux/netfilter/nf_conntrack_tuple_common.h",
    "linux/netfilter/nf_log.h",
    "linux/netfilter/nf_nat.h",
    "linux/netfilter/nf_synproxy.h",
    "linux/netfilter/nf_tables.h",
    "linux/netfilter/nf_tables_compat.h",
    "linux/netfilter/nfnetlink.h",
    "linux/netfilter/nfnetlink_conntrack.h",
    "linux/netfilter/nfnetlink_hook.h",
    "linux/netfilter/nfnetlink_log.h",
    "linux/netfilter/nfnetlink_osf.h",
    "linux/netfilter/nfnetlink_queue.h",
    // The C library's: the kernel does not install its own header of the states of sockets.
    "netinet/tcp.h",
];

/// The headers, and every word in them.
pub(crate) struct Headers {
    compiler: PathBuf,
    folder: PathBuf,
    /// Each header is read by itself, as not all of them agree with each other or with the C library.
    headers: Vec<(&'static str, HashSet<String>)>,
    /// The start that the names of an enumeration's members have in common.
    starts: HashMap<String, String>,
}

impl Headers {
    /// Reads them; the error says what is missing.
    pub(crate) fn open() -> Result<Headers, String> {
        let compiler = find("cc").ok_or("there is no C compiler")?;
        let folder = root().join("target/uapi");
        std::fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
        let mut headers = Headers { compiler, folder, headers: Vec::new(), starts: HashMap::new() };
        for header in INCLUDED {
            let text = headers.text(header)?;
            headers.headers.push((header, words(&text).map(str::to_owned).collect()));
            headers.starts.extend(common_starts(&text));
        }
        match headers.form("RTM_NEWLINK") {
            Some(_) => Ok(headers),
            None => Err("the kernel headers are not installed (package linux-libc-dev)".to_owned()),
        }
    }

    /// The headers' form of a name, which may have other underscores: `NFT_MSG_NEWTABLE` for `NFT_MSG_NEW_TABLE`.
    pub(crate) fn form(&self, name: &str) -> Option<&str> {
        let squeezed = name.replace('_', "");
        let words = || self.headers.iter().flat_map(|(_, words)| words);
        let alike =
            || words().filter(|word| word.starts_with(start(name)) && word.replace('_', "") == squeezed);
        words().find(|word| *word == name).or_else(|| alike().next()).map(String::as_str)
    }

    /// The name of a member of an enumeration in full.
    pub(crate) fn member(&self, enumeration: &str, rest: &str) -> Option<String> {
        Some(format!("{}{rest}", self.starts.get(enumeration)?))
    }

    /// The values of those of the names that the headers have.
    pub(crate) fn values<'a>(&self, names: &[&'a str]) -> Result<HashMap<&'a str, i128>, String> {
        let mut values = HashMap::new();
        for (header, words) in &self.headers {
            let asked: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| words.contains(*name) && !values.contains_key(name))
                .collect();
            if !asked.is_empty() {
                values.extend(self.values_in(header, &asked)?);
            }
        }
        Ok(values)
    }

    /// A header with what it includes, without comments.
    fn text(&self, header: &str) -> Result<String, String> {
        let source = self.folder.join("header.c");
        write(&source, &include(header))?;
        // -dD keeps the #define lines, so that macros are among the words as well as enumerations.
        output(Command::new(&self.compiler).args(["-E", "-dD"]).arg(&source))
    }

    fn values_in<'a>(&self, header: &str, names: &[&'a str]) -> Result<Vec<(&'a str, i128)>, String> {
        let mut source = format!("#include <stdio.h>\n{}int main(void) {{\n", include(header));
        for name in names {
            let _ = writeln!(source, "printf(\"%lld\\n\", (long long)({name}));");
        }
        source.push_str("return 0;\n}\n");
        let (file, program) = (self.folder.join("values.c"), self.folder.join("values"));
        write(&file, &source)?;
        output(Command::new(&self.compiler).args(["-w", "-o"]).args([&program, &file]))?;
        let printed = output(&mut Command::new(&program))?;
        let values: Vec<i128> = printed.lines().filter_map(|line| line.parse().ok()).collect();
        match values.len() == names.len() {
            true => Ok(names.iter().copied().zip(values).collect()),
            false => {
                Err(format!("{} values of {header} were asked for and {} came", names.len(), values.len()))
            }
        }
    }
}

/// A name up to its first underscore, with it: names that differ there are not alike.
fn start(name: &str) -> &str {
    name.find('_').and_then(|at| name.get(..=at)).unwrap_or(name)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The names of all enumerations with the start that their members' names have in common, up to an underscore.
fn common_starts(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split("enum ").skip(1).filter_map(|definition| {
        let (name, body) = definition.split_once('{')?;
        let (body, _) = body.split_once('}')?;
        let mut members = body.split(',').filter_map(|member| words(member).next());
        let mut members = members.by_ref().filter(|member| !member.starts_with("__"));
        let first = members.next()?;
        let common = members.fold(first, |start, member| {
            let same = start.bytes().zip(member.bytes()).take_while(|(a, b)| a == b).count();
            start.get(..same).unwrap_or_default()
        });
        let common = common.get(..=common.rfind('_')?)?;
        Some((words(name).next()?.to_owned(), common.to_owned()))
    })
}

fn include(header: &str) -> String {
    // Some headers use names of the C library that they do not include themselves.
    format!("#include <sys/socket.h>\n#if __has_include(<{header}>)\n#include <{header}>\n#endif\n")
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests;
