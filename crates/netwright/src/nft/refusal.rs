//! What was refused, and why: as data, and as a diagnostic at the place where it was written.

use std::collections::HashSet;

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{
    Batch, ChainAttrs, Data, Expression, Hook, Item, MessageKind, ObjectAttrs, Rule, Step, TableRef,
};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, SourceMap, Span, nearest};
use netwright_nft::ir::{Command, Entity, ObjectKind};
use netwright_nft::lift::{self, Scope};
use netwright_nft::table::hook;
use netwright_nft::{lower, place};
use netwright_sys::{Cause, Connection, Error, Namespace, Refusal as KernelRefusal};
use netwright_wire::{Errno, Value};

use super::{ask, owners};

/// Why something is not done, as programs tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is not of the language, or has no meaning.
    Text,
    /// Something that is named is not there.
    Missing,
    /// Something is there already.
    Exists,
    /// Something is in use.
    Busy,
    /// The kernel lacks a feature: a module, or an option that it was built with.
    Feature,
    /// The kernel knows it, but not in this place: another family, type of chain or hook is needed.
    Place,
    /// A privilege is missing, or something belongs to somebody else.
    Permission,
    /// The kernel refuses it for another reason, which the error number and its words tell.
    Kernel,
}

/// Something that was refused. Then nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The kernel's error number, where it was asked.
    pub errno: Option<Errno>,
    /// Which of the commands, counted from 0; `None` where there are none to count, as in a text that cannot be read.
    pub command: Option<usize>,
    /// What is wrong, where it was written, and what to do.
    pub diagnostic: Diagnostic,
    /// What the kernel said, where it was asked.
    pub error: Option<Error>,
}

impl Refusal {
    /// As an error, without its place.
    #[must_use]
    pub fn into_error(self) -> Error {
        let message = self.diagnostic.message;
        self.error.unwrap_or_else(|| Error::new("run the commands", Cause::Invalid(message)))
    }

    /// A refusal of a text.
    pub(super) fn text(diagnostic: Diagnostic) -> Self {
        let code = if diagnostic.missing { Code::Missing } else { Code::Text };
        Refusal { code, errno: None, command: None, diagnostic, error: None }
    }
}

/// The refusals of a batch that was made of commands, in their order, and without those that follow from others.
pub(super) struct Refused<'a> {
    pub(super) batch: &'a Batch,
    pub(super) commands: &'a [Command],
    pub(super) catalog: &'a Catalog,
    pub(super) sources: &'a SourceMap,
    pub(super) namespace: &'a Namespace,
}

impl Refused<'_> {
    pub(super) fn tell(&self, refusals: Vec<KernelRefusal>, connection: &mut Connection) -> Vec<Refusal> {
        let mut told: Vec<Refusal> = Vec::new();
        // what earlier messages would have made
        let mut unmade: HashSet<Thing> = HashSet::new();
        for refusal in refusals {
            let Some(step) = self.batch.step(refusal.index) else { continue };
            let step = step.at(refusal.error.extended.offset);
            let fault = Fault::of(&step, refusal.error.errno);
            unmade.extend(made_by(&step));
            if let Fault::Missing(thing) = &fault
                && is_unmade(&unmade, &step, thing)
            {
                continue;
            }
            let one = self.one(&step, &fault, refusal, connection);
            if !told.contains(&one) {
                told.push(one);
            }
        }
        told
    }

    fn one(
        &self,
        step: &Step<'_>,
        fault: &Fault,
        refusal: KernelRefusal,
        connection: &mut Connection,
    ) -> Refusal {
        let errno = refusal.error.errno;
        let number = step.tag.map(|tag| tag as usize);
        let command = number.and_then(|number| self.commands.get(number));
        let error = Error::new(step.to_string(), refusal.error).with_part(step.part()).with_tag(step.tag);
        let message = format!("Could not process rule: {}", words(errno));
        let (said, mut help) = fault.explain(connection, self.namespace);
        let place = command.and_then(|command| lower::place(command, self.catalog, step));
        let place = place.map(|place| self.sources.written(place));
        let whole = command.and_then(|command| command.span).map(|span| self.sources.written(span));
        let word = fault.word().zip(place.or(whole));
        let word = word.and_then(|(word, span)| word_in(self.sources, span, &word));
        let word = word.or_else(|| word_in(self.sources, whole?, &fault.word()?));
        let advice = error.help().filter(|_| matches!(fault, Fault::Other)).map(str::to_owned);
        help.extend(advice);
        let mut diagnostic = match word.or(place).or(whole) {
            Some(span) => Diagnostic::error(span, message).label(said.unwrap_or_else(|| error.to_string())),
            None => Diagnostic {
                labels: Vec::new(),
                ..Diagnostic::error(Span::default(), said.unwrap_or_else(|| error.to_string()))
            },
        };
        diagnostic.help = help;
        let code = fault.code(errno);
        Refusal { code, errno: Some(errno), command: number, diagnostic, error: Some(error) }
    }
}

