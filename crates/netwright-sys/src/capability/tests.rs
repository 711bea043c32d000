use super::*;

#[test]
fn the_effective_set_is_read() {
    assert_eq!(effective_set("Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000001000\n"), Some(1 << CAP_NET_ADMIN));
    assert_eq!(effective_set("CapEff:\tzz\n"), None);
    assert_eq!(effective_set(""), None);
}

#[test]
fn the_first_user_namespace_is_recognised() {
    assert!(is_initial("         0          0 4294967295\n"));
    assert!(!is_initial("         0       1000          1\n"));
    assert!(!is_initial(""));
}
