//! Where what the kernel refused was written.

use netwright_netfilter::{ElementFlags, MessageKind, Step};

use super::rule::Scope;
use super::set;
use crate::catalog::Catalog;
use crate::diagnostic::Span;
use crate::ir::{ChainTarget, Command, Element, Rule, Set, Statement, Target, Verdict};

/// The place of what the kernel points at in a message ([`Step::at`]) that an order became: the statement of a rule, the
/// element of a set, or the order as a whole. `None` where the order was not written.
///
/// The catalogue is the one that the order was lowered with.
#[must_use]
pub fn place(command: &Command, catalog: &Catalog, step: &Step<'_>) -> Option<Span> {
    let finer = match &command.target {
        // Of a rule that was made of another the statements may be others.
        Target::Rule { family, table, rule, spans, .. } if spans.len() == rule.statements.len() => {
            let scope = Scope { family: *family, table, catalog };
            statement(&scope, rule, step).and_then(|index| spans.get(index).copied())
        }
        Target::Set(set) => {
            element(set, &set.elements, catalog, step).and_then(|index| command.elements.get(index).copied())
        }
        Target::Elements { set, elements } => {
            element(set, elements, catalog, step).and_then(|index| command.elements.get(index).copied())
        }
        Target::Selection(_)
        | Target::Table(_)
        | Target::Chain(_)
        | Target::ChainName { .. }
        | Target::Rule { .. }
        | Target::PackedElements { .. }
        | Target::Object(_)
        | Target::Flowtable(_)
        | Target::Hooks { .. }
        | Target::Changes { .. }
        | Target::Description { .. }
        | Target::Exchange { .. } => None,
    };
    finer.or(command.span)
}

/// The statement that a message of a rule is about.
fn statement(scope: &Scope<'_>, rule: &Rule, step: &Step<'_>) -> Option<usize> {
    match step.kind()? {
        MessageKind::NEW_RULE if step.names_chain() => {
            let code = super::rule::rule(scope, rule).ok()?;
            code.origins.get(step.expression()?).copied()
        }
        MessageKind::NEW_RULE | MessageKind::NEW_CHAIN => {
            only(rule.statements.iter().enumerate().filter(|(_, one)| has_chain(one)).map(|(index, _)| index))
        }
        _ => only(super::rule::rule(scope, rule).ok()?.set_origins.into_iter()),
    }
}

/// The one thing that comes, once or several times.
fn only(mut all: impl Iterator<Item = usize>) -> Option<usize> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn has_chain(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(_)) | Verdict::Goto(ChainTarget::Anonymous(_))
        )
    )
}

/// The element that the kernel points at: intervals are sorted and split on their way, so it is found by its key.
fn element(set: &Set, elements: &[Element], catalog: &Catalog, step: &Step<'_>) -> Option<usize> {
    let fault = step.element_at_fault()?;
    let key = fault.key_bytes().ok()?;
    let is_end =
        |flags: Option<ElementFlags>| flags.is_some_and(|flags| flags.contains(ElementFlags::INTERVAL_END));
    let end = is_end(fault.flags().ok()?);
    let scope = Scope { family: set.family, table: &set.table, catalog };
    elements.iter().position(|element| {
        let sent = set::elements_to_delete(&scope, set, std::slice::from_ref(element));
        sent.is_ok_and(|sent| sent.iter().any(|one| one.key_bytes() == key && is_end(one.flags) == end))
    })
}

#[cfg(test)]
mod tests;
