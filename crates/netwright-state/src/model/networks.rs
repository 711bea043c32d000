//! Which link's network an address lies on, to be asked again and again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use netwright_route::prefix::Prefix;

use super::{Host, Link};

/// The networks of links, by their prefixes. It takes as many look-ups as there are lengths of prefixes, however many links.
#[derive(Clone, Debug)]
pub(crate) struct Networks<T> {
    by_prefix: HashMap<Prefix, T>,
    /// Whether of IPv4, and the length.
    lengths: BTreeSet<(bool, u8)>,
}

impl<T: Copy> Networks<T> {
    /// Where two have the same network, the last one counts.
    pub(crate) fn new(all: impl IntoIterator<Item = (Prefix, T)>) -> Self {
        let mut networks = Networks { by_prefix: HashMap::new(), lengths: BTreeSet::new() };
        for (network, of) in all {
            networks.lengths.insert((network.address.is_ipv4(), network.length));
            networks.by_prefix.insert(network.network(), of);
        }
        networks
    }

    /// That of the network with the longest prefix in which an address is.
    pub(crate) fn of(&self, address: IpAddr) -> Option<T> {
        let lengths = self.lengths.iter().rev().filter(|(ipv4, _)| *ipv4 == address.is_ipv4());
        let mut prefixes = lengths.map(|&(_, length)| Prefix { address, length }.network());
        prefixes.find_map(|prefix| self.by_prefix.get(&prefix).copied())
    }
}

/// What is asked of a host's addresses for each of its routes.
#[derive(Clone, Debug)]
pub(crate) struct Connected<'a> {
    pub(crate) networks: Networks<&'a Link>,
    pub(crate) own: HashSet<IpAddr>,
}

impl<'a> Connected<'a> {
    pub(crate) fn of(host: &'a Host) -> Self {
        let networks = host.links.iter().flat_map(|link| link.networks().map(move |network| (network, link)));
        let own = host.links.iter().flat_map(|link| &link.addresses).map(|own| own.address.address);
        Connected { networks: Networks::new(networks), own: own.collect() }
    }
}

#[cfg(test)]
mod tests;
