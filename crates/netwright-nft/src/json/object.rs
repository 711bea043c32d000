//! Tables, chains, sets, objects and flow tables.

use std::borrow::Borrow;
use std::fmt;

use netwright_netfilter::object::TunnelKeyAttrs;
use netwright_netfilter::{Family, Hook};

use super::{Node, ToJson};
use crate::ir::{
    Chain, Element, Flowtable, LimitRate, MapTarget, Object, ObjectData, ObjectKind, Set, SetPolicy,
    Statement, Synproxy, Table, TypeSpec, Verdict,
};
use crate::lift::StoredSet;
use crate::table::symbol::{self, Symbol};
use crate::table::unit;
use crate::table::vocabulary::{self, CT_OBJECT_PROTOCOL, TABLE_FLAG, timeout_states};

/// Set flags in the order of their bits.
const SET_FLAGS: [(u32, &str); 4] =
    [(0x02, "constant"), (0x04, "interval"), (0x10, "timeout"), (0x20, "dynamic")];

/// The member with the elements of a set.
const ELEMENTS: &str = "elem";

fn named(family: Family, name: &str, table: &str, handle: Option<u64>) -> Node {
    Node::single("family", family.to_string())
        .with("name", name)
        .with("table", table)
        .with_some("handle", handle)
}

fn symbol_node(table: &'static [Symbol], number: u32) -> Node {
    symbol::name(table, number).map_or_else(|| number.into(), Node::from)
}

fn devices(devices: &[String]) -> Option<Node> {
    let nodes: Vec<Node> = devices.iter().map(|device| device.as_str().into()).collect();
    (!nodes.is_empty()).then(|| Node::one_or_many(nodes))
}

fn type_names(spec: &TypeSpec) -> Node {
    Node::one_or_many(spec.parts.iter().map(|part| part.data_type.name().into()).collect())
}

