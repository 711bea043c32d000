//! Sets that rules of the same input add to: the kernel must be told when it makes them.

use std::collections::BTreeSet;

use netwright_netfilter::{Family, SetFlags, SetRef};

use super::overlap::emptied;
use super::settle::{Emptied, covers, place};
use crate::catalog::{Catalog, Found, Lookup};
use crate::ir::{ChainTarget, Command, Rule, Statement, Target, Verdict};

/// Gives sets the flag `dynamic` that rules update, as nft does. A set that the kernel has already stays as it is there: the
/// kernel refuses one with other flags.
pub(super) fn mark(commands: &mut [Command], kernel: &Catalog, lookup: &mut dyn Lookup) {
    let mut updated = BTreeSet::new();
    for command in commands.iter() {
        if let Target::Rule { family, table, rule, .. } = &command.target {
            in_rule(*family, table, rule, &mut updated);
        }
    }
    if updated.is_empty() {
        return;
    }
    let mut gone: Vec<Emptied> = Vec::new();
    for command in commands {
        match &mut command.target {
            // maps stay as they are written, as those of nft do
            Target::Set(set)
                if set.target.is_none()
                    && updated.contains(&place(set))
                    && set.flags & SetFlags::EVAL.bits() == 0 =>
            {
                let is_gone = gone.iter().any(|gone| covers(gone, &place(set)));
                let (family, table, name) = (set.family, &set.table, &set.name);
                if is_gone || kernel.has_no_set(family, table, name) || !is_there(family, table, name, lookup)
                {
                    set.flags |= SetFlags::EVAL.bits();
                }
            }
            Target::Selection(selection) => gone.extend(emptied(command.operation, selection, false)),
            _ => {}
        }
    }
}

fn is_there(family: Family, table: &str, name: &str, lookup: &mut dyn Lookup) -> bool {
    match lookup.set(&SetRef::new(family, table.to_owned(), name)) {
        Found::Is(set) => set.flags & SetFlags::EVAL.bits() == 0,
        Found::Absent | Found::Unknown => false,
    }
}

fn in_rule(family: Family, table: &str, rule: &Rule, updated: &mut BTreeSet<(u8, String, String)>) {
    for statement in &rule.statements {
        if let Statement::SetUpdate(update) = statement {
            updated.insert((family.0, table.to_owned(), update.set.clone()));
        } else if let Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) = statement
        {
            rules.iter().for_each(|rule| in_rule(family, table, rule, updated));
        }
    }
}
