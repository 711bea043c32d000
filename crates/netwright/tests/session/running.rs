//! Scripts, their answers and what they leave.

use netwright::Net;
use netwright::netfilter::{ByHandle, Family, TableRef};
use netwright::nft::{Answer, Changed, Event, Language, PrintOptions, Report, Script, Style};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::{Value, json};

/// Runs a text that must be taken.
#[track_caller]
pub(crate) fn ran(net: &Net, text: &str) -> Result<Report, Failure> {
    let report = net.nft().session().run(Script::text(text))?;
    match report.refusals.first() {
        None => Ok(report),
        Some(first) => Err(Failure::wrong(format_args!("{text}: {first:?}"))),
    }
}

/// What the answers of a report print.
pub(crate) fn printed(report: &Report, json: bool) -> Result<String, Failure> {
    let names = netwright::nft::Names::new();
    let options = PrintOptions::default();
    let style = Style { options: &options, names: &names, json };
    let mut out = Vec::new();
    for answer in &report.answers {
        answer.write(style, &mut out)?;
    }
    report.write_echo(style, &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

pub(crate) fn scripts_are_run_and_answered(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let mut session = net.nft().session();
    session.echo = true;
    let text = "add table inet t; add chain inet t c; add rule inet t c tcp dport { 22, 80 } accept
        list chain inet t c; list tables";
    let report = session.run(Script::text(text))?;
    report.accepted()?;
    let told = printed(&report, false)?;
    let expected = "\
table inet t {
\tchain c {
\t\ttcp dport { 22, 80 } accept
\t}
}
table inet t
add table inet t
add chain inet t c
add rule inet t c tcp dport { 22, 80 } accept
";
    ensure!(told.starts_with(expected), "{told}");
    ensure!(told.contains("# new generation "), "{told}");
    ensure_eq!(nft.line("list table inet t")?, net.nft().ruleset()?.to_string());

    // what is wrong is told at once, and nothing of it is done
    let report =
        session.run(Script::text("add table ip u; add rule inet t c tcp dprt 1; add chain inet t {}"))?;
    ensure!(report.refusals.len() >= 2, "{:?}", report.refusals);
    ensure_eq!(nft.line("list tables")?, "table inet t\n");
    ensure!(report.accepted().is_err());
    Ok(())
}

pub(crate) fn answers_are_typed(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let made = "table ip t { counter k { packets 7 bytes 70; }; set s { type ipv4_addr; flags interval;
        elements = { 10.0.0.0/8, 192.0.2.1 }; }; chain c { counter; }; }";
    let _ = ran(&net, made)?;
    let asked =
        "list counters; get element ip t s { 10.1.2.3 }; reset counter ip t k; list counter ip t k; monitor";
    let report = ran(&net, asked)?;
    let [
        Answer::Listing(counters),
        Answer::Listing(element),
        Answer::Listing(before),
        Answer::Listing(after),
        Answer::Monitor { .. },
    ] = &report.answers[..]
    else {
        return Err(Failure::wrong(format_args!("{:?}", report.answers)));
    };
    ensure_eq!(counters.ruleset().tables[0].objects.len(), 1);
    ensure_eq!(element.ruleset().tables[0].sets[0].elements.len(), 1);
    let packets =
        |listed: &netwright::nft::Listed| format!("{:?}", listed.ruleset().tables[0].objects[0].data);
    ensure!(packets(before).contains("packets: 7"), "{}", packets(before));
    ensure!(packets(after).contains("packets: 0"), "{}", packets(after));
    Ok(())
}

