//! What a packet has to do with the one before it.

use std::net::IpAddr;

use super::Act;
use crate::exchange::FIRST_BYTE;
use crate::packet::{Ip, icmp};
use crate::shot::{Landed, Origin, Shot, What};
use crate::tcp::Segment;
use crate::topology::{Obstacle, Sender};

/// Whether a packet belongs to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// Nothing but that it may belong to the same connection.
    Loose,
    /// The receiver of that one sends it back to its sender.
    Back,
    /// It tells the sender of that one of an error with it.
    About,
}

/// What is sent, as the packet before makes it.
pub(super) fn tied(act: &Act, landed: Option<&Landed>) -> Result<Shot, Obstacle> {
    let mut shot = act.shot.clone();
    let before = landed.and_then(|landed| Some((landed, Ip::parse(&landed.packet)?)));
    let Some((landed, packet)) = before else {
        return match act.tie {
            Tie::Loose => Ok(shot),
            Tie::Back | Tie::About => Err("no packet before it has arrived outside of the host".into()),
        };
    };
    let tuple = packet.tuple().ok_or("the packet before it cannot be answered")?;
    let answers = |source: IpAddr, port: u16| (tuple.destination, tuple.destination_port) == (source, port);
    if act.tie == Tie::Back {
        let link = match &shot.origin {
            Origin::Outside(sender, _) => sender.link.clone(),
            Origin::Host { .. } => String::new(),
        };
        let (station, mac, spots) = (packet.destination, landed.to, vec![landed.spot.clone()]);
        shot.origin = Origin::Outside(Sender { link, spots, station, mac }, packet.destination);
        shot.to = packet.source;
        shot.behind = None;
        shot.source_port = tuple.destination_port;
        shot.follows.next = Some(landed.from);
        shot.follows.identifier = Some(tuple.source_port);
        shot.what = match shot.what {
            What::Segment { flags, .. } => What::Segment { port: tuple.source_port, flags },
            What::Udp(_) => What::Udp(tuple.source_port),
            What::Tcp(_) => return Err("a connection cannot be made back: give it `flags`".into()),
            other => other,
        };
    }
    match shot.what {
        What::Icmp { kind, .. } if icmp::is_error(packet.source.is_ipv6(), kind) => {
            shot.to = packet.source;
            (shot.follows.quotes, shot.follows.identifier) = (true, None);
            shot.payload = landed.packet.iter().copied().take(QUOTED).collect();
        }
        What::Segment { .. } => {
            let source = match &shot.origin {
                Origin::Outside(_, source) => *source,
                Origin::Host { .. } => return Ok(shot),
            };
            let port = if shot.source_port == 0 { tuple.destination_port } else { shot.source_port };
            if let Some(before) = Segment::parse(packet.payload).filter(|_| answers(source, port)) {
                let length = before.payload.len() as u32 + u32::from(before.flags & 0x03 != 0);
                let own = if before.flags & crate::tcp::flags::ACK != 0 {
                    before.acknowledged
                } else {
                    FIRST_BYTE ^ 0x5a5a_0000
                };
                shot.follows.numbers = Some((own, before.sequence.wrapping_add(length)));
            }
        }
        _ => {}
    }
    Ok(shot)
}

/// So many bytes of a packet an error about it carries.
const QUOTED: usize = 512;
