//! Objects: state and parameters with a name, which rules and maps refer to.

mod kinds;
mod tunnel;

use netwright_wire::{ByteOrder, Malformed, Unknown, Value, Writer};

pub use kinds::{
    CtExpectationAttrs, CtExpectationView, CtHelperAttrs, CtHelperView, CtTimeoutAttrs, CtTimeoutView,
    NativeU32, SecmarkAttrs, SecmarkView, Timeouts,
};
pub use tunnel::{
    ErspanOptionAttrs, ErspanOptionView, GeneveOptionAttrs, GeneveOptionView, TunnelFlags, TunnelIpv4Attrs,
    TunnelIpv4View, TunnelIpv6Attrs, TunnelIpv6View, TunnelKeyAttrs, TunnelKeyView, TunnelOption,
    TunnelOptions, VxlanOptionAttrs, VxlanOptionView,
};

use crate::expression::{
    ConnectionLimitAttrs, CounterAttrs, LimitAttrs, ObjectKind, QuotaAttrs, SynProxyAttrs,
};
use crate::item::lacks;
use crate::{Family, Item, ItemKinds, MessageKind, Userdata};

netwright_wire::attrs! {
    /// Attributes of an object (`enum nft_object_attributes`).
    pub struct ObjectAttrs, ObjectView: Big {
        NFTA_OBJ_TABLE = 1 => table: String,
        NFTA_OBJ_NAME = 2 => name: String,
        NFTA_OBJ_HANDLE = 6 => handle: u64,
        NFTA_OBJ_TYPE = 3 => kind: ObjectKind,
        NFTA_OBJ_USERDATA = 8 => userdata: Userdata,
        /// What it is made of, by its kind.
        NFTA_OBJ_DATA = 4 => data: Nest,
        /// References to it.
        NFTA_OBJ_USE = 5 => uses: u32,
    }
}

/// The attributes of a nest whose meaning another attribute says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nest(pub Vec<u8>);

impl Value for Nest {
    type View<'a> = &'a [u8];
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        Ok(Nest(view.to_vec()))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&self.0);
    }
}

macro_rules! object_data {
    ($( $(#[$meta:meta])* $kind:ident => $variant:ident($type:ty) ),* $(,)?) => {
        /// What an object is made of.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ObjectData {
            $( $(#[$meta])* $variant($type), )*
            /// A kind that is newer than this crate, with its attributes byte for byte.
            Unknown {
                /// The kind.
                kind: ObjectKind,
                /// Its attributes.
                data: Vec<u8>,
            },
        }

        impl ObjectData {
            /// The object's kind.
            #[must_use]
            pub fn kind(&self) -> ObjectKind {
                match self {
                    $( ObjectData::$variant(_) => ObjectKind::$kind, )*
                    ObjectData::Unknown { kind, .. } => *kind,
                }
            }

            /// Reads the attributes that belong to a kind.
            pub fn read(kind: ObjectKind, bytes: &[u8]) -> Result<Self, Malformed> {
                match kind {
                    $( ObjectKind::$kind => <$type>::read_attributes(bytes).map(ObjectData::$variant), )*
                    _ => Ok(ObjectData::Unknown { kind, data: bytes.to_vec() }),
                }
            }

            /// Writes the attributes.
            pub fn write(&self, writer: &mut Writer) {
                match self {
                    $( ObjectData::$variant(attrs) => attrs.write_attributes(writer), )*
                    ObjectData::Unknown { data, .. } => writer.push(data),
                }
            }
        }
    };
}

object_data! {
    /// Counts packets and bytes.
    COUNTER => Counter(CounterAttrs),
    /// So many bytes.
    QUOTA => Quota(QuotaAttrs),
    /// Follows a protocol that opens further connections.
    CT_HELPER => CtHelper(CtHelperAttrs),
    /// A rate.
    LIMIT => Limit(LimitAttrs),
    /// So many connections.
    CONNECTION_LIMIT => ConnectionLimit(ConnectionLimitAttrs),
    /// Metadata of a tunnel.
    TUNNEL => Tunnel(TunnelKeyAttrs),
    /// When idle connections end.
    CT_TIMEOUT => CtTimeout(CtTimeoutAttrs),
    /// A security context.
    SECMARK => Secmark(SecmarkAttrs),
    /// A connection that will come.
    CT_EXPECTATION => CtExpectation(CtExpectationAttrs),
    /// Answers connection requests before the server sees them.
    SYNPROXY => SynProxy(SynProxyAttrs),
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Name, unique among objects of its kind.
    pub name: String,
    /// Number that the kernel gave it.
    pub handle: Option<u64>,
    /// What it is made of.
    pub data: ObjectData,
    /// (from the kernel) References to it.
    pub uses: Option<u32>,
    /// What tools left.
    pub userdata: Userdata,
    /// Attributes that are newer than this crate.
    pub unknown: Unknown,
}

impl Object {
    /// An object.
    #[must_use]
    pub fn new(family: Family, table: impl Into<String>, name: impl Into<String>, data: ObjectData) -> Self {
        let (table, name) = (table.into(), name.into());
        let (handle, uses, userdata, unknown) = (None, None, Userdata::new(), Unknown::default());
        Object { family, table, name, handle, data, uses, userdata, unknown }
    }
}

impl Item for Object {
    type Attributes = ObjectAttrs;
    const KINDS: ItemKinds = ItemKinds {
        noun: "object",
        new: MessageKind::NEW_OBJECT,
        get: MessageKind::GET_OBJECT,
        delete: MessageKind::DELETE_OBJECT,
        destroy: MessageKind::DESTROY_OBJECT,
    };

    fn family(&self) -> Family {
        self.family
    }

    fn handle(&self) -> Option<u64> {
        self.handle
    }

    fn from_attributes(family: Family, attributes: ObjectAttrs) -> Result<Self, Malformed> {
        let ObjectAttrs { table, name, handle, kind, userdata, data, uses, unknown } = attributes;
        let kind = kind.ok_or(lacks("the kind of an object"))?;
        Ok(Object {
            family,
            table: table.ok_or(lacks("the table of an object"))?,
            name: name.ok_or(lacks("the name of an object"))?,
            handle,
            data: ObjectData::read(kind, &data.unwrap_or_default().0)?,
            uses,
            userdata: userdata.unwrap_or_default(),
            unknown,
        })
    }

    fn attributes(&self) -> ObjectAttrs {
        let mut data = Writer::new();
        self.data.write(&mut data);
        ObjectAttrs {
            table: Some(self.table.clone()),
            name: Some(self.name.clone()),
            handle: self.handle,
            kind: Some(self.data.kind()),
            userdata: self.userdata.some(),
            data: Some(Nest(data.bytes().to_vec())),
            uses: self.uses,
            unknown: self.unknown.clone(),
        }
    }

    fn write_definition(&self, writer: &mut Writer) {
        ObjectAttrs { handle: None, uses: None, ..self.attributes() }.write_attributes(writer);
    }
}