impl ToJson<'_> {
    pub(super) fn table(&self, table: &Table) -> Node {
        let flags: Vec<Node> = vocabulary::flags(TABLE_FLAG, table.flags).0.map(Node::from).collect();
        let node = Node::single("family", table.family.to_string())
            .with("name", table.name.as_str())
            .with_some("handle", table.handle)
            .with_some("flags", (!flags.is_empty()).then_some(flags))
            .with_some("comment", table.comment.as_deref());
        Node::single("table", node)
    }

    pub(super) fn chain(&self, chain: &Chain) -> Node {
        let mut node = Node::single("family", chain.family.to_string())
            .with("table", chain.table.as_str())
            .with("name", chain.name.as_str())
            .with_some("handle", chain.handle)
            .with_some("comment", chain.comment.as_deref());
        if let Some(base) = &chain.hook {
            let hook = Hook::from_number(chain.family, base.hook.number);
            let policy = chain.policy.as_ref().map(|policy| match policy {
                Verdict::Drop => "drop",
                _ => "accept",
            });
            node = node
                .with_some("dev", devices(&base.devices))
                .with("type", base.chain_type.as_str())
                .with("hook", hook.name().unwrap_or_default())
                .with("prio", base.hook.priority)
                .with_some("policy", policy);
        }
        Node::single("chain", node)
    }

    pub(super) fn set(&self, set: &Set) -> Node {
        let elements = || set.elements.iter().map(|element| self.element(element)).collect::<Vec<_>>();
        self.set_of(set, self.has_elements(set, None).then(|| elements().into()))
    }

    fn has_elements(&self, set: &Set, stored: Option<&StoredSet>) -> bool {
        !self.options.terse && stored.map_or(!set.elements.is_empty(), |stored| !stored.is_empty())
    }

    /// Writes a set, element by element.
    pub(super) fn write_set(
        &self,
        out: &mut impl fmt::Write,
        set: &Set,
        stored: Option<&StoredSet>,
    ) -> fmt::Result {
        // what is put in their place is not written
        let node = self.set_of(set, self.has_elements(set, stored).then_some(Node::Null));
        let Node::Object(members) = node else { return Ok(()) };
        out.write_char('{')?;
        for (word, node) in members {
            let Node::Object(members) = node else { continue };
            write!(out, "{}: {{", Node::Text(word))?;
            for (index, (name, node)) in members.into_iter().enumerate() {
                out.write_str(if index > 0 { ", " } else { "" })?;
                if name != ELEMENTS {
                    write!(out, "{}: {node}", Node::Text(name))?;
                    continue;
                }
                write!(out, "{}: [", Node::Text(name))?;
                match stored {
                    Some(stored) => self.write_elements(out, stored.elements())?,
                    None => self.write_elements(out, set.elements.iter())?,
                }
                out.write_char(']')?;
            }
            out.write_char('}')?;
        }
        out.write_char('}')
    }

    fn write_elements<E: Borrow<Element>>(
        &self,
        out: &mut impl fmt::Write,
        mut elements: impl Iterator<Item = E>,
    ) -> fmt::Result {
        let mut before = "";
        elements.try_for_each(|element| {
            write!(out, "{before}{}", self.element(element.borrow()))?;
            before = ", ";
            Ok(())
        })
    }

    fn set_of(&self, set: &Set, elements: Option<Node>) -> Node {
        let target = set.target.as_ref().map(|target| match target {
            MapTarget::Verdicts => "verdict".into(),
            MapTarget::Objects(kind) => kind.name().unwrap_or_default().into(),
            MapTarget::Values(_) if set.holds_queues() => "queue".into(),
            MapTarget::Values(spec) => type_names(spec),
        });
        let flags: Vec<Node> = SET_FLAGS
            .iter()
            .filter(|(bit, _)| set.flags & bit != 0)
            .map(|(_, name)| (*name).into())
            .collect();
        let options = crate::table::PrintOptions { stateless: true, ..*self.options };
        let stateless = ToJson { options: &options, ..*self };
        let word = if set.target.is_some() { "map" } else { "set" };
        let node = Node::single("family", set.family.to_string())
            .with("name", set.name.as_str())
            .with("table", set.table.as_str())
            .with("type", self.type_spec(&set.key))
            .with_some("handle", set.handle)
            .with_some("comment", set.comment.as_deref())
            .with_some("map", target)
            .with_some("policy", (set.policy == Some(SetPolicy::Memory)).then_some("memory"))
            .with_some("size", set.size)
            .with_some("count", set.count.filter(|_| set.size.is_some()).map(|count| count as u64))
            .with_some("flags", (!flags.is_empty()).then_some(flags))
            .with_some("timeout", set.timeout.map(|timeout| timeout / 1000))
            .with_some("gc-interval", set.gc_interval.map(|interval| interval / 1000))
            .with_some("auto-merge", set.auto_merge.then_some(true))
            .with_some(ELEMENTS, elements)
            .with_some("stmt", (!set.statements.is_empty()).then(|| stateless.statements(&set.statements)));
        Node::single(word, node)
    }

    fn type_spec(&self, spec: &TypeSpec) -> Node {
        match &spec.type_of {
            Some(expression) => Node::single("typeof", self.expression(expression)),
            None => type_names(spec),
        }
    }

    pub(super) fn object(&self, object: &Object) -> Node {
        let mut node = named(object.family, &object.name, &object.table, object.handle)
            .with_some("comment", object.comment.as_deref());
        if let (Node::Object(members), Node::Object(more)) = (&mut node, self.object_data(&object.data)) {
            members.extend(more);
        }
        Node::single(object.kind().name().unwrap_or("object"), node)
    }

    fn object_data(&self, data: &ObjectData) -> Node {
        let l3 = |family: Option<Family>| family.map(|family| family.to_string());
        match data {
            ObjectData::Statement(statement) => self.object_statement(statement),
            ObjectData::CtHelper { helper, l4proto, l3proto } => Node::single("type", helper.as_str())
                .with("protocol", symbol_node(CT_OBJECT_PROTOCOL, u32::from(*l4proto)))
                .with_some("l3proto", l3(*l3proto)),
            ObjectData::CtTimeout { l4proto, l3proto, policy } => {
                let states = timeout_states(*l4proto);
                let mut unusual = Node::object();
                for (number, seconds) in policy {
                    let state = states.iter().find(|state| u32::from(state.number) == u32::from(*number));
                    if state.is_none_or(|state| u64::from(state.default) != u64::from(*seconds)) {
                        let name = state.map_or_else(|| number.to_string(), |state| state.name.to_owned());
                        unusual = unusual.with(&name, *seconds);
                    }
                }
                Node::single("protocol", symbol_node(CT_OBJECT_PROTOCOL, u32::from(*l4proto)))
                    .with_some("l3proto", l3(*l3proto))
                    .with("policy", unusual)
            }
            ObjectData::CtExpectation { l4proto, l3proto, dport, timeout, size } => {
                Node::single("protocol", symbol_node(CT_OBJECT_PROTOCOL, u32::from(*l4proto)))
                    .with("dport", *dport)
                    .with("timeout", *timeout)
                    .with("size", *size)
                    .with_some("l3proto", l3(*l3proto))
            }
            ObjectData::Secmark(context) => Node::single("context", context.as_str()),
            ObjectData::Other(kind, bytes) => {
                let tunnel = TunnelKeyAttrs::read_attributes(bytes).ok();
                if let Some(tunnel) = tunnel.filter(|_| ObjectKind(*kind) == ObjectKind::TUNNEL) {
                    return super::tunnel::tunnel(&tunnel);
                }
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Node::single("raw", digits)
            }
        }
    }

    fn object_statement(&self, statement: &Statement) -> Node {
        match statement {
            Statement::Counter(counter) => {
                Node::single("packets", counter.packets).with("bytes", counter.bytes)
            }
            Statement::Quota(quota) => {
                Node::single("bytes", quota.bytes).with("used", quota.used).with("inv", quota.over)
            }
            Statement::Limit(limit) => {
                let per =
                    unit::rate_unit_name(limit.seconds).map_or_else(|| limit.seconds.into(), Node::from);
                let inverted = limit.over.then_some(true);
                match limit.rate {
                    LimitRate::Packets(rate) => Node::single("rate", rate)
                        .with("per", per)
                        .with_some("inv", inverted)
                        .with("burst", limit.burst),
                    LimitRate::Bytes(rate) => {
                        let (rate, rate_unit) = unit::split_bytes(rate);
                        let burst = Some(u64::from(limit.burst)).filter(|burst| *burst != 0);
                        let burst = burst.map(unit::split_bytes);
                        Node::single("rate", rate)
                            .with("per", per)
                            .with_some("inv", inverted)
                            .with("rate_unit", rate_unit)
                            .with_some("burst", burst.map(|(burst, _)| burst))
                            .with_some("burst_unit", burst.map(|(_, unit)| unit))
                    }
                }
            }
            // What was not said is listed as 0 here, unlike in rules.
            Statement::Synproxy(synproxy) => super::statement::synproxy_node(&Synproxy {
                mss: Some(synproxy.mss.unwrap_or(0)),
                wscale: Some(synproxy.wscale.unwrap_or(0)),
                ..*synproxy
            }),
            other => self.statement(other),
        }
    }

    pub(super) fn flowtable(&self, flowtable: &Flowtable) -> Node {
        let node = named(flowtable.family, &flowtable.name, &flowtable.table, flowtable.handle)
            .with("hook", "ingress")
            .with_some("prio", flowtable.hook.map(|hook| hook.priority))
            .with_some("dev", devices(&flowtable.devices));
        Node::single("flowtable", node)
    }
}
