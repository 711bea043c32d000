//! Where transparent proxies wait.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netwright_nft::ir::{Expression, SetReference, Statement, Value};
use netwright_state::Ruleset as Declared;

use crate::firewall::all_statements;

/// The addresses and ports that a ruleset hands connections to without translation.
pub(super) fn proxies(content: &Declared) -> BTreeSet<(Option<IpAddr>, u16)> {
    let rules = content.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    let statements = rules.flat_map(all_statements);
    let mut found = BTreeSet::new();
    for statement in statements {
        let Statement::Tproxy(proxy) = statement else { continue };
        let addresses: Vec<Option<IpAddr>> = match &proxy.address {
            None => vec![None],
            Some(address) => values(address).iter().map(|value| address_of(value)).collect(),
        };
        let ports: Vec<u16> = proxy.port.iter().flat_map(values).filter_map(port_of).collect();
        for port in ports {
            found.extend(addresses.iter().map(|address| (*address, port)));
        }
    }
    found
}

/// The constants in an expression, also those that a map in place holds.
fn values(expression: &Expression) -> Vec<&Value> {
    match expression {
        Expression::Value(value) => vec![value],
        Expression::Range(first, last) => vec![first, last],
        Expression::Concatenation(parts) => parts.iter().flat_map(values).collect(),
        Expression::Map(_, SetReference::Anonymous(elements)) => {
            elements.iter().filter_map(|element| element.data.as_ref()).flat_map(values).collect()
        }
        _ => Vec::new(),
    }
}

fn address_of(value: &Value) -> Option<IpAddr> {
    match &*value.bytes {
        &[a, b, c, d] => Some(IpAddr::from([a, b, c, d])),
        bytes => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn port_of(value: &Value) -> Option<u16> {
    value.as_number().and_then(|number| u16::try_from(number).ok())
}
