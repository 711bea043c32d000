//! JSON as a tree, and as text.

use std::fmt;

/// A value of JSON. Members of an object keep their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Number(i128),
    /// A text.
    Text(String),
    /// Values one after the other.
    Array(Vec<Node>),
    /// Values by name.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// An object with one member.
    #[must_use]
    pub fn single(name: &str, node: impl Into<Node>) -> Node {
        Node::Object(vec![(name.to_owned(), node.into())])
    }

    /// An empty object.
    #[must_use]
    pub fn object() -> Node {
        Node::Object(Vec::new())
    }

    /// Adds a member to an object.
    #[must_use]
    pub fn with(mut self, name: &str, node: impl Into<Node>) -> Node {
        if let Node::Object(members) = &mut self {
            members.push((name.to_owned(), node.into()));
        }
        self
    }

    /// Adds a member to an object where there is something to add.
    #[must_use]
    pub fn with_some(self, name: &str, node: Option<impl Into<Node>>) -> Node {
        match node {
            Some(node) => self.with(name, node),
            None => self,
        }
    }

    /// The only value, or an array of several.
    #[must_use]
    pub fn one_or_many(mut nodes: Vec<Node>) -> Node {
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Array(nodes),
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Node::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Node {
        Node::Text(text)
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Node {
        Node::Boolean(value)
    }
}

impl From<Vec<Node>> for Node {
    fn from(nodes: Vec<Node>) -> Node {
        Node::Array(nodes)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Node {
            fn from(number: $number) -> Node {
                Node::Number(i128::from(number))
            }
        }
    )*};
}

numbers!(u8, u16, u32, i32);

/// As nft writes it, whose numbers have a sign.
impl From<u64> for Node {
    fn from(number: u64) -> Node {
        Node::Number(i128::from(number.cast_signed()))
    }
}

/// Writes as nft does: a blank behind each comma and colon, and nothing else.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Null => f.write_str("null"),
            Node::Boolean(value) => write!(f, "{value}"),
            Node::Number(number) => write!(f, "{number}"),
            Node::Text(text) => write_text(f, text),
            Node::Array(nodes) => {
                f.write_str("[")?;
                for (index, node) in nodes.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    node.fmt(f)?;
                }
                f.write_str("]")
            }
            Node::Object(members) => {
                f.write_str("{")?;
                for (index, (name, node)) in members.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    write_text(f, name)?;
                    f.write_str(": ")?;
                    node.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    let mut rest = text;
    // most texts have nothing in them that is written otherwise
    while let Some(at) = rest.find(|character| matches!(character, '"' | '\\' | '\0'..' ')) {
        let (plain, from) = rest.split_at(at);
        f.write_str(plain)?;
        let mut characters = from.chars();
        match characters.next() {
            Some('"') => f.write_str("\\\"")?,
            Some('\\') => f.write_str("\\\\")?,
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some(control) => write!(f, "\\u{:04x}", u32::from(control))?,
            None => {}
        }
        rest = characters.as_str();
    }
    f.write_str(rest)?;
    f.write_str("\"")
}
