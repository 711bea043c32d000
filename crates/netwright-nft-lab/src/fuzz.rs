//! What the fuzzers run of the language: each reader of text, JSON and messages about rulesets as a [`Target`].

mod seeds;

// The command has no library.
#[path = "../../netwright-cli/src/nft/interactive/history/file.rs"]
mod history_file;

use std::sync::OnceLock;

use netwright::nft::Style;
use netwright_lab::fuzz::Target;
use netwright_netfilter::expression::{MatchAttrs, TargetAttrs};
use netwright_netfilter::{Expression, Family, Rule, Trace};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::ir::Command;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names};
use netwright_nft::{lift as reading, print};
use netwright_wire::{Messages, text};

use crate::conformance::Language;
use crate::conformance::Memory;
use crate::conformance::language::batch;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "syntax", run: syntax, seeds: seeds::texts },
    Target { name: "evaluate", run: evaluate, seeds: seeds::texts },
    Target { name: "json", run: json, seeds: seeds::json_texts },
    Target { name: "lift", run: lift, seeds: seeds::batches },
    Target { name: "optimize", run: optimize, seeds: seeds::texts },
    Target { name: "extension", run: extension, seeds: seeds::extensions },
    Target { name: "names", run: names, seeds: seeds::name_files },
    Target { name: "bytes", run: bytes, seeds: seeds::texts },
    Target { name: "monitor", run: monitor, seeds: seeds::batches },
    Target { name: "history", run: history, seeds: seeds::histories },
];

fn language() -> &'static Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    LANGUAGE.get_or_init(Language::of_records)
}

/// A text is read, and what is wrong with it is located.
pub fn syntax(data: &[u8]) {
    let mut sources = SourceMap::default();
    let id = sources.add("text", String::from_utf8_lossy(data));
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    for diagnostic in &parsed.diagnostics {
        for label in &diagnostic.labels {
            let _ = (sources.locate(label.span), sources.snippet(label.span));
        }
    }
}

/// A text gets its meaning and, where it has one, becomes messages, which are listed.
pub fn evaluate(data: &[u8]) {
    load(language().compile(&String::from_utf8_lossy(data), &Catalog::default()));
}

/// The same for a text of JSON.
pub fn json(data: &[u8]) {
    load(language().compile_json(&String::from_utf8_lossy(data), &Catalog::default()));
}

fn load(compiled: Result<(Vec<Command>, Catalog), String>) {
    let Ok((mut commands, catalog)) = compiled else { return };
    commands.retain(Command::is_change);
    let Ok(mut batch) = batch(&commands, &catalog, 1) else { return };
    let mut memory = Memory::default();
    // A text may add elements to a set that it does not make; all that it makes can be listed.
    let _ = memory.add(&mut batch);
    list(&memory);
}

/// Messages about rulesets are read and listed.
pub fn lift(data: &[u8]) {
    let mut memory = Memory::default();
    for message in Messages::new(data).map_while(Result::ok) {
        let _ = (memory.message(&message), Trace::read(&message));
    }
    list(&memory);
}

/// Notifications are events, which are told as text and as JSON.
pub fn monitor(data: &[u8]) {
    let Ok(events) = netwright::nft::read_events(data) else { return };
    let Language { names, options } = language();
    let mut out = String::new();
    for (event, json) in events.iter().flat_map(|event| [(event, false), (event, true)]) {
        let _ = event.write(&mut out, Style { options, names, json });
    }
}

/// The file of an editor's lines is read; each line is kept so that it is the same line when it is read again.
pub fn history(data: &[u8]) {
    for line in history_file::lines(data) {
        assert_eq!(history_file::lines(history_file::kept(&line).as_bytes()), [line]);
    }
}

/// The rules of a text are merged, as `-o` does, and are rules still.
pub fn optimize(data: &[u8]) {
    let Ok((commands, catalog)) = language().compile(&String::from_utf8_lossy(data), &Catalog::default())
    else {
        return;
    };
    let (mut commands, merged) = netwright_nft::optimize::rules(commands, &SourceMap::default());
    let Language { names, options } = language();
    for one in &merged {
        let _ = print::rule(&one.into, options, names);
    }
    commands.retain(Command::is_change);
    let _ = batch(&commands, &catalog, 1);
}

/// A match or target of iptables or ebtables is listed: the family, whether it is a match, the revision, the name up to a
/// zero, and its struct.
pub fn extension(data: &[u8]) {
    let [family, kind, revision, rest @ ..] = data else { return };
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
    let (name, info) = rest.split_at(end);
    let name = Some(String::from_utf8_lossy(name).into_owned());
    let (revision, info) = (Some(u32::from(*revision)), Some(info.get(1..).unwrap_or_default().to_vec()));
    let code: Expression = match kind % 2 {
        0 => MatchAttrs::default()
            .with(|attrs| (attrs.name, attrs.revision, attrs.info) = (name, revision, info))
            .into(),
        _ => TargetAttrs::default()
            .with(|attrs| (attrs.name, attrs.revision, attrs.info) = (name, revision, info))
            .into(),
    };
    let families = [Family::IPV4, Family::IPV6, Family::BRIDGE];
    let family = families.get(usize::from(*family) % families.len()).copied().unwrap_or(Family::IPV4);
    let rule = Rule { family, expressions: vec![code], ..Rule::default() };
    let lifted = reading::rule(&rule, &reading::Scope::default());
    let Language { names, options } = language();
    let _ = print::rule(&lifted, options, names);
    let _ = netwright_nft::json::statements(family, &lifted.statements, options, names);
}

/// A file of names, as each kind of them.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for database in [
        Database::Protocols,
        Database::Services,
        Database::Marks,
        Database::Realms,
        Database::DeviceGroups,
        Database::Labels,
        Database::Users,
        Database::Groups,
    ] {
        let mut names = Names::new();
        names.read(database, &text);
        for name in names.all(database) {
            assert!(names.number(database, name).is_some(), "{name}");
        }
    }
}

/// Bytes are a text, which is these bytes again.
pub fn bytes(data: &[u8]) {
    assert_eq!(&*text::to_bytes(&text::from_bytes(data)), data);
}

fn list(memory: &Memory) {
    let Language { names, options } = language();
    let ruleset = reading::ruleset(memory.dump());
    let _ =
        (print::ruleset(&ruleset, options, names), netwright_nft::json::ruleset(&ruleset, options, names));
}
