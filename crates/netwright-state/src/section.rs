//! Tables of keys: one declaration per section of the host file gives the struct, its reading and its schema.
//!
//! `section!` declares a struct whose fields are keys, `kinds!` an enum of sections chosen by the key `kind`,
//! `words!` an enum written as words, `numbers!` a number some of whose values have names.

use netwright_nft::diagnostic::{Diagnostic, Span, nearest};
use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use crate::model::Place;
use crate::schema::Definitions;
use crate::tree::{Entry, Node, Value};

/// Something that can be read from a value of the file, and described to the schema.
pub(crate) trait Decode {
    /// What comes out.
    type Value;

    /// Reads it. `None` says that a diagnostic was made.
    fn decode(node: &Node, reader: &mut Reader) -> Option<Self::Value>;

    /// The JSON Schema of what `decode` takes.
    fn schema(definitions: &mut Definitions) -> Json;
}

/// Takes notes of what is wrong while a tree is read.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many of them are errors.
    pub(crate) errors: usize,
    /// The text was not wholly understood, so that a key which seems missing may well be there.
    pub(crate) patchy: bool,
}

impl Reader {
    /// Notes a wrong value; `expected` follows "expected".
    pub(crate) fn expected<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        self.error(node.span, format!("expected {expected}, found {}", node.describe()))
    }

    pub(crate) fn error<T>(&mut self, span: Span, message: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::error(span, message));
        self.errors += 1;
        None
    }

    /// Adds advice to what was noted last.
    pub(crate) fn help(&mut self, help: impl Into<String>) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.help.push(help.into());
        }
    }

    /// Warns of an interface address whose prefix length was left out.
    pub(crate) fn bare_address(&mut self, node: &Node, address: Prefix) {
        if matches!(&node.value, Value::String(text) if !text.contains('/')) {
            let message = format!("`{}` has no prefix length: no network is reached by it", address.address);
            let help =
                format!("Add the network's, such as /24 or /64, or write `{address}` if this is meant.");
            self.diagnostics.push(Diagnostic::warning(node.span, message).help(help));
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match &node.value {
            Value::String(text) => Some(text),
            _ => self.expected(node, expected),
        }
    }

    pub(crate) fn table<'n>(&mut self, node: &'n Node, noun: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Table(entries) => Some(entries),
            _ => self.expected(node, &format!("a table that describes {noun}")),
        }
    }
}

/// One key of a section.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) required: bool,
    pub(crate) schema: fn(&mut Definitions) -> Json,
}

/// A table of the file with a known set of keys.
pub(crate) trait Section: Default {
    /// What the table describes, with its article.
    const NOUN: &'static str;
    const DOC: &'static [&'static str];
    const KEYS: &'static [Key];
    /// Key tables that lie directly below, for advice about a key that belongs there.
    fn below() -> Vec<(&'static str, &'static [Key])>;

    /// Reads one entry into its field; false where there is no such key.
    fn take(&mut self, entry: &Entry, reader: &mut Reader) -> bool;
    fn place_mut(&mut self) -> &mut Place;
}

/// Reads a table as a section. What could not be read keeps its default and has no place.
pub(crate) fn decode_section<S: Section>(node: &Node, reader: &mut Reader) -> Option<S> {
    let entries = reader.table(node, S::NOUN)?;
    let errors = reader.errors;
    let mut section = S::default();
    section.place_mut().span = node.span;
    for entry in present(entries) {
        if !section.take(entry, reader) {
            unknown_key(entry, S::NOUN, S::KEYS, &S::below(), reader);
        }
    }
    missing_keys(node.span, entries, S::NOUN, S::KEYS, reader);
    if reader.errors > errors {
        section.place_mut().set_broken();
    }
    Some(section)
}

/// The entries of a table that are set: JSON's `null` is the same as leaving the key out.
pub(crate) fn present(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| !matches!(entry.node.value, Value::Null))
}

