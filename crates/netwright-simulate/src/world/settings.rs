//! Settings of the kernel that a test must not inherit from the machine that runs it.

use std::fmt;

use netwright_sys::{Error, Namespace, Result, Sysctl};
use netwright_wire::Errno;

/// What the machine that runs the test may have set otherwise for new namespaces; the values are the kernel's own.
const HOST: &[(&[&str], u32)] = &[
    (&["ipv4", "ip_forward"], 0),
    // whether bridged packets see the rules of IP depends on what else was ever loaded on this machine
    (&["bridge", "bridge-nf-call-iptables"], 0),
    (&["bridge", "bridge-nf-call-ip6tables"], 0),
    (&["bridge", "bridge-nf-call-arptables"], 0),
    // each refusal shall be heard, however quickly the flows come
    (&["ipv4", "icmp_ratemask"], 0),
    (&["ipv4", "icmp_msgs_per_sec"], 1_000_000),
    (&["ipv4", "icmp_msgs_burst"], 1_000_000),
    (&["ipv6", "icmp", "ratelimit"], 0),
    // nobody has these addresses twice, so nobody need wait
    (&["ipv6", "conf", "all", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "accept_dad"], 0),
    (&["ipv6", "conf", "default", "router_solicitations"], 0),
    // which groups the host is in is told at once, not some time later
    (&["ipv6", "conf", "default", "mldv1_unsolicited_report_interval"], 1),
    (&["ipv6", "conf", "default", "mldv2_unsolicited_report_interval"], 1),
    (&["ipv4", "conf", "default", "igmpv2_unsolicited_report_interval"], 1),
    (&["ipv4", "conf", "default", "igmpv3_unsolicited_report_interval"], 1),
    // whoever is answered for is answered for at once
    (&["ipv4", "neigh", "default", "proxy_delay"], 0),
    (&["ipv6", "neigh", "default", "proxy_delay"], 0),
    // one connection shall not learn from another
    (&["ipv4", "tcp_no_metrics_save"], 1),
    // many connections at once
    (&["core", "somaxconn"], 1 << 20),
    (&["ipv4", "tcp_max_syn_backlog"], 1 << 20),
];

/// The same for each link and for those to come, below `ipv4/conf`.
const LINKS: &[(&str, u32)] = &[
    ("rp_filter", 0),
    ("arp_ignore", 0),
    ("arp_announce", 0),
    ("arp_filter", 0),
    ("arp_accept", 0),
    ("proxy_arp", 0),
    ("accept_local", 0),
    ("route_localnet", 0),
    ("accept_redirects", 1),
    // one that is told of a better way is not told for a while that there is none
    ("send_redirects", 0),
    ("src_valid_mark", 0),
    ("drop_unicast_in_l2_multicast", 0),
    ("drop_gratuitous_arp", 0),
    ("disable_policy", 0),
    ("disable_xfrm", 0),
];

const FABRIC: &[(&[&str], u32)] = &[(&["ipv6", "conf", "default", "disable_ipv6"], 1)];

/// A setting that could not be written, and is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unset {
    key: String,
    wanted: u32,
    found: String,
}

/// `net.ipv4.icmp_ratemask is 6168 and cannot be set to 0`
impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} and cannot be set to {}", self.key, self.found, self.wanted)
    }
}

pub(super) fn prepare_host(namespace: &Namespace) -> Result<Vec<Unset>> {
    let of_links = LINKS
        .iter()
        .flat_map(|(name, value)| ["all", "default"].map(|link| (vec!["ipv4", "conf", link, *name], *value)));
    let all: Vec<(Vec<&str>, u32)> =
        HOST.iter().map(|(key, value)| (key.to_vec(), *value)).chain(of_links).collect();
    write(namespace, &all)
}

pub(super) fn prepare_fabric(namespace: &Namespace) -> Result<Vec<Unset>> {
    let all: Vec<(Vec<&str>, u32)> = FABRIC.iter().map(|(key, value)| (key.to_vec(), *value)).collect();
    // nothing of it is more than less noise
    write(namespace, &all).map(|_| Vec::new())
}

/// Writes settings, as far as this kernel has them and lets them be written; those that are otherwise then.
fn write(namespace: &Namespace, settings: &[(Vec<&str>, u32)]) -> Result<Vec<Unset>> {
    namespace.run(|| {
        let own = Sysctl::new(&Namespace::current()?);
        let mut unset = Vec::new();
        for (key, wanted) in settings {
            match own.write(key, wanted) {
                Ok(()) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) if is_fixed(&error) => {
                    let found = own.read(key).unwrap_or_default().trim().to_owned();
                    if found != wanted.to_string() {
                        unset.push(Unset { key: format!("net.{}", key.join(".")), wanted: *wanted, found });
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(unset)
    })?
}

/// Whether a setting cannot be written because a container forbids it.
fn is_fixed(error: &Error) -> bool {
    error.is_permission() || error.errno() == Some(Errno::EROFS)
}
