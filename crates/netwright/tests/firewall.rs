//! Batches of what was built, of text and of raw rules in the real kernel, with `nft` as the second witness.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use netwright::netfilter::Table as KernelTable;
use netwright::nft::{
    self, Chain, ChainPolicy, CtState, Family, Hook, IcmpType, Limit, Made, Map, Mark, Object, Port,
    Priority, RawRule, Reject, Rule, Set, Table, Verdict, ct, icmp, ip, ip6, look_up, meta, prefix, raw, tcp,
    udp,
};
use netwright::{Create, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, kernel_tests};

const BAD: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 53);

/// What both listers say, which must be the same but for what versions of `nft` have differently: where lines are broken,
/// and whether the usual burst is told.
#[track_caller]
fn listed(net: &Net) -> Result<String, Failure> {
    let theirs = Oracle::nft()?.line("list ruleset")?;
    let ours = net.nft().ruleset()?.to_string();
    let words = |text: &str| -> Vec<String> {
        text.replace(" burst 5 packets", "").split_whitespace().map(str::to_owned).collect()
    };
    ensure_eq!(words(&ours), words(&theirs));
    Ok(ours)
}

/// The table `t` and its chain `c` at the hook input.
#[track_caller]
fn ground(net: &Net, family: Family) -> Result<(Table, Chain), Failure> {
    let mut batch = net.nft().batch();
    let table = batch.add(Table::new(family, "t"));
    let chain = batch.add(Chain::base(&table, "c", Hook::Input, Priority::FILTER));
    batch.commit()?;
    Ok((table, chain))
}

/// The example as it was built along with this test.
fn example() -> Result<PathBuf, Failure> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(|folder| folder.parent());
    let program = folder.map(|folder| folder.join("examples/seed")).filter(|program| program.is_file());
    program.ok_or_else(|| Failure::missing("the example is not built: cargo build --example seed"))
}

fn the_seed_example_does_what_it_says(lab: &mut Lab) -> Outcome {
    let (nft, ip, net) = (Oracle::nft()?, Oracle::ip()?, Net::open()?);
    let mut neighbour = lab.neighbour()?;
    let output = std::process::Command::new(example()?).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = listed(&net)?;
    ensure_eq!(String::from_utf8_lossy(&output.stdout), text.as_str());
    let drops = text.lines().filter(|line| line.contains("ip saddr 192.168.1.53") && line.ends_with("drop"));
    ensure_eq!(drops.count(), 3);
    ensure!(text.contains("type filter hook input priority filter"));
    ensure_eq!(ip.json("route show default")?[0]["gateway"], "192.168.1.1");
    ensure!(ip.line("address show eth0")?.contains("inet 192.168.1.10/24"));

    neighbour.address("eth0", "192.168.1.53/24")?;
    let sent = neighbour.run(|| UdpSocket::bind((BAD, 0))?.send_to(b"x", "192.168.1.10:9"))?;
    ensure_eq!(sent?, 1);
    ensure!(
        nft.line("list chain ip myFilter myChain")?.contains("192.168.1.53 counter packets 1 bytes 29 drop")
    );
    Ok(())
}

