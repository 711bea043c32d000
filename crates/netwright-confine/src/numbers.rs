//! Which users and groups exist in this user namespace.

use std::fs;

/// Whether a user has this number here; that of all who have none is nobody's, where it was not given.
#[must_use]
pub fn has_user(number: u32) -> bool {
    has("/proc/self/uid_map", number)
}

/// The same of a group.
#[must_use]
pub(crate) fn has_group(number: u32) -> bool {
    has("/proc/self/gid_map", number)
}

/// Whether groups may be set here at all: where an ordinary user has made the namespace, they may not.
pub(crate) fn may_set_groups() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|state| state.trim() == "allow")
}

fn has(map: &str, number: u32) -> bool {
    let map = fs::read_to_string(map).unwrap_or_default();
    map.lines().any(|extent| {
        let mut numbers = extent.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(count))) = (numbers.next(), numbers.nth(1)) else { return false };
        number.checked_sub(first).is_some_and(|place| place < count)
    })
}
