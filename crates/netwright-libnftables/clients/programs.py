"""Runs what programs send to nft: fail2ban's commands, the tables of Docker, kube-proxy and Podman's netavark, and rulesets as they are
published. Each table is made, listed, changed and taken away."""

from said import cmd, nft, run

FAIL2BAN = [
    "add table inet f2b-table",
    "add chain inet f2b-table f2b-chain { type filter hook input priority -1 ; }",
    "add set inet f2b-table addr-set-sshd { type ipv4_addr; }",
    "add rule inet f2b-table f2b-chain tcp dport { 22 } ip saddr @addr-set-sshd reject with icmp port-unreachable",
    "add element inet f2b-table addr-set-sshd { 192.0.2.1 }",
    "add element inet f2b-table addr-set-sshd { 192.0.2.1 }",
    "get element inet f2b-table addr-set-sshd { 192.0.2.1 }",
    "delete element inet f2b-table addr-set-sshd { 192.0.2.1 }",
    "delete element inet f2b-table addr-set-sshd { 192.0.2.1 }",
    "add set inet f2b-table addr6-set-sshd { type ipv6_addr; flags interval; auto-merge; }",
    "add element inet f2b-table addr6-set-sshd { 2001:db8::/64, 2001:db8:0:1::/64 }",
    "list set inet f2b-table addr6-set-sshd",
    "delete element inet f2b-table addr6-set-sshd { 2001:db8::/65 }",
    "list set inet f2b-table addr6-set-sshd",
    "list chain inet f2b-table f2b-chain",
    "delete table inet f2b-table",
]

DOCKER = """
table ip docker-bridges
flush table ip docker-bridges
table ip docker-bridges {
	map filter-forward-in-jumps { type ifname : verdict; elements = { "docker0" : jump filter-forward-in__docker0 } }
	map filter-forward-out-jumps { type ifname : verdict
		elements = { "docker0" : jump filter-forward-out__docker0 }
	}
	map nat-postrouting-in-jumps { type ifname : verdict; elements = { "docker0" : jump nat-postrouting-in__docker0 } }
	chain filter-FORWARD { type filter hook forward priority filter; policy accept
		oifname vmap @filter-forward-in-jumps
		iifname vmap @filter-forward-out-jumps
	}
	chain nat-OUTPUT { type nat hook output priority dstnat; policy accept
		ip daddr != 127.0.0.0/8 fib daddr type local counter jump nat-prerouting-and-output
	}
	chain nat-POSTROUTING { type nat hook postrouting priority srcnat; policy accept; iifname vmap @nat-postrouting-in-jumps }
	chain nat-PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local counter jump nat-prerouting-and-output }
	chain nat-prerouting-and-output { iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80 comment "DNAT" }
	chain filter-forward-in__docker0 { ct state established,related counter accept
		iifname "docker0" counter accept comment "ICC"
		counter drop comment "UNPUBLISHED PORT DROP"
	}
	chain filter-forward-out__docker0 { ct state established,related counter accept; counter accept comment "OUTGOING" }
	chain nat-postrouting-in__docker0 { oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade comment "MASQUERADE" }
	chain raw-PREROUTING { type filter hook prerouting priority raw; policy accept; ip daddr 172.17.0.2 iifname != "docker0" counter drop comment "DROP DIRECT ACCESS" }
}
"""

DOCKER_CHANGES = [
    "add element ip docker-bridges filter-forward-in-jumps { br-1 : jump filter-forward-in__br-1 }",
    "add chain ip docker-bridges filter-forward-in__br-1; add element ip docker-bridges filter-forward-in-jumps { br-1 : jump filter-forward-in__br-1 }",
    "delete chain ip docker-bridges filter-forward-in__br-1",
    "delete element ip docker-bridges filter-forward-in-jumps { br-1 }; delete chain ip docker-bridges filter-forward-in__br-1",
    "delete element ip docker-bridges filter-forward-in-jumps { br-1 : jump filter-forward-in__br-1 }",
    "destroy element ip docker-bridges filter-forward-in-jumps { br-1 }",
    "add rule ip docker-bridges nat-prerouting-and-output iifname != docker0 udp dport 53 counter dnat ip to 172.17.0.3:53",
    "list map ip docker-bridges filter-forward-in-jumps",
]

