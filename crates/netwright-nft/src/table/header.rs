//! Protocol headers and their fields.

use super::datatype::{ByteOrder, DataType};

mod extension;
mod id;
mod rows;

pub use extension::{EXTENSIONS, Extension, ExtensionBase};
pub use id::HeaderId;
pub use rows::HEADERS;

/// Where a payload expression starts to count (`NFT_PAYLOAD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadBase(pub u32);

impl PayloadBase {
    /// Link layer, raw payload `@ll`.
    #[doc(alias = "NFT_PAYLOAD_LL_HEADER")]
    pub const LINK: PayloadBase = PayloadBase(0);
    /// Network layer, raw payload `@nh`.
    #[doc(alias = "NFT_PAYLOAD_NETWORK_HEADER")]
    pub const NETWORK: PayloadBase = PayloadBase(1);
    /// Transport layer, raw payload `@th`.
    #[doc(alias = "NFT_PAYLOAD_TRANSPORT_HEADER")]
    pub const TRANSPORT: PayloadBase = PayloadBase(2);
    /// What follows the transport header, raw payload `@ih`.
    #[doc(alias = "NFT_PAYLOAD_INNER_HEADER")]
    pub const INNER: PayloadBase = PayloadBase(3);
    /// The tunnel header inside an `inner` expression.
    #[doc(alias = "NFT_PAYLOAD_TUN_HEADER")]
    pub const TUNNEL: PayloadBase = PayloadBase(4);

    /// The name of the base in a raw payload expression.
    #[must_use]
    pub const fn raw_name(self) -> Option<&'static str> {
        Some(match self {
            PayloadBase::LINK => "ll",
            PayloadBase::NETWORK => "nh",
            PayloadBase::TRANSPORT => "th",
            PayloadBase::INNER => "ih",
            _ => return None,
        })
    }

    /// The base of a raw payload expression by its name.
    #[must_use]
    pub fn by_raw_name(name: &str) -> Option<PayloadBase> {
        (0..=3).map(PayloadBase).find(|base| base.raw_name() == Some(name))
    }
}

/// A protocol header, extension header, option or chunk.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Which.
    pub id: HeaderId,
    /// The name as written.
    pub name: &'static str,
    /// The number in the `typeof` note of a set's userdata; extension headers and options count apart.
    pub userdata_number: u32,
    /// Where its fields count from. For [`HeaderId::Vlan`] the offsets count from the start of the tag's own 4 bytes
    /// behind the EtherType, so the Ethernet header (112 bits) comes before them.
    pub base: PayloadBase,
    /// The fields, in the order of their number.
    pub fields: &'static [Field],
    /// EtherTypes that announce it, the usual one first.
    pub ether_types: &'static [u16],
    /// The `NFPROTO_*` number that stands for it.
    pub nfproto: Option<u8>,
    /// The IP protocol number that announces it.
    pub ip_protocol: Option<u8>,
    /// The name of the field that tells the protocol above, with the numbers' meaning in [`Header::above`].
    pub protocol_field: Option<&'static str>,
    /// The kind of number in `protocol_field`.
    pub above: Above,
    /// How a payload statement that writes this header repairs the checksum.
    pub checksum: Checksum,
    /// For a tunnel: what the `inner` expression needs.
    pub tunnel: Option<Tunnel>,
    /// For an extension header, option or chunk: how it is found. Its fields then count from its own start.
    pub extension: Option<Extension>,
}

/// Headers are rows of one static table.
impl PartialEq for Header {
    fn eq(&self, other: &Header) -> bool {
        self.id == other.id
    }
}

impl Eq for Header {}

/// What the numbers in a header's protocol field mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Above {
    /// There is no such field.
    #[default]
    Nothing,
    /// EtherTypes.
    EtherType,
    /// IP protocol numbers.
    IpProtocol,
}

/// The attributes of a payload statement that keep a checksum right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// `NFTA_PAYLOAD_CSUM_TYPE`: 0 none, 1 internet checksum, 2 SCTP's CRC32c.
    pub kind: u32,
    /// `NFTA_PAYLOAD_CSUM_OFFSET` in bytes from the base.
    pub offset: u32,
    /// Whether the kernel is asked to find and repair the transport checksum whatever field is written
    /// (`NFT_PAYLOAD_L4CSUM_PSEUDOHDR`).
    pub pseudo_header: bool,
}

