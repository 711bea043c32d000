//! Orders.

use std::sync::Arc;

use netwright_netfilter::{Family, SetFlags};

use super::statement::object_kind;
use super::{Eval, Evaluator, family};
use crate::context::Context;
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Anchor, Command, Entity, Operation, Selection, Set, Table, Target};
use crate::syntax::ast::{self, CommandKind, TableItem, Verb};
use crate::table::{DataType, symbol, vocabulary};

/// The longest name of a table or of something in it, in bytes.
const MAXIMUM_NAME: usize = 255;

impl<'a> Evaluator<'a> {
    pub(super) fn command(&mut self, command: &'a ast::Command) -> Eval<()> {
        let operation = operation(command.verb);
        let span = command.span;
        match &command.kind {
            CommandKind::Table(table) => self.table(operation, span, table),
            CommandKind::Item { table, item } => {
                self.enter(table)?;
                self.item(operation, span, item)?;
                match &**item {
                    TableItem::Chain(chain) => self.rules(chain),
                    _ => Ok(()),
                }
            }
            CommandKind::Rule { table, chain, position, rule } => {
                self.enter(table)?;
                if matches!(position, Some(ast::Position::Index(_))) {
                    self.know_rules(self.text(*chain));
                }
                let known = self.check_known(chain.span, Entity::Chain, self.text(*chain));
                let (rule, spans) = self.rule(rule)?;
                known?;
                let anchor = position.and_then(|position| match position {
                    // No rule has this handle: nft and programs that speak JSON mean none with it.
                    ast::Position::Handle(number) if number.value == 0 && operation != Operation::Replace => {
                        None
                    }
                    ast::Position::Handle(number) => Some(Anchor::Handle(number.value)),
                    ast::Position::Index(number) => Some(Anchor::Index(number.value)),
                });
                let target = Target::Rule {
                    family: self.family,
                    table: self.table.clone(),
                    chain: self.text(*chain).to_owned(),
                    anchor,
                    rule,
                    spans,
                };
                self.push(operation, target, span)
            }
            CommandKind::Elements { table, set, elements } => {
                self.enter(table)?;
                let set = self.set_named(set.span, self.text(*set))?;
                if let Some(elements) = self.packed_elements(&set, elements) {
                    return self.push(operation, Target::PackedElements { set, elements }, span);
                }
                let named = match self.are_keys(operation, elements)? {
                    true => Arc::new(Set { target: None, ..(*set).clone() }),
                    false => Arc::clone(&set),
                };
                let placed = self.named_elements(&named, elements)?;
                self.check_earlier(operation, &set, &placed)?;
                // no larger than they are: there may be very many orders
                let spans = placed.iter().map(|(_, span)| *span).collect();
                let elements = placed.into_iter().map(|(element, _)| element).collect();
                self.push(operation, Target::Elements { set, elements }, span)?;
                self.note_elements(spans);
                Ok(())
            }
            CommandKind::One { entity, table, chain, selector } => {
                self.one(operation, span, *entity, table, *chain, *selector)
            }
            CommandKind::All { entity, family, table, chain } => {
                // a table without a family is one of IPv4, as everywhere
                let family = if table.is_some() { self::family(*family) } else { all_families(*family) };
                let selection = Selection {
                    table: table.map(|name| self.text(name).to_owned()),
                    chain: chain.map(|name| self.text(name).to_owned()),
                    ..Selection::all(self::entity(*entity), family)
                };
                if operation == Operation::Flush && *entity == ast::Entity::Ruleset {
                    self.catalog.flush(selection.family);
                }
                self.push(operation, Target::Selection(selection), span)
            }
            CommandKind::Rename { table, chain, to } => {
                self.enter(table)?;
                let (family, table) = (self.family, self.table.clone());
                let (chain, to) = (*chain, self.text(*to).to_owned());
                self.check_known(chain.span, Entity::Chain, self.text(chain))?;
                self.know_chain(chain.span, self.text(chain))?;
                let chain = self.text(chain).to_owned();
                let handle = self.catalog.chain_handle(family, &table, &chain);
                self.catalog.table_mut(family, &table).chains.insert(to.clone(), handle);
                let target = Target::ChainName { family, table, chain, to };
                self.push(operation, target, span)
            }
            CommandKind::Hooks { family, device } => {
                let device = device.map(|name| self.text(name).to_owned());
                let family = family.map(|one| self::family(Some(one)));
                self.push(operation, Target::Hooks { family, device }, span)
            }
            CommandKind::Monitor(monitor) => {
                let text = |name: Option<ast::Name>| name.map(|name| self.text(name).to_owned());
                let target = Target::Changes {
                    event: text(monitor.event),
                    object: text(monitor.object),
                    format: text(monitor.format),
                };
                self.push(operation, target, span)
            }
            CommandKind::Describe(expression) => self.describe(span, expression),
            CommandKind::Exchange { format } => {
                let format = format.map(|name| self.text(name).to_owned());
                self.push(operation, Target::Exchange { format }, span)
            }
        }
    }

