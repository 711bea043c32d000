//! Whether a link has IPv6, as the kernel's list of links tells.

use netwright_route::Link;

use crate::plan::LEAST_IPV6_MTU;

/// The places of settings in the list (`DEVCONF_*`).
const ACCEPT_RA: usize = 3;
const DISABLE_IPV6: usize = 26;

fn setting(link: &Link, place: usize) -> Option<i32> {
    let values = link.families().ok().flatten()?.ipv6?.configuration?;
    let start = place * size_of::<i32>();
    let value = values.get(start..start + size_of::<i32>())?;
    Some(i32::from_ne_bytes(value.try_into().ok()?))
}

/// Whether IPv6 is switched off there: the kernel takes all of it away, and takes nothing of it.
pub(crate) fn is_off(link: &Link) -> bool {
    setting(link, DISABLE_IPV6).is_some_and(|off| off != 0)
}

/// Whether a link has IPv6: it is not switched off, nor the link too small for it.
pub(crate) fn has_ipv6(link: &Link) -> bool {
    !is_off(link) && link.mtu.is_none_or(|mtu| mtu >= LEAST_IPV6_MTU)
}

/// Whether routers are listened to even where the host is one itself.
pub(crate) fn always_listens(link: &Link) -> bool {
    setting(link, ACCEPT_RA) == Some(2)
}
