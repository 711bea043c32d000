//! Syntax trees to the typed middle: every word gets its meaning, and everything that is wrong is said at once.

mod assign;
mod chain;
mod command;
mod dynamic;
mod element;
mod expression;
mod interval;
mod literal;
mod meter;
mod nat;
mod object;
mod overlap;
mod packed;
mod relational;
mod selector;
mod set;
mod settle;
mod statement;
mod tunnel;

pub(crate) use nat::is_asked_for_transport;

use std::cell::Cell;
use std::sync::Arc;

use netwright_netfilter::{ChainRef, Family, SetRef, TableRef};

use crate::catalog::{Catalog, Found, Lookup, NoLookup};
use crate::context::{Conflict, Context};
use crate::diagnostic::{Diagnostic, SourceMap, Span, nearest};
use crate::ir::{self, Command};
use crate::syntax::{Parsed, ast};
use crate::table::{Names, Zone};

/// What evaluation needs to know beside the text.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Names of ports, users, interfaces and so on.
    pub names: &'a Names,
    /// What the kernel has already, as far as it is known.
    pub catalog: &'a Catalog,
    /// The zone of hours and points in time.
    pub zone: Zone,
}

/// What evaluation yields.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The orders, in the order in which they are to be carried out.
    pub commands: Vec<Command>,
    /// What is wrong; empty where everything has a meaning.
    pub diagnostics: Vec<Diagnostic>,
    /// The catalogue given, and what the input adds to it: what lowering needs.
    pub catalog: Catalog,
}

/// How much variables can stand for in one input: a thousand times what anybody writes.
const MOST_UNFOLDED: usize = 1 << 22;

/// Gives a parsed text its meaning. What parsing found wrong is not repeated here.
#[must_use]
pub fn compile(sources: &SourceMap, parsed: &Parsed, options: &Options<'_>) -> Compiled {
    compile_with(sources, parsed, options, &mut NoLookup)
}

/// As [`compile`], with somebody to ask for what the text refers to and the catalogue does not have.
#[must_use]
pub fn compile_with(
    sources: &SourceMap,
    parsed: &Parsed,
    options: &Options<'_>,
    lookup: &mut dyn Lookup,
) -> Compiled {
    let mut evaluator = Evaluator {
        sources,
        parsed,
        names: options.names,
        zone: options.zone,
        catalog: options.catalog.clone(),
        diagnostics: Vec::new(),
        lookup,
        commands: Vec::new(),
        earlier: interval::Earlier::default(),
        family: Family::IPV4,
        table: String::new(),
        table_span: None,
        context: Context::new(Family::IPV4),
        loose: false,
        shifted: Shifted::Alone,
        below: None,
        unfolded: Cell::new(0),
    };
    for command in &parsed.commands {
        // What is wrong was noted; the next order may be right.
        let _ = evaluator.command(command);
        if evaluator.unfolded.get() > MOST_UNFOLDED {
            let what = "the variables up to here stand for more than can be unfolded";
            evaluator.diagnostics.push(Diagnostic::error(command.span, what));
            break;
        }
    }
    let mut orders = std::mem::take(&mut evaluator.commands);
    dynamic::mark(&mut orders, options.catalog, evaluator.lookup);
    evaluator.diagnostics.extend(overlap::check(&orders, options.catalog, evaluator.lookup));
    let (orders, wrong) = settle::settle(orders, options.catalog, evaluator.lookup, &mut evaluator.catalog);
    evaluator.commands = orders;
    evaluator.diagnostics.extend(wrong);
    for label in evaluator.diagnostics.iter_mut().flat_map(|diagnostic| &mut diagnostic.labels) {
        label.span = sources.written(label.span);
    }
    Compiled { commands: evaluator.commands, diagnostics: evaluator.diagnostics, catalog: evaluator.catalog }
}

/// An error that is among the diagnostics already.
#[derive(Clone, Copy, Debug)]
struct Reported;

type Eval<T> = Result<T, Reported>;

/// What a constant that is shifted counts as. It is a number, and has no other type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shifted {
    /// A number, which also marks and answers are set to.
    Alone,
    /// A number and nothing else, wherever it stands.
    Compared,
    /// What stands before its operator.
    Beside,
}

struct Evaluator<'a> {
    sources: &'a SourceMap,
    parsed: &'a Parsed,
    names: &'a Names,
    zone: Zone,
    catalog: Catalog,
    diagnostics: Vec<Diagnostic>,
    lookup: &'a mut dyn Lookup,
    commands: Vec<Command>,
    /// The intervals that earlier orders put into sets.
    earlier: interval::Earlier,
    /// Where the order at hand is about.
    family: Family,
    table: String,
    table_span: Option<Span>,
    context: Context,
    /// Whether words with a type of their own count as numbers of any type.
    loose: bool,
    /// What a constant that is shifted counts as.
    shifted: Shifted,
    /// What numbers must be below, where they are compared with one that is generated.
    below: Option<u128>,
    /// How much variables have stood for so far, in expressions and elements.
    unfolded: Cell<usize>,
}

