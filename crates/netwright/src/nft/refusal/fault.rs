//! What the kernel did not like, found out from the message that it refused, and how that is said.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{
    ChainAttrs, ChainFlags, Data, Element, Expression, Family, Hook, Item, MessageKind, ObjectAttrs, Rule,
    Step, TableRef,
};
use netwright_nft::diagnostic::nearest;
use netwright_nft::ir::{Entity, ObjectKind};
use netwright_nft::lift::{self, Scope};
use netwright_nft::place;
use netwright_nft::table::hook;
use netwright_sys::{Connection, Namespace};
use netwright_wire::{Errno, Value};

use super::super::{ask, owners};
use super::{Code, Thing};

/// What the kernel did not like.
pub(super) enum Fault {
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
    /// Something that the number alone does not tell, what to do, and the word that names it.
    Reason { said: String, help: &'static str, word: Option<String> },
    /// Something else, which the error tells.
    Other,
}

/// Types of attributes.
pub(super) const TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_POSITION: u16 = 6;
pub(super) const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
pub(super) const NAME: u16 = 2;
const ELEMENTS: u16 = 3;
const OBJECT_KIND: u16 = 3;
const FLOWTABLE_HOOK: u16 = 3;

impl Fault {
    pub(super) fn of(step: &Step<'_>, errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => Fault::absent(step),
            Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => Fault::unsupported(step),
            Errno::ENFILE if step.kind() == Some(MessageKind::NEW_ELEMENTS) => Fault::Reason {
                said: "the set is full: its `size` is the most that it holds".into(),
                help: "give the set a larger `size`, or none",
                word: step.text_of(NAME),
            },
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
                if let Some(chain) = at_fault.and_then(leads_to) {
                    return base_target(chain);
                }
                let expressions = at_fault.into_iter().chain(&rule.expressions);
                let known = || expressions.filter_map(|one| places_of(one.name())).next().map(str::to_owned);
                needed_by(&rule, step.family()).or_else(known).map_or(Fault::Other, Fault::Place)
            }
            Some(MessageKind::NEW_CHAIN) => base_chain(step),
            Some(MessageKind::NEW_FLOWTABLE) => flow_tables(step),
            Some(MessageKind::NEW_OBJECT) => object(step),
            Some(MessageKind::NEW_ELEMENTS) => {
                let element = element_at_fault(step);
                element.as_ref().and_then(chain_of).map_or(Fault::Other, base_target)
            }
            _ => Fault::Other,
        }
    }

    pub(super) fn code(&self, errno: Errno) -> Code {
        match self {
            Fault::Missing(_) | Fault::Handle(_) | Fault::Element | Fault::Device => Code::Missing,
            Fault::Feature { .. } => Code::Feature,
            Fault::Place(_) | Fault::Reason { .. } => Code::Place,
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
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Fault::Missing(thing) => Some(thing.name.clone()),
            Fault::Owned(table) => Some(table.name.clone()),
            Fault::Handle(number) => Some(number.clone()),
            Fault::Reason { word, .. } => word.clone(),
            _ => None,
        }
    }

    /// What is said beside the place, where there is more to say than the error does, and what to do.
    pub(super) fn explain(
        &self,
        connection: &mut Connection,
        namespace: &Namespace,
    ) -> (Option<String>, Vec<String>) {
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
            Fault::Reason { said, help, .. } => (Some(said.clone()), vec![(*help).to_owned()]),
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
        Expression::Immediate(_) => leads_to(expression).map(|chain| missing(Entity::Chain, chain)),
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
            let statements = lift::rule(&rule, &Scope::default()).statements;
            let needs = statements.iter().flat_map(place::needs);
            if let Some(need) = needs.into_iter().find(|need| need.hooks(step.family()).is_empty()) {
                return Fault::Place(need.describe(step.family()));
            }
            let what = format!("`{name}` in tables of the family {}", step.family());
            Some(Fault::Feature { what, module: module_of(name, step.family()) })
        }
    }
    .unwrap_or(Fault::Other)
}

/// The chain that a verdict leads to.
fn leads_to(expression: &Expression) -> Option<&str> {
    let Expression::Immediate(immediate) = expression else { return None };
    immediate.data.as_ref().and_then(Data::verdict)?.chain.as_deref()
}

/// The kernel supports no verdict that leads to a base chain, whatever it is in.
fn base_target(chain: &str) -> Fault {
    Fault::Reason {
        said: format!("{chain} is a base chain, which only packets at its hook come to"),
        help: "move what both shall do into a chain without a hook, and jump to that",
        word: Some(chain.to_owned()),
    }
}

/// The element that the kernel points at.
fn element_at_fault(step: &Step<'_>) -> Option<Element> {
    step.element_at_fault().and_then(|view| Element::own(view).ok())
}

/// The chain that an element leads to.
fn chain_of(element: &Element) -> Option<&str> {
    element.data.as_ref().and_then(Data::verdict)?.chain.as_deref()
}

/// What an element leads to that is not there.
fn element(step: &Step<'_>, table: &TableRef) -> Fault {
    let missing = |entity, name: String| Fault::Missing(Thing { entity, table: table.clone(), name });
    let Some(element) = element_at_fault(step) else { return Fault::Other };
    match (chain_of(&element), &element.object) {
        (Some(chain), _) => missing(Entity::Chain, chain.to_owned()),
        (None, Some(object)) => missing(Entity::Object(ObjectKind(0)), object.to_string()),
        (None, None) => Fault::Other,
    }
}

pub(super) fn object_kind(step: &Step<'_>) -> ObjectKind {
    let attributes = ObjectAttrs::read_attributes(step.message.bytes_after(4));
    ObjectKind(attributes.ok().and_then(|attributes| attributes.kind).unwrap_or_default().0)
}

/// The kernel does not have objects of a kind, or not what they refer to.
fn object(step: &Step<'_>) -> Fault {
    let kind = KernelObjectKind(object_kind(step).0);
    let noun = kind.name().unwrap_or("of this kind");
    if kind == KernelObjectKind::CT_EXPECTATION
        && step.family() == Family::INET
        && step.path().first() != Some(&OBJECT_KIND)
    {
        return Fault::Reason {
            said: "in a table of the family inet an expectation is of one protocol".into(),
            help: "say which: `l3proto ip` or `l3proto ip6`",
            word: None,
        };
    }
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
    if chain.flags.is_some_and(|flags| flags.contains(ChainFlags::HARDWARE_OFFLOAD)) {
        return Fault::Reason {
            said: "rules of this chain cannot be handed to its devices (`flags offload`)".into(),
            help: "their drivers or this kernel cannot do it, or the chain is there already without it",
            word: None,
        };
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
fn needed_by(rule: &Rule, family: Family) -> Option<String> {
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
fn module_of(name: &str, family: Family) -> String {
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
