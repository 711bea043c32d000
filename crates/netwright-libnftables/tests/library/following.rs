//! nft(8) on this library beside nft on C's, both telling of changes as they happen.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq, wait_until};

use crate::programs::{Folder, library, need_system_library};

/// A process that is killed where the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CHANGES: [&str; 9] = [
    "add table inet t",
    "add chain inet t c { type filter hook input priority 0; policy accept; }",
    "add set inet t s { type ipv4_addr; }; add element inet t s { 192.0.2.1, 192.0.2.2 }",
    "add set inet t six { type ipv6_addr; }; add element inet t six { 2001:db8::1 }",
    "add rule inet t c ip saddr @s counter packets 0 bytes 0 drop; add rule inet t c ip6 saddr @six accept",
    "delete element inet t s { 192.0.2.1 }",
    "add counter inet t k",
    "flush chain inet t c",
    "delete table inet t",
];

/// What is told of the changes with each library.
fn told(options: &[&str]) -> Result<[String; 2], Failure> {
    need_system_library()?;
    let nft = Oracle::find("nft", "nftables")?;
    let folder = Folder::new(&format!("following{}", options.len()))?;
    library(&folder)?;
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.0.join(name));
    let run = |path, with_ours: bool| -> Result<Running, Failure> {
        let mut command = Command::new(nft.program());
        command.args(options).arg("monitor").stdin(Stdio::null()).stdout(File::create(path)?);
        command.stderr(Stdio::null()).env_remove("LD_LIBRARY_PATH");
        if with_ours {
            command.env("LD_LIBRARY_PATH", &folder.0);
        }
        Ok(Running(command.spawn()?))
    };
    let running = [run(&ours, true)?, run(&theirs, false)?];
    let read = || [&ours, &theirs].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    // they listen when they tell of something
    wait_until("both monitor", || {
        nft.line("add table inet probe")?;
        nft.line("delete table inet probe")?;
        Ok(read().iter().all(|told| !told.is_empty()).then_some(()))
    })?;
    nft.line("add table inet start")?;
    for change in CHANGES {
        nft.line(change)?;
    }
    nft.line("add table inet end")?;
    let ended = |told: &String| told.lines().any(|line| line.contains("end") && !line.contains("generation"));
    wait_until("both have told all", || Ok(read().iter().all(ended).then_some(())))?;
    drop(running);
    // each may have begun to listen at another probe
    Ok(read().map(|told| {
        let lines = told.lines().skip_while(|line| !line.contains("start"));
        lines.take_while(|line| !line.contains("end")).map(|line| format!("{line}\n")).collect()
    }))
}

pub(crate) fn nft_monitors_on_it(_: &mut Lab) -> Outcome {
    let [ours, theirs] = told(&[])?;
    ensure!(theirs.lines().filter(|line| !line.starts_with('#')).count() >= 16, "{theirs}");
    ensure_eq!(ours, theirs);
    Ok(())
}

pub(crate) fn nft_monitors_in_json_on_it(_: &mut Lab) -> Outcome {
    let [ours, theirs] = told(&["-j"])?;
    ensure!(ours.lines().count() >= 16, "{ours}");
    ensure_eq!(ours.lines().count(), theirs.lines().count());
    // of what is gone, older releases of nft tell less, or what is wrong
    let values = |text: &str| -> Result<Vec<serde_json::Value>, Failure> {
        let values = text.lines().filter(|line| line.contains("\"add\"")).map(serde_json::from_str);
        values.collect::<Result<_, _>>().map_err(|error| Failure::wrong(format!("{error} in {text}")))
    };
    ensure_eq!(values(&ours)?, values(&theirs)?);
    Ok(())
}
