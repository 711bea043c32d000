//! The tables: one line per kernel fact, from which types, codec and documentation follow.

/// Declares a family of attributes: a struct with an `Option` per line, a borrowed view, and their codec.
///
/// The struct grows with the kernel and is `#[non_exhaustive]`: made by `default()`, filled by a method for each field.
///
/// ```
/// netwright_wire::attrs! {
///     /// Attributes of an interface address (`IFA_*`).
///     pub struct AddressAttrs, AddressView: Native {
///         /// The prefix's address; on a point-to-point link the peer's.
///         IFA_ADDRESS = 1 => address: std::net::IpAddr,
///         /// Address label.
///         IFA_LABEL = 3 => label: String,
///     }
/// }
/// let attrs = AddressAttrs::default().label("eth0:1".into());
/// let mut writer = netwright_wire::Writer::new();
/// attrs.write_attributes(&mut writer);
/// let view = AddressView::new(writer.bytes());
/// assert_eq!(view.label().unwrap().unwrap().as_str(), Some("eth0:1"));
/// assert_eq!(AddressAttrs::read_attributes(writer.bytes()).unwrap(), attrs);
/// ```
///
/// `Native` or `Big` is the byte order of its integers. What the table does not know is kept in the field `unknown`.
/// As a [`Value`](crate::Value) such a struct is a nest.
#[macro_export]
macro_rules! attrs {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident, $view:ident: $order:ident {
            $( $(#[$row_meta:meta])* $uapi:ident = $kind:literal => $field:ident: $type:ty ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$row_meta])*
                #[doc = concat!("\n\n`", stringify!($uapi), "` (", stringify!($kind), ")")]
                pub $field: ::core::option::Option<$type>,
            )*
            /// Attributes that the table does not know, kept byte for byte.
            pub unknown: $crate::Unknown,
        }

        impl $name {
            /// The lines of the table.
            pub const ROWS: &'static [$crate::Row] = &[
                $( $crate::Row { kind: $kind, uapi: stringify!($uapi), field: stringify!($field) } ),*
            ];

            $(
                #[doc = concat!("With `", stringify!($field), "` set.")]
                #[must_use]
                pub fn $field(mut self, value: $type) -> Self {
                    self.$field = Some(value);
                    self
                }
            )*

            /// With what a function changes, such as fields that may be unset.
            #[must_use]
            pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
                change(&mut self);
                self
            }

            /// Reads attributes that lie one behind the other.
            pub fn read_attributes(bytes: &[u8]) -> ::core::result::Result<Self, $crate::Malformed> {
                #[allow(unused_mut)]
                let mut attrs = Self::default();
                let mut after = u16::MAX;
                for attribute in $crate::Attributes::new(bytes) {
                    let attribute = attribute?;
                    match attribute.kind {
                        $( $kind => {
                            attrs.$field = Some(<$type as $crate::Value>::read::<$crate::$order>(attribute.payload)?);
                        } )*
                        _ => {
                            attrs.unknown.keep(after, attribute);
                            continue;
                        }
                    }
                    #[allow(unreachable_code)]
                    { after = attribute.kind; }
                }
                Ok(attrs)
            }

            /// Writes the attributes that are set one behind the other, in the order of the table.
            pub fn write_attributes(&self, writer: &mut $crate::Writer) {
                self.unknown.write_after(u16::MAX, writer);
                $(
                    if let Some(value) = &self.$field {
                        writer.attribute::<$crate::$order, $type>($kind, value);
                    }
                    self.unknown.write_after($kind, writer);
                )*
            }
        }

        impl $crate::Value for $name {
            type View<'a> = $view<'a>;
            const NESTED: bool = true;

            fn view<O: $crate::ByteOrder>(payload: &[u8]) -> ::core::result::Result<$view<'_>, $crate::Malformed> {
                Ok($view::new(payload))
            }

            fn own(view: $view<'_>) -> ::core::result::Result<Self, $crate::Malformed> {
                Self::read_attributes(view.bytes)
            }

            fn write<O: $crate::ByteOrder>(&self, writer: &mut $crate::Writer) {
                self.write_attributes(writer);
            }
        }

        #[doc = concat!("[`", stringify!($name), "`] read in place: each method looks its attribute up in the received bytes.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $view<'a> {
            bytes: &'a [u8],
        }

        impl<'a> $view<'a> {
            /// Looks at attributes that lie one behind the other.
            #[must_use]
            pub fn new(bytes: &'a [u8]) -> Self {
                $view { bytes }
            }

            /// The bytes looked at.
            #[must_use]
            pub fn bytes(&self) -> &'a [u8] {
                self.bytes
            }

            $(
                $(#[$row_meta])*
                #[doc = concat!("\n\n`", stringify!($uapi), "` (", stringify!($kind), ")")]
                pub fn $field(
                    &self,
                ) -> ::core::result::Result<::core::option::Option<<$type as $crate::Value>::View<'a>>, $crate::Malformed> {
                    match $crate::Attributes::new(self.bytes).find($kind)? {
                        Some(attribute) => <$type as $crate::Value>::view::<$crate::$order>(attribute.payload).map(Some),
                        None => Ok(None),
                    }
                }
            )*
        }
    )*};
}

