//! Tables.

use netwright_wire::{Malformed, Unknown, Writer};

use crate::item::lacks;
use crate::{Family, Item, ItemKinds, MessageKind, Userdata};

netwright_wire::open_flags! {
    /// Flags of a table (`enum nft_table_flags`).
    pub struct TableFlags(u32) {
        /// Its chains see no packets.
        DORMANT = 1,
        /// Only its owner may change it, and it ends with the owner's socket.
        OWNER = 2,
        /// It outlives its owner's socket.
        PERSIST = 4,
    }
}

netwright_wire::attrs! {
    /// Attributes of a table (`enum nft_table_attributes`).
    pub struct TableAttrs, TableView: Big {
        NFTA_TABLE_NAME = 1 => name: String,
        NFTA_TABLE_FLAGS = 2 => flags: TableFlags,
        /// Chains, sets, objects and flow tables in it.
        NFTA_TABLE_USE = 3 => uses: u32,
        NFTA_TABLE_HANDLE = 4 => handle: u64,
        NFTA_TABLE_USERDATA = 6 => userdata: Userdata,
        /// Netlink port of the owner.
        NFTA_TABLE_OWNER = 7 => owner: u32,
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Whose packets it sees.
    pub family: Family,
    /// Name.
    pub name: String,
    /// Flags.
    pub flags: Option<TableFlags>,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// (from the kernel) Chains, sets, objects and flow tables in it.
    pub uses: Option<u32>,
    /// (from the kernel) Netlink port of the owner.
    pub owner: Option<u32>,
    /// What tools left.
    pub userdata: Userdata,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Table {
    /// A table.
    #[must_use]
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        Table { family, name: name.into(), ..Default::default() }
    }
}

impl Item for Table {
    type Attributes = TableAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "table",
        new: MessageKind::NEW_TABLE,
        get: MessageKind::GET_TABLE,
        delete: MessageKind::DELETE_TABLE,
        destroy: MessageKind::DESTROY_TABLE,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: TableAttrs) -> Result<Self, Malformed> {
        let TableAttrs { name, flags, uses, handle, userdata, owner, unknown } = attributes;
        let name = name.ok_or(lacks("the name of a table"))?;
        Ok(Table {
            family,
            name,
            flags,
            handle,
            uses,
            owner,
            userdata: userdata.unwrap_or_default(),
            unknown,
        })
    }

    fn attributes(&self) -> TableAttrs {
        TableAttrs {
            name: Some(self.name.clone()),
            flags: self.flags,
            uses: self.uses,
            handle: self.handle,
            userdata: self.userdata.some(),
            owner: self.owner,
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        TableAttrs { uses: None, handle: None, owner: None, ..self.attributes() }.write_attributes(writer);
    }
}
