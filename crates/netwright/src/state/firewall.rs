//! The firewall of a namespace as content, and changes of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use netwright_netfilter::request::{FindGeneration, List};
use netwright_netfilter::{
    Chain, Flowtable, Object, Rule, Set, Table as KernelTable, TableFlags, Userdata, userdata,
};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::Span;
use netwright_nft::ir;
use netwright_nft::ir::{Operation, Target};
use netwright_nft::lift::Dump;
use netwright_state::ruleset::TableName;
use netwright_state::step::Transaction;
use netwright_state::{MARK, Ruleset, Wanted, mark_of};
use netwright_sys::{Cause, Connection, protocol};
use netwright_wire::Errno;

use super::Live;
use super::snapshot::ALL;
use crate::nft::Script;
use crate::{Error, Net, Result};

/// How long another program may go on changing its tables before ours are given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The part of the firewall that is looked at.
#[derive(Clone, Debug)]
pub(super) struct LookedAt {
    /// What was found.
    pub(super) dump: Arc<Dump>,
    /// The tables that were asked for.
    tables: Vec<TableName>,
}

/// Looks at the tables that are declared, and at those that some owner made. What is in the tables of others is nobody's
/// business here, and may be large or change all the time.
pub(super) fn look(net: &Net, wanted: &Wanted) -> Result<LookedAt> {
    let tables = wanted.tables.clone();
    let dump = match net.driver().run(protocol::NETFILTER, |connection| steady(connection, &tables)) {
        // whoever may not see the firewall plans without it where nothing of it is declared
        Err(error) if tables.is_empty() && error.is_permission() => Dump::default(),
        found => found?,
    };
    Ok(LookedAt { dump: Arc::new(dump), tables })
}

/// Reads until nothing has changed meanwhile.
fn steady(connection: &mut Connection, tables: &[TableName]) -> Result<Dump> {
    const PAUSES: [u64; 4] = [0, 1, 3, 7];
    let start = Instant::now();
    for tries in 0.. {
        let generation = connection.query(&FindGeneration)?.id;
        let found = read(connection, tables, generation);
        let same = connection.query(&FindGeneration)?.id == generation;
        match found {
            Ok(dump) if same => return Ok(dump),
            // what was there a moment ago may be gone while it is listed
            Err(error) if same => return Err(error),
            _ if start.elapsed() > PATIENCE => break,
            _ => {}
        }
        let pause = PAUSES.get(tries % PAUSES.len()).copied().unwrap_or(1);
        std::thread::sleep(Duration::from_millis(pause));
    }
    Err(Error::new("list the firewall", Cause::Interrupted { tries: u32::MAX }))
}

fn read(connection: &mut Connection, wanted: &[TableName], generation: u32) -> Result<Dump> {
    let all: Vec<KernelTable> = connection.dump_all(&List::new(ALL))?;
    let meant = |table: &KernelTable| {
        let named = wanted.iter().any(|name| name.family == table.family && name.name == table.name);
        named || table.userdata.find(MARK).is_some()
    };
    let mut dump = Dump { generation, tables: all.into_iter().filter(meant).collect(), ..Dump::default() };
    if dump.tables.is_empty() {
        return Ok(dump);
    }
    let of =
        |family, table: &str| dump.tables.iter().any(|found| found.family == family && found.name == table);
    let chains: Vec<Chain> = connection.dump_all(&List::new(ALL))?;
    let objects: Vec<Object> = connection.dump_all(&List::new(ALL))?;
    let flowtables: Vec<Flowtable> = connection.dump_all(&List::new(ALL))?;
    dump.chains = chains.into_iter().filter(|chain| of(chain.family, &chain.table)).collect();
    dump.objects = objects.into_iter().filter(|object| of(object.family, &object.table)).collect();
    dump.flowtables =
        flowtables.into_iter().filter(|flowtable| of(flowtable.family, &flowtable.table)).collect();
    let tables: Vec<_> = dump.tables.iter().map(|table| (table.family, table.name.clone())).collect();
    for (family, table) in tables {
        dump.rules.extend(connection.dump_all(&List::<Rule>::new(family).in_table(table.as_str()))?);
        for set in connection.dump_all(&List::<Set>::new(family).in_table(table.as_str()))? {
            let elements = crate::nft::elements(connection, None, &set)?;
            dump.sets.push((set, elements));
        }
    }
    Ok(dump)
}

/// What rules can refer to.
pub(super) fn catalog(ruleset: &Ruleset) -> Catalog {
    let mut catalog = Catalog::default();
    ruleset.tables.iter().flat_map(|table| &table.sets).for_each(|set| catalog.add_set(set));
    catalog
}

