use super::*;
use crate::record::OwnLink;

fn link(name: &str) -> Link {
    Link { index: 3, name: name.into(), ..Link::default() }
}

#[test]
fn all_settings_are_read_of_own_links_that_go() {
    let stays = netwright_route::LinkId::named(4, "stays");
    let goes = netwright_route::LinkId::named(3, "goes");
    let own = [stays, goes].map(|link| OwnLink { link, kind: "bridge".into() });
    let record = Record { links: own.to_vec(), ..Record::new("test") };
    let host = Host {
        links: vec![crate::model::Link { name: "stays".into(), ..Default::default() }],
        ..Host::default()
    };
    let wanted = Wanted::of(&host, &Ruleset::default(), &record);
    assert_eq!(wanted.settings_of(&link("stays")), []);
    assert_eq!(wanted.settings_of(&link("other")), []);
    let all = Ipv4Settings::SYSCTLS.len() + Ipv6Settings::SYSCTLS.len();
    assert_eq!(wanted.settings_of(&link("goes")).len(), all);
    assert_eq!(Wanted::from_json(&wanted.to_json()), Ok(wanted));
}

#[test]
fn settings_are_written_as_sysctl_has_them() {
    let of = |link: Option<&str>, name| Setting { family: Family::IPV4, link: link.map(str::to_owned), name };
    assert_eq!(of(None, "forwarding").to_string(), "net.ipv4.ip_forward");
    assert_eq!(of(Some("eth0.7"), "rp_filter").to_string(), "net.ipv4.conf.eth0/7.rp_filter");
}
