//! What is loaded.

use std::fmt;

use super::Printer;
use crate::ir::{
    CtSelector, Direction, Exthdr, Fib, Hash, Numgen, Payload, PayloadLocation, Selector, Xfrm, XfrmDirection,
};
use crate::table::ExtensionBase;
use crate::table::key::{FIB_FLAGS, Key, Layer3, OSF_TTL_MODES};

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn selector(&mut self, selector: &Selector) -> fmt::Result {
        match selector {
            Selector::Payload(payload) => self.payload(payload),
            Selector::Exthdr(exthdr) => self.exthdr(exthdr),
            Selector::Meta(key) => self.meta(key),
            Selector::Ct(ct) => self.ct(ct),
            Selector::Rt(rt) => {
                self.word("rt ")?;
                self.layer3(rt.key.layer3)?;
                self.word(rt.key.name)
            }
            Selector::Socket(socket) => {
                write!(self.out, "socket {}", socket.key.name)?;
                match socket.level {
                    Some(level) => write!(self.out, " level {level}"),
                    None => Ok(()),
                }
            }
            Selector::Fib(fib) => self.fib(fib),
            Selector::Numgen(numgen) => self.numgen(numgen),
            Selector::Hash(hash) => self.hash(hash),
            Selector::Xfrm(xfrm) => self.xfrm(xfrm),
            Selector::Osf { ttl, version } => {
                self.word("osf ")?;
                if let Some((name, _)) = OSF_TTL_MODES.iter().find(|(_, mode)| Some(*mode) == *ttl) {
                    write!(self.out, "ttl {name} ")?;
                }
                self.word(if *version { "version" } else { "name" })
            }
            Selector::Tunnel(key) => write!(self.out, "tunnel {}", key.name),
        }
    }

    fn meta(&mut self, key: &Key) -> fmt::Result {
        if !key.listed_bare {
            self.word("meta ")?;
        }
        self.word(key.name)
    }

    fn layer3(&mut self, layer3: Layer3) -> fmt::Result {
        match layer3 {
            Layer3::Ipv4 => self.word("ip "),
            Layer3::Ipv6 => self.word("ip6 "),
            Layer3::Any | Layer3::Context => Ok(()),
        }
    }

    fn payload(&mut self, payload: &Payload) -> fmt::Result {
        match (&payload.location, payload.inner) {
            (PayloadLocation::Field(header, _), Some(tunnel)) if *header == tunnel => {}
            (_, Some(tunnel)) => write!(self.out, "{} ", tunnel.name)?,
            (_, None) => {}
        }
        match &payload.location {
            PayloadLocation::Field(header, field) => write!(self.out, "{} {}", header.name, field.name),
            PayloadLocation::Raw { base, offset, bits } => match base.raw_name() {
                Some(name) => write!(self.out, "@{name},{offset},{bits}"),
                None => write!(self.out, "@{},{offset},{bits}", base.0),
            },
        }
    }

    fn exthdr(&mut self, exthdr: &Exthdr) -> fmt::Result {
        let name = exthdr.header.map(|header| header.name);
        if exthdr.base == ExtensionBase::IPV6 && exthdr.field.is_none() {
            self.word("exthdr ")?;
        }
        self.word(exthdr.base.prefix())?;
        if let Some((offset, bits)) = exthdr.raw {
            return write!(self.out, "@{},{offset},{bits}", exthdr.number);
        }
        match name {
            Some(name) => self.word(name)?,
            None => write!(self.out, "{}", exthdr.number)?,
        }
        match exthdr.field {
            Some(field) => write!(self.out, " {}", field.name),
            None => Ok(()),
        }
    }

    fn ct(&mut self, ct: &CtSelector) -> fmt::Result {
        self.word("ct ")?;
        // The protocols are the same in both directions.
        let direction = ct.direction.filter(|_| !matches!(ct.key.name, "protocol" | "l3proto"));
        match direction {
            Some(Direction::Original) => self.word("original ")?,
            Some(Direction::Reply) => self.word("reply ")?,
            None => {}
        }
        self.layer3(ct.key.layer3)?;
        self.word(ct.key.name)
    }

    fn fib(&mut self, fib: &Fib) -> fmt::Result {
        self.word("fib ")?;
        let mut separator = "";
        for flag in FIB_FLAGS.iter().filter(|flag| fib.flags & flag.bit != 0) {
            write!(self.out, "{separator}{}", flag.name)?;
            separator = " . ";
        }
        write!(self.out, " {}", if fib.present { "check" } else { fib.key.name })
    }

    fn numgen(&mut self, numgen: &Numgen) -> fmt::Result {
        write!(self.out, "numgen {} mod {}", if numgen.random { "random" } else { "inc" }, numgen.modulus)?;
        self.offset(numgen.offset)
    }

    fn hash(&mut self, hash: &Hash) -> fmt::Result {
        match &hash.of {
            Some(of) => {
                self.word("jhash ")?;
                self.plain(of)?;
            }
            None => self.word("symhash")?,
        }
        write!(self.out, " mod {}", hash.modulus)?;
        if let Some(seed) = hash.seed {
            write!(self.out, " seed {seed:#x}")?;
        }
        self.offset(hash.offset)
    }

    fn offset(&mut self, offset: u32) -> fmt::Result {
        if offset == 0 { Ok(()) } else { write!(self.out, " offset {offset}") }
    }

    fn xfrm(&mut self, xfrm: &Xfrm) -> fmt::Result {
        let direction = match xfrm.direction {
            XfrmDirection::In => "in",
            XfrmDirection::Out => "out",
        };
        write!(self.out, "ipsec {direction} ")?;
        if xfrm.number != 0 {
            write!(self.out, "spnum {} ", xfrm.number)?;
        }
        self.layer3(xfrm.key.layer3)?;
        self.word(xfrm.key.name)
    }
}
