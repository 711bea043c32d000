//! Changing a link: all that a [`Change`] carries, in as many requests as the kernel needs for it.

use netwright_route::LinkId;
use netwright_route::link::{AlternativeNames, Change, Get, LinkFlags, NamespaceRef, Set};
use netwright_sys::Namespace;

use crate::Result;
use crate::driver::Blocking;

/// Sets everything. Where the last of several requests is refused, those before it stay done, but for alternative names, which are
/// taken away again.
pub(crate) fn apply(driver: &Blocking, link: LinkId, mut change: Change) -> Result<()> {
    let names = std::mem::take(&mut change.alternative_names);
    if names.is_empty() {
        return set(driver, link, change);
    }
    driver.acknowledge(&AlternativeNames { link, names: names.clone(), remove: false })?;
    if change.is_empty() {
        return Ok(());
    }
    set(driver, link, change).inspect_err(|_| {
        let _ = driver.acknowledge(&AlternativeNames { link, names, remove: true }); // the first error is the one to tell
    })
}

/// The kernel brings a link up before it looks at how its addresses of IPv6 are made, and then has made one.
fn set(driver: &Blocking, link: LinkId, mut change: Change) -> Result<()> {
    let up = change.set_flags & LinkFlags::UP;
    if change.address_generation.is_none() || up.is_empty() {
        return driver.acknowledge(&Set { link, change: &change });
    }
    change.set_flags -= LinkFlags::UP;
    let Some(namespace) = change.namespace.take() else {
        driver.acknowledge(&Set { link, change: &change })?;
        return driver.acknowledge(&Set { link, change: &Change::up() });
    };
    // Moving forgets how addresses are made, so that comes there.
    let name = match &change.name {
        Some(name) => name.clone(),
        None => driver.query(Get::by_index(link.index))?.name,
    };
    let there = Blocking::new(open(&namespace)?);
    let generation = Change { address_generation: change.address_generation.take(), ..Change::default() };
    change.namespace = Some(namespace);
    driver.acknowledge(&Set { link, change: &change })?;
    let link = there.query(Get::by_name(&name))?.id();
    there.acknowledge(&Set { link, change: &generation })?;
    there.acknowledge(&Set { link, change: &Change::up() })
}

/// The namespace that is meant, to look into it.
pub(crate) fn open(namespace: &NamespaceRef) -> Result<Namespace> {
    use std::os::fd::AsRawFd;
    let by_number = |descriptor: i32| Namespace::open_path(format!("/proc/self/fd/{descriptor}"));
    match namespace {
        NamespaceRef::Open(descriptor) => by_number(descriptor.as_raw_fd()),
        NamespaceRef::Descriptor(descriptor) => by_number(*descriptor),
        NamespaceRef::Process(process) => Namespace::of_pid(*process),
        _ => Err(netwright_sys::Error::new(
            "open a network namespace",
            netwright_sys::Cause::Invalid("it is named in a way that is not known here".into()),
        )),
    }
}
