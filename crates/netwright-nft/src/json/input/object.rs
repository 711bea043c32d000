//! What a table holds: chains, sets, flow tables and named objects.

use super::super::reader::{Located, Value};
use super::statement::LIMIT;
use super::{Input, Members, Read};
use crate::syntax::ast::{
    Chain, CtExpectation, CtHelper, CtTimeout, Expression, ExpressionKind, Flowtable, GeneveOption, HookSpec,
    LiteralKind, Name, Object, ObjectBody, ObjectKind, Priority, Quota, Set, SetKind, TableItem, Tunnel,
    TunnelOptions, TypeSpec, ValueSpec,
};

/// The members that say which object is meant.
const IDENTITY: &[&str] = &["family", "table", "name", "handle", "comment"];

/// The members of chains.
pub(super) const CHAIN: &[&str] = &[
    "family", "table", "name", "handle", "comment", "newname", "type", "hook", "prio", "dev", "policy",
    "flags",
];

/// The members of sets and maps.
pub(super) const SET: &[&str] = &[
    "family",
    "table",
    "name",
    "handle",
    "comment",
    "type",
    "map",
    "policy",
    "flags",
    "elem",
    "timeout",
    "gc-interval",
    "size",
    "count",
    "stmt",
    "auto-merge",
];

/// The members of flow tables.
pub(super) const FLOWTABLE: &[&str] =
    &["family", "table", "name", "handle", "comment", "hook", "prio", "dev", "flags", "counter"];

/// The members of named objects of a kind.
pub(super) fn object_members(kind: ObjectKind) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        ObjectKind::Counter => &["packets", "bytes"],
        ObjectKind::Quota => &["bytes", "used", "inv"],
        ObjectKind::Limit => LIMIT,
        ObjectKind::CtHelper => &["type", "protocol", "l3proto"],
        ObjectKind::CtTimeout => &["protocol", "l3proto", "policy", "state", "value"],
        ObjectKind::CtExpectation => &["protocol", "l3proto", "dport", "timeout", "size"],
        ObjectKind::Synproxy => &["mss", "wscale", "flags"],
        ObjectKind::Secmark => &["context"],
        ObjectKind::Tunnel => &[
            "id", "src-ipv4", "dst-ipv4", "src-ipv6", "dst-ipv6", "sport", "dport", "tos", "ttl", "type",
            "tunnel",
        ],
    };
    let unit: &[&str] = if kind == ObjectKind::Limit { &["unit"] } else { &[] };
    [IDENTITY, own, unit].concat()
}

impl Input {
    pub(super) fn chain(&mut self, members: &Members<'_>) -> Read<TableItem> {
        let base = ["type", "hook", "prio", "dev"].iter().any(|name| members.has(name));
        Ok(TableItem::Chain(Chain {
            name: members.need_name(self, "name")?,
            hook: if base { Some(self.hook(members)?) } else { None },
            policy: members.name(self, "policy")?.map(literal),
            flags: members.names(self, "flags")?,
            comment: members.name(self, "comment")?,
            rules: Vec::new(),
        }))
    }

    fn hook(&mut self, members: &Members<'_>) -> Read<HookSpec> {
        let (kind, hook) = (members.name(self, "type")?, members.name(self, "hook")?);
        if kind.is_some() != hook.is_some() {
            return self.error(members.span, "a base chain has `type`, `hook` and `prio`");
        }
        let priority = self.priority(members)?;
        if hook.is_some() && priority.is_none() {
            members.need(self, "prio")?;
        }
        let devices = members.names(self, "dev")?.into_iter().map(literal).collect();
        Ok(HookSpec { span: members.span, kind, hook, devices, priority })
    }

    /// A number, or a name with an offset as in the language.
    fn priority(&mut self, members: &Members<'_>) -> Read<Option<Priority>> {
        let Some(node) = members.get("prio") else { return Ok(None) };
        let span = node.span;
        let offset = match &node.value {
            Value::Integer(value) => i64::try_from(*value).ok(),
            Value::String(text) => return self.named_priority(node, text).map(Some),
            _ => return self.wrong_type(node, "a number or a name for `prio`"),
        };
        match offset {
            Some(offset) => Ok(Some(Priority { span, base: None, offset })),
            None => self.error(span, "a priority has 32 bits"),
        }
    }

