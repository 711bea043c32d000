//! Listings, of one moment however many others write.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use netwright::Net;
use netwright::nft::{Answer, Script};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use crate::running::{printed, ran};

/// How many write, how much each transaction writes, and how long.
const WRITERS: usize = 8;
const RULES: usize = 40;
const TIME: Duration = Duration::from_secs(6);

/// Each writer replaces the rules of its chain and the elements of its set, all with the same new number, in one
/// transaction.
fn write(net: &Net, writer: usize, done: &AtomicBool, written: &AtomicUsize) -> Result<(), Failure> {
    let mut session = net.nft().session();
    let mut number = 0_usize;
    while !done.load(Ordering::Relaxed) {
        number += 1;
        let place = format!("ip t{} c{writer}", writer % 2);
        let mut text = format!("flush chain {place}\nflush set ip t{} s{writer}\n", writer % 2);
        // at the end or at the start: then the old rules are the last that a walk over them meets
        let verb = if number.is_multiple_of(2) { "add" } else { "insert" };
        for _ in 0..RULES {
            text.push_str(&format!("{verb} rule {place} counter comment \"{number}\"\n"));
        }
        text.push_str(&format!(
            "{verb} rule {place} ip saddr {{ 10.0.0.{}, 10.0.1.1 }} accept comment \"{number}\"\n",
            number % 250
        ));
        text.push_str(&format!("add element ip t{} s{writer} {{ {number}, 1000000 }}\n", writer % 2));
        session.run(Script::text(text))?.accepted()?;
        written.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether a listing is of one moment: all rules of a chain, and the set beside it, have the same number.
fn is_whole(listed: &netwright::nft::ir::Ruleset) -> Result<(), Failure> {
    for table in &listed.tables {
        for chain in &table.chains {
            let number = chain.rules.first().and_then(|rule| rule.comment.clone());
            let number = number.ok_or_else(|| Failure::wrong(format_args!("{} is empty", chain.name)))?;
            ensure_eq!(chain.rules.len(), RULES + 1, "{}", chain.name);
            let same = chain.rules.iter().all(|rule| rule.comment.as_deref() == Some(&number));
            ensure!(same, "{} has rules of two transactions", chain.name);
            let set = chain.name.replace('c', "s");
            let set =
                table.sets.iter().find(|one| one.name == set).ok_or_else(|| Failure::wrong("no set"))?;
            let elements = format!("{:?}", set.elements);
            ensure_eq!(set.elements.len(), 2);
            let wanted = number.parse::<u32>().map_err(|_| Failure::wrong("no number"))?;
            ensure!(elements.contains(&format!("0x{wanted:08x}")), "{number}: {elements}");
        }
    }
    Ok(())
}

pub(crate) fn listings_are_of_one_moment_while_others_write(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let mut tables = String::new();
    for writer in 0..WRITERS {
        let table = writer % 2;
        tables.push_str(&format!("add table ip t{table}\nadd chain ip t{table} c{writer}\n"));
        tables.push_str(&format!(
            "add set ip t{table} s{writer} {{ type mark; elements = {{ 0, 1000000 }}; }}\n"
        ));
        for _ in 0..=RULES {
            tables.push_str(&format!("add rule ip t{table} c{writer} counter comment \"0\"\n"));
        }
    }
    let _ = ran(&net, &tables)?;
    let (done, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut listings = 0;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (net, done, written) = (&net, &done, &written);
                scope.spawn(move || write(net, writer, done, written))
            })
            .collect();
        let mut session = net.nft().session();
        let start = Instant::now();
        let mut list = || -> Result<(), Failure> {
            while start.elapsed() < TIME {
                let asked = ["list ruleset", "list table ip t0", "list chain ip t1 c1"][listings % 3];
                let report = session.run(Script::text(asked))?;
                report.accepted()?;
                let [Answer::Listing(listed)] = &report.answers[..] else {
                    return Err(Failure::wrong("no listing"));
                };
                if listings % 3 < 2 {
                    is_whole(&listed.ruleset())?;
                }
                listings += 1;
            }
            Ok(())
        };
        let listed = list();
        done.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().map_err(|_| Failure::wrong("a writer panicked"))??;
        }
        listed
    })?;
    println!("{listings} listings beside {} transactions", written.load(Ordering::Relaxed));
    ensure!(listings > 3 && written.load(Ordering::Relaxed) > 20);
    Ok(())
}

