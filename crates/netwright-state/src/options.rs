//! Options of links: one row each, from the key of the host file to the kernel and back.
//!
//! A row `optional "stp" => stp: bool => [spanning_tree: Switch, live, default 0]` says: the key, the field of the
//! model and its type, the field of the kernel's data with how one becomes the other, what changing it takes, and what
//! the kernel has where nobody says otherwise. Reading, schema, documentation, wanted state, difference, way back,
//! references to other links and capture follow from it.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_route::link::LinkKind as Kernel;
use netwright_route::{NetworkOrder, Table};
use serde_json::Value as Json;

/// What changing an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeClass {
    /// Nothing: it changes while the link works.
    Live,
    /// The link must be down meanwhile.
    Down,
    /// The link must be down and have no ports meanwhile.
    NoPorts,
    /// The link must be deleted and made anew, with all that lies on it.
    Anew,
}

/// Finds the index of a link by its name.
pub(crate) type ById<'i> = &'i dyn Fn(&str) -> Option<u32>;
/// Finds the name of a link by its index.
pub(crate) type ByIndex<'i> = &'i dyn Fn(u32) -> Option<String>;

/// How a value of the host file becomes one of the kernel, and back.
pub(crate) trait Convert<M, K> {
    fn down(value: &M, id: ById<'_>) -> Option<K>;
    fn up(value: &K, name: ByIndex<'_>) -> Option<M>;
}

/// It is the same in both.
pub(crate) struct Same;

impl<T: Clone> Convert<T, T> for Same {
    fn down(value: &T, _: ById<'_>) -> Option<T> {
        Some(value.clone())
    }

    fn up(value: &T, _: ByIndex<'_>) -> Option<T> {
        Some(value.clone())
    }
}

/// A truth that the kernel has as a number.
pub(crate) struct Switch;

macro_rules! switches {
    ($($int:ty),*) => {$(
        impl Convert<bool, $int> for Switch {
            fn down(value: &bool, _: ById<'_>) -> Option<$int> {
                Some((*value).into())
            }

            /// A spanning tree that user space runs is one as well.
            fn up(value: &$int, _: ByIndex<'_>) -> Option<bool> {
                Some(*value != 0)
            }
        }
    )*};
}

switches!(u8, u32);

/// Seconds, which the kernel has as hundredths.
pub(crate) struct Hundredths;

macro_rules! hundredths {
    ($($int:ty),*) => {$(
        impl Convert<u32, $int> for Hundredths {
            fn down(value: &u32, _: ById<'_>) -> Option<$int> {
                Some(<$int>::from(*value).saturating_mul(100))
            }

            fn up(value: &$int, _: ByIndex<'_>) -> Option<u32> {
                u32::try_from(*value / 100).ok()
            }
        }
    )*};
}

hundredths!(u32, u64);

/// A number in network byte order.
pub(crate) struct Network;

impl<T: Copy> Convert<T, NetworkOrder<T>> for Network {
    fn down(value: &T, _: ById<'_>) -> Option<NetworkOrder<T>> {
        Some(NetworkOrder(*value))
    }

    fn up(value: &NetworkOrder<T>, _: ByIndex<'_>) -> Option<T> {
        Some(value.0)
    }
}

/// Another link, by name in the file and by index in the kernel.
pub(crate) struct Index;

impl Convert<String, u32> for Index {
    fn down(value: &String, id: ById<'_>) -> Option<u32> {
        id(value)
    }

    fn up(value: &u32, name: ByIndex<'_>) -> Option<String> {
        name(*value)
    }
}

/// An address that the kernel has in a field of its own for each family.
pub(crate) struct Ipv4;
/// The same of IPv6.
pub(crate) struct Ipv6;

impl Convert<IpAddr, Ipv4Addr> for Ipv4 {
    fn down(value: &IpAddr, _: ById<'_>) -> Option<Ipv4Addr> {
        match value {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        }
    }

    fn up(value: &Ipv4Addr, _: ByIndex<'_>) -> Option<IpAddr> {
        Some(IpAddr::V4(*value))
    }
}

impl Convert<IpAddr, Ipv6Addr> for Ipv6 {
    fn down(value: &IpAddr, _: ById<'_>) -> Option<Ipv6Addr> {
        match value {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(*address),
        }
    }

    fn up(value: &Ipv6Addr, _: ByIndex<'_>) -> Option<IpAddr> {
        Some(IpAddr::V6(*value))
    }
}

/// A routing table.
pub(crate) struct RoutingTable;

impl Convert<crate::model::Table, Table> for RoutingTable {
    fn down(value: &crate::model::Table, _: ById<'_>) -> Option<Table> {
        Some(Table(value.0))
    }

    fn up(value: &Table, _: ByIndex<'_>) -> Option<crate::model::Table> {
        Some(crate::model::Table(value.0))
    }
}

/// A value as it stands in a host file.
pub(crate) trait Written {
    fn written(&self) -> Json;
}

macro_rules! written {
    ($($type:ty),*) => {$(
        impl Written for $type {
            fn written(&self) -> serde_json::Value {
                (*self).into()
            }
        }
    )*};
}

written!(bool, u8, u16, u32);

macro_rules! written_as_text {
    ($($type:ty),*) => {$(
        impl Written for $type {
            fn written(&self) -> serde_json::Value {
                self.to_string().into()
            }
        }
    )*};
}

written_as_text!(String, IpAddr, crate::model::MacAddress);
pub(crate) use written_as_text;

/// A number where it has no name.
pub(crate) fn word_or_number(word: impl Display, number: u32) -> Json {
    let word = word.to_string();
    if word.parse::<u32>().is_ok() { number.into() } else { word.into() }
}

/// One option of a kind of link, whose data is `K`.
pub(crate) struct Row<K> {
    pub(crate) key: &'static str,
    pub(crate) class: ChangeClass,
    /// Takes the field over.
    pub(crate) keep: fn(&K, &mut K),
    /// Whether the field is the same, or not set in the second.
    pub(crate) fits: fn(&K, &K) -> bool,
    /// What is set, in the file's words.
    pub(crate) show: fn(&K, ByIndex<'_>) -> Option<Json>,
    /// Sets what the kernel has where nobody says otherwise; false where that is not known.
    pub(crate) default: fn(&mut K) -> bool,
    /// The index of another link in it.
    pub(crate) index: Option<fn(&mut K) -> Option<&mut u32>>,
    /// Whether the option means something beside the others that are set.
    pub(crate) only: fn(&K) -> bool,
}

/// The data of a kind, with a row for each option.
pub(crate) trait Options: Clone + Default + Into<Kernel> + 'static {
    const ROWS: &'static [Row<Self>];
    /// Whether the kernel takes what a change does not say for nothing at all, so that each change says everything.
    const WHOLE: bool;
}

/// An option that is not as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Differing {
    pub(crate) key: &'static str,
    pub(crate) class: ChangeClass,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// What of a link's kind is not as it shall be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Difference {
    pub(crate) options: Vec<Differing>,
    /// The change, and the same as it is before.
    pub(crate) changed: Option<Kernel>,
    pub(crate) before: Option<Kernel>,
}

impl Difference {
    /// The most that one of the changes takes.
    pub(crate) fn class(&self) -> ChangeClass {
        self.options.iter().map(|option| option.class).max().unwrap_or(ChangeClass::Live)
    }
}

/// A value of the file in words.
pub(crate) fn in_words(value: Option<Json>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Json::String(text)) => text,
        Some(other) => other.to_string(),
    }
}

