//! Each key of links, addresses, settings, routes, policy rules and neighbours: what `ip` says when it is set, changed, taken out of
//! the file, rolled back and withdrawn.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::judge::{difference, state};
use crate::support::{Place, isolated_with, needs, said, sh};

/// Section, what stands beside, key, two values; the command that shows it and where, or a file; what it shows with both values and
/// with neither: `-` nothing, `?` the word alone, `+W` and `!W` a list with and without a word, `~N` about so many seconds, `^` what it
/// was before. No last value: it cannot be left out. Links P and Q are there, and are up.
const ROWS: &str = r#"
link||up|false|true|ip -d -j link show P|/0/flags|!UP|+UP|+UP
link||mtu|1400|1300|ip -d -j link show P|/0/mtu|1400|1300|^
link||link-group|7|8|ip -d -j link show P|/0/group|"7"|"8"|^
link||transmit-queue-length|500|600|ip -d -j link show P|/0/txqlen|500|600|^
link||mac|"02:00:00:00:00:01"|"02:00:00:00:00:02"|ip -d -j link show P|/0/address|"02:00:00:00:00:01"|"02:00:00:00:00:02"|^
link||master|"b0"|"b1"|ip -d -j link show P|/0/master|"b0"|"b1"|-
link||alternative-names|["one"]|["two"]|ip -d -j link show P|/0/altnames/0|"one"|"two"|-
address|address = "192.0.2.1/24"|label|"P:a"|"P:b"|ip -d -j addr show dev P|192.0.2.1 label|"P:a"|"P:b"|"P"
address|address = "192.0.2.1/24"|scope|"link"|"site"|ip -d -j addr show dev P|192.0.2.1 scope|"link"|"site"|"global"
address|address = "192.0.2.1/24", valid-lifetime = 7000|preferred-lifetime|5000|6000|ip -d -j addr show dev P|192.0.2.1 preferred_life_time|~5000|~6000|~7000
address|address = "192.0.2.1/24"|preferred-lifetime|6000|0|ip -d -j addr show dev P|192.0.2.1 preferred_life_time|~6000|0|4294967295
address|address = "192.0.2.1/24"|valid-lifetime|5000|6000|ip -d -j addr show dev P|192.0.2.1 valid_life_time|~5000|~6000|4294967295
address|address = "192.0.2.1/24"|prefix-route|false|true|ip -d -j addr show dev P|192.0.2.1 noprefixroute|true|-|-
address|address = "192.0.2.1/24"|metric|7|8|ip -d -j addr show dev P|192.0.2.1 metric|7|8|-
address|address = "192.0.2.1/32"|peer|"192.0.2.9/32"|"192.0.2.8/32"|ip -d -j addr show dev P|192.0.2.1 address|"192.0.2.9"|"192.0.2.8"|-
address|address = "2001:db8::1/64"|valid-lifetime|6000|5000|ip -d -j addr show dev P|2001:db8::1 valid_life_time|~6000|~5000|4294967295
address|address = "2001:db8::1/64", valid-lifetime = 7000|preferred-lifetime|6000|5000|ip -d -j addr show dev P|2001:db8::1 preferred_life_time|~6000|~5000|~7000
address|address = "2001:db8::1/64"|preferred-lifetime|5000|0|ip -d -j addr show dev P|2001:db8::1 preferred_life_time|~5000|0|4294967295
address|address = "2001:db8::1/64"|prefix-route|false|true|ip -d -j addr show dev P|2001:db8::1 noprefixroute|true|-|-
address|address = "2001:db8::1/64"|metric|7|8|ip -d -j addr show dev P|2001:db8::1 metric|7|8|-
address|address = "2001:db8::1/128"|peer|"2001:db8::9/128"|"2001:db8::8/128"|ip -d -j addr show dev P|2001:db8::1 address|"2001:db8::9"|"2001:db8::8"|-
ipv4||forwarding|true|false|/proc/sys/net/ipv4/conf/P/forwarding||1|0|^
ipv4||rp-filter|"strict"|"loose"|/proc/sys/net/ipv4/conf/P/rp_filter||1|2|^
ipv4||proxy-arp|true|false|/proc/sys/net/ipv4/conf/P/proxy_arp||1|0|^
ipv4||accept-local|true|false|/proc/sys/net/ipv4/conf/P/accept_local||1|0|^
ipv4||arp-ignore|1|2|/proc/sys/net/ipv4/conf/P/arp_ignore||1|2|^
ipv4||arp-announce|1|2|/proc/sys/net/ipv4/conf/P/arp_announce||1|2|^
ipv4||arp-filter|true|false|/proc/sys/net/ipv4/conf/P/arp_filter||1|0|^
ipv4||accept-redirects|false|true|/proc/sys/net/ipv4/conf/P/accept_redirects||0|1|^
ipv4||send-redirects|false|true|/proc/sys/net/ipv4/conf/P/send_redirects||0|1|^
ipv4||accept-source-route|true|false|/proc/sys/net/ipv4/conf/P/accept_source_route||1|0|^
ipv4||route-localnet|true|false|/proc/sys/net/ipv4/conf/P/route_localnet||1|0|^
ipv4||log-martians|true|false|/proc/sys/net/ipv4/conf/P/log_martians||1|0|^
ipv6||disable|true|false|/proc/sys/net/ipv6/conf/P/disable_ipv6||1|0|^
ipv6||forwarding|true|false|/proc/sys/net/ipv6/conf/P/forwarding||1|0|^
ipv6||accept-ra|"always"|false|/proc/sys/net/ipv6/conf/P/accept_ra||2|0|^
ipv6||autoconf|false|true|/proc/sys/net/ipv6/conf/P/autoconf||0|1|^
ipv6||privacy|"on"|"prefer"|/proc/sys/net/ipv6/conf/P/use_tempaddr||1|2|^
ipv6||address-generation|"none"|"random"|/proc/sys/net/ipv6/conf/P/addr_gen_mode||1|3|^
ipv6||duplicate-address-detection|false|true|/proc/sys/net/ipv6/conf/P/accept_dad||0|1|^
ipv6||proxy-ndp|true|false|/proc/sys/net/ipv6/conf/P/proxy_ndp||1|0|^
ipv6||accept-redirects|false|true|/proc/sys/net/ipv6/conf/P/accept_redirects||0|1|^
ipv6||accept-source-route|true|false|/proc/sys/net/ipv6/conf/P/accept_source_route||1|0|^
ipv6||hop-limit|7|8|/proc/sys/net/ipv6/conf/P/hop_limit||7|8|^
forwarding||ipv4|true|false|/proc/sys/net/ipv4/ip_forward||1|0|^
forwarding||ipv6|true|false|/proc/sys/net/ipv6/conf/all/forwarding||1|0|^
route|dev = "P"|to|"10.9.0.0/16"|"10.8.0.0/16"|ip -d -j route show table all proto 157|/0/dst|"10.9.0.0/16"|"10.8.0.0/16"|
route|to = "10.9.0.0/16"; dev = "P"|via|"192.0.2.9"|"192.0.2.8"|ip -d -j route show table all proto 157|/0/gateway|"192.0.2.9"|"192.0.2.8"|-
route|to = "2001:db8:9::/48"; dev = "P"|via|"2001:db8::9"|"2001:db8::8"|ip -6 -d -j route show table all proto 157|/0/gateway|"2001:db8::9"|"2001:db8::8"|-
route|to = "10.9.0.0/16"|dev|"P"|"Q"|ip -d -j route show table all proto 157|/0/dev|"P"|"Q"|
route|to = "default"; type = "unreachable"|family|"ipv4"|"ipv6"|ip -4 -d -j route show table all proto 157|/0/type|"unreachable"|-|
route|to = "10.9.0.0/16"; dev = "P"|table|100|200|ip -d -j route show table all proto 157|/0/table|"100"|"200"|"main"
route|to = "2001:db8:9::/48"; dev = "P"|table|100|200|ip -6 -d -j route show table all proto 157|/0/table|"100"|"200"|"main"
route|to = "10.9.0.0/16"; dev = "P"|metric|7|8|ip -d -j route show table all proto 157|/0/metric|7|8|-
route|to = "2001:db8:9::/48"; dev = "P"|metric|7|8|ip -6 -d -j route show table all proto 157|/0/metric|7|8|1024
route|to = "10.9.0.0/16"|type|"blackhole"|"prohibit"|ip -d -j route show table all proto 157|/0/type|"blackhole"|"prohibit"|
route|to = "2001:db8:9::/48"|type|"blackhole"|"prohibit"|ip -6 -d -j route show table all proto 157|/0/type|"blackhole"|"prohibit"|
route|to = "10.9.0.0/16"; dev = "P"|scope|"global"|"site"|ip -d -j route show table all proto 157|/0/scope|"global"|"site"|"link"
route|to = "10.9.0.0/16"; dev = "P"|source|"192.0.2.1"|"192.0.2.2"|ip -d -j route show table all proto 157|/0/prefsrc|"192.0.2.1"|"192.0.2.2"|-
route|to = "2001:db8:9::/48"; dev = "P"|source|"2001:db8::1"|"2001:db8::2"|ip -6 -d -j route show table all proto 157|/0/prefsrc|"2001:db8::1"|"2001:db8::2"|-
route|to = "10.9.0.0/16"; dev = "P"; via = "192.0.2.9"|onlink|true|false|ip -d -j route show table all proto 157|/0/flags|+onlink|!onlink|!onlink
route|to = "10.9.0.0/16"; dev = "P"|protocol|"static"|"boot"|ip -d -j route show 10.9.0.0/16|/0/protocol|"static"|"boot"|"157"
route|to = "2001:db8:9::/48"; dev = "P"|protocol|"static"|"boot"|ip -6 -d -j route show 2001:db8:9::/48|/0/protocol|"static"|"boot"|"157"
route|to = "10.9.0.0/16"; dev = "P"|mtu|1400|1300|ip -d -j route show table all proto 157|/0/metrics/0/mtu|1400|1300|-
route|to = "2001:db8:9::/48"; dev = "P"|mtu|1400|1300|ip -6 -d -j route show table all proto 157|/0/metrics/0/mtu|1400|1300|-
route|to = "10.9.0.0/16"; dev = "P"|advmss|1360|1260|ip -d -j route show table all proto 157|/0/metrics/0/advmss|1360|1260|-
route|to = "10.9.0.0/16"; dev = "P"|window|7000|8000|ip -d -j route show table all proto 157|/0/metrics/0/window|7000|8000|-
route|to = "10.9.0.0/16"; dev = "P"|initial-congestion-window|20|30|ip -d -j route show table all proto 157|/0/metrics/0/initcwnd|20|30|-
route|to = "10.9.0.0/16"; dev = "P"|initial-receive-window|20|30|ip -d -j route show table all proto 157|/0/metrics/0/initrwnd|20|30|-
route|to = "10.9.0.0/16"; dev = "P"|hop-limit|7|8|ip -d -j route show table all proto 157|/0/metrics/0/hoplimit|7|8|-
route|to = "10.9.0.0/16"; dev = "P"|quick-ack|true|false|ip -d -j route show table all proto 157|/0/metrics/0/quickack|1|-|-
nexthop|dev = "P"|via|"192.0.2.9"|"192.0.2.8"|ip -d -j route show table all proto 157|/0/nexthops/1/gateway|"192.0.2.9"|"192.0.2.8"|
nexthop|via = "192.0.2.9"|dev|"P"|"P"|ip -d -j route show table all proto 157|/0/nexthops/1/dev|"P"|"P"|"P"
nexthop|via = "192.0.2.9"|weight|3|5|ip -d -j route show table all proto 157|/0/nexthops/1/weight|3|5|1
nexthop|via = "192.0.2.9"; dev = "P"|onlink|true|false|ip -d -j route show table all proto 157|/0/nexthops/1/flags|+onlink|!onlink|!onlink
rule|family = "ipv4"; table = 100|priority|500|501|ip -j rule show table 100|/0/priority|500|501|
rule|priority = 500; table = 100; to = "10.9.0.0/16"|from|"192.0.2.0/24"|"192.0.3.0/24"|ip -j rule show priority 500|/0/src|"192.0.2.0"|"192.0.3.0"|"all"
rule|priority = 500; table = 100; from = "10.9.0.0/16"|to|"192.0.2.0/24"|"192.0.3.0/24"|ip -j rule show priority 500|/0/dst|"192.0.2.0"|"192.0.3.0"|-
rule|priority = 500; table = 100|family|"ipv6"|"ipv4"|ip -6 -j rule show priority 500|/0/priority|500|-|500
rule|priority = 500; family = "ipv4"; table = 100|fwmark|"0x1/0xff"|"0x2/0xff"|ip -j rule show priority 500|/0/fwmark|"0x1"|"0x2"|-
rule|priority = 500; family = "ipv4"; table = 100|iif|"P"|"Q"|ip -j rule show priority 500|/0/iif|"P"|"Q"|-
rule|priority = 500; family = "ipv4"; table = 100|oif|"P"|"Q"|ip -j rule show priority 500|/0/oif|"P"|"Q"|-
rule|priority = 500; family = "ipv4"|table|100|200|ip -j rule show priority 500|/0/table|"100"|"200"|
rule|priority = 500; family = "ipv4"|action|"blackhole"|"prohibit"|ip -j rule show priority 500|/0/action|"blackhole"|"prohibit"|
rule|priority = 500; family = "ipv4"; action = "goto"|goto|600|700|ip -j rule show priority 500|/0/goto|600|700|
rule|priority = 500; family = "ipv4"; table = 100|uid-range|"1000-1999"|7|ip -j rule show priority 500|/0/uid_start|1000|7|-
rule|priority = 500; family = "ipv4"; table = 100|ip-protocol|"tcp"|"udp"|ip -j rule show priority 500|/0/ipproto|"tcp"|"udp"|-
rule|priority = 500; family = "ipv4"; table = 100|source-port|53|"54"|ip -j rule show priority 500|/0/sport|53|54|-
rule|priority = 500; family = "ipv4"; table = 100|destination-port|53|"54"|ip -j rule show priority 500|/0/dport|53|54|-
rule|priority = 500; family = "ipv6"; table = 100|destination-port|"53-60"|"54-60"|ip -6 -j rule show priority 500|/0/dport_start|53|54|-
rule|priority = 500; family = "ipv4"; table = 100|suppress-prefix-length|0|8|ip -j rule show priority 500|/0/suppress_prefixlen|0|8|-
rule|priority = 500; family = "ipv4"; table = 100; iif = "P"|not|true|false|ip -j rule show priority 500|/0/not|?|-|-
neighbour|address = "192.0.2.50"; mac = "02:00:00:00:00:50"|dev|"P"|"Q"|ip -j neigh show to 192.0.2.50|/0/dev|"P"|"Q"|
neighbour|dev = "P"; mac = "02:00:00:00:00:50"|address|"192.0.2.50"|"192.0.2.51"|ip -j neigh show nud permanent|/0/dst|"192.0.2.50"|"192.0.2.51"|
neighbour|dev = "P"; address = "192.0.2.50"|mac|"02:00:00:00:00:50"|"02:00:00:00:00:51"|ip -j neigh show to 192.0.2.50|/0/lladdr|"02:00:00:00:00:50"|"02:00:00:00:00:51"|
neighbour|dev = "P"; address = "2001:db8::50"|mac|"02:00:00:00:00:50"|"02:00:00:00:00:51"|ip -6 -j neigh show to 2001:db8::50|/0/lladdr|"02:00:00:00:00:50"|"02:00:00:00:00:51"|
neighbour|dev = "P"; address = "192.0.2.50"; mac = "02:00:00:00:00:50"|state|"noarp"|"permanent"|ip -j neigh show to 192.0.2.50 nud all|/0/state|+NOARP|+PERMANENT|+PERMANENT
neighbour|dev = "P"; address = "192.0.2.50"|proxy|true|true|ip -j neigh show proxy|/0/dst|"192.0.2.50"|"192.0.2.50"|
"#;

