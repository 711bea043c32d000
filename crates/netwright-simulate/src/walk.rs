//! The sets and maps without a name in rules, in the order in which they stand there.

use netwright_nft::ir::{
    ChainTarget, Element, Expression, ObjectName, Rule, SetReference, Statement, Verdict,
};

/// Visits the elements of each set and map that is written in a rule, those of the rules of chains without a name in it too.
pub(crate) fn each_set(rule: &mut Rule, visit: &mut dyn FnMut(&mut Vec<Element>)) {
    for statement in &mut rule.statements {
        of_statement(statement, visit);
    }
}

fn of_statement(statement: &mut Statement, visit: &mut dyn FnMut(&mut Vec<Element>)) {
    match statement {
        Statement::Match(found) => {
            of_expression(&mut found.left, visit);
            of_expression(&mut found.right, visit);
        }
        Statement::VerdictMap(key, map) => {
            of_expression(key, visit);
            of_reference(map, visit);
        }
        Statement::Object(_, ObjectName::Map(key, map)) => {
            of_expression(key, visit);
            of_reference(map, visit);
        }
        Statement::Assign(_, value) => of_expression(value, visit),
        Statement::Nat(nat) => {
            nat.address.iter_mut().chain(&mut nat.port).for_each(|part| of_expression(part, visit));
        }
        Statement::Tproxy(proxy) => {
            proxy.address.iter_mut().chain(&mut proxy.port).for_each(|part| of_expression(part, visit));
        }
        Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) => rules.iter_mut().for_each(|rule| each_set(rule, visit)),
        _ => {}
    }
}

fn of_expression(expression: &mut Expression, visit: &mut dyn FnMut(&mut Vec<Element>)) {
    match expression {
        Expression::Set(set) => of_reference(set, visit),
        Expression::Map(key, map) => {
            of_expression(key, visit);
            of_reference(map, visit);
        }
        Expression::Concatenation(parts) => parts.iter_mut().for_each(|part| of_expression(part, visit)),
        Expression::Binary(_, left, right) => {
            of_expression(left, visit);
            of_expression(right, visit);
        }
        _ => {}
    }
}

fn of_reference(set: &mut SetReference, visit: &mut dyn FnMut(&mut Vec<Element>)) {
    if let SetReference::Anonymous(elements) = set {
        visit(elements);
    }
}
