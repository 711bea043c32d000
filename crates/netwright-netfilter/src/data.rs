//! Values of registers and set elements, and verdicts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Value, Writer};

netwright_wire::open_enum! {
    /// What a rule says about a packet (`enum nft_verdicts` and `NF_*`).
    pub struct Verdict(i32) {
        #[doc(alias = "NF_DROP")]
        DROP = 0 "drop",
        #[doc(alias = "NF_ACCEPT")]
        ACCEPT = 1 "accept",
        #[doc(alias = "NF_STOLEN")]
        STOLEN = 2 "stolen",
        #[doc(alias = "NF_QUEUE")]
        QUEUE = 3 "queue",
        #[doc(alias = "NF_REPEAT")]
        REPEAT = 4 "repeat",
        #[doc(alias = "NF_STOP")]
        STOP = 5 "stop",
        /// On with the next rule.
        CONTINUE = -1 "continue",
        /// The rule does not match: on with the next rule.
        BREAK = -2 "break",
        /// Into another chain, and back at its end.
        JUMP = -3 "jump",
        /// Into another chain.
        GOTO = -4 "goto",
        /// Back to where the last jump came from.
        RETURN = -5 "return",
    }

    /// What data of a map are (`enum nft_data_types`); other numbers mean what their maker says.
    pub struct DataType(u32) { VALUE = 0 "value", VERDICT = 0xffff_ff00 "verdict" }
}

netwright_wire::attrs! {
    /// A verdict (`enum nft_verdict_attributes`).
    pub struct VerdictAttrs, VerdictView: Big {
        /// The verdict.
        NFTA_VERDICT_CODE = 1 => code: Verdict,
        /// Where it leads.
        NFTA_VERDICT_CHAIN = 2 => chain: String,
        /// Where it leads: the number of a chain made in the same batch.
        NFTA_VERDICT_CHAIN_ID = 3 => chain_id: u32,
    }
}

impl VerdictAttrs {
    /// A verdict that leads into no chain.
    #[must_use]
    pub fn new(code: Verdict) -> Self {
        VerdictAttrs { code: Some(code), ..Default::default() }
    }

    /// A jump or goto into a chain.
    #[must_use]
    pub fn into_chain(code: Verdict, chain: impl Into<String>) -> Self {
        VerdictAttrs { code: Some(code), chain: Some(chain.into()), ..Default::default() }
    }
}

/// Bytes of a register or of an element, at most 64 (`NFT_DATA_VALUE_MAXLEN`). Those that most have, up to an IPv6 address
/// with a port, are kept without an allocation.
#[derive(Clone)]
pub struct DataValue(Repr);

#[derive(Clone)]
enum Repr {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

/// As many as make no value larger than the text or bytes that may stand in its place.
const SHORT: usize = 22;

/// Rules and sets have many of them.
const _: () = assert!(size_of::<DataValue>() == 24 && size_of::<Data>() <= 32);

/// More bytes than registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLongForRegisters(pub usize);

impl fmt::Display for TooLongForRegisters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {} bytes does not fit: registers hold {}", self.0, DataValue::MAXIMUM)
    }
}

impl std::error::Error for TooLongForRegisters {}

impl DataValue {
    /// The most bytes there can be.
    pub const MAXIMUM: usize = 64;

    /// These bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, TooLongForRegisters> {
        let mut value = DataValue::default();
        value.extend(bytes)?;
        Ok(value)
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLongForRegisters> {
        let start = self.len();
        let end = start.saturating_add(bytes.len());
        if end > Self::MAXIMUM {
            return Err(TooLongForRegisters(end));
        }
        if let Repr::Short { length, bytes: own } = &mut self.0
            && let Some(place) = own.get_mut(start..end)
        {
            place.copy_from_slice(bytes);
            *length = end as u8;
        } else {
            self.0 = Repr::Long([&**self, bytes].concat().into());
        }
        Ok(())
    }

    /// Appends one part of a concatenation: the bytes, filled up with zeros to a multiple of four.
    pub fn extend_part(&mut self, bytes: &[u8]) -> Result<(), TooLongForRegisters> {
        self.extend(bytes)?;
        self.extend(&[0; 3][..bytes.len().wrapping_neg() % 4])
    }
}

impl Default for DataValue {
    fn default() -> Self {
        DataValue(Repr::Short { length: 0, bytes: [0; SHORT] })
    }
}

