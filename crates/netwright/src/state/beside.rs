//! What others remove while a host file is applied: the kernel's notifications name the port of whoever asked.

use std::collections::HashSet;

use netwright_route::message::{group, kind};
use netwright_route::{Address, Neighbour, Object, Route};
use netwright_state::Removed;
use netwright_sys::{Connection, Namespace, Socket, protocol};
use netwright_wire::{Header, Message, MessageFlags};

use crate::Result;

/// Room for what comes between two looks, in bytes.
const BUFFER: usize = 4 << 20;

/// Listens to what changes.
#[derive(Debug)]
pub(super) struct Beside {
    connection: Connection,
    removed: Removed,
}

impl Beside {
    pub(super) fn listen(namespace: &Namespace) -> Result<Self> {
        let socket = Socket::open_in(namespace, protocol::ROUTE)?;
        let _ = socket.reserve_receive(BUFFER);
        let groups = [
            group::IPV4_ADDRESS,
            group::IPV6_ADDRESS,
            group::IPV4_ROUTE,
            group::IPV6_ROUTE,
            group::NEIGHBOUR,
        ];
        groups.into_iter().try_for_each(|group| socket.join(group))?;
        Ok(Beside { connection: Connection::new(socket), removed: Removed::default() })
    }

    /// What was asked for by sockets that are none of these. What is lost for want of room is not known of.
    pub(super) fn removed(&mut self, own: &HashSet<u32>) -> &Removed {
        let removed = &mut self.removed;
        let _ = self.connection.notifications(|message| {
            // 0 is the kernel itself
            if message.header.port != 0 && !own.contains(&message.header.port) {
                note(message, removed);
            }
        });
        removed
    }
}

fn note(message: &Message<'_>, removed: &mut Removed) {
    let replaces = message.header.flags.contains(MessageFlags::REPLACE);
    match message.header.kind {
        kind::DELETE_ADDRESS => removed.addresses.extend(object::<Address>(message)),
        kind::DELETE_ROUTE => removed.routes.extend(object::<Route>(message)),
        kind::NEW_ROUTE if replaces => removed.in_place.extend(object::<Route>(message)),
        kind::DELETE_NEIGHBOUR => removed.neighbours.extend(object::<Neighbour>(message)),
        _ => {}
    }
}

/// The object of a message that tells of its end.
fn object<T: Object>(message: &Message<'_>) -> Option<T> {
    let header = Header { kind: T::NEW, ..message.header };
    T::read(&Message { header, payload: message.payload }).ok().flatten()
}
