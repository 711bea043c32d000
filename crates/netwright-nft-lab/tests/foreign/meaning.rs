//! What a rule does with a packet: its instructions carried out on random packets, so that two rules can be compared that are
//! written in other instructions.

use std::collections::BTreeMap;

use netwright_lab::random::Random;
use netwright_netfilter::expression::*;
use netwright_netfilter::{Data, Expression, Family, Register, Verdict};

use super::maker::{CONNECTIONS, KEYS};

/// How long a header is.
const HEADER: usize = 320;

/// A packet, and what the kernel knows about it.
pub(crate) struct Packet {
    headers: Vec<Vec<u8>>,
    known: BTreeMap<String, Vec<u8>>,
}

/// Where a load reads: a header or what is known under a name, from a byte on, so many bytes.
enum Source {
    Header(usize, usize, usize),
    Known(String, usize, usize),
}

fn source(expression: &Expression) -> Option<(Register, Source)> {
    Some(match expression {
        Expression::Payload(load) => {
            let (base, offset, length) = (load.base?.0, load.offset?, load.length?);
            (load.destination?, Source::Header(base as usize, offset as usize, length as usize))
        }
        Expression::Meta(load) => {
            let key = load.key?;
            let length = KEYS.iter().find(|(known, _)| *known == key).map_or(4, |(_, length)| *length);
            (load.destination?, Source::Known(format!("meta {}", key.0), 0, length as usize))
        }
        Expression::Ct(load) => {
            let key = load.key?;
            let length =
                CONNECTIONS.iter().find(|(known, ..)| *known == key).map_or(4, |(.., length)| *length);
            // Both directions have the same protocols.
            let direction = load.direction.filter(|_| ![CtKey::PROTOCOL, CtKey::L3_PROTOCOL].contains(&key));
            let name = format!("ct {} {direction:?}", key.0);
            (load.destination?, Source::Known(name, 0, length as usize))
        }
        Expression::Route(load) => {
            let key = load.key?;
            let length = match key {
                RouteKey::NEXTHOP_IPV6 => 16,
                RouteKey::TCP_MSS => 2,
                RouteKey::IPSEC => 1,
                _ => 4,
            };
            (load.destination?, Source::Known(format!("rt {}", key.0), 0, length))
        }
        Expression::Socket(load) => {
            let length = if load.key? == SocketKey::MARK { 4 } else { 1 };
            (load.destination?, Source::Known(format!("socket {}", load.key?.0), 0, length))
        }
        Expression::Fib(load) => {
            let flags = load.flags?;
            let length = match load.result? {
                _ if flags.contains(FibFlags::PRESENT) => 1,
                FibResult::OUTPUT_NAME => 16,
                _ => 4,
            };
            (load.destination?, Source::Known(format!("fib {flags:?} {}", load.result?.0), 0, length))
        }
        Expression::ExtensionHeader(load) => {
            let present = load.flags.is_some_and(|flags| flags.contains(ExtensionHeaderFlags::PRESENT));
            let name =
                format!("exthdr {:?} {:?} {present}", load.op.unwrap_or(ExtensionHeaderOp::IPV6), load.kind?);
            let (offset, length) =
                if present { (0, 1) } else { (load.offset? as usize, load.length? as usize) };
            (load.destination?, Source::Known(name, offset, length))
        }
        Expression::NumberGenerator(load) => {
            (load.destination?, Source::Known(format!("numgen {:?} {:?}", load.kind, load.modulus), 0, 4))
        }
        _ => return None,
    })
}

impl Packet {
    fn place(&mut self, source: &Source, random: &mut Random) -> &mut [u8] {
        match source {
            Source::Header(base, offset, length) => &mut self.headers[*base][*offset..offset + length],
            Source::Known(name, offset, length) => {
                let all = self
                    .known
                    .entry(name.clone())
                    .or_insert_with(|| (0..64).map(|_| random.byte()).collect());
                &mut all[*offset..offset + length]
            }
        }
    }