KUBE = """
add table ip kube-proxy { comment "rules for kube-proxy" ; }
flush table ip kube-proxy
add chain ip kube-proxy services
add chain ip kube-proxy mark-for-masquerade
add rule ip kube-proxy mark-for-masquerade mark set mark or 0x4000
add chain ip kube-proxy masquerading
add rule ip kube-proxy masquerading mark and 0x4000 == 0 return
add rule ip kube-proxy masquerading mark set mark xor 0x4000
add rule ip kube-proxy masquerading masquerade fully-random
add set ip kube-proxy cluster-ips { type ipv4_addr ; comment "Active ClusterIPs" ; }
add set ip kube-proxy nodeport-ips { type ipv4_addr ; comment "IPs that accept NodePort traffic" ; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; comment "ClusterIP, ExternalIP and LoadBalancer IP traffic" ; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict ; comment "NodePort traffic" ; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to services with no endpoints" ; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100 ; }
add rule ip kube-proxy nat-prerouting jump services
add chain ip kube-proxy filter-input { type filter hook input priority -110 ; }
add chain ip kube-proxy nodeport-endpoints-check
add rule ip kube-proxy filter-input ct state new jump nodeport-endpoints-check
add map ip kube-proxy no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }
add rule ip kube-proxy nodeport-endpoints-check ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy services ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
add chain ip kube-proxy service-ULMVA6XW-ns1/svc1/tcp/p80
add chain ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80
add rule ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 ip saddr 10.180.0.1 jump mark-for-masquerade
add rule ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 meta l4proto tcp dnat to 10.180.0.1:80
add rule ip kube-proxy service-ULMVA6XW-ns1/svc1/tcp/p80 ip daddr 172.30.0.41 tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade
add rule ip kube-proxy service-ULMVA6XW-ns1/svc1/tcp/p80 numgen random mod 1 vmap { 0 : goto endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 }
add element ip kube-proxy cluster-ips { 172.30.0.41 }
add element ip kube-proxy service-ips { 172.30.0.41 . tcp . 80 : goto service-ULMVA6XW-ns1/svc1/tcp/p80 }
add set ip kube-proxy affinity-1 { type ipv4_addr ; flags dynamic,timeout ; timeout 10800s ; }
add rule ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 update @affinity-1 { ip saddr }
"""

KUBE_LISTS = [
    "list chains ip",
    "list sets ip",
    "list maps ip",
    "list map ip kube-proxy service-ips",
    "list set ip kube-proxy cluster-ips",
    "list chain ip kube-proxy services",
    "list table ip kube-proxy",
    "list counters ip",
]

KUBE_CHANGES = [
    "delete element ip kube-proxy service-ips { 172.30.0.41 . tcp . 80 }\nflush chain ip kube-proxy service-ULMVA6XW-ns1/svc1/tcp/p80\ndelete chain ip kube-proxy service-ULMVA6XW-ns1/svc1/tcp/p80",
    "flush chain ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80\ndelete chain ip kube-proxy endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80",
    "delete element ip kube-proxy cluster-ips { 172.30.0.41 }\n",
    "add element ip kube-proxy service-ips { 1.1.1.1 . tcp . 80 : goto nope }\n",
    "destroy table ip kube-proxy",
    "destroy table ip kube-proxy",
]

