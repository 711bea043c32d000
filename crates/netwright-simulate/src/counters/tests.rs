use super::*;

#[test]
fn counters_are_found() {
    let snmp = "Ip: Forwarding InAddrErrors InX\nIp: 1 42 3\nIcmp: InMsgs\nIcmp: 9\n";
    assert_eq!(find(snmp, "Ip", "InAddrErrors"), Some(42));
    assert_eq!(find(snmp, "Icmp", "InMsgs"), Some(9));
    assert_eq!(find(snmp, "Ip", "InMsgs"), None);
    assert_eq!(find(snmp, "Tcp", "InMsgs"), None);
    let snmp6 = "Ip6InReceives                   \t0\nIp6InAddrErrors                 \t17\n";
    assert_eq!(find(snmp6, "", "Ip6InAddrErrors"), Some(17));
    assert_eq!(find(snmp6, "", "Ip6In"), None);
    assert_eq!(find("", "", "Ip6In"), None);
    assert_eq!(find("Ip: a\n", "Ip", "a"), None);
}