/// Keys that say nothing to the kernel, or are told of by other tests and sections.
const NOT_KEYS: &[&str] =
    &["kind", "optional", "adopt", "match", "addresses", "ipv4", "ipv6", "address", "nexthops", "to"];

struct Row {
    section: &'static str,
    beside: &'static str,
    key: &'static str,
    values: [&'static str; 2],
    command: &'static str,
    path: &'static str,
    seen: [&'static str; 2],
    usual: &'static str,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let part: Vec<&'static str> = line.split('|').collect();
        assert_eq!(part.len(), 10, "{line}");
        Row {
            section: part[0],
            beside: part[1],
            key: part[2],
            values: [part[3], part[4]],
            command: part[5],
            path: part[6],
            seen: [part[7], part[8]],
            usual: part[9],
        }
    };
    ROWS.lines().filter(|line| !line.is_empty()).map(row).collect()
}

impl Row {
    fn name(&self) -> String {
        format!("{} {} ({})", self.section, self.key, self.beside)
    }

    /// A host file with the key, or without.
    fn file(&self, value: Option<&str>) -> String {
        const ADDRESSES: &str =
            "addresses = [\"192.0.2.1/24\", \"192.0.2.2/24\", \"2001:db8::1/64\", \"2001:db8::2/64\"]\n";
        let own = value.map(|value| format!("{} = {value}", self.key));
        let all: Vec<String> =
            self.beside.split("; ").map(str::to_owned).chain(own).filter(|line| !line.is_empty()).collect();
        let (lines, inline) = (all.join("\n"), all.join(", "));
        let text = match self.section {
            "link" => {
                format!("[link.b0]\nkind = \"bridge\"\n[link.b1]\nkind = \"bridge\"\n[link.P]\n{lines}")
            }
            "address" => format!("[link.P]\naddresses = [{{ {inline} }}]"),
            "ipv4" | "ipv6" => format!("[link.P]\n{} = {{ {inline} }}", self.section),
            "forwarding" if all.is_empty() => String::new(),
            "forwarding" => format!("forwarding = {{ {inline} }}"),
            "nexthop" => format!(
                "[link.P]\n{ADDRESSES}[[route]]\nto = \"10.9.0.0/16\"\nnexthops = [{{ via = \"192.0.2.7\", dev = \"P\" }}, {{ {inline} }}]"
            ),
            section => format!("[link.P]\n{ADDRESSES}[link.Q]\n[[{section}]]\n{lines}"),
        };
        format!("owner = \"objects\"\n{text}\n")
    }

