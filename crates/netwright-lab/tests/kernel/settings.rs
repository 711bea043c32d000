//! Settings, compared with the files that another program reads.

use netwright::route::settings::{
    AcceptAdvertisements, ArpIgnore, KEYS, Of, ReversePathFilter, TemporaryAddresses, ipv4, ipv4_neighbour,
    ipv6,
};
use netwright::{Change, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::common::{pair, without_privilege};

/// What a program in this test's namespace reads.
#[track_caller]
fn seen(path: &str) -> Result<String, Failure> {
    let cat = Oracle::find("cat", "coreutils").or_else(|_| Oracle::find("../bin/cat", "coreutils"))?;
    Ok(cat.text([format!("/proc/sys/net/{path}")])?.trim().to_owned())
}

pub(crate) fn forwarding_is_turned_on_and_off(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    pair(&net)?;
    let settings = net.settings();
    for on in [true, false] {
        settings.set_forwarding(on)?;
        ensure_eq!(settings.forwarding()?, (on, on));
        let number = u8::from(on).to_string();
        for path in [
            "ipv4/ip_forward",
            "ipv4/conf/d0/forwarding",
            "ipv6/conf/all/forwarding",
            "ipv6/conf/d0/forwarding",
        ] {
            ensure_eq!(seen(path)?, number);
        }
    }
    settings.set(&ipv4::FORWARDING, Of::Interface("d1"), true)?;
    ensure_eq!(seen("ipv4/conf/d1/forwarding")?, "1");
    ensure_eq!(seen("ipv4/conf/d0/forwarding")?, "0");
    Ok(())
}

pub(crate) fn typed_settings_of_an_interface(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (d0, _) = pair(&net)?;
    let settings = net.settings();
    let of = Of::Interface("d0");
    settings.set(&ipv4::RP_FILTER, of, ReversePathFilter::LOOSE)?;
    settings.set(&ipv4::ARP_IGNORE, of, ArpIgnore::NONE)?;
    settings.set(&ipv4::PROXY_ARP, of, true)?;
    settings.set(&ipv6::ACCEPT_RA, of, AcceptAdvertisements::ALWAYS)?;
    settings.set(&ipv6::USE_TEMPADDR, of, TemporaryAddresses::POINT_TO_POINT_OFF)?;
    settings.set(&ipv6::HOP_LIMIT, of, 33)?;
    settings.set(&ipv4_neighbour::GC_STALE_TIME, of, 99)?;
    for (path, value) in [
        ("ipv4/conf/d0/rp_filter", "2"),
        ("ipv4/conf/d0/arp_ignore", "8"),
        ("ipv4/conf/d0/proxy_arp", "1"),
        ("ipv6/conf/d0/accept_ra", "2"),
        ("ipv6/conf/d0/use_tempaddr", "-1"),
        ("ipv6/conf/d0/hop_limit", "33"),
        ("ipv4/neigh/d0/gc_stale_time", "99"),
    ] {
        ensure_eq!(seen(path)?, value);
    }
    ensure_eq!(settings.get(&ipv4::RP_FILTER, of)?, ReversePathFilter::LOOSE);
    ensure_eq!(settings.get(&ipv6::USE_TEMPADDR, of)?, TemporaryAddresses::POINT_TO_POINT_OFF);
    ensure_eq!(settings.get(&ipv4_neighbour::GC_STALE_TIME, of)?, 99);
    settings.set(&ipv6::DISABLE_IPV6, of, true)?;
    ensure!(net.addresses().of(&d0)?.iter().all(|address| address.address.is_ipv4()));

    // a dot in a name is nothing special
    net.links().set(&d0, Change::down())?; // by itself: kernels before 6.2 rename before they take it down
    net.links().set(&d0, Change::rename("lan.5"))?;
    settings.set(&ipv4::RP_FILTER, Of::Interface("lan.5"), ReversePathFilter::STRICT)?;
    ensure_eq!(seen("ipv4/conf/lan.5/rp_filter")?, "1");
    Ok(())
}

/// Each setting of the table that this kernel has is read, with the value that its file has, and takes that value back.
pub(crate) fn the_table_agrees_with_the_kernel(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    pair(&net)?;
    let settings = net.settings();
    let mut found = 0;
    for key in KEYS {
        let path = key.path(Of::Interface("d0"));
        let Ok(text) = settings.sysctl().read(&path) else { continue };
        let number = key.number(&text)?;
        ensure!(key.check(number).is_ok(), "{} is {number}", path.join("/"));
        settings.sysctl().write(&path, number)?;
        found += 1;
    }
    ensure!(found * 10 > KEYS.len() * 9, "this kernel has {found} of {} settings", KEYS.len());
    Ok(())
}

pub(crate) fn settings_of_another_namespace(lab: &mut Lab) -> Outcome {
    let here = Net::open()?.settings();
    let other = lab.node("other")?;
    let there = Net::open_in(other.namespace())?.settings();
    there.set_forwarding(true)?;
    ensure_eq!((here.forwarding()?, there.forwarding()?), ((false, false), (true, true)));
    ensure_eq!(other.run(|| seen("ipv4/ip_forward"))??, "1");
    Ok(())
}

pub(crate) fn errors_are_sentences(_: &mut Lab) -> Outcome {
    let settings = Net::open()?.settings();
    let error =
        settings.get(&ipv4::FORWARDING, Of::Interface("nothing0")).err().ok_or(Failure::wrong("read"))?;
    ensure_eq!(
        error.to_string(),
        "cannot read the setting net/ipv4/conf/nothing0/forwarding: no such object (ENOENT)"
    );
    for name in ["..", ".", "", "a/b", "lo/../all", "lo\0"] {
        ensure!(settings.set(&ipv4::FORWARDING, Of::Interface(name), true).is_err(), "{name:?} was taken");
    }
    let error =
        settings.set(&ipv6::HOP_LIMIT, Of::Interface("lo"), 256).err().ok_or(Failure::wrong("set"))?;
    ensure!(error.to_string().contains("a number from 1 to 255"), "{error}");
    let (read, refused) = without_privilege(|| {
        let settings = Net::open()?.settings();
        Ok::<_, Failure>((settings.forwarding(), settings.set_forwarding(true)))
    })??;
    ensure_eq!(read?, (false, false));
    ensure_eq!(settings.forwarding()?.0, refused.is_ok());
    Ok(())
}