fn sets_maps_and_statements_list_as_nft_has_them(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let mut batch = net.nft().batch();
    let table = batch.add(Table::new(Family::IPV4, "t").comment("ours"));
    let web = batch.add(Chain::new(&table, "web"));
    let input = Chain::base(&table, "input", Hook::Input, Priority::FILTER).policy(ChainPolicy::DROP);
    let input = batch.add(input);
    let nat = batch.add(Chain::base(&table, "nat", Hook::Prerouting, Priority::DSTNAT).nat());
    let out = batch.add(Chain::base(&table, "out", Hook::Postrouting, Priority::SRCNAT).nat());
    let net10 = prefix(Ipv4Addr::new(10, 0, 0, 0), 8);
    let blocked = batch.add(Set::<Ipv4Addr>::new(&table, "blocked").intervals().element(BAD).element(net10));
    let seen =
        Set::<(Ipv4Addr, Port)>::new(&table, "seen").dynamic().timeout(Duration::from_secs(60)).size(100);
    let seen = batch.add(seen);
    let marks = batch.add(Map::<Ipv4Addr, Mark>::new(&table, "marks").element(BAD, 7));
    let ports = Map::<Port, Verdict>::new(&table, "ports")
        .element(22, Verdict::Accept)
        .element(80, Verdict::jump(&web));
    let ports = batch.add(ports);
    let hits = batch.add(Object::counter(&table, "hits"));

    batch.add(Rule::in_chain(&input).any(ct::STATE, CtState::ESTABLISHED | CtState::RELATED).accept());
    batch.add(Rule::in_chain(&input).is_in(ip::SADDR, &blocked).object(&hits).drop());
    batch.add(Rule::in_chain(&input).vmap(tcp::DPORT, &ports));
    batch.add(Rule::in_chain(&input).set(meta::MARK, look_up(ip::SADDR, &marks)));
    batch.add(Rule::in_chain(&input).add_to(&seen, (ip::SADDR, tcp::DPORT), Some(Duration::from_secs(5))));
    batch.add(
        Rule::in_chain(&input)
            .is_in((ip::SADDR, udp::DPORT), [(net10, 53..=54), (prefix(BAD, 32), 9..=9)])
            .accept(),
    );
    batch.add(
        Rule::in_chain(&input).eq(icmp::TYPE, IcmpType::ECHO_REQUEST).limit(Limit::per_second(5)).accept(),
    );
    batch.add(Rule::in_chain(&input).eq(meta::IIFNAME, "eth*").eq(tcp::DPORT, 113).reject(Reject::TcpReset));
    batch.add(Rule::in_chain(&input).log("dropped: ").comment("the rest"));
    batch.add(Rule::in_chain(&nat).eq(tcp::DPORT, 8080).dnat((BAD, 80)));
    batch.add(Rule::in_chain(&out).eq(meta::OIFNAME, "wan").masquerade());
    batch.commit()?;
    let text = listed(&net)?;
    for line in [
        "ct state established,related accept",
        "ip saddr @blocked counter name \"hits\" drop",
        "tcp dport vmap @ports",
        "meta mark set ip saddr map @marks",
        "add @seen { ip saddr . tcp dport timeout 5s }",
        "iifname \"eth*\" tcp dport 113 reject with tcp reset",
        "log prefix \"dropped: \" comment \"the rest\"",
        "tcp dport 8080 dnat to 192.168.1.53:80",
        "oifname \"wan\" masquerade",
        "10.0.0.0/8",
    ] {
        ensure!(text.contains(line), "{line} is not in {text}");
    }
    Ok(())
}

