//! Settings of links as the list of links has them, so that none of their files is read.

use std::collections::HashMap;

use netwright_route::{Family, Link};
use netwright_wire::Attributes;

/// `IFLA_INET_CONF`, and the numbers of `IPV4_DEVCONF_*` less one.
const IPV4: (u16, &[(&str, usize)]) = (
    1,
    &[
        ("forwarding", 0),
        ("proxy_arp", 2),
        ("accept_redirects", 3),
        ("send_redirects", 5),
        ("rp_filter", 7),
        ("accept_source_route", 8),
        ("log_martians", 10),
        ("arp_filter", 12),
        ("arp_announce", 17),
        ("arp_ignore", 18),
        ("accept_local", 22),
        ("route_localnet", 25),
    ],
);

/// `IFLA_INET6_CONF`, and the numbers of `DEVCONF_*`.
const IPV6: (u16, &[(&str, usize)]) = (
    2,
    &[
        ("forwarding", 0),
        ("hop_limit", 1),
        ("mtu", 2),
        ("accept_ra", 3),
        ("accept_redirects", 4),
        ("autoconf", 5),
        ("use_tempaddr", 10),
        ("proxy_ndp", 22),
        ("accept_source_route", 24),
        ("disable_ipv6", 26),
        ("accept_dad", 27),
        ("addr_gen_mode", 47),
    ],
);

/// The value of a setting of a link, as its file would show it; `None` where the list does not have it.
pub(super) fn listed(link: &Link, family: Family, name: &str) -> Option<String> {
    let (number, (conf, places)) = match family {
        Family::IPV6 => (10, IPV6),
        _ => (2, IPV4),
    };
    let (_, place) = places.iter().find(|(known, _)| *known == name)?;
    let inside = |bytes, wanted: u16| {
        Attributes::new(bytes).flatten().find(|found| found.kind == wanted).map(|found| found.payload)
    };
    let values = inside(inside(&link.rest.families.as_ref()?.0, number)?, conf)?;
    let start = place * size_of::<i32>();
    let value = values.get(start..start + size_of::<i32>())?;
    Some(i32::from_ne_bytes(value.try_into().ok()?).to_string())
}

/// Links by their names, alternative ones as well.
pub(super) fn by_name(links: &[Link]) -> HashMap<&str, &Link> {
    let others = |link: &'_ Link| link.alternative_names.len();
    let mut found = HashMap::with_capacity(links.len() + links.iter().map(others).sum::<usize>());
    for link in links {
        for name in &link.alternative_names {
            found.entry(name.as_str()).or_insert(link);
        }
    }
    found.extend(links.iter().map(|link| (link.name.as_str(), link)));
    found
}