/// Declares a kernel enumeration as an open newtype: every number is a value, the known ones have names.
///
/// ```
/// netwright_wire::open_enum! {
///     /// Keys of the `meta` expression (`enum nft_meta_keys`).
///     pub struct MetaKey(u32) { LEN = 0 "length", PROTOCOL = 1 "protocol" }
/// }
/// assert_eq!(MetaKey::from_name("protocol"), Some(MetaKey::PROTOCOL));
/// assert_eq!(MetaKey(77).to_string(), "77");
/// ```
#[macro_export]
macro_rules! open_enum {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty) {
            $( $(#[$row_meta:meta])* $constant:ident = $number:literal $text:literal ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $(
                $(#[$row_meta])*
                #[doc = concat!("\n\n`", $text, "`")]
                pub const $constant: $name = $name($number);
            )*

            /// All values that have a name.
            pub const KNOWN: &'static [$name] = &[$( $name($number) ),*];

            /// The name of a known value.
            #[must_use]
            pub fn name(self) -> ::core::option::Option<&'static str> {
                #[allow(unreachable_patterns)]
                match self.0 { $( $number => Some($text), )* _ => None }
            }

            /// The value of a name.
            #[must_use]
            pub fn from_name(name: &str) -> ::core::option::Option<Self> {
                #[allow(unreachable_patterns)]
                match name { $( $text => Some($name($number)), )* _ => None }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl $crate::Value for $name {
            type View<'a> = Self;

            fn view<O: $crate::ByteOrder>(payload: &[u8]) -> ::core::result::Result<Self, $crate::Malformed> {
                <$int as $crate::Value>::view::<O>(payload).map($name)
            }

            fn own(view: Self) -> ::core::result::Result<Self, $crate::Malformed> {
                Ok(view)
            }

            fn write<O: $crate::ByteOrder>(&self, writer: &mut $crate::Writer) {
                <$int as $crate::Value>::write::<O>(&self.0, writer);
            }
        }
    )*};
}

