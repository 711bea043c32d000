//! Tunnel objects.

use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_netfilter::object::{
    ErspanOptionAttrs, GeneveOptionAttrs, TunnelIpv4Attrs, TunnelIpv6Attrs, TunnelKeyAttrs, TunnelOption,
    TunnelOptions as KernelOptions, VxlanOptionAttrs,
};
use netwright_wire::Writer;

use super::{Eval, Evaluator};
use crate::diagnostic::Span;
use crate::ir::{ObjectData, ObjectKind, TypePart};
use crate::syntax::ast::{self, LiteralKind, TunnelOptions};
use crate::table::DataType;

impl<'a> Evaluator<'a> {
    pub(super) fn tunnel(&mut self, span: Span, tunnel: &'a ast::Tunnel) -> Eval<ObjectData> {
        let Some(id) = tunnel.id else { return self.error(span, "a tunnel needs its number: `id 10`") };
        let mut attrs = TunnelKeyAttrs::default().id(self.fit(id, "the number of a tunnel")?);
        let is_v6 = [&tunnel.source, &tunnel.destination]
            .into_iter()
            .flatten()
            .any(|address| matches!(address.kind, ast::ExpressionKind::Literal(LiteralKind::Colons)));
        if is_v6 {
            let source =
                self.tunnel_address(tunnel.source.as_ref(), DataType::IPV6_ADDR)?.map(Ipv6Addr::from_bits);
            let destination = self
                .tunnel_address(tunnel.destination.as_ref(), DataType::IPV6_ADDR)?
                .map(Ipv6Addr::from_bits);
            attrs.ipv6 = Some(TunnelIpv6Attrs::default().with(|attrs| {
                attrs.source = source;
                attrs.destination = destination;
            }));
        } else {
            let v4 = |number: u128| Ipv4Addr::from_bits(number as u32);
            let source = self.tunnel_address(tunnel.source.as_ref(), DataType::IPV4_ADDR)?.map(v4);
            let destination = self.tunnel_address(tunnel.destination.as_ref(), DataType::IPV4_ADDR)?.map(v4);
            attrs.ipv4 = Some(TunnelIpv4Attrs::default().with(|attrs| {
                attrs.source = source;
                attrs.destination = destination;
            }));
        }
        attrs.source_port = tunnel.source_port.map(|port| self.fit(port, "a port")).transpose()?;
        attrs.destination_port = tunnel.destination_port.map(|port| self.fit(port, "a port")).transpose()?;
        attrs.tos = tunnel.tos.map(|tos| self.fit(tos, "a type of service")).transpose()?;
        attrs.ttl = tunnel.ttl.map(|ttl| self.fit(ttl, "a time to live")).transpose()?;
        if let Some(options) = &tunnel.options {
            attrs.options = Some(KernelOptions(self.tunnel_options(options)?));
        }
        let mut writer = Writer::new();
        attrs.write_attributes(&mut writer);
        Ok(ObjectData::Other(ObjectKind::TUNNEL.0, writer.bytes().to_vec()))
    }

    fn tunnel_address(
        &mut self,
        address: Option<&'a ast::Expression>,
        data_type: DataType,
    ) -> Eval<Option<u128>> {
        match address {
            Some(address) => Ok(self.value(address, &TypePart::of(data_type))?.as_number()),
            None => Ok(None),
        }
    }

    fn tunnel_options(&mut self, options: &ast::TunnelOptions) -> Eval<Vec<TunnelOption>> {
        match options {
            TunnelOptions::Vxlan { group_policy } => {
                let group_policy =
                    group_policy.map(|number| self.fit(number, "a group policy")).transpose()?;
                Ok(vec![TunnelOption::Vxlan(
                    VxlanOptionAttrs::default().with(|attrs| attrs.group_policy = group_policy),
                )])
            }
            TunnelOptions::Erspan { version, index, direction, hardware_id } => {
                let version = version.map(|number| self.fit(number, "a version")).transpose()?;
                let index = index.map(|number| self.fit(number, "an index")).transpose()?;
                let hardware = hardware_id.map(|number| self.fit(number, "a number")).transpose()?;
                let direction = match direction.map(|name| (name, self.text(name))) {
                    None => None,
                    Some((_, "ingress")) => Some(0),
                    Some((_, "egress")) => Some(1),
                    Some((name, word)) => {
                        return self.unknown(name.span, word, "direction", &["ingress", "egress"]);
                    }
                };
                let attrs = ErspanOptionAttrs::default().with(|attrs| {
                    attrs.version = version;
                    attrs.index = index;
                    attrs.hardware = hardware;
                    attrs.direction = direction;
                });
                Ok(vec![TunnelOption::Erspan(attrs)])
            }
            TunnelOptions::Geneve(list) => list.iter().map(|option| self.geneve(option)).collect(),
        }
    }

    fn geneve(&mut self, option: &ast::GeneveOption) -> Eval<TunnelOption> {
        let word = self.text(option.data);
        let digits = word.strip_prefix("0x").unwrap_or(word).as_bytes();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let data: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
        let Some(data) = data.filter(|data| digits.len().is_multiple_of(2) && !data.is_empty()) else {
            return self.error(option.data.span, "pairs of hexadecimal digits are needed here: `0x12345678`");
        };
        Ok(TunnelOption::Geneve(
            GeneveOptionAttrs::default()
                .class(self.fit(option.class, "a class")?)
                .kind(self.fit(option.kind, "a type")?)
                .data(data),
        ))
    }
}