/// What differs, of what is set in `wanted`.
pub(crate) fn difference<K: Options>(found: &K, wanted: &K, name: ByIndex<'_>) -> Difference {
    let mut changed = if K::WHOLE { found.clone() } else { K::default() };
    let mut before = K::default();
    let mut options = Vec::new();
    // what is not declared is as it is there
    let all = merged(found.clone(), wanted);
    for row in K::ROWS {
        if (row.fits)(found, wanted) || !(row.only)(&all) {
            continue;
        }
        (row.keep)(wanted, &mut changed);
        (row.keep)(found, &mut before);
        let words = |kind: &K| in_words((row.show)(kind, name));
        let (was, is) = (words(found), words(wanted));
        // some keys are several fields
        if !options.iter().any(|option: &Differing| option.key == row.key) {
            options.push(Differing { key: row.key, class: row.class, before: was, after: is });
        }
    }
    let differs = !options.is_empty();
    Difference { options, changed: differs.then(|| changed.into()), before: differs.then(|| before.into()) }
}

/// Both; where both set the same, the second.
pub(crate) fn merged<K: Options>(mut first: K, second: &K) -> K {
    for row in K::ROWS {
        if !(row.fits)(&K::default(), second) {
            (row.keep)(second, &mut first);
        }
    }
    first
}

/// The options of a kind that rows tell of, out of all that the kernel tells: much of that it does not take back.
pub(crate) fn known<K: Options>(found: &K) -> K {
    let mut known = K::default();
    for row in K::ROWS.iter().filter(|row| (row.only)(found)) {
        (row.keep)(found, &mut known);
    }
    known
}

