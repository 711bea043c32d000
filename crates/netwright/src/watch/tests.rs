use super::Kinds;
use crate::Net;

#[test]
fn a_watch_takes_nothing_from_a_parents() {
    let net = Net::open().unwrap();
    let mut watch = net.watch(Kinds::LINKS).unwrap();
    watch.try_next().unwrap();
    watch.core.owner ^= 1; // as after a fork
    for refused in [watch.try_next().map(drop), watch.update()] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
    }
}