PUBLISHED = [
    'table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t\tiif lo accept\n\t\tct state {established, related} accept\n\t\tip protocol icmp icmp type { destination-unreachable, router-advertisement, time-exceeded, parameter-problem } accept\n\t\ticmpv6 type {echo-request,nd-neighbor-solicit,nd-router-advert} accept\n\t\ttcp dport {ssh, http, https} accept\n\t\tlog prefix "[nftables] Inbound Denied: " flags all counter drop\n\t}\n}',
    "add rule inet filter input tcp dport 22 ct state new limit rate over 10/minute burst 5 packets add @deny { ip saddr timeout 1h } drop",
    "add set inet filter deny { type ipv4_addr; flags dynamic, timeout; }; add rule inet filter input tcp dport 22 ct state new limit rate over 10/minute burst 5 packets add @deny { ip saddr timeout 1h } drop",
    "add rule inet filter input meter m1 { ip saddr limit rate 5/second } accept",
    "add rule inet filter input queue num 1-3 bypass",
    "add rule inet filter input queue flags bypass,fanout to 1-3",
    "insert rule inet filter input position 3 tcp dport 1 accept",
    'add rule inet filter input ip saddr 10.0.0.0/8 ip daddr { 1.1.1.1, 2.2.2.2 } udp sport 1024-65535 udp dport 53 counter accept comment "dns out"',
    "list ruleset",
    "add table netdev f; add chain netdev f i { type filter hook ingress device lo priority -500; }; add rule netdev f i ip frag-off & 0x1fff != 0 counter drop",
    "list table netdev f",
    "add table bridge b; add chain bridge b f { type filter hook forward priority -200; }; add rule bridge b f vlan id 5 ip saddr 1.1.1.1 drop; add rule bridge b f ether saddr 02:00:00:00:00:01 accept",
    "list table bridge b",
    "add table ip m; add chain ip m p { type route hook output priority mangle; }; add rule ip m p ip dscp set ef; add rule ip m p tcp option maxseg size set rt mtu",
    "list table ip m",
    'add rule ip m p meta priority set 1:10; add rule ip m p ct zone set 5; add rule ip m p meta cgroup 1048577 accept; add rule ip m p socket cgroupv2 level 1 "nope" accept',
    "list table ip m",
    "list ruleset",
]

for line in FAIL2BAN:
    cmd(line)
for text in (DOCKER, "list ruleset", DOCKER, "list table ip docker-bridges", *DOCKER_CHANGES, "flush ruleset"):
    cmd(text)
cmd(KUBE)
cmd("list ruleset")
nft.set_json_output(True)
for line in KUBE_LISTS:
    cmd(line)
nft.set_json_output(False)
for line in KUBE_CHANGES:
    cmd(line)


TABLE = {"family": "inet", "name": "netavark"}
IN_TABLE = {"family": "inet", "table": "netavark"}
NETWORK = {"prefix": {"addr": "10.88.0.0", "len": 16}}


def add(kind, value):
    return {"add": {kind: {**IN_TABLE, **value} if kind != "table" else value}}


def match(left, op, right):
    return {"match": {"left": left, "op": op, "right": right}}


def field(protocol, name):
    return {"payload": {"protocol": protocol, "field": name}}


