//! What README and reference promise, one by one.

use netwright::route::rule::PortRange;
use netwright::route::{Family, Rule, Table};

use crate::support::{isolated, may_make_tunnels, said, sh};

const OFFICE: &str = "[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n[[route]]\nto = \"192.0.2.0/24\"\nvia = \"10.9.0.2\"\n";

#[test]
fn leaves_alone_what_it_did_not_make() {
    isolated("sentences::leaves_alone_what_it_did_not_make", |place| {
        sh(
            "ip link set lo up; ip link add vpn0 type bridge; ip link set vpn0 up; ip addr add 10.200.0.1/24 dev vpn0; \
            ip route add 172.16.0.0/12 via 10.200.0.9; ip rule add priority 77 fwmark 1 table 77; \
            nft add table ip docker; nft add chain ip docker forward '{ type filter hook forward priority 0; policy drop; }'",
        );
        let foreign = || {
            sh(
                "ip -o addr show dev vpn0 | sed 's/valid_lft.*//; s/ tentative//'; ip route show 172.16.0.0/12; ip rule show priority 77; \
                nft list ruleset ip",
            )
        };
        let before = foreign();
        place.apply_well("host.toml", OFFICE);
        place.apply_well("host.toml", &OFFICE.replace("10.9.0.1/24", "10.9.0.3/24"));
        assert_eq!(before, foreign());
        let (code, text) = said(place.netwright().args(["withdraw"]));
        assert_eq!(code, Some(0), "{text}");
        assert_eq!(before, foreign());
        assert_eq!(sh("ip -o link show | grep -c lan || true").trim(), "0");
    });
}

#[test]
fn a_second_apply_changes_nothing() {
    isolated("sentences::a_second_apply_changes_nothing", |place| {
        place.apply_well("host.toml", OFFICE);
        let text = place.apply_well("host.toml", OFFICE);
        assert!(text.contains("Nothing to do"), "{text}");
    });
}

#[test]
fn what_is_refused_half_way_is_taken_back() {
    isolated("sentences::what_is_refused_half_way_is_taken_back", |place| {
        sh("ip link set lo up");
        let before = sh("ip -o link; ip -o addr; ip route; ip rule");
        // a link carries one macvlan of mode passthru
        let text = format!(
            "{OFFICE}[link.a]\nkind = \"bridge\"\n[link.m1]\nkind = \"macvlan\"\nparent = \"a\"\nmode = \"passthru\"\n\
             [link.m2]\nkind = \"macvlan\"\nparent = \"a\"\nmode = \"passthru\"\n"
        );
        let path = place.write("host.toml", &text);
        let (code, text) = place.apply(&path);
        assert_eq!(code, Some(1), "{text}");
        assert_eq!(before, sh("ip -o link; ip -o addr; ip route; ip rule"), "{text}");
    });
}

#[test]
fn what_another_owner_applied_stays() {
    isolated("sentences::what_another_owner_applied_stays", |place| {
        let one = "owner = \"one\"\n[link.one]\nkind = \"bridge\"\naddresses = [\"10.1.0.1/24\"]\n";
        let two = "owner = \"two\"\n[link.two]\nkind = \"bridge\"\naddresses = [\"10.2.0.1/24\"]\n";
        place.apply_well("one.toml", one);
        place.apply_well("two.toml", two);
        place.apply_well("two.toml", "owner = \"two\"\n");
        assert!(links().contains("one"));
        assert!(!links().contains("two"));
    });
}

#[test]
fn a_folder_is_one_host() {
    isolated("sentences::a_folder_is_one_host", |place| {
        sh(&format!("mkdir {}/host.d", place.folder.display()));
        let rules = |table: &str| format!("[firewall]\nrules = \"table inet {table} {{ }}\"\n");
        place.write(
            "host.d/10-links.toml",
            &format!("[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n{}", rules("one")),
        );
        place.write(
            "host.d/20-routes.toml",
            &format!("[[route]]\nto = \"192.0.2.0/24\"\nvia = \"10.9.0.2\"\n{}", rules("two")),
        );
        place.write("host.d/README", "this is no host file");
        let (code, text) = place.apply(&place.folder.join("host.d"));
        assert_eq!(code, Some(0), "{text}");
        assert!(sh("ip route show 192.0.2.0/24").contains("via 10.9.0.2 dev lan"));
        assert!(sh("nft list tables").contains("one") && sh("nft list tables").contains("two"));
        place.write("host.d/30-more.toml", "[link.lan]\nmtu = 1400\n");
        let (code, text) = place.apply(&place.folder.join("host.d"));
        assert_eq!(code, Some(1));
        assert!(text.contains("30-more.toml:1") && text.contains("10-links.toml:1"), "{text}");
    });
}

