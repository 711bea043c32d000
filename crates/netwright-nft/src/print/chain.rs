//! Rulesets, tables and chains.

use std::fmt;

use netwright_netfilter::Hook;

use super::Printer;
use crate::ir::{Chain, ChainHook, Flowtable, Rule, Ruleset, Table, TableContent};
use crate::table::hook::write_priority;
use crate::table::vocabulary::{TABLE_FLAG, write_flags};

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn ruleset(&mut self, ruleset: &Ruleset) -> fmt::Result {
        ruleset.tables.iter().try_for_each(|content| self.table(content))
    }

    pub(super) fn table(&mut self, content: &TableContent) -> fmt::Result {
        let Table { family, name, .. } = &content.table;
        write!(self.out, "table {family} {name} {{")?;
        self.handle(content.table.handle)?;
        if let Some(owner) = &content.table.owner {
            write!(self.out, " # progname {owner}")?;
        }
        self.word("\n")?;
        self.indent += 1;
        let mut blank = self.table_head(&content.table)?;
        for object in &content.objects {
            self.gap(&mut blank)?;
            self.object(object)?;
        }
        for set in &content.sets {
            self.gap(&mut blank)?;
            self.set(set)?;
        }
        for flowtable in &content.flowtables {
            self.gap(&mut blank)?;
            self.flowtable(flowtable)?;
        }
        for chain in &content.chains {
            self.gap(&mut blank)?;
            self.chain(chain)?;
        }
        self.indent -= 1;
        self.word("}\n")
    }

    /// An empty line between two things.
    fn gap(&mut self, blank: &mut bool) -> fmt::Result {
        if std::mem::replace(blank, true) { self.word("\n") } else { Ok(()) }
    }

    /// What a table says of itself, and whether that is followed by an empty line: only flags are.
    fn table_head(&mut self, table: &Table) -> Result<bool, fmt::Error> {
        if table.flags != 0 {
            self.tabs()?;
            self.word("flags ")?;
            write_flags(self.out, TABLE_FLAG, table.flags)?;
            self.word("\n")?;
        }
        if let Some(comment) = &table.comment {
            self.comment_line(comment)?;
        }
        Ok(table.flags != 0)
    }

    pub(super) fn chain(&mut self, chain: &Chain) -> fmt::Result {
        self.tabs()?;
        write!(self.out, "chain {} {{", chain.name)?;
        self.handle(chain.handle)?;
        self.word("\n")?;
        self.indent += 1;
        if let Some(comment) = &chain.comment {
            self.comment_line(comment)?;
        }
        if let Some(hook) = &chain.hook {
            self.base(chain, hook)?;
        }
        match self.stored.and_then(|stored| stored.rules(chain)) {
            Some(mut rules) => rules.try_for_each(|rule| self.rule_line(&rule))?,
            None => chain.rules.iter().try_for_each(|rule| self.rule_line(rule))?,
        }
        self.indent -= 1;
        self.tabs()?;
        self.word("}\n")
    }

    fn rule_line(&mut self, rule: &Rule) -> fmt::Result {
        self.tabs()?;
        self.rule(rule)?;
        self.word("\n")
    }

    /// `type filter hook input priority filter; policy accept;`
    fn base(&mut self, chain: &Chain, base: &ChainHook) -> fmt::Result {
        self.tabs()?;
        let hook = Hook::from_number(chain.family, base.hook.number);
        if base.chain_type.is_empty() {
            self.word("devices = { ")?;
            self.separated(&base.devices, ", ", |printer, device| printer.quoted(device))?;
            return self.word(" }\n");
        }
        write!(self.out, "type {} hook ", base.chain_type)?;
        match hook.name() {
            Some(name) => self.word(name)?,
            None => write!(self.out, "{}", base.hook.number)?,
        }
        match base.devices.as_slice() {
            [] => {}
            [device] => write!(self.out, " device \"{device}\"")?,
            devices => {
                self.word(" devices = { ")?;
                self.separated(devices, ", ", |printer, device| printer.quoted(device))?;
                self.word(" }")?;
            }
        }
        self.word(" priority ")?;
        write_priority(self.out, chain.family, hook, base.hook.priority, self.options.numeric_priority)?;
        self.word(";")?;
        if chain.offload {
            self.word(" flags offload;")?;
        }
        if let Some(policy) = &chain.policy {
            self.word(" policy ")?;
            self.verdict(policy)?;
            self.word(";")?;
        }
        self.word("\n")
    }

    pub(super) fn flowtable(&mut self, flowtable: &Flowtable) -> fmt::Result {
        self.tabs()?;
        write!(self.out, "flowtable {} {{", flowtable.name)?;
        self.handle(flowtable.handle)?;
        self.word("\n")?;
        self.indent += 1;
        if let Some(hook) = flowtable.hook {
            let numeric = self.options.numeric_priority;
            self.tabs()?;
            self.word("hook ingress priority ")?;
            write_priority(self.out, flowtable.family, Hook::Ingress, hook.priority, numeric)?;
            self.word("\n")?;
        }
        if !flowtable.devices.is_empty() {
            self.tabs()?;
            self.word("devices = { ")?;
            self.separated(&flowtable.devices, ", ", |printer, device| printer.quoted(device))?;
            self.word(" }\n")?;
        }
        if flowtable.offload {
            self.line("flags offload")?;
        }
        if flowtable.counter {
            self.line("counter")?;
        }
        self.indent -= 1;
        self.tabs()?;
        self.word("}\n")
    }
}