pub(crate) fn missing_keys(span: Span, entries: &[Entry], noun: &str, keys: &[Key], reader: &mut Reader) {
    let missing = |key: &&Key| key.required && !present(entries).any(|entry| entry.key == key.name);
    for key in keys.iter().filter(missing) {
        if !reader.patchy {
            reader.error::<()>(span, format!("`{}` is missing: {noun} must have it", key.name));
        }
    }
}

/// Names that other tools use, and ours.
const FOREIGN: &[(&str, &str)] = &[
    ("address", "addresses"),
    ("altnames", "alternative-names"),
    ("destination", "to"),
    ("dst", "to"),
    ("gateway", "via"),
    ("gateway4", "via"),
    ("gateway6", "via"),
    ("gw", "via"),
    ("hwaddr", "mac"),
    ("interface", "dev"),
    ("interfaces", "ports"),
    ("ip", "addresses"),
    ("lladdr", "mac"),
    ("link", "parent"),
    ("macaddress", "mac"),
    ("metrics", "metric"),
    ("oif", "dev"),
    ("slaves", "ports"),
    ("source", "from"),
    ("src", "source"),
    ("type", "kind"),
    ("vni", "id"),
];

/// What other tools put in a place where it is not put here: the section, their keys, and our way.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    (
        "a link",
        &["gateway", "gateway4", "gateway6", "routes", "route", "via"],
        "Routes have tables of their own: `[[route]]` with `to = \"default\"` and `via`.",
    ),
    ("a link", &["dhcp", "dhcp4", "dhcp6"], "A DHCP client is not part of the host file."),
    ("a link", &["dns", "nameservers", "search"], "Name servers are not part of the host file."),
    (
        "the host",
        &["interface", "interfaces", "network", "ethernets", "bridges", "bonds", "vlans", "tunnels", "vrfs"],
        "Each link has a table `[link.NAME]`, with `kind = \"bridge\"` and the like for what is to be made.",
    ),
    ("the host", &["nftables", "ruleset", "tables"], "Rules come as `firewall.include` or `firewall.rules`."),
    ("a flow", &["port", "dport", "protocol"], "Write `tcp = PORT`, `udp = PORT` or `icmp = true`."),
];

/// Notes a key that a section does not have, with the one that was probably meant.
pub(crate) fn unknown_key(
    entry: &Entry,
    noun: &str,
    keys: &[Key],
    below: &[(&str, &[Key])],
    reader: &mut Reader,
) {
    let names = || keys.iter().map(|key| key.name);
    reader.error::<()>(entry.key_span, format!("unknown key `{}` in {noun}", entry.key));
    let word = entry.key.replace('_', "-").to_lowercase();
    let foreign = FOREIGN.iter().find(|(theirs, ours)| *theirs == word && names().any(|name| name == *ours));
    let elsewhere = ELSEWHERE.iter().find(|(place, keys, _)| *place == noun && keys.contains(&word.as_str()));
    let deeper = below.iter().find(|(_, keys)| keys.iter().any(|key| key.name == word));
    if let Some((_, ours)) = foreign {
        reader.help(format!("It is called `{ours}` here."));
    } else if let Some((.., advice)) = elsewhere {
        reader.help(*advice);
    } else if let Some((table, _)) = deeper {
        reader.help(format!("It belongs one level down: `{table}.{word}`."));
    } else if let Some(near) = nearest(&word, names()) {
        reader.help(format!("Did you mean `{near}`?"));
    } else {
        reader.help(format!("Known keys are {}.", list_words(names(), "and")));
    }
}

/// "`a`, `b` and `c`".
pub(crate) fn list_words<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match (words.pop(), words.is_empty()) {
        (None, _) => "none".into(),
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", words.join(", ")),
    }
}

