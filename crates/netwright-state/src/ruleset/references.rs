//! The names of sets, maps, objects and chains that a rule or an element uses.

use netwright_nft::ir::{
    ChainTarget, Element, Expression, MapTarget, ObjectKind, ObjectName, QueueTarget, Rule, Selector, Set,
    SetReference, Statement, Verdict,
};

/// Something that is referred to by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reference {
    Set(String),
    Chain(String),
    Object(u32, String),
    Flowtable(String),
}

/// Whether a rule uses something of which `wanted` is true.
pub(super) fn rule_uses(rule: &Rule, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    rule.statements.iter().any(|statement| statement_uses(statement, wanted))
}

/// Whether an element of a set uses something of which `wanted` is true.
pub(super) fn element_uses(set: &Set, element: &Element, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    let object = match (&set.target, &element.data) {
        (Some(MapTarget::Objects(kind)), Some(data)) => named(data).map(|name| object(*kind, name)),
        _ => None,
    };
    object.is_some_and(|object| wanted(&object)) || element_contents_use(element, wanted)
}

fn named(data: &Expression) -> Option<&str> {
    match data {
        Expression::ObjectName(name) => Some(name),
        _ => None,
    }
}

fn object(kind: ObjectKind, name: &str) -> Reference {
    Reference::Object(kind.0, name.to_owned())
}

fn element_contents_use(element: &Element, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    element.key.iter().chain(&element.data).any(|expression| expression_uses(expression, wanted))
        || element.statements.iter().any(|statement| statement_uses(statement, wanted))
}

fn statement_uses(statement: &Statement, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    let uses = |expression: &Expression| expression_uses(expression, wanted);
    let any = |expressions: &[Option<&Expression>]| expressions.iter().flatten().any(|found| uses(found));
    match statement {
        Statement::Match(matched) => uses(&matched.left) || uses(&matched.right),
        Statement::Verdict(verdict) => verdict_uses(verdict, wanted),
        Statement::VerdictMap(key, map) => uses(key) || set_uses(map, wanted),
        Statement::Object(kind, ObjectName::Name(name)) => wanted(&object(*kind, name)),
        Statement::Object(_, ObjectName::Map(key, map)) => uses(key) || set_uses(map, wanted),
        Statement::Nat(nat) => any(&[nat.address.as_ref(), nat.port.as_ref()]),
        Statement::Tproxy(proxy) => any(&[proxy.address.as_ref(), proxy.port.as_ref()]),
        Statement::Duplicate(copy) => any(&[copy.address.as_ref(), copy.device.as_ref()]),
        Statement::Forward(forward) => any(&[Some(&forward.device), forward.address.as_ref()]),
        Statement::Queue(queue) => {
            matches!(&queue.to, QueueTarget::Computed(expression) if uses(expression))
        }
        Statement::FlowAdd(name) => wanted(&Reference::Flowtable(name.clone())),
        Statement::Assign(selector, value) => selector_uses(selector, wanted) || uses(value),
        Statement::SetUpdate(update) => {
            wanted(&Reference::Set(update.set.clone()))
                || any(&[Some(&update.key), update.data.as_ref()])
                || update.statements.iter().any(|statement| statement_uses(statement, wanted))
        }
        _ => false,
    }
}

fn verdict_uses(verdict: &Verdict, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    match verdict {
        Verdict::Jump(ChainTarget::Named(name)) | Verdict::Goto(ChainTarget::Named(name)) => {
            wanted(&Reference::Chain(name.clone()))
        }
        Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)) => {
            rules.iter().any(|rule| rule_uses(rule, wanted))
        }
        _ => false,
    }
}

fn set_uses(set: &SetReference, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    match set {
        SetReference::Named(name) => wanted(&Reference::Set(name.clone())),
        SetReference::Anonymous(elements) => {
            elements.iter().any(|element| element_contents_use(element, wanted))
        }
    }
}

fn expression_uses(expression: &Expression, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    match expression {
        Expression::Verdict(verdict) => verdict_uses(verdict, wanted),
        Expression::Selector(selector) => selector_uses(selector, wanted),
        Expression::Concatenation(parts) => parts.iter().any(|part| expression_uses(part, wanted)),
        Expression::Binary(_, left, right) => expression_uses(left, wanted) || expression_uses(right, wanted),
        Expression::Set(set) => set_uses(set, wanted),
        Expression::Map(key, map) => expression_uses(key, wanted) || set_uses(map, wanted),
        _ => false,
    }
}

fn selector_uses(selector: &Selector, wanted: &dyn Fn(&Reference) -> bool) -> bool {
    match selector {
        Selector::Hash(hash) => hash.of.as_ref().is_some_and(|of| expression_uses(of, wanted)),
        _ => false,
    }
}