    fn named_priority(&mut self, node: &Located, text: &str) -> Read<Priority> {
        let span = node.span;
        if let Ok(offset) = text.parse::<i64>() {
            return Ok(Priority { span, base: None, offset });
        }
        let (name, offset) = match text.split_once(['+', '-']) {
            None => (text, Some(0)),
            Some((name, number)) => {
                let sign = if text[name.len()..].starts_with('-') { -1 } else { 1 };
                (
                    name.trim_end(),
                    number.trim_start().parse::<u32>().ok().map(|number| sign * i64::from(number)),
                )
            }
        };
        let Some(offset) = offset else {
            return self.error(span, "a priority is a number, or a name and an offset: `filter + 10`");
        };
        let base = literal(Name { span: self.part(node, 0..name.len()) });
        Ok(Priority { span, base: Some(base), offset })
    }

    pub(super) fn named_set(&mut self, members: &Members<'_>, kind: SetKind) -> Read<TableItem> {
        let elements: Vec<Expression> =
            members.get("elem").map(|node| self.set(node)).transpose()?.into_iter().collect();
        let value = match members.get("map") {
            // JSON does not say of a map that it leads to ranges: its elements do.
            Some(node) => {
                let interval = elements.iter().any(leads_to_ranges);
                Some(ValueSpec { interval, spec: self.type_spec(node)? })
            }
            None => None,
        };
        let key = members.need(self, "type")?;
        Ok(TableItem::Set(Set {
            kind,
            name: members.need_name(self, "name")?,
            key: Some(self.type_spec(key)?),
            value,
            flags: members.names(self, "flags")?,
            timeout: members.seconds(self, "timeout")?,
            gc_interval: members.seconds(self, "gc-interval")?,
            size: members.number(self, "size")?,
            policy: members.name(self, "policy")?,
            auto_merge: members.flag(self, "auto-merge")?,
            comment: members.name(self, "comment")?,
            statements: members.get("stmt").map_or(Ok(Vec::new()), |node| self.statements(node))?,
            elements,
        }))
    }

    /// The name of a type, several of them, or what has the type.
    fn type_spec(&mut self, node: &Located) -> Read<TypeSpec> {
        match &node.value {
            Value::Object(_) => {
                let members = self.object(node, "a type", &["typeof"])?;
                self.need_member(&members, "typeof").map(TypeSpec::Typeof)
            }
            Value::String(text) if text.contains(" . ") => {
                let (mut at, mut names) = (0, Vec::new());
                for word in text.split(" . ") {
                    names.push(Name { span: self.part(node, at..at + word.len()) });
                    at += word.len() + " . ".len();
                }
                Ok(TypeSpec::Names(names))
            }
            _ => match self.names(node, "a type")? {
                names if names.is_empty() => self.error(node.span, "a type is needed here"),
                names => Ok(TypeSpec::Names(names)),
            },
        }
    }

    pub(super) fn flowtable(&mut self, members: &Members<'_>) -> Read<TableItem> {
        Ok(TableItem::Flowtable(Flowtable {
            name: members.need_name(self, "name")?,
            hook: members.name(self, "hook")?,
            priority: self.priority(members)?,
            devices: members.names(self, "dev")?.into_iter().map(literal).collect(),
            flags: members.names(self, "flags")?,
            counter: members.flag(self, "counter")?,
        }))
    }

    pub(super) fn named_object(&mut self, members: &Members<'_>, kind: ObjectKind) -> Read<TableItem> {
        Ok(TableItem::Object(Object {
            name: members.need_name(self, "name")?,
            body: self.body(members, kind)?,
            comment: members.name(self, "comment")?,
        }))
    }

    fn body(&mut self, members: &Members<'_>, kind: ObjectKind) -> Read<ObjectBody> {
        let protocol =
            |input: &mut Self| Ok((members.name(input, "protocol")?, members.name(input, "l3proto")?));
        Ok(match kind {
            ObjectKind::Counter => ObjectBody::Counter(self.counter(members)?),
            ObjectKind::Quota => ObjectBody::Quota(Some(Quota {
                over: members.flag(self, "inv")?,
                bytes: members.need_number(self, "bytes")?,
                used: members.number(self, "used")?,
            })),
            ObjectKind::Limit => ObjectBody::Limit(Some(self.limit(members)?)),
            ObjectKind::CtHelper => {
                let (protocol, l3_protocol) = protocol(self)?;
                ObjectBody::CtHelper(CtHelper { helper: members.name(self, "type")?, protocol, l3_protocol })
            }
            ObjectKind::CtTimeout => {
                let (protocol, l3_protocol) = protocol(self)?;
                ObjectBody::CtTimeout(CtTimeout { protocol, l3_protocol, policy: self.policy(members)? })
            }
            ObjectKind::CtExpectation => {
                let (protocol, l3_protocol) = protocol(self)?;
                ObjectBody::CtExpectation(CtExpectation {
                    protocol,
                    l3_protocol,
                    port: self.member(members, "dport")?,
                    timeout: members.milliseconds(self, "timeout")?,
                    size: members.number(self, "size")?,
                })
            }
            ObjectKind::Synproxy => ObjectBody::Synproxy(self.synproxy(members)?),
            ObjectKind::Secmark => ObjectBody::Secmark(members.name(self, "context")?),
            ObjectKind::Tunnel => ObjectBody::Tunnel(Box::new(self.tunnel(members)?)),
        })
    }

