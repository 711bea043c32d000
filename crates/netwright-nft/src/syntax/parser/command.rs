//! Commands, and tables as a whole.

use super::super::ast::{
    Command, CommandKind, Entity, Family, Monitor, Name, ObjectKind, Position, Selector, SetKind, Table,
    TableItem, TableReference, Verb,
};
use super::super::lexer::TokenKind;
use super::super::words::{self, Scope};
use super::block::Ends;
use super::{Parse, Parser};
use crate::diagnostic::{Diagnostic, SourceId};

impl Parser<'_> {
    /// Reads a whole text.
    pub(in super::super) fn run(&mut self, source: SourceId) {
        self.frames.clear();
        self.enter(source, 0);
        while self.has_another_line() {
            if self.kind() == TokenKind::CloseBrace {
                self.error(self.span(), "this `}` has no partner");
                self.advance();
                continue;
            }
            if self.top_level_line().is_err() {
                self.recover(0);
            }
        }
    }

    /// Takes in a text that holds definitions and nothing else, one in each line: what is bound to a variable is a value, and
    /// cannot be an order.
    pub(in super::super) fn run_definitions(&mut self, source: SourceId) {
        self.frames.clear();
        self.enter(source, 0);
        while self.has_another_line() && self.definition_line().is_ok() {}
    }

    fn has_another_line(&mut self) -> bool {
        self.skip_separators();
        self.kind() != TokenKind::End
    }

    fn definition_line(&mut self) -> Parse<()> {
        if self.at("include") || !self.common_line()? {
            return Err(self.unexpected("a definition"));
        }
        match self.kind() {
            TokenKind::Newline | TokenKind::End => Ok(()),
            _ => {
                let message = "a variable stands for a value, which ends before this";
                Err(self.error(self.span(), message))
            }
        }
    }

    fn top_level_line(&mut self) -> Parse<()> {
        let start = self.span();
        if self.common_line()? {
            return self.line_end();
        }
        let (verb, kind) = self.command()?;
        let span = self.since(start);
        self.commands.push(Command { span, verb, kind });
        if self.at_end() {
            return Ok(());
        }
        Err(self.unexpected("the end of the command, or `;`"))
    }

    fn command(&mut self) -> Parse<(Verb, CommandKind)> {
        let verb = match self.word() {
            "add" => Verb::Add,
            "create" => Verb::Create,
            "insert" => Verb::Insert,
            "replace" => Verb::Replace,
            "delete" => Verb::Delete,
            "destroy" => Verb::Destroy,
            "flush" => Verb::Flush,
            "list" => Verb::List,
            "reset" => Verb::Reset,
            "rename" => Verb::Rename,
            "get" => Verb::Get,
            "import" => Verb::Import,
            "export" => Verb::Export,
            "monitor" => Verb::Monitor,
            "describe" => Verb::Describe,
            _ => return Ok((Verb::Add, self.definition(Verb::Add, true)?)),
        };
        self.advance();
        let kind = match verb {
            Verb::Add | Verb::Create | Verb::Insert | Verb::Replace => self.definition(verb, false)?,
            Verb::Delete | Verb::Destroy => self.removal(verb)?,
            Verb::Flush | Verb::List | Verb::Reset => self.selection(verb)?,
            Verb::Get => {
                self.expect_word("element")?;
                self.element_command()?
            }
            Verb::Rename => self.rename()?,
            Verb::Monitor => self.monitor()?,
            Verb::Describe => CommandKind::Describe(self.type_or_expression()?),
            Verb::Import | Verb::Export => self.exchange()?,
        };
        Ok((verb, kind))
    }

    /// What `add` and its like are followed by. `bare`: the verb was not written.
    fn definition(&mut self, verb: Verb, bare: bool) -> Parse<CommandKind> {
        if verb == Verb::Create {
            self.can_be_created()?;
        }
        match self.word() {
            "rule" => {
                self.advance();
                self.rule_command(verb)
            }
            "table" => {
                self.advance();
                self.table_command()
            }
            "element" => {
                self.advance();
                self.element_command()
            }
            _ if self.at_item() && !matches!(verb, Verb::Insert | Verb::Replace) => self.item_command(),
            _ if self.looks_like_rule() => self.rule_command(verb),
            _ if bare => Err(self.unknown("command", &[words::VERBS, words::ENTITIES])),
            _ => Err(self.unknown("kind of object", &[words::ENTITIES])),
        }
    }

    /// As with nft, there is no `create rule`, and what an object is stands in braces only behind `add`.
    fn can_be_created(&mut self) -> Parse<()> {
        let named = matches!(self.word(), "table" | "element") || self.at_item();
        if self.word() == "rule" || !named && self.looks_like_rule() {
            let diagnostic = self.describe_unexpected("what can be created: a table, or something in it");
            return Err(self.report(diagnostic.help("a rule is new each time: write `add rule`")));
        }
        let block_behind_add = matches!(self.word(), "counter" | "quota" | "limit" | "synproxy" | "secmark");
        // behind its kind, the table and its own name
        let brace = if words::FAMILIES.contains(&self.peek_word(1)) { 4 } else { 3 };
        if block_behind_add && self.peek(brace).kind == TokenKind::OpenBrace {
            (0..brace).for_each(|_| self.advance());
            let diagnostic = self.describe_unexpected("what the object is, without braces");
            return Err(self.report(diagnostic.help("braces are for `add`")));
        }
        Ok(())
    }

    /// Whether a kind of thing that a table holds is named here.
    fn at_item(&self) -> bool {
        matches!(self.word(), "chain" | "set" | "map" | "meter" | "flowtable") || self.object_kind().is_some()
    }

    /// The kind of named object that the current word (or two) means.
    fn object_kind(&self) -> Option<ObjectKind> {
        Some(match self.word() {
            "counter" => ObjectKind::Counter,
            "quota" => ObjectKind::Quota,
            "limit" => ObjectKind::Limit,
            "synproxy" => ObjectKind::Synproxy,
            "secmark" => ObjectKind::Secmark,
            "tunnel" => ObjectKind::Tunnel,
            "ct" => match self.peek_word(1) {
                "helper" => ObjectKind::CtHelper,
                "timeout" => ObjectKind::CtTimeout,
                "expectation" => ObjectKind::CtExpectation,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `[family] table chain statement …` without the word `rule`: names, and then something that begins a statement.
    fn looks_like_rule(&self) -> bool {
        let names = if words::FAMILIES.contains(&self.word()) { 3 } else { 2 };
        let named = (0..names).all(|distance| !self.peek_word(distance).is_empty());
        let next = self.peek_word(names);
        named
            && (words::STATEMENTS.contains(&next)
                || words::PROTOCOLS.contains(&next)
                || words::EXPRESSION_STARTS.contains(&next)
                || words::UNQUALIFIED_META_KEYS.contains(&next)
                || matches!(next, "handle" | "index" | "position")
                || self.peek(names).kind == TokenKind::At)
    }

    fn table_reference(&mut self) -> Parse<TableReference> {
        let start = self.span();
        let family = self.optional_family();
        let name = Some(self.name("the name of a table")?);
        Ok(TableReference { span: self.since(start), family, name })
    }

    fn table_command(&mut self) -> Parse<CommandKind> {
        let reference = self.table_reference()?;
        let mut table = Table { table: reference, flags: Vec::new(), comment: None, items: Vec::new() };
        if self.kind() == TokenKind::OpenBrace {
            self.block(&mut |parser, _| parser.table_line(&mut table))?;
        }
        Ok(CommandKind::Table(table))
    }

    fn table_line(&mut self, table: &mut Table) -> Parse<Ends> {
        match self.word() {
            "flags" => {
                self.advance();
                table.flags = self.keys("`dormant`, `owner` or `persist`")?;
            }
            "comment" => {
                let again = self.once(table.comment.map(|comment| comment.span), self.span());
                self.advance();
                table.comment = Some(self.comment()?);
                again?;
            }
            _ if self.at_item() => {
                let item = self.item(None)?;
                table.items.push(item);
            }
            _ => return Err(self.unknown("part of a table", &[words::TABLE_ITEMS])),
        }
        Ok(Ends::Separated)
    }

    fn item_command(&mut self) -> Parse<CommandKind> {
        let mut table = None;
        let item = self.item(Some(&mut table))?;
        match table {
            Some(table) => Ok(CommandKind::Item { table, item: Box::new(item) }),
            None => Err(self.unexpected("the name of a table")),
        }
    }

    /// `chain name { … }`, or in a command `chain family table name { … }`: then the table is left where the caller wants it.
    fn item(&mut self, reference: Option<&mut Option<TableReference>>) -> Parse<TableItem> {
        let object = self.object_kind();
        let kind = self.word().to_string();
        self.advance();
        if kind == "ct" {
            self.advance();
        }
        let command = reference.is_some();
        if command && self.peek(1).kind == TokenKind::OpenBrace {
            self.advance();
            let diagnostic = self.describe_unexpected("the name of a table before that of what it holds");
            let help =
                format!("Write `table inet NAME {{ {kind} … }}`, or `add {kind} inet TABLE NAME {{ … }}`.");
            return Err(self.report(diagnostic.help(help)));
        }
        if let Some(reference) = reference {
            *reference = Some(self.table_reference()?);
        }
        let scope = if object == Some(ObjectKind::Counter) { Scope::Counter } else { Scope::Plain };
        let name = self.scoped(scope, |parser| parser.name("a name"))?;
        if let Some(object) = object {
            if !command && self.kind() != TokenKind::OpenBrace {
                return Err(self.unexpected("`{`"));
            }
            return self.object(object, name);
        }
        // In a command a chain needs no braces.
        let braces = !command || self.kind() == TokenKind::OpenBrace;
        match kind.as_str() {
            "chain" if braces => self.chain_block(name).map(TableItem::Chain),
            "chain" => Ok(TableItem::Chain(super::super::ast::Chain {
                name,
                hook: None,
                policy: None,
                flags: Vec::new(),
                comment: None,
                rules: Vec::new(),
            })),
            "set" => self.set_block(SetKind::Set, name).map(TableItem::Set),
            "map" => self.set_block(SetKind::Map, name).map(TableItem::Set),
            "meter" => self.set_block(SetKind::Meter, name).map(TableItem::Set),
            _ => self.flowtable_block(name).map(TableItem::Flowtable),
        }
    }

    fn rule_command(&mut self, verb: Verb) -> Parse<CommandKind> {
        let table = self.table_reference()?;
        let chain = self.name("the name of a chain")?;
        if verb == Verb::Replace && !self.at("handle") {
            let diagnostic = self.describe_unexpected("`handle` and the handle of a rule");
            return Err(self.report(diagnostic.help("`nft -a list ruleset` shows handles.")));
        }
        let position = match self.word() {
            "handle" | "position" => {
                self.advance();
                Some(Position::Handle(self.number("the handle of a rule")?))
            }
            "index" => self.number_after("index")?.map(Position::Index),
            _ => None,
        };
        let rule = self.rule()?;
        Ok(CommandKind::Rule { table, chain, position, rule })
    }

    fn element_command(&mut self) -> Parse<CommandKind> {
        let table = self.table_reference()?;
        let set = self.name("the name of a set")?;
        Ok(CommandKind::Elements { table, set, elements: self.elements()? })
    }

    fn rename(&mut self) -> Parse<CommandKind> {
        self.expect_word("chain")?;
        let table = self.table_reference()?;
        let chain = self.name("the name of a chain")?;
        Ok(CommandKind::Rename { table, chain, to: self.name("the new name")? })
    }

    /// The kind of thing that is named here, in the singular.
    fn entity(&self) -> Option<Entity> {
        Some(match self.word() {
            "table" => Entity::Table,
            "chain" => Entity::Chain,
            "rule" => Entity::Rule,
            "set" => Entity::Set,
            "map" => Entity::Map,
            "meter" => Entity::Meter,
            "flowtable" => Entity::Flowtable,
            _ => Entity::Object(self.object_kind()?),
        })
    }

    /// The kind of things that is named here, in the plural.
    fn entities(&self) -> Option<Entity> {
        Some(match self.word() {
            "ruleset" => Entity::Ruleset,
            "tables" => Entity::Table,
            "chains" => Entity::Chain,
            "rules" => Entity::Rule,
            "sets" => Entity::Set,
            "maps" => Entity::Map,
            "meters" => Entity::Meter,
            "flowtables" => Entity::Flowtable,
            // As meters were called before.
            "flow" if self.peek_word(1) == "tables" => Entity::Meter,
            "counters" => Entity::Object(ObjectKind::Counter),
            "quotas" => Entity::Object(ObjectKind::Quota),
            "limits" => Entity::Object(ObjectKind::Limit),
            "synproxys" => Entity::Object(ObjectKind::Synproxy),
            "secmarks" => Entity::Object(ObjectKind::Secmark),
            "tunnels" => Entity::Object(ObjectKind::Tunnel),
            "ct" => Entity::Object(match (self.peek_word(1), self.peek_word(2)) {
                ("helpers", "table") => ObjectKind::CtHelper,
                ("timeout", "table") => ObjectKind::CtTimeout,
                ("expectation", "table") => ObjectKind::CtExpectation,
                _ => return None,
            }),
            _ => return None,
        })
    }

    fn removal(&mut self, verb: Verb) -> Parse<CommandKind> {
        if self.eat("element") {
            return self.element_command();
        }
        // `delete flowtable … { devices = … }` takes devices away.
        let thinned = if verb == Verb::Delete { &["chain", "flowtable"][..] } else { &["flowtable"] };
        if thinned.contains(&self.word()) && self.braces_follow() {
            return self.item_command();
        }
        match self.entity() {
            Some(Entity::Meter) => Err(self.unexpected("`set`: the elements of a meter are in one")),
            Some(entity) => self.one(entity, verb),
            None => Err(self.unknown("kind of object", &[words::ENTITIES])),
        }
    }

    /// Whether braces follow the names.
    fn braces_follow(&self) -> bool {
        let names = if words::FAMILIES.contains(&self.peek_word(1)) { 4 } else { 3 };
        self.peek(names).kind == TokenKind::OpenBrace
    }

    fn selection(&mut self, verb: Verb) -> Parse<CommandKind> {
        let many = self.entities();
        if let (Some(entity), true) = (many.or(self.entity()), verb == Verb::Reset)
            && !can_be_reset(entity, many.is_some())
        {
            const KNOWN: &[&str] =
                &["counter", "counters", "quota", "quotas", "rule", "rules", "set", "map", "element"];
            return Err(self.unknown("kind of object that can be reset", &[KNOWN]));
        }
        if let Some(entity) = many {
            return self.all(entity);
        }
        match self.word() {
            "hooks" if verb == Verb::List => self.hooks(),
            "element" if verb == Verb::Reset => {
                self.advance();
                self.element_command()
            }
            _ => match self.entity() {
                Some(entity) => self.one(entity, verb),
                None => Err(self.unknown("kind of object", &[words::ENTITIES])),
            },
        }
    }

    fn one(&mut self, entity: Entity, verb: Verb) -> Parse<CommandKind> {
        if self.at("ct") {
            self.advance();
        }
        self.advance();
        // only what is to go can be named so, and rules
        let by_handle = matches!(verb, Verb::Delete | Verb::Destroy) || entity == Entity::Rule;
        if entity == Entity::Table {
            return self.one_table(by_handle);
        }
        let table = self.table_reference()?;
        let mut chain = None;
        if entity == Entity::Rule {
            chain = Some(self.name("the name of a chain")?);
            if !self.at("handle") {
                let diagnostic = self.describe_unexpected("`handle` and the handle of a rule");
                return Err(self.report(diagnostic.help("`nft -a list ruleset` shows handles.")));
            }
        }
        let selector = match self.word() {
            "handle" if by_handle && self.peek(1).kind == TokenKind::Number => {
                self.number_after("handle")?.map(Selector::Handle)
            }
            _ if by_handle => Some(Selector::Name(self.name("a name, or `handle` and a number")?)),
            _ => Some(Selector::Name(self.name("a name")?)),
        };
        // What is taken away may be written with its definition, as it was added: the name is what counts.
        if matches!(verb, Verb::Delete | Verb::Destroy) && self.kind() == TokenKind::OpenBrace {
            return Err(self.unexpected("the end of the command"));
        }
        Ok(CommandKind::One { entity, table, chain, selector })
    }

    fn one_table(&mut self, by_handle: bool) -> Parse<CommandKind> {
        let start = self.span();
        let family = self.optional_family();
        if by_handle && self.at("handle") && self.peek(1).kind == TokenKind::Number {
            let selector = self.number_after("handle")?.map(Selector::Handle);
            let table = TableReference { span: self.since(start), family, name: None };
            return Ok(CommandKind::One { entity: Entity::Table, table, chain: None, selector });
        }
        let name = Some(self.name("the name of a table")?);
        let table = TableReference { span: self.since(start), family, name };
        Ok(CommandKind::One { entity: Entity::Table, table, chain: None, selector: None })
    }

    fn all(&mut self, entity: Entity) -> Parse<CommandKind> {
        if matches!(self.word(), "ct" | "flow") {
            self.advance();
        }
        self.advance();
        // `list sets table inet t` and `reset rules chain inet t c` are how it was written before.
        let worded =
            entity != Entity::Meter && self.eat("table") || (entity == Entity::Rule && self.eat("chain"));
        let family: Option<Family> = self.optional_family();
        let mut names: [Option<Name>; 2] = [None, None];
        let most = match entity {
            Entity::Ruleset | Entity::Table | Entity::Meter => 0,
            Entity::Rule => 2,
            _ => 1,
        };
        for name in names.iter_mut().take(most) {
            if !self.at_end() {
                *name = Some(self.name("a name")?);
            }
        }
        let [table, chain] = names;
        if worded && table.is_none() {
            return Err(self.unexpected("the name of a table"));
        }
        Ok(CommandKind::All { entity, family, table, chain })
    }

    fn hooks(&mut self) -> Parse<CommandKind> {
        self.advance();
        let family = self.optional_family();
        let device = if self.eat("device") { Some(self.string("the name of a device")?) } else { None };
        Ok(CommandKind::Hooks { family, device })
    }

    fn monitor(&mut self) -> Parse<CommandKind> {
        const OBJECTS: &[&str] = &["tables", "chains", "sets", "rules", "elements", "ruleset", "trace"];
        let mut monitor = Monitor::default();
        if matches!(self.word(), "new" | "destroy") {
            monitor.event = Some(self.key("`new` or `destroy`")?);
        }
        if OBJECTS.contains(&self.word()) {
            monitor.object = Some(self.key("what to watch")?);
        }
        monitor.format = self.format()?;
        if !self.at_end() {
            return Err(self.unknown("thing to watch", &[OBJECTS, &["new", "destroy"]]));
        }
        Ok(CommandKind::Monitor(monitor))
    }

    fn format(&mut self) -> Parse<Option<Name>> {
        // `vm` stands for the rules as they are in the kernel, the only ones that there are.
        if self.at("vm") {
            self.advance();
        }
        if matches!(self.word(), "json" | "xml") { self.key("a format").map(Some) } else { Ok(None) }
    }

    fn exchange(&mut self) -> Parse<CommandKind> {
        self.eat("ruleset");
        let format = self.format()?;
        if format.is_none() && !self.at_end() {
            let diagnostic = Diagnostic::error(self.span(), "unknown format").help("The only one is `json`.");
            return Err(self.report(diagnostic));
        }
        Ok(CommandKind::Exchange { format })
    }
}

/// Whether what counts can be set back: of one thing of a kind, or of all of them.
fn can_be_reset(entity: Entity, all: bool) -> bool {
    match entity {
        Entity::Rule | Entity::Object(ObjectKind::Counter | ObjectKind::Quota) => true,
        Entity::Set | Entity::Map => !all,
        Entity::Ruleset
        | Entity::Table
        | Entity::Chain
        | Entity::Meter
        | Entity::Flowtable
        | Entity::Object(
            ObjectKind::Limit
            | ObjectKind::CtHelper
            | ObjectKind::CtTimeout
            | ObjectKind::CtExpectation
            | ObjectKind::Synproxy
            | ObjectKind::Secmark
            | ObjectKind::Tunnel,
        ) => false,
    }
}
