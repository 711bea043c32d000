//! Messages of the kernel's log about packets of a command: a datagram may hold several, each with what the kernel knows of its packet.

use netwright_sandbox::relay::of_messages;

use super::packet;

pub(super) fn run(data: &[u8]) {
    for dry in of_messages(data) {
        packet::check(&dry, None);
    }
}

/// `NFULNL_MSG_PACKET` of `NFNL_SUBSYS_ULOG`
const KIND: u16 = 4 << 8;
/// `NFULA_PACKET_HDR`, `NFULA_MARK`, `NFULA_TIMESTAMP`, `NFULA_PAYLOAD`, `NFULA_PREFIX` and `NFULA_UID`, with values of their lengths.
const KNOWN: [(u16, &[u8]); 5] =
    [(1, &[8, 0, 3, 0]), (2, &[0, 0, 0, 1]), (3, &[0; 16]), (10, b"refused\0"), (11, &[0, 0, 0, 7])];
const PAYLOAD: u16 = 9;

/// The packets of the other target, alone, with all that the kernel tells of them, and several at once.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let packets = packet::seeds();
    let messages: Vec<Vec<u8>> = packets
        .iter()
        .zip(1..)
        .flat_map(|(packet, group)| [message(group, packet, &[]), message(group, packet, &KNOWN)])
        .collect();
    let together = messages.chunks(3).map(<[_]>::concat);
    messages.iter().cloned().chain(together).collect()
}

fn message(group: u16, packet: &[u8], known: &[(u16, &[u8])]) -> Vec<u8> {
    // `struct nfgenmsg`
    let mut body = [&[2, 0][..], &group.to_be_bytes()].concat();
    for (kind, value) in known.iter().copied().chain([(PAYLOAD, packet)]) {
        body.extend([4 + value.len() as u16, kind].map(u16::to_ne_bytes).concat());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    // `struct nlmsghdr`
    let head = [(16 + body.len() as u32).to_ne_bytes().as_slice(), &KIND.to_ne_bytes(), &[0; 10]].concat();
    [head, body].concat()
}