    fn push(&mut self, operation: Operation, target: Target, span: Span) -> Eval<()> {
        if matches!(operation, Operation::Delete | Operation::Destroy | Operation::Flush) {
            self.earlier = super::interval::Earlier::default();
        }
        self.commands.push(Command { operation, target, span: Some(span), elements: Vec::new() });
        Ok(())
    }

    /// Whether elements that are there already are named by their keys alone.
    fn are_keys(&self, operation: Operation, elements: &'a ast::Expression) -> Eval<bool> {
        let named = [Operation::Delete, Operation::Destroy, Operation::Get, Operation::Reset];
        let elements = self.resolve(elements)?;
        Ok(match &elements.kind {
            ast::ExpressionKind::Set(list) if named.contains(&operation) => !list.elements.have_values(),
            _ => false,
        })
    }

    /// Notes where the elements of the last order were written.
    fn note_elements(&mut self, spans: Vec<Span>) {
        if let Some(last) = self.commands.last_mut() {
            last.elements = spans;
        }
    }

    /// From here on names are those of this table.
    fn enter(&mut self, table: &ast::TableReference) -> Eval<()> {
        self.family = family(table.family);
        self.table = table.name.map(|name| self.text(name).to_owned()).unwrap_or_default();
        self.table_span = table.name.map(|name| name.span);
        self.context = Context::new(self.family);
        Ok(())
    }

    /// The name of something that may be made.
    pub(super) fn new_name(&mut self, name: ast::Name) -> Eval<String> {
        let text = self.text(name);
        let bytes = netwright_wire::text::to_bytes(text).len();
        if bytes > MAXIMUM_NAME {
            return self
                .error(name.span, format!("a name has at most {MAXIMUM_NAME} bytes, and this one {bytes}"));
        }
        Ok(text.to_owned())
    }

    /// A table, then what is in it in an order in which everything is there before it is referred to.
    fn table(&mut self, operation: Operation, span: Span, table: &'a ast::Table) -> Eval<()> {
        self.enter(&table.table)?;
        let mut flags = 0;
        for flag in &table.flags {
            let word = self.text(*flag);
            match symbol::value(vocabulary::TABLE_FLAG, word) {
                Some(bit) => flags |= bit,
                None => {
                    return self.unknown(flag.span, word, "flag of tables", &["dormant", "owner", "persist"]);
                }
            }
        }
        let name = table.table.name.map(|name| self.new_name(name)).transpose()?.unwrap_or_default();
        let made = Table {
            family: self.family,
            name,
            flags,
            comment: table.comment.map(|comment| self.text(comment).to_owned()),
            handle: None,
            owner: None,
        };
        self.catalog.table_mut(self.family, &made.name);
        self.push(operation, Target::Table(made), table.table.span.to(span))?;
        for item in &table.items {
            if let TableItem::Chain(chain) = item {
                let name = self.text(chain.name).to_owned();
                self.catalog.table_mut(self.family, &self.table.clone()).chains.entry(name).or_default();
            }
        }
        for stage in [is_chain as fn(&TableItem) -> bool, is_object, is_flowtable, is_set] {
            for item in table.items.iter().filter(|item| stage(item)) {
                // What is wrong was noted; the next thing may be right.
                let _ = self.item(Operation::Add, item_span(item), item);
            }
        }
        for item in &table.items {
            if let TableItem::Chain(chain) = item {
                let _ = self.rules(chain);
            }
        }
        Ok(())
    }