impl<'a> Evaluator<'a> {
    fn report<T>(&mut self, diagnostic: Diagnostic) -> Eval<T> {
        self.diagnostics.push(self.sources.with_includers(diagnostic));
        Err(Reported)
    }

    fn error<T>(&mut self, span: Span, message: impl Into<String>) -> Eval<T> {
        self.report(Diagnostic::error(span, message))
    }

    fn conflict<T>(&mut self, span: Span, conflict: Conflict) -> Eval<T> {
        let mut diagnostic = Diagnostic::error(span, conflict.message);
        if let Some(earlier) = conflict.earlier {
            diagnostic = diagnostic.also(earlier, "stated here");
        }
        self.report(diagnostic)
    }

    /// An error about a word that is none of several.
    fn unknown<T>(&mut self, span: Span, word: &str, what: &str, known: &[&str]) -> Eval<T> {
        let diagnostic = Diagnostic::error(span, format!("there is no {what} `{word}`"));
        self.report(diagnostic.did_you_mean(nearest(word, known.iter().copied())))
    }

    fn text(&self, name: ast::Name) -> &'a str {
        name.text(self.sources)
    }

    /// Notes that a variable stands for so much. Definitions that use others twice each would unfold without an end
    /// otherwise; [`compile`] tells of it.
    fn unfold(&self, more: usize) -> Eval<()> {
        self.unfolded.set(self.unfolded.get().saturating_add(more));
        if self.unfolded.get() > MOST_UNFOLDED { Err(Reported) } else { Ok(()) }
    }

    /// What a variable stands for, or the expression itself.
    fn resolve(&self, expression: &'a ast::Expression) -> Eval<&'a ast::Expression> {
        let mut at = expression;
        // A definition can use only those before it, so this ends; the limit is for trees that were not parsed.
        for _ in 0..64 {
            let ast::ExpressionKind::Variable(id) = &at.kind else { return Ok(at) };
            let definition = id.and_then(|id| self.parsed.definition(id)).ok_or(Reported)?;
            self.unfold(1)?;
            at = &definition.value;
        }
        Err(Reported)
    }

    /// A number that must fit a type.
    fn fit<T: TryFrom<u64>>(&mut self, number: ast::Number, what: &str) -> Eval<T> {
        match T::try_from(number.value) {
            Ok(fits) => Ok(fits),
            Err(_) => self.error(number.span, format!("{} is too large for {what}", number.value)),
        }
    }

    /// The set or map of a name in the table at hand.
    fn set_named(&mut self, span: Span, name: &str) -> Eval<Arc<ir::Set>> {
        let mut known = Vec::new();
        match self.find_set(name) {
            Found::Is(set) => return Ok(set),
            Found::Absent => known = self.names(ir::Entity::Set),
            Found::Unknown => {}
        }
        self.check_table(span)?;
        let table = self.catalog.table(self.family, &self.table);
        known.extend(table.iter().flat_map(|table| table.sets.keys().cloned()));
        let diagnostic =
            Diagnostic::missing(span, format!("table `{}` has no set or map `{name}`", self.table));
        let near = nearest(name, known.iter().map(String::as_str));
        self.report(diagnostic.did_you_mean(near.map(|near| format!("@{near}"))))
    }

    /// The set or map of a name, where there is one.
    fn find_set(&mut self, name: &str) -> Found<Arc<ir::Set>> {
        if let Some(set) = self.catalog.set(self.family, &self.table, name) {
            return Found::Is(Arc::clone(set));
        }
        if !self.catalog.is_open(self.family, &self.table) {
            return Found::Unknown;
        }
        match self.lookup.set(&SetRef::new(self.family, self.table.clone(), name)) {
            Found::Is(set) => {
                self.catalog.add_set(&set);
                Found::Is(Arc::new(set))
            }
            Found::Absent => Found::Absent,
            Found::Unknown => Found::Unknown,
        }
    }

    /// The names of the things of a kind that the kernel has in the table at hand, where one of them was not found. Then
    /// it is also known which tables there are.
    fn names(&mut self, entity: ir::Entity) -> Vec<String> {
        if let Found::Is(tables) = self.lookup.tables() {
            self.catalog.declare_tables(tables.into_iter().map(|table| (table.family, table.name)));
        }
        match self.lookup.names(&TableRef::new(self.family, self.table.clone()), entity) {
            Found::Is(names) => names,
            Found::Absent | Found::Unknown => Vec::new(),
        }
    }

    /// Finds out the rules of a chain of the table at hand, whose places matter.
    fn know_rules(&mut self, chain: &str) {
        let table = self.catalog.table(self.family, &self.table);
        if table.is_some_and(|table| table.rules.contains_key(chain)) {
            return;
        }
        let rules = match self.catalog.is_open(self.family, &self.table) {
            true => self.lookup.rules(&ChainRef::new(self.family, self.table.clone(), chain)),
            false => Found::Absent,
        };
        let rules = match rules {
            Found::Is(rules) => rules,
            Found::Absent => Vec::new(),
            Found::Unknown => return,
        };
        self.catalog.table_mut(self.family, &self.table.clone()).rules.insert(chain.to_owned(), rules);
    }

    /// The kernel's number of a chain of the table at hand, which gets another name.
    fn know_chain(&mut self, span: Span, chain: &str) -> Eval<()> {
        if self.catalog.chain_handle(self.family, &self.table, chain).is_some()
            || !self.catalog.is_open(self.family, &self.table)
        {
            return Ok(());
        }
        match self.lookup.chain(&ChainRef::new(self.family, self.table.clone(), chain)) {
            Found::Is(handle) => {
                let table = self.catalog.table_mut(self.family, &self.table.clone());
                table.chains.insert(chain.to_owned(), Some(handle));
                Ok(())
            }
            Found::Unknown => Ok(()),
            Found::Absent => {
                let known = self.names(ir::Entity::Chain);
                self.check_table(span)?;
                let near = nearest(chain, known.iter().map(String::as_str)).map(str::to_owned);
                let message = format!("table `{}` has no chain `{chain}`", self.table);
                self.report(Diagnostic::missing(span, message).did_you_mean(near))
            }
        }
    }

    /// The table at hand must be there, where all tables are known.
    fn check_table(&mut self, span: Span) -> Eval<()> {
        if !self.catalog.is_absent(self.family, &self.table) {
            return Ok(());
        }
        let (mut same, mut elsewhere) = (Vec::new(), None);
        for (family, name) in self.catalog.tables() {
            if family == self.family {
                same.push(name);
            } else if name == self.table {
                elsewhere = Some(format!("{family} {name}"));
            }
        }
        let near = elsewhere.or_else(|| nearest(&self.table, same).map(str::to_owned));
        let message = format!("there is no table `{}` of the family {}", self.table, self.family);
        let diagnostic = Diagnostic::missing(self.table_span.unwrap_or(span), message).did_you_mean(near);
        // An order may refer to several things in its table.
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
        Err(Reported)
    }

    /// Something else than a set must be there, where all that the table has is known.
    fn check_known(&mut self, span: Span, entity: ir::Entity, name: &str) -> Eval<()> {
        self.check_table(span)?;
        let table = self.catalog.table(self.family, &self.table);
        let Some(content) = table.filter(|content| content.complete && !content.has(entity, name)) else {
            return Ok(());
        };
        let noun = match entity {
            ir::Entity::Object(kind) => kind.name().unwrap_or("object"),
            ir::Entity::Flowtable => "flow table",
            _ => "chain",
        };
        let near = nearest(name, content.names(entity)).map(str::to_owned);
        let diagnostic = Diagnostic::missing(span, format!("table `{}` has no {noun} `{name}`", self.table));
        self.report(diagnostic.did_you_mean(near))
    }

    /// The types of what a named map holds.
    fn data_of(&self, name: &str) -> Vec<ir::TypePart> {
        match self.catalog.set(self.family, &self.table, name).and_then(|set| set.target.as_ref()) {
            Some(ir::MapTarget::Values(spec)) => spec.parts.clone(),
            _ => Vec::new(),
        }
    }

    fn parts(&self, expression: &ir::Expression) -> Vec<ir::TypePart> {
        expression.parts(&|name| self.data_of(name))
    }
}

/// The family of a keyword of the language.
fn family(family: Option<ast::Family>) -> Family {
    match family {
        None | Some(ast::Family::Ipv4) => Family::IPV4,
        Some(ast::Family::Ipv6) => Family::IPV6,
        Some(ast::Family::Inet) => Family::INET,
        Some(ast::Family::Arp) => Family::ARP,
        Some(ast::Family::Bridge) => Family::BRIDGE,
        Some(ast::Family::Netdev) => Family::NETDEV,
    }
}

/// The family of addresses.
fn version(version: ast::IpVersion) -> Family {
    match version {
        ast::IpVersion::V4 => Family::IPV4,
        ast::IpVersion::V6 => Family::IPV6,
    }
}