fn rules_are_inserted_replaced_and_deleted_by_their_handle(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (table, chain) = ground(&net, Family::INET)?;
    let mut batch = net.nft().batch();
    batch.echo(true);
    batch.add(Rule::in_chain(&chain).eq(ip6::SADDR, Ipv6Addr::LOCALHOST).accept());
    let committed = batch.commit()?;
    let handle = committed.made.iter().find_map(|(_, made)| match made {
        Made::Rule(rule) => rule.handle,
        _ => None,
    });
    let handle = handle.ok_or_else(|| Failure::wrong("no handle came back"))?;

    let mut batch = net.nft().batch();
    batch.insert(Rule::in_chain(&chain).comment("first").counter());
    batch.insert(Rule::in_chain(&chain).comment("before").counter().at(handle));
    batch.add(Rule::in_chain(&chain).comment("behind").counter().at(handle));
    batch.replace(Rule::in_chain(&chain).comment("instead").counter().at(handle));
    batch.commit()?;
    let order =
        |text: &str| -> Vec<String> { text.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    ensure_eq!(order(&listed(&net)?), ["first", "before", "instead", "behind"]);

    let handles: Vec<u64> = net.nft().rules(&chain)?.iter().filter_map(|rule| rule.handle).collect();
    let mut batch = net.nft().batch();
    let second = handles.get(1).copied().ok_or_else(|| Failure::wrong("there is no second rule"))?;
    batch.delete(&Rule::in_chain(&chain).at(second));
    batch.commit()?;
    ensure_eq!(order(&listed(&net)?), ["first", "instead", "behind"]);

    let mut batch = net.nft().batch();
    batch.flush(&chain);
    batch.delete(&chain);
    batch.destroy(&Chain::new(&table, "never-there"));
    batch.commit()?;
    ensure_eq!(listed(&net)?, "table inet t {\n}\n");
    let mut batch = net.nft().batch();
    batch.delete(&table);
    batch.commit()?;
    ensure_eq!(listed(&net)?, "");
    Ok(())
}

fn elements_are_added_deleted_and_flushed(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (table, _) = ground(&net, Family::IPV4)?;
    let mut batch = net.nft().batch();
    let set = batch.create(Set::<Ipv4Addr>::new(&table, "s").elements([BAD, Ipv4Addr::LOCALHOST]));
    batch.delete(set.only([Ipv4Addr::LOCALHOST]));
    batch.add(set.only((0..100u8).map(|last| Ipv4Addr::new(203, 0, 113, last))));
    batch.commit()?;
    let kernel = netwright::netfilter::Set::new(Family::IPV4, "t", "s", 4);
    ensure_eq!(net.nft().elements(&kernel)?.len(), 101);
    let mut batch = net.nft().batch();
    batch.flush(&set);
    batch.commit()?;
    ensure_eq!(net.nft().elements(&kernel)?.len(), 0);
    let mut batch = net.nft().batch();
    batch.create(Set::<Ipv4Addr>::new(&table, "s"));
    let refused = batch.commit();
    ensure!(refused.is_err_and(|error| error.is_exists()));
    Ok(())
}

fn text_refers_to_the_batch_and_to_the_kernel(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    net.links().create(Create::veth("d0", "d1"))?;
    let (table, _) = ground(&net, Family::IPV4)?;
    let mut batch = net.nft().batch();
    batch.add(Set::<Ipv4Addr>::new(&table, "there").element(BAD));
    batch.commit()?;

    let mut batch = net.nft().batch();
    batch.add(Map::<Port, Verdict>::new(&table, "new").element(22, Verdict::Accept));
    let text = "
        add rule ip t c ip saddr @there drop
        add rule ip t c tcp dport vmap @new
        add rule ip t c iif \"d0\" ip daddr $networks tcp dport $ports iifname $name accept
        insert rule ip t c index 0 counter
        table ip t { set more { type mark; elements = { 1, 2 }; }; }
    ";
    let text = nft::parse(text)?
        .bind("networks", [prefix(Ipv4Addr::new(10, 0, 0, 0), 8), prefix(BAD, 32)])?
        .bind("ports", 1024..=2048u16)?
        .bind("name", "d0")?;
    // The rule at index 0 is the kernel's, so there must be one.
    let mut before = net.nft().batch();
    before.add(Rule::in_chain(&Chain::new(&table, "c")).comment("zero").accept());
    before.commit()?;
    batch.extend(text)?;
    batch.commit()?;
    let text = listed(&net)?;
    for line in [
        "ip saddr @there drop",
        "tcp dport vmap @new",
        "iif \"d0\" ip daddr { 10.0.0.0/8, 192.168.1.53 } tcp dport 1024-2048 iifname \"d0\" accept",
        "elements = { 0x00000001, 0x00000002 }",
    ] {
        ensure!(text.contains(line), "{line} is not in {text}");
    }
    let counter = text.find("counter packets").zip(text.find("comment \"zero\""));
    ensure!(counter.is_some_and(|(counter, zero)| counter < zero), "{text}");
    Ok(())
}

fn what_is_wrong_is_told_and_nothing_changes(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (table, chain) = ground(&net, Family::IPV4)?;
    let before = listed(&net)?;

    let mut batch = net.nft().batch();
    batch.add(Rule::in_chain(&chain).counter());
    let text = "add rule ip t c counter\nadd rule ip t c counter limit rate 18446744073709551615/second";
    batch.extend(nft::parse(text)?.named("rules.nft"))?;
    let error = batch.commit().expect_err("the kernel cannot count so far");
    ensure_eq!(
        error.to_string(),
        "cannot add rule ip t c (rules.nft:2:25): value too large (EOVERFLOW) (at its expression 2, limit)"
    );

    for (text, wanted) in [
        ("rename chain ip t d e", "text:1:19: table `t` has no chain `d`"),
        (
            "add element ip tt m { 1 : drop }",
            "text:1:16: there is no table `tt` of the family ip (Did you mean `t`?)",
        ),
        (
            "add element ip6 t m { 1 : drop }",
            "text:1:17: there is no table `t` of the family ip6 (Did you mean `ip t`?)",
        ),
        ("add element ip t m { 1 : drop }", "text:1:18: table `t` has no set or map `m`"),
        ("flush ruleset; add table ip t; add rule ip t c counter", "text:1:46: table `t` has no chain `c`"),
    ] {
        let error = net.nft().batch().extend(nft::parse(text)?).expect_err(text);
        ensure!(error.to_string().contains(wanted), "{error}");
    }
    // what only names something is for the kernel to say, and then looked into
    for (text, wanted) in [
        ("add rule ip t nowhere counter", "(there is no chain ip t nowhere)"),
        ("add rule ip t c jump cc", "(there is no chain ip t cc; did you mean `c`?)"),
        ("add rule ip tt c counter", "(there is no table ip tt; did you mean `t`?)"),
        ("add rule ip6 t c counter", "(there is no table ip6 t)"),
        ("add rule ip t c counter name n", "(there is no counter ip t n)"),
        ("delete rule ip t c handle 77", "(this chain has no rule with the handle 77;"),
    ] {
        let mut batch = net.nft().batch();
        batch.extend(nft::parse(text)?)?;
        let error = batch.commit().expect_err(text);
        ensure!(error.to_string().contains(wanted), "{error}");
        ensure!(error.to_string().contains("(text:1:"), "{error}");
        ensure!(error.is_not_found(), "{error}");
    }

    let mut batch = net.nft().batch();
    batch.add(Rule::in_chain(&chain).counter());
    let error = batch
        .extend(nft::parse("add rule ip t c ip saddr @nothing drop")?)
        .expect_err("there is no such set");
    ensure!(error.to_string().contains("text:1:26: table `t` has no set or map `nothing`"), "{error}");
    ensure!(batch.commit().is_err());

    let mut batch = net.nft().batch();
    batch.add(Rule::in_chain(&chain).counter());
    batch.add(Rule::in_chain(&chain).eq(meta::IIFNAME, "a-name-that-is-too-long").drop());
    let error = batch.commit().expect_err("no interface has such a name");
    ensure!(error.to_string().contains("more than 15 bytes"), "{error}");

    let mut batch = net.nft().batch();
    let error = batch.extend(nft::parse("add rule ip t c ip saddr $who drop")?).expect_err("it has no value");
    ensure!(error.to_string().contains("$who has no value"), "{error}");
    ensure_eq!(listed(&net)?, before);

    // What the batch makes itself is there, though the kernel does not have it yet.
    let mut batch = net.nft().batch();
    batch.add(&KernelTable::new(Family::INET, "other"));
    batch.extend(nft::parse("add rule inet other c accept")?)?;
    let error = batch.commit().expect_err("it has no chain");
    ensure!(error.to_string().contains("there is no chain inet other c"), "{error}");

    // The same batch with objects as the kernel has them.
    let mut batch = net.nft().batch();
    batch.add(&KernelTable::new(Family::INET, "other"));
    batch.add(RawRule::in_chain(&chain, [raw::counter(), raw::verdict(raw::Verdict::ACCEPT)]).comment("raw"));
    batch.delete(&KernelTable::new(Family::INET, "other"));
    batch.flush(&table);
    batch.check()?;
    ensure_eq!(listed(&net)?, before);
    Ok(())
}

#[cfg(feature = "tokio")]
fn tasks_do_the_same(_: &mut Lab) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let net = netwright::tokio::open()?;
        let mut batch = net.nft().batch();
        let table = batch.add(Table::new(Family::IPV4, "t"));
        let chain = batch.add(Chain::new(&table, "c"));
        batch.add(Rule::in_chain(&chain).eq(ip::SADDR, BAD).drop());
        batch.extend(nft::parse("add rule ip t c ip saddr $bad drop")?.bind("bad", BAD)?).await?;
        batch.commit().await?;
        let text = net.nft().ruleset().await?.to_string();
        ensure_eq!(text.matches("ip saddr 192.168.1.53 drop").count(), 2);
        Ok(())
    })
}

