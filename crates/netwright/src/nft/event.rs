//! What was made, changed or removed, typed and in the words of nft.

use std::fmt::{self, Write};

use netwright_netfilter::{Family, Generation};
use netwright_nft::ir::{
    Chain, ChainTarget, Element, Flowtable, Object, ObjectKind, Rule, Set, Statement, Table, TableContent,
    Verdict,
};
use netwright_nft::json::Node;
use netwright_nft::print;
use netwright_nft::table::PrintOptions;

use super::single::{element, in_table, keep, thing};
use super::style::Style;

/// A change of the ruleset, as the kernel tells it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Something was made or changed: it is now as it is told.
    Made(Changed),
    /// Something was made that was not to be there before (`create`).
    Created(Changed),
    /// Something was removed. Of chains and flow tables it is told what they were, of other things what they were called.
    Gone(Changed),
    /// A transaction ended: all events since the last one belong to it.
    Generation(Generation),
    /// Events were lost, since more came than the receive buffer holds.
    Lost,
}

/// What an [`Event`] is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Changed {
    /// A table.
    Table(Table),
    /// A chain, without its rules.
    Chain(Chain),
    /// A rule.
    Rule {
        /// Family of its table.
        family: Family,
        /// Its table.
        table: String,
        /// Its chain.
        chain: String,
        /// Handle of the rule before it, or, where it was inserted, of the rule behind it.
        position: Option<u64>,
        /// Whether it was inserted before another, or at the start.
        inserted: bool,
        /// The rule; `handle` is set.
        rule: Rule,
    },
    /// A set or map, without its elements.
    Set(Set),
    /// Elements of a set or map.
    Elements {
        /// The set, without other elements.
        set: Set,
        /// The elements, in ascending order of their keys.
        elements: Vec<Element>,
    },
    /// A stateful object.
    Object(Object),
    /// A flow table.
    Flowtable(Flowtable),
}

impl Changed {
    /// The kernel's number for it; elements have none.
    #[must_use]
    pub fn handle(&self) -> Option<u64> {
        match self {
            Changed::Table(table) => table.handle,
            Changed::Chain(chain) => chain.handle,
            Changed::Rule { rule, .. } => rule.handle,
            Changed::Set(set) => set.handle,
            Changed::Object(object) => object.handle,
            Changed::Flowtable(flowtable) => flowtable.handle,
            Changed::Elements { .. } => None,
        }
    }

    /// What a filter of [`Monitor`](super::Monitor) calls its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Changed::Table(_) => "tables",
            Changed::Chain(_) => "chains",
            Changed::Rule { .. } => "rules",
            Changed::Set(_) => "sets",
            Changed::Elements { .. } => "elements",
            Changed::Object(_) => "objects",
            Changed::Flowtable(_) => "flowtables",
        }
    }
}

impl Event {
    /// Writes it as nft does: one line for each thing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write, style: Style<'_>) -> fmt::Result {
        match self {
            Event::Lost => Ok(()),
            Event::Generation(_) if style.json => Ok(()),
            Event::Generation(generation) => self::generation(generation, out),
            _ if style.json => self.nodes(style).into_iter().try_for_each(|node| writeln!(out, "{node}")),
            Event::Made(changed) => made("add", changed, style, out),
            Event::Created(changed) => made("create", changed, style, out),
            Event::Gone(changed) => gone(changed, style, out),
        }
    }
}

impl Event {
    /// In the schema of libnftables-json(5): each with its verb.
    pub(super) fn nodes(&self, style: Style<'_>) -> Vec<Node> {
        match self {
            Event::Made(changed @ Changed::Rule { inserted: true, .. }) => nodes("insert", changed, style),
            Event::Made(changed) => nodes("add", changed, style),
            Event::Created(changed) => nodes("create", changed, style),
            Event::Gone(changed) => nodes("delete", changed, style),
            Event::Generation(_) | Event::Lost => Vec::new(),
        }
    }
}

/// `# new generation 5 by process 77 (nft)`
pub(super) fn generation(generation: &Generation, out: &mut impl Write) -> fmt::Result {
    write!(out, "# new generation {}", generation.id)?;
    if let Some(process) = generation.process {
        write!(out, " by process {process} ({})", generation.process_name.as_deref().unwrap_or_default())?;
    }
    writeln!(out)
}

