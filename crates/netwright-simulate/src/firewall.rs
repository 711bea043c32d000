//! The firewall as it is loaded into the simulated host, again and again: each time it is as declared, whatever packets have
//! left behind in its sets, limits and counters.

use netwright_netfilter::request::List;
use netwright_netfilter::{Batch, Family, Object, ObjectData};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::{
    self, ChainTarget, Command, Element, Entity, ObjectKind, ObjectName, Operation, Rule, Selection,
    Selector, Set, Statement, Target, Verdict,
};
use netwright_nft::lower;
use netwright_state::Ruleset as Declared;
use netwright_state::ruleset::TableName;
use netwright_sys::{Cause, Connection, Error, Result};

use crate::effect::remembers;
use crate::trace::Early;
use crate::walk::each_set;

/// A ruleset, ready to be loaded.
#[derive(Debug)]
pub(crate) struct Firewall {
    /// What is loaded: as declared, but that no rule turns tracing off.
    pub(crate) content: Declared,
    /// Whether packets leave something behind in it that others could meet.
    pub(crate) remembers: bool,
    /// Whether it asks how many connections there are.
    pub(crate) counts_connections: bool,
    /// Whether a packet has left something behind is told by counters in front of what remembers.
    tells: bool,
    load: Batch,
}

/// The counter of each table that counts what comes to a statement that remembers.
const REMEMBERED: &str = "netwright-remembered";

const ASKED: &str = "load the firewall into the simulated host";

impl Firewall {
    /// Prepares what is declared to be loaded in the place of what has tables of these names now.
    pub(crate) fn new(declared: &Declared, replaces: &[TableName]) -> Result<Self> {
        let mut content = declared.clone();
        for chain in content.tables.iter_mut().flat_map(|table| &mut table.chains) {
            chain.rules.iter_mut().for_each(keep_traced);
        }
        let rules = content.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
        let statements: Vec<&Statement> = rules.flat_map(all_statements).collect();
        let by_rules = statements.iter().any(|statement| remembers(statement));
        let counts_connections = statements.iter().any(|statement| counts_connections(statement));
        let with_times = content.tables.iter().flat_map(|table| &table.sets).any(|set| set.timeout.is_some());
        let tells = !content.tables.iter().any(changes_untold);
        let load = match tells {
            true => load(&telling(&content), replaces)?,
            false => load(&content, replaces)?,
        };
        let remembers = by_rules || with_times || !tells;
        Ok(Firewall { content, remembers, counts_connections, tells, load })
    }

    /// Whether a packet may have left something behind since it was loaded.
    pub(crate) fn has_remembered(&self, connection: &mut Connection) -> Result<bool> {
        if !self.remembers || !self.tells {
            return Ok(self.remembers);
        }
        let counted = |object: &Object| match &object.data {
            ObjectData::Counter(counter) => counter.packets.is_none_or(|packets| packets > 0),
            _ => true,
        };
        let all = connection.dump_all(&List::<Object>::new(Family::UNSPECIFIED))?;
        Ok(all.iter().any(|object| object.name == REMEMBERED && counted(object)))
    }

    /// The names of its tables.
    pub(crate) fn tables(&self) -> Vec<TableName> {
        self.content.tables.iter().map(|table| table.name()).collect()
    }

    /// Loads it: all its tables are made anew.
    pub(crate) fn load(&mut self, connection: &mut Connection) -> Result<()> {
        commit(connection, &mut self.load)
    }

    /// Where packets must be marked besides in IP's hooks, on a host with these links.
    pub(crate) fn early(&self, links: impl Iterator<Item = String>) -> Early {
        let families: Vec<Family> = self.content.tables.iter().map(|table| table.table.family).collect();
        let chains = self.content.tables.iter().flat_map(|table| &table.chains);
        let named: Vec<&String> =
            chains.filter_map(|chain| chain.hook.as_ref()).flat_map(|hook| &hook.devices).collect();
        let is_named = |link: &String| {
            named.iter().any(|named| match named.strip_suffix('*') {
                Some(prefix) => link.starts_with(prefix),
                None => *named == link,
            })
        };
        Early {
            bridge: families.contains(&Family::BRIDGE),
            arp: families.contains(&Family::ARP),
            devices: links.filter(is_named).collect(),
        }
    }
}

