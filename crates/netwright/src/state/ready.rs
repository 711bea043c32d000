//! Links that IPv6 has yet to notice: it gives one its own MTU once more when it is up and has a carrier, which may be a second later.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use netwright_route::link::{Change, Get, LinkFlags};
use netwright_route::{Family, Link, LinkId};

use super::{Live, PAUSE, conf};
use crate::Result;

/// How long a carrier may take.
const LONGEST: Duration = Duration::from_secs(4);

const LEAST: u32 = 1280; // IPV6_MIN_MTU

/// The links that were brought up.
#[derive(Debug, Default)]
pub(super) struct Raised {
    links: HashSet<u32>,
    /// Those that were waited for as long as is worth it.
    in_vain: HashSet<u32>,
}

impl Raised {
    /// Notes what a change does.
    pub(super) fn note(&mut self, link: LinkId, change: &Change) {
        if change.set_flags.contains(LinkFlags::UP) {
            self.links.insert(link.index);
            self.in_vain.remove(&link.index);
        }
    }

    /// Whether the kernel is yet to forget an MTU for IPv6. What somebody else brought up just now, and what came up along with a link
    /// that it lies on, is known by its carrier.
    fn waits(&self, link: &Link) -> bool {
        let dormant = link.flags.contains(LinkFlags::DORMANT);
        let of_bond = link.port.as_ref().is_some_and(|port| port.name() == "bond");
        let with_carrier = link.flags.contains(LinkFlags::LOWER_UP) && !dormant && !of_bond;
        (with_carrier || self.links.contains(&link.index))
            && !self.in_vain.contains(&link.index)
            && is_unnoticed(link)
            && has_own_mtu(link)
    }
}

/// Whether a link is up, and IPv6 has not noticed it.
fn is_unnoticed(link: &Link) -> bool {
    const READY: u32 = 1 << 31; // IF_READY
    let flags = link.families().ok().flatten().and_then(|families| families.ipv6?.flags);
    let is_off = conf::listed(link, Family::IPV6, "disable_ipv6").is_some_and(|off| off != "0");
    link.is_up() && !is_off && flags.is_some_and(|flags| flags & READY == 0)
}

/// Whether a link has an MTU for IPv6 that it would not have by itself.
fn has_own_mtu(link: &Link) -> bool {
    let of_ipv6 = conf::listed(link, Family::IPV6, "mtu");
    link.mtu.is_some_and(|mtu| mtu >= LEAST && of_ipv6.is_some_and(|own| own != mtu.to_string()))
}

impl Live<'_> {
    /// All links, once IPv6 has noticed those that have come up where that changes something.
    pub(super) fn settled_links(&mut self) -> Result<Vec<Link>> {
        let start = Instant::now();
        loop {
            let links = self.net.links().list()?;
            let waits = || links.iter().filter(|link| self.raised.waits(link)).map(|link| link.index);
            if start.elapsed() > LONGEST {
                let in_vain: Vec<u32> = waits().collect();
                self.raised.in_vain.extend(in_vain);
                return Ok(links);
            }
            if waits().next().is_none() {
                return Ok(links);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until IPv6 has noticed that a link is up. One without a carrier is not waited for long.
    pub(super) fn wait_until_ready(&self, link: LinkId) -> Result<()> {
        let start = Instant::now();
        loop {
            let found = self.with_connection(|connection| connection.query(&Get::by_index(link.index)))?;
            if !is_unnoticed(&found) || start.elapsed() > LONGEST {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }
}