/// The error for a message that was refused: what it was, where it was written, if it was, and the reason as far as it can be
/// found out.
pub(super) fn error_of(
    batch: &mut Batch,
    refusal: KernelRefusal,
    connection: &mut Connection,
    namespace: &Namespace,
    place: impl FnOnce(&Step<'_>) -> Option<String>,
) -> Error {
    let KernelRefusal { index, error, .. } = refusal;
    let bytes = batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
    let Some(step) = batch.step(index) else { return Error::new("commit the batch", error) };
    let step = step.at(error.extended.offset);
    let asked = match place(&step) {
        Some(place) => format!("{step} ({place})"),
        None => step.to_string(),
    };
    let (said, help) = Fault::of(&step, error.errno).explain(connection, namespace);
    let reason = said.map(|said| match help.first() {
        Some(help) => format!("{said}; {help}"),
        None => said,
    });
    let error = Error::new(asked, error).with_sent(&bytes).with_part(step.part()).with_tag(step.tag);
    error.with_reason(reason)
}

/// Something in a ruleset by its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thing {
    entity: Entity,
    table: TableRef,
    /// Of a table its own.
    name: String,
}

impl Thing {
    fn noun(&self) -> &'static str {
        match self.entity {
            Entity::Table => "table",
            Entity::Chain => "chain",
            Entity::Set | Entity::Map | Entity::Meter => "set or map",
            Entity::Flowtable => "flow table",
            Entity::Object(kind) => kind.name().unwrap_or("object"),
            Entity::Rule | Entity::Ruleset => "rule",
        }
    }
}

/// What the kernel did not like.
enum Fault {
    /// Something that is named is not there.
    Missing(Thing),
    /// A rule that is named by its handle is not there.
    Handle(String),
    /// An element is not there.
    Element,
    /// An interface is not there.
    Device,
    /// The kernel lacks something.
    Feature { what: String, module: String },
    /// It belongs elsewhere.
    Place(String),
    /// The table belongs to another program.
    Owned(TableRef),
    /// Something else, which the error tells.
    Other,
}

/// Types of attributes.
const TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_POSITION: u16 = 6;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const NAME: u16 = 2;
const ELEMENTS: u16 = 3;
const OBJECT_KIND: u16 = 3;
const FLOWTABLE_HOOK: u16 = 3;

