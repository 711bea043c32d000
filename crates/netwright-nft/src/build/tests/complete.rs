//! What rules can look at and do beside comparing ports and addresses.

use super::*;

const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn ip4(make: fn(Rule) -> Rule, text: &str) {
    check_rule(Family::IPV4, make, text);
}

fn inet(make: fn(Rule) -> Rule, text: &str) {
    check_rule(Family::INET, make, text);
}

#[test]
fn options_and_extension_headers() {
    ip4(|rule| rule.set(tcp_option::MAXSEG_SIZE, rt::MTU), "tcp option maxseg size set rt mtu");
    inet(
        |rule| {
            rule.masked(tcp::FLAGS, TcpFlags::SYN | TcpFlags::RST, TcpFlags::SYN)
                .set(tcp_option::MAXSEG_SIZE, 1360)
        },
        "tcp flags & (syn | rst) == syn tcp option maxseg size set 1360",
    );
    ip4(|rule| rule.gt(tcp_option::MAXSEG_SIZE, 1400).drop(), "tcp option maxseg size > 1400 drop");
    inet(|rule| rule.exists(Existence::TCP_TIMESTAMP).accept(), "tcp option timestamp exists accept");
    ip4(|rule| rule.missing(Existence::tcp_option(254)).drop(), "tcp option 254 missing drop");
    inet(|rule| rule.reset_tcp_option(Existence::TCP_SACK_PERMITTED), "reset tcp option sack-perm");
    inet(
        |rule| rule.eq(tcp_option::MPTCP_SUBTYPE, MptcpSubtype::JOIN).drop(),
        "tcp option mptcp subtype mp-join drop",
    );
    ip4(|rule| rule.exists(Existence::IP_LSRR).drop(), "ip option lsrr exists drop");
    ip4(|rule| rule.eq(ip_option::RA_VALUE, 0).accept(), "ip option ra value 0 accept");
    inet(|rule| rule.exists(Existence::HBH).drop(), "exthdr hbh exists drop");
    inet(|rule| rule.missing(Existence::FRAG).accept(), "exthdr frag missing accept");
    inet(|rule| rule.eq(frag::MORE_FRAGMENTS, 1).drop(), "frag more-fragments 1 drop");
    inet(|rule| rule.gt(frag::OFFSET, 0).drop(), "frag frag-off > 0 drop");
    inet(|rule| rule.eq(routing::TYPE, 0).drop(), "rt type 0 drop");
    inet(|rule| rule.eq(srh::SID_1, V6).drop(), "srh sid[1] 2001:db8::1 drop");
    inet(|rule| rule.eq(mh::TYPE, MobilityType::BINDING_UPDATE).drop(), "mh type binding-update drop");
    inet(|rule| rule.exists(Existence::dccp_option(40)).drop(), "dccp option 40 exists drop");
}

#[test]
fn look_ups_in_the_routing_table() {
    inet(|rule| rule.missing(fib::saddr().by_iif().check()).drop(), "fib saddr . iif check missing drop");
    inet(|rule| rule.exists(fib::saddr().by_mark().by_iif().check()), "fib saddr . mark . iif check exists");
    inet(
        |rule| rule.eq(fib::daddr().address_type(), AddressType::LOCAL).accept(),
        "fib daddr type local accept",
    );
    inet(
        |rule| {
            rule.not_in(fib::daddr().by_iif().address_type(), [AddressType::LOCAL, AddressType::BROADCAST])
                .drop()
        },
        "fib daddr . iif type != { local, broadcast } drop",
    );
    inet(|rule| rule.eq(fib::daddr().oifname(), "eth0").accept(), "fib daddr oifname \"eth0\" accept");
    inet(|rule| rule.eq(fib::saddr().by_oif().oif(), 1).accept(), "fib saddr . oif oif 1 accept");
}