pub(crate) fn only_what_is_wanted_is_asked_for(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(
        &net,
        "table ip t { set big { type mark; elements = { 1, 2, 3 }; }; counter k { };
            chain c { meta mark { 1, 2 } accept; meta mark @big; }; chain d { accept; }; }
        table ip6 u { chain c { accept; }; }",
    )?;
    let received = |text: &str, terse: bool| -> Result<netwright::netfilter::Ruleset, Failure> {
        let mut session = net.nft().session();
        (session.keep, session.terse) = (true, terse);
        let mut report = session.run(Script::text(text))?;
        report.accepted()?;
        Ok(report.received.remove(0))
    };
    let chain = received("list chain ip t c", false)?;
    ensure_eq!((chain.tables.len(), chain.chains.len(), chain.rules.len()), (1, 1, 2));
    let held: Vec<(bool, usize)> =
        chain.sets.iter().map(|(set, elements)| (set.name == "big", elements.len())).collect();
    ensure_eq!(
        held.iter().filter(|(big, _)| *big).collect::<Vec<_>>(),
        [&(true, 0)],
        "of its set only what it is"
    );
    ensure_eq!(held.iter().filter(|(big, _)| !*big).collect::<Vec<_>>(), [&(false, 2)]);
    ensure_eq!(chain.objects.len(), 0);
    let terse = received("list ruleset", true)?;
    let named = terse.sets.iter().find(|(set, _)| set.name == "big");
    ensure!(named.is_some_and(|(_, elements)| elements.is_empty()));
    ensure_eq!(received("list ruleset", false)?.rules.len(), 4);
    let tables = received("list tables", false)?;
    ensure_eq!((tables.tables.len(), tables.chains.len(), tables.sets.len()), (2, 0, 0));
    let counters = received("list counters", false)?;
    ensure_eq!((counters.objects.len(), counters.rules.len(), counters.sets.len()), (1, 0, 0));
    let set = received("list set ip t big", false)?;
    ensure_eq!((set.sets.len(), set.rules.len(), set.chains.len()), (1, 0, 0));
    Ok(())
}

/// Everything that can be listed or reset, and what is not there.
const ASKED: &[&str] = &[
    "list ruleset",
    "list ruleset ip",
    "list ruleset inet",
    "list ruleset arp",
    "list tables",
    "list tables ip",
    "list tables arp",
    "list table ip t",
    "list table inet t",
    "list chains",
    "list chains ip",
    "list chain ip t c",
    "list chain ip t b",
    "list chain ip t nope",
    "list chain ip nope c",
    "list sets",
    "list sets ip",
    "list sets table ip t",
    "list sets table ip nope",
    "list set ip t s",
    "list set ip t m",
    "list set ip t nope",
    "list maps",
    "list map ip t m",
    "list map ip t s",
    "list meters",
    "list meter ip t d",
    "list meter ip t s",
    "list counters",
    "list counters ip",
    "list counters table ip t",
    "list counters table t",
    "list sets table t",
    "list chain ip t handle 1",
    "list counter ip t handle 1",
    "list table handle 1",
    "list counter ip t k",
    "list counter ip t q",
    "list quotas",
    "list quota ip t q",
    "list limits",
    "list limit ip t l",
    "list ct helpers table ip t",
    "list ct helper ip t nope",
    "list flowtables",
    "list flowtable ip t f",
    "list synproxys",
    "list secmarks",
    "list chain ip e c",
    "list table ip empty",
    "list ruleset bridge",
    "get element ip t s { 192.0.2.1 }",
    "get element ip t s { 192.0.2.9 }",
    "get element ip t i { 10.1.2.3, 192.0.2.5-192.0.2.7 }",
    "get element ip t i { 10.0.0.0-11.0.0.0 }",
    "get element ip t i { 9.255.255.255-10.0.0.1 }",
    "get element ip t i { 255.255.255.255 }",
    "get element ip t i { 240.0.0.0-255.255.255.255 }",
    "get element ip t m { 192.0.2.1 }",
    "get element ip t m { 192.0.2.1 : accept }",
    "get element ip t cc { 10.1.2.3 . 85 }",
    "get element ip t cc { 10.1.2.3 . 95 }",
    "get element ip t nope { 1 }",
    "add chain ip t x; list chain ip t nope",
    "add chain ip t x; list table ip nope",
    "flush ruleset; list table ip t",
    "destroy table ip e; list table ip e",
    "delete table ip e; list chain ip t c; list set ip t nope",
    "add element ip t s { 192.0.2.7 }; get element ip t s { 192.0.2.8 }",
    "add set ip t x { type mark; }; list map ip t x",
    "list ruleset",
    "add counter ip t k3; list counter ip t k3",
    "add chain ip t x; list chain ip t x; reset counter ip t nope",
    "delete chain ip t x; list table ip t",
    "list ruleset",
    "reset counter ip t k",
    "reset counter ip t nope",
    "reset counter ip nope k",
    "reset quota ip t nope",
    "reset counters",
    "reset counters ip",
    "reset counters table t",
    "reset quotas",
    "reset quota ip t q",
    "reset rules chain ip t c",
    "reset rules table ip t",
    "reset rules table t",
    "reset rules ip",
    "reset rules",
    "reset set ip t s",
    "reset set ip t m",
    "reset map ip t m",
    "reset element ip t p { 192.0.2.1 }",
    "list set ip t p",
    "flush set ip t m",
    "flush map ip t s",
    "flush meter ip t s",
    "flush set ip t nope",
    "flush chain ip t nope",
    "flush table ip nope",
    "list ruleset",
    "flush meter ip t d",
    "flush map ip t m",
    "flush set ip t s",
    "flush chain ip t c",
    "flush table ip e",
    "list ruleset",
];