    fn item(&mut self, operation: Operation, span: Span, item: &'a TableItem) -> Eval<()> {
        let (family, table) = (self.family, self.table.clone());
        match item {
            TableItem::Chain(chain) => {
                let made = self.chain(chain)?;
                self.catalog.table_mut(family, &table).chains.entry(made.name.clone()).or_default();
                self.push(operation, Target::Chain(Box::new(made)), span)
            }
            TableItem::Set(set) => {
                let mut made = self.set(set)?;
                self.catalog.add_set(&made);
                let bare = Arc::new(made.clone());
                let (mut packed, mut spans) = (Vec::new(), Vec::new());
                for elements in &set.elements {
                    match self.packed_elements(&bare, elements) {
                        Some(elements) => packed.push(elements),
                        None => {
                            let placed = self.named_elements(&bare, elements)?;
                            self.check_earlier(operation, &bare, &placed)?;
                            spans.extend(placed.iter().map(|(_, span)| *span));
                            made.elements.extend(placed.into_iter().map(|(element, _)| element));
                        }
                    }
                }
                self.push(operation, Target::Set(Box::new(made)), span)?;
                self.note_elements(spans);
                for elements in packed {
                    let set = Arc::clone(&bare);
                    self.push(Operation::Add, Target::PackedElements { set, elements }, span)?;
                }
                Ok(())
            }
            TableItem::Flowtable(flowtable) => {
                let made = self.flowtable(flowtable)?;
                self.catalog.table_mut(family, &table).flowtables.insert(made.name.clone());
                self.push(operation, Target::Flowtable(made), span)
            }
            TableItem::Object(object) => {
                let made = self.object(object)?;
                let key = (object_kind(object.body.kind()).0, made.name.clone());
                self.catalog.table_mut(family, &table).objects.insert(key);
                self.push(operation, Target::Object(Box::new(made)), span)
            }
        }
    }

