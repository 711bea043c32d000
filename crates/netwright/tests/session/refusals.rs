//! What the kernel refuses, and why.

use netwright::Net;
use netwright::nft::{Code, Refusal, Script};
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq};

use crate::running::ran;

fn refused(net: &Net, text: &str) -> Result<Vec<Refusal>, Failure> {
    Ok(net.nft().session().run(Script::text(text))?.refusals)
}

fn said(refusal: &Refusal) -> String {
    let label = refusal.diagnostic.labels.first().map(|label| label.message.clone()).unwrap_or_default();
    format!("{label} [{}]", refusal.diagnostic.help.join("; "))
}

pub(crate) fn refusals_have_their_true_reasons(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(
        &net,
        "table ip t { set s { type ipv4_addr; }; map m { type ipv4_addr : verdict; }; counter k { };
            chain c { }; chain i { type filter hook input priority 0; }; chain used { }; chain u { jump used; }; }
        table ip t { set full { type ipv4_addr; size 1; }; }
        table inet t { chain c { }; }
        table bridge b { chain c { type filter hook forward priority 0; }; }",
    )?;
    for (text, code, reason) in [
        ("add chain ip nope c", Code::Missing, "there is no table ip nope"),
        ("add rule ip t nope accept", Code::Missing, "there is no chain ip t nope"),
        ("add rule ip t c jump nope", Code::Missing, "there is no chain ip t nope"),
        (
            "add rule ip t c ip saddr vmap { 192.0.2.1 : jump nope }",
            Code::Missing,
            "there is no chain ip t nope",
        ),
        ("add element ip t m { 192.0.2.1 : goto nope }", Code::Missing, "there is no chain ip t nope"),
        ("add rule ip t c counter name nope", Code::Missing, "there is no counter ip t nope"),
        ("add rule ip t c quota name k", Code::Missing, "there is no quota ip t k"),
        ("delete set ip t nope", Code::Missing, "there is no set or map ip t nope"),
        ("delete quota ip t k", Code::Missing, "there is no quota ip t k"),
        ("delete table ip nope", Code::Missing, "there is no table ip nope"),
        ("delete chain ip t nope", Code::Missing, "there is no chain ip t nope"),
        ("flush chain ip t nope", Code::Missing, "there is no chain ip t nope"),
        ("delete rule ip t c handle 99", Code::Missing, "no rule with the handle 99"),
        ("add rule ip t c handle 99 accept", Code::Missing, "no rule with the handle 99"),
        ("replace rule ip t c handle 99 accept", Code::Missing, "no rule with the handle 99"),
        ("delete element ip t s { 192.0.2.1 }", Code::Missing, "does not have this element"),
        ("add rule ip t i masquerade", Code::Place, "chains of type nat at the hook postrouting"),
        ("add rule ip t i redirect", Code::Place, "chains of type nat at the hooks prerouting and output"),
        ("add chain ip t n { type nat hook prerouting priority -300; }", Code::Place, "above -200"),
        ("add rule ip t c jump i", Code::Place, "i is a base chain"),
        ("add rule ip t c ip saddr vmap { 192.0.2.1 : goto i }", Code::Place, "i is a base chain"),
        ("add element ip t m { 192.0.2.1 : jump i }", Code::Place, "i is a base chain"),
        ("add element ip t full { 192.0.2.1, 192.0.2.2 }", Code::Place, "the set is full"),
        ("add rule inet t c dup to 192.0.2.1", Code::Place, "`dup to` does not work in the family inet"),
        (
            "add ct expectation inet t e { protocol udp; dport 9876; timeout 2m; size 8; }",
            Code::Place,
            "an expectation is of one protocol",
        ),
        ("create table ip t", Code::Exists, "exists already"),
        ("create chain ip t c", Code::Exists, "exists already"),
        ("delete chain ip t used", Code::Busy, "in use"),
    ] {
        let refusals = refused(&net, text)?;
        ensure_eq!(refusals.len(), 1, "{text}: {refusals:?}");
        ensure_eq!(refusals[0].code, code, "{text}: {}", said(&refusals[0]));
        ensure!(said(&refusals[0]).contains(reason), "{text}: {}", said(&refusals[0]));
        ensure!(refusals[0].errno.is_some() && refusals[0].command == Some(0), "{text}");
        ensure!(refusals[0].diagnostic.span().is_some(), "{text}");
    }
    // what the kernel may lack: then that is said, and not that something else is missing
    for (text, feature) in [
        ("add rule ip t i queue num 1", "`queue`"),
        ("add rule bridge b c reject", "`reject`"),
        ("add flowtable ip t f { hook ingress priority 0; devices = { lo }; }", "flow tables"),
        ("add ct helper ip t h { type \"nosuch\" protocol tcp; }", "helper"),
    ] {
        for refusal in refused(&net, text)? {
            ensure!(said(&refusal).contains(feature), "{text}: {}", said(&refusal));
            ensure_eq!(refusal.code, Code::Feature, "{text}");
        }
    }
    // in a batch that makes the table, too
    let text =
        "add table ip new; add chain ip new c; add rule ip new c ip saddr vmap { 192.0.2.1 : jump nope }";
    let refusals = refused(&net, text)?;
    ensure_eq!(refusals.len(), 1);
    ensure!(said(&refusals[0]).contains("there is no chain ip new nope"), "{}", said(&refusals[0]));
    Ok(())
}

pub(crate) fn all_refusals_of_a_batch_are_told(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(&net, "table ip t { chain c { }; }")?;
    let text = "add rule ip t nope accept\nadd rule ip t c accept\ndelete set ip t s\ncreate table ip t\n\
        delete rule ip t c handle 99\nadd chain ip gone c";
    let refusals = refused(&net, text)?;
    let commands: Vec<_> = refusals.iter().map(|refusal| refusal.command).collect();
    ensure_eq!(commands, [Some(0), Some(2), Some(3), Some(4), Some(5)], "{refusals:?}");
    let report = net.nft().session().run(Script::text(text).named("rules.nft"))?;
    let lines = report
        .refusals
        .iter()
        .filter_map(|refusal| Some(report.sources.locate(refusal.diagnostic.span()?)?.line));
    ensure_eq!(lines.collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
    ensure_eq!(net.nft().ruleset()?.to_string(), "table ip t {\n\tchain c {\n\t}\n}\n");
    Ok(())
}

pub(crate) fn what_follows_from_another_refusal_is_not_told(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    let _ = ran(&net, "add table ip t")?;
    let text = "create table ip t\nadd chain ip t n { type nat hook prerouting priority -300; }\n\
        add rule ip t n accept\nadd rule ip t n drop";
    let refusals = refused(&net, text)?;
    let commands: Vec<_> = refusals.iter().map(|refusal| refusal.command).collect();
    ensure_eq!(commands, [Some(0), Some(1)], "{refusals:?}");
    Ok(())
}
