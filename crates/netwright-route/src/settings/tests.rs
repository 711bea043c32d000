use super::*;

#[test]
fn values_have_their_type_and_range() {
    assert_eq!(ipv4::RP_FILTER.text(&ReversePathFilter::LOOSE).unwrap(), "2");
    assert_eq!(ipv4::RP_FILTER.value("1\n").unwrap(), ReversePathFilter::STRICT);
    assert_eq!(ipv6::USE_TEMPADDR.value("-1").unwrap(), TemporaryAddresses::POINT_TO_POINT_OFF);
    assert!(!ipv6::FORWARDING.value("0").unwrap());
    let error = ipv6::HOP_LIMIT.text(&0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`0` is not a value of the setting net.ipv6.conf.*.hop_limit, which is a number from 1 to 255"
    );
    assert!(ipv4::RP_FILTER.value("-1").is_err() && ipv4::RP_FILTER.value("strict").is_err());
}

#[test]
fn paths() {
    assert_eq!(
        ipv6_neighbour::GC_STALE_TIME.path(Of::Default),
        ["ipv6", "neigh", "default", "gc_stale_time"]
    );
    assert_eq!(ipv6::ACCEPT_RA.path(Of::All), ["ipv6", "conf", "all", "accept_ra"]);
}

#[test]
fn settings_are_found_by_name() {
    assert_eq!(Key::find("ipv4", "arp_ignore"), Some(&ipv4::ARP_IGNORE.key));
    assert_eq!(Key::find("ipv6", "arp_ignore"), None);
    let mut paths: Vec<_> = KEYS.iter().map(|key| key.path(Of::All)).collect();
    let count = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), count);
    assert!(KEYS.iter().all(|key| key.minimum < key.maximum));
}
