//! Commands: what is to be done to what.

use super::super::reader::{Entry, Located, Value};
use super::object::{CHAIN, FLOWTABLE, SET, object_members};
use super::statement::object_kind;
use super::{Input, Members, Read, SCHEMA_VERSION};
use crate::diagnostic::Span;
use crate::syntax::ast::{
    Command, CommandKind, Entity, Family, ObjectKind, Position, Rule, Selector, SetKind, Table,
    TableReference, Verb,
};

const VERBS: &[(&str, Verb)] = &[
    ("add", Verb::Add),
    ("create", Verb::Create),
    ("insert", Verb::Insert),
    ("replace", Verb::Replace),
    ("delete", Verb::Delete),
    ("destroy", Verb::Destroy),
    ("flush", Verb::Flush),
    ("list", Verb::List),
    ("reset", Verb::Reset),
    ("rename", Verb::Rename),
];

/// The things of which there is one by a name.
const ONE: &[(&str, Entity)] = &[
    ("table", Entity::Table),
    ("chain", Entity::Chain),
    ("rule", Entity::Rule),
    ("set", Entity::Set),
    ("map", Entity::Map),
    ("meter", Entity::Meter),
    ("flowtable", Entity::Flowtable),
    ("counter", Entity::Object(ObjectKind::Counter)),
    ("quota", Entity::Object(ObjectKind::Quota)),
    ("limit", Entity::Object(ObjectKind::Limit)),
    ("ct helper", Entity::Object(ObjectKind::CtHelper)),
    ("ct timeout", Entity::Object(ObjectKind::CtTimeout)),
    ("ct expectation", Entity::Object(ObjectKind::CtExpectation)),
    ("synproxy", Entity::Object(ObjectKind::Synproxy)),
    ("secmark", Entity::Object(ObjectKind::Secmark)),
    ("tunnel", Entity::Object(ObjectKind::Tunnel)),
];

/// All things of a kind.
const ALL: &[(&str, Entity)] = &[
    ("ruleset", Entity::Ruleset),
    ("tables", Entity::Table),
    ("chains", Entity::Chain),
    ("rules", Entity::Rule),
    ("sets", Entity::Set),
    ("maps", Entity::Map),
    ("meters", Entity::Meter),
    ("flowtables", Entity::Flowtable),
    ("counters", Entity::Object(ObjectKind::Counter)),
    ("quotas", Entity::Object(ObjectKind::Quota)),
    ("limits", Entity::Object(ObjectKind::Limit)),
    ("ct helpers", Entity::Object(ObjectKind::CtHelper)),
    ("ct timeouts", Entity::Object(ObjectKind::CtTimeout)),
    ("ct expectations", Entity::Object(ObjectKind::CtExpectation)),
    ("synproxys", Entity::Object(ObjectKind::Synproxy)),
    ("secmarks", Entity::Object(ObjectKind::Secmark)),
    ("tunnels", Entity::Object(ObjectKind::Tunnel)),
];

const TABLE: &[&str] = &["family", "name", "handle", "flags", "comment"];
const RULE: &[&str] = &["family", "table", "chain", "expr", "handle", "index", "comment"];
const ELEMENT: &[&str] = &["family", "table", "name", "elem"];

fn find<T: Copy>(list: &[(&str, T)], word: &str) -> Option<T> {
    list.iter().find(|(name, _)| *name == word).map(|(_, found)| *found)
}

/// What is to be done to a thing, and whether that was said.
#[derive(Clone, Copy)]
struct Order {
    verb: Verb,
    /// A thing of a listing.
    listed: bool,
}