run(
    add("table", TABLE),
    add("chain", {"name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}),
    add("chain", {"name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}),
    add("chain", {"name": "POSTROUTING", "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}),
    add("chain", {"name": "PREROUTING", "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}),
    add("chain", {"name": "NETAVARK-HOSTPORT-DNAT"}),
    add("chain", {"name": "NETAVARK-HOSTPORT-SETMARK"}),
    add("chain", {"name": "NETAVARK-ISOLATION-1"}),
    add(
        "rule",
        {
            "chain": "NETAVARK-HOSTPORT-SETMARK",
            "expr": [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"meta": {"key": "mark"}}, 0x2000]}}}],
        },
    ),
    add("rule", {"chain": "POSTROUTING", "expr": [match({"&": [{"meta": {"key": "mark"}}, 0x2000]}, "==", 0x2000), {"masquerade": None}]}),
    add(
        "rule",
        {
            "chain": "PREROUTING",
            "expr": [match({"fib": {"result": "type", "flags": ["daddr"]}}, "==", "local"), {"jump": {"target": "NETAVARK-HOSTPORT-DNAT"}}],
        },
    ),
    add("rule", {"chain": "FORWARD", "expr": [match({"ct": {"key": "state"}}, "in", "invalid"), {"drop": None}]}),
    add("rule", {"chain": "FORWARD", "expr": [{"jump": {"target": "NETAVARK-ISOLATION-1"}}]}),
)
run(
    add("chain", {"name": "nv_2f259bab_10_88_0_0_nm16"}),
    add(
        "rule",
        {
            "chain": "INPUT",
            "expr": [
                match(field("ip", "saddr"), "==", NETWORK),
                match({"meta": {"key": "l4proto"}}, "==", {"set": ["tcp", "udp"]}),
                match(field("th", "dport"), "==", 53),
                {"accept": None},
            ],
        },
    ),
    add(
        "rule",
        {
            "chain": "FORWARD",
            "expr": [
                match(field("ip", "daddr"), "==", NETWORK),
                match({"ct": {"key": "state"}}, "in", ["established", "related"]),
                {"accept": None},
            ],
        },
    ),
    add(
        "rule",
        {"chain": "POSTROUTING", "expr": [match(field("ip", "saddr"), "==", NETWORK), {"jump": {"target": "nv_2f259bab_10_88_0_0_nm16"}}]},
    ),
    add(
        "rule",
        {
            "chain": "nv_2f259bab_10_88_0_0_nm16",
            "expr": [match(field("ip", "daddr"), "!=", {"prefix": {"addr": "224.0.0.0", "len": 4}}), {"masquerade": None}],
        },
    ),
    add(
        "rule",
        {
            "chain": "NETAVARK-HOSTPORT-DNAT",
            "expr": [match(field("tcp", "dport"), "==", 8080), {"dnat": {"addr": "10.88.0.2", "family": "ip", "port": 80}}],
        },
    ),
    add(
        "rule",
        {
            "chain": "NETAVARK-HOSTPORT-DNAT",
            "expr": [
                match(field("tcp", "dport"), "==", {"range": [9000, 9010]}),
                match({"meta": {"key": "nfproto"}}, "==", "ipv4"),
                {"dnat": {"addr": "10.88.0.2", "family": "ip"}},
            ],
        },
    ),
    {
        "insert": {
            "rule": {
                **IN_TABLE,
                "chain": "NETAVARK-ISOLATION-1",
                "expr": [
                    match({"meta": {"key": "iifname"}}, "==", "podman1"),
                    match({"meta": {"key": "oifname"}}, "!=", "podman1"),
                    {"drop": None},
                ],
            }
        }
    },
)
run({"list": {"table": TABLE}})
run({"list": {"chain": {**IN_TABLE, "name": "FORWARD"}}})
run({"list": {"chains": {"family": "inet"}}})
listed = nft.json_cmd({"nftables": [{"list": {"table": TABLE}}]})[1]["nftables"]
rules = [one["rule"] for one in listed if "rule" in one]
first = next(rule["handle"] for rule in rules if rule["chain"] == "NETAVARK-HOSTPORT-DNAT")
# without the handle, which another library's kernel counts otherwise
nft.json_cmd({"nftables": [{"delete": {"rule": {**IN_TABLE, "chain": "NETAVARK-HOSTPORT-DNAT", "handle": first}}}]})
run(
    {"flush": {"chain": {**IN_TABLE, "name": "nv_2f259bab_10_88_0_0_nm16"}}},
    {"delete": {"chain": {**IN_TABLE, "name": "nv_2f259bab_10_88_0_0_nm16"}}},
)
run({"delete": {"rule": {**IN_TABLE, "chain": "POSTROUTING"}}})
cmd("list ruleset")
cmd("flush ruleset")
for line in PUBLISHED:
    cmd(line)
cmd("flush ruleset")
