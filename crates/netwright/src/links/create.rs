//! Making links.

use std::collections::HashSet;
use std::ops::ControlFlow;

use netwright_route::link::kind::{self, TunMode};
use netwright_route::link::{Change, Create, Delete, Get, LinkKind, List};
use netwright_route::{Link, LinkId};
use netwright_sys::{Cause, Error, Namespace, Tun, protocol};
use netwright_wire::Unknown;

use super::change::{apply, open};
use crate::Result;
use crate::driver::{Blocking, Driver as _};

/// Makes a link with all its settings, wherever it is to be, and tells what was made. Where something of it is refused, nothing
/// is left.
pub(crate) fn create(driver: &Blocking, mut create: Create) -> Result<Link> {
    if let LinkKind::Tun(kind) = &create.kind {
        refuse_for_tun(kind, &create)?;
        return create_tun(driver, kind, create.index, create.settings);
    }
    // Opened before anything is made: what cannot be looked into cannot be told of.
    let elsewhere = create.settings.namespace.as_ref().map(open).transpose()?.map(Blocking::new);
    let there = elsewhere.as_ref().unwrap_or(driver);
    let (now, mut later) = std::mem::take(&mut create.settings).split_for_creation();
    create.settings = now;
    let peer = take_peer(&mut create.kind)?;

    let made = make(driver, there, &mut create)?;
    later.mtu = create.settings.mtu.filter(|mtu| made.mtu != Some(*mtu)); // a macsec takes the one that suits what is below
    let master = create.settings.master.is_some();
    let finish = || {
        if let Some((namespace, settings)) = &peer {
            // Their names are the kernel's affair, but each knows the other's index.
            let end = made.parent.map(LinkId::new).ok_or_else(|| no_peer(&made))?;
            match namespace {
                Some(namespace) => apply(&Blocking::new(namespace.clone()), end, settings.clone())?,
                None => apply(driver, end, settings.clone())?,
            }
        }
        if !later.is_empty() {
            apply(there, made.id(), later.clone())?;
        }
        // the kernel tells of a link before it makes it a port
        if master || !later.is_empty() {
            return there.query(Get::by_index(made.index));
        }
        Ok(made.clone())
    };
    finish().inspect_err(|_| {
        let _ = there.acknowledge(Delete::new(&made)); // the first error is the one to tell
    })
}

fn no_peer(made: &Link) -> Error {
    Error::new(format!("find the peer of {made}"), Cause::NoAnswer)
}

/// What is to be set on the peer afterwards, and where, if it is in another namespace.
fn take_peer(kind: &mut LinkKind) -> Result<Option<(Option<Namespace>, Change)>> {
    let LinkKind::Veth(kind::Veth { peer: Some(peer), .. }) = kind else { return Ok(None) };
    let Some(later) = peer.later.take() else { return Ok(None) };
    let namespace = peer.namespace.as_ref().map(open).transpose()?;
    Ok(Some((namespace, *later)))
}

/// Makes it under its name, or under the first free one of its kind, as the kernel would name it: it does not always tell what
/// it has chosen.
fn make(driver: &Blocking, there: &Blocking, create: &mut Create) -> Result<Link> {
    let name = create.settings.name.clone().unwrap_or_else(|| format!("{}%d", create.kind.name()));
    let Some((before, behind)) = name.split_once("%d") else { return make_named(driver, there, create) };
    let mut taken = HashSet::new();
    there.each(List::default(), |link| {
        taken.extend(link.attributes.name()?.map(|name| name.to_string()));
        Ok(ControlFlow::Continue(()))
    })?;
    let free = (0..u32::MAX).map(|number| format!("{before}{number}{behind}"));
    let mut unnamed_peer = matches!(&create.kind, LinkKind::Veth(veth) if veth.peer.as_ref().is_none_or(|peer| peer.name().is_none()));
    for name in free.filter(|name| !taken.contains(name)) {
        create.settings.name = Some(name.clone());
        match make_named(driver, there, create) {
            // somebody else was faster, or the kernel, with the other end of the pair
            Err(error)
                if error.is_exists()
                    && (std::mem::take(&mut unnamed_peer) || there.query(Get::by_name(&name)).is_ok()) => {}
            made => return made,
        }
    }
    Err(Error::request(&*create, Cause::Invalid("no name is free".into())))
}

fn make_named(driver: &Blocking, there: &Blocking, create: &Create) -> Result<Link> {
    let told = driver.run(protocol::ROUTE, |connection| connection.make(create))?;
    match told {
        Some(link) => Ok(link),
        None => there.query(Get::by_name(create.settings.name.as_deref().unwrap_or_default())),
    }
}

/// Refuses what cannot be said through the device file. How many queues are open is the state of one that is there.
fn refuse_for_tun(kind: &kind::Tun, create: &Create) -> Result<()> {
    let what = if create.parent.is_some() {
        "a tunnel of a program stands on no other link"
    } else if create.transmit_queues.is_some() || create.receive_queues.is_some() {
        "a tunnel of a program gets its queues one by one, as it is opened"
    } else if kind.persist == Some(false) {
        "one that goes when it is closed is made by opening it"
    } else if kind.unknown != Unknown::default() {
        "it has options that are not known here"
    } else {
        return Ok(());
    };
    Err(Error::request(create, Cause::Invalid(what.into())))
}

/// The kernel makes these through their device file alone, so all their settings come after.
fn create_tun(driver: &Blocking, kind: &kind::Tun, index: Option<u32>, settings: Change) -> Result<Link> {
    let elsewhere = settings.namespace.as_ref().map(open).transpose()?.map(Blocking::new);
    let there = elsewhere.as_ref().unwrap_or(driver);
    let tun = Tun {
        name: settings.name.clone().unwrap_or_default(),
        index,
        ethernet: kind.mode == Some(TunMode::TAP),
        owner: kind.owner,
        group: kind.group,
        packet_information: kind.packet_information == Some(true),
        virtio_header: kind.virtio_header == Some(true),
        multiple_queues: kind.multiple_queues == Some(true),
    };
    let name = tun.create(there.namespace())?;
    let made = there.query(Get::by_name(&name))?;
    let change = Change { name: None, namespace: None, ..settings };
    if change.is_empty() {
        return Ok(made);
    }
    let finish = || {
        apply(there, made.id(), change)?;
        there.query(Get::by_index(made.index))
    };
    finish().inspect_err(|_| {
        let _ = there.acknowledge(Delete::new(&made));
    })
}