/// Declares the options of a kind: a section of the host file, and how each key is one of the kernel's data.
macro_rules! options {
    (
        $(#[doc = $doc:literal])*
        pub struct $Name:ident as $noun:literal for [$($kernel:ident)*] $body:tt
    ) => {
        $crate::options::options! { @section [$($doc)*] $Name $noun $body }
        $( $crate::options::options! { @kernel $kernel $Name $body } )*
    };

    (@section [$($doc:literal)*] $Name:ident $noun:literal {
        $( $(#[doc = $key_doc:literal])*
           $arity:ident $key:literal => $field:ident: $ty:ty $(as $codec:ty)? $(= $value:expr)? $(=> $([$($row:tt)*])+)?, )*
    }) => {
        $crate::section::section! {
            $(#[doc = $doc])*
            pub struct $Name as $noun {
                $( $(#[doc = $key_doc])* $arity $key => $field: $ty $(as $codec)? $(= $value)?, )*
            }
        }
    };

    (@kernel $kernel:ident $Name:ident {
        $( $(#[doc = $key_doc:literal])*
           $arity:ident $key:literal => $field:ident: $ty:ty $(as $codec:ty)? $(= $value:expr)? $(=> $([$($row:tt)*])+)?, )*
    }) => {
        impl $crate::options::Options for netwright_route::link::kind::$kernel {
            const WHOLE: bool = $crate::options::is_whole(stringify!($kernel));

            const ROWS: &'static [$crate::options::Row<Self>] = &[
                $( $( $( $crate::options::options!(@row $kernel $key $ty [$($row)*]), )+ )? )*
            ];
        }

        impl $crate::options::Lower<netwright_route::link::kind::$kernel> for $Name {
            #[allow(unused_variables)]
            fn lower(&self, id: $crate::options::ById<'_>) -> netwright_route::link::kind::$kernel {
                #[allow(unused_mut)]
                let mut kernel = netwright_route::link::kind::$kernel::default();
                $( $( $( $crate::options::options!(@lower $arity self kernel id $field $ty [$($row)*]); )+ )? )*
                kernel
            }
        }
    };

    (@lower optional $self:ident $kernel:ident $id:ident $field:ident $ty:ty
        [$target:ident: $convert:ident $($rest:tt)*]) => {
        if let Some(value) = &$self.$field {
            $kernel.$target = <$convert as $crate::options::Convert<$ty, _>>::down(value, $id);
        }
    };
    (@lower required $self:ident $kernel:ident $id:ident $field:ident $ty:ty
        [$target:ident: $convert:ident $($rest:tt)*]) => {
        $kernel.$target = <$convert as $crate::options::Convert<$ty, _>>::down(&$self.$field, $id);
    };

    (@row $kernel:ident $key:literal $ty:ty
        [$target:ident: $convert:ident, $class:ident $(, default $default:expr)? $(, only $only:path)?]) => {
        $crate::options::Row {
            key: $key,
            class: $crate::options::ChangeClass::$class,
            keep: |from, to| to.$target.clone_from(&from.$target),
            fits: |found, wanted| {
                let up = |value| <$convert as $crate::options::Convert<$ty, _>>::up(value, &|_| None);
                let same = || match (&found.$target, &wanted.$target) {
                    // what is the same in the file's terms is the same
                    (Some(found), Some(wanted)) => up(found).is_some_and(|found| up(wanted) == Some(found)),
                    _ => false,
                };
                wanted.$target.is_none() || found.$target == wanted.$target || same()
            },
            show: |kernel, name| {
                let value = <$convert as $crate::options::Convert<$ty, _>>::up(kernel.$target.as_ref()?, name)?;
                Some($crate::options::Written::written(&value))
            },
            default: $crate::options::options!(@default $target $($default)?),
            index: $crate::options::options!(@index $convert $target),
            only: $crate::options::options!(@only $($only)?),
        }
    };

    (@default $target:ident $default:expr) => {
        |kernel| {
            kernel.$target = Some($default);
            true
        }
    };
    (@default $target:ident) => { |_| false };
    (@index Index $target:ident) => { Some(|kernel| kernel.$target.as_mut()) };
    (@index $convert:ident $target:ident) => { None };
    (@only $only:path) => { $only };
    (@only) => { |_| true };
}
pub(crate) use options;

/// Whether a kind is a tunnel whose changes begin at nothing.
pub(crate) const fn is_whole(kind: &str) -> bool {
    matches!(kind.as_bytes(), b"Gre" | b"GreTap" | b"Ip6Gre" | b"Ip6GreTap" | b"IpIp" | b"Sit" | b"Ip6Tunnel")
}

/// What a host file declares of a kind, in the kernel's terms.
pub(crate) trait Lower<K> {
    fn lower(&self, id: ById<'_>) -> K;
}
