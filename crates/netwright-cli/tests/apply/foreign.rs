//! What others have made beside a host file: containers, VPNs, DHCP clients, routing daemons, and writers that never rest.

use std::process::{Child, Command, Stdio};

use crate::support::{Random, try_sh};

/// Each can be had alone or beside the others. What a kernel does not have is left out.
pub(crate) const FOREIGN: &[&str] = &[
    "ip link set eth0 up; ip addr add 198.51.100.77/24 dev eth0; ip route add default via 198.51.100.1 proto dhcp metric 100",
    "ip link set eth1 up; ip addr add 203.0.113.77/24 dev eth1; ip route add 172.20.0.0/16 via 203.0.113.9 proto static; ip route append 172.20.0.0/16 via 203.0.113.8 proto static",
    "ip link set eth1 up; ip addr add 2001:db8:77::1/64 dev eth1 nodad; ip -6 route add 2001:db8:7700::/48 via 2001:db8:77::9 proto static",
    "ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up; ip link add vethd type veth peer name vethc; ip link set vethd master docker0 up",
    "ip link add tunv type vxlan id 4242 dstport 4789 local 127.0.0.1; ip link set tunv up; bridge fdb append 00:00:00:00:00:00 dev tunv dst 10.66.0.1; ip addr add 10.66.0.2/24 dev tunv",
    "ip rule add priority 5200 fwmark 0x77 table 77; ip route add default dev lo table 77",
    "nft add table ip docker; nft add chain ip docker c '{ type nat hook postrouting priority 100; }'; nft add rule ip docker c ip saddr 172.17.0.0/16 counter masquerade",
    "nft add table inet others; nft add set inet others s '{ type ipv4_addr; }'; nft add element inet others s '{ 192.0.2.1 }'",
    "ip link set eth2 up; ip addr add 192.0.2.77/24 dev eth2; ip nexthop add id 77 via 192.0.2.9 dev eth2; ip route add 172.21.0.0/16 nhid 77 proto bgp",
    "ip link set eth2 up; ip addr add 192.0.2.177/24 dev eth2; ip neigh add 192.0.2.78 lladdr 02:00:00:00:77:77 dev eth2 nud permanent",
    "tc qdisc add dev eth3 root handle 77: fq_codel",
    "ip route add blackhole 172.22.0.0/16 proto bird",
    "ip link set eth0 up; ip link add link eth0 name vlan9 type vlan id 9; ip link set vlan9 up; ip addr add 10.77.9.1/24 dev vlan9; ip route add 172.23.0.0/16 via 10.77.9.9",
    "ip link add vrfx type vrf table 1077; ip link set vrfx up; ip link add vv type veth peer name vvp; ip link set vvp up; ip link set vv master vrfx up; ip addr add 10.78.0.1/24 dev vv; ip route add 172.23.0.0/16 via 10.78.0.9 vrf vrfx",
    "ip link set eth1 up; ip addr add 10.88.0.7/24 dev eth1 valid_lft 86400 preferred_lft 43200; ip route add default via 10.88.0.1 dev eth1 proto dhcp src 10.88.0.7 metric 1002",
    "for n in 0 1; do ip link set eth$n up; ip addr add 10.89.$n.1/24 dev eth$n; done; ip route add 172.24.0.0/16 proto bird nexthop via 10.89.0.9 dev eth0 weight 2 nexthop via 10.89.1.9 dev eth1",
    "ip link set eth0 up; ip addr add 10.90.0.1/24 dev eth0; ip route add 172.25.0.0/16 via 10.90.0.9 mtu lock 1300 advmss 1200 initcwnd 12 proto static; ip route add 172.25.0.0/16 via 10.90.0.8 dsfield 0x10 proto static; ip route add 172.25.0.0/16 via 10.90.0.7 metric 50 proto static",
    "ip link set eth0 up; ip addr add 10.91.0.1/24 dev eth0; ip route add 172.26.0.0/16 encap ip id 100 dst 10.91.0.9 via 10.91.0.9 dev eth0 proto static",
    "ip link set eth0 up; ip addr add 2001:db8:78::1/64 dev eth0 nodad valid_lft 86400 preferred_lft 43200; ip neigh add proxy 2001:db8:78::5 dev eth0; ip neigh add proxy 198.51.100.99 dev eth0",
    "for n in 0 1; do ip link set eth$n up; ip addr add 2001:db8:8$n::1/64 dev eth$n nodad; done; ip route add 2001:db8:7800::/48 proto bird nexthop via 2001:db8:80::9 dev eth0 weight 2 nexthop via 2001:db8:81::9 dev eth1; ip route add 2001:db8:7900::/48 via 2001:db8:80::9 metric 7 proto static",
    "ip link set eth2 up; ip addr add 10.92.0.1/24 dev eth2; ip nexthop add id 90 via 10.92.0.8 dev eth2; ip nexthop add id 91 via 10.92.0.9 dev eth2; ip nexthop add id 92 group 90,3/91; ip route add 172.28.0.0/16 nhid 92 proto bgp; ip nexthop add id 93 blackhole; ip route add 172.29.0.0/16 nhid 93 proto bgp",
    "ip link set eth2 up; ip addr add 2001:db8:92::1/64 dev eth2 nodad; ip nexthop add id 94 via 2001:db8:92::9 dev eth2; ip route add 2001:db8:9200::/48 nhid 94 proto bgp; ip addr add 10.93.0.1/24 dev eth2; ip route add 172.30.0.0/16 via inet6 2001:db8:92::9 dev eth2 proto bgp",
    "ip rule add priority 100 from 192.0.2.0/25 table 177; ip rule add priority 400 iif lo uidrange 5-6 table 178 protocol static; ip -6 rule add priority 300 to 2001:db8:5::/48 table 179",
    "ip link set eth1 alias uplink; ip link set eth1 group 7; ip link set eth1 txqueuelen 555; ip link property add dev eth1 altname wan0",
    "ip route add local 172.31.0.0/24 dev lo; ip route add throw 172.31.1.0/24 table 100; ip route add unreachable default metric 4278198272 proto static",
    "nft add table netdev foreign; nft add chain netdev foreign c '{ type filter hook ingress device eth1 priority 5; }'; nft add rule netdev foreign c ip saddr 192.0.2.98 counter drop",
    "nft add table inet fast; nft add flowtable inet fast f '{ hook ingress priority 0; devices = { eth1, eth2 }; }'; nft add chain inet fast c '{ type filter hook forward priority 0; }'; nft add rule inet fast c meta l4proto tcp flow add @f",
    "ip link set eth3 up; ip link add link eth3 name foreignmv type macvlan mode bridge; ip link set foreignmv up; ip addr add 10.94.0.1/24 dev foreignmv; ip route add 172.27.0.0/16 via 10.94.0.9 dev foreignmv proto dhcp",
    "ip link set eth0 up; ip addr add 10.95.0.1 peer 10.95.0.2/32 dev eth0; ip route add 10.96.0.0/16 via 10.95.0.2 proto static; ip tunnel add tunf mode gre remote 10.95.0.2 local 10.95.0.1 ttl 9; ip link set tunf up; ip addr add 10.97.0.1/30 dev tunf; ip route add 10.98.0.0/16 dev tunf proto static",
    // IPv6 as others have set it
    "ip link set eth2 up; echo 1380 > /proc/sys/net/ipv6/conf/eth2/mtu",
    "ip link set eth3 up; echo 1370 > /proc/sys/net/ipv6/conf/eth3/mtu; echo 7 > /proc/sys/net/ipv6/conf/eth3/hop_limit; ip addr add 2001:db8:93::1/64 dev eth3 nodad home",
    "ip link set eth0 up; ip addr add 2001:db8:94::1/64 dev eth0 nodad preferred_lft 0; ip addr add 2001:db8:94::2/64 dev eth0 nodad noprefixroute; ip route add 2001:db8:94::/64 dev eth0 metric 99 proto ra",
    "ip link set eth1 up; ip addr add 2001:db8:95::1 peer 2001:db8:95::2/128 dev eth1 nodad; ip route add default via 2001:db8:95::2 dev eth1 proto ra metric 512 pref low; ip route add 2001:db8:9500::/40 via 2001:db8:95::2 dev eth1 mtu 1300 proto static",
    "ip link set eth2 up; echo 0 > /proc/sys/net/ipv6/conf/eth2/accept_ra; echo 1 > /proc/sys/net/ipv6/conf/eth2/proxy_ndp; ip neigh add 2001:db8:96::5 lladdr 02:00:00:00:77:78 dev eth2 nud permanent router; ip neigh add 192.0.2.79 lladdr 02:00:00:00:77:79 dev eth2 extern_learn",
    // what a host file cannot say
    "ip link set eth0 up; ip addr add 10.100.0.1/24 dev eth0; ip route add 172.32.0.0/16 via 10.100.0.9 rtt 5 congctl reno proto static; ip route add multicast 239.5.0.0/16 dev eth0 proto static",
    "ip link set eth0 up; ip addr add 10.101.0.1/24 brd 10.101.0.77 dev eth0 label eth0:7; ip link set eth0 promisc on; ip link set eth0 allmulticast on",
    "ip link add br7 type bridge; ip link set br7 up; ip link add p7 type veth peer name q7; ip link set p7 master br7 up; bridge link set dev p7 hairpin on isolated on; bridge fdb add 02:00:00:00:77:70 dev p7 master static; bridge mdb add dev br7 port p7 grp 239.7.7.7 permanent",
    "ip link add br8 type bridge vlan_filtering 1; ip link add p8 type veth peer name q8; ip link set p8 master br8 up; bridge vlan add dev p8 vid 88 pvid untagged; ip link set br8 up",
    "tc qdisc add dev eth1 root handle 78: tbf rate 1mbit burst 32k latency 50ms; tc qdisc add dev eth1 clsact",
    "ip link set eth2 up; ip link add bondx type bond mode active-backup; ip link add pb type veth peer name qb; ip link set pb master bondx; ip link set bondx up; ip addr add 10.102.0.1/24 dev bondx; ip route add 172.33.0.0/16 via 10.102.0.9",
    // firewalls of container engines and cluster agents
    "nft add table ip6 docker6; nft add chain ip6 docker6 c '{ type nat hook postrouting priority 100; }'; nft add rule ip6 docker6 c ip6 saddr fd00::/8 counter masquerade",
    "nft add table ip kube; nft add chain ip kube svc-1; nft add rule ip kube svc-1 counter; nft add map ip kube services '{ type ipv4_addr . inet_proto . inet_service : verdict; }'; nft add element ip kube services '{ 10.96.0.1 . tcp . 443 : goto svc-1 }'; nft add chain ip kube pre '{ type filter hook prerouting priority -110; }'; nft add rule ip kube pre ip daddr . meta l4proto . th dport vmap @services",
    "nft add table inet ban; nft add set inet ban s '{ type ipv6_addr; flags timeout; }'; nft add element inet ban s '{ 2001:db8::bad timeout 1h }'; nft add counter inet ban c; nft add quota inet ban q '{ over 5 mbytes }'; nft add chain inet ban i '{ type filter hook input priority -5; }'; nft add rule inet ban i ip6 saddr @s counter name c drop",
    // a card that is down, where nobody has anything on it
    "ip addr show dev eth1 | grep -q global && exit 1; ip link set eth1 up; echo 1390 > /proc/sys/net/ipv6/conf/eth1/mtu; ip link set eth1 down",
];

