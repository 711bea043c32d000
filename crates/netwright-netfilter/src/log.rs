//! Packets that rules log to a group of listeners (`log group 1`): how a socket becomes the listener of a group, and what it
//! hears.
//!
//! Source: `include/uapi/linux/netfilter/nfnetlink_log.h`.

use std::fmt;

use netwright_wire::{Acknowledged, Big, Malformed, Message, Request, Subject, Value, Writer};

use crate::{Family, NetfilterHeader, subsystem};

netwright_wire::open_enum! {
    /// What a message of the log is (`enum nfulnl_msg_types`), the lower byte of its type.
    pub struct LogMessageKind(u8) {
        /// A packet.
        PACKET = 0 "packet",
        /// Settings of a group.
        CONFIG = 1 "config",
    }

    /// What is to be done with a group (`enum nfulnl_msg_config_cmds`).
    pub struct LogCommand(u8) {
        NONE = 0 "none",
        /// The asking socket becomes the group's listener; it is refused where there is one.
        BIND = 1 "bind",
        /// It listens no longer.
        UNBIND = 2 "unbind",
        #[doc(alias = "NFULNL_CFG_CMD_PF_BIND")]
        BIND_FAMILY = 3 "bind family",
        #[doc(alias = "NFULNL_CFG_CMD_PF_UNBIND")]
        UNBIND_FAMILY = 4 "unbind family",
    }

    /// How much of each packet comes along (`NFULNL_COPY_*`).
    pub struct LogCopy(u8) {
        /// Nothing.
        NONE = 0 "none",
        /// What is known of it.
        META = 1 "meta",
        /// That, and its bytes.
        PACKET = 2 "packet",
    }
}

netwright_wire::open_flags! {
    /// What comes with each packet besides (`NFULNL_CFG_F_*`).
    pub struct LogConfigFlags(u16) {
        /// Its number in the group.
        #[doc(alias = "NFULNL_CFG_F_SEQ")]
        SEQUENCE = 0x0001,
        /// Its number among those of all groups.
        #[doc(alias = "NFULNL_CFG_F_SEQ_GLOBAL")]
        GLOBAL_SEQUENCE = 0x0002,
        /// Its connection.
        CONNTRACK = 0x0004,
    }
}

netwright_wire::header! {
    /// How much of each packet comes along (`struct nfulnl_msg_config_mode`).
    pub struct LogMode: Big {
        /// The most bytes of a packet; 0 means all that a message holds.
        copy_range: u32,
        copy_mode: LogCopy,
        padding: u8,
    }

    /// Where a packet was (`struct nfulnl_msg_packet_hdr`).
    pub struct LogPacketHeader: Big {
        /// EtherType.
        protocol: u16,
        /// Number of the hook.
        hook: u8,
        padding: u8,
    }

    /// When a packet came in (`struct nfulnl_msg_packet_timestamp`).
    pub struct LogTimestamp: Big {
        seconds: u64,
        microseconds: u64,
    }
}

netwright_wire::attrs! {
    /// Settings of a group (`enum nfulnl_attr_config`).
    pub struct LogConfigAttrs, LogConfigView: Big {
        NFULA_CFG_CMD = 1 => command: LogCommand,
        NFULA_CFG_MODE = 2 => mode: LogMode,
        /// Bytes that are gathered at the most before they are sent.
        NFULA_CFG_NLBUFSIZ = 3 => buffer: u32,
        /// Hundredths of a second after which what was gathered is sent.
        NFULA_CFG_TIMEOUT = 4 => timeout: u32,
        /// Packets that are gathered before they are sent.
        NFULA_CFG_QTHRESH = 5 => threshold: u32,
        NFULA_CFG_FLAGS = 6 => flags: LogConfigFlags,
    }

    /// Attributes of a logged packet (`enum nfulnl_attr_type`).
    pub struct LogPacketAttrs, LogPacketView: Big {
        NFULA_PACKET_HDR = 1 => header: LogPacketHeader,
        NFULA_MARK = 2 => mark: u32,
        NFULA_TIMESTAMP = 3 => timestamp: LogTimestamp,
        /// Index of the input interface.
        NFULA_IFINDEX_INDEV = 4 => input: u32,
        /// Index of the output interface.
        NFULA_IFINDEX_OUTDEV = 5 => output: u32,
        /// Index of the bridge port that it came in by.
        NFULA_IFINDEX_PHYSINDEV = 6 => physical_input: u32,
        /// Index of the bridge port that it goes out by.
        NFULA_IFINDEX_PHYSOUTDEV = 7 => physical_output: u32,
        /// `struct nfulnl_msg_packet_hw`.
        NFULA_HWADDR = 8 => link_address: Vec<u8>,
        /// The packet from its network header on, as far as it was copied.
        NFULA_PAYLOAD = 9 => payload: Vec<u8>,
        NFULA_PREFIX = 10 => prefix: String,
        /// User of the socket that sent it.
        NFULA_UID = 11 => user: u32,
        NFULA_SEQ = 12 => sequence: u32,
        NFULA_SEQ_GLOBAL = 13 => global_sequence: u32,
        /// Group of the socket that sent it.
        NFULA_GID = 14 => group: u32,
        NFULA_HWTYPE = 15 => link_type: u16,
        NFULA_HWHEADER = 16 => link_header: Vec<u8>,
        NFULA_HWLEN = 17 => link_header_length: u16,
    }
}

/// Makes the socket that asks the listener of a group, for packets with all their bytes, each sent as soon as it is there.
/// The group is free again when the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Number of the group, as in `log group 1`.
    pub group: u16,
    /// The most bytes of each packet; `None` is as many as a message holds, 65531.
    pub bytes: Option<u32>,
}

/// What a message about a packet says: the group that it was logged to, and the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged<'a> {
    /// The packet's family; [`Family::INET`] does not occur.
    pub family: Family,
    /// The group.
    pub group: u16,
    /// What came.
    pub packet: LogPacketView<'a>,
}

impl<'a> Logged<'a> {
    /// Reads a message in place; `None` where it is about something else.
    pub fn view(message: &Message<'a>) -> Result<Option<Self>, Malformed> {
        if message.header.kind != number(LogMessageKind::PACKET) {
            return Ok(None);
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        let packet = LogPacketView::new(bytes);
        Ok(Some(Logged { family: header.family, group: header.resource, packet }))
    }
}

/// A message's type as it stands in its head.
const fn number(kind: LogMessageKind) -> u16 {
    subsystem::LOG << 8 | kind.0 as u16
}

/// `NETLINK_NETFILTER`.
const NETFILTER: i32 = 12;

impl Subject for Listen {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listen to what is logged to group {}", self.group)
    }
}

impl Request for Listen {
    const PROTOCOL: i32 = NETFILTER;

    fn kind(&self) -> u16 {
        number(LogMessageKind::CONFIG)
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader { resource: self.group, ..Default::default() }.write::<Big>(writer);
        let attrs = LogConfigAttrs {
            command: Some(LogCommand::BIND),
            mode: Some(LogMode {
                copy_range: self.bytes.unwrap_or_default(),
                copy_mode: LogCopy::PACKET,
                padding: 0,
            }),
            threshold: Some(1),
            ..Default::default()
        };
        attrs.write_attributes(writer);
    }
}

impl Acknowledged for Listen {}

#[cfg(test)]
mod tests;
