use netwright_nft::diagnostic::{SourceId, Span};

use crate::section::section;

section! {
    /// The firewall, in the nft language: nothing, files, inline rules, or both.
    pub struct Firewall as "the firewall" {
        /// Files to read, in order. A path that is not absolute starts where the host file is.
        list "include" => include: String,
        /// Rules written out in the host file, read after the included files.
        optional "rules" => rules: String,
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
