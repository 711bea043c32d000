//! The units for systemd: what they run is what netwright takes, and systemd finds no fault with them.

use std::process::Command;

use crate::support::{isolated, said, try_sh};

const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/systemd");
const PROGRAM: &str = "/usr/bin/netwright";

#[test]
fn units_are_what_systemd_and_netwright_take() {
    isolated("units::units_are_what_systemd_and_netwright_take", |place| {
        let mut commands = 0;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(UNITS).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            for line in text.lines().filter(|line| line.starts_with("Exec")) {
                commands += 1;
                let (_, command) = line.split_once('=').unwrap();
                let arguments =
                    command.strip_prefix(PROGRAM).unwrap_or_else(|| panic!("{line}")).split_whitespace();
                // the folder is another, and not there
                let arguments = arguments.map(|one| if one.starts_with('/') { "/nonexistent" } else { one });
                let (code, told) = said(place.netwright().args(arguments));
                assert_eq!(code, Some(1), "{line}: {told}");
                assert!(told.contains("/nonexistent"), "{line}: {told}");
            }
            files.push(place.write(&name, &text.replace(PROGRAM, env!("CARGO_BIN_EXE_netwright"))));
        }
        assert_eq!(commands, 3);
        if !try_sh("command -v systemd-analyze") {
            println!("figure: systemd-analyze is not here: units were not verified");
            return;
        }
        let (code, told) = said(Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&files));
        assert!(code == Some(0) && told.trim().is_empty(), "{told}");
    });
}