/// Finds a word among those known, or notes that there is no such word.
pub(crate) fn find_word<T: Copy>(
    node: &Node,
    noun: &str,
    words: &[(&'static str, T)],
    reader: &mut Reader,
) -> Option<T> {
    let text = reader.text(node, &format!("a string that names a {noun}"))?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    reader.error::<()>(node.span, format!("unknown {noun} `{text}`"));
    match nearest(&text.to_lowercase(), words.iter().map(|(word, _)| *word)) {
        Some(near) => reader.help(format!("Did you mean `{near}`?")),
        None => reader.help(format!("Known are {}.", list_words(words.iter().map(|(word, _)| *word), "and"))),
    }
    None
}

/// Reads each item of an array with `T`; the places of those that could be read come with them.
pub(crate) fn decode_list<T: Decode>(
    entry: &Entry,
    reader: &mut Reader,
) -> Option<(Vec<T::Value>, Vec<Span>)> {
    let Value::Array(items) = &entry.node.value else {
        reader.expected::<()>(&entry.node, "an array");
        match &entry.node.value {
            Value::Table(_) => {
                reader.help(format!("It is a list: in TOML write `[[{}]]`, once for each.", entry.key))
            }
            Value::String(text) => reader.help(format!("Write `{} = [{text:?}]`.", entry.key)),
            _ => {}
        }
        return None;
    };
    let read = |item: &Node| T::decode(item, reader).map(|value| (value, item.span));
    Some(items.iter().filter_map(read).unzip())
}

/// The schema of an array of `T`.
pub(crate) fn list_schema<T: Decode>(definitions: &mut Definitions) -> Json {
    json!({ "type": "array", "items": T::schema(definitions) })
}

/// Declares a section: `ARITY "key" => field: Type [as Codec] [= default]`, where the arity is `required`,
/// `optional` (an `Option`), `list` (a `Vec`) or `defaulted`; `below "key": Section` (a section of its own),
/// and `also` holds fields that no key fills.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $Name:ident as $noun:literal {
            $(
                $(#[doc = $key_doc:literal])*
                $arity:ident $key:literal => $field:ident: $ty:ty $(as $codec:ty)? $(= $default:expr)?,
            )*
        }
        $(also {
            $( $(#[doc = $also_doc:literal])* $also:ident: $also_ty:ty $(= $also_default:expr)?, )*
        })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Name {
            $($( $(#[doc = $also_doc])* pub $also: $also_ty, )*)?
            $( $(#[doc = $key_doc])* pub $field: $crate::section::section!(@type $arity $ty), )*
            /// Where it stands in the file.
            pub place: $crate::model::Place,
        }

        impl Default for $Name {
            fn default() -> Self {
                $Name {
                    $($( $also: $crate::section::section!(@default $($also_default)?), )*)?
                    $( $field: $crate::section::section!(@default $($default)?), )*
                    place: Default::default(),
                }
            }
        }

        impl $crate::section::Section for $Name {
            const NOUN: &'static str = $noun;
            const DOC: &'static [&'static str] = &[$($doc),*];
            const KEYS: &'static [$crate::section::Key] = &[$( $crate::section::Key {
                name: $key,
                doc: &[$($key_doc),*],
                required: $crate::section::section!(@required $arity),
                schema: $crate::section::section!(@schema $arity $ty $(as $codec)?),
            } ),*];

            fn below() -> Vec<(&'static str, &'static [$crate::section::Key])> {
                let tables: &[Option<(&'static str, &'static [$crate::section::Key])>] =
                    &[$( $crate::section::section!(@below $arity $key $ty) ),*];
                tables.iter().copied().flatten().collect()
            }

            #[allow(unused_variables)]
            fn take(&mut self, entry: &$crate::tree::Entry, reader: &mut $crate::section::Reader) -> bool {
                match entry.key.as_str() {
                    $( $key => {
                        $crate::section::section!(@take $arity self $field $key entry reader $ty $(as $codec)?)
                    } )*
                    _ => return false,
                }
                #[allow(unreachable_code)]
                true
            }

            fn place_mut(&mut self) -> &mut $crate::model::Place {
                &mut self.place
            }
        }
    };

    (@type required $ty:ty) => { $ty };
    (@type defaulted $ty:ty) => { $ty };
    (@type below $ty:ty) => { $ty };
    (@type optional $ty:ty) => { Option<$ty> };
    (@type list $ty:ty) => { Vec<$ty> };

    (@default $default:expr) => { $default };
    (@default) => { Default::default() };

    (@required required) => { true };
    (@required $arity:ident) => { false };

    (@codec $ty:ty as $codec:ty) => { $codec };
    (@codec $ty:ty) => { $ty };

    (@schema below $ty:ty) => { $crate::schema::section::<$ty> };
    (@schema list $($codec:tt)*) => {
        $crate::section::list_schema::<$crate::section::section!(@codec $($codec)*)>
    };
    (@schema $arity:ident $($codec:tt)*) => {
        <$crate::section::section!(@codec $($codec)*) as $crate::section::Decode>::schema
    };

    (@below below $key:literal $ty:ty) => { Some(($key, <$ty as $crate::section::Section>::KEYS)) };
    (@below $arity:ident $key:literal $ty:ty) => { None };

    (@take list $self:ident $field:ident $key:literal $entry:ident $reader:ident $($codec:tt)*) => {
        if let Some((values, items)) =
            $crate::section::decode_list::<$crate::section::section!(@codec $($codec)*)>($entry, $reader)
        {
            $self.$field = values;
            $self.place.record($key, $entry.node.span, items);
        }
    };
    (@take below $self:ident $field:ident $key:literal $entry:ident $reader:ident $ty:ty) => {
        if let Some(value) = $crate::section::decode_section::<$ty>(&$entry.node, $reader) {
            $self.$field = value;
            $self.place.record($key, $entry.node.span, Vec::new());
        }
    };
    (@take $arity:ident $self:ident $field:ident $key:literal $entry:ident $reader:ident $($codec:tt)*) => {
        if let Some(value) = <$crate::section::section!(@codec $($codec)*) as $crate::section::Decode>::decode(
            &$entry.node,
            $reader,
        ) {
            $self.$field = value.into();
            $self.place.record($key, $entry.node.span, Vec::new());
        }
    };
}
pub(crate) use section;

/// Makes sections readable as items of a list or as optional values.
macro_rules! tables {
    ($($Name:ident)*) => { $(
        impl $crate::section::Decode for $Name {
            type Value = $Name;

            fn decode(node: &$crate::tree::Node, reader: &mut $crate::section::Reader) -> Option<$Name> {
                $crate::section::decode_section(node, reader)
            }

            fn schema(definitions: &mut $crate::schema::Definitions) -> serde_json::Value {
                $crate::schema::section::<$Name>(definitions)
            }
        }
    )* };
}
pub(crate) use tables;

/// Declares an enum whose values are words in the file.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        pub enum $Name:ident as $noun:literal {
            $( $(#[doc = $word_doc:literal])* $Variant:ident = $word:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name { $( $(#[doc = $word_doc])* $Variant, )* }

        impl $Name {
            /// Each value with its word.
            pub const WORDS: &'static [(&'static str, $Name)] = &[$( ($word, $Name::$Variant) ),*];

            /// The word that stands for it in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( $Name::$Variant => $word, )* }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::section::Decode for $Name {
            type Value = $Name;

            fn decode(node: &$crate::tree::Node, reader: &mut $crate::section::Reader) -> Option<$Name> {
                $crate::section::find_word(node, $noun, $Name::WORDS, reader)
            }

            fn schema(_: &mut $crate::schema::Definitions) -> serde_json::Value {
                serde_json::json!({ "enum": [$( $word ),*] })
            }
        }
    };
}
pub(crate) use words;

/// Makes enumerations of the kernel readable by the words that it has for them.
macro_rules! kernel_words {
    ($( $(#[doc = $doc:literal])* $Name:ty as $noun:literal; )*) => {$(
        impl $crate::section::Decode for $Name {
            type Value = $Name;

            fn decode(node: &$crate::tree::Node, reader: &mut $crate::section::Reader) -> Option<$Name> {
                let words: Vec<(&'static str, $Name)> =
                    <$Name>::KNOWN.iter().filter_map(|value| Some((value.name()?, *value))).collect();
                $crate::section::find_word(node, $noun, &words, reader)
            }

            fn schema(_: &mut $crate::schema::Definitions) -> serde_json::Value {
                let words: Vec<&str> = <$Name>::KNOWN.iter().filter_map(|value| value.name()).collect();
                serde_json::json!({ "enum": words })
            }
        }

        $crate::options::written_as_text!($Name);
    )*};
}
pub(crate) use kernel_words;

/// Declares a number of which some values have names, in the kernel as in the file.
macro_rules! numbers {
    (
        $(#[doc = $doc:literal])*
        pub struct $Name:ident($int:ty) as $noun:literal, from $least:literal {
            $( $(#[doc = $value_doc:literal])* $CONST:ident = $value:literal $word:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Name(pub $int);

        impl $Name {
            $( $(#[doc = $value_doc])* pub const $CONST: $Name = $Name($value); )*
            /// The values that have a name.
            pub const NAMES: &'static [(&'static str, $Name)] = &[$( ($word, $Name($value)) ),*];
        }

        /// The name where there is one, else the number.
        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match $Name::NAMES.iter().find(|(_, value)| value == self) {
                    Some((name, _)) => f.pad(name),
                    None => f.pad(&self.0.to_string()),
                }
            }
        }

        impl $crate::section::Decode for $Name {
            type Value = $Name;

            fn decode(node: &$crate::tree::Node, reader: &mut $crate::section::Reader) -> Option<$Name> {
                if matches!(node.value, $crate::tree::Value::Integer(_)) {
                    let range = i128::from($least as $int)..=i128::from(<$int>::MAX);
                    let number = $crate::scalar::integer(node, &range, reader)?;
                    return <$int>::try_from(number).ok().map($Name);
                }
                $crate::section::find_word(node, $noun, $Name::NAMES, reader)
            }

            fn schema(_: &mut $crate::schema::Definitions) -> serde_json::Value {
                serde_json::json!({ "anyOf": [
                    { "type": "integer", "minimum": $least, "maximum": <$int>::MAX },
                    { "enum": [$( $word ),*] },
                ] })
            }
        }
    };
}
pub(crate) use numbers;

/// Declares an enum of sections, of which the key `kind` chooses one.
macro_rules! kinds {
    (
        $(#[doc = $doc:literal])*
        pub enum $Name:ident {
            $( $(#[doc = $kind_doc:literal])* $kind:literal => $Variant:ident($Section:ty), )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $Name { $( $(#[doc = $kind_doc])* $Variant($Section), )* }

        impl $Name {
            /// The names of all kinds, as they stand in the file and in the kernel.
            pub const NAMES: &'static [&'static str] = &[$( $kind ),*];

            /// The kind's name, in the file as in the kernel (`IFLA_INFO_KIND`).
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $( $Name::$Variant(_) => $kind, )* }
            }

            /// A link of the kind with nothing set.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $( $kind => Some($Name::$Variant(Default::default())), )*
                    _ => None,
                }
            }

            pub(crate) fn take(
                &mut self,
                entry: &$crate::tree::Entry,
                reader: &mut $crate::section::Reader,
            ) -> bool {
                use $crate::section::Section;
                match self { $( $Name::$Variant(section) => section.take(entry, reader), )* }
            }

            /// The places of the keys that only this kind has.
            #[must_use]
            pub fn place(&self) -> &$crate::model::Place {
                match self { $( $Name::$Variant(section) => &section.place, )* }
            }

            /// Name, description and keys of every kind.
            pub(crate) const TABLES: &'static [$crate::section::KindTable] = &[$( $crate::section::KindTable {
                name: $kind,
                doc: &[$($kind_doc),*],
                keys: <$Section as $crate::section::Section>::KEYS,
            } ),*];
        }
    };
}
pub(crate) use kinds;

/// One kind with the keys that only it has.
pub(crate) struct KindTable {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) keys: &'static [Key],
}
