use super::*;

#[test]
fn a_whole_map_gives_every_number_to_itself() {
    let path = std::env::temp_dir().join(format!("netwright-map-{}", std::process::id()));
    fs::write(&path, "         0       1000          1\n         1     100000      65536\n").unwrap();
    let map = Map::whole(&path);
    fs::remove_file(&path).unwrap();
    let Map { upper, lower } = map.unwrap();
    assert_eq!((upper.as_str(), lower.as_str()), ("0 0 1\n1 1 65536\n", "0 0 1\n1 1 65536\n"));
}

#[test]
fn a_single_user_may_have_another_number_inside() {
    let Map { upper, lower } = Map::single(1000, 0);
    assert_eq!((upper.as_str(), lower.as_str()), ("1000 0 1\n", "1000 1000 1\n"));
}

#[test]
fn texts_are_bounded() {
    assert_eq!(texts([&b"/a"[..], b"b"]).unwrap(), b"/a\0b\0");
    assert!(texts([&b"a\0b"[..]]).is_err());
    assert!(texts([&[b'a'; TEXT - 1][..]]).is_ok());
    assert!(texts([&[b'a'; TEXT][..]]).is_err());
    assert!(["", ".", "..", "a/b"].into_iter().all(is_no_entry) && !is_no_entry("a.b"));
}
