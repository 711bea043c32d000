//! What people write who know another language or paste from a page, and what nft has for it.

/// What a character is that looks like another, or like nothing, and what to do about it.
pub(super) fn character(character: char) -> Option<String> {
    let advice = match character {
        '\u{feff}' => "is a byte order mark: remove it",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            "is a space of another kind: write a plain one"
        }
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' => {
            "cannot be seen: remove it"
        }
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "is a quote of another kind: write `\"`",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "is a dash of another kind: write `-`",
        _ => return None,
    };
    Some(format!("U+{:04X} {advice}.", u32::from(character)))
}

/// What there is in the place of an option of iptables.
pub(super) fn option(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    let option = text.get(..end)?;
    let instead = match option {
        "-A" | "--append" => "`add rule TABLE CHAIN …`",
        "-I" | "--insert" => "`insert rule TABLE CHAIN …`",
        "-s" | "--source" | "--src" => "`ip saddr`",
        "-d" | "--destination" | "--dst" => "`ip daddr`",
        "-i" | "--in-interface" => "`iifname`",
        "-o" | "--out-interface" => "`oifname`",
        "-p" | "--protocol" => "`meta l4proto`, or just `tcp dport`",
        "-j" | "--jump" => "the verdict alone: `accept`, `drop`, `jump CHAIN`",
        "-g" | "--goto" => "`goto CHAIN`",
        "-m" | "--match" => "the match itself, without a module: `ct state`, `limit rate`",
        "--dport" | "--destination-port" => "`tcp dport` or `udp dport`",
        "--sport" | "--source-port" => "`tcp sport` or `udp sport`",
        "--dports" | "--sports" | "--ports" => "a set: `tcp dport { 22, 80 }`",
        "--state" | "--ctstate" => "`ct state established,related`",
        "--tcp-flags" | "--syn" => "`tcp flags & (fin | syn | rst | ack) == syn`",
        "--icmp-type" => "`icmp type`",
        "--icmpv6-type" => "`icmpv6 type`",
        "--mac-source" => "`ether saddr`",
        "--mark" => "`meta mark`",
        "--set-mark" | "--set-xmark" => "`meta mark set`",
        "--limit" | "--limit-burst" => "`limit rate 10/second burst 5 packets`",
        "--log-prefix" => "`log prefix`",
        "--reject-with" => "`reject with`",
        "--to-destination" => "`dnat to`",
        "--to-source" => "`snat to`",
        "--to-ports" | "--to-port" => "`redirect to :PORT`",
        "--match-set" => "`ip saddr @SET`",
        "--comment" => "`comment`",
        "--uid-owner" => "`meta skuid`",
        "--dst-type" | "--src-type" => "`fib daddr type`",
        _ => return None,
    };
    Some(format!("`{option}` is an option of iptables: nft has {instead}."))
}

/// What there is in the place of a word that is none of the language, where a statement or a command can stand.
pub(super) fn word(word: &str) -> Option<String> {
    let instead = match word {
        "iptables" | "ip6tables" | "ebtables" | "arptables" => {
            return Some(format!(
                "This is a command of {word}: `{word}-translate` prints what nft has for it."
            ));
        }
        "port" | "ports" | "dport" => "`tcp dport` or `udp dport`",
        "sport" => "`tcp sport` or `udp sport`",
        "src" | "source" | "saddr" | "from" => "`ip saddr` or `ip6 saddr`",
        "dst" | "destination" | "daddr" | "to" => "`ip daddr` or `ip6 daddr`",
        "state" | "established" | "related" | "new" | "invalid" => "`ct state established,related`",
        "proto" | "protocol" | "l4proto" => "`meta l4proto`",
        "interface" | "iface" | "dev" | "in" | "out" => "`iifname` or `oifname`",
        "mac" => "`ether saddr`",
        "code" => "`icmp code` or `icmpv6 code`",
        "allow" | "permit" | "pass" => "`accept`",
        "deny" | "block" | "discard" => "`drop` or `reject`",
        _ => return None,
    };
    Some(format!("nft has {instead}."))
}

/// What is missing or too much between two words, by what stands before the second in its line.
pub(super) fn behind(before: &str, word: &str) -> Option<String> {
    let is_number = |text: &str| text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let is_address =
        |text: &str| text.split('/').next().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    let before = before.trim_end();
    let mut words = before.rsplit([' ', '\t', '{', '(', ';', ',']).filter(|word| !word.is_empty());
    let (last, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let open = before.rfind('{').is_some_and(|at| before.rfind('}').is_none_or(|end| end < at));
    let clipped = super::clip(word);
    let advice = match last {
        "limit" if is_number(word) => format!("A rate is written `limit rate {clipped}/second`."),
        "redirect" | "masquerade" if is_number(word) => format!("Ports are written `{last} to :{clipped}`."),
        "tcp" | "udp" | "sctp" | "dccp" if is_number(word) => {
            format!("Write the field: `{last} dport {clipped}` or `{last} sport {clipped}`.")
        }
        "ip" | "ip6" if is_address(word) => {
            format!("Write the field: `{last} saddr {clipped}` or `{last} daddr {clipped}`.")
        }
        _ if second == "to" && is_address(last) && is_number(word) => {
            format!("A port stands behind a colon: `{last}:{clipped}`.")
        }
        _ if before.ends_with('&') && word.starts_with('&') => {
            "Matches stand side by side, and all of them must hold: write nothing between them.".to_owned()
        }
        _ if before.ends_with('|') && word.starts_with('|') => {
            "Values of which one must match stand in a set: `{ 22, 80 }`. Other alternatives are rules of their own.".to_owned()
        }
        _ if second == "comment" && !last.starts_with('"') => {
            "A comment of several words stands in double quotes.".to_owned()
        }
        _ if open && !last.is_empty() && is_number(last) && is_number(word) => {
            "Elements have commas between them.".to_owned()
        }
        _ if is_number(last) && is_number(word) => {
            format!("Several values stand in braces: `{{ {}, {clipped} }}`.", super::clip(last))
        }
        _ if matches!(second, "saddr" | "daddr") && last.split('-').all(|pair| pair.len() == 2) && word.starts_with('-') => {
            "An Ethernet address has colons: `00:11:22:33:44:55`.".to_owned()
        }
        "" if is_address(word) => {
            let version = if word.contains(':') { "ip6" } else { "ip" };
            format!("Write the field: `{version} saddr {clipped}` or `{version} daddr {clipped}`.")
        }
        _ => return None,
    };
    Some(advice)
}

/// The unit of time of a rate that another spelling stands for.
pub(super) fn time_unit(word: &str) -> Option<&'static str> {
    Some(match word {
        "s" | "sec" | "secs" | "seconds" => "second",
        "m" | "min" | "mins" | "minutes" => "minute",
        "h" | "hr" | "hours" => "hour",
        "d" | "days" => "day",
        "w" | "weeks" => "week",
        _ => return None,
    })
}

/// The way to reject that iptables writes as one word.
pub(super) fn reject(word: &str) -> Option<String> {
    let code = |kind: &str, code: &str| Some(format!("nft has `reject with {kind} {code}`."));
    match word {
        "tcp-reset" | "rst" | "reset" => Some("nft has `reject with tcp reset`.".to_owned()),
        _ => {
            let (kind, rest) = word.split_once('-')?;
            match kind {
                "icmp" => code("icmp", rest),
                "icmp6" | "icmpv6" => code("icmpv6", rest),
                "icmpx" => code("icmpx", rest),
                _ => None,
            }
        }
    }
}