/// A text that names rules by their place, and one that changes merged intervals, between things that were built.
fn texts_mean_what_the_ruleset_is_when_they_are_committed(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let (table, chain) = ground(&net, Family::IPV4)?;
    let merged =
        "add set ip t s { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.0/28 }; }";
    nft.line(merged)?;
    nft.line("add rule ip t c counter comment \"first\"; add rule ip t c counter comment \"second\"")?;
    let mut batch = net.nft().batch();
    batch.add(Rule::in_chain(&chain).drop().comment("built before"));
    batch.extend(nft::parse("add rule ip t c index 1 accept comment \"behind the one at 1\"")?)?;
    batch.add(Rule::in_chain(&chain).drop().comment("built between"));
    batch.echo(true);
    batch.extend(nft::parse(
        "delete element ip t s { 192.0.2.4 }; add rule ip t c index 4 return comment \"behind that at 4\"",
    )?)?;
    batch.echo(false);
    let late = batch.add(Set::new(&table, "late").element(BAD));
    batch.add(Rule::in_chain(&chain).is_in(ip::SADDR, &late).comment("built behind"));
    // twice before it is committed the ruleset changes
    nft.line("insert rule ip t c counter comment \"zeroth\"; add element ip t s { 192.0.2.16/28 }")?;
    let made = batch.commit()?.made;
    ensure!(
        made.iter().any(|(_, made)| matches!(made, Made::Rule(rule) if rule.handle.is_some())),
        "{made:?}"
    );
    let text = listed(&net)?;
    let comments: Vec<&str> = text.lines().filter_map(|line| line.split('"').nth(1)).collect();
    let expected = [
        "zeroth",
        "first",
        "behind the one at 1",
        "second",
        "built before",
        "behind that at 4",
        "built between",
        "built behind",
    ];
    ensure_eq!(comments, expected);
    ensure!(text.contains("elements = { 192.0.2.0/30, 192.0.2.5-192.0.2.31 }"), "{text}");

    // what has no meaning any more is told, and who wants one generation gets no other
    let mut batch = net.nft().batch();
    batch.extend(nft::parse("add rule ip t c index 7 accept")?)?;
    nft.line("flush chain ip t c")?;
    let error = batch.commit().expect_err("there is no such rule any more");
    ensure!(error.to_string().contains("chain `c` has no rule with the index 7"), "{error}");
    nft.line("add rule ip t c counter")?;
    let mut batch = net.nft().batch_for_generation(net.nft().generation()?);
    batch.extend(nft::parse("add rule ip t c index 0 accept")?)?;
    nft.line("add table ip u")?;
    ensure!(batch.check().is_err(), "it is for another generation");
    Ok(())
}