/// Batches in which rules are counted: each is run after the ones before it.
const COUNTED: &[&str] = &[
    "add rule ip t c index 1 counter comment \"a\"",
    "insert rule ip t c index 0 counter comment \"b\"; insert rule ip t c index 0 counter comment \"c\"",
    "add rule ip t c counter comment \"d\"; add rule ip t c index 0 counter comment \"e\"",
    "insert rule ip t c counter comment \"f\"; add rule ip t c index 0 counter comment \"g\"; \
     add rule ip t c index 1 counter comment \"h\"",
    "add rule ip t c index 0 counter comment \"i\"; insert rule ip t c index 1 counter comment \"j\"",
    "flush chain ip t c; add rule ip t c counter comment \"k\"; insert rule ip t c index 0 counter comment \"l\"",
    "add rule ip t c index 2 counter comment \"beyond\"",
    "add chain ip t d; add rule ip t d counter; add rule ip t d index 0 counter comment \"m\"; \
     add rule ip t c index 0 counter comment \"n\"",
    "add table ip u; add chain ip u c; add rule ip u c counter comment \"o\"; \
     insert rule ip u c index 0 counter comment \"p\"; insert rule ip t c index 1 counter comment \"q\"",
];

pub(crate) fn rules_are_counted_as_nft_counts_them(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft_since((1, 1, 7))?, Net::open()?);
    let set_up =
        "flush ruleset; add table ip t; add chain ip t c; add rule ip t c accept; add rule ip t c drop";
    let each = |run: &dyn Fn(&str) -> Result<bool, Failure>| -> Result<Vec<(bool, String)>, Failure> {
        run(set_up)?;
        COUNTED.iter().map(|batch| Ok((run(batch)?, nft.line("list ruleset")?))).collect()
    };
    let theirs = each(&|batch| Ok(nft.output(&[batch], "")?.status.success()))?;
    let ours = each(&|batch| Ok(net.nft().session().run(Script::text(batch))?.refusals.is_empty()))?;
    for ((ours, theirs), batch) in ours.iter().zip(&theirs).zip(COUNTED) {
        ensure_eq!(ours, theirs, "{batch}");
    }
    // the same in JSON, as firewalld writes it
    let rule = |verb: &str, index: u64, text: &str| {
        json!({ verb: { "rule": { "family": "ip", "table": "t", "chain": "c", "index": index,
            "comment": text, "expr": [{ "counter": null }] } } })
    };
    let document = json!({ "nftables": [
        rule("insert", 0, "x"), rule("insert", 0, "y"), rule("add", 1, "z"), rule("insert", 2, "w"),
    ] })
    .to_string();
    let comments = || -> Result<Vec<String>, Failure> {
        let text = nft.line("list chain ip t c")?;
        Ok(text.split('"').skip(1).step_by(2).map(str::to_owned).collect())
    };
    nft.text([set_up])?;
    nft.feed(["-j", "-f", "-"], &document)?;
    let theirs = comments()?;
    nft.text([set_up])?;
    net.nft().session().run(Script::json(&document))?.accepted()?;
    ensure_eq!(comments()?, theirs);
    Ok(())
}

pub(crate) fn what_is_checked_changes_nothing(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let _ = ran(&net, "add table ip t")?;
    let mut session = net.nft().session();
    session.check = true;
    let report = session.run(Script::text("add chain ip t c; add rule ip t c accept; list tables"))?;
    report.accepted()?;
    ensure_eq!(report.answers.len(), 1, "what is asked is answered");
    let report = session.run(Script::text("add rule ip t nowhere accept"))?;
    ensure_eq!(report.refusals.len(), 1);
    ensure_eq!(nft.line("list ruleset")?, "table ip t {\n}\n");

    // and nothing starts anew
    let counted = "packets 3 bytes 4";
    let all = format!(
        "counter k {{ {counted} ; }}; chain c {{ counter {counted}; }}; quota q {{ 9 bytes used 4 bytes; }};
        set s {{ type mark; counter; elements = {{ 1 counter {counted} }}; }};"
    );
    let _ = ran(&net, &format!("table ip t {{ {all} }}"))?;
    let before = nft.line("list ruleset")?;
    let asked = [
        "reset counters",
        "reset counter ip t k",
        "reset quotas",
        "reset rules",
        "reset rules ip t c",
        "reset set ip t s",
        "reset element ip t s { 1 }",
    ];
    for text in asked {
        let report = session.run(Script::text(text))?;
        let told = printed(report.accepted()?, false)?;
        ensure!(
            told.contains(if text == "reset quotas" { "used 4 bytes" } else { counted }),
            "{text}: {told}"
        );
        ensure_eq!(nft.line("list ruleset")?, before, "{text}");
    }
    Ok(())
}