    /// What is there now; `None` where nothing is.
    fn found(&self) -> Option<Value> {
        if self.command.starts_with('/') {
            return serde_json::from_str(sh(&format!("cat {}", self.command)).trim()).ok();
        }
        let text = sh(&format!("{} 2>/dev/null || :", self.command));
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        if self.path.starts_with('/') {
            return json.pointer(self.path).cloned();
        }
        let (address, key) = self.path.split_once(' ').unwrap();
        let all = json.pointer("/0/addr_info")?.as_array()?;
        all.iter().find(|found| found["local"] == address)?.get(key).cloned()
    }
}

fn fits(found: Option<&Value>, wanted: &str, before: Option<&Value>) -> bool {
    let has = |word: &str| {
        let list = found.and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|known| known == word))
    };
    match (wanted, wanted.get(1..)) {
        ("^", _) => found == before,
        ("-", _) => found.is_none(),
        ("?", _) => found.is_some(),
        (_, Some(word)) if wanted.starts_with('+') => has(word),
        (_, Some(word)) if wanted.starts_with('!') => !has(word),
        (_, Some(number)) if wanted.starts_with('~') => {
            let number: i64 = number.parse().unwrap();
            found.and_then(Value::as_i64).is_some_and(|found| (number - 300..=number).contains(&found))
        }
        _ => found == Some(&serde_json::from_str(wanted).unwrap()),
    }
}

