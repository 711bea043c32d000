//! Statements that send a packet elsewhere.

use super::super::ast::{Expression, Nat, NatKind, StatementKind, Synproxy, Tproxy};
use super::super::lexer::TokenKind;
use super::expression::Mode;
use super::{Parse, Parser};

const NAT_FLAGS: &[&str] = &["random", "fully-random", "persistent"];

impl Parser<'_> {
    pub(super) fn nat(&mut self) -> Parse<StatementKind> {
        let kind = match self.word() {
            "snat" => NatKind::Source,
            "dnat" => NatKind::Destination,
            "masquerade" => NatKind::Masquerade,
            _ => NatKind::Redirect,
        };
        self.advance();
        let mut nat = Nat {
            kind,
            version: None,
            prefix: false,
            address_and_port: false,
            interval: false,
            address: None,
            port: None,
            flags: Vec::new(),
        };
        match kind {
            NatKind::Source | NatKind::Destination => {
                self.nat_target_kind(&mut nat)?;
                (nat.address, nat.port) = self.address_and_port()?;
            }
            // There is no address to say, so a redirection does without the colon.
            NatKind::Masquerade | NatKind::Redirect if self.eat("to") => {
                if !self.take(TokenKind::Colon) && kind == NatKind::Masquerade {
                    return Err(self.unexpected("`:` and a port"));
                }
                nat.port = Some(self.expression(Mode::Value)?);
            }
            NatKind::Masquerade | NatKind::Redirect => {}
        }
        if NAT_FLAGS.contains(&self.word()) {
            nat.flags = self.keys("`random`, `fully-random` or `persistent`")?;
            if NAT_FLAGS.contains(&self.word()) {
                return Err(self.unexpected("`,` between the flags"));
            }
        }
        Ok(StatementKind::Nat(nat))
    }

    /// What stands between the keyword and the target.
    fn nat_target_kind(&mut self, nat: &mut Nat) -> Parse<()> {
        if matches!(self.word(), "ip" | "ip6")
            && matches!(self.peek_word(1), "to" | "prefix" | "interval" | "addr")
        {
            nat.version = self.ip_version();
        }
        match self.word() {
            "prefix" => {
                self.advance();
                nat.prefix = true;
            }
            "interval" => {
                self.advance();
                nat.interval = true;
            }
            "addr" if nat.version.is_some() => {
                self.advance();
                self.expect(TokenKind::Dot, "`. port`")?;
                self.expect_word("port")?;
                nat.address_and_port = true;
            }
            _ => {
                self.eat("to");
                return Ok(());
            }
        }
        self.expect_word("to")
    }

    /// `address`, `address:port` or `:port`.
    fn address_and_port(&mut self) -> Parse<(Option<Expression>, Option<Expression>)> {
        let address =
            if self.kind() == TokenKind::Colon { None } else { Some(self.expression(Mode::Value)?) };
        let port = if self.take(TokenKind::Colon) { Some(self.expression(Mode::Value)?) } else { None };
        Ok((address, port))
    }

    pub(super) fn tproxy(&mut self) -> Parse<StatementKind> {
        self.advance();
        let version = self.ip_version();
        self.expect_word("to")?;
        let (address, port) = self.address_and_port()?;
        Ok(StatementKind::Tproxy(Tproxy { version, address, port }))
    }

    /// `mss 1460 wscale 7 timestamp sack-perm`, in any order.
    pub(super) fn synproxy_options(&mut self) -> Parse<Synproxy> {
        let mut synproxy = Synproxy::default();
        loop {
            match self.word() {
                "mss" => synproxy.mss = self.number_after("mss")?,
                "wscale" => synproxy.window_scale = self.number_after("wscale")?,
                "timestamp" => {
                    self.advance();
                    synproxy.timestamp = true;
                }
                "sack-perm" | "sack-permitted" => {
                    self.advance();
                    synproxy.sack_permitted = true;
                }
                _ => return Ok(synproxy),
            }
        }
    }

    pub(super) fn dup(&mut self) -> Parse<StatementKind> {
        self.advance();
        self.expect_word("to")?;
        let to = self.expression(Mode::Value)?;
        Ok(StatementKind::Dup { to, device: self.device_option()? })
    }

    pub(super) fn fwd(&mut self) -> Parse<StatementKind> {
        self.advance();
        let version = self.ip_version();
        self.expect_word("to")?;
        let to = self.expression(Mode::Value)?;
        Ok(StatementKind::Fwd { version, to, device: self.device_option()? })
    }

    fn device_option(&mut self) -> Parse<Option<Expression>> {
        if self.eat("device") { self.expression(Mode::Value).map(Some) } else { Ok(None) }
    }
}
