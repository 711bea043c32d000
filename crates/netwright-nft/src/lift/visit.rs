//! A walk over all that a statement loads.

use crate::ir::{
    Element, Expression, MapReference, ObjectName, QueueTarget, Selector, SetReference, Statement,
};

/// Calls `each` with every selector in a statement, also those within others.
pub(crate) fn selectors<'a>(statement: &'a Statement, each: &mut dyn FnMut(&'a Selector)) {
    let mut expressions: Vec<&Expression> = Vec::new();
    let mut maps: Vec<&MapReference> = Vec::new();
    match statement {
        Statement::Match(matched) => expressions.extend([&matched.left, &matched.right]),
        Statement::VerdictMap(key, map) => {
            expressions.push(key);
            maps.push(map);
        }
        Statement::Object(_, ObjectName::Map(key, map)) => {
            expressions.push(key);
            maps.push(map);
        }
        Statement::Nat(nat) => expressions.extend(nat.address.iter().chain(&nat.port)),
        Statement::Tproxy(proxy) => expressions.extend(proxy.address.iter().chain(&proxy.port)),
        Statement::Duplicate(copy) => expressions.extend(copy.address.iter().chain(&copy.device)),
        Statement::Forward(forward) => {
            expressions.push(&forward.device);
            expressions.extend(&forward.address);
        }
        Statement::Queue(queue) => {
            if let QueueTarget::Computed(computed) = &queue.to {
                expressions.push(computed);
            }
        }
        Statement::Assign(target, value) => {
            each(target);
            expressions.push(value);
        }
        Statement::SetUpdate(update) => {
            expressions.push(&update.key);
            expressions.extend(&update.data);
        }
        Statement::Verdict(_)
        | Statement::Counter(_)
        | Statement::Quota(_)
        | Statement::Limit(_)
        | Statement::ConnectionLimit { .. }
        | Statement::Last(_)
        | Statement::Object(..)
        | Statement::Log(_)
        | Statement::Reject(_)
        | Statement::Synproxy(_)
        | Statement::Notrack
        | Statement::FlowAdd(_)
        | Statement::ResetTcpOption(_)
        | Statement::Extension(_)
        | Statement::Raw(_) => {}
    }
    expressions.into_iter().for_each(|expression| in_expression(expression, each));
    maps.into_iter().for_each(|map| in_map(map, each));
}

fn in_map<'a>(map: &'a MapReference, each: &mut dyn FnMut(&'a Selector)) {
    if let SetReference::Anonymous(elements) = map {
        for Element { key, data, .. } in elements {
            key.iter().chain(data).for_each(|expression| in_expression(expression, each));
        }
    }
}

/// Calls `each` with every selector in an expression.
pub(crate) fn in_expression<'a>(expression: &'a Expression, each: &mut dyn FnMut(&'a Selector)) {
    match expression {
        Expression::Selector(selector) => {
            each(selector);
            if let Selector::Hash(hash) = selector
                && let Some(of) = &hash.of
            {
                in_expression(of, each);
            }
        }
        Expression::Concatenation(parts) => parts.iter().for_each(|part| in_expression(part, each)),
        Expression::Binary(_, left, right) => {
            in_expression(left, each);
            in_expression(right, each);
        }
        Expression::Map(key, map) => {
            in_expression(key, each);
            in_map(map, each);
        }
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Set(_)
        | Expression::Exists(_) => {}
    }
}