/// What others have: each of these by chance.
pub(crate) fn foreign(random: &mut Random) {
    for script in FOREIGN {
        if random.chance(3) {
            try_sh(script);
        }
    }
}

/// What is in all that the writers make: the name of a link that went while it was listed is a number.
const BUSY: [&str; 4] = ["busy", "\"172.18.", "\"172.19.", "\"fd00:18:"];

/// Programs that change what is theirs all the time, as container engines, DHCP clients and address managers do.
pub(crate) struct Writers(Vec<Child>);

impl Writers {
    pub(crate) fn start() -> Self {
        let scripts = [
            "nft add table ip busy 2>&-; nft add set ip busy s '{ type ipv4_addr; }' 2>&-; while :; do nft add element ip busy s '{ 10.0.0.1 }'; nft flush set ip busy s; sleep 0.03; done",
            "while :; do ip link add busy0 type veth peer name busy1; ip addr add 172.18.0.1/16 dev busy0; ip -6 addr add fd00:18::1/64 dev busy0 nodad; ip link set busy0 up; \
             ip route replace 172.19.0.0/16 via 172.18.0.9 dev busy0; ip rule add priority 7777 iif busy0 table 7777; sleep 0.02; ip rule del priority 7777; ip link del busy0; sleep 0.02; done",
        ];
        let start = |script: &&str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        Writers(scripts.iter().map(start).collect())
    }

    /// What there is without theirs.
    pub(crate) fn apart(state: Vec<String>) -> Vec<String> {
        state.into_iter().filter(|line| !BUSY.iter().any(|busy| line.contains(busy))).collect()
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        for writer in &mut self.0 {
            let _ = writer.kill();
            let _ = writer.wait();
        }
    }
}