#[test]
fn at_the_start_the_firewall_stands_and_a_wrong_file_gives_way() {
    isolated("sentences::at_the_start_the_firewall_stands_and_a_wrong_file_gives_way", |place| {
        let good = format!("{OFFICE}[firewall]\nrules = \"table inet filter {{ }}\"\n");
        place.apply_well("host.toml", &good);
        let fresh = || sh("ip link del lan 2>/dev/null || :; nft flush ruleset");
        let boot = || said(place.netwright().args(["apply", "--boot"]).arg(place.folder.join("host.toml")));
        fresh();
        place.write("host.toml", &format!("{good}nonsense"));
        let (code, text) = boot();
        assert_eq!(code, Some(3), "{text}");
        assert!(links().contains("lan") && sh("nft list tables").contains("filter"), "{text}");
        fresh();
        // a gateway that cannot be reached is refused by the kernel
        place.write(
            "host.toml",
            &format!("{good}[[route]]\nto = \"203.0.113.0/24\"\nvia = \"10.77.0.1\"\ndev = \"lan\"\n"),
        );
        let (code, text) = boot();
        assert_eq!(code, Some(1), "{text}");
        assert!(!links().contains("lan") && sh("nft list tables").contains("filter"), "{text}");
    });
}

#[test]
fn links_are_configured_when_they_appear_and_drift_is_mended_where_asked_for() {
    isolated(
        "sentences::links_are_configured_when_they_appear_and_drift_is_mended_where_asked_for",
        |place| {
            let text = "[link.late0]\noptional = true\naddresses = [\"10.3.0.1/24\"]\n[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n";
            let file = place.write("host.toml", text);
            let addresses = || sh("ip -o -4 addr");
            let within = |what: &dyn Fn() -> bool| {
                (0..100).any(|_| {
                    what() || {
                        std::thread::sleep(std::time::Duration::from_millis(50));
                        false
                    }
                })
            };
            let watch = |more: &[&str]| {
                place.netwright().arg("-q").arg("watch").arg(&file).args(more).spawn().unwrap()
            };
            let mut process = watch(&[]);
            assert!(within(&|| addresses().contains("10.9.0.1")));
            sh("ip addr del 10.9.0.1/24 dev lan; ip link add other type bridge");
            sh("sleep 1");
            assert!(!addresses().contains("10.9.0.1"));
            sh("ip link add late0 type veth peer late1");
            assert!(within(&|| addresses().contains("10.3.0.1")));
            sh(&format!("kill -TERM {}", process.id()));
            assert!(process.wait().unwrap().success());
            let mut process = watch(&["--mend"]);
            assert!(within(&|| addresses().contains("10.9.0.1")));
            sh("ip link del lan");
            assert!(within(&|| addresses().contains("10.9.0.1")));
            sh(&format!("kill -INT {}", process.id()));
            assert!(process.wait().unwrap().success());
        },
    );
}