/// All rows of a section. What is wrong comes back.
fn live(place: &Place, section: &str) -> String {
    sh("ip link set lo up; n=0; for l in P Q; do n=$((n+1))
        ip link add $l address 02:00:00:00:01:0$n type veth peer name far$l address 02:00:00:00:02:0$n
        ip link set $l up; ip link set far$l up; done");
    let mut wrong: Vec<String> = Vec::new();
    let (mut tried, mut not_tried) = (0, "");
    let others = state();
    let users = sh("awk '{ all += $3 } END { print all }' /proc/self/uid_map");
    for row in rows().iter().filter(|row| row.section == section) {
        if row.key == "uid-range" && users.trim() == "1" {
            not_tried = "; not tried where there is one user only: uid-range";
            continue;
        }
        tried += 1;
        let before = row.found();
        let mut fails = |what: &str, why: String| wrong.push(format!("{}: {what}: {why}", row.name()));
        let put = |what: &str, value: Option<&str>, wanted: &str, fails: &mut dyn FnMut(&str, String)| {
            let path = place.write("host.toml", &row.file(value));
            let (code, told) = place.apply(&path);
            if code != Some(0) {
                return fails(what, format!("it is refused: {told}"));
            }
            let found = row.found();
            if !fits(found.as_ref(), wanted, before.as_ref()) {
                fails(what, format!("ip shows {found:?} instead of {wanted}: {told}"));
            }
            let (code, told) = said(place.netwright().args(["plan", "--exit-code"]).arg(&path));
            if code != Some(0) {
                fails(what, format!("not as declared: {told}"));
            }
        };
        put("set", Some(row.values[0]), row.seen[0], &mut fails);
        put("changed", Some(row.values[1]), row.seen[1], &mut fails);
        let last = match row.usual {
            "" => row.seen[1],
            usual => {
                put("taken out", None, usual, &mut fails);
                usual
            }
        };
        // the last change goes back: that which took it out, or else the one before
        let back = if row.usual.is_empty() { row.seen[0] } else { row.seen[1] };
        if last != back && row.values[0] != row.values[1] {
            let (_, told) = said(place.netwright().arg("rollback"));
            let found = row.found();
            // where taking it out changed nothing, there was nothing of it to be taken back
            let same = last == "^" && fits(before.as_ref(), back, None);
            if !same && !fits(found.as_ref(), back, None) {
                fails("rolled back", format!("ip shows {found:?} instead of {back}: {told}"));
            }
        }
        let (code, told) = said(place.netwright().arg("withdraw"));
        let found = row.found();
        if code != Some(0) || found != before {
            fails("withdrawn", format!("ip shows {found:?} instead of {before:?}: {told}"));
        }
    }
    let left = difference(&others, &state());
    if !left.is_empty() {
        wrong.push(format!("in the end it is not as before:\n{}", left.join("\n")));
    }
    format!("{tried} tried, {} wrong{not_tried}\n{}", wrong.len(), wrong.join("\n"))
}

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = rows().iter().map(|row| row.section).collect();
    sections.dedup();
    sections
}