#[test]
fn numbers_that_spread_load() {
    let servers = || [(0, SADDR), (1, Ipv4Addr::new(192, 168, 1, 54))];
    let map = "map { 0 : 192.168.1.53, 1 : 192.168.1.54 }";
    let check = |make: &dyn Fn(Rule) -> Rule, text: &str| check_rule(Family::IPV4, make, text);
    check(
        &|rule| rule.dnat(look_up(numgen::inc(0..2), servers())),
        &format!("dnat to numgen inc mod 2 {map}"),
    );
    check(
        &|rule| rule.dnat(look_up(jhash(ip::SADDR, 0..2), servers())),
        &format!("dnat to jhash ip saddr mod 2 {map}"),
    );
    check(
        &|rule| rule.dnat(look_up(jhash((ip::SADDR, tcp::DPORT), 0..2).seed(7), servers())),
        &format!("dnat to jhash ip saddr . tcp dport mod 2 seed 0x7 {map}"),
    );
    check(
        &|rule| rule.set(meta::MARK, numgen::random(100..104)),
        "meta mark set numgen random mod 4 offset 100",
    );
    check(&|rule| rule.set(meta::MARK, symhash(1..3)), "meta mark set symhash mod 2 offset 1");
    check(&|rule| rule.set(ct::MARK, jhash(ip::SADDR, 0..16)), "ct mark set jhash ip saddr mod 16");
    check(&|rule| rule.lt(numgen::random(0..100), 10).drop(), "numgen random mod 100 < 10 drop");
    let chain = Chain::new(&Table::new(Family::IPV4, "t"), "c");
    let empty = Rule::in_chain(&chain).set(meta::MARK, numgen::inc(4..4)).define().0;
    assert!(empty.is_err_and(|invalid| invalid.0.contains("the range of numbers is empty")));
    let empty = Rule::in_chain(&chain).set(meta::MARK, jhash(ip::SADDR, 4..4)).define().0;
    assert!(empty.is_err_and(|invalid| invalid.0.contains("the range of numbers is empty")));
}

#[test]
fn bits_of_fields() {
    ip4(|rule| rule.set(ct::MARK, meta::MARK & 0xff), "ct mark set meta mark & 0xff");
    ip4(|rule| rule.set(ct::MARK, meta::MARK & 0xff | 0x100), "ct mark set meta mark & 0xff | 0x100");
    ip4(|rule| rule.set(meta::MARK, ct::MARK ^ 1), "meta mark set ct mark ^ 1");
    ip4(|rule| rule.set(meta::MARK, ct::MARK >> 8 & 0xf), "meta mark set ct mark >> 8 & 0xf");
    ip4(|rule| rule.set(meta::MARK, ct::MARK << 8), "meta mark set ct mark << 8");
    ip4(|rule| rule.eq(meta::MARK & 0xff, 0x10).accept(), "meta mark & 0xff == 0x10 accept");
    ip4(|rule| rule.ne(ct::MARK & 0xf0, 0).accept(), "ct mark & 0xf0 != 0 accept");
    ip4(|rule| rule.is_in(meta::MARK & 0xff, [1, 2]).accept(), "meta mark & 0xff { 1, 2 } accept");
}

#[test]
fn sending_elsewhere() {
    ip4(
        |rule| rule.eq(tcp::DPORT, 80).tproxy((Ipv4Addr::LOCALHOST, 3128)),
        "tcp dport 80 tproxy to 127.0.0.1:3128",
    );
    ip4(|rule| rule.eq(tcp::DPORT, 80).tproxy_port(3128), "tcp dport 80 tproxy to :3128");
    inet(|rule| rule.eq(tcp::DPORT, 80).tproxy_port(3128), "tcp dport 80 tproxy to :3128");
    inet(
        |rule| rule.eq(ip6::SADDR, V6).eq(tcp::DPORT, 80).tproxy_port(3128),
        "ip6 saddr 2001:db8::1 tcp dport 80 tproxy ip6 to :3128",
    );
    inet(
        |rule| rule.eq(meta::L4PROTO, Protocol::UDP).tproxy((Ipv4Addr::LOCALHOST, 3128)),
        "meta l4proto udp tproxy ip to 127.0.0.1:3128",
    );
    inet(
        |rule| rule.eq(tcp::DPORT, 80).tproxy((Ipv6Addr::LOCALHOST, 3128)),
        "tcp dport 80 tproxy ip6 to [::1]:3128",
    );
    check_rule(
        Family::IPV6,
        |rule| rule.eq(tcp::DPORT, 80).tproxy(Ipv6Addr::LOCALHOST),
        "tcp dport 80 tproxy to [::1]",
    );
    ip4(|rule| rule.dup_to(SADDR), "dup to 192.168.1.53");
    ip4(|rule| rule.dup_to_by(SADDR, 1), "dup to 192.168.1.53 device 1");
    check_rule(Family::IPV6, |rule| rule.dup_to_by(V6, 1), "dup to 2001:db8::1 device 1");
    let netdev = |make: fn(Rule) -> Rule, text: &str| check_rule(Family::NETDEV, make, text);
    netdev(|rule| rule.dup_out(1), "dup to 1");
    netdev(|rule| rule.fwd(1), "fwd to 1");
    netdev(|rule| rule.fwd_to(SADDR, 1), "fwd ip to 192.168.1.53 device 1");
    netdev(|rule| rule.fwd_to(V6, 1), "fwd ip6 to 2001:db8::1 device 1");
    let chain = Chain::new(&Table::new(Family::IPV6, "t"), "c");
    let other = Rule::in_chain(&chain).dup_to(SADDR).define().0;
    assert!(other.is_err_and(|invalid| invalid.0.contains("not copied to an address of family ip")));
    inet(
        |rule| {
            let synproxy =
                Synproxy { mss: Some(1460), wscale: Some(7), timestamp: true, sack_permitted: true };
            rule.any(ct::STATE, CtState::INVALID | CtState::UNTRACKED).synproxy(synproxy)
        },
        "ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm",
    );
    let make = |built: &mut Built, table: &Table, chain: &Chain| {
        let fast = built.add(Flowtable::new(table, "fast", 0, ["eth0", "eth1"]).counter());
        built.add(Rule::in_chain(chain).any(ct::STATE, CtState::ESTABLISHED).flow_add(&fast));
    };
    let text = "add flowtable inet t fast { hook ingress priority 0; devices = { eth0, eth1 }; counter; }\n\
                add rule inet t c ct state established flow add @fast";
    check(Family::INET, make, text);
}

