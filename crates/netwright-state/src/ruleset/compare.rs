//! What makes two rules, sets or elements the same: everything but state and the kernel's numbers.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use netwright_netfilter::Family;
use netwright_netfilter::object::TunnelKeyAttrs;
use netwright_nft::ir::{
    Chain, ChainTarget, Element, Expression, Flowtable, MapReference, Object, ObjectData, ObjectKind,
    ObjectName, Quota, Rule, Set, SetReference, Statement, Table, Verdict,
};

/// Rules with the same key do the same. It is short, because there may be many: 128 bits of a hash that nobody can aim at, since it is
/// another one in each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RuleKey(u64, u64);

pub(super) fn rule_key(rule: &Rule) -> RuleKey {
    static HASHES: OnceLock<[RandomState; 2]> = OnceLock::new();
    let hashes = HASHES.get_or_init(|| [RandomState::new(), RandomState::new()]);
    let mut rule = rule.clone();
    plain_rule(&mut rule);
    // written out whole: it comes in many small pieces
    let text = format!("{rule:?}");
    let [one, other] = hashes.each_ref().map(|hash| hash.hash_one(text.as_bytes()));
    RuleKey(one, other)
}

fn plain_rule(rule: &mut Rule) {
    rule.handle = None;
    rule.statements.iter_mut().for_each(plain_statement);
}

/// The level at which the kernel logs where none is given.
const LOG_WARNING: u32 = 4;

/// Without what the kernel counts, and what it adds.
fn plain_statement(statement: &mut Statement) {
    match statement {
        Statement::Counter(counter) => *counter = Default::default(),
        Statement::Quota(quota) => *quota = Quota { used: 0, ..*quota },
        Statement::Last(last) => *last = None,
        Statement::Log(log) => log.level = log.level.filter(|&level| level != LOG_WARNING),
        Statement::Match(matched) => {
            plain_expression(&mut matched.left);
            plain_expression(&mut matched.right);
        }
        Statement::Verdict(verdict) => plain_verdict(verdict),
        Statement::VerdictMap(key, map) => {
            plain_expression(key);
            plain_map(map);
        }
        Statement::Object(_, ObjectName::Map(key, map)) => {
            plain_expression(key);
            plain_map(map);
        }
        Statement::Assign(_, value) => plain_expression(value),
        Statement::Nat(nat) => nat.address.iter_mut().chain(&mut nat.port).for_each(plain_expression),
        Statement::Tproxy(proxy) => {
            proxy.address.iter_mut().chain(&mut proxy.port).for_each(plain_expression)
        }
        Statement::Duplicate(copy) => {
            copy.address.iter_mut().chain(&mut copy.device).for_each(plain_expression)
        }
        Statement::Forward(forward) => {
            std::iter::once(&mut forward.device).chain(&mut forward.address).for_each(plain_expression);
        }
        Statement::SetUpdate(update) => update.statements.iter_mut().for_each(plain_statement),
        _ => {}
    }
}

fn plain_expression(expression: &mut Expression) {
    match expression {
        Expression::Verdict(verdict) => plain_verdict(verdict),
        Expression::Concatenation(parts) => parts.iter_mut().for_each(plain_expression),
        Expression::Binary(_, left, right) => {
            plain_expression(left);
            plain_expression(right);
        }
        Expression::Set(set) => plain_map(set),
        Expression::Map(key, map) => {
            plain_expression(key);
            plain_map(map);
        }
        _ => {}
    }
}

fn plain_verdict(verdict: &mut Verdict) {
    if let Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)) =
        verdict
    {
        rules.iter_mut().for_each(plain_rule);
    }
}

/// The kernel lists the elements of a set in an order of its own.
fn plain_map(map: &mut MapReference) {
    if let SetReference::Anonymous(elements) = map {
        elements.iter_mut().for_each(plain_element);
        elements.sort_by_cached_key(element_key);
    }
}

fn plain_element(element: &mut Element) {
    element.expires = None;
    element.key.iter_mut().chain(&mut element.data).for_each(plain_expression);
    element.statements.iter_mut().for_each(plain_statement);
}