const LIVE: &str = "objects::each_key_is_seen_by_ip_when_it_is_set_changed_and_taken_back";

#[test]
fn each_key_is_seen_by_ip_when_it_is_set_changed_and_taken_back() {
    if !needs(&["ip", "nft"]) {
        return;
    }
    let mut wrong = Vec::new();
    for (number, section) in sections().iter().enumerate() {
        let told =
            isolated_with(LIVE, number as u64, |place, number| live(place, sections()[number as usize]));
        match told {
            None => return,
            Some(Ok(told)) if told.contains(" 0 wrong") => {
                println!("figure: {section} {}", told.lines().next().unwrap_or_default());
            }
            Some(Ok(told) | Err(told)) => wrong.push(format!("{section}: {told}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A key that is added to the model and not here is one that nobody tries.
#[test]
fn each_key_of_the_schema_has_a_row_here() {
    let tried: BTreeSet<(&str, &str)> = rows().iter().map(|row| (row.section, row.key)).collect();
    let schema = netwright_state::schema();
    let keys = |value: &Value| -> Vec<String> {
        value["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let definition = |name: &str| keys(&schema["$defs"][name]);
    let mut missing = Vec::new();
    let all = [
        ("link", definition("link")),
        ("address", definition("address")),
        ("ipv4", definition("link's-ipv4-settings")),
        ("ipv6", definition("link's-ipv6-settings")),
        ("forwarding", definition("forwarding")),
        ("route", definition("route")),
        ("nexthop", definition("nexthop")),
        ("rule", definition("policy-rule")),
        ("neighbour", definition("neighbour")),
    ];
    for (section, keys) in &all {
        assert!(!keys.is_empty(), "{section} is in the schema by another name: {schema:#}");
        for key in keys.iter().filter(|key| !NOT_KEYS.contains(&key.as_str()) || *section == "forwarding") {
            if !tried.contains(&(*section, key.as_str())) {
                missing.push(format!("{section} {key}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
