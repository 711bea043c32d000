//! Sets and maps.

use netwright_wire::{ListItem, Malformed, Unknown, Writer};

use crate::expression::{Carried, ObjectKind};
use crate::item::lacks;
use crate::{Expression, Family, Item, ItemKinds, MessageKind, Userdata};

netwright_wire::open_flags! {
    /// Flags of a set (`enum nft_set_flags`).
    pub struct SetFlags(u32) {
        /// It belongs to a rule, and ends with it.
        ANONYMOUS = 0x01,
        /// It does not change while it is in use.
        CONSTANT = 0x02,
        /// It has ranges.
        INTERVAL = 0x04,
        /// It is a map.
        MAP = 0x08,
        /// Its elements may end by themselves.
        TIMEOUT = 0x10,
        /// Rules add to it.
        EVAL = 0x20,
        /// It leads to objects.
        OBJECT = 0x40,
        /// Its key has several parts.
        CONCAT = 0x80,
        /// Its elements carry expressions.
        #[doc(alias = "NFT_SET_EXPR")]
        EXPRESSIONS = 0x100,
    }
}

netwright_wire::open_enum! {
    /// What the kernel chooses a set's implementation for (`enum nft_set_policies`).
    pub struct SetPolicy(u32) { PERFORMANCE = 0 "performance", MEMORY = 1 "memory" }
}

netwright_wire::attrs! {
    /// One part of a key (`enum nft_set_field_attributes`).
    pub struct SetFieldAttrs, SetFieldView: Big {
        /// Bytes, before they are filled up to a multiple of four.
        NFTA_SET_FIELD_LEN = 1 => length: u32,
    }

    /// Size and parts of a set (`enum nft_set_desc_attributes`).
    pub struct SetDescriptionAttrs, SetDescriptionView: Big {
        /// The most elements that it may have.
        NFTA_SET_DESC_SIZE = 1 => size: u32,
        /// The parts of its key.
        NFTA_SET_DESC_CONCAT = 2 => fields: Vec<SetFieldAttrs>,
    }

    /// Attributes of a set (`enum nft_set_attributes`).
    pub struct SetAttrs, SetView: Big {
        NFTA_SET_TABLE = 1 => table: String,
        NFTA_SET_NAME = 2 => name: String,
        NFTA_SET_HANDLE = 16 => handle: u64,
        NFTA_SET_FLAGS = 3 => flags: SetFlags,
        /// What its keys are, as its maker numbers types.
        NFTA_SET_KEY_TYPE = 4 => key_type: u32,
        /// Bytes.
        NFTA_SET_KEY_LEN = 5 => key_length: u32,
        /// What its data are, as its maker numbers types, or a [`DataType`](crate::DataType).
        NFTA_SET_DATA_TYPE = 6 => data_type: u32,
        /// Bytes.
        NFTA_SET_DATA_LEN = 7 => data_length: u32,
        NFTA_SET_OBJ_TYPE = 15 => object_kind: ObjectKind,
        /// Number within a batch, for elements and rules of the same batch.
        NFTA_SET_ID = 10 => id: u32,
        NFTA_SET_POLICY = 8 => policy: SetPolicy,
        NFTA_SET_DESC = 9 => description: SetDescriptionAttrs,
        /// Milliseconds.
        NFTA_SET_TIMEOUT = 11 => timeout: u64,
        /// Milliseconds.
        NFTA_SET_GC_INTERVAL = 12 => collection_interval: u32,
        NFTA_SET_USERDATA = 13 => userdata: Userdata,
        /// What every element carries, where that is one expression.
        NFTA_SET_EXPR = 17 => expression: Expression,
        /// What every element carries, where that is several.
        NFTA_SET_EXPRESSIONS = 18 => expressions: Carried,
        /// Name of the implementation.
        NFTA_SET_TYPE = 19 => implementation: String,
        /// Elements.
        NFTA_SET_COUNT = 20 => count: u32,
    }
}

impl ListItem for SetFieldAttrs {
    const KIND: u16 = 1;
}

