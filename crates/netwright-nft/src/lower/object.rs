//! Chains, stateful objects and flow tables to what the kernel stores.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::object::{
    CtExpectationAttrs, CtHelperAttrs, CtTimeoutAttrs, NativeU32, SecmarkAttrs, Timeouts,
};
use netwright_netfilter::userdata::entry;
use netwright_netfilter::{
    BaseHook, Chain as KernelChain, ChainFlags, ChainPolicy, Device, Expression,
    Flowtable as KernelFlowtable, FlowtableFlags, Hook, Object as KernelObject, ObjectData as KernelData,
    Table as KernelTable, TableFlags, Userdata,
};

use super::rule::Scope;
use super::{Error, Result};
use crate::ir::{Chain, Flowtable, Object, ObjectData, Table, Verdict};

/// The comment of a table, chain or object, as nft notes it.
fn comment(text: Option<&String>) -> Result<Userdata> {
    match text {
        Some(text) => Userdata::comment(text).map_err(|error| Error::new(error.to_string())),
        None => Ok(Userdata::new()),
    }
}

pub(super) fn table(table: &Table) -> Result<KernelTable> {
    let flags = Some(TableFlags::from_bits_retain(table.flags));
    let userdata = comment(table.comment.as_ref())?;
    Ok(KernelTable {
        flags,
        userdata,
        handle: table.handle,
        ..KernelTable::new(table.family, table.name.clone())
    })
}

pub(super) fn chain(chain: &Chain) -> Result<KernelChain> {
    let mut kernel = KernelChain::new(chain.family, chain.table.clone(), chain.name.clone());
    kernel.userdata = comment(chain.comment.as_ref())?;
    kernel.flags = chain.offload.then_some(ChainFlags::HARDWARE_OFFLOAD);
    kernel.handle = chain.handle;
    let policy = match chain.policy {
        Some(Verdict::Accept) => Some(ChainPolicy::ACCEPT),
        Some(Verdict::Drop) => Some(ChainPolicy::DROP),
        _ => None,
    };
    kernel.base = match &chain.hook {
        Some(hook) => Some(BaseHook {
            kind: hook.chain_type.clone(),
            hook: Hook::from_number(chain.family, hook.hook.number),
            priority: hook.hook.priority,
            devices: hook.devices.iter().map(|name| device(name)).collect(),
            policy,
        }),
        // Of a chain that is there the policy alone can be changed.
        None => policy.map(|policy| BaseHook {
            kind: String::new(),
            hook: Hook::from_number(chain.family, 0),
            priority: 0,
            devices: Vec::new(),
            policy: Some(policy),
        }),
    };
    Ok(kernel)
}

/// A device by its name, or by the start of it.
fn device(name: &str) -> Device {
    match name.strip_suffix('*') {
        Some(start) if !start.ends_with('\\') => Device::Prefix(start.to_owned()),
        _ => Device::Name(name.replace("\\*", "*")),
    }
}

pub(super) fn flowtable(table: &Flowtable) -> KernelFlowtable {
    let mut flags = FlowtableFlags::empty();
    flags.set(FlowtableFlags::HARDWARE_OFFLOAD, table.offload);
    flags.set(FlowtableFlags::COUNTER, table.counter);
    KernelFlowtable {
        family: table.family,
        table: table.table.clone(),
        name: table.name.clone(),
        handle: table.handle,
        priority: table.hook.map(|hook| hook.priority),
        devices: table.devices.iter().map(|name| device(name)).collect(),
        flags: (!flags.is_empty()).then_some(flags),
        ..KernelFlowtable::default()
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the kernel's expressions only a few are objects, and the others are refused"
)]
pub(super) fn object(scope: &Scope<'_>, object: &Object) -> Result<KernelObject> {
    let data = match &object.data {
        ObjectData::Statement(statement) => match super::rule::stateful(scope, statement)? {
            Expression::Counter(attrs) => KernelData::Counter(attrs),
            Expression::Quota(attrs) => KernelData::Quota(attrs),
            Expression::Limit(attrs) => KernelData::Limit(attrs),
            Expression::ConnectionLimit(attrs) => KernelData::ConnectionLimit(attrs),
            Expression::SynProxy(attrs) => KernelData::SynProxy(attrs),
            _ => return Err(Error::new("this statement cannot be an object")),
        },
        ObjectData::CtHelper { helper, l4proto, l3proto } => KernelData::CtHelper(
            CtHelperAttrs::default()
                .name(netwright_netfilter::BareText(helper.clone()))
                .l4_protocol(*l4proto)
                .with(|attrs| attrs.l3_protocol = l3proto.map(|family| u16::from(family.0))),
        ),
        ObjectData::CtTimeout { l4proto, l3proto, policy } => KernelData::CtTimeout(
            CtTimeoutAttrs::default()
                .l4_protocol(*l4proto)
                .timeouts(Timeouts(policy.clone()))
                .with(|attrs| attrs.l3_protocol = l3proto.map(|family| u16::from(family.0))),
        ),
        ObjectData::CtExpectation { l4proto, l3proto, dport, timeout, size } => KernelData::CtExpectation(
            CtExpectationAttrs::default()
                .l4_protocol(*l4proto)
                .destination_port(*dport)
                .timeout(NativeU32(*timeout))
                .size(*size)
                .with(|attrs| attrs.l3_protocol = l3proto.map(|family| u16::from(family.0))),
        ),
        ObjectData::Secmark(context) => KernelData::Secmark(SecmarkAttrs::default().context(context.clone())),
        ObjectData::Other(kind, data) => {
            KernelData::Unknown { kind: KernelObjectKind(*kind), data: data.clone() }
        }
    };
    let mut kernel = KernelObject::new(object.family, object.table.clone(), object.name.clone(), data);
    if let Some(text) = &object.comment {
        kernel.userdata.push_text(entry::COMMENT, text).map_err(|error| Error::new(error.to_string()))?;
    }
    kernel.handle = object.handle;
    Ok(kernel)
}
