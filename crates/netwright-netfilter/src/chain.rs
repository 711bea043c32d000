//! Chains.

use netwright_wire::{Malformed, Unknown, Writer};

use crate::expression::CounterAttrs;
use crate::item::lacks;
use crate::{ChainPolicy, Device, Devices, Family, Hook, Item, ItemKinds, MessageKind, Userdata};

netwright_wire::open_flags! {
    /// Flags of a chain (`enum nft_chain_flags`).
    pub struct ChainFlags(u32) {
        /// It sits at a hook.
        BASE = 1,
        /// The device does its work.
        #[doc(alias = "NFT_CHAIN_HW_OFFLOAD")]
        HARDWARE_OFFLOAD = 2,
        /// It belongs to the rule that jumps into it, and ends with it.
        BINDING = 4,
    }
}

netwright_wire::attrs! {
    /// Where a base chain sits (`enum nft_hook_attributes`).
    pub struct HookAttrs, HookView: Big {
        /// Number of the hook in the family, see [`Hook`].
        NFTA_HOOK_HOOKNUM = 1 => number: u32,
        /// Lower comes first.
        NFTA_HOOK_PRIORITY = 2 => priority: i32,
        /// The device, where there is one.
        NFTA_HOOK_DEV = 3 => device: String,
        /// The devices, where there are several.
        NFTA_HOOK_DEVS = 4 => devices: Devices,
    }

    /// Attributes of a chain (`enum nft_chain_attributes`).
    pub struct ChainAttrs, ChainView: Big {
        NFTA_CHAIN_TABLE = 1 => table: String,
        NFTA_CHAIN_HANDLE = 2 => handle: u64,
        NFTA_CHAIN_NAME = 3 => name: String,
        /// Number within a batch, for rules of the same batch.
        NFTA_CHAIN_ID = 11 => id: u32,
        NFTA_CHAIN_FLAGS = 10 => flags: ChainFlags,
        NFTA_CHAIN_POLICY = 5 => policy: ChainPolicy,
        NFTA_CHAIN_USERDATA = 12 => userdata: Userdata,
        NFTA_CHAIN_TYPE = 7 => kind: String,
        NFTA_CHAIN_HOOK = 4 => hook: HookAttrs,
        /// Rules, and references to it.
        NFTA_CHAIN_USE = 6 => uses: u32,
        /// What the policy has decided on.
        NFTA_CHAIN_COUNTERS = 8 => counters: CounterAttrs,
    }
}

/// What makes a chain a base chain: the kernel sends packets into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseHook {
    /// `filter`, `nat` or `route`; empty to add or delete devices of a chain that is there, or to change its policy: then
    /// neither hook nor priority are sent.
    pub kind: String,
    /// Where in the packet's way.
    pub hook: Hook,
    /// Lower comes first.
    pub priority: i32,
    /// Devices, in the family `netdev` and at `ingress`.
    pub devices: Vec<Device>,
    /// What becomes of packets that reach its end; the kernel accepts them where it is not said.
    pub policy: Option<ChainPolicy>,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Name; empty for a chain that is made by its number in a batch and bound to a rule.
    pub name: String,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// Number within a batch, for rules of the same batch.
    pub id: Option<u32>,
    /// Where it sits; `None` for a chain that rules jump into.
    pub base: Option<BaseHook>,
    /// Flags.
    pub flags: Option<ChainFlags>,
    /// (from the kernel) Rules, and references to it.
    pub uses: Option<u32>,
    /// What its policy has decided on.
    pub counters: Option<CounterAttrs>,
    /// What tools left.
    pub userdata: Userdata,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Chain {
    /// A chain that rules jump into.
    #[must_use]
    pub fn new(family: Family, table: impl Into<String>, name: impl Into<String>) -> Self {
        Chain { family, table: table.into(), name: name.into(), ..Default::default() }
    }

    /// What deletes the devices of its hook, and leaves the chain.
    pub(crate) fn without_devices(&self) -> ChainAttrs {
        let hook = self.base.as_ref().map(|base| self.hook_attributes(base));
        let hook = hook.map(|hook| HookAttrs { priority: None, ..hook });
        let (table, name) = (Some(self.table.clone()), Some(self.name.clone()));
        ChainAttrs { table, name, hook, ..Default::default() }
    }

    fn hook_attributes(&self, base: &BaseHook) -> HookAttrs {
        let (device, devices) = match base.devices.as_slice() {
            [] => (None, None),
            [Device::Name(name)] => (Some(name.clone()), None),
            several => (None, Some(Devices(several.to_vec()))),
        };
        let known = !base.kind.is_empty();
        let number = base.hook.number(self.family).filter(|_| known);
        HookAttrs { number, priority: known.then_some(base.priority), device, devices, ..Default::default() }
    }
}

impl BaseHook {
    fn from_attributes(family: Family, kind: Option<String>, hook: HookAttrs) -> Result<Self, Malformed> {
        let number = hook.number.ok_or(lacks("the hook of a base chain"))?;
        Ok(BaseHook {
            kind: kind.unwrap_or_default(),
            hook: Hook::from_number(family, number),
            priority: hook.priority.ok_or(lacks("the priority of a base chain"))?,
            devices: match (hook.device, hook.devices) {
                (_, Some(Devices(devices))) => devices,
                (Some(device), None) => vec![Device::Name(device)],
                (None, None) => Vec::new(),
            },
            policy: None,
        })
    }
}

impl Item for Chain {
    type Attributes = ChainAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "chain",
        new: MessageKind::NEW_CHAIN,
        get: MessageKind::GET_CHAIN,
        delete: MessageKind::DELETE_CHAIN,
        destroy: MessageKind::DESTROY_CHAIN,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: ChainAttrs) -> Result<Self, Malformed> {
        let ChainAttrs {
            table,
            name,
            handle,
            id,
            flags,
            policy,
            userdata,
            kind,
            hook,
            uses,
            counters,
            unknown,
        } = attributes;
        let base = hook.map(|hook| BaseHook::from_attributes(family, kind, hook)).transpose()?;
        Ok(Chain {
            family,
            table: table.ok_or(lacks("the table of a chain"))?,
            name: name.unwrap_or_default(),
            handle,
            id,
            base: base.map(|base| BaseHook { policy, ..base }),
            flags,
            uses,
            counters,
            userdata: userdata.unwrap_or_default(),
            unknown,
        })
    }

    fn attributes(&self) -> ChainAttrs {
        ChainAttrs {
            table: Some(self.table.clone()),
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            handle: self.handle,
            id: self.id,
            flags: self.flags,
            policy: self.base.as_ref().and_then(|base| base.policy),
            userdata: self.userdata.some(),
            kind: self.base.as_ref().map(|base| base.kind.clone()).filter(|kind| !kind.is_empty()),
            hook: self
                .base
                .as_ref()
                .filter(|base| !(base.kind.is_empty() && base.devices.is_empty() && base.policy.is_some()))
                .map(|base| self.hook_attributes(base)),
            uses: self.uses,
            counters: self.counters.clone(),
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        let flags = self.flags.map(|flags| flags - ChainFlags::BASE).filter(|flags| !flags.is_empty());
        ChainAttrs { handle: None, uses: None, flags, ..self.attributes() }.write_attributes(writer);
    }
}
