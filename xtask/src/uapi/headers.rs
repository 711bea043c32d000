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
    "linux/if.h",
    "linux/if_addr.h",
    "linux/if_addrlabel.h",
    "linux/if_arp.h",
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
    "linux/netfilter/nfnetlink_log.h",
    "linux/netfilter/nfnetlink_osf.h",
    "linux/netfilter/nfnetlink_queue.h",
];

/// The headers, and every word in them.
pub(crate) struct Headers {
    compiler: PathBuf,
    folder: PathBuf,
    /// Each header is read by itself, as not all of them agree with each other or with the C library.
    headers: Vec<(&'static str, HashSet<String>)>,
}

impl Headers {
    /// Reads them; the error says what is missing.
    pub(crate) fn open() -> Result<Headers, String> {
        let compiler = find("cc").ok_or("there is no C compiler")?;
        let folder = root().join("target/uapi");
        std::fs::create_dir_all(&folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
        let mut headers = Headers { compiler, folder, headers: Vec::new() };
        for header in INCLUDED {
            let words = headers.words(header)?;
            headers.headers.push((header, words));
        }
        match headers.know("RTM_NEWLINK") {
            true => Ok(headers),
            false => Err("the kernel headers are not installed (package linux-libc-dev)".to_owned()),
        }
    }

    /// Whether the headers have a name.
    pub(crate) fn know(&self, name: &str) -> bool {
        self.headers.iter().any(|(_, words)| words.contains(name))
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

    /// Every word of a header and of what it includes.
    fn words(&self, header: &str) -> Result<HashSet<String>, String> {
        let source = self.folder.join("words.c");
        write(&source, &include(header))?;
        // -dD keeps the #define lines, so that macros are among the words as well as enumerations.
        let text = output(Command::new(&self.compiler).args(["-E", "-dD"]).arg(&source))?;
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned);
        Ok(words.collect())
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

fn include(header: &str) -> String {
    // Some headers use names of the C library that they do not include themselves.
    format!("#include <sys/socket.h>\n#if __has_include(<{header}>)\n#include <{header}>\n#endif\n")
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
