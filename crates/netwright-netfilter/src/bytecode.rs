//! Expressions and elements as text, one line each: the form that `nft --debug=netlink` prints.
//!
//! ```
//! use netwright_netfilter::{bytecode::{Form, bytecode}, raw::*};
//! let rule = [meta(MetaKey::MARK).into(R1), cmp(R1, EQ, 5_u32.to_ne_bytes())];
//! assert_eq!(bytecode(&rule, Form::Bytes), ["[ meta load mark => reg 1 ]", "[ cmp eq reg 1 0x00000005 ]"]);
//! ```
//!
//! Values do not say in which order their bytes lie: it follows from what loaded the register that they are compared with, or
//! from what uses the register that they are put into. [`bytecode`] looks at that over the whole rule.

mod load;
mod print;
mod registers;

use std::fmt;

pub use registers::Part;

use crate::expression::{LookupAttrs, ObjectReferenceAttrs};
use crate::{Data, Element, Expression};
use print::Printer;
use registers::Registers;

/// How values are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As bytes, the most significant first, in groups of four: nft 1.1.7 and later.
    Bytes,
    /// As words of four bytes in the machine's order: before that.
    Words,
}

/// The lines of a rule's expressions.
#[must_use]
pub fn bytecode(expressions: &[Expression], form: Form) -> Vec<String> {
    let mut lines = Vec::with_capacity(expressions.len());
    walk(expressions, form, |printer, _| lines.push(printer.to_string()));
    lines
}

/// How the keys and data of a set are composed, as far as a rule that uses it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetLayout {
    /// The parts of its keys.
    pub key: Vec<Part>,
    /// The parts of its data.
    pub data: Vec<Part>,
}

/// The layouts of the sets that a rule uses, by name and number; the length of a key is that of the set's declaration.
#[must_use]
pub fn set_layout(expressions: &[Expression], set: &crate::Set) -> Option<SetLayout> {
    let mut layout = None;
    let key_length = set.key_length as usize;
    let data_length = set.data_length.unwrap_or_default() as usize;
    walk(expressions, Form::Bytes, |printer, registers| {
        let used = match printer.expression {
            Expression::Lookup(LookupAttrs { source, destination, set: name, set_id, .. }) => {
                (name.as_deref(), set_id, *source, *destination)
            }
            Expression::ObjectReference(ObjectReferenceAttrs { source, set: name, set_id, .. }) => {
                (name.as_deref(), set_id, *source, None)
            }
            _ => return,
        };
        let (name, id, Some(source), destination) = used else { return };
        if name != Some(&*set.name) || (id.is_some() && set.id.is_some() && *id != set.id) {
            return;
        }
        let key = registers.parts(source, key_length);
        let data =
            destination.map(|register| registers::parts_used(printer.following, register, data_length));
        layout = Some(SetLayout { key, data: data.unwrap_or_default() });
    });
    layout
}

/// Goes through a rule with what is known of the registers before each expression.
fn walk(expressions: &[Expression], form: Form, mut visit: impl FnMut(&Printer<'_>, &Registers)) {
    let mut registers = Registers::default();
    for (index, expression) in expressions.iter().enumerate() {
        let following = expressions.get(index + 1..).unwrap_or_default();
        visit(&Printer { expression, form, registers: &registers, following }, &registers);
        registers.run(expression, following);
    }
}

/// The word form, which needs nothing but the expression's own bytes.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registers = Registers::default();
        Printer { expression: self, form: Form::Words, registers: &registers, following: &[] }.fmt(f)
    }
}

/// The text of an element. Without a layout its bytes count as one part in the order in which they lie.
#[must_use]
pub fn element(element: &Element, layout: &SetLayout, form: Form) -> String {
    let mut text = String::new();
    // Writing into a `String` does not fail.
    let _ = match form {
        Form::Bytes => print::element_bytes(&mut text, element, layout),
        Form::Words => print::element_words(&mut text, element),
    };
    text
}

/// The bytes of a key or of data; none for a verdict.
fn bytes_of(data: Option<&Data>) -> &[u8] {
    data.and_then(Data::value).map_or(&[], |value| value)
}

#[cfg(test)]
mod tests;
