//! A message, byte for byte: its attributes each with a head of length, flags and type.

use std::io::{self, Write};

use netwright_wire::Message;

const RULE: &str = "----------------\t------------------";
/// Bytes of the head of a message.
const HEAD: usize = 16;
/// Bytes of the head that is common to all messages of nftables.
const EXTRA: usize = 4;
/// An attribute that has attributes (`NLA_F_NESTED`).
const NESTED: u16 = 0x8000;
/// An attribute in network byte order (`NLA_F_NET_BYTEORDER`).
const NETWORK: u16 = 0x4000;

pub(super) fn write(message: &Message<'_>, out: &mut impl Write) -> io::Result<()> {
    let header = &message.header;
    let flag = |bit: u16, sign| if header.flags.bits() & bit != 0 { sign } else { '-' };
    let flags: String = [flag(1, 'R'), flag(2, 'M'), flag(4, 'A'), flag(8, 'E')].iter().collect();
    writeln!(out, "{RULE}")?;
    writeln!(out, "|  {:010}  |\t| message length |", message.payload.len() + HEAD)?;
    writeln!(out, "| {:05} | {flags} |\t|  type | flags  |", header.kind)?;
    writeln!(out, "|  {:010}  |\t| sequence number|", header.sequence)?;
    writeln!(out, "|  {:010}  |\t|     port ID    |", header.port)?;
    writeln!(out, "{RULE}")?;
    let (extra, attributes) = message.payload.split_at(EXTRA.min(message.payload.len()));
    writeln!(out, "| {} |\t|  extra header  |", hex(extra))?;
    write_attributes(attributes, out)?;
    writeln!(out, "{RULE}")
}

fn write_attributes(mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    while let Some((&[a, b, c, d], rest)) = bytes.split_first_chunk() {
        let (length, kind) = (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]));
        let (nested, network) = (kind & NESTED != 0, kind & NETWORK != 0);
        let flags = [if nested { 'N' } else { '-' }, if network { 'B' } else { '-' }];
        let number = kind & !(NESTED | NETWORK);
        writeln!(out, "|{length:05}|{}{}|{number:05}|\t|len |flags| type|", flags[0], flags[1])?;
        // what lies in a nest follows as attributes of its own
        let content = if nested { 0 } else { usize::from(length).saturating_sub(4).next_multiple_of(4) };
        let (content, behind) = rest.split_at(content.min(rest.len()));
        for word in content.chunks(4) {
            let text: String = word.iter().flat_map(|&byte| [' ', shown(byte)]).collect();
            writeln!(out, "| {} |\t|      data      |\t{text}", hex(word))?;
        }
        bytes = behind;
    }
    Ok(())
}

fn shown(byte: u8) -> char {
    if byte.is_ascii_graphic() { char::from(byte) } else { ' ' }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}