    /// A packet of a family's table that comes near to what a rule looks for.
    pub(crate) fn near(rule: &[Expression], family: Family, random: &mut Random) -> Packet {
        let headers = (0..5).map(|_| (0..HEADER).map(|_| random.byte()).collect()).collect();
        let mut packet = Packet { headers, known: BTreeMap::new() };
        let mut loaded: BTreeMap<usize, (Source, Vec<u8>)> = BTreeMap::new();
        for expression in rule {
            if let Some((register, source)) = source(expression) {
                loaded.insert(register.cell().unwrap_or_default(), (source, Vec::new()));
            }
            let (register, wanted) = match expression {
                Expression::Bitwise(work) => {
                    let xor = work.xor.as_ref().and_then(Data::value).map(|xor| xor.to_vec());
                    if let (Some(register), Some(xor)) = (work.destination.and_then(Register::cell), xor) {
                        loaded.entry(register).and_modify(|(_, before)| *before = xor);
                    }
                    continue;
                }
                Expression::Compare(compared) => (compared.source, &compared.data),
                Expression::Range(range) => {
                    (range.source, if random.one_in(2) { &range.from } else { &range.to })
                }
                _ => continue,
            };
            let (Some(register), Some(wanted)) =
                (register.and_then(Register::cell), wanted.as_ref().and_then(Data::value))
            else {
                continue;
            };
            let Some((source, xor)) = loaded.get(&register) else { continue };
            if random.one_in(8) {
                continue;
            }
            let flip = if random.one_in(3) { random.below(wanted.len() * 8) } else { usize::MAX };
            let mut bytes = wanted.to_vec();
            bytes.iter_mut().zip(xor).for_each(|(byte, xor)| *byte ^= xor);
            if let Some(byte) = bytes.get_mut(flip / 8) {
                *byte ^= 1 << (flip % 8);
            }
            let filler: Vec<u8> = (0..64).map(|_| random.byte()).collect();
            let place = packet.place(source, random);
            let at = place.len().min(bytes.len());
            place[..at].copy_from_slice(&bytes[..at]);
            // What lies behind a part that is compared may be anything.
            let behind = place.len() - at;
            if filler[0] & 1 == 0 {
                place[at..].copy_from_slice(&filler[1..=behind]);
            }
        }
        packet.settle(family, random);
        packet
    }

    /// What is known of a packet agrees with what it has.
    fn settle(&mut self, family: Family, random: &mut Random) {
        let mut known = |key: MetaKey, length: usize| {
            self.place(&Source::Known(format!("meta {}", key.0), 0, length), random).to_vec()
        };
        let (mut of_family, protocol, ether) =
            (known(MetaKey::FAMILY, 1), known(MetaKey::L4_PROTOCOL, 1)[0], known(MetaKey::PROTOCOL, 2));
        let ipv6 = match family {
            Family::IPV4 => false,
            Family::IPV6 => true,
            // Each version of ICMP belongs to one of IP: so both languages have it.
            _ if protocol == 1 => false,
            _ if protocol == 58 => true,
            Family::INET => of_family[0] == 10,
            _ => ether == [0x86, 0xdd],
        };
        of_family[0] = if family == Family::BRIDGE {
            7
        } else if ipv6 {
            10
        } else {
            2
        };
        let ether = match family {
            Family::BRIDGE if ![1, 58].contains(&protocol) => [ether[0], ether[1]],
            _ if ipv6 => [0x86, 0xdd],
            _ => [8, 0],
        };
        self.known.insert(format!("meta {}", MetaKey::FAMILY.0), of_family.repeat(64));
        self.known.insert(format!("meta {}", MetaKey::PROTOCOL.0), ether.repeat(32));
        self.headers[0][12..14].copy_from_slice(&ether);
        self.headers[1][if ipv6 { 6 } else { 9 }] = protocol;
        // What is true or false is one or zero.
        for (name, bytes) in &mut self.known {
            let flag = name.starts_with("exthdr") && name.ends_with("true")
                || name.starts_with("socket") && !name.ends_with(" 1")
                || [format!("rt {}", RouteKey::IPSEC.0), format!("meta {}", MetaKey::SECURITY_PATH.0)]
                    .contains(name)
                || name.starts_with(&format!("ct {} ", CtKey::DIRECTION.0));
            if flag {
                bytes[0] &= 1;
            }
        }
    }