/// What the `inner` expression of a tunnel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `NFTA_INNER_TYPE`.
    pub kind: u32,
    /// `NFTA_INNER_HDRSIZE` in bytes.
    pub header_bytes: u32,
    /// `NFTA_INNER_FLAGS`.
    pub flags: u32,
    /// Whether the inner packet starts with an Ethernet header.
    pub ethernet: bool,
    /// Whether the tunnel's own fields are read with `inner` too (base [`PayloadBase::TUNNEL`]).
    pub own_fields_inside: bool,
}

/// One field of a header.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The header it belongs to.
    pub header: HeaderId,
    /// Its number in the `typeof` note of a set's userdata.
    pub number: u32,
    /// The name as listed, `saddr ether` for the ARP fields of two words.
    pub name: &'static str,
    /// Other spellings that are read.
    pub aliases: &'static [&'static str],
    /// Offset in bits from the header's base.
    pub offset: u32,
    /// Width in bits.
    pub bits: u32,
    /// Type of the value.
    pub data_type: DataType,
    /// Byte order of the value.
    pub order: ByteOrder,
    /// For fields of ICMP and ICMPv6 that exist only in messages of some types: those types.
    pub only_types: &'static [u8],
    /// Whether writing it changes the pseudo header of the transport checksum.
    pub in_pseudo_header: bool,
}

/// Fields are rows of static tables.
impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.header == other.header && self.number == other.number
    }
}

impl Eq for Field {}

impl std::hash::Hash for Field {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.header, self.number).hash(state);
    }
}

impl Field {
    /// The base to load from.
    #[must_use]
    pub fn base(&self) -> PayloadBase {
        self.header.header().base
    }

    /// Whether the field starts or ends within a byte and so needs a mask.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        !self.offset.is_multiple_of(8) || !self.bits.is_multiple_of(8)
    }

    /// Whether `name` is this field's name or one of its other spellings.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The checksum attributes of a payload statement that writes this field.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        let checksum = self.header.header().checksum;
        Checksum { pseudo_header: checksum.pseudo_header || self.in_pseudo_header, ..checksum }
    }
}

impl Header {
    /// The field with this name. The blocks of the selective acknowledgement share the option's kind and length, so
    /// those fields belong to [`HeaderId::TcpSack`] whichever block they were written with.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let field = self.fields.iter().find(|field| field.is_called(name));
        let sack = matches!(self.id, HeaderId::TcpSack1 | HeaderId::TcpSack2 | HeaderId::TcpSack3);
        if sack && field.is_none() { HeaderId::TcpSack.header().field(name) } else { field }
    }

    /// The field with this number in the `typeof` note of a set's userdata.
    #[must_use]
    pub fn field_by_number(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    /// The field that covers exactly these bits. Where two have the same place (ICMP) the first whose
    /// [`Field::only_types`] holds `message_type`, or that needs none, is taken.
    #[must_use]
    pub fn field_at(&self, offset: u32, bits: u32, message_type: Option<u8>) -> Option<&'static Field> {
        self.fields.iter().find(|field| {
            field.offset == offset
                && field.bits == bits
                && (field.only_types.is_empty()
                    || message_type.is_some_and(|t| field.only_types.contains(&t)))
        })
    }

    /// The field that tells the protocol above.
    #[must_use]
    pub fn protocol_key(&self) -> Option<&'static Field> {
        self.field(self.protocol_field?)
    }

    /// The header that a number in the protocol field announces.
    #[must_use]
    pub fn next(&self, number: u32) -> Option<HeaderId> {
        match self.above {
            Above::Nothing => None,
            Above::EtherType => HeaderId::by_ether_type(u16::try_from(number).ok()?),
            Above::IpProtocol => HeaderId::by_ip_protocol(u8::try_from(number).ok()?),
        }
    }
}

#[cfg(test)]
mod tests;
