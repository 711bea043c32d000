//! Statements that send packets elsewhere.

use std::fmt;

use super::Printer;
use crate::ir::{Duplicate, Expression, Forward, Nat, NatKind, Tproxy};
use crate::table::vocabulary::{NAT_FLAG, write_flags};
use crate::table::{DataType, PrintOptions};

impl<W: fmt::Write> Printer<'_, W> {
    /// `dnat ip to 192.0.2.1:80 random`
    pub(super) fn nat(&mut self, nat: &Nat) -> fmt::Result {
        self.word(match nat.kind {
            NatKind::Source => "snat",
            NatKind::Destination => "dnat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
        })?;
        if let Some(family) = nat.family {
            write!(self.out, " {family}")?;
        }
        // A pair is written as the address and port that it is.
        let (address, port) = match (&nat.address, &nat.port) {
            (Some(Expression::Concatenation(pair)), None) => (pair.first(), pair.get(1)),
            (address, port) => (address.as_ref(), port.as_ref()),
        };
        if nat.prefix {
            self.word(" prefix")?;
        }
        if address.is_some() || port.is_some() {
            self.word(" to ")?;
            self.target(address, port, port.is_some())?;
        }
        if nat.flags == 0 {
            return Ok(());
        }
        self.word(" ")?;
        write_flags(self.out, NAT_FLAG, nat.flags)
    }

    /// `tproxy ip6 to [::1]:8080`
    pub(super) fn tproxy(&mut self, proxy: &Tproxy) -> fmt::Result {
        self.word("tproxy")?;
        if let Some(family) = proxy.family {
            write!(self.out, " {family}")?;
        }
        self.word(" to ")?;
        self.target(proxy.address.as_ref(), proxy.port.as_ref(), true)
    }

    fn target(
        &mut self,
        address: Option<&Expression>,
        port: Option<&Expression>,
        brackets: bool,
    ) -> fmt::Result {
        if let Some(address) = address {
            self.address(address, brackets)?;
        }
        if let Some(port) = port {
            self.word(":")?;
            self.plain(port)?;
        }
        Ok(())
    }

    /// An address; one of IPv6 is in brackets where its colons could be mistaken.
    fn address(&mut self, address: &Expression, brackets: bool) -> fmt::Result {
        let value = |value: &crate::ir::Value| Expression::Value(value.clone());
        match address {
            Expression::Value(v) if v.data_type == DataType::IPV6_ADDR && brackets => {
                self.word("[")?;
                self.plain(address)?;
                self.word("]")
            }
            Expression::Range(from, to) => {
                let options = PrintOptions { host_names: false, ..*self.options };
                let mut numeric = self.with(&options);
                numeric.address(&value(from), brackets)?;
                numeric.word("-")?;
                numeric.address(&value(to), brackets)
            }
            other => self.plain(other),
        }
    }

    /// `dup to 192.0.2.1 device "eth0"`
    pub(super) fn duplicate(&mut self, copy: &Duplicate) -> fmt::Result {
        self.word("dup to ")?;
        match (&copy.address, &copy.device) {
            (Some(address), device) => {
                self.plain(address)?;
                if let Some(device) = device {
                    self.word(" device ")?;
                    self.plain(device)?;
                }
                Ok(())
            }
            (None, Some(device)) => self.plain(device),
            (None, None) => Ok(()),
        }
    }

    /// `fwd ip to 192.0.2.1 device "eth0"`
    pub(super) fn forward(&mut self, forward: &Forward) -> fmt::Result {
        let Some(address) = &forward.address else {
            self.word("fwd to ")?;
            return self.plain(&forward.device);
        };
        self.word("fwd ")?;
        if let Some(family) = forward.family {
            write!(self.out, "{family} ")?;
        }
        self.word("to ")?;
        self.plain(address)?;
        self.word(" device ")?;
        self.plain(&forward.device)
    }
}
