//! Single elements of sets.

use netwright_netfilter::request::{Find, FindElement, Reset};
use netwright_netfilter::{self as kernel, ElementFlags, SetFlags, SetRef};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::{Element, Expression, Set, Value};
use netwright_nft::lift;
use netwright_nft::lower::{self, Scope};
use netwright_sys::{Cause, Connection};

use super::answer::Unanswered;

/// The set with those of its elements that are asked for, or that ranges and addresses lie in; `reset` starts their
/// counters anew.
pub(super) fn find(
    set: &Set,
    elements: &[Element],
    reset: bool,
    connection: &mut Connection,
) -> Result<Set, Unanswered> {
    let named = SetRef::new(set.family, set.table.clone(), set.name.clone());
    let mut asking = Asking { set, named: named.clone(), reset, connection };
    let mut found = Vec::new();
    for element in elements {
        asking.find(element, &mut found)?;
    }
    let lifted = lift::set(&connection.query(&Find(named))?, &found);
    Ok(Set { statements: Vec::new(), ..lifted })
}

struct Asking<'a> {
    set: &'a Set,
    named: SetRef,
    reset: bool,
    connection: &'a mut Connection,
}

impl Asking<'_> {
    fn find(&mut self, element: &Element, found: &mut Vec<kernel::Element>) -> Result<(), Unanswered> {
        let before = found.len();
        for wanted in self.lowered(element)? {
            let end = wanted.has(ElementFlags::INTERVAL_END);
            match self.ask(wanted)? {
                Some(answer) => found.push(answer),
                // an interval that reaches to the last value has no end
                None if end => {}
                None => return Err(self.missing()),
            }
        }
        // the kernel looks for the two ends of a range one by one: they may be of two intervals
        if let Some(last) = self.last_of_range(element) {
            let mut last =
                self.lowered(&Element { key: Some(Expression::Value(last)), ..Element::default() })?;
            let last = if last.is_empty() { None } else { self.ask(last.swap_remove(0))? };
            let key = |element: &kernel::Element| element.key_bytes().map(<[u8]>::to_vec);
            if last.as_ref().and_then(key) != found.get(before).and_then(key) {
                return Err(self.missing());
            }
        }
        Ok(())
    }

    /// The last value of a range that is looked for in a set of intervals of one part.
    fn last_of_range(&self, element: &Element) -> Option<Value> {
        let intervals = SetFlags::from_bits_retain(self.set.flags).contains(SetFlags::INTERVAL);
        if !intervals || self.set.key.parts.len() != 1 {
            return None;
        }
        let (first, last) = lower::set::ends(element.key.as_ref()?).ok()?;
        (first != last).then_some(last)
    }

    fn lowered(&self, element: &Element) -> Result<Vec<kernel::Element>, Unanswered> {
        let catalog = Catalog::default();
        let scope = Scope { family: self.set.family, table: &self.set.table, catalog: &catalog };
        lower::set::elements_to_delete(&scope, self.set, std::slice::from_ref(element))
            .map_err(|error| Unanswered::Unknown(error.message, None))
    }

    fn ask(&mut self, element: kernel::Element) -> Result<Option<kernel::Element>, Unanswered> {
        let request = FindElement { set: self.named.clone(), element };
        let answer =
            if self.reset { self.connection.query(&Reset(request)) } else { self.connection.query(&request) };
        match answer {
            Ok(element) => Ok(Some(element)),
            Err(error) if error.is_not_found() || matches!(error.cause(), Cause::NoAnswer) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn missing(&self) -> Unanswered {
        let message = "Could not process rule: No such file or directory".to_owned();
        Unanswered::Unknown(message, Some(format!("not all of these are in {}", self.named)))
    }
}
