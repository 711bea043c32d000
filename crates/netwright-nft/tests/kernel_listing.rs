//! What the kernel has is listed as `nft` lists it: rulesets and recipes out of `NETWRIGHT_SHARED`, in namespaces of the
//! test's own. `NETWRIGHT_NFT` names the `nft` to compare with, 1.1.7 or later.

#![allow(clippy::unwrap_used, clippy::panic)]

mod corpus;

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use netwright_netfilter::request::{List, ListElements};
use netwright_netfilter::{Family, Item};
use netwright_nft::lift::{self, Dump};
use netwright_nft::table::{Database, Names, PrintOptions};
use netwright_nft::{json, print};
use netwright_sys::{Connection, isolate, protocol};

const INSIDE: &str = "NETWRIGHT_TEST_INSIDE";

/// Runs a test's body in namespaces of its own: the test runs once more, alone, in a child process that is isolated.
fn isolated(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some_and(|inside| inside == *test) {
        return body();
    }
    let mut command = isolate::command(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, test).env("TZ", "UTC");
    let output = command.output().map_err(isolate::failed).unwrap_or_else(|error| panic!("{error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The `nft` to compare with; says so where there is none.
fn oracle() -> Option<String> {
    let nft = env::var("NETWRIGHT_NFT").ok().filter(|path| Path::new(path).exists());
    if nft.is_none() {
        println!("not run: NETWRIGHT_NFT names no nft to compare with");
    }
    nft
}

/// Runs nft with this on its standard input.
fn run(nft: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new(nft);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn all<T: Item>(connection: &mut Connection, family: Family) -> Vec<T>
where
    List<T>: netwright_wire::Dump<Output = T>,
{
    connection.dump_all(&List::<T>::new(family)).unwrap_or_default()
}

/// All that the kernel has.
fn dump(connection: &mut Connection) -> Dump {
    let family = Family::UNSPECIFIED;
    let sets: Vec<netwright_netfilter::Set> = all(connection, family);
    let mut content = Vec::new();
    for set in sets {
        let elements = connection.dump_all(&ListElements::of(&set)).unwrap_or_default();
        content.push((set, elements.into_iter().flatten().collect()));
    }
    Dump {
        tables: all(connection, family),
        chains: all(connection, family),
        rules: all(connection, family),
        sets: content,
        objects: all(connection, family),
        flowtables: all(connection, family),
        ..Dump::default()
    }
}

/// The names that the files of this host give.
fn names() -> Names {
    let mut names = Names::new();
    names.insert(Database::Interfaces, "lo", 1);
    let files = [
        (Database::Protocols, "/etc/protocols"),
        (Database::Services, "/etc/services"),
        (Database::Users, "/etc/passwd"),
        (Database::Groups, "/etc/group"),
        (Database::DeviceGroups, "/etc/iproute2/group"),
        (Database::Realms, "/etc/iproute2/rt_realms"),
        (Database::Marks, "/etc/iproute2/rt_marks"),
    ];
    for (database, path) in files {
        if let Ok(text) = std::fs::read_to_string(path) {
            names.read(database, &text);
        }
    }
    names
}

/// Times that run on while two listings are made.
fn still(text: &str) -> String {
    let mut result = String::new();
    let mut words = text.split_inclusive([' ', '\n', ',']);
    while let Some(word) = words.next() {
        result.push_str(word);
        if word.trim() == "expires" {
            let next = words.next().unwrap_or_default();
            result.push_str("TIME");
            result.extend(next.chars().filter(|c| matches!(c, ' ' | '\n' | ',')));
        }
    }
    result
}

/// The lines in which two listings differ.
fn difference(nft: &str, us: &str) -> Option<String> {
    let (nft, us) = (still(nft), still(us));
    if nft == us {
        return None;
    }
    let (left, right) = (nft.lines().count(), us.lines().count());
    let lines = nft.lines().zip(us.lines()).filter(|(nft, us)| nft != us);
    // Behind a line that is missing everything differs.
    let lines = lines.take(if left == right { usize::MAX } else { 1 });
    let lines = lines.map(|(nft, us)| format!("  nft: {nft}\n  us:  {us}\n")).collect::<String>();
    Some(format!("  {left} and {right} lines\n{lines}"))
}

/// Everything behind what JSON says of its writer, with one thing on each line.
fn things(json: &str) -> String {
    let body = json.split_once("json_schema_version\": 1}}").map_or(json, |(_, body)| body);
    let mut body = body.replace(", {\"", ",\n{\"");
    while let Some(at) = body.find("\"expires\": ") {
        let digits = body[at + 11..].bytes().take_while(u8::is_ascii_digit).count();
        body.replace_range(at..at + 11 + digits, "\"EXPIRES\"");
    }
    body
}

struct Bench {
    nft: String,
    connection: Connection,
    names: Names,
}

impl Bench {
    fn new(nft: String) -> Self {
        // Devices that rulesets name by a number would have other numbers here: there is only the loopback device.
        Bench { nft, connection: Connection::open(protocol::NETFILTER).unwrap(), names: names() }
    }

    /// Compares listings with each of some options; `None` is no difference.
    fn compare(&mut self) -> Option<String> {
        let plain = PrintOptions::default();
        let options: [(&[&str], PrintOptions); 7] = [
            (&[], plain),
            (&["-a", "-s"], PrintOptions { handles: true, stateless: true, ..plain }),
            (&["-n"], plain.numeric()),
            (&["-t"], PrintOptions { terse: true, ..plain }),
            (&["-S", "-y"], PrintOptions { service_names: true, numeric_priority: true, ..plain }),
            (&["-p", "-T"], PrintOptions { numeric_protocol: true, numeric_time: true, ..plain }),
            (&["-u"], PrintOptions { guid_names: true, ..plain }),
        ];
        let ruleset = lift::ruleset(&dump(&mut self.connection));
        let text = options.iter().find_map(|(arguments, options)| {
            let listed = run(&self.nft, &[*arguments, &["list", "ruleset"]].concat(), "").unwrap();
            let text = print::ruleset(&ruleset, options, &self.names);
            difference(&listed, &text).map(|d| format!("  {arguments:?}\n{d}"))
        });
        text.or_else(|| {
            let listed = run(&self.nft, &["-j", "list", "ruleset"], "").unwrap();
            let text = json::ruleset(&ruleset, &plain, &self.names);
            difference(&things(&listed), &things(&text)).map(|d| format!("  JSON\n{d}"))
        })
    }
}

#[test]
fn rulesets_are_listed_as_nft_lists_them() {
    let (Some(shared), Some(nft)) = (corpus::shared(), oracle()) else { return };
    isolated("rulesets_are_listed_as_nft_lists_them", || {
        let mut bench = Bench::new(nft);
        let (mut right, mut all, mut refused, mut wrong) = (0, 0, 0, BTreeMap::new());
        for entry in std::fs::read_dir(shared.join("corpus/rulesets")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "nft") {
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            run(&bench.nft, &["flush", "ruleset"], "").unwrap();
            if run(&bench.nft, &["-f", "-"], &text).is_err() {
                refused += 1;
                continue;
            }
            all += 1;
            match bench.compare() {
                None => right += 1,
                Some(difference) => {
                    wrong.insert(name, difference);
                }
            }
        }
        for (name, difference) in &wrong {
            println!("{name}\n{difference}");
        }
        println!("rulesets: {right} of {all} as nft, {refused} that nft cannot load here");
        assert!(all > 0 && right == all, "{right} of {all} rulesets as nft");
    });
}

/// Rulesets of our own: whatever the corpus leaves out.
#[test]
fn our_rulesets_are_listed_as_nft_lists_them() {
    let Some(nft) = oracle() else { return };
    isolated("our_rulesets_are_listed_as_nft_lists_them", || {
        let mut bench = Bench::new(nft);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/listing");
        let (mut wrong, mut compared) = (String::new(), 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            run(&bench.nft, &["flush", "ruleset"], "").unwrap();
            if let Err(refusal) = run(&bench.nft, &["-f", "-"], &text) {
                println!("not compared: nft cannot load {} here: {refusal}", path.display());
                continue;
            }
            compared += 1;
            if let Some(difference) = bench.compare() {
                wrong += &format!("{}\n{difference}", path.display());
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
        assert!(compared > 0, "nft can load none of the rulesets");
    });
}

#[test]
fn recipes_are_listed_as_nft_lists_them() {
    let (Some(shared), Some(nft)) = (corpus::shared(), oracle()) else { return };
    isolated("recipes_are_listed_as_nft_lists_them", || {
        let mut bench = Bench::new(nft);
        let context = std::fs::read_to_string(shared.join("recipes/context.nft")).unwrap();
        let recipes = std::fs::read_to_string(shared.join("recipes/recipes.psv")).unwrap();
        let (mut right, mut all, mut refused) = (0, 0, 0);
        for line in recipes.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (front, _) = line.rsplit_once('|').unwrap();
            let fields: Vec<&str> = front.splitn(4, '|').collect();
            let &[name, table, chain, rule] = fields.as_slice() else { continue };
            let text =
                if table == "RAW" { rule.to_string() } else { format!("add rule {table} {chain} {rule}") };
            run(&bench.nft, &["flush", "ruleset"], "").unwrap();
            run(&bench.nft, &["-f", "-"], &context).unwrap();
            if run(&bench.nft, &["-f", "-"], &text).is_err() {
                refused += 1;
                continue;
            }
            all += 1;
            match bench.compare() {
                None => right += 1,
                Some(difference) => println!("{name}: {rule}\n{difference}"),
            }
        }
        println!("recipes: {right} of {all} as nft, {refused} that nft cannot load here");
        assert!(all > 0 && right == all, "{right} of {all} recipes as nft");
    });
}