impl Fault {
    fn of(step: &Step<'_>, errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => Fault::absent(step),
            Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => Fault::unsupported(step),
            Errno::EPERM if step.path().first() == Some(&TABLE) => {
                Fault::Owned(TableRef::new(step.family(), step.text_of(TABLE).unwrap_or_default()))
            }
            Errno::EMLINK => Fault::Place(
                "chains lead back to where they came from, or call each other more than 16 deep".into(),
            ),
            _ => Fault::Other,
        }
    }

    fn absent(step: &Step<'_>) -> Self {
        let Some(kind) = step.kind() else { return Fault::Other };
        let table = TableRef::new(step.family(), step.text_of(TABLE).unwrap_or_default());
        let named = |entity, name: Option<String>| match name {
            Some(name) => Fault::Missing(Thing { entity, table: table.clone(), name }),
            None => Fault::Other,
        };
        let path = step.path();
        let first = path.first().copied();
        if first == Some(TABLE) {
            return named(Entity::Table, Some(table.name.clone()));
        }
        match kind {
            MessageKind::NEW_RULE | MessageKind::DELETE_RULE | MessageKind::DESTROY_RULE => match first {
                Some(RULE_CHAIN) => named(Entity::Chain, step.text_of(RULE_CHAIN)),
                Some(kind @ (RULE_HANDLE | RULE_POSITION)) => Fault::Handle(handle(step, kind)),
                Some(RULE_EXPRESSIONS) => expression(step, &table),
                _ => Fault::Other,
            },
            MessageKind::NEW_CHAIN => match first {
                Some(CHAIN_TYPE) => {
                    let what = step.text_of(CHAIN_TYPE).unwrap_or_default();
                    let what = format!("chains of type {what} in tables of the family {}", step.family());
                    Fault::Feature { what, module: "nf_tables and nft_chain_nat".into() }
                }
                Some(CHAIN_HOOK) => Fault::Device,
                _ => Fault::Other,
            },
            MessageKind::DELETE_CHAIN | MessageKind::DESTROY_CHAIN => match first {
                Some(CHAIN_NAME) => named(Entity::Chain, step.text_of(CHAIN_NAME)),
                _ => Fault::Other,
            },
            MessageKind::DELETE_SET | MessageKind::DESTROY_SET => match first {
                Some(NAME) => named(Entity::Set, step.text_of(NAME)),
                _ => Fault::Other,
            },
            MessageKind::NEW_ELEMENTS | MessageKind::DELETE_ELEMENTS | MessageKind::DESTROY_ELEMENTS => {
                match first {
                    Some(NAME) => named(Entity::Set, step.text_of(NAME)),
                    Some(ELEMENTS) if kind == MessageKind::NEW_ELEMENTS => element(step, &table),
                    Some(ELEMENTS) => Fault::Element,
                    _ => Fault::Other,
                }
            }
            MessageKind::NEW_OBJECT => object(step),
            MessageKind::DELETE_OBJECT | MessageKind::DESTROY_OBJECT => match first {
                Some(NAME) => named(Entity::Object(object_kind(step)), step.text_of(NAME)),
                _ => Fault::Other,
            },
            MessageKind::NEW_FLOWTABLE if first == Some(FLOWTABLE_HOOK) => Fault::Device,
            MessageKind::NEW_FLOWTABLE => flow_tables(step),
            MessageKind::DELETE_FLOWTABLE | MessageKind::DESTROY_FLOWTABLE => match first {
                Some(NAME) => named(Entity::Flowtable, step.text_of(NAME)),
                _ => Fault::Other,
            },
            _ => Fault::Other,
        }
    }

    fn unsupported(step: &Step<'_>) -> Self {
        match step.kind() {
            Some(MessageKind::NEW_RULE) => {
                let Ok(Some(rule)) = Rule::read(&step.message) else { return Fault::Other };
                let at_fault = step.expression().and_then(|index| rule.expressions.get(index));
                let expressions = at_fault.into_iter().chain(&rule.expressions);
                let known = || expressions.filter_map(|one| places_of(one.name())).next().map(str::to_owned);
                needed_by(&rule, step.family()).or_else(known).map_or(Fault::Other, Fault::Place)
            }
            Some(MessageKind::NEW_CHAIN) => base_chain(step),
            Some(MessageKind::NEW_FLOWTABLE) => flow_tables(step),
            Some(MessageKind::NEW_OBJECT) => object(step),
            _ => Fault::Other,
        }
    }

    fn code(&self, errno: Errno) -> Code {
        match self {
            Fault::Missing(_) | Fault::Handle(_) | Fault::Element | Fault::Device => Code::Missing,
            Fault::Feature { .. } => Code::Feature,
            Fault::Place(_) => Code::Place,
            Fault::Owned(_) => Code::Permission,
            Fault::Other => match errno {
                Errno::ENOENT | Errno::ENODEV | Errno::ESRCH => Code::Missing,
                Errno::EEXIST => Code::Exists,
                Errno::EBUSY => Code::Busy,
                Errno::EPERM | Errno::EACCES => Code::Permission,
                Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT => Code::Feature,
                _ => Code::Kernel,
            },
        }
    }

    /// The word that names what is at fault.
    fn word(&self) -> Option<String> {
        match self {
            Fault::Missing(thing) => Some(thing.name.clone()),
            Fault::Owned(table) => Some(table.name.clone()),
            Fault::Handle(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// What is said beside the place, where there is more to say than the error does, and what to do.
    fn explain(&self, connection: &mut Connection, namespace: &Namespace) -> (Option<String>, Vec<String>) {
        match self {
            Fault::Missing(thing) => {
                // who may not ask gets no advice
                let known = ask::names(connection, &thing.table, thing.entity).unwrap_or_default();
                let near = nearest(&thing.name, known.iter().map(String::as_str));
                let place = match thing.entity {
                    Entity::Table => thing.table.family.to_string(),
                    _ => thing.table.to_string(),
                };
                let said = format!("there is no {} {place} {}", thing.noun(), thing.name);
                (Some(said), near.map(|near| format!("did you mean `{near}`?")).into_iter().collect())
            }
            Fault::Handle(number) => {
                let help = "handles are the numbers that `list` shows with `-a`".to_owned();
                (Some(format!("this chain has no rule with the handle {number}")), vec![help])
            }
            Fault::Element => (Some("the set does not have this element".into()), Vec::new()),
            Fault::Device => (Some("there is no such interface".into()), Vec::new()),
            Fault::Feature { what, module } => {
                let help = format!("it may lack the module {module}, or be built without it");
                (Some(format!("this kernel does not have {what}")), vec![help])
            }
            Fault::Place(place) => {
                let help = "if the chain is right, this kernel may lack it for this family".to_owned();
                (Some(place.clone()), vec![help])
            }
            Fault::Owned(table) => match owners::of(table, connection, namespace) {
                Some(owner) => {
                    let help =
                        "it made it with `flags owner`; the table ends with it, unless it says `persist`";
                    (Some(format!("table {table} belongs to {owner}")), vec![help.to_owned()])
                }
                None => (None, Vec::new()),
            },
            Fault::Other => (None, Vec::new()),
        }
    }
}

/// A number that a message names a rule by.
fn handle(step: &Step<'_>, kind: u16) -> String {
    let Ok(Some(rule)) = Rule::read(&as_new(step)) else { return String::new() };
    let number = if kind == RULE_HANDLE { rule.handle } else { rule.position };
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The message as if it made a rule: deletions have the same attributes.
fn as_new<'a>(step: &Step<'a>) -> netwright_wire::Message<'a> {
    let mut message = step.message;
    message.header.kind = MessageKind::NEW_RULE.number();
    message
}

/// What an expression refers to that is not there; or that there is no such expression.
fn expression(step: &Step<'_>, table: &TableRef) -> Fault {
    let Ok(Some(rule)) = Rule::read(&step.message) else { return Fault::Other };
    let Some(expression) = step.expression().and_then(|index| rule.expressions.get(index)) else {
        return Fault::Other;
    };
    let missing =
        |entity, name: &str| Fault::Missing(Thing { entity, table: table.clone(), name: name.to_owned() });
    match expression {
        Expression::Lookup(lookup) => lookup.set.as_deref().map(|set| missing(Entity::Set, set)),
        Expression::DynamicSet(dynamic) => dynamic.set.as_deref().map(|set| missing(Entity::Set, set)),
        Expression::Immediate(immediate) => immediate
            .data
            .as_ref()
            .and_then(Data::verdict)
            .and_then(|verdict| verdict.chain.as_deref())
            .map(|chain| missing(Entity::Chain, chain)),
        Expression::ObjectReference(reference) => match (&reference.kind, &reference.name, &reference.set) {
            (Some(kind), Some(name), _) => Some(missing(Entity::Object(ObjectKind(kind.0)), name)),
            (_, _, Some(set)) => Some(missing(Entity::Set, set)),
            _ => None,
        },
        Expression::FlowOffload(flow) => {
            // without flow tables there can be none of any name
            flow.table.as_deref().map(|table| missing(Entity::Flowtable, table))
        }
        other => {
            let name = other.name();
            let what = format!("`{name}` in tables of the family {}", step.family());
            Some(Fault::Feature { what, module: module_of(name, step.family()) })
        }
    }
    .unwrap_or(Fault::Other)
}

/// What an element leads to that is not there.
fn element(step: &Step<'_>, table: &TableRef) -> Fault {
    let missing = |entity, name: String| Fault::Missing(Thing { entity, table: table.clone(), name });
    let Some(view) = step.element_at_fault() else { return Fault::Other };
    let Ok(element) = netwright_netfilter::Element::own(view) else { return Fault::Other };
    let chain = element.data.as_ref().and_then(Data::verdict).and_then(|verdict| verdict.chain.clone());
    match chain {
        Some(chain) => missing(Entity::Chain, chain),
        None => match element.object {
            Some(object) => missing(Entity::Object(ObjectKind(0)), object.to_string()),
            None => Fault::Other,
        },
    }
}

fn object_kind(step: &Step<'_>) -> ObjectKind {
    let attributes = ObjectAttrs::read_attributes(step.message.bytes_after(4));
    ObjectKind(attributes.ok().and_then(|attributes| attributes.kind).unwrap_or_default().0)
}

/// The kernel does not have objects of a kind, or not what they refer to.
fn object(step: &Step<'_>) -> Fault {
    let kind = KernelObjectKind(object_kind(step).0);
    let noun = kind.name().unwrap_or("of this kind");
    let (what, module) = match kind {
        KernelObjectKind::CT_HELPER if step.path().first() != Some(&OBJECT_KIND) => {
            ("this helper of connection tracking".to_owned(), "nf_conntrack_NAME of that helper".to_owned())
        }
        KernelObjectKind::CT_HELPER | KernelObjectKind::CT_TIMEOUT | KernelObjectKind::CT_EXPECTATION => {
            (format!("{noun} objects"), "nft_ct".to_owned())
        }
        KernelObjectKind::SECMARK => {
            ("security marks".to_owned(), "of a security system (CONFIG_NETWORK_SECMARK)".to_owned())
        }
        _ => (format!("{noun} objects"), format!("nft_{noun}")),
    };
    Fault::Feature { what, module }
}

fn flow_tables(step: &Step<'_>) -> Fault {
    let what = format!("flow tables in tables of the family {}", step.family());
    Fault::Feature {
        what,
        module: "nf_flow_table".to_owned() + if step.family().name() == Some("inet") { "_inet" } else { "" },
    }
}

/// What is wrong with where a base chain is to be.
fn base_chain(step: &Step<'_>) -> Fault {
    const NAT_FROM: i32 = -200;
    let Ok(chain) = ChainAttrs::read_attributes(step.message.bytes_after(4)) else { return Fault::Other };
    let priority = chain.hook.as_ref().and_then(|hook| hook.priority);
    if chain.kind.as_deref() == Some("nat") && priority.is_some_and(|priority| priority <= NAT_FROM) {
        return Fault::Place(
            "a chain of type nat needs a priority above -200, behind connection tracking".into(),
        );
    }
    let kind = chain.kind.unwrap_or_default();
    let hook = chain
        .hook
        .as_ref()
        .and_then(|hook| hook.number)
        .map(|number| Hook::from_number(step.family(), number));
    if hook.is_some_and(|hook| hook::allows(step.family(), hook, &kind)) {
        let name = step.text_of(CHAIN_NAME).unwrap_or_default();
        return Fault::Place(format!(
            "chain {name} is there already with another type, hook, priority or other devices, which are never changed: delete it \
             before, or give this one another name"
        ));
    }
    Fault::Place(format!("chains of type {kind} cannot be at this hook of the family {}", step.family()))
}

/// Where what is in a rule works, as far as it does not work everywhere.
fn needed_by(rule: &Rule, family: netwright_netfilter::Family) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    for need in lift::rule(rule, &Scope::default()).statements.iter().flat_map(place::needs) {
        let words = need.describe(family);
        if !said.contains(&words) {
            said.push(words);
        }
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// Families and hooks of what the kernel takes nowhere else.
fn places_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "fwd" => "`fwd` works in the family netdev",
        "queue" => "`queue` works at the hooks of routed and bridged packets",
        _ => return None,
    })
}