/// Declares kernel flag bits; bits without a name are kept.
#[macro_export]
macro_rules! open_flags {
    ($(
        $(#[$($meta:tt)*])*
        pub struct $name:ident($int:ty) {
            $( $(#[$($row_meta:tt)*])* $constant:ident = $bits:expr ),* $(,)?
        }
    )*) => {$(
        $crate::private::bitflags::bitflags! {
            $(#[$($meta)*])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name: $int {
                $( $(#[$($row_meta)*])* const $constant = $bits; )*
                const _ = !0;
            }
        }

        impl $crate::Value for $name {
            type View<'a> = Self;

            fn view<O: $crate::ByteOrder>(payload: &[u8]) -> ::core::result::Result<Self, $crate::Malformed> {
                <$int as $crate::Value>::view::<O>(payload).map(Self::from_bits_retain)
            }

            fn own(view: Self) -> ::core::result::Result<Self, $crate::Malformed> {
                Ok(view)
            }

            fn write<O: $crate::ByteOrder>(&self, writer: &mut $crate::Writer) {
                <$int as $crate::Value>::write::<O>(&self.bits(), writer);
            }
        }
    )*};
}

/// Declares a fixed kernel struct, read by prefix: what a short one lacks is zero, what a long one has more is ignored.
///
/// ```
/// netwright_wire::header! {
///     /// `struct ifaddrmsg`.
///     pub struct AddressHeader: Native {
///         family: u8, prefix_length: u8, flags: u8, scope: u8, index: u32,
///     }
/// }
/// assert_eq!(AddressHeader::SIZE, 8);
/// ```
///
/// Fields lie one behind the other: padding is written out as fields. `Native` or `Big` is the byte order.
#[macro_export]
macro_rules! header {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident: $order:ident {
            $( $(#[$row_meta:meta])* $field:ident: $type:ty ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct $name {
            $( $(#[$row_meta])* pub $field: $type, )*
        }

        impl $name {
            /// Its size in bytes.
            pub const SIZE: usize = 0 $( + ::core::mem::size_of::<$type>() )*;
        }

        impl $crate::Value for $name {
            type View<'a> = Self;

            fn view<O: $crate::ByteOrder>(payload: &[u8]) -> ::core::result::Result<Self, $crate::Malformed> {
                let mut padded = [0; Self::SIZE];
                let length = payload.len().min(Self::SIZE);
                padded[..length].copy_from_slice(&payload[..length]);
                let rest = &padded[..];
                $(
                    let $field = <$type as $crate::Value>::view::<$crate::$order>(rest)?;
                    let rest = &rest[::core::mem::size_of::<$type>()..];
                )*
                let _ = rest;
                Ok($name { $( $field ),* })
            }

            fn own(view: Self) -> ::core::result::Result<Self, $crate::Malformed> {
                Ok(view)
            }

            fn write<O: $crate::ByteOrder>(&self, writer: &mut $crate::Writer) {
                $( <$type as $crate::Value>::write::<$crate::$order>(&self.$field, writer); )*
            }
        }
    )*};
}

/// Declares a choice that the kernel makes by name, with the data of each name in its own struct of
/// [`attrs!`](crate::attrs): expressions of nf_tables, kinds of link. A name that the table does not have is kept
/// with its data byte for byte.
#[macro_export]
macro_rules! kinds {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$row_meta:meta])* $text:literal => $variant:ident($type:ty) ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$row_meta])* #[doc = concat!("\n\n`", $text, "`")] $variant($type), )*
            /// A name that the table does not have, with its data byte for byte.
            Unknown {
                /// The kernel's name.
                name: String,
                /// The attributes of its data.
                data: Vec<u8>,
            },
        }

        impl $name {
            /// The names of the table.
            pub const NAMES: &'static [&'static str] = &[$( $text ),*];

            /// The kernel's name.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $( $name::$variant(_) => $text, )*
                    $name::Unknown { name, .. } => name,
                }
            }

            /// Reads the attributes of the data that belong to a name.
            pub fn read(name: $crate::Text<'_>, data: &[u8]) -> ::core::result::Result<Self, $crate::Malformed> {
                match name.as_str() {
                    $( Some($text) => <$type>::read_attributes(data).map($name::$variant), )*
                    _ => Ok($name::Unknown { name: name.to_string(), data: data.to_vec() }),
                }
            }

            /// Writes the attributes of the data.
            pub fn write_data(&self, writer: &mut $crate::Writer) {
                match self {
                    $( $name::$variant(attrs) => attrs.write_attributes(writer), )*
                    $name::Unknown { data, .. } => writer.push(data),
                }
            }
        }

        $(
            impl From<$type> for $name {
                fn from(attrs: $type) -> Self {
                    $name::$variant(attrs)
                }
            }
        )*
    )*};
}

#[cfg(test)]
#[allow(dead_code, unreachable_pub)] // the macros make more than the tests use
mod tests;