impl Input {
    /// A command; nothing for the head of a listing.
    pub(super) fn command(&mut self, node: &Located) -> Read<Option<Command>> {
        let verbs: Vec<&str> = VERBS.iter().map(|(verb, _)| *verb).chain(["metainfo"]).collect();
        let entry = self.meant(node, "a command", &verbs)?;
        let (order, thing) = match find(VERBS, &entry.key) {
            Some(verb) => {
                (Order { verb, listed: false }, self.meant(&entry.node, "what is to be done", &[])?)
            }
            None => (Order { verb: Verb::Add, listed: true }, entry),
        };
        if thing.key == "metainfo" {
            return self.metainfo(&thing.node).map(|()| None);
        }
        let kind = match order.verb {
            Verb::Add | Verb::Create | Verb::Insert | Verb::Replace => self.definition(order, thing)?,
            Verb::Rename => self.rename(thing)?,
            Verb::Delete | Verb::Destroy => self.removal(thing)?,
            _ => self.selection(order.verb, thing)?,
        };
        Ok(Some(Command { span: node.span, verb: order.verb, kind }))
    }

    /// The only member of an object that is one of some words or the name of a thing; where there is none, the only member.
    fn meant<'t>(&mut self, node: &'t Located, what: &str, words: &[&str]) -> Read<&'t Entry> {
        let Value::Object(entries) = &node.value else { return self.single(node, what) };
        let is_known = |entry: &Entry| {
            let word = entry.key.as_str();
            words.contains(&word) || find(ONE, word).or(find(ALL, word)).is_some() || word == "element"
        };
        let mut known = entries.iter().filter(|entry| is_known(entry));
        let (Some(meant), None) = (known.next(), known.next()) else { return self.single(node, what) };
        for entry in entries.iter().filter(|entry| !is_known(entry)) {
            self.ignored(entry, what, words);
        }
        Ok(meant)
    }

    /// The head of a listing: its schema must be one that is known.
    fn metainfo(&mut self, node: &Located) -> Read<()> {
        // What else stands here says who made the listing.
        let Value::Object(entries) = &node.value else {
            return self.wrong_type(node, "an object for the head");
        };
        let Some(entry) = entries.iter().find(|entry| entry.key == "json_schema_version") else {
            return Ok(());
        };
        let version = self.number(&entry.node, "the version of the schema")?;
        if version.value > SCHEMA_VERSION {
            let message =
                format!("version {} of the schema is not known, only {SCHEMA_VERSION}", version.value);
            return self.error(version.span, message);
        }
        Ok(())
    }

    fn no_such_thing<T>(&mut self, thing: &Entry, more: &[&str]) -> Read<T> {
        let known: Vec<&str> = ONE.iter().map(|(name, _)| *name).chain(more.iter().copied()).collect();
        self.unknown(thing.key_span, &thing.key, "kind of object", &known)
    }

    fn definition(&mut self, order: Order, thing: &Entry) -> Read<CommandKind> {
        let node = &thing.node;
        let only_rules = matches!(order.verb, Verb::Insert | Verb::Replace);
        if only_rules && thing.key != "rule" {
            return self.error(thing.key_span, "only rules can be inserted and replaced");
        }
        if order.verb == Verb::Create && thing.key == "rule" {
            return self.error(thing.key_span, "rules cannot be created, only added: each is new");
        }
        let item = match thing.key.as_str() {
            "table" => return self.table(node),
            "rule" => return self.rule(order, node),
            "element" => return self.elements(node),
            "chain" => {
                let members = self.object(node, "a chain", CHAIN)?;
                (self.table_of(&members)?, self.chain(&members)?)
            }
            "set" | "map" => {
                let map = thing.key == "map";
                let members = self.object(node, if map { "a map" } else { "a set" }, SET)?;
                let kind = if map { SetKind::Map } else { SetKind::Set };
                (self.table_of(&members)?, self.named_set(&members, kind)?)
            }
            "flowtable" => {
                let members = self.object(node, "a flow table", FLOWTABLE)?;
                (self.table_of(&members)?, self.flowtable(&members)?)
            }
            word => match object_kind(word) {
                Some(kind) => {
                    let members = self.object(node, "an object", &object_members(kind))?;
                    (self.table_of(&members)?, self.named_object(&members, kind)?)
                }
                None if order.listed => {
                    let verbs: Vec<&str> = VERBS.iter().map(|(name, _)| *name).chain(["element"]).collect();
                    return self.no_such_thing(thing, &verbs);
                }
                None => return self.no_such_thing(thing, &["element"]),
            },
        };
        Ok(CommandKind::Item { table: item.0, item: Box::new(item.1) })
    }

    fn table(&mut self, node: &Located) -> Read<CommandKind> {
        let members = self.object(node, "a table", TABLE)?;
        let name = Some(members.need_name(self, "name")?);
        Ok(CommandKind::Table(Table {
            table: TableReference { span: node.span, family: Some(self.need_family(&members)?), name },
            flags: members.names(self, "flags")?,
            comment: members.name(self, "comment")?,
            items: Vec::new(),
        }))
    }

    fn need_family(&mut self, members: &Members<'_>) -> Read<Family> {
        members.need(self, "family")?;
        self.family(members).and_then(|family| family.ok_or(super::Reported))
    }

    fn family(&mut self, members: &Members<'_>) -> Read<Option<Family>> {
        let Some(node) = members.get("family") else { return Ok(None) };
        let word = self.string(node, "`family`")?;
        match Family::from_keyword(word) {
            Some(family) => Ok(Some(family)),
            None => {
                self.unknown(node.span, word, "family", &["ip", "ip6", "inet", "arp", "bridge", "netdev"])
            }
        }
    }

    /// The table that a thing is in.
    fn table_of(&mut self, members: &Members<'_>) -> Read<TableReference> {
        let family = Some(self.need_family(members)?);
        let name = members.need_name(self, "table")?;
        Ok(TableReference { span: name.span, family, name: Some(name) })
    }

    fn rule(&mut self, order: Order, node: &Located) -> Read<CommandKind> {
        let members = self.object(node, "a rule", RULE)?;
        let table = self.table_of(&members)?;
        let chain = members.need_name(self, "chain")?;
        let handle = members.number(self, "handle")?;
        let index = members.number(self, "index")?;
        if order.verb == Verb::Replace {
            members.need_number(self, "handle")?;
        }
        let position = match (handle, index) {
            (Some(handle), _) if !order.listed => Some(Position::Handle(handle)),
            // A handle in a listing is where the rule was.
            (_, index) => index.map(Position::Index),
        };
        // A listing leaves out the statements where there are none.
        let statements = match members.get("expr") {
            Some(node) => self.statements(node)?,
            None if order.listed => Vec::new(),
            None => members.need(self, "expr").map(|_| Vec::new())?,
        };
        let rule = Rule { span: node.span, statements, comment: members.name(self, "comment")? };
        Ok(CommandKind::Rule { table, chain, position, rule })
    }

    fn elements(&mut self, node: &Located) -> Read<CommandKind> {
        let members = self.object(node, "an element", ELEMENT)?;
        let (table, set) = (self.table_of(&members)?, members.need_name(self, "name")?);
        let elements = members.need(self, "elem")?;
        let elements = self.set(elements)?;
        Ok(CommandKind::Elements { table, set, elements })
    }

    fn rename(&mut self, thing: &Entry) -> Read<CommandKind> {
        if thing.key != "chain" {
            return self.error(thing.key_span, "only chains can be renamed");
        }
        let members = self.object(&thing.node, "a chain", CHAIN)?;
        let (table, chain) = (self.table_of(&members)?, members.need_name(self, "name")?);
        Ok(CommandKind::Rename { table, chain, to: members.need_name(self, "newname")? })
    }

    fn removal(&mut self, thing: &Entry) -> Read<CommandKind> {
        if thing.key == "element" {
            return self.elements(&thing.node);
        }
        let Some(entity) = find(ONE, &thing.key) else { return self.no_such_thing(thing, &["element"]) };
        let members = self.members_of(entity, &thing.node)?;
        // With devices and nothing else it is the devices that go.
        let devices = members.has("dev") && !members.has("hook") && !members.has("handle");
        let item = match entity {
            Entity::Chain if devices => self.chain(&members)?,
            Entity::Flowtable if devices => self.flowtable(&members)?,
            _ => return self.one(entity, &members),
        };
        Ok(CommandKind::Item { table: self.table_of(&members)?, item: Box::new(item) })
    }

    fn selection(&mut self, verb: Verb, thing: &Entry) -> Read<CommandKind> {
        if thing.key == "element" && verb == Verb::Reset {
            return self.elements(&thing.node);
        }
        if let Some(entity) = find(ALL, &thing.key) {
            return self.all(entity, &thing.node);
        }
        match find(ONE, &thing.key) {
            Some(Entity::Rule) if verb == Verb::List => {
                self.error(thing.key_span, "a single rule cannot be listed: list its `chain`, or `rules`")
            }
            Some(Entity::Object(kind))
                if verb == Verb::Reset && !matches!(kind, ObjectKind::Counter | ObjectKind::Quota) =>
            {
                self.error(
                    thing.key_span,
                    "only what counts is reset: counters, quotas, rules, sets and maps",
                )
            }
            Some(entity) => {
                let members = self.members_of(entity, &thing.node)?;
                self.one(entity, &members)
            }
            None => {
                let plural: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
                self.no_such_thing(thing, &plural)
            }
        }
    }

    fn members_of<'t>(&mut self, entity: Entity, node: &'t Located) -> Read<Members<'t>> {
        match entity {
            Entity::Table => self.object(node, "a table", TABLE),
            Entity::Chain => self.object(node, "a chain", CHAIN),
            Entity::Rule => self.object(node, "a rule", RULE),
            Entity::Flowtable => self.object(node, "a flow table", FLOWTABLE),
            Entity::Object(kind) => self.object(node, "an object", &object_members(kind)),
            Entity::Set | Entity::Map | Entity::Meter | Entity::Ruleset => self.object(node, "a set", SET),
        }
    }

    /// One thing by its name or handle.
    fn one(&mut self, entity: Entity, members: &Members<'_>) -> Read<CommandKind> {
        let handle = members.number(self, "handle")?.map(Selector::Handle);
        if entity == Entity::Table {
            let family = Some(self.need_family(members)?);
            let name = members.name(self, "name")?;
            if name.is_none() && handle.is_none() {
                members.need(self, "name")?;
            }
            let table = TableReference { span: members.span, family, name };
            let selector = if name.is_none() { handle } else { None };
            return Ok(CommandKind::One { entity, table, chain: None, selector });
        }
        let table = self.table_of(members)?;
        let (chain, selector) = if entity == Entity::Rule {
            let index = members.number(self, "index")?.map(Selector::Index);
            (Some(members.need_name(self, "chain")?), handle.or(index))
        } else {
            (None, members.name(self, "name")?.map(Selector::Name).or(handle))
        };
        if selector.is_none() {
            members.need(self, if entity == Entity::Rule { "handle" } else { "name" })?;
        }
        Ok(CommandKind::One { entity, table, chain, selector })
    }

    /// All things of a kind, perhaps only those of a family, a table or a chain.
    fn all(&mut self, entity: Entity, node: &Located) -> Read<CommandKind> {
        let none = Members { span: Span::default(), what: "a selection", entries: &[] };
        let members = match node.value {
            Value::Null => none,
            _ => self.object(node, "a selection", &["family", "table", "chain", "name"])?,
        };
        let table = match members.name(self, "table")? {
            // Listings of what lies in tables name them so too.
            None => members.name(self, "name")?,
            table => table,
        };
        Ok(CommandKind::All {
            entity,
            family: self.family(&members)?,
            table,
            chain: members.name(self, "chain")?,
        })
    }
}
