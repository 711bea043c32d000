//! Flow tables: connections that skip the rules.

use netwright_wire::{Malformed, Unknown, Writer};

use crate::item::lacks;
use crate::{Device, Devices, Family, Item, ItemKinds, MessageKind};

netwright_wire::open_flags! {
    /// Flags of a flow table (`enum nft_flowtable_flags`).
    pub struct FlowtableFlags(u32) {
        /// The device does its work.
        #[doc(alias = "NFT_FLOWTABLE_HW_OFFLOAD")]
        HARDWARE_OFFLOAD = 1,
        /// It counts.
        COUNTER = 2,
    }
}

netwright_wire::attrs! {
    /// Where a flow table sits (`enum nft_flowtable_hook_attributes`).
    pub struct FlowtableHookAttrs, FlowtableHookView: Big {
        /// Number of the hook; 0 is ingress.
        NFTA_FLOWTABLE_HOOK_NUM = 1 => number: u32,
        /// Lower comes first.
        NFTA_FLOWTABLE_HOOK_PRIORITY = 2 => priority: i32,
        NFTA_FLOWTABLE_HOOK_DEVS = 3 => devices: Devices,
    }

    /// Attributes of a flow table (`enum nft_flowtable_attributes`).
    pub struct FlowtableAttrs, FlowtableView: Big {
        NFTA_FLOWTABLE_TABLE = 1 => table: String,
        NFTA_FLOWTABLE_NAME = 2 => name: String,
        NFTA_FLOWTABLE_HANDLE = 5 => handle: u64,
        NFTA_FLOWTABLE_HOOK = 3 => hook: FlowtableHookAttrs,
        NFTA_FLOWTABLE_FLAGS = 7 => flags: FlowtableFlags,
        /// References to it.
        NFTA_FLOWTABLE_USE = 4 => uses: u32,
    }
}

/// A flow table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flowtable {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// Lower comes first; the hook is ingress. `None` to add devices to a flow table that is there.
    pub priority: Option<i32>,
    /// Devices whose connections it may take.
    pub devices: Vec<Device>,
    /// Flags.
    pub flags: Option<FlowtableFlags>,
    /// (from the kernel) References to it.
    pub uses: Option<u32>,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Flowtable {
    /// What deletes these devices of it, and leaves the flow table.
    pub(crate) fn without_devices(&self) -> FlowtableAttrs {
        let hook = FlowtableHookAttrs { devices: Some(Devices(self.devices.clone())), ..Default::default() };
        let (table, name) = (Some(self.table.clone()), Some(self.name.clone()));
        FlowtableAttrs { table, name, hook: Some(hook), ..Default::default() }
    }
}

impl Item for Flowtable {
    type Attributes = FlowtableAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "flowtable",
        new: MessageKind::NEW_FLOWTABLE,
        get: MessageKind::GET_FLOWTABLE,
        delete: MessageKind::DELETE_FLOWTABLE,
        destroy: MessageKind::DESTROY_FLOWTABLE,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: FlowtableAttrs) -> Result<Self, Malformed> {
        let FlowtableAttrs { table, name, handle, hook, flags, uses, unknown } = attributes;
        let hook = hook.unwrap_or_default();
        Ok(Flowtable {
            family,
            table: table.ok_or(lacks("the table of a flowtable"))?,
            name: name.ok_or(lacks("the name of a flowtable"))?,
            handle,
            priority: hook.priority,
            devices: hook.devices.unwrap_or_default().0,
            flags,
            uses,
            unknown,
        })
    }

    fn attributes(&self) -> FlowtableAttrs {
        let devices = (!self.devices.is_empty()).then(|| Devices(self.devices.clone()));
        let hook = FlowtableHookAttrs {
            number: self.priority.map(|_| 0),
            priority: self.priority,
            devices,
            ..Default::default()
        };
        FlowtableAttrs {
            table: Some(self.table.clone()),
            name: Some(self.name.clone()),
            handle: self.handle,
            hook: Some(hook),
            flags: self.flags,
            uses: self.uses,
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        FlowtableAttrs { handle: None, uses: None, ..self.attributes() }.write_attributes(writer);
    }
}
