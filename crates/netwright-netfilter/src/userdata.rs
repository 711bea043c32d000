//! What tools leave for themselves beside an object: entries of a type, a length and a value, one byte each for the
//! first two. The kernel keeps them as they are.

use std::fmt;

use netwright_wire::{ByteOrder, Malformed, Value, Writer};

/// Userdata of a table, chain, rule, set, element or object, as the bytes of its entries.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Userdata(pub Vec<u8>);

/// Types of entries that `nft` uses. What a number means depends on what the userdata belong to.
pub mod entry {
    /// (table, chain, rule, element, object, flow table) Comment, with a NUL behind it.
    pub const COMMENT: u8 = 0;
    /// (table) Version of the `nft` that made it.
    pub const TABLE_VERSION: u8 = 1;
    /// (table) Build of the `nft` that made it.
    pub const TABLE_BUILD: u8 = 2;
    /// (element) Flags, four bytes in the machine's order: 1 where the interval has no end.
    pub const ELEMENT_FLAGS: u8 = 1;
    /// (set) [`KeyOrder`](super::KeyOrder) of the key, four bytes.
    pub const SET_KEY_ORDER: u8 = 0;
    /// (set) [`KeyOrder`](super::KeyOrder) of the data, four bytes.
    pub const SET_DATA_ORDER: u8 = 1;
    /// (set) Whether neighbouring intervals are merged, four bytes.
    pub const SET_AUTO_MERGE: u8 = 2;
    /// (set) The expression that the key's type comes from: a [`TypeOf`](super::TypeOf).
    pub const SET_KEY_TYPEOF: u8 = 3;
    /// (set) The expression that the data's type comes from: a [`TypeOf`](super::TypeOf).
    pub const SET_DATA_TYPEOF: u8 = 4;
    /// (set) Expression.
    pub const SET_EXPRESSION: u8 = 5;
    /// (set) Whether the data are intervals, four bytes.
    pub const SET_DATA_INTERVAL: u8 = 6;
    /// (set) Comment, with a NUL behind it.
    pub const SET_COMMENT: u8 = 7;
}

netwright_wire::open_enum! {
    /// In which order the bytes of a set's keys or data lie, as `nft` notes it down.
    pub struct KeyOrder(u32) {
        /// It has none, or its parts have different ones.
        NONE = 0 "none",
        /// The machine's.
        HOST = 1 "host",
        /// Most significant byte first.
        NETWORK = 2 "network",
    }

    /// Kinds of expressions in a [`TypeOf`], by the numbers that `nft` gives them.
    pub struct TypeOfKind(u32) {
        /// A named type, without more.
        NAMED = 4 "type",
        /// A field of a packet: 0 is the protocol's number, 1 the field's, 2 the base, 3 the offset, 4 the length in bits, 5 the
        /// tunnel's protocol, each where it is not as usual.
        PAYLOAD = 7 "payload",
        /// An extension header or option: 0 is its number, 1 the field's, 2 the kind of header.
        EXTENSION_HEADER = 8 "exthdr",
        /// 0 is the key.
        META = 9 "meta",
        /// 0 is the key.
        SOCKET = 10 "socket",
        FINGERPRINT = 11 "osf",
        /// 0 is the key, 1 the direction or `u32::MAX`.
        CT = 12 "ct",
        /// Several of them, numbered from 0.
        CONCATENATION = 13 "concat",
        /// 0 is the kind, 1 the modulus, 2 the offset.
        NUMBER_GENERATOR = 23 "numgen",
        /// 0 is the kind, 2 the modulus.
        HASH = 24 "hash",
        /// 0 is the key.
        ROUTE = 25 "rt",
        /// 0 is the result, 1 the flags.
        FIB = 27 "fib",
        /// 0 is the key, 1 the direction, 2 the number.
        XFRM = 28 "xfrm",
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The value as a text up to a NUL.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        let end = self.value.iter().position(|&byte| byte == 0).unwrap_or(self.value.len());
        std::str::from_utf8(self.value.get(..end)?).ok()
    }

    /// The value as a text up to a NUL, whatever bytes it has.
    #[must_use]
    pub fn any_text(self) -> String {
        let end = self.value.iter().position(|&byte| byte == 0).unwrap_or(self.value.len());
        netwright_wire::text::from_bytes(self.value.get(..end).unwrap_or_default()).into_owned()
    }

    /// The value as a number of four bytes in the machine's order.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        self.value.try_into().ok().map(u32::from_ne_bytes)
    }
}

/// A walk over entries; ends where the bytes no longer have their form.
#[derive(Clone, Debug)]
pub struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Walks these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Entries(bytes)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (&[kind, length], rest) = self.0.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(Entry { kind, value })
    }
}

/// More than fits into userdata: 255 bytes in an entry, 256 in all (`NFT_USERDATA_MAXLEN`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserdataTooLong(pub usize);

impl fmt::Display for UserdataTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "userdata of {} bytes do not fit: the kernel keeps 256, in entries of 255 at the most",
            self.0
        )
    }
}