pub(crate) fn a_session_keeps_its_socket(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    let mut session = net.nft().session();
    session.run(Script::text("add table ip t { flags owner; }"))?.accepted()?;
    // other requests of the same net go through other sockets
    net.nft().ruleset()?;
    session.run(Script::text("add chain ip t c"))?.accepted()?;
    let report = net.nft().session().run(Script::text("add chain ip t d"))?;
    let said = format!("{:?}", report.refusals);
    ensure!(said.contains("Permission") && said.contains("belongs to the program"), "{said}");
    drop(session);
    ensure_eq!(nft.line("list tables")?, "");
    Ok(())
}

pub(crate) fn json_comes_back_with_handles(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let mut session = net.nft().session();
    session.echo = true;
    let document = r#"{"nftables": [{"add":{"table":{"family":"inet","name":"t"}}}, {"add":{"chain":
        {"family":"inet","table":"t","name":"c"}}}, {"add":{"rule":{"family":"inet","table":"t","chain":"c",
        "expr":[{"accept":null}],"comment":"é \" 1.5"}}}, {"delete":{"chain":{"family":"inet","table":"t",
        "name":"nope"}}}]}"#;
    ensure_eq!(Language::of(document), Language::Json);
    let refused = session.run(Script::json(document))?;
    ensure_eq!(refused.refusals.len(), 1);
    let document = document.replace(
        r#", {"delete":{"chain":{"family":"inet","table":"t",
        "name":"nope"}}}"#,
        "",
    );
    let report = session.run(Script::json(&document))?;
    report.accepted()?;
    let text = printed(&report, true)?;
    ensure!(!text.ends_with('\n'), "as nft, without a line's end");
    let told: Value =
        serde_json::from_str(&text).map_err(|error| Failure::wrong(format_args!("{error}: {text}")))?;
    ensure_eq!(told["nftables"][2]["add"]["rule"]["comment"], "é \" 1.5");
    let handle = |index: usize, noun: &str| told["nftables"][index]["add"][noun]["handle"].as_u64();
    ensure!(handle(0, "table").is_some() && handle(1, "chain").is_some(), "{text}");
    let echo = report.echo.as_ref().ok_or_else(|| Failure::wrong("no echo"))?;
    let Some(Event::Made(Changed::Rule { rule, .. })) = echo.events.last() else {
        return Err(Failure::wrong(format_args!("{echo:?}")));
    };
    ensure_eq!(rule.handle, handle(2, "rule"));
    Ok(())
}

pub(crate) fn things_are_found_by_their_handles(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(&net, "table inet t { set s { type mark; }; counter k { }; chain c { }; }")?;
    let table = net.nft().find(TableRef::new(Family::INET, "t"))?;
    let handle = |handle: Option<u64>| handle.ok_or_else(|| Failure::wrong("it has no handle"));
    let named = TableRef::new(Family::INET, "t");
    let by_handle = ByHandle::table_of(Family::INET, handle(table.handle)?);
    ensure_eq!(net.nft().find_by_handle(by_handle)?.name, "t");
    let set = net.nft().find(named.set("s"))?;
    ensure_eq!(net.nft().find_by_handle(named.set_by_handle(handle(set.handle)?))?, set);
    let chain = net.nft().find(named.chain("c"))?;
    ensure_eq!(net.nft().find_by_handle(named.chain_by_handle(handle(chain.handle)?))?, chain);
    let error = net.nft().find_by_handle(named.set_by_handle(999)).err();
    ensure!(error.is_some_and(|error| error.is_not_found()));
    Ok(())
}