/// The module that has an expression.
fn module_of(name: &str, family: netwright_netfilter::Family) -> String {
    match (name, family.name()) {
        ("reject" | "fib" | "dup", Some("ip")) => format!("nft_{name}_ipv4"),
        ("reject" | "fib" | "dup", Some("ip6")) => format!("nft_{name}_ipv6"),
        ("reject" | "fib" | "dup" | "fwd", Some(family @ ("inet" | "bridge" | "netdev"))) => {
            format!("nft_{name}_{family}")
        }
        ("masq", _) => "nft_masq".into(),
        ("match" | "target", _) => "nft_compat, or that of the extension of xtables".into(),
        _ => format!("nft_{name}"),
    }
}

/// What a message would have made.
fn made_by(step: &Step<'_>) -> Option<Thing> {
    let table = TableRef::new(step.family(), step.text_of(TABLE)?);
    let (entity, name) = match step.kind()? {
        MessageKind::NEW_TABLE => (Entity::Table, table.name.clone()),
        MessageKind::NEW_CHAIN => (Entity::Chain, step.text_of(CHAIN_NAME)?),
        MessageKind::NEW_SET => (Entity::Set, step.text_of(NAME)?),
        MessageKind::NEW_OBJECT => (Entity::Object(object_kind(step)), step.text_of(NAME)?),
        MessageKind::NEW_FLOWTABLE => (Entity::Flowtable, step.text_of(NAME)?),
        _ => return None,
    };
    Some(Thing { entity, table, name })
}

/// Whether something is not there since an earlier message that makes it was refused.
fn is_unmade(unmade: &HashSet<Thing>, step: &Step<'_>, thing: &Thing) -> bool {
    made_by(step).as_ref() != Some(thing)
        && unmade.iter().any(|one| {
            let object =
                matches!((one.entity, thing.entity), (Entity::Object(_), Entity::Object(ObjectKind(0))));
            (one.entity == thing.entity || object) && one.table == thing.table && one.name == thing.name
        })
}

/// An error number in the words of the C library.
fn words(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno.0).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Where a word stands in a command; the last place, since names come behind what they are of.
pub(super) fn word_in(sources: &SourceMap, span: Span, word: &str) -> Option<Span> {
    let text = sources.snippet(span);
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let bounded = |&(at, _): &(usize, &str)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !behind.is_some_and(inside)
    };
    let (at, _) = text.match_indices(word).filter(bounded).last()?;
    let start = span.start + at as u32;
    Some(Span { start, end: start + word.len() as u32, ..span })
}
