//! `cargo xtask`: the chores of this checkout.

mod bench;
mod cargo;
mod clients;
mod comparison;
mod conformance;
mod counts;
mod dependencies;
mod differential;
mod features;
mod interface;
mod licences;
mod minimal;
mod packages;
#[cfg(test)]
mod promises;
mod report;
mod setup;
mod test;
mod uapi;

use std::process::ExitCode;

use setup::Install;

const USAGE: &str = "usage: cargo xtask COMMAND

  test [--no-install]   install what the tests of the language and links need (by apt-get, as root), run all tests, say what did not run
  test --all            the same, and install the programs that are tried in a sandbox
  bench                 what netwright takes beside the tools and the kernel alone; writes docs/benchmarks.md
  clients [--speed]     Python's module nftables and firewalld do the same on C's libnftables and on ours (as root); or how fast they are
  comparison [FOLDER]   the six programs of docs/comparison with netwright and its peers: built, tried (as root) and measured, of one
                        folder or of all; writes the tables of its page; --page writes them from what was found last
  conformance           how far the language agrees with nft: the tables of the corpus in NETWRIGHT_SHARED
  counts [NAME]         what the main paths cost, as counts, beside those of xtask/counts.txt; --update writes them, --instructions
                        counts those too (of a release build, by valgrind)
  differential [INPUTS [SEED]]
                        what nft 1.1.7 and we make of generated and mutated inputs (as root): 18000 from the seed 1, or others
  licences              every dependency has a permissive licence
  dependencies          the library has at most five external dependencies
  features              each feature of each crate builds alone
  minimal               the library crates build with the oldest dependencies that they allow
  packages              what is published is complete and can be packed
  interface             the public interface is that of the files crates/*/interface.txt; --update writes them
  interface --since TAG what TAG had and is gone, an error where the version takes it for compatible
  uapi                  every row of the tables agrees with the installed kernel headers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["test"] => test::run(Install::Usual),
        ["test", "--all"] => test::run(Install::All),
        ["test", "--no-install"] => test::run(Install::Nothing),
        ["bench"] => bench::run(),
        ["clients"] => clients::run(clients::Mode::Compare),
        ["clients", "--speed"] => clients::run(clients::Mode::Speed),
        ["comparison"] => comparison::run(None),
        ["comparison", "--page"] => comparison::write(),
        ["comparison", folder] => comparison::run(Some(folder)),
        ["conformance"] => conformance::run(),
        ["counts", ref words @ ..] => counts::run(counts::Options {
            update: words.contains(&"--update"),
            instructions: words.contains(&"--instructions"),
            only: words.iter().copied().find(|word| !word.starts_with("--")),
        }),
        ["differential"] => differential::run("18000", "1"),
        ["differential", inputs] => differential::run(inputs, "1"),
        ["differential", inputs, seed] => differential::run(inputs, seed),
        ["licences"] => licences::run(),
        ["dependencies"] => dependencies::run(),
        ["features"] => features::run(),
        ["minimal"] => minimal::run(),
        ["packages"] => packages::run(),
        ["interface"] => interface::run(interface::Mode::Check),
        ["interface", "--update"] => interface::run(interface::Mode::Update),
        ["interface", "--since", revision] => interface::since(revision),
        ["uapi"] => uapi::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
