//! Making links, many at a time.

use std::collections::HashSet;

use netwright_route::LinkId;
use netwright_route::link::{Change, Create, LinkKind};
use netwright_state::{Action, candidate_indexes, step};
use netwright_sys::Tun;
use netwright_wire::Errno;

use super::Live;
use super::requests::Ready;
use crate::{Error, Result};

/// How many actions at the front make links of which none lies on another of them.
pub(super) fn creations(actions: &[&Action]) -> usize {
    let mut made: HashSet<u32> = HashSet::new();
    let free = |action: &&&Action| {
        let Action::CreateLink(id, create) = action else { return false };
        let mut kind = create.kind.clone();
        let below = step::links_in_kind(&mut kind).into_iter().map(|index| *index);
        let mut below = below.chain(create.parent.map(|parent| parent.index));
        let free = !matches!(create.kind, LinkKind::Tun(_)) && !below.any(|index| made.contains(&index));
        made.insert(id.index);
        made.extend(peer(create).map(|(index, _)| index));
        free
    };
    actions.iter().take_while(free).count()
}

/// The other end of a veth, by index and name.
fn peer(create: &Create) -> Option<(u32, String)> {
    let LinkKind::Veth(veth) = &create.kind else { return None };
    let peer = veth.peer.as_ref()?;
    Some((peer.header.index, peer.name()?.to_owned()))
}

fn is_taken(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::EBUSY | Errno::EEXIST))
}

/// A link that is about to be made.
struct Making {
    create: Create,
    alias: Option<String>,
    /// Its names and indexes, as it was asked for: one, or of a veth two.
    ends: Vec<(u32, String)>,
}

impl Live<'_> {
    pub(super) fn create(&mut self, id: LinkId, create: &Create) -> Result<()> {
        let mut making = self.making(id, create)?;
        if let LinkKind::Tun(tun) = &making.create.kind {
            self.create_tun(&making.create, tun)?;
        } else {
            self.create_by_netlink(&mut making.create)?;
        }
        for (_, end) in &making.ends {
            self.indexes.remove(end);
        }
        self.set_aliases(&[making])
    }

    /// Many that do not lie on each other. Where one is refused, those behind it may have been made all the same.
    pub(super) fn create_run(&mut self, actions: &[&Action]) -> std::result::Result<(), (usize, Error)> {
        let mut all = Vec::with_capacity(actions.len());
        let mut ready = Vec::with_capacity(actions.len());
        for (place, action) in actions.iter().enumerate() {
            let Action::CreateLink(id, create) = action else { continue };
            let making = self.making(*id, create).map_err(|error| (place, error))?;
            ready.push(Ready::creation(&making.create).map_err(|error| (place, error))?);
            all.push(making);
        }
        let sent = self.with_connection(|connection| connection.send_many(&ready));
        let failures = sent.map_err(|error| (0, error))?;
        // 0 is what the kernel chooses
        for (index, end) in all.iter().flat_map(|making| &making.ends).filter(|(index, _)| *index != 0) {
            self.indexes.insert(end.clone(), *index);
        }
        let (mut made, mut refused) = (vec![true; all.len()], None);
        for failure in failures {
            let Some(making) = all.get_mut(failure.index) else { continue };
            for (_, end) in &making.ends {
                self.indexes.remove(end);
            }
            let again = match is_taken(&failure.error) {
                true => self.create_by_netlink(&mut making.create),
                false => Err(failure.error),
            };
            if let (Err(error), Some(made)) = (again, made.get_mut(failure.index)) {
                *made = false;
                refused.get_or_insert((failure.index, error));
            }
        }
        let mut places = made.into_iter();
        all.retain(|_| places.next() == Some(true));
        let marked = self.set_aliases(&all).map_err(|error| (0, error));
        refused.map_or(marked, Err)
    }

    /// What is asked for, with the indexes that links have now.
    fn making(&mut self, id: LinkId, create: &Create) -> Result<Making> {
        let name = create.settings.name.clone().unwrap_or_default();
        let mut ends = vec![(create.index.unwrap_or(id.index), name)];
        ends.extend(peer(create));
        for (index, end) in &ends {
            self.names.insert(*index, end.clone());
            self.indexes.remove(end);
        }
        self.names.insert(id.index, ends.first().map(|(_, name)| name.clone()).unwrap_or_default());
        let mut create = create.clone();
        create.parent = create.parent.map(|parent| self.resolve(parent)).transpose()?;
        self.resolve_kind(&mut create.kind)?;
        let alias = create.settings.alias.take();
        Ok(Making { create, alias, ends })
    }

    /// The kernel does not take the alias with the request that makes a link.
    fn set_aliases(&mut self, all: &[Making]) -> Result<()> {
        let mut ready = Vec::with_capacity(all.len());
        for making in all {
            let Some(alias) = &making.alias else { continue };
            for (_, end) in &making.ends {
                let link = self.resolve(LinkId::named(u32::MAX, end))?;
                ready.push(Ready::change(link, &Change::alias(alias.as_str()))?);
            }
        }
        let failures = self.with_connection(|connection| connection.send_many(&ready))?;
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
    }

    /// The index that was reserved may have been given to somebody else meanwhile: then others are tried, unless it is the name
    /// that is somebody else's.
    fn create_by_netlink(&self, create: &mut Create) -> Result<()> {
        let mut others = create.index.into_iter().flat_map(candidate_indexes).skip(1);
        loop {
            let error = match self.with_connection(|connection| connection.acknowledge(&*create)) {
                Err(error) if is_taken(&error) => error,
                made => return made,
            };
            let Some(index) = others.next().filter(|_| !self.is_name_taken(create)) else {
                return Err(error);
            };
            let further = index.saturating_sub(create.index.unwrap_or(index));
            create.index = Some(index);
            if let LinkKind::Veth(veth) = &mut create.kind
                && let Some(peer) = veth.peer.as_mut().filter(|peer| peer.header.index != 0)
            {
                peer.header.index = peer.header.index.saturating_add(further);
            }
        }
    }

    fn is_name_taken(&self, create: &Create) -> bool {
        let names = create.settings.name.clone().into_iter().chain(peer(create).map(|(_, name)| name));
        names.into_iter().any(|name| self.net.links().get(&name).is_ok())
    }

    fn create_tun(&self, create: &Create, tun: &netwright_route::link::kind::Tun) -> Result<()> {
        let name = create.settings.name.clone().unwrap_or_default();
        let device = Tun {
            name: name.clone(),
            index: create.index,
            ethernet: tun.mode == Some(netwright_route::link::kind::TunMode::TAP),
            owner: tun.owner,
            group: tun.group,
            packet_information: tun.packet_information == Some(true),
            virtio_header: tun.virtio_header == Some(true),
            multiple_queues: tun.multiple_queues == Some(true),
        };
        // the index may be somebody else's by now, and not every kernel lets it be chosen
        if device.create(self.net.namespace()).is_err() {
            Tun { index: None, ..device }.create(self.net.namespace())?;
        }
        let made = self.net.links().get(&name)?;
        let settings = Change { name: None, ..create.settings.clone() };
        self.net.links().set(&made, settings)
    }
}
