//! # A process behind a filter
//!
//! A command that reaches one server and one name, and nothing else; what it tried besides is told afterwards. It needs no root.
//! The crate is `netwright-sandbox`.
//!
//!     netwright run --allow 192.0.2.2:80/tcp --allow '*.example.org:443' -- COMMAND

use std::process::Command;

use netwright_sandbox::{Policy, Sandbox};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let program = words.next().ok_or("usage: sandbox COMMAND [ARGUMENT]…")?;
    let mut command = Command::new(program);
    command.args(words);

    let allow = vec!["192.0.2.2:80/tcp".parse()?, "*.example.org:443".parse()?];
    let mut running = Sandbox::new(Policy { allow, ..Policy::default() }).spawn(command)?;
    let status = running.wait()?;
    for event in running.events().try_iter() {
        println!("{} {}: {}", event.action, event.target(), event.reason);
    }
    println!("{status}");
    Ok(())
}
