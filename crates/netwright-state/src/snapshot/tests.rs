use netwright_nft::diagnostic::SourceMap;

use super::*;
use crate::{Format, read};

fn setting(family: Family, link: Option<&str>, name: &'static str) -> Setting {
    Setting { family, link: link.map(str::to_owned), name }
}

#[test]
fn settings_are_named_as_sysctl_does() {
    assert_eq!(Setting::forwarding(Family::IPV4).to_string(), "net.ipv4.ip_forward");
    assert_eq!(Setting::forwarding(Family::IPV6).to_string(), "net.ipv6.conf.all.forwarding");
    let of_vlan = setting(Family::IPV4, Some("eth0.5"), "rp_filter");
    assert_eq!(of_vlan.to_string(), "net.ipv4.conf.eth0/5.rp_filter");
    assert_eq!(of_vlan.path(Some("main")), ["ipv4", "conf", "main", "rp_filter"]);
}

/// Every setting that can be declared is read before a link is deleted.
#[test]
fn all_declared_settings_are_known() {
    let text = r#"
        [link.a]
        ipv4 = { forwarding = true, rp-filter = "loose", proxy-arp = true, accept-local = true, arp-ignore = 1, arp-announce = 1, arp-filter = true, accept-redirects = true, send-redirects = true, accept-source-route = true, route-localnet = true, log-martians = true }
        ipv6 = { disable = false, forwarding = true, accept-ra = true, autoconf = true, privacy = "on", address-generation = "none", duplicate-address-detection = true, proxy-ndp = true, accept-redirects = true, accept-source-route = true, hop-limit = 3 }
    "#;
    let mut none = |_: &str| Err(String::new());
    let (host, found) = read(&mut SourceMap::default(), "host.toml", text, Format::Toml, &mut none);
    let host = host.unwrap_or_else(|| panic!("{found:?}"));
    let names = |wanted: Family| -> Vec<&str> {
        let all = declared(&host).into_iter();
        all.filter(|(setting, _)| setting.family == wanted).map(|(setting, _)| setting.name).collect()
    };
    assert_eq!(names(Family::IPV4), IPV4_SETTINGS);
    assert_eq!(names(Family::IPV6), IPV6_SETTINGS);
}

#[test]
fn own_links_that_go_are_read_as_a_whole() {
    let link = |name: &str, alias: Option<&str>| Link {
        name: name.to_owned(),
        alias: alias.map(str::to_owned),
        ..Link::default()
    };
    let wanted = Wanted { links: vec!["stays".to_owned()], ..Wanted::default() };
    assert_eq!(wanted.settings_of(&link("stays", Some(LINK_ALIAS))), []);
    assert_eq!(wanted.settings_of(&link("theirs", None)), []);
    let all = wanted.settings_of(&link("goes", Some(LINK_ALIAS)));
    assert_eq!(all.len(), IPV4_SETTINGS.len() + IPV6_SETTINGS.len());
}