/// Elements with the same key cannot be in one set together.
pub(super) fn element_key(element: &Element) -> Vec<u8> {
    let mut key = Vec::new();
    match &element.key {
        Some(expression) => push_key(expression, &mut key),
        None => key.push(b'*'),
    }
    key
}

/// Constants in a form that is short, because there may be millions.
fn push_key(expression: &Expression, key: &mut Vec<u8>) {
    match expression {
        Expression::Value(value) => push_bytes(b'v', &value.bytes, key),
        Expression::Range(first, last) => {
            push_bytes(b'r', &first.bytes, key);
            push_bytes(b'-', &last.bytes, key);
        }
        Expression::Prefix(value, length) => {
            push_bytes(b'p', &value.bytes, key);
            key.extend_from_slice(&length.to_be_bytes());
        }
        Expression::Wildcard(value) => push_bytes(b'w', &value.bytes, key),
        Expression::Concatenation(parts) => {
            key.push(b'c');
            parts.iter().for_each(|part| push_key(part, key));
            key.push(b'.');
        }
        other => push_bytes(b'?', format!("{other:?}").as_bytes(), key),
    }
}

fn push_bytes(tag: u8, bytes: &[u8], key: &mut Vec<u8>) {
    key.push(tag);
    key.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    key.extend_from_slice(bytes);
}

/// Whether two elements with the same key hold the same.
pub(super) fn same_element(found: &Element, wanted: &Element) -> bool {
    if found.data.is_none()
        && wanted.data.is_none()
        && found.statements.is_empty()
        && wanted.statements.is_empty()
    {
        return found.comment == wanted.comment && found.timeout == wanted.timeout;
    }
    let plain = |element: &Element| {
        let mut element = element.clone();
        plain_element(&mut element);
        element
    };
    plain(found) == plain(wanted)
}

/// The kernel sets bits of its own, and those that follow from the rest of a set; these are what can be declared.
const DECLARED_FLAGS: u32 = CONSTANT | INTERVAL | TIMEOUT | DYNAMIC;
const CONSTANT: u32 = 0x2;
const INTERVAL: u32 = 0x4;
const TIMEOUT: u32 = 0x10;
const DYNAMIC: u32 = 0x20;

/// Whether the kernel puts elements in or takes them out by itself.
pub(super) fn is_dynamic(set: &Set) -> bool {
    set.flags & (TIMEOUT | DYNAMIC) != 0 || set.timeout.is_some()
}

/// Sets with the same key differ in their elements alone.
pub(super) fn set_key(set: &Set) -> String {
    let parts = |spec: &netwright_nft::ir::TypeSpec| format!("{:?}", spec.parts);
    let mut key = parts(&set.key);
    let _ = match &set.target {
        None => Ok(()),
        Some(netwright_nft::ir::MapTarget::Values(spec)) => write!(key, " : {}", parts(spec)),
        Some(other) => write!(key, " : {other:?}"),
    };
    let timeout_flag = if set.timeout.is_some() { TIMEOUT } else { 0 };
    let flags = (set.flags | timeout_flag) & DECLARED_FLAGS;
    let mut statements = set.statements.clone();
    statements.iter_mut().for_each(plain_statement);
    let _ = write!(key, " flags {flags} timeout {:?} {statements:?}", set.timeout);
    key
}

/// Whether a set that is there serves for a declared one: what is not declared may be anything.
pub(super) fn same_set(found: &Set, wanted: &Set) -> bool {
    fn fits<T: PartialEq>(found: &Option<T>, wanted: &Option<T>) -> bool {
        wanted.is_none() || found == wanted
    }
    set_key(found) == set_key(wanted)
        && fits(&found.size, &wanted.size)
        && fits(&found.gc_interval, &wanted.gc_interval)
}

/// Whether a chain can become the declared one without being made anew: its policy can change, its hook cannot.
pub(super) fn same_hook(found: &Chain, wanted: &Chain) -> bool {
    let sorted = |chain: &Chain| {
        let mut hook = chain.hook.clone();
        hook.iter_mut().for_each(|hook| hook.devices.sort());
        hook
    };
    sorted(found) == sorted(wanted) && found.offload == wanted.offload
}

