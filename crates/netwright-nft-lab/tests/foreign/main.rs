//! Rules that other programs made: how they are listed, and that the listing can be loaded again and means the same, or is refused before
//! anything is changed. Those of iptables-nft and ebtables-nft are written down; those of programs that speak netlink are made at random.
//!
//! `rules` has each rule with the words that it is listed in below it.

use netwright::Net;
use netwright::nft::{Family, Script, Style};
use netwright_lab::{Failure, Lab, Node, Oracle, Outcome, kernel_tests};
use netwright_nft::table::PrintOptions;
use netwright_sys::Namespace;

mod bytecode;
mod maker;
mod meaning;

kernel_tests![rules_are_listed_in_words_that_can_be_loaded, bytecode_means_the_same_when_it_is_loaded_again];

/// `SEED` and `COUNT` in the environment make other and more rules; `SHOW` prints what is listed in other words and what is not loaded again.
fn bytecode_means_the_same_when_it_is_loaded_again(_: &mut Lab) -> Outcome {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, count) = (number("SEED").unwrap_or(1), number("COUNT").unwrap_or(120));
    let mut another = Vec::new();
    for family in [Family::IPV4, Family::IPV6, Family::INET, Family::BRIDGE] {
        let compared = bytecode::compare(family, seed, count)?;
        println!("{family}: {compared}");
        if std::env::var_os("SHOW").is_some() {
            println!("{}\n{}", compared.other.join("\n"), compared.not_loaded.join("\n"));
        }
        another.extend(compared.another);
    }
    if another.is_empty() { Ok(()) } else { Err(Failure::wrong(another.join("\n"))) }
}

fn rules_are_listed_in_words_that_can_be_loaded(_: &mut Lab) -> Outcome {
    let text = include_str!("rules");
    let oracles = [
        ("iptables-nft", Oracle::find("iptables-nft", "iptables")?),
        ("ip6tables-nft", Oracle::find("ip6tables-nft", "iptables")?),
        ("ebtables-nft", Oracle::find("ebtables-nft", "iptables")?),
    ];
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let (mut wrong, mut count, mut refused) = (Vec::new(), 0, 0);
    while let (Some(rule), Some(words)) = (lines.next(), lines.next()) {
        let (program, arguments) = rule.split_once(' ').unwrap_or((rule, ""));
        let Some((_, oracle)) = oracles.iter().find(|(name, _)| *name == program) else {
            return Err(Failure::wrong(format_args!("there is no program {program}")));
        };
        count += 1;
        match one(oracle, arguments, words.trim())? {
            Ok(true) => {}
            Ok(false) => refused += 1,
            Err(what) => wrong.push(format!("{rule}\n{what}")),
        }
    }
    println!("{count} rules of other programs, of which {refused} have no words and are refused");
    if wrong.is_empty() { Ok(()) } else { Err(Failure::wrong(wrong.join("\n"))) }
}

/// Whether a rule is listed in these words and loaded again; false where it is refused, as it must be without words.
fn one(oracle: &Oracle, arguments: &str, words: &str) -> Result<Result<bool, String>, Failure> {
    let namespace = Namespace::create_anonymous()?;
    let node = Node::in_namespace("foreign", namespace.clone())?;
    let made = node.run(|| oracle.output(&split(arguments), ""))??;
    let one_user = || {
        std::fs::read_to_string("/proc/self/uid_map")
            .is_ok_and(|map| map.split_whitespace().nth(2) == Some("1"))
    };
    if !made.status.success() && arguments.contains(" owner ") && one_user() {
        println!("not tried where there is one user only: {arguments}");
        return Ok(Ok(true));
    }
    if !made.status.success() {
        return Ok(Err(format!("  it was not made: {}", String::from_utf8_lossy(&made.stderr))));
    }
    let net = Net::open_in(&namespace)?;
    let before = list(&net, false)?;
    let listed = before.lines().find(|line| line.starts_with("\t\t") && !line.contains("policy "));
    if listed.map(str::trim) != Some(words) {
        return Ok(Err(format!("  wanted: {words}\n  listed: {}", listed.unwrap_or("nothing").trim())));
    }
    for json in [false, true] {
        let again = list(&net, json)?;
        let text = match json {
            false => format!("flush ruleset\n{again}"),
            true => again.replacen("[", "[{\"flush\": {\"ruleset\": null}}, ", 1),
        };
        let language = if json { netwright::nft::Language::Json } else { netwright::nft::Language::Nft };
        let report = net.nft().session().run(Script::text(text).in_language(language))?;
        let untranslated = words.contains("xt ");
        match (report.refusals.first(), untranslated) {
            (None, false) => {}
            (Some(_), true) if list(&net, false)? == before => return Ok(Ok(false)),
            (None, true) => return Ok(Err("  it was loaded, and has no words".to_owned())),
            (Some(why), false) => {
                return Ok(Err(format!("  json {json}: it was not loaded: {}", why.diagnostic.message)));
            }
            (Some(_), true) => return Ok(Err("  it was refused, and something changed".to_owned())),
        }
        // What was loaded is listed as it was, or in the language's own way: then that way stays.
        let after = list(&net, false)?;
        let again = net.nft().session().run(Script::text(format!("flush ruleset\n{after}")))?;
        if let Some(why) = again.refusals.first() {
            return Ok(Err(format!("  its listing was not loaded: {}", why.diagnostic.message)));
        }
        let stays = list(&net, false)?;
        if after != stays {
            return Ok(Err(format!("  it changes as it is loaded again:\n{after}{stays}")));
        }
    }
    Ok(Ok(true))
}

fn list(net: &Net, json: bool) -> Result<String, Failure> {
    listed(net, "list ruleset", json)
}

/// What a command that lists prints.
fn listed(net: &Net, command: &str, json: bool) -> Result<String, Failure> {
    let mut session = net.nft().session();
    let report = session.run(Script::text(command))?;
    let options = PrintOptions { stateless: true, ..PrintOptions::default() };
    let mut text = Vec::new();
    let style = Style { options: &options, names: &session.names, json };
    report.write(style, &mut text, |_, _| Ok::<(), std::io::Error>(()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Words, of which those between quotes are one.
fn split(arguments: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in arguments.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}