/// A set or map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Name; of an anonymous one a pattern with `%d`, such as `__set%d`, in which the kernel puts a number.
    pub name: String,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// Number within a batch, from [`Batch::allocate_id`](crate::Batch::allocate_id), for elements and rules of the same
    /// batch. They find a set with a name of its own by that as well.
    pub id: Option<u32>,
    /// Flags.
    pub flags: SetFlags,
    /// What its keys are, as its maker numbers types.
    pub key_type: Option<u32>,
    /// Bytes of a key.
    pub key_length: u32,
    /// What its data are, as its maker numbers types, or a [`DataType`](crate::DataType).
    pub data_type: Option<u32>,
    /// Bytes of the data.
    pub data_length: Option<u32>,
    /// What objects it leads to.
    pub object_kind: Option<ObjectKind>,
    /// What the kernel chooses its implementation for.
    pub policy: Option<SetPolicy>,
    /// Size, and the parts of its key.
    pub description: SetDescriptionAttrs,
    /// How long elements stay, in milliseconds.
    pub timeout: Option<u64>,
    /// How often ended elements are collected, in milliseconds.
    pub collection_interval: Option<u32>,
    /// What every element carries.
    pub expressions: Vec<Expression>,
    /// What tools left.
    pub userdata: Userdata,
    /// (from the kernel) Name of the implementation.
    pub implementation: Option<String>,
    /// (from the kernel) How many elements it has.
    pub count: Option<u32>,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Set {
    /// A set of keys of so many bytes.
    #[must_use]
    pub fn new(family: Family, table: impl Into<String>, name: impl Into<String>, key_length: u32) -> Self {
        Set { family, table: table.into(), name: name.into(), key_length, ..Default::default() }
    }

    /// The most elements that it may have.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        self.description.size
    }

    /// The parts of its key in bytes, before they are filled up to multiples of four; none for a key of one part.
    pub fn field_lengths(&self) -> impl Iterator<Item = u32> {
        self.description.fields.iter().flatten().filter_map(|field| field.length)
    }

    /// Sets the parts of its key.
    pub fn set_field_lengths(&mut self, lengths: impl IntoIterator<Item = u32>) {
        let field = |length| SetFieldAttrs { length: Some(length), ..Default::default() };
        self.description.fields = Some(lengths.into_iter().map(field).collect());
    }
}

impl Item for Set {
    type Attributes = SetAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "set",
        new: MessageKind::NEW_SET,
        get: MessageKind::GET_SET,
        delete: MessageKind::DELETE_SET,
        destroy: MessageKind::DESTROY_SET,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: SetAttrs) -> Result<Self, Malformed> {
        Ok(Set {
            family,
            table: attributes.table.ok_or(lacks("the table of a set"))?,
            name: attributes.name.ok_or(lacks("the name of a set"))?,
            handle: attributes.handle,
            id: attributes.id,
            flags: attributes.flags.unwrap_or_default(),
            key_type: attributes.key_type,
            key_length: attributes.key_length.ok_or(lacks("the key length of a set"))?,
            data_type: attributes.data_type,
            data_length: attributes.data_length,
            object_kind: attributes.object_kind,
            policy: attributes.policy,
            description: attributes.description.unwrap_or_default(),
            timeout: attributes.timeout,
            collection_interval: attributes.collection_interval,
            expressions: join(attributes.expression, attributes.expressions),
            userdata: attributes.userdata.unwrap_or_default(),
            implementation: attributes.implementation,
            count: attributes.count,
            unknown: attributes.unknown,
        })
    }

    fn attributes(&self) -> SetAttrs {
        let (expression, expressions) = split(&self.expressions);
        SetAttrs {
            table: Some(self.table.clone()),
            name: Some(self.name.clone()),
            handle: self.handle,
            flags: Some(self.flags),
            key_type: self.key_type,
            key_length: Some(self.key_length),
            data_type: self.data_type,
            data_length: self.data_length,
            object_kind: self.object_kind,
            id: self.id,
            policy: self.policy,
            description: (self.description != SetDescriptionAttrs::default())
                .then(|| self.description.clone()),
            timeout: self.timeout,
            collection_interval: self.collection_interval,
            userdata: self.userdata.some(),
            expression,
            expressions,
            implementation: self.implementation.clone(),
            count: self.count,
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        // The kernel wants a number even where nothing refers to the set by it.
        let id = Some(self.id.unwrap_or(0));
        SetAttrs { handle: None, id, implementation: None, count: None, ..self.attributes() }
            .write_attributes(writer);
    }
}

/// One expression has an attribute of its own, several are a list.
pub(crate) fn join(one: Option<Expression>, several: Option<Carried>) -> Vec<Expression> {
    one.into_iter().chain(several.into_iter().flat_map(|carried| carried.0)).collect()
}

/// The inverse of [`join`].
pub(crate) fn split(expressions: &[Expression]) -> (Option<Expression>, Option<Carried>) {
    match expressions {
        [] => (None, None),
        [one] => (Some(one.clone()), None),
        several => (None, Some(Carried(several.to_vec()))),
    }
}