/// Whether two base chains decide the same at their ends; accept where nothing is said.
pub(super) fn same_policy(found: &Chain, wanted: &Chain) -> bool {
    let policy = |chain: &Chain| chain.policy.clone().unwrap_or(Verdict::Accept);
    policy(found) == policy(wanted)
}

/// Whether an object that is there serves for a declared one, apart from what it counts: the kernel adds the family and
/// those times that are not declared.
pub(super) fn same_object(found: &Object, wanted: &Object) -> bool {
    let family = |found: &Option<Family>, wanted: &Option<Family>| wanted.is_none() || found == wanted;
    match (&found.data, &wanted.data) {
        (ObjectData::Statement(found), ObjectData::Statement(wanted)) => {
            let (mut found, mut wanted) = (found.clone(), wanted.clone());
            plain_statement(&mut found);
            plain_statement(&mut wanted);
            found == wanted
        }
        (
            ObjectData::CtHelper { helper, l4proto, l3proto },
            ObjectData::CtHelper { helper: helper2, l4proto: l4proto2, l3proto: l3proto2 },
        ) => helper == helper2 && l4proto == l4proto2 && family(l3proto, l3proto2),
        (
            ObjectData::CtTimeout { l4proto, l3proto, policy },
            ObjectData::CtTimeout { l4proto: l4proto2, l3proto: l3proto2, policy: policy2 },
        ) => {
            let declared = policy2.iter().all(|time| policy.contains(time));
            l4proto == l4proto2 && family(l3proto, l3proto2) && declared
        }
        (
            ObjectData::CtExpectation { l4proto, l3proto, dport, timeout, size },
            ObjectData::CtExpectation {
                l4proto: l4proto2,
                l3proto: l3proto2,
                dport: dport2,
                timeout: timeout2,
                size: size2,
            },
        ) => {
            let same = (l4proto, dport, timeout, size) == (l4proto2, dport2, timeout2, size2);
            same && family(l3proto, l3proto2)
        }
        (ObjectData::Other(kind, found), ObjectData::Other(kind2, wanted))
            if kind == kind2 && *kind == ObjectKind::TUNNEL.0 =>
        {
            found == wanted || tunnel(found).is_some_and(|found| tunnel(wanted) == Some(found))
        }
        (found, wanted) => found == wanted,
    }
}

/// A tunnel of its attributes; what is not declared is zero, as which the kernel lists it.
fn tunnel(bytes: &[u8]) -> Option<TunnelKeyAttrs> {
    fn told<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
        value.filter(|value| *value != T::default())
    }
    let mut tunnel = TunnelKeyAttrs::read_attributes(bytes).ok()?;
    tunnel.source_port = told(tunnel.source_port);
    tunnel.destination_port = told(tunnel.destination_port);
    tunnel.tos = told(tunnel.tos);
    tunnel.ttl = told(tunnel.ttl);
    tunnel.flags = tunnel.flags.filter(|flags| !flags.is_empty());
    if let Some(addresses) = &mut tunnel.ipv4 {
        addresses.source = addresses.source.filter(|address| !address.is_unspecified());
        addresses.destination = addresses.destination.filter(|address| !address.is_unspecified());
    }
    if let Some(addresses) = &mut tunnel.ipv6 {
        addresses.source = addresses.source.filter(|address| !address.is_unspecified());
        addresses.destination = addresses.destination.filter(|address| !address.is_unspecified());
        addresses.flow_label = told(addresses.flow_label);
    }
    tunnel.options = tunnel.options.filter(|options| !options.0.is_empty());
    Some(tunnel)
}

/// Whether two flow tables are the same.
pub(super) fn same_flowtable(found: &Flowtable, wanted: &Flowtable) -> bool {
    let plain = |flowtable: &Flowtable| {
        let mut flowtable = Flowtable { handle: None, ..flowtable.clone() };
        flowtable.devices.sort();
        flowtable
    };
    plain(found) == plain(wanted)
}

/// Flags of a table that are declared: the owner's are the kernel's business.
pub(super) fn same_table(found: &Table, wanted: &Table) -> bool {
    const DORMANT: u32 = 1;
    (found.flags ^ wanted.flags) & DORMANT == 0
}