    /// Times by state: as an object, or a single `state` with its `value`.
    fn policy(&mut self, members: &Members<'_>) -> Read<Vec<(Name, crate::syntax::ast::Time)>> {
        let mut policy = Vec::new();
        if let Some(node) = members.get("policy") {
            let Value::Object(entries) = &node.value else {
                return self.wrong_type(node, "an object for `policy`");
            };
            for entry in entries {
                let name = Name { span: self.made(&format!("\"{}\"", entry.key), entry.key_span) };
                policy.push((name, self.time(&entry.node, "a time", 1000)?));
            }
        }
        if let (Some(state), Some(value)) = (members.name(self, "state")?, members.seconds(self, "value")?) {
            policy.push((state, value));
        }
        Ok(policy)
    }

    fn tunnel(&mut self, members: &Members<'_>) -> Read<Tunnel> {
        let (source, destination) = match members.get("src-ipv6").or_else(|| members.get("dst-ipv6")) {
            Some(_) => ("src-ipv6", "dst-ipv6"),
            None => ("src-ipv4", "dst-ipv4"),
        };
        Ok(Tunnel {
            id: members.number(self, "id")?,
            source: self.member(members, source)?,
            destination: self.member(members, destination)?,
            source_port: members.number(self, "sport")?,
            destination_port: members.number(self, "dport")?,
            ttl: members.number(self, "ttl")?,
            tos: members.number(self, "tos")?,
            options: self.tunnel_options(members)?,
        })
    }

    fn tunnel_options(&mut self, members: &Members<'_>) -> Read<Option<TunnelOptions>> {
        let Some(kind) = members.get("type") else { return Ok(None) };
        let word = self.string(kind, "`type`")?;
        let node = members.need(self, "tunnel")?;
        Ok(Some(match word {
            "vxlan" => {
                let members = self.object(node, "a vxlan tunnel", &["gbp"])?;
                TunnelOptions::Vxlan { group_policy: members.number(self, "gbp")? }
            }
            "erspan" => {
                let members = self.object(node, "an erspan tunnel", &["version", "index", "dir", "hwid"])?;
                TunnelOptions::Erspan {
                    version: members.number(self, "version")?,
                    index: members.number(self, "index")?,
                    direction: members.name(self, "dir")?,
                    hardware_id: members.number(self, "hwid")?,
                }
            }
            "geneve" => {
                let items = self.array(node, "options")?;
                let options = items.iter().map(|item| self.geneve(item)).collect::<Read<_>>()?;
                TunnelOptions::Geneve(options)
            }
            word => return self.unknown(kind.span, word, "kind of tunnel", &["vxlan", "erspan", "geneve"]),
        }))
    }

    fn geneve(&mut self, node: &Located) -> Read<GeneveOption> {
        let members = self.object(node, "an option of geneve", &["class", "opt-type", "data"])?;
        Ok(GeneveOption {
            class: members.need_number(self, "class")?,
            kind: members.need_number(self, "opt-type")?,
            data: members.need_name(self, "data")?,
        })
    }
}

/// A word as an expression.
fn literal(name: Name) -> Expression {
    Expression { span: name.span, kind: ExpressionKind::Literal(LiteralKind::Word) }
}

/// Whether a set written in place leads from a key to more than one value.
fn leads_to_ranges(set: &Expression) -> bool {
    let several = |value: &Expression| {
        let ranges =
            |part: &Expression| matches!(part.kind, ExpressionKind::Range(_) | ExpressionKind::Prefix(_));
        value.parts().iter().any(ranges)
    };
    match &set.kind {
        ExpressionKind::Set(set) => {
            set.elements.iter().filter_map(|element| element.value.as_ref()).any(|value| several(value))
        }
        _ => false,
    }
}