#[test]
fn what_elements_have_for_themselves() {
    let seen = |table: &Table| Set::<Ipv4Addr>::new(table, "seen").dynamic();
    let make = |built: &mut Built, table: &Table, chain: &Chain| {
        let seen = built.add(seen(table));
        built.add(Rule::in_chain(chain).count_each(&seen, ip::SADDR).last());
        built.add(Rule::in_chain(chain).quota_each(&seen, ip::SADDR, Quota::over(1000)).drop());
        built.add(Rule::in_chain(chain).connections_each_over(&seen, ip::SADDR, 4).drop());
    };
    let text = "add set ip t seen { type ipv4_addr; flags dynamic; }\n\
                add rule ip t c update @seen { ip saddr counter } last\n\
                add rule ip t c update @seen { ip saddr quota over 1000 bytes } drop\n\
                add rule ip t c add @seen { ip saddr ct count over 4 } drop";
    check(Family::IPV4, make, text);
    let make = |built: &mut Built, table: &Table, chain: &Chain| {
        let ports = built.add(Map::<Ipv4Addr, Mark>::new(table, "marks").dynamic());
        built.add(Rule::in_chain(chain).update_map(&ports, ip::SADDR, meta::MARK, None));
    };
    let text = "add map ip t marks { type ipv4_addr : mark; flags dynamic; }\n\
                add rule ip t c update @marks { ip saddr : meta mark }";
    check(Family::IPV4, make, text);
}

#[test]
fn objects() {
    let make = |built: &mut Built, table: &Table, chain: &Chain| {
        let policy = [("established", Duration::from_secs(600)), ("close", Duration::from_secs(5))];
        let short = built.add(Object::ct_timeout(table, "short", Protocol::TCP, &policy));
        let more = Object::ct_expectation(table, "more", Protocol::UDP, 5060, Duration::from_secs(60), 12);
        let more = built.add(more);
        let synproxy = Synproxy { mss: Some(1460), wscale: Some(7), ..Synproxy::default() };
        let synproxy = built.add(Object::synproxy(table, "syn", synproxy));
        built.add(Rule::in_chain(chain).eq(tcp::DPORT, 80).object(&short));
        built.add(Rule::in_chain(chain).eq(udp::DPORT, 5060).object(&more));
        built.add(Rule::in_chain(chain).eq(tcp::DPORT, 80).object(&synproxy));
    };
    let text = "add ct timeout ip t short { protocol tcp; policy = { established : 600, close : 5 }; }\n\
                add ct expectation ip t more { protocol udp; dport 5060; timeout 60s; size 12; }\n\
                add synproxy ip t syn { mss 1460; wscale 7; }\n\
                add rule ip t c tcp dport 80 ct timeout set \"short\"\n\
                add rule ip t c udp dport 5060 ct expectation set \"more\"\n\
                add rule ip t c tcp dport 80 synproxy name \"syn\"";
    check(Family::IPV4, make, text);
    let table = Table::new(Family::IPV4, "t");
    let odd = Object::ct_timeout(&table, "odd", Protocol::UDP, &[("established", Duration::from_secs(1))]);
    let told = "udp has no state \"established\", but unreplied, replied";
    assert!(odd.define().0.is_err_and(|invalid| invalid.0 == told));
}