    /// Whether the packet is of the protocol of such options or headers.
    fn has_headers(&self, op: Option<ExtensionHeaderOp>) -> bool {
        let first = |key: MetaKey| self.known[&format!("meta {}", key.0)][0];
        match op.unwrap_or(ExtensionHeaderOp::IPV6) {
            ExtensionHeaderOp::TCP_OPTION => first(MetaKey::L4_PROTOCOL) == 6,
            ExtensionHeaderOp::SCTP => first(MetaKey::L4_PROTOCOL) == 132,
            ExtensionHeaderOp::DCCP => first(MetaKey::L4_PROTOCOL) == 33,
            ExtensionHeaderOp::IPV4 => first(MetaKey::PROTOCOL) == 8,
            _ => first(MetaKey::PROTOCOL) == 0x86,
        }
    }

    /// What a rule does with the packet: its statements with what they use, and its verdict.
    pub(crate) fn meets(&mut self, rule: &[Expression], random: &mut Random) -> Vec<String> {
        let mut registers = [0_u8; 64];
        let mut done = Vec::new();
        for expression in rule {
            if let Some((register, source)) = source(expression) {
                if let Expression::ExtensionHeader(load) = expression
                    && !self.has_headers(load.op)
                {
                    return done;
                }
                let bytes = self.place(&source, random).to_vec();
                let at = register.cell().unwrap_or_default() * 4;
                registers[at..(at + bytes.len()).next_multiple_of(4)].fill(0);
                registers[at..at + bytes.len()].copy_from_slice(&bytes);
                continue;
            }
            match carry_out(expression, &mut registers) {
                Some(Came::On) => {}
                Some(Came::Break) => return done,
                Some(Came::Verdict(verdict)) => {
                    done.push(verdict);
                    return done;
                }
                None => done.push(shown(expression, &registers)),
            }
        }
        done
    }
}

enum Came {
    On,
    Break,
    Verdict(String),
}

