//! Events of nftables.

use super::*;

pub(super) fn the_ruleset_is_followed(_: &mut Lab) -> Outcome {
    let (net, nft) = (Net::open()?, Oracle::nft()?);
    nft.feed(
        ["-f", "-"],
        "table ip before { set s { type ipv4_addr; elements = { 192.0.2.9 }; }; counter c { }; }",
    )?;
    let mut watch = net.watch(Options::new(Kinds::RULESET | Kinds::TRACES).existing())?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        [
            "table existing before",
            "set existing s",
            "element existing [192, 0, 2, 9]",
            "object existing c",
            "Listed"
        ]
    );
    nft.feed(
        ["-f", "-"],
        "table ip t { set s { type ipv4_addr; }; chain c { type filter hook input priority 0; ip saddr @s drop; }; }\n\
         add element ip t s { 192.0.2.1 }",
    )?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        [
            "table added t",
            "chain added c",
            "set added s",
            "firewall rule added",
            "element added [192, 0, 2, 1]",
            "generation"
        ]
        .map(str::to_owned)
    );
    nft.feed(
        ["-f", "-"],
        "delete element ip t s { 192.0.2.1 }\nadd chain ip t c { policy drop; }\nflush chain ip t c",
    )?;
    ensure_eq!(
        texts(&told(&mut watch)?),
        ["element removed [192, 0, 2, 1]", "chain changed c", "firewall rule removed", "generation"]
    );
    nft.feed(["-f", "-"], "add element ip t s { 192.0.2.1, 192.0.2.2 }")?;
    told(&mut watch)?;
    nft.feed(["-f", "-"], "delete table ip t")?;
    let gone = texts(&told(&mut watch)?);
    ensure!(
        gone.contains(&"table removed t".to_owned()) && gone.contains(&"set removed s".to_owned()),
        "{gone:?}"
    );

    // What the kernel tells in another form: a name, what an object holds, an element that came to its end by itself.
    nft.feed(
        ["-f", "-"],
        "table ip w { set e { type ipv4_addr; flags timeout; }; chain a { }; quota q { 100 mbytes }; }",
    )?;
    told(&mut watch)?;
    nft.feed(["-f", "-"], "rename chain ip w a b")?;
    let renamed = told(&mut watch)?;
    ensure_eq!(texts(&renamed), ["chain changed b", "generation"]);
    let before = renamed.iter().find_map(|event| match event {
        Event::Chain(Update::Changed { before, .. }) => Some(before.name.clone()),
        _ => None,
    });
    ensure_eq!(before.as_deref(), Some("a"));
    nft.feed(["-f", "-"], "add chain ip w a")?;
    ensure_eq!(texts(&told(&mut watch)?), ["chain added a", "generation"]);
    nft.feed(["-f", "-"], "add quota ip w q { 200 mbytes }")?;
    ensure_eq!(texts(&told(&mut watch)?), ["object changed q", "generation"]);
    let ban = "add element ip w e { 192.0.2.7 timeout 200ms }";
    nft.feed(["-f", "-"], ban)?;
    ensure_eq!(texts(&told(&mut watch)?), ["element added [192, 0, 2, 7]", "generation"]);
    std::thread::sleep(Duration::from_millis(300)); // the kernel's clock decides
    nft.feed(["-f", "-"], ban)?;
    let again = ["element removed [192, 0, 2, 7]", "element added [192, 0, 2, 7]", "generation"];
    ensure_eq!(texts(&told(&mut watch)?), again);
    nft.feed(["-f", "-"], "delete table ip w")?;
    told(&mut watch)?;

    // After an overrun: what is different.
    let mut watch = net.watch(Options::new(Kinds::RULESET).existing().buffer(5000))?;
    told(&mut watch)?;
    let rules: String =
        (0..2000).map(|n| format!("add rule ip u c ip saddr 10.0.{}.{} drop\n", n / 256, n % 256)).collect();
    nft.feed(["-f", "-"], &format!("delete table ip before\nadd table ip u\nadd chain ip u c\n{rules}"))?;
    let events = texts(&told(&mut watch)?);
    ensure!(events.iter().any(|text| text.starts_with("Resynchronised")));
    ensure_eq!(events.iter().filter(|text| *text == "firewall rule added").count(), 2000);
    ensure!(
        events.contains(&"table removed before".to_owned()) && events.contains(&"table added u".to_owned())
    );

    // Traces of packets.
    let mut watch = net.watch(Kinds::TRACES)?;
    nft.feed(["-f", "-"], "table ip v { chain c { type filter hook output priority 0; ip daddr 127.0.0.1 meta nftrace set 1; }; }")?;
    std::net::UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", "127.0.0.1:9")?;
    let event = watch.next_timeout(Duration::from_secs(10))?;
    let Some(Event::Trace(trace)) = event else { return Err(Failure::wrong(format_args!("{event:?}"))) };
    ensure_eq!((&*trace.table, &*trace.chain), ("v", "c"));
    Ok(())
}
