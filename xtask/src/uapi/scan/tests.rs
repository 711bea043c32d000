use std::path::Path;

use super::{Name, rows};

fn found(text: &str) -> Vec<(usize, Name, i128)> {
    rows(Path::new("x.rs"), text).into_iter().map(|row| (row.line, row.name, row.value)).collect()
}

fn named(line: usize, name: &str, value: i128) -> (usize, Name, i128) {
    (line, Name::Full(name.to_owned()), value)
}

#[test]
fn attributes_carry_their_names() {
    let text = r#"
netwright_wire::attrs! {
    /// Attributes (`IFA_*`).
    pub struct AddressAttrs, AddressView: Native {
        /// `IFA_NOTHING = 9 => x`
        // IFA_COMMENT = 8 => y
        #[doc(alias = "x")]
        IFA_ADDRESS = 1 => address: IpAddr, IFA_LABEL = 0x3 => label: String,
    }
    /// More.
    pub struct Other, OtherView: Big { B = 7 => b: u8 }
}
const AFTER: u8 = 5;
"#;
    assert_eq!(found(text), [named(8, "IFA_ADDRESS", 1), named(8, "IFA_LABEL", 3), named(11, "B", 7)]);
}

#[test]
fn enumerations_take_alias_common_start_or_enumeration() {
    let text = r#"
open_enum! {
    /// Keys of `meta` (`NFT_META_*`).
    pub struct MetaKey(u32) {
        LEN = 0 "length",
        #[doc(alias = "NFT_META_NFPROTO")]
        FAMILY = 15 "nfproto",
    }
    /// Nameless.
    pub struct Other(u8) { ONE = 1 "one" }
    /// Operations (`enum nft_cmp_ops`).
    pub struct Op(u32) { EQ = 0 "eq" }
}
open_flags! {
    /// Flags (`IFF_*`).
    pub struct Flags(u32) { UP = 1 << 0, LOWER_UP = 1 << 16, }
}
"#;
    let expected = [
        named(5, "NFT_META_LEN", 0),
        named(7, "NFT_META_NFPROTO", 15),
        (10, Name::Nowhere, 1),
        (12, Name::Member { enumeration: "nft_cmp_ops".to_owned(), rest: "EQ".to_owned() }, 0),
        named(16, "IFF_UP", 1),
        named(16, "IFF_LOWER_UP", 65536),
    ];
    assert_eq!(found(text), expected);
}

#[test]
fn definitions_of_the_tables_have_no_rows() {
    assert_eq!(
        found("macro_rules! attrs { ($x:ident = 1 => $y:ident) => {} }\n/// attrs! { A = 1 => b: u8 }"),
        []
    );
}