const GROUND: &str = "flush ruleset
table ip t { comment \"tc\"; counter k { packets 1 bytes 2; }; counter k2 { packets 3 bytes 4; }; quota q { 10 bytes; };
    limit l { rate 1/second; };
    set s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; };
    set i { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.5-192.0.2.9, 240.0.0.0/4 }; };
    set cc { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90 }; };
    set d { type ipv4_addr; flags dynamic; };
    set p { type ipv4_addr; counter; elements = { 192.0.2.1 counter packets 5 bytes 6 }; };
    map m { type ipv4_addr : verdict; elements = { 192.0.2.1 : accept }; };
    chain c { comment \"cc\"; ip saddr @s counter packets 5 bytes 6; ip saddr { 192.0.2.1, 192.0.2.3 } accept;
        jump { counter packets 7 bytes 8 accept; }; };
    chain b { type filter hook input priority 0; policy drop; comment \"bc\"; }; }
table ip e { chain c { counter packets 1 bytes 2; }; }
table inet v { set s { type mark; }; }
table ip empty { }
";

pub(crate) fn listings_are_those_of_nft(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft_since((1, 1, 7))?, Net::open()?);
    nft.feed(["-f", "-"], GROUND)?;
    let theirs: Vec<(bool, String)> = ASKED
        .iter()
        .map(|asked| {
            let output = nft.output(&[asked], "")?;
            Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
        })
        .collect::<Result<_, Failure>>()?;
    nft.feed(["-f", "-"], GROUND)?;
    let mut session = net.nft().session();
    for (asked, (taken, text)) in ASKED.iter().zip(&theirs) {
        let report = session.run(Script::text(*asked))?;
        ensure_eq!(report.refusals.is_empty(), *taken, "{asked}: {:?}", report.refusals);
        let ours = printed(&report, false)?;
        // how nft breaks lines of elements is the listing's own affair
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        ensure_eq!(words(&ours), words(text), "{asked}");
    }
    // what was only tried is not there to be shown, and that is no refusal
    session.check = true;
    let tried =
        session.run(Script::text("add table ip z; add chain ip z c; list chain ip z c; list table ip t"))?;
    ensure_eq!((tried.refusals.len(), tried.answers.len()), (0, 1));
    let tried = session.run(Script::text("add table ip z; list chain ip z c"))?;
    ensure_eq!(tried.refusals.len(), 1);
    Ok(())
}
