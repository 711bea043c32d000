//! What this process may do.

use std::fs;

const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_ADMIN: u32 = 21;

/// Whether the calling thread has `CAP_NET_ADMIN` in its user namespace, which networks that belong to it need.
#[must_use]
pub fn net_admin() -> bool {
    effective(CAP_NET_ADMIN)
}

/// Whether the calling thread has `CAP_SYS_ADMIN` in its user namespace, which making and entering namespaces needs.
#[must_use]
pub fn sys_admin() -> bool {
    effective(CAP_SYS_ADMIN)
}

/// Whether the calling thread has all that makes root of a network: some engines of containers leave `CAP_NET_RAW` to nobody.
pub(crate) fn root_of_networks() -> bool {
    [CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN].into_iter().all(effective)
}

/// Whether the calling thread has `CAP_SETUID` and `CAP_SETGID` in its user namespace, which mapping others than itself needs.
#[must_use]
pub fn set_user_and_group() -> bool {
    effective(CAP_SETUID) && effective(CAP_SETGID)
}

/// Whether the process lives in another user namespace than the machine's first, where root is not almighty.
#[must_use]
pub fn in_user_namespace() -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !is_initial(&map))
}

fn effective(capability: u32) -> bool {
    fs::read_to_string("/proc/thread-self/status")
        .ok()
        .and_then(|status| effective_set(&status))
        .is_some_and(|set| set >> capability & 1 == 1)
}

fn effective_set(status: &str) -> Option<u64> {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}

/// The first user namespace maps every number to itself.
fn is_initial(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests;
