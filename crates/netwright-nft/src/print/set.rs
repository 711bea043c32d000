//! Sets and maps with their elements.

use std::borrow::Borrow;
use std::fmt;

use super::Printer;
use crate::ir::{Element, Expression, MapTarget, Set, SetPolicy, Statement, TypeSpec};
use crate::table::vocabulary::{SET_FLAG, write_flags};
use crate::table::{DataType, PrintOptions, time};

/// `NFT_SET_TIMEOUT`
const TIMEOUT: u32 = 0x10;
/// The flags that are written.
const WRITTEN: u32 = 0x36;

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn set(&mut self, set: &Set) -> fmt::Result {
        self.tabs()?;
        write!(self.out, "{} {} {{", if set.target.is_some() { "map" } else { "set" }, set.name)?;
        self.handle(set.handle)?;
        self.word("\n")?;
        self.indent += 1;
        self.declaration(set)?;
        let stored = self.stored.and_then(|stored| stored.set(set));
        match stored.filter(|stored| !stored.is_empty()) {
            _ if self.options.terse => {}
            Some(stored) => {
                let two_parts = set.key.parts.len() > 1;
                let more = two_parts || stored.has_more() && stored.elements().any(|one| has_more(&one));
                self.elements(per_line(set, more), stored.elements())?;
            }
            None if set.elements.is_empty() => {}
            None => {
                let more = set.elements.iter().any(has_more);
                self.elements(per_line(set, more), set.elements.iter())?;
            }
        }
        self.indent -= 1;
        self.tabs()?;
        self.word("}\n")
    }

    fn declaration(&mut self, set: &Set) -> fmt::Result {
        self.tabs()?;
        self.set_type(set)?;
        self.word("\n")?;
        if set.policy == Some(SetPolicy::Memory) {
            self.line("policy memory")?;
        }
        if let Some(size) = set.size {
            self.tabs()?;
            write!(self.out, "size {size}")?;
            if let Some(count) = set.count {
                write!(self.out, "\t# count {count}")?;
            }
            self.word("\n")?;
        }
        let flags = set.flags & WRITTEN;
        if flags != 0 && !(flags == TIMEOUT && set.timeout.is_some()) {
            self.tabs()?;
            self.word("flags ")?;
            write_flags(self.out, SET_FLAG, flags)?;
            self.word("\n")?;
        }
        if set.auto_merge {
            self.line("auto-merge")?;
        }
        if !set.statements.is_empty() {
            self.tabs()?;
            self.stateless(&set.statements)?;
            self.word("\n")?;
        }
        self.duration_line("timeout", set.timeout)?;
        self.duration_line("gc-interval", set.gc_interval.map(u64::from))?;
        match &set.comment {
            Some(comment) => self.comment_line(comment),
            None => Ok(()),
        }
    }

    /// The statements that each element gets, without the state that only elements have.
    pub(super) fn stateless(&mut self, statements: &[Statement]) -> fmt::Result {
        let options = PrintOptions { stateless: true, ..*self.options };
        self.with(&options).separated(statements, " ", |printer, statement| printer.statement(statement))
    }

    /// `type ipv4_addr . inet_service : verdict`
    fn set_type(&mut self, set: &Set) -> fmt::Result {
        self.type_spec(&set.key, set.key.type_of.is_some())?;
        match &set.target {
            None => Ok(()),
            Some(MapTarget::Verdicts) => self.word(" : verdict"),
            Some(MapTarget::Objects(kind)) => match kind.name() {
                Some(name) => write!(self.out, " : {name}"),
                None => write!(self.out, " : object {}", kind.0),
            },
            Some(MapTarget::Values(spec)) => {
                self.word(if set.data_ranges { " : interval " } else { " : " })?;
                match set.holds_queues() {
                    true => self.word("queue"),
                    false => self.type_words(spec),
                }
            }
        }
    }

    fn type_spec(&mut self, spec: &TypeSpec, type_of: bool) -> fmt::Result {
        self.word(if type_of { "typeof " } else { "type " })?;
        self.type_words(spec)
    }

    fn type_words(&mut self, spec: &TypeSpec) -> fmt::Result {
        match &spec.type_of {
            Some(expression) => self.plain(expression),
            None => self.separated(&spec.parts, " . ", |printer, part| printer.word(part.data_type.name())),
        }
    }

    fn elements<E: Borrow<Element>>(
        &mut self,
        per_line: usize,
        elements: impl Iterator<Item = E>,
    ) -> fmt::Result {
        self.tabs()?;
        self.word("elements = { ")?;
        for (index, element) in elements.enumerate() {
            if index > 0 {
                self.word(",")?;
                if index % per_line == 0 {
                    self.word("\n")?;
                    self.tabs()?;
                    // Under the first element.
                    self.word("\t     ")?;
                } else {
                    self.word(" ")?;
                }
            }
            self.element(element.borrow())?;
        }
        self.word(" }\n")
    }

    pub(super) fn line(&mut self, text: &str) -> fmt::Result {
        self.tabs()?;
        self.word(text)?;
        self.word("\n")
    }

    pub(super) fn comment_line(&mut self, comment: &str) -> fmt::Result {
        self.tabs()?;
        writeln!(self.out, "comment \"{comment}\"")
    }

    fn duration_line(&mut self, word: &str, milliseconds: Option<u64>) -> fmt::Result {
        let Some(milliseconds) = milliseconds else { return Ok(()) };
        self.tabs()?;
        write!(self.out, "{word} ")?;
        time::write_duration(self.out, milliseconds, self.options.numeric_time)?;
        self.word("\n")
    }
}

/// Whether an element takes a line of its own, and all others of its set with it.
fn has_more(element: &Element) -> bool {
    let wide = matches!(element.key, Some(Expression::Concatenation(_)));
    wide || element.comment.is_some() || element.timeout.is_some() || element.expires.is_some()
}

/// How many elements stand on a line: short ones share it, unless one of them has more to say.
fn per_line(set: &Set, more: bool) -> usize {
    if more || set.target.is_some() || set.flags & TIMEOUT != 0 || !set.statements.is_empty() {
        return 1;
    }
    match set.key.parts.as_slice() {
        [part] => match part.data_type {
            DataType::IPV4_ADDR | DataType::CT_STATE | DataType::CT_STATUS | DataType::PKT_TYPE => 2,
            DataType::INTEGER
            | DataType::HEX_INTEGER
            | DataType::BITMASK
            | DataType::MPTCP_SUBTYPE
            | DataType::TCP_FLAG
            | DataType::INET_PROTO
            | DataType::INET_SERVICE
            | DataType::MARK
            | DataType::UID
            | DataType::GID
            | DataType::IFACE_INDEX
            | DataType::CLASSID
            | DataType::ARP_OP
            | DataType::CT_DIR
            | DataType::NF_PROTO
            | DataType::DCCP_PKTTYPE => 5,
            _ => 1,
        },
        _ => 1,
    }
}
