//! Elements of sets and maps.

use std::fmt;

use super::Printer;
use crate::ir::Element;
use crate::table::time;

impl<W: fmt::Write> Printer<'_, W> {
    /// `192.0.2.1 timeout 1h comment "x" : accept`
    pub(super) fn element(&mut self, element: &Element) -> fmt::Result {
        match &element.key {
            Some(key) => self.plain(key)?,
            None => self.word("*")?,
        }
        for statement in &element.statements {
            self.word(" ")?;
            self.statement(statement)?;
        }
        if let Some(timeout) = element.timeout {
            self.word(" timeout ")?;
            time::write_duration(self.out, timeout, self.options.numeric_time)?;
        }
        if let Some(expires) = element.expires.filter(|_| !self.options.stateless) {
            self.word(" expires ")?;
            time::write_duration(self.out, expires, self.options.numeric_time)?;
        }
        if let Some(comment) = &element.comment {
            write!(self.out, " comment \"{comment}\"")?;
        }
        match &element.data {
            Some(data) => {
                self.word(" : ")?;
                self.plain(data)
            }
            None => Ok(()),
        }
    }
}
