//! Commands: what is to be done.

use super::{Expression, Family, Name, Number, ObjectKind, Rule, TableItem};
use crate::diagnostic::Span;

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Where it stands, from its first word to its last.
    pub span: Span,
    /// What is done; [`Verb::Add`] where the text has none (`table inet x { … }`).
    pub verb: Verb,
    /// To what.
    pub kind: CommandKind,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `add`
    Add,
    /// `create`: as add, but fails where it is there already.
    Create,
    /// `insert`
    Insert,
    /// `replace`
    Replace,
    /// `delete`
    Delete,
    /// `destroy`: as delete, but does not fail where there is nothing.
    Destroy,
    /// `flush`
    Flush,
    /// `list`
    List,
    /// `reset`
    Reset,
    /// `rename`
    Rename,
    /// `get`
    Get,
    /// `import`
    Import,
    /// `export`
    Export,
    /// `monitor`
    Monitor,
    /// `describe`
    Describe,
}

/// To what a command does it.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandKind {
    /// `add` or `create` of a table, with what is inside its braces.
    Table(Table),
    /// `add` or `create` of something in a table; `delete` and `destroy` of a chain or flow table with braces (then it is the devices
    /// in them that go).
    Item {
        /// In which table.
        table: TableReference,
        /// What.
        item: Box<TableItem>,
    },
    /// `add`, `create`, `insert` or `replace` of a rule.
    Rule {
        /// In which table.
        table: TableReference,
        /// In which chain.
        chain: Name,
        /// Where in the chain.
        position: Option<Position>,
        /// The rule.
        rule: Rule,
    },
    /// `add`, `create`, `delete`, `destroy`, `get` or `reset` of elements.
    Elements {
        /// In which table.
        table: TableReference,
        /// In which set or map.
        set: Name,
        /// A set, or a variable that stands for one.
        elements: Expression,
    },
    /// One existing thing, for `delete`, `destroy`, `flush`, `list` and `reset`.
    One {
        /// What kind of thing.
        entity: Entity,
        /// In which table; for a table itself, itself. The table's name is unset where a table is named by its handle.
        table: TableReference,
        /// The chain that a rule is in.
        chain: Option<Name>,
        /// Its name or handle; unset for a table that `table` names.
        selector: Option<Selector>,
    },
    /// All things of a kind, for `list`, `reset` and `flush`: `list sets inet t`, `flush ruleset`, `reset rules ip t c`.
    All {
        /// What kind of things.
        entity: Entity,
        /// Only of this family.
        family: Option<Family>,
        /// Only in this table.
        table: Option<Name>,
        /// Only in this chain.
        chain: Option<Name>,
    },
    /// `rename chain`.
    Rename {
        /// In which table.
        table: TableReference,
        /// The chain.
        chain: Name,
        /// Its new name.
        to: Name,
    },
    /// `list hooks`.
    Hooks {
        /// Only of this family.
        family: Option<Family>,
        /// Only of this device.
        device: Option<Name>,
    },
    /// `monitor`.
    Monitor(Monitor),
    /// `describe`: an expression, or the name of a type as a literal.
    Describe(Expression),
    /// `import` and `export`, with the format: `json`.
    Exchange {
        /// The format.
        format: Option<Name>,
    },
}

/// The kinds of things that can be listed and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// `ruleset`
    Ruleset,
    /// `table`
    Table,
    /// `chain`
    Chain,
    /// `rule`
    Rule,
    /// `set`
    Set,
    /// `map`
    Map,
    /// `meter`
    Meter,
    /// `flowtable`
    Flowtable,
    /// A named object.
    Object(ObjectKind),
}

/// `[family] table`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableReference {
    /// Where it stands.
    pub span: Span,
    /// The family; unset means `ip`.
    pub family: Option<Family>,
    /// The table's name; unset only where a handle names the table.
    pub name: Option<Name>,
}

/// A table with its contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Which.
    pub table: TableReference,
    /// `flags dormant`
    pub flags: Vec<Name>,
    /// `comment`
    pub comment: Option<Name>,
    /// In the order written.
    pub items: Vec<TableItem>,
}

/// One of several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Selector {
    /// By name.
    Name(Name),
    /// By the kernel's number: `handle 4`.
    Handle(Number),
    /// By place, from 0: `index 2`.
    Index(Number),
}

impl Selector {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Selector::Name(name) => name.span,
            Selector::Handle(number) | Selector::Index(number) => number.span,
        }
    }
}

/// Where a rule goes: behind the one named (`add`), before it (`insert`) or in its place (`replace`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// `handle 4`, and the older `position 4`.
    Handle(Number),
    /// `index 2`, from 0.
    Index(Number),
}

/// `monitor [new|destroy] [what] [format]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Monitor {
    /// `new` or `destroy`
    pub event: Option<Name>,
    /// `tables`, `chains`, `sets`, `rules`, `elements`, `ruleset`, `trace`
    pub object: Option<Name>,
    /// `json`
    pub format: Option<Name>,
}
