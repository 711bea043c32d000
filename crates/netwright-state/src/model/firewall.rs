use netwright_nft::diagnostic::{SourceId, Span};

use crate::section::{section, tables};

section! {
    /// The firewall, in the nft language: nothing, files, inline rules, or both.
    pub struct Firewall as "the firewall" {
        /// Files to read, in order. A path that is not absolute starts where the host file is.
        list "include" => include: String,
        /// Rules written out in the host file, read after the included files.
        optional "rules" => rules: String,
        /// Whether tables of somebody else that have the same names are taken over and changed.
        defaulted "adopt" => adopt: bool,
        /// What is said of single sets besides: where their elements come from.
        list "set" => sets: FirewallSet,
    }
}

section! {
    /// Where the elements of a set come from.
    pub struct FirewallSet as "a set of the firewall" {
        /// The table, with its family in front: "inet filter".
        required "table" => table: String,
        /// The name of the set.
        required "name" => name: String,
        /// "@PATH": a file with an element on each line, which starts where the host file is; what follows a `#` does not count.
        /// "kept": those that the rules give it stand in it, and those that programs put in stay there.
        required "elements" => elements: String,
    }
}

tables! { FirewallSet }

impl FirewallSet {
    /// The file that the elements come from.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.elements.strip_prefix('@').filter(|path| !path.is_empty())
    }

    /// Whether elements that are not declared stay.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.elements == "kept"
    }
}

/// One text of the firewall, which stands in the source map that the host file was read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallSource {
    /// What to call it in messages: a path, or the host file's own name.
    pub name: String,
    /// The nft text. Rules that stand literally in the host file have blanks and newlines in front, so that each
    /// line and column of this text is that of the host file.
    pub source: SourceId,
    /// Where the host file includes it, or has the inline rules.
    pub span: Span,
}
