//! The language as text, as nft lists it.
//!
//! Everything is written into one [`fmt::Write`], so large sets need no text in memory.

mod chain;
mod element;
mod expression;
mod nat;
mod object;
mod rule;
mod selector;
mod set;
mod statement;
mod tunnel;

use std::fmt;

pub(crate) use expression::has_several_bits;

use crate::ir;
use crate::lift::{Stored, StoredTable};
use crate::table::{Names, PrintOptions};

/// Where text goes, and how it is written.
pub(crate) struct Printer<'a, W> {
    out: &'a mut W,
    names: &'a Names,
    options: &'a PrintOptions,
    /// Rules and elements that are not in their chains and sets.
    stored: Option<&'a StoredTable<'a>>,
    /// Tabulators before a line.
    indent: usize,
    /// Whether what is written is inside a rule.
    inside: bool,
}

impl<'a, W: fmt::Write> Printer<'a, W> {
    fn new(out: &'a mut W, options: &'a PrintOptions, names: &'a Names) -> Self {
        Printer { out, names, options, stored: None, indent: 0, inside: false }
    }

    /// The same with other options.
    fn with<'b>(&'b mut self, options: &'b PrintOptions) -> Printer<'b, W>
    where
        'a: 'b,
    {
        let Printer { names, stored, indent, inside, .. } = *self;
        Printer { out: &mut *self.out, names, options, stored, indent, inside }
    }

    fn word(&mut self, text: &str) -> fmt::Result {
        self.out.write_str(text)
    }

    fn tabs(&mut self) -> fmt::Result {
        (0..self.indent).try_for_each(|_| self.out.write_char('\t'))
    }

    /// Text in quotes.
    fn quoted(&mut self, text: &str) -> fmt::Result {
        write!(self.out, "\"{text}\"")
    }

    /// ` # handle 5`, where handles are asked for.
    fn handle(&mut self, handle: Option<u64>) -> fmt::Result {
        match handle.filter(|_| self.options.handles) {
            Some(handle) => write!(self.out, " # handle {handle}"),
            None => Ok(()),
        }
    }
}

macro_rules! printers {
    ($( $(#[$doc:meta])* $function:ident, $text:ident($type:ty) => $method:ident; )*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of `out`.
        pub fn $function(out: &mut impl fmt::Write, item: &$type, options: &PrintOptions, names: &Names) -> fmt::Result {
            Printer::new(out, options, names).$method(item)
        }

        $(#[$doc])*
        #[must_use]
        pub fn $text(item: &$type, options: &PrintOptions, names: &Names) -> String {
            let mut text = String::new();
            // Writing to a string cannot fail.
            let _ = $function(&mut text, item, options, names);
            text
        }
    )*};
}

printers! {
    /// Writes a ruleset.
    write_ruleset, ruleset(ir::Ruleset) => ruleset;
    /// Writes a table with all that lies in it.
    write_table, table(ir::TableContent) => table;
    /// Writes a chain with its rules.
    write_chain, chain(ir::Chain) => chain;
    /// Writes a set or map with its elements.
    write_set, set(ir::Set) => set;
    /// Writes a flow table.
    write_flowtable, flowtable(ir::Flowtable) => flowtable;
    /// Writes a stateful object.
    write_object, object(ir::Object) => object;
    /// Writes a rule as in a listing, without indentation and without a line's end.
    write_rule, rule(ir::Rule) => rule;
    /// Writes a statement.
    write_statement, statement(ir::Statement) => statement;
    /// Writes an expression.
    write_expression, expression(ir::Expression) => plain;
    /// Writes an element of a set or map.
    write_element, element(ir::Element) => element;
}

/// Writes a table with all that lies in it, where some of that is stored.
///
/// # Errors
/// Those of `out`.
pub fn write_table_with(
    out: &mut impl fmt::Write,
    content: &ir::TableContent,
    stored: &Stored,
    options: &PrintOptions,
    names: &Names,
) -> fmt::Result {
    let in_table = stored.in_table(&content.table);
    Printer { stored: Some(&in_table), ..Printer::new(out, options, names) }.table(content)
}

/// Writes a ruleset, where some of it is stored.
///
/// # Errors
/// Those of `out`.
pub fn write_ruleset_with(
    out: &mut impl fmt::Write,
    ruleset: &ir::Ruleset,
    stored: &Stored,
    options: &PrintOptions,
    names: &Names,
) -> fmt::Result {
    ruleset.tables.iter().try_for_each(|content| write_table_with(out, content, stored, options, names))
}

/// A statement as it stands in a chain, with the lines inside it indented so.
pub(crate) fn statement_in_chain(statement: &ir::Statement, options: &PrintOptions, names: &Names) -> String {
    let mut text = String::new();
    let mut printer = Printer { indent: 2, ..Printer::new(&mut text, options, names) };
    // Writing to a string cannot fail.
    let _ = printer.statement(statement);
    text
}

#[cfg(test)]
mod tests;