impl Deref for DataValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Repr::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for DataValue {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for DataValue {}

impl std::hash::Hash for DataValue {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for DataValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> From<[u8; N]> for DataValue {
    fn from(bytes: [u8; N]) -> Self {
        const { assert!(N <= DataValue::MAXIMUM) };
        let mut short = [0; SHORT];
        match short.get_mut(..N) {
            Some(place) => {
                place.copy_from_slice(&bytes);
                DataValue(Repr::Short { length: N as u8, bytes: short })
            }
            None => DataValue(Repr::Long(bytes.into())),
        }
    }
}

impl From<Ipv4Addr> for DataValue {
    fn from(address: Ipv4Addr) -> Self {
        address.octets().into()
    }
}

impl From<Ipv6Addr> for DataValue {
    fn from(address: Ipv6Addr) -> Self {
        address.octets().into()
    }
}

impl From<IpAddr> for DataValue {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

impl TryFrom<&[u8]> for DataValue {
    type Error = TooLongForRegisters;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLongForRegisters> {
        DataValue::new(bytes)
    }
}

impl Value for DataValue {
    type View<'a> = &'a [u8];

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        DataValue::new(view)
            .map_err(|_| Malformed::new("a value of at most 64 bytes", Self::MAXIMUM, view.len()))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(self);
    }
}

/// What an expression compares or loads, or what a map leads to (`enum nft_data_attributes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Bytes (`NFTA_DATA_VALUE`).
    Value(DataValue),
    /// A verdict (`NFTA_DATA_VERDICT`).
    Verdict(Box<VerdictAttrs>),
    /// Something newer, byte for byte: the attributes of the nest.
    Unknown(Vec<u8>),
}

impl Data {
    pub(crate) const VALUE: u16 = 1;
    const VERDICT: u16 = 2;

    /// The bytes, where it is bytes.
    #[must_use]
    pub fn value(&self) -> Option<&DataValue> {
        match self {
            Data::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The verdict, where it is one.
    #[must_use]
    pub fn verdict(&self) -> Option<&VerdictAttrs> {
        match self {
            Data::Verdict(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// The bytes in the payload of such an attribute, in place.
    pub fn value_in(payload: &[u8]) -> Result<Option<&[u8]>, Malformed> {
        Ok(Attributes::new(payload).find(Self::VALUE)?.map(|attribute| attribute.payload))
    }

    /// As [`Data::value_in`], where there is nothing else: then it is a [`Data::Value`].
    pub(crate) fn value_alone(payload: &[u8]) -> Result<Option<&[u8]>, Malformed> {
        let mut attributes = Attributes::new(payload);
        let first = attributes.next().transpose()?;
        let alone = first.filter(|only| only.kind == Self::VALUE && only.payload.len() <= DataValue::MAXIMUM);
        Ok(alone.filter(|_| attributes.next().is_none()).map(|only| only.payload))
    }
}

impl Value for Data {
    type View<'a> = &'a [u8];
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        let mut attributes = Attributes::new(view);
        let first = attributes.next().transpose()?;
        Ok(match (first, attributes.next()) {
            (Some(only), None) if only.kind == Self::VALUE && only.payload.len() <= DataValue::MAXIMUM => {
                Data::Value(DataValue::own(only.payload)?)
            }
            (Some(only), None) if only.kind == Self::VERDICT => {
                Data::Verdict(Box::new(VerdictAttrs::read::<Big>(only.payload)?))
            }
            _ => Data::Unknown(view.to_vec()),
        })
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        match self {
            Data::Value(value) => writer.bytes_attribute(Self::VALUE, value),
            Data::Verdict(verdict) => writer.attribute::<Big, VerdictAttrs>(Self::VERDICT, verdict),
            Data::Unknown(bytes) => writer.push(bytes),
        }
    }
}

impl<T: Into<DataValue>> From<T> for Data {
    fn from(value: T) -> Self {
        Data::Value(value.into())
    }
}

impl From<VerdictAttrs> for Data {
    fn from(verdict: VerdictAttrs) -> Self {
        Data::Verdict(Box::new(verdict))
    }
}

impl From<Verdict> for Data {
    fn from(code: Verdict) -> Self {
        VerdictAttrs::new(code).into()
    }
}