impl std::error::Error for UserdataTooLong {}

impl Userdata {
    /// The most bytes that the kernel keeps.
    pub const MAXIMUM: usize = 256;

    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Userdata::default()
    }

    /// A comment, for anything but a set.
    pub fn comment(text: &str) -> Result<Self, UserdataTooLong> {
        let mut userdata = Userdata::new();
        userdata.push_text(entry::COMMENT, text)?;
        Ok(userdata)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(&self.0)
    }

    /// The first entry of a kind.
    #[must_use]
    pub fn find(&self, kind: u8) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.kind == kind)
    }

    /// The text of the first entry of a kind.
    #[must_use]
    pub fn text(&self, kind: u8) -> Option<&str> {
        self.find(kind)?.text()
    }

    /// The text of the first entry of a kind, whatever bytes it has.
    #[must_use]
    pub fn any_text(&self, kind: u8) -> Option<String> {
        self.find(kind).map(Entry::any_text)
    }

    /// The number in the first entry of a kind.
    #[must_use]
    pub fn number(&self, kind: u8) -> Option<u32> {
        self.find(kind)?.number()
    }

    /// The expression in the first entry of a kind.
    #[must_use]
    pub fn type_of(&self, kind: u8) -> Option<TypeOf> {
        TypeOf::read(self.find(kind)?.value)
    }

    /// Appends an entry.
    pub fn push(&mut self, kind: u8, value: &[u8]) -> Result<(), UserdataTooLong> {
        let all = self.0.len() + 2 + value.len();
        let length = u8::try_from(value.len()).map_err(|_| UserdataTooLong(all))?;
        if all > Self::MAXIMUM {
            return Err(UserdataTooLong(all));
        }
        self.0.extend_from_slice(&[kind, length]);
        self.0.extend_from_slice(value);
        Ok(())
    }

    /// Appends a text with a NUL behind it.
    pub fn push_text(&mut self, kind: u8, text: &str) -> Result<(), UserdataTooLong> {
        let mut bytes = netwright_wire::text::to_bytes(text).into_owned();
        bytes.push(0);
        self.push(kind, &bytes)
    }

    /// Appends a number of four bytes in the machine's order.
    pub fn push_number(&mut self, kind: u8, number: u32) -> Result<(), UserdataTooLong> {
        self.push(kind, &number.to_ne_bytes())
    }

    /// Appends the expression that a type comes from.
    pub fn push_type_of(&mut self, kind: u8, type_of: &TypeOf) -> Result<(), UserdataTooLong> {
        let mut bytes = Userdata::new();
        type_of.write(&mut bytes)?;
        self.push(kind, &bytes.0)
    }

    /// The bytes, where there are any.
    pub(crate) fn some(&self) -> Option<Userdata> {
        (!self.is_empty()).then(|| self.clone())
    }
}

impl fmt::Debug for Userdata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Userdata(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl Value for Userdata {
    type View<'a> = &'a [u8];

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<&[u8], Malformed> {
        Ok(payload)
    }

    fn own(view: &[u8]) -> Result<Self, Malformed> {
        Ok(Userdata(view.to_vec()))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        writer.push(&self.0);
    }
}

/// The expression that the type of a set's key or data comes from, as `nft` notes it down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeOf {
    /// What it is.
    pub kind: TypeOfKind,
    /// What it needs to be printed, as entries of its kind's own.
    pub data: Userdata,
}

impl TypeOf {
    const KIND: u8 = 0;
    const DATA: u8 = 1;

    /// An expression with numbers as its data, numbered from 0.
    pub fn with_numbers(kind: TypeOfKind, numbers: &[u32]) -> Result<Self, UserdataTooLong> {
        let mut data = Userdata::new();
        for (index, number) in numbers.iter().enumerate() {
            data.push_number(index as u8, *number)?;
        }
        Ok(TypeOf { kind, data })
    }

    /// Several, one behind the other.
    pub fn concatenation(parts: &[TypeOf]) -> Result<Self, UserdataTooLong> {
        let mut data = Userdata::new();
        for (index, part) in parts.iter().enumerate() {
            data.push_type_of(index as u8, part)?;
        }
        Ok(TypeOf { kind: TypeOfKind::CONCATENATION, data })
    }

    /// Reads one; `None` where the bytes do not have its form.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let find = |kind| Entries::new(bytes).find(|entry| entry.kind == kind);
        let kind = TypeOfKind(find(Self::KIND)?.number()?);
        Some(TypeOf { kind, data: Userdata(find(Self::DATA)?.value.to_vec()) })
    }

    /// The parts of a concatenation; `None` where one does not have its form.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<TypeOf>> {
        self.data.entries().map(|entry| TypeOf::read(entry.value)).collect()
    }

    fn write(&self, into: &mut Userdata) -> Result<(), UserdataTooLong> {
        into.push_number(Self::KIND, self.kind.0)?;
        into.push(Self::DATA, &self.data.0)
    }
}

#[cfg(test)]
mod tests;
