//! What there is in a network namespace, as data.

use std::collections::BTreeMap;
use std::fmt;

use netwright_route::{Address, Family, Link, Neighbour, Route, Rule};

use crate::model::Host;
use crate::plan::LINK_ALIAS;
use crate::ruleset::Ruleset;

/// What there is in a namespace at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// All links.
    pub links: Vec<Link>,
    /// All addresses.
    pub addresses: Vec<Address>,
    /// All routes of all tables.
    pub routes: Vec<Route>,
    /// All policy rules of IPv4 and IPv6.
    pub rules: Vec<Rule>,
    /// All neighbours, and the addresses that are answered for (`proxy`).
    pub neighbours: Vec<Neighbour>,
    /// The values of those settings that were asked for and exist.
    pub settings: BTreeMap<Setting, String>,
    /// The firewall.
    pub firewall: Ruleset,
}

impl Snapshot {
    /// The link of a name, or else of an alternative name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        let alternative = |link: &&Link| link.alternative_names.iter().any(|other| other == name);
        self.links.iter().find(|link| link.name == name).or_else(|| self.links.iter().find(alternative))
    }

    /// The link of an index.
    #[must_use]
    pub fn link_at(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }
}

/// What a snapshot must have besides what is always listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Settings to read; one that does not exist is left out of the snapshot.
    pub settings: Vec<Setting>,
    /// The names of the links that stay. Of netwright's own links that are not among them all settings are read as
    /// well ([`settings_of`](Wanted::settings_of)), so that their deletion can be taken back.
    pub links: Vec<String>,
}

impl Wanted {
    /// What a plan for the host needs to know.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let settings = declared(host).into_iter().map(|(setting, _)| setting).collect();
        let links =
            host.links.iter().flat_map(|link| std::iter::once(&link.name).chain(&link.alternative_names));
        Wanted { settings, links: links.cloned().collect() }
    }

    /// The settings to read of a link that is there.
    #[must_use]
    pub fn settings_of(&self, link: &Link) -> Vec<Setting> {
        let stays = self.links.iter().any(|name| *name == link.name || link.alternative_names.contains(name));
        if stays || link.alias.as_deref() != Some(LINK_ALIAS) {
            return Vec::new();
        }
        let of = |family, name| Setting { family, link: Some(link.name.clone()), name };
        let ipv4 = IPV4_SETTINGS.iter().map(|name| of(Family::IPV4, *name));
        ipv4.chain(IPV6_SETTINGS.iter().map(|name| of(Family::IPV6, *name))).collect()
    }
}

/// A setting of the kernel, below `/proc/sys/net`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The link's name as the host file has it, which may be an alternative one; `None` is the whole host.
    pub link: Option<String>,
    /// The name of its file, such as `rp_filter`.
    pub name: &'static str,
}

impl Setting {
    /// Whether the host passes packets of a family on.
    #[must_use]
    pub fn forwarding(family: Family) -> Self {
        Setting { family, link: None, name: "forwarding" }
    }

    /// The components of its path below `/proc/sys/net`. `link` is the main name of the link: there is no path by
    /// an alternative one.
    #[must_use]
    pub fn path<'a>(&'a self, link: Option<&'a str>) -> Vec<&'a str> {
        let family = if self.family == Family::IPV6 { "ipv6" } else { "ipv4" };
        match link.or(self.link.as_deref()) {
            None if self.family == Family::IPV4 && self.name == "forwarding" => vec![family, "ip_forward"],
            None => vec![family, "conf", "all", self.name],
            Some(link) => vec![family, "conf", link, self.name],
        }
    }
}

/// As sysctl(8) writes it: a dot in a link's name becomes a slash.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("net")?;
        self.path(None).into_iter().try_for_each(|part| write!(f, ".{}", part.replace('.', "/")))
    }
}

/// Every setting that the host declares, with its value: those of the whole host first, since the kernel sets the
/// links' from them.
pub(crate) fn declared(host: &Host) -> Vec<(Setting, u32)> {
    let forwarding = host.forwarding.as_ref();
    let ipv4 = forwarding.and_then(|forwarding| forwarding.ipv4).map(|on| (Family::IPV4, on));
    let ipv6 = forwarding.and_then(|forwarding| forwarding.ipv6).map(|on| (Family::IPV6, on));
    let whole = ipv4.into_iter().chain(ipv6);
    let mut settings: Vec<_> =
        whole.map(|(family, on)| (Setting::forwarding(family), u32::from(on))).collect();
    for link in &host.links {
        let of = |family, (name, value)| (Setting { family, link: Some(link.name.clone()), name }, value);
        settings.extend(link.ipv4.sysctls().into_iter().map(|setting| of(Family::IPV4, setting)));
        settings.extend(link.ipv6.sysctls().into_iter().map(|setting| of(Family::IPV6, setting)));
    }
    settings
}

/// The settings of links that a host file can declare.
const IPV4_SETTINGS: &[&str] = &[
    "forwarding",
    "rp_filter",
    "proxy_arp",
    "accept_local",
    "arp_ignore",
    "arp_announce",
    "arp_filter",
    "accept_redirects",
    "send_redirects",
    "accept_source_route",
    "route_localnet",
    "log_martians",
];
const IPV6_SETTINGS: &[&str] = &[
    "disable_ipv6",
    "forwarding",
    "accept_ra",
    "autoconf",
    "use_tempaddr",
    "addr_gen_mode",
    "accept_dad",
    "proxy_ndp",
    "accept_redirects",
    "accept_source_route",
    "hop_limit",
];

#[cfg(test)]
mod tests;
