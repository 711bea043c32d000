//! `netwright nft list hooks` in namespaces made for the test.

use crate::support::{isolated, run};

fn listed(what: &str) -> (i32, String, String) {
    let script = format!(
        r#"
        ip link set lo up
        "$0" nft 'table inet t {{
            chain c {{ type filter hook input priority filter + 3; }}
            chain d {{ type filter hook output priority -7; }}
        }}'
        "$0" nft list hooks {what}
    "#
    );
    run(&mut isolated(&script))
}

/// Where the kernel does not tell it, that is said, as a test that sees nothing would pass anywhere.
#[test]
fn chains_stand_at_their_hooks() {
    let (code, out, err) = listed("inet");
    assert_eq!(code, 0, "{err}");
    if err.contains("CONFIG_NETFILTER_NETLINK_HOOK") {
        assert_eq!(out, "", "{err}");
        eprintln!("this kernel does not tell what sits at its hooks");
        return;
    }
    assert_eq!(err, "");
    for (family, other) in [("ip", "ip6"), ("ip6", "arp")] {
        let part = out.split(&format!("family {family} {{")).nth(1).expect("the family is listed");
        let part = part.split(&format!("family {other} {{")).next().unwrap_or_default();
        assert!(part.contains("\n\thook input {\n"), "{out}");
        assert!(part.contains("\n\t\t+0000000003 chain inet t c [nf_tables]\n"), "{out}");
        assert!(part.contains("\n\t\t-0000000007 chain inet t d [nf_tables]\n"), "{out}");
    }
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let (code, out, err) = listed("netdev device loo");
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("there is no device loo"), "{err}");
    assert!(err.contains("`lo`"), "{err}");
}
