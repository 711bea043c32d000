use std::path::PathBuf;

use super::{find, matches};

fn check(pattern: &str, name: &str) -> bool {
    matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
}

#[test]
fn wildcards_match_as_in_a_shell() {
    for (pattern, name, expected) in [
        ("*", "anything", true),
        ("*.nft", "a.nft", true),
        ("*.nft", "a.nft~", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-b-b", false),
        ("?.nft", "ä.nft", true),
        ("?.nft", ".nft", false),
        ("[a-c]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[!a-c]x", "dx", true),
        ("[]]x", "]x", true),
        ("[-a]x", "-x", true),
        ("[x", "[x", true),
        ("", "", true),
        ("**", "", true),
    ] {
        assert_eq!(check(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn files_come_in_the_order_of_their_bytes_and_without_hidden_ones() {
    let directory = std::env::temp_dir().join(format!("netwright-glob-{}", std::process::id()));
    for part in ["b/x.nft", "a/y.nft", "a/.hidden.nft", "a/Z.nft", "a/readme"] {
        let path = directory.join(part);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, "").expect("a file");
    }
    let expected: Vec<PathBuf> =
        ["a/Z.nft", "a/y.nft", "b/x.nft"].iter().map(|p| directory.join(p)).collect();
    assert_eq!(find(&directory, "*/*.nft"), expected);
    assert_eq!(find(&directory, "c/*"), Vec::<PathBuf>::new());
    std::fs::remove_dir_all(directory).expect("it was made above");
}