#[test]
fn what_was_captured_changes_nothing() {
    isolated("sentences::what_was_captured_changes_nothing", |place| {
        if may_make_tunnels() {
            sh("ip tuntap add t0 mode tap");
        }
        sh("ip link set lo up; ip link add br0 type bridge stp_state 1; ip link set br0 up mtu 1400; \
            ip link add v0 type veth peer v1; ip link set v0 master br0 up; ip link set v1 up; \
            ip link add link v1 name odd.7 type macvlan mode bridge; ip link set odd.7 up; \
            ip link add vx type vxlan id 42 remote 203.0.113.9 dstport 4789; \
            ip addr add 10.0.0.1/24 dev br0; ip addr add 10.0.1.1/24 dev br0 label br0:x metric 50; \
            ip addr add 10.9.0.1 peer 10.9.0.2/32 dev v1; ip addr add 10.8.0.1/24 dev br0 valid_lft 1000 preferred_lft 1000; \
            ip route add default via 10.0.0.254; ip route add 10.50.0.0/16 via 10.0.0.3 metric 7 mtu 1300 table 99; \
            ip route add blackhole 10.60.0.0/16; ip route add 10.70.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4; \
            ip route add 10.80.0.0/16 via 10.0.0.3 proto dhcp; ip rule add priority 100 fwmark 0x1/0xff table 99; \
            ip rule add priority 105 ipproto tcp dport 80-90 table main suppress_prefixlength 0; \
            ip neigh add 10.0.0.77 lladdr 02:00:00:00:00:01 dev br0 nud permanent; ip neigh add proxy 10.0.0.78 dev br0");
        sh(
            "nft 'add table inet f; add set inet f s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.0/16 }; }; \
            add chain inet f i { type filter hook input priority 0; }; add rule inet f i iif br0 ip saddr @s tcp dport { 22, 80 } counter accept'",
        );
        let (code, text) = said(place.netwright().arg("capture"));
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("# route 10.80.0.0/16 via 10.0.0.3 dev br0 proto dhcp"), "{text}");
        let told = place.apply_well("host.toml", &text);
        assert!(told.contains("Nothing to do"), "{told}");
        // another host becomes the same
        let folder = place.folder.join("captured");
        let (code, told) = said(place.netwright().arg("capture").arg(&folder));
        assert_eq!(code, Some(0), "{told}");
        sh("nft flush ruleset; for link in br0 v0 vx t0; do ip link del $link || :; done");
        sh("ip rule del priority 100; ip rule del priority 105");
        let (code, told) = place.apply(&folder);
        assert_eq!(code, Some(0), "{told}");
        let (code, again) = said(place.netwright().arg("capture"));
        assert_eq!(code, Some(0), "{again}");
        let lines = |text: &str| {
            let mut lines: Vec<String> = text
                .lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&text), lines(&again), "{text}\n{again}");
    });
}

#[test]
fn a_plan_tells_what_of_others_goes_along() {
    isolated("sentences::a_plan_tells_what_of_others_goes_along", |place| {
        place.apply_well("host.toml", "[link.lan]\nkind = \"bridge\"\naddresses = [\"10.1.0.1/24\"]\n");
        sh("ip link add link lan name upper type macvlan mode bridge; ip addr add 10.66.0.1/24 dev lan; \
            ip addr add 10.67.0.1/24 dev upper; ip link add p0 type veth peer p1; ip link set p0 master lan");
        let path = place.write("host.toml", "");
        let (code, text) = said(place.netwright().arg("plan").arg(path));
        assert_eq!(code, Some(0), "{text}");
        for lost in [
            "- link upper, which lies on lan",
            "- address 10.66.0.1/24 dev lan",
            "- address 10.67.0.1/24",
            "- link p0: master lan",
        ] {
            assert!(text.contains(lost), "{lost}: {text}");
        }
        // a card with the address of a DHCP client becomes a port
        sh(
            "ip link add card type veth peer far; ip link set card up; ip link set far up; ip addr add 10.68.0.7/24 dev card; \
            ip addr add 2001:db8:68::7/64 dev card nodad; ip route add default via 10.68.0.1 proto dhcp",
        );
        let path =
            place.write("port.toml", "owner = \"port\"\n[link.br]\nkind = \"bridge\"\nports = [\"card\"]\n");
        let (code, text) = said(place.netwright().arg("plan").arg(path));
        assert_eq!(code, Some(0), "{text}");
        for useless in ["10.68.0.7/24", "2001:db8:68::7/64", "default via 10.68.0.1 dev card"] {
            assert!(text.contains("of no use") && text.contains(useless), "{useless}: {text}");
        }
        sh("ip link add link card name theirs type macvlan mode bridge");
        let (code, text) = said(place.netwright().arg("plan").arg(place.folder.join("port.toml")));
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("cannot be a port of br") && text.contains("macvlan `theirs`"), "{text}");
    });
}