/// Why the firewall is not changed, and where what was refused was written.
pub(super) struct Refused {
    pub(super) error: Error,
    pub(super) place: Option<Span>,
    /// Somebody else has changed these tables meanwhile.
    pub(super) outdated: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused { error, place: None, outdated: false }
    }
}

impl Live<'_> {
    /// One transaction. Where somebody else changed the firewall since the snapshot, the tables that it is about are looked
    /// at once more: if they are as they were, it is sent again, else the numbers of rules in it may be others' by now.
    pub(super) fn firewall(&mut self, transaction: &Transaction) -> std::result::Result<(), Refused> {
        let start = Instant::now();
        loop {
            let refused = match self.try_firewall(transaction) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let Some(before) = self.looked_at.as_ref().filter(|_| is_outdated(&refused.error)) else {
                return Err(refused);
            };
            let tables = before.tables.clone();
            let now = self.net.driver().run(protocol::NETFILTER, |connection| steady(connection, &tables))?;
            if start.elapsed() > PATIENCE {
                return Err(refused);
            }
            if !same_content(&before.dump, &now) {
                return Err(Refused { outdated: true, ..refused });
            }
            self.looked_at = Some(LookedAt { dump: Arc::new(now), tables });
        }
    }

    fn try_firewall(&mut self, transaction: &Transaction) -> std::result::Result<(), Refused> {
        let mut catalog = self.catalog.clone();
        for command in &transaction.commands {
            match &command.target {
                Target::Set(set) => catalog.add_set(set),
                Target::Elements { set, .. } => catalog.add_set(set),
                _ => {}
            }
        }
        let marked =
            transaction.commands.iter().filter_map(|command| marked(command, transaction).transpose());
        let tables = marked.collect::<Result<Vec<_>>>()?;
        let script = Script::commands(transaction.commands.clone(), catalog.clone()).with_tables(tables);
        let script = match &self.looked_at {
            Some(looked_at) => script.for_generation(looked_at.dump.generation),
            None => script,
        };
        let report = self.net.nft().session().run(script)?;
        if let Some(refusal) = report.refusals.into_iter().next() {
            let place = refusal.diagnostic.span();
            return Err(Refused { place, error: refusal.into_error(), outdated: false });
        }
        self.looked_at = None;
        self.catalog = catalog;
        Ok(())
    }
}

fn is_outdated(error: &Error) -> bool {
    error.errno() == Some(Errno::ERESTART)
}

/// Whether two looks at the same tables found the same, apart from what counts and what packets put in and take out.
fn same_content(before: &Dump, now: &Dump) -> bool {
    let rules = |dump: &Dump| -> Vec<(String, String, u64)> {
        dump.rules
            .iter()
            .map(|rule| (rule.table.clone(), rule.chain.clone(), rule.handle.unwrap_or(0)))
            .collect()
    };
    let sets = |dump: &Dump| -> Vec<(String, String, Option<usize>)> {
        let dynamic = netwright_netfilter::SetFlags::TIMEOUT | netwright_netfilter::SetFlags::EVAL;
        let of = |(set, elements): &(Set, Vec<netwright_netfilter::Element>)| {
            let count = (!set.flags.intersects(dynamic)).then_some(elements.len());
            (set.table.clone(), set.name.clone(), count)
        };
        dump.sets.iter().map(of).collect()
    };
    let tables = |dump: &Dump| -> Vec<(String, Option<u64>)> {
        dump.tables.iter().map(|table| (table.name.clone(), table.handle)).collect()
    };
    let chains = |dump: &Dump| -> Vec<(String, String, Option<u64>)> {
        dump.chains.iter().map(|chain| (chain.table.clone(), chain.name.clone(), chain.handle)).collect()
    };
    tables(before) == tables(now)
        && chains(before) == chains(now)
        && rules(before) == rules(now)
        && sets(before) == sets(now)
        && before.flowtables.len() == now.flowtables.len()
        && before.objects.len() == now.objects.len()
}

/// The table that a command makes and that gets its owner's mark.
fn marked(command: &ir::Command, transaction: &Transaction) -> Result<Option<KernelTable>> {
    let Target::Table(table) = &command.target else { return Ok(None) };
    if command.operation != Operation::Add || !transaction.marked.contains(&TableName::from(table)) {
        return Ok(None);
    }
    let failed = |error: userdata::UserdataTooLong| {
        Error::new(format!("mark table {}", table.name), Cause::Invalid(error.to_string()))
    };
    let mut userdata = match &table.comment {
        Some(comment) => Userdata::comment(comment).map_err(failed)?,
        None => Userdata::new(),
    };
    userdata.push(MARK, &mark_of(&transaction.owner)).map_err(failed)?;
    let flags = Some(TableFlags::from_bits_retain(table.flags)).filter(|flags| !flags.is_empty());
    Ok(Some(KernelTable { flags, userdata, ..KernelTable::new(table.family, table.name.clone()) }))
}