fn nodes(verb: &str, changed: &Changed, style: Style<'_>) -> Vec<Node> {
    const REFERENCE: [&str; 4] = ["family", "table", "name", "handle"];
    let options = &PrintOptions { handles: true, ..*style.options };
    let style = Style { options, ..style };
    if let Changed::Elements { set, elements } = changed {
        let each = elements.iter().map(|one| Node::single(verb, element(set, one.clone(), style)));
        return each.collect();
    }
    let node = thing(&content(changed), style);
    let whole = verb != "delete" || matches!(changed, Changed::Rule { .. } | Changed::Flowtable(_));
    vec![Node::single(verb, keep(node, |name| whole || REFERENCE.contains(&name)))]
}

fn content(changed: &Changed) -> TableContent {
    match changed {
        Changed::Table(table) => TableContent { table: table.clone(), ..TableContent::default() },
        Changed::Chain(chain) => {
            TableContent { chains: vec![chain.clone()], ..in_table(chain.family, &chain.table) }
        }
        Changed::Rule { family, table, chain, rule, .. } => {
            let (name, rules) = (chain.clone(), vec![rule.clone()]);
            let chain = Chain { family: *family, table: table.clone(), name, rules, ..Chain::default() };
            TableContent { chains: vec![chain], ..in_table(*family, table) }
        }
        Changed::Set(set) | Changed::Elements { set, .. } => {
            TableContent { sets: vec![set.clone()], ..in_table(set.family, &set.table) }
        }
        Changed::Object(object) => {
            TableContent { objects: vec![object.clone()], ..in_table(object.family, &object.table) }
        }
        Changed::Flowtable(table) => {
            TableContent { flowtables: vec![table.clone()], ..in_table(table.family, &table.table) }
        }
    }
}

fn made(verb: &str, changed: &Changed, style: Style<'_>, out: &mut impl Write) -> fmt::Result {
    let Style { options, names, .. } = style;
    let bare = &PrintOptions { handles: false, ..*options };
    match changed {
        Changed::Table(table) => {
            let told = Table { comment: None, ..table.clone() };
            let block = print::table(&TableContent { table: told, ..TableContent::default() }, bare, names);
            write!(out, "{verb} table {} {}{}", table.family, table.name, line_of(&block, Ends::All))?;
            handle(table.handle, style, out)
        }
        Changed::Chain(chain) => {
            let told = Chain { comment: None, rules: Vec::new(), ..chain.clone() };
            let block = print::chain(&told, bare, names);
            write!(out, "{verb} chain {} {} {}", chain.family, chain.table, chain.name)?;
            let line = line_of(&block, Ends::None);
            // a device alone is written here as several are
            match chain.hook.as_ref().map(|hook| hook.devices.as_slice()) {
                Some([device]) => {
                    let (alone, listed) =
                        (format!(" device \"{device}\" "), format!(" devices = {{ \"{device}\" }} "));
                    write!(out, "{}", line.replacen(&alone, &listed, 1))?;
                }
                _ => write!(out, "{line}")?,
            }
            handle(chain.handle, style, out)
        }
        Changed::Rule { family, table, chain, position, inserted, rule } => {
            let verb = if *inserted { "insert" } else { verb };
            write!(out, "{verb} rule {family} {table} {chain} ")?;
            if let Some(position) = position {
                write!(out, "handle {position} ")?;
            }
            print::write_rule(out, rule, bare, names)?;
            handle(rule.handle, style, out)
        }
        Changed::Set(set) => {
            let noun = if set.target.is_some() { "map" } else { "set" };
            let block = print::set(&Set { elements: Vec::new(), ..set.clone() }, options, names);
            write!(out, "{verb} {noun} {} {} {}", set.family, set.table, set.name)?;
            writeln!(out, "{} ", line_of(&block, Ends::All))
        }
        Changed::Elements { set, elements } => self::elements(verb, set, elements, style, out),
        Changed::Object(object) => {
            let block = print::object(object, options, names);
            let noun = object.kind().name().unwrap_or("object");
            write!(out, "{verb} {noun} {} {} {}", object.family, object.table, object.name)?;
            writeln!(out, "{} ", line_of(&block, Ends::of(object.kind())))
        }
        Changed::Flowtable(table) => {
            let block = print::flowtable(table, bare, names);
            write!(out, "{verb} flowtable {} {} {}", table.family, table.table, table.name)?;
            writeln!(out, "{}", line_of(&block, Ends::All))
        }
    }
}

