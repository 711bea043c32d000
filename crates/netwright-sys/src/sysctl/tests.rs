use super::*;

#[test]
fn a_key_stays_below_net() {
    let path = path_of(&["ipv4", "conf", "eth0.5", "forwarding"]).unwrap();
    assert_eq!(path, PathBuf::from("/proc/sys/net/ipv4/conf/eth0.5/forwarding"));
    for wrong in [&[][..], &[""], &["ipv4", ".."], &["."], &["ipv4/conf"], &["a\0b"], &["ipv4", "", "x"]] {
        assert!(path_of(wrong).is_err(), "{wrong:?}");
    }
}