#[test]
fn a_status_compares_with_what_was_applied() {
    isolated("sentences::a_status_compares_with_what_was_applied", |place| {
        place.apply_well("host.toml", OFFICE);
        let status = || said(place.netwright().arg("status"));
        place.write("host.toml", "");
        assert_eq!(status().0, Some(0), "{}", status().1);
        sh("ip addr add 10.77.0.1/24 dev lan");
        assert_eq!(status().0, Some(0), "{}", status().1);
        sh("ip route del 192.0.2.0/24");
        let (code, text) = status();
        assert_eq!(code, Some(10), "{text}");
        assert!(text.contains("+ route 192.0.2.0/24 via 10.9.0.2 dev lan"), "{text}");
    });
}

#[test]
fn a_plan_in_json_is_as_its_schema_says() {
    isolated("sentences::a_plan_in_json_is_as_its_schema_says", |place| {
        let file = place.write(
            "host.toml",
            &format!("{OFFICE}[link.absent0]\n[firewall]\nrules = \"table inet f {{ }}\"\n"),
        );
        let output = place.netwright().args(["plan", "--json"]).arg(&file).output().unwrap();
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let schema = place.netwright().args(["schema", "plan"]).output().unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&plan), keys(&schema["properties"]));
        for list in ["steps", "problems", "missing"] {
            let known = keys(&schema["properties"][list]["items"]["properties"]);
            let items = plan[list].as_array().unwrap();
            assert!(!items.is_empty(), "{list}: {plan}");
            assert!(items.iter().all(|item| keys(item) == known), "{list}: {plan}");
        }
    });
}

#[test]
fn what_of_others_cannot_be_put_back_stands_in_the_plan() {
    isolated("sentences::what_of_others_cannot_be_put_back_stands_in_the_plan", |place| {
        sh("ip link add br0 type bridge; ip link set br0 up; ip link add p0 type veth peer p1; \
            ip link set p0 master br0 up; ip link set p1 up; bridge mdb add dev br0 port p0 grp 239.1.1.1 permanent");
        let path = place.write("host.toml", "[link.br0]\nkind = \"veth\"\npeer = \"br1\"\nadopt = true\n");
        let (code, text) = said(place.netwright().arg("plan").arg(path));
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("multicast group 239.1.1.1 on p0, for good"), "{text}");
        assert!(text.contains("link p0: master br0"), "{text}");
    });
}

/// The kernel deletes the first rule in which it finds all that it is told.
#[test]
fn a_general_rule_goes_and_a_special_one_stays() {
    isolated("sentences::a_general_rule_goes_and_a_special_one_stays", |place| {
        for (general, special) in [
            ("family = \"ipv4\"", "ip-protocol = \"tcp\""),
            ("from = \"192.0.2.0/24\"", "fwmark = 7"),
            ("from = \"2001:db8::/32\"", "destination-port = 53"),
            ("family = \"ipv6\"", "oif = \"lo\""),
        ] {
            let rule = |more: &str| format!("[[rule]]\npriority = 500\ntable = 100\n{general}\n{more}\n");
            let (one, two) =
                (format!("owner = \"one\"\n{}", rule(special)), format!("owner = \"two\"\n{}", rule("")));
            place.apply_well("one.toml", &one);
            let before = sh("ip rule; ip -6 rule");
            place.apply_well("two.toml", &two);
            assert_ne!(before, sh("ip rule; ip -6 rule"));
            let (code, told) = said(place.netwright().args(["withdraw", "--owner", "two"]));
            assert_eq!((code, sh("ip rule; ip -6 rule")), (Some(0), before.clone()), "{told}");
            // and on the way back
            place.apply_well("two.toml", &two);
            let (code, told) = said(place.netwright().arg("rollback"));
            assert_eq!((code, sh("ip rule; ip -6 rule")), (Some(0), before), "{told}");
            let (code, told) = said(place.netwright().args(["withdraw", "--owner", "one"]));
            assert_eq!(code, Some(0), "{told}");
        }
    });
}