/// Carries out what only works on registers; `None` where it is a statement.
fn carry_out(expression: &Expression, registers: &mut [u8; 64]) -> Option<Came> {
    let at = |register: Option<Register>| register.and_then(Register::cell).unwrap_or_default() * 4;
    let goes_on = |yes: bool| Some(if yes { Came::On } else { Came::Break });
    match expression {
        Expression::Immediate(immediate) => match &immediate.data {
            Some(Data::Value(value)) => {
                let at = at(immediate.destination);
                registers[at..(at + value.len()).next_multiple_of(4)].fill(0);
                registers[at..at + value.len()].copy_from_slice(value);
                Some(Came::On)
            }
            Some(Data::Verdict(verdict)) if verdict.code == Some(Verdict::CONTINUE) => {
                Some(Came::Verdict("continue".into()))
            }
            data => Some(Came::Verdict(format!("{data:?}"))),
        },
        Expression::Compare(compare) => {
            let wanted = compare.data.as_ref().and_then(Data::value)?;
            let found = &registers[at(compare.source)..][..wanted.len()];
            goes_on(match compare.op? {
                CompareOp::EQ => found == &wanted[..],
                CompareOp::NEQ => found != &wanted[..],
                CompareOp::LT => found < &wanted[..],
                CompareOp::LTE => found <= &wanted[..],
                CompareOp::GT => found > &wanted[..],
                _ => found >= &wanted[..],
            })
        }
        Expression::Range(range) => {
            let (from, to) =
                (range.from.as_ref().and_then(Data::value)?, range.to.as_ref().and_then(Data::value)?);
            let found = &registers[at(range.source)..][..from.len()];
            let within = found >= &from[..] && found <= &to[..];
            goes_on(within == (range.op? == RangeOp::EQ))
        }
        Expression::Bitwise(work) => {
            let (from, to, length) = (at(work.source), at(work.destination), work.length? as usize);
            let value = |data: &Option<Data>| data.as_ref().and_then(Data::value).map(|value| value.to_vec());
            let other = value(&work.data).unwrap_or_else(|| registers[at(work.source2)..][..length].to_vec());
            let found = registers[from..from + length].to_vec();
            let each = |with: fn(u8, u8) -> u8| -> Vec<u8> {
                found.iter().zip(&other).map(|(a, b)| with(*a, *b)).collect()
            };
            let shifted = |with: fn(u32, u32) -> u32| -> Vec<u8> {
                let number = |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).unwrap_or_default();
                with(number(&found), number(&other)).to_ne_bytes().to_vec()
            };
            let made = match work.op.unwrap_or(BitwiseOp::MASK_XOR) {
                BitwiseOp::LEFT_SHIFT => shifted(|number, by| number.checked_shl(by).unwrap_or(0)),
                BitwiseOp::RIGHT_SHIFT => shifted(|number, by| number.checked_shr(by).unwrap_or(0)),
                BitwiseOp::AND => each(|a, b| a & b),
                BitwiseOp::OR => each(|a, b| a | b),
                BitwiseOp::XOR => each(|a, b| a ^ b),
                _ => {
                    let (mask, xor) = (value(&work.mask)?, value(&work.xor)?);
                    found.iter().zip(mask).zip(xor).map(|((byte, mask), xor)| byte & mask ^ xor).collect()
                }
            };
            registers[to..to + made.len()].copy_from_slice(&made);
            Some(Came::On)
        }
        Expression::ByteOrder(order) => {
            let (from, to, length) = (at(order.source), at(order.destination), order.length? as usize);
            let mut bytes = registers[from..from + length].to_vec();
            bytes.chunks_mut(order.size? as usize).for_each(<[u8]>::reverse);
            registers[to..to + length].copy_from_slice(&bytes);
            Some(Came::On)
        }
        Expression::Lookup(lookup) => {
            let set = lookup.set.as_deref()?;
            let length = if set == "addresses" { 4 } else { 2 };
            let key = &registers[at(lookup.source)..][..length];
            let there = key.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 2 == 0;
            let inverted = lookup.flags.is_some_and(|flags| flags.contains(LookupFlags::INVERTED));
            match lookup.destination {
                Some(_) if there => Some(Came::Verdict(format!("{set} {key:?}"))),
                _ => goes_on(there != inverted),
            }
        }
        _ => None,
    }
}

/// A statement with what its registers have in place of their numbers.
fn shown(expression: &Expression, registers: &[u8; 64]) -> String {
    let text = expression.to_string();
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let number = word.parse::<u32>().ok().filter(|_| {
            words.last().is_some_and(|before| {
                ["reg", "addr_min", "addr_max", "proto_min", "proto_max", "reg_key"]
                    .contains(&before.as_str())
            })
        });
        words.push(match number.and_then(|number| Register(number).cell()) {
            Some(cell) => format!("{:02x?}", &registers[cell * 4..][..4]),
            None => word.to_owned(),
        });
    }
    // What is meant where it is not told.
    let text = words.join(" ").replace(" timeout 0ms", "").replace(" level 4", "");
    let held = |register: Option<Register>| {
        register.and_then(Register::cell).map(|cell| registers[cell * 4..][..4].to_vec())
    };
    // Both ends of a range, and flags that only say which there are.
    let ends = |from: Option<Register>, to: Option<Register>| (held(from), held(to.or(from)));
    let told = |flags: Option<NatFlags>| flags.map_or(0, |flags| flags.bits() & !3);
    match expression {
        Expression::Nat(nat) => format!(
            "{:?} {:?} {:?} {:?} {:#x}",
            nat.kind,
            nat.family,
            ends(nat.address_minimum, nat.address_maximum),
            ends(nat.port_minimum, nat.port_maximum),
            told(nat.flags)
        ),
        // A port that cannot be reached, in the words of one protocol or of both.
        Expression::Reject(reject) => match (reject.kind, reject.icmp_code) {
            (Some(RejectKind::ICMP), Some(3 | 4)) | (Some(RejectKind::ICMPX), Some(1)) => "reject".to_owned(),
            _ => text,
        },
        Expression::Redirect(to) => {
            format!("redirect {:?} {:#x}", ends(to.port_minimum, to.port_maximum), told(to.flags))
        }
        _ => text,
    }
}