    /// The rules in a chain's braces.
    fn rules(&mut self, chain: &'a ast::Chain) -> Eval<()> {
        let name = self.text(chain.name).to_owned();
        for rule in &chain.rules {
            let Ok((made, spans)) = self.rule(rule) else { continue };
            let target = Target::Rule {
                family: self.family,
                table: self.table.clone(),
                chain: name.clone(),
                anchor: None,
                rule: made,
                spans,
            };
            self.push(Operation::Add, target, rule.span)?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        operation: Operation,
        span: Span,
        entity: ast::Entity,
        table: &ast::TableReference,
        chain: Option<ast::Name>,
        selector: Option<ast::Selector>,
    ) -> Eval<()> {
        self.enter(table)?;
        let mut selection = Selection {
            table: table.name.map(|name| self.text(name).to_owned()),
            chain: chain.map(|name| self.text(name).to_owned()),
            ..Selection::all(self::entity(entity), self.family)
        };
        match selector {
            None => {}
            Some(ast::Selector::Name(name)) => {
                selection.name = Some(self.text(name).to_owned());
                self.check_flushed(operation, selection.entity, name)?;
            }
            Some(ast::Selector::Handle(number)) => selection.handle = Some(number.value),
            Some(ast::Selector::Index(number)) => {
                selection.index = Some(number.value);
                self.know_rules(chain.map_or("", |chain| self.text(chain)));
            }
        }
        self.push(operation, Target::Selection(selection), span)
    }

    /// A set, map or meter that is flushed must be one: the kernel makes no difference.
    fn check_flushed(&mut self, operation: Operation, entity: Entity, name: ast::Name) -> Eval<()> {
        if operation != Operation::Flush || !matches!(entity, Entity::Set | Entity::Map | Entity::Meter) {
            return Ok(());
        }
        let set = self.set_named(name.span, self.text(name))?;
        let is_meter = SetFlags::from_bits_retain(set.flags).contains(SetFlags::EVAL);
        let (fits, noun) = match (entity, &set.target) {
            (Entity::Map, target) => (target.is_some(), "map"),
            (Entity::Meter, _) => (is_meter, "meter"),
            (_, target) => (target.is_none(), "set"),
        };
        if fits {
            return Ok(());
        }
        let what = if set.target.is_some() { "map" } else { "set" };
        let message = format!("`{}` is no {noun} but a {what}", set.name);
        let diagnostic = Diagnostic::error(name.span, message);
        self.report(diagnostic.help(format!("write `flush {what}`")))
    }

    /// An expression with its type, or a type by its name. Where a word is both, as `mark`, it is the expression.
    fn describe(&mut self, span: Span, expression: &'a ast::Expression) -> Eval<()> {
        let expression = self.resolve(expression)?;
        // what only some families have is described all the same
        self.family = Family::INET;
        let target = if let ast::ExpressionKind::Literal(_) = expression.kind {
            let word = expression.text(self.sources);
            let types = DataType::ALL.iter().filter(|one| one.number() == one.0);
            let Some(&data_type) = types.clone().find(|one| one.name() == word) else {
                let known: Vec<&str> = types.map(|one| one.name()).collect();
                return self.unknown(expression.span, word, "type or expression", &known);
            };
            Target::Description { expression: None, parts: vec![crate::ir::TypePart::of(data_type)] }
        } else {
            let made = self.computed(expression, None)?;
            Target::Description { parts: self.parts(&made), expression: Some(made) }
        };
        self.push(Operation::Describe, target, span)
    }
}

fn is_chain(item: &TableItem) -> bool {
    matches!(item, TableItem::Chain(_))
}

fn is_object(item: &TableItem) -> bool {
    matches!(item, TableItem::Object(_))
}

fn is_flowtable(item: &TableItem) -> bool {
    matches!(item, TableItem::Flowtable(_))
}

fn is_set(item: &TableItem) -> bool {
    matches!(item, TableItem::Set(_))
}

fn item_span(item: &TableItem) -> Span {
    match item {
        TableItem::Chain(chain) => chain.name.span,
        TableItem::Set(set) => set.name.span,
        TableItem::Flowtable(flowtable) => flowtable.name.span,
        TableItem::Object(object) => object.name.span,
    }
}

fn operation(verb: Verb) -> Operation {
    match verb {
        Verb::Add => Operation::Add,
        Verb::Create => Operation::Create,
        Verb::Insert => Operation::Insert,
        Verb::Replace => Operation::Replace,
        Verb::Delete => Operation::Delete,
        Verb::Destroy => Operation::Destroy,
        Verb::Flush => Operation::Flush,
        Verb::List => Operation::List,
        Verb::Reset => Operation::Reset,
        Verb::Rename => Operation::Rename,
        Verb::Get => Operation::Get,
        Verb::Import => Operation::Import,
        Verb::Export => Operation::Export,
        Verb::Monitor => Operation::Monitor,
        Verb::Describe => Operation::Describe,
    }
}

fn entity(entity: ast::Entity) -> Entity {
    match entity {
        ast::Entity::Ruleset => Entity::Ruleset,
        ast::Entity::Table => Entity::Table,
        ast::Entity::Chain => Entity::Chain,
        ast::Entity::Rule => Entity::Rule,
        ast::Entity::Set => Entity::Set,
        ast::Entity::Map => Entity::Map,
        ast::Entity::Meter => Entity::Meter,
        ast::Entity::Flowtable => Entity::Flowtable,
        ast::Entity::Object(kind) => Entity::Object(object_kind(kind)),
    }
}

fn all_families(one: Option<ast::Family>) -> Family {
    one.map_or(Family::UNSPECIFIED, |one| family(Some(one)))
}
