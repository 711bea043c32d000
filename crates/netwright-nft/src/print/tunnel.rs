//! Metadata of tunnels.

use std::fmt;

use netwright_netfilter::object::{
    ErspanOptionAttrs, GeneveOptionAttrs, TunnelKeyAttrs, TunnelOption, TunnelOptions,
};

use super::Printer;
use crate::table::vocabulary::ERSPAN_DIRECTION;

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn tunnel(&mut self, tunnel: &TunnelKeyAttrs) -> fmt::Result {
        self.field("id", tunnel.id)?;
        if let Some(ipv4) = &tunnel.ipv4 {
            self.field("ip saddr", ipv4.source)?;
            self.field("ip daddr", ipv4.destination)?;
        }
        if let Some(ipv6) = &tunnel.ipv6 {
            self.field("ip6 saddr", ipv6.source)?;
            self.field("ip6 daddr", ipv6.destination)?;
        }
        self.field("sport", tunnel.source_port)?;
        self.field("dport", tunnel.destination_port)?;
        self.field("tos", tunnel.tos.filter(|tos| *tos != 0))?;
        self.field("ttl", tunnel.ttl.filter(|ttl| *ttl != 0))?;
        match &tunnel.options {
            Some(options) => self.tunnel_options(options),
            None => Ok(()),
        }
    }

    fn field(&mut self, word: &str, value: Option<impl fmt::Display>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        self.tabs()?;
        writeln!(self.out, "{word} {value}")
    }

    fn block(&mut self, word: &str, content: impl FnOnce(&mut Self) -> fmt::Result) -> fmt::Result {
        self.tabs()?;
        writeln!(self.out, "{word} {{")?;
        self.indent += 1;
        content(self)?;
        self.indent -= 1;
        self.line("}")
    }

    fn tunnel_options(&mut self, options: &TunnelOptions) -> fmt::Result {
        let geneve: Vec<&GeneveOptionAttrs> = options
            .0
            .iter()
            .filter_map(|option| match option {
                TunnelOption::Geneve(attrs) => Some(attrs),
                _ => None,
            })
            .collect();
        if !geneve.is_empty() {
            self.block("geneve", |printer| geneve.iter().try_for_each(|option| printer.geneve(option)))?;
        }
        options.0.iter().try_for_each(|option| match option {
            TunnelOption::Vxlan(vxlan) => {
                self.block("vxlan", |printer| printer.field("gbp", vxlan.group_policy))
            }
            TunnelOption::Erspan(erspan) => self.block("erspan", |printer| printer.erspan(erspan)),
            TunnelOption::Geneve(_) => Ok(()),
            TunnelOption::Unknown(kind, payload) => {
                self.tabs()?;
                write!(self.out, "# option {kind} ")?;
                payload.iter().try_for_each(|byte| write!(self.out, "{byte:02x}"))?;
                self.word("\n")
            }
        })
    }

    fn geneve(&mut self, option: &GeneveOptionAttrs) -> fmt::Result {
        self.tabs()?;
        let (class, kind) = (option.class.unwrap_or(0), option.kind.unwrap_or(0));
        write!(self.out, "class {class:#x} opt-type {kind:#x} data \"0x")?;
        option.data.iter().flatten().try_for_each(|byte| write!(self.out, "{byte:02x}"))?;
        self.word("\"\n")
    }

    fn erspan(&mut self, erspan: &ErspanOptionAttrs) -> fmt::Result {
        self.field("version", erspan.version)?;
        self.field("index", erspan.index)?;
        if let Some(direction) = erspan.direction {
            self.tabs()?;
            self.word("direction ")?;
            self.symbol(ERSPAN_DIRECTION, u32::from(direction))?;
            self.word("\n")?;
        }
        self.field("id", erspan.hardware)
    }
}
