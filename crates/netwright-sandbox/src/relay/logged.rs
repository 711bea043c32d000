//! Packets that the filter logs.

use netwright_confine::Enclosure;
use netwright_netfilter::log::{Listen, Logged};
use netwright_sys::{Connection, Received, Result, Socket, protocol};
use netwright_wire::Messages;

use super::packet::Packet;

/// Room for logged packets, in bytes.
const BUFFER: usize = 4 << 20;

/// A connection that hears what is logged inside to these groups, so many bytes of each packet, or all.
pub(super) fn listen<const N: usize>(
    enclosure: &Enclosure,
    groups: [(u16, Option<u32>); N],
) -> Result<Connection> {
    let mut connection = enclosure.connection(protocol::NETFILTER)?;
    // With less room, more is lost under a flood; it works all the same.
    let _ = connection.socket().reserve_receive(BUFFER);
    for (group, bytes) in groups {
        connection.acknowledge(&Listen { group, bytes })?;
    }
    Ok(connection)
}

/// The packets of one message with the groups that they were logged to; `None` where no message waits. Of one that was lost there are none:
/// what it told of was dropped all the same, and its sender may send it again.
pub(crate) fn hear<'b>(
    log: &Socket,
    buffer: &'b mut Vec<u8>,
) -> Option<impl Iterator<Item = (u16, Packet<'b>)> + use<'b>> {
    let datagram = match log.receive(buffer) {
        Ok(Received::Datagram(datagram)) => datagram,
        Ok(Received::Overrun | Received::Truncated(_)) => &[],
        Ok(Received::Nothing) | Err(_) => return None,
    };
    Some(packets(datagram))
}

/// The packets that netlink messages are about, with their groups.
pub(super) fn packets(datagram: &[u8]) -> impl Iterator<Item = (u16, Packet<'_>)> {
    Messages::new(datagram).map_while(std::result::Result::ok).filter_map(|message| {
        let logged = Logged::view(&message).ok()??;
        Some((logged.group, Packet::read(logged.packet.payload().ok()??)?))
    })
}
