//! Tables, chains, objects and flow tables.

use netwright_netfilter::object::{CtExpectationAttrs, CtHelperAttrs, CtTimeoutAttrs};
use netwright_netfilter::userdata::entry;
use netwright_netfilter::{
    Chain as KernelChain, ChainFlags, ChainPolicy, Device, Family, Flowtable as KernelFlowtable,
    FlowtableFlags, Object as KernelObject, ObjectData as KernelData, Table as KernelTable, Userdata,
};
use netwright_wire::Writer;

use super::stateful;
use crate::ir::{
    Chain, ChainHook, Counter, Flowtable, Hook, Object, ObjectData, Quota, Statement, Table, Verdict,
};

fn comment(userdata: &Userdata) -> Option<String> {
    userdata.any_text(entry::COMMENT)
}

/// A table.
#[must_use]
pub fn table(raw: &KernelTable) -> Table {
    Table {
        family: raw.family,
        name: raw.name.clone(),
        flags: raw.flags.map_or(0, |flags| flags.bits()),
        comment: comment(&raw.userdata),
        handle: raw.handle,
        owner: None,
    }
}

/// A chain without its rules.
#[must_use]
pub fn chain(raw: &KernelChain) -> Chain {
    let base = raw.base.as_ref();
    Chain {
        family: raw.family,
        table: raw.table.clone(),
        name: raw.name.clone(),
        hook: base.map(|base| ChainHook {
            chain_type: base.kind.clone(),
            hook: Hook { number: base.hook.number(raw.family).unwrap_or(u32::MAX), priority: base.priority },
            devices: devices(&base.devices),
        }),
        policy: base.and_then(|base| base.policy).map(|policy| match policy {
            ChainPolicy::DROP => Verdict::Drop,
            ChainPolicy::ACCEPT => Verdict::Accept,
            other => Verdict::Other(other.0 as i32),
        }),
        offload: raw.flags.is_some_and(|flags| flags.contains(ChainFlags::HARDWARE_OFFLOAD)),
        comment: comment(&raw.userdata),
        handle: raw.handle,
        rules: Vec::new(),
    }
}

fn devices(devices: &[Device]) -> Vec<String> {
    let mut names: Vec<String> = devices
        .iter()
        .map(|device| match device {
            Device::Name(name) => name.clone(),
            Device::Prefix(prefix) => format!("{prefix}*"),
        })
        .collect();
    names.sort();
    names
}

/// A flow table.
#[must_use]
pub fn flowtable(raw: &KernelFlowtable) -> Flowtable {
    let has = |flag| raw.flags.is_some_and(|flags| flags.contains(flag));
    Flowtable {
        family: raw.family,
        table: raw.table.clone(),
        name: raw.name.clone(),
        hook: raw.priority.map(|priority| Hook { number: 0, priority }),
        devices: devices(&raw.devices),
        counter: has(FlowtableFlags::COUNTER),
        offload: has(FlowtableFlags::HARDWARE_OFFLOAD),
        handle: raw.handle,
    }
}

/// A stateful object.
#[must_use]
pub fn object(raw: &KernelObject) -> Object {
    Object {
        family: raw.family,
        table: raw.table.clone(),
        name: raw.name.clone(),
        data: data(&raw.data).unwrap_or_else(|| other(&raw.data)),
        comment: comment(&raw.userdata),
        handle: raw.handle,
    }
}

fn data(raw: &KernelData) -> Option<ObjectData> {
    let statement = |statement| Some(ObjectData::Statement(Box::new(statement)));
    match raw {
        KernelData::Counter(attrs) => statement(Statement::Counter(Counter {
            packets: attrs.packets.unwrap_or(0),
            bytes: attrs.byte_count.unwrap_or(0),
        })),
        KernelData::Quota(attrs) => statement(Statement::Quota(Quota {
            bytes: attrs.byte_count?,
            used: attrs.consumed.unwrap_or(0),
            over: attrs
                .flags
                .is_some_and(|f| f.contains(netwright_netfilter::expression::QuotaFlags::INVERTED)),
        })),
        KernelData::Limit(attrs) => statement(Statement::Limit(stateful::limit(attrs)?)),
        KernelData::ConnectionLimit(attrs) => statement(stateful::statement(&attrs.clone().into())?),
        KernelData::SynProxy(attrs) => statement(Statement::Synproxy(stateful::synproxy(attrs))),
        KernelData::CtHelper(attrs) => helper(attrs),
        KernelData::CtTimeout(attrs) => timeout(attrs),
        KernelData::CtExpectation(attrs) => expectation(attrs),
        KernelData::Secmark(attrs) => Some(ObjectData::Secmark(attrs.context.clone()?)),
        KernelData::Tunnel(_) | KernelData::Unknown { .. } => None,
    }
}

/// An object that is kept as it is.
fn other(raw: &KernelData) -> ObjectData {
    let mut writer = Writer::new();
    raw.write(&mut writer);
    ObjectData::Other(raw.kind().0, writer.bytes().to_vec())
}

fn family(number: Option<u16>) -> Option<Family> {
    number.and_then(|number| u8::try_from(number).ok()).filter(|number| *number != 0).map(Family)
}

fn helper(attrs: &CtHelperAttrs) -> Option<ObjectData> {
    Some(ObjectData::CtHelper {
        helper: attrs.name.as_ref()?.to_string(),
        l4proto: attrs.l4_protocol?,
        l3proto: family(attrs.l3_protocol),
    })
}

fn timeout(attrs: &CtTimeoutAttrs) -> Option<ObjectData> {
    Some(ObjectData::CtTimeout {
        l4proto: attrs.l4_protocol?,
        l3proto: family(attrs.l3_protocol),
        policy: attrs.timeouts.as_ref().map(|timeouts| timeouts.0.clone()).unwrap_or_default(),
    })
}

fn expectation(attrs: &CtExpectationAttrs) -> Option<ObjectData> {
    Some(ObjectData::CtExpectation {
        l4proto: attrs.l4_protocol?,
        l3proto: family(attrs.l3_protocol),
        dport: attrs.destination_port?,
        timeout: attrs.timeout?.0,
        size: attrs.size.unwrap_or(0),
    })
}