#[test]
fn what_a_host_file_cannot_say_of_a_rule_is_told() {
    isolated("sentences::what_a_host_file_cannot_say_of_a_rule_is_told", |place| {
        let net = netwright::Net::open().unwrap();
        let rule = |number: u32| Rule::lookup(Table(100)).priority(number);
        let ports = Some(PortRange { start: 80, end: 80 });
        let ipv6 = |number| rule(number).family(Family::IPV6);
        let all = [
            (Rule { dscp: Some(10), ..rule(501) }, "dscp 10"),
            (Rule { flow_label: Some(7), ..ipv6(502) }, "flow label 0x7"),
            (Rule { source_ports: ports, source_port_mask: Some(0xff), ..rule(503) }, "source port 80/0xff"),
            (Rule { suppress_group: Some(7), ..ipv6(504) }, "but none of group 7"),
        ];
        for (rule, words) in all {
            // kernels before 6.15 do not know all of them
            if net.rules().add(rule.clone()).is_err() {
                println!("did not run: {rule}");
                continue;
            }
            let (_, captured) = said(place.netwright().arg("capture"));
            assert!(captured.contains(&format!("rule {rule}")), "{rule}: {captured}");
            assert!(!captured.contains("[[rule]]"), "{rule}: {captured}");
            let (_, listed) = said(place.netwright().args(["list", "rules"]));
            assert!(listed.contains(words), "{words}: {listed}");
            net.rules().delete(rule).unwrap();
        }
    });
}

#[test]
fn what_was_adopted_is_given_back_as_it_was() {
    isolated("sentences::what_was_adopted_is_given_back_as_it_was", |place| {
        sh(
            "ip link add br0 type bridge ageing_time 11100; ip link set br0 up mtu 1450; ip addr add 10.1.0.1/24 dev br0; \
            ip route add 10.2.0.0/16 via 10.1.0.9 metric 5 proto dhcp; ip rule add priority 50 fwmark 7 table 70; \
            ip neigh add 10.1.0.7 lladdr 02:00:00:00:00:07 dev br0 nud permanent",
        );
        let state = || {
            sh(
                "ip -d -o link show br0 | grep -oE ' mtu [0-9]*|ageing_time [0-9]*|stp_state [01]|priority [0-9]*'; ip -o addr show br0 | grep -v fe80; \
                ip route show 10.2.0.0/16 | sed 's/ linkdown//'; ip rule show priority 50; ip neigh show 10.1.0.7",
            )
        };
        let before = state();
        let text = "owner = \"o\"\n[link.br0]\nkind = \"bridge\"\nadopt = true\nmtu = 1400\nageing-time = 77\nstp = true\n\
            addresses = [{ address = \"10.1.0.1/24\", valid-lifetime = 5000, adopt = true }]\n\
            [[route]]\nto = \"10.2.0.0/16\"\nvia = \"10.1.0.8\"\nmetric = 5\nadopt = true\n\
            [[rule]]\npriority = 50\nfwmark = 7\ntable = 71\nadopt = true\n\
            [[neighbour]]\ndev = \"br0\"\naddress = \"10.1.0.7\"\nmac = \"02:00:00:00:00:08\"\nadopt = true\n";
        place.apply_well("host.toml", text);
        let told = place.apply_well("host.toml", text);
        assert!(told.contains("Nothing to do"), "{told}");
        // a second change keeps what was there first
        place.apply_well("host.toml", &text.replace("ageing-time = 77", "ageing-time = 78\npriority = 4096"));
        let (code, told) = said(place.netwright().arg("withdraw"));
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(before, state(), "{told}");
    });
}

#[test]
fn what_an_owner_has_is_captured_alone() {
    isolated("sentences::what_an_owner_has_is_captured_alone", |place| {
        sh(
            "ip link set lo up; ip link add other type bridge; ip addr add 10.66.0.1/24 dev other; ip link set other up; \
            nft add table inet others",
        );
        let text = format!("owner = \"office\"\n{OFFICE}[firewall]\nrules = \"table inet own {{ }}\"\n");
        place.apply_well("host.toml", &text);
        let capture = |owner: &str| said(place.netwright().args(["capture", "--owner", owner]));
        let (code, told) = capture("office");
        assert_eq!(code, Some(0), "{told}");
        assert!(
            told.contains("[link.lan]") && told.contains("10.9.0.1/24") && told.contains("table inet own"),
            "{told}"
        );
        assert!(!told.contains("10.66.0.1") && !told.contains("table inet others"), "{told}");
        let told = place.apply_well("captured.toml", &told);
        assert!(told.contains("Nothing to do"), "{told}");
        let (code, told) = capture("nobody");
        assert_eq!(code, Some(1), "{told}");
    });
}

fn links() -> String {
    sh("ip -br link")
}