fn gone(changed: &Changed, style: Style<'_>, out: &mut impl Write) -> fmt::Result {
    match changed {
        Changed::Table(table) => {
            write!(out, "delete table {} {}", table.family, table.name)?;
            handle(table.handle, style, out)
        }
        Changed::Chain(chain) => {
            let Chain { family, table, name, hook, .. } = chain;
            write!(out, "delete chain {family} {table} {name}")?;
            // it stays, and loses devices
            if let Some(hook) = hook.as_ref().filter(|hook| hook.chain_type.is_empty()) {
                write!(out, " {{ devices = {{ {} }}; }}", hook.devices.join(", "))?;
            }
            writeln!(out)
        }
        Changed::Rule { family, table, chain, rule, .. } => {
            let handle = rule.handle.unwrap_or_default();
            writeln!(out, "delete rule {family} {table} {chain} handle {handle}")
        }
        Changed::Set(set) => writeln!(out, "delete set {} {} {}", set.family, set.table, set.name),
        Changed::Elements { set, elements } => self::elements("delete", set, elements, style, out),
        Changed::Object(object) => {
            let noun = object.kind().name().unwrap_or("object");
            writeln!(out, "delete {noun} {} {} {}", object.family, object.table, object.name)
        }
        Changed::Flowtable(table) => {
            let options = &PrintOptions { handles: false, ..*style.options };
            let block = print::flowtable(table, options, style.names);
            write!(out, "delete flowtable {} {} {}", table.family, table.table, table.name)?;
            writeln!(out, "{}", line_of(&block, Ends::All))
        }
    }
}

fn elements(
    verb: &str,
    set: &Set,
    elements: &[Element],
    style: Style<'_>,
    out: &mut impl Write,
) -> fmt::Result {
    for element in elements {
        write!(out, "{verb} element {} {} {} {{ ", set.family, set.table, set.name)?;
        print::write_element(out, element, style.options, style.names)?;
        writeln!(out, " }}")?;
    }
    Ok(())
}

/// The end of a line that may have a handle.
fn handle(handle: Option<u64>, style: Style<'_>, out: &mut impl Write) -> fmt::Result {
    if let Some(handle) = handle.filter(|_| style.options.handles) {
        write!(out, " # handle {handle}")?;
    }
    writeln!(out)
}

/// Which of the lines of a block end with a semicolon where they stand in one line. As with nft, comments of objects and
/// what only one kind of statement has do not.
#[derive(Clone, Copy)]
enum Ends {
    None,
    All,
    Last,
    AllButComment,
}

impl Ends {
    fn of(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::COUNTER | ObjectKind::QUOTA | ObjectKind::LIMIT | ObjectKind::TUNNEL => Ends::None,
            ObjectKind::SYNPROXY => Ends::Last,
            _ => Ends::AllButComment,
        }
    }
}

/// A block in one line, from its brace on; nothing where there is nothing in it. The handle is behind the brace.
fn line_of(block: &str, ends: Ends) -> String {
    let mut lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().unwrap_or_default();
    let behind = head.split_once('{').map_or("", |(_, behind)| behind).trim();
    let mut inner: Vec<&str> = lines.collect();
    // blocks within end as this one does
    if let Some(end) = inner.iter().rposition(|line| *line == "}") {
        inner.truncate(end);
    }
    if inner.is_empty() && behind.is_empty() {
        return String::new();
    }
    let mut text = String::from(" {");
    for part in [behind].into_iter().filter(|part| !part.is_empty()) {
        text.push(' ');
        text.push_str(part);
    }
    for (index, line) in inner.iter().enumerate() {
        let is_last = index + 1 == inner.len();
        text.push(' ');
        text.push_str(line);
        text.push_str(match ends {
            Ends::All => ";",
            Ends::AllButComment if !line.starts_with("comment ") => ";",
            Ends::Last if is_last => ";",
            _ => "",
        });
    }
    text.push_str(" }");
    text
}

/// The rules of the chains that are written in a rule.
pub(super) fn rules_within(rule: &Rule) -> impl Iterator<Item = &Rule> {
    rule.statements.iter().flat_map(|statement| match statement {
        Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) => rules.as_slice(),
        _ => &[],
    })
}