/// Makes changes of nf_tables, all or none.
pub(crate) fn commit(connection: &mut Connection, batch: &mut Batch) -> Result<()> {
    connection.commit(ASKED, batch)
}

/// Whether packets or time change something in a table without any statement of a rule that remembers: connections that pass by
/// the rules, elements that end by themselves, and what elements hold that look-ups change.
fn changes_untold(table: &netwright_state::ruleset::Table) -> bool {
    let counts = |statement: &Statement| matches!(statement, Statement::Counter(_) | Statement::Last(_));
    let changes = |element: &Element| element.timeout.is_some() || !element.statements.iter().all(counts);
    let set_changes = |set: &Set| {
        set.timeout.is_some() && !set.elements.is_empty()
            || !set.statements.iter().all(counts)
            || set.elements.iter().any(changes)
    };
    let mut written = false;
    for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
        each_set(&mut rule.clone(), &mut |elements| written |= elements.iter().any(changes));
    }
    !table.flowtables.is_empty() || table.sets.iter().any(set_changes) || written
}

/// The same with a counter in front of what remembers.
fn telling(content: &Declared) -> Declared {
    let mut content = content.clone();
    for table in &mut content.tables {
        let mut any = false;
        let rules = table.chains.iter_mut().flat_map(|chain| &mut chain.rules);
        rules.for_each(|rule| any |= tell(rule));
        if any {
            table.objects.push(ir::Object {
                family: table.table.family,
                table: table.table.name.clone(),
                name: REMEMBERED.into(),
                data: ir::ObjectData::Statement(Box::new(Statement::Counter(ir::Counter::default()))),
                comment: None,
                handle: None,
            });
        }
    }
    content
}

/// Puts the counter in front of the first statement of a rule that remembers; whether there is one.
fn tell(rule: &mut Rule) -> bool {
    let mut any = false;
    for statement in &mut rule.statements {
        if let Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) = statement
        {
            rules.iter_mut().for_each(|rule| any |= tell(rule));
        }
    }
    if let Some(first) = rule.statements.iter().position(remembers) {
        let counter = Statement::Object(ObjectKind::COUNTER, ObjectName::Name(REMEMBERED.into()));
        rule.statements.insert(first, counter);
        any = true;
    }
    any
}

fn load(content: &Declared, replaces: &[TableName]) -> Result<Batch> {
    let mut commands: Vec<Command> = replaces.iter().map(gone).collect();
    commands.extend(content.commands());
    let mut catalog = Catalog::default();
    content.tables.iter().flat_map(|table| &table.sets).for_each(|set| catalog.add_set(set));
    let mut batch = Batch::new();
    lower::batch(&commands, &catalog, &mut batch)
        .map_err(|failed| Error::new("lower the firewall", Cause::Invalid(failed.error.to_string())))?;
    Ok(batch)
}

fn gone(name: &TableName) -> Command {
    let selection = Selection {
        table: Some(name.name.clone()),
        name: Some(name.name.clone()),
        ..Selection::all(Entity::Table, name.family)
    };
    Command {
        operation: Operation::Delete,
        target: Target::Selection(selection),
        span: None,
        elements: Vec::new(),
    }
}

/// A packet whose tracing is turned off would say nothing any more. No rule can tell whether it is on.
fn keep_traced(rule: &mut Rule) {
    rule.statements.retain(
        |statement| !matches!(statement, Statement::Assign(Selector::Meta(key), _) if key.name == "nftrace"),
    );
    for statement in &mut rule.statements {
        if let Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) = statement
        {
            rules.iter_mut().for_each(keep_traced);
        }
    }
}

/// Whether a statement asks how many connections there are.
fn counts_connections(statement: &Statement) -> bool {
    match statement {
        Statement::ConnectionLimit { .. } => true,
        Statement::Object(kind, _) => kind.name() == Some("ct count"),
        Statement::SetUpdate(update) => update.statements.iter().any(counts_connections),
        _ => false,
    }
}

/// The statements of a rule and of the rules of chains without a name in it.
pub(crate) fn all_statements(rule: &Rule) -> Vec<&Statement> {
    let mut found = Vec::new();
    for statement in &rule.statements {
        found.push(statement);
        if let Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) = statement
        {
            found.extend(rules.iter().flat_map(all_statements));
        }
    }
    found
}