fn texts_are_committed_while_others_write(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (_, chain) = ground(&net, Family::IPV4)?;
    let mut batch = net.nft().batch();
    batch.add(Rule::in_chain(&chain).counter());
    batch.commit()?;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| -> Outcome {
        let writer = scope.spawn(|| -> netwright::Result<()> {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let mut batch = net.nft().batch();
                batch.add(Table::new(Family::IPV6, "other"));
                batch.delete(&Table::new(Family::IPV6, "other"));
                batch.commit()?;
                // Who never pauses leaves nobody the time to list anything.
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            Ok(())
        });
        let committed = (0..40).try_for_each(|_| {
            let mut batch = net.nft().batch();
            batch.extend(nft::parse("insert rule ip t c index 0 counter")?)?;
            batch.commit().map(|_| ())
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().map_err(|_| Failure::wrong("the writer panicked"))??;
        Ok(committed?)
    })?;
    ensure_eq!(net.nft().rules(&chain)?.len(), 41);
    Ok(())
}

/// A set is named by its name, and its Rust type is what a program believes.
fn a_set_is_what_it_is_taken_for(_: &mut Lab) -> Outcome {
    let (net, nft) = (Net::open()?, Oracle::nft()?);
    let (table, chain) = ground(&net, Family::INET)?;
    nft.feed(
        ["-f", "-"],
        "table inet t {
            set s { type ipv4_addr; elements = { 32.1.13.184 }; }
            map m { type ipv4_addr : mark; }
            set typed { typeof ip saddr . tcp dport; }
        }",
    )?;
    let before = nft.line("list ruleset")?;
    let add = |rule: Rule| {
        let mut batch = net.nft().batch();
        batch.add(rule);
        batch.commit().map(drop)
    };
    let rule = || Rule::in_chain(&chain);
    let told = add(rule().is_in(ip6::SADDR, &Set::<Ipv6Addr>::new(&table, "s")).drop());
    let text = told.err().map(|error| error.to_string()).unwrap_or_default();
    ensure_eq!(
        text,
        "cannot build the batch: set s of table inet t has keys of type ipv4_addr, and is used as if they were of type ipv6_addr"
    );
    ensure!(add(rule().is_in(meta::MARK, &Set::<Mark>::new(&table, "s")).drop()).is_err());
    let wrong = look_up(meta::MARK, &Map::<Mark, Mark>::new(&table, "m"));
    ensure!(add(rule().set(meta::MARK, wrong)).is_err());
    let wrong = look_up(ip::SADDR, &Map::<Ipv4Addr, Port>::new(&table, "m"));
    ensure!(add(rule().eq(tcp::DPORT, 1).set(tcp::DPORT, wrong)).is_err());
    let mut batch = net.nft().batch();
    batch.add(Set::<Mark>::new(&table, "s").only([7]));
    ensure!(batch.check().is_err());
    // Also where the batch itself makes it, and where nothing is to be asked of the kernel.
    let mut batch = net.nft().batch();
    batch.add(Set::<Ipv4Addr>::new(&table, "new"));
    batch.add(rule().is_in(ip6::SADDR, &Set::<Ipv6Addr>::new(&table, "new")).drop());
    ensure!(batch.commit().is_err());
    ensure_eq!(nft.line("list ruleset")?, before);

    add(rule().is_in(ip::SADDR, &Set::<Ipv4Addr>::new(&table, "s")).drop())?;
    add(rule().is_in((ip::SADDR, tcp::DPORT), &Set::<(Ipv4Addr, Port)>::new(&table, "typed")).drop())?;
    let marks = Map::<Ipv4Addr, Mark>::new(&table, "m");
    add(rule().set(meta::MARK, look_up(ip::SADDR, &marks)))?;
    listed(&net)?;

    // What is read is of the type too, also where there is nothing to read.
    let empty = net.nft().entries(&Set::<(Mark, Port)>::new(&table, "typed"));
    ensure!(empty.is_err());
    ensure!(net.nft().entries(&Set::<Mark>::new(&table, "s")).is_err());
    ensure_eq!(net.nft().entries(&Set::<Ipv4Addr>::new(&table, "s"))?.len(), 1);
    ensure_eq!(net.nft().entries(&Set::<(Ipv4Addr, Port)>::new(&table, "typed"))?.len(), 0);
    Ok(())
}

/// A chain that is there with another hook or priority is not one that cannot be at this hook.
fn a_chain_is_told_to_be_there_otherwise(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let (table, _) = ground(&net, Family::INET)?;
    for (hook, priority) in [(Hook::Output, Priority(0)), (Hook::Input, Priority(5))] {
        let mut batch = net.nft().batch();
        batch.add(Chain::base(&table, "c", hook, priority));
        let text = batch.commit().err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(text.contains("chain c is there already with another type, hook, priority"), "{text}");
    }
    Ok(())
}

kernel_tests! {
    a_set_is_what_it_is_taken_for,
    a_chain_is_told_to_be_there_otherwise,
    the_seed_example_does_what_it_says,
    sets_maps_and_statements_list_as_nft_has_them,
    rules_are_inserted_replaced_and_deleted_by_their_handle,
    elements_are_added_deleted_and_flushed,
    text_refers_to_the_batch_and_to_the_kernel,
    what_is_wrong_is_told_and_nothing_changes,
    texts_mean_what_the_ruleset_is_when_they_are_committed,
    texts_are_committed_while_others_write,
    #[cfg(feature = "tokio")]
    tasks_do_the_same,
}