#[test]
fn what_the_kernel_knows_of_interfaces_and_connections() {
    ip4(|rule| rule.eq(meta::IIFTYPE, InterfaceType::PPP).accept(), "meta iiftype ppp accept");
    ip4(|rule| rule.eq(meta::DAY, Weekday::SUNDAY).drop(), "meta day \"Sunday\" drop");
    ip4(|rule| rule.eq(meta::SDIFNAME, "vrf0").accept(), "meta sdifname \"vrf0\" accept");
    ip4(|rule| rule.eq(meta::IPSEC, true).accept(), "meta ipsec exists accept");
    ip4(|rule| rule.eq(rt::IPSEC, false).drop(), "rt ipsec missing drop");
    ip4(|rule| rule.eq(rt::NEXTHOP, SADDR).accept(), "rt nexthop 192.168.1.53 accept");
    inet(|rule| rule.eq(rt::NEXTHOP6, V6).accept(), "rt ip6 nexthop 2001:db8::1 accept");
    ip4(|rule| rule.gt(ct::REPLY_BYTES, 1000).drop(), "ct reply bytes > 1000 drop");
    ip4(|rule| rule.set(ct::ORIGINAL_ZONE, 7), "ct original zone set 7");
    ip4(|rule| rule.eq(icmp::CODE, IcmpCode::PORT_UNREACHABLE).drop(), "icmp code port-unreachable drop");
    check_rule(Family::BRIDGE, |rule| rule.eq(meta::IBRNAME, "br0").accept(), "meta ibrname \"br0\" accept");
    ip4(|rule| rule.eq(igmp::TYPE, IgmpType::QUERY).accept(), "igmp type membership-query accept");
    ip4(|rule| rule.eq(esp::SPI, 100).accept(), "esp spi 100 accept");
}

/// What the builder calls each statement of the language: a new one does not compile before it is named here.
fn method(statement: &ir::Statement) -> &'static str {
    use ir::Statement as S;
    match statement {
        S::Match(_) => "eq, ne, lt, le, gt, ge, is_in, not_in, any, none, masked, exists, missing",
        S::Verdict(_) => "verdict, accept, drop, jump, goto, back",
        S::VerdictMap(..) => "vmap",
        S::Counter(_) => "counter",
        S::Quota(_) => "quota",
        S::Limit(_) => "limit",
        S::ConnectionLimit { .. } => "connections, connections_over",
        S::Last(_) => "last",
        S::Object(..) => "object",
        S::Log(_) => "log",
        S::Reject(_) => "reject",
        S::Nat(_) => "snat, dnat, masquerade, masquerade_with, redirect",
        S::Tproxy(_) => "tproxy, tproxy_port",
        S::Synproxy(_) => "synproxy",
        S::Duplicate(_) => "dup_to, dup_to_by, dup_out",
        S::Forward(_) => "fwd, fwd_to",
        S::Queue(_) => "queue, queue_or_pass",
        S::Notrack => "notrack",
        S::FlowAdd(_) => "flow_add",
        S::Assign(..) => "set",
        S::ResetTcpOption(_) => "reset_tcp_option",
        S::SetUpdate(_) => {
            "add_to, update_in, limit_each, count_each, quota_each, connections_each_over, update_map, delete_from"
        }
        S::Raw(_) => "raw",
        // That of iptables is only read.
        S::Extension(_) => "statement",
    }
}

/// And each of these methods is there, in the source of [`Rule`].
#[test]
fn every_statement_has_a_method() {
    let source = concat!(include_str!("../rule.rs"), include_str!("../rule/action.rs"));
    let all: Vec<&str> = include_str!("complete.rs")
        .lines()
        .skip_while(|line| !line.starts_with("fn method"))
        .take_while(|line| *line != "}")
        .filter_map(|line| line.split('"').nth(1))
        .flat_map(|names| names.split(", "))
        .collect();
    assert!(all.len() > 40, "{all:?}");
    for name in all {
        assert!(source.contains(&format!("pub fn {name}")), "{name}");
    }
    assert_eq!(method(&ir::Statement::Notrack), "notrack");
}
