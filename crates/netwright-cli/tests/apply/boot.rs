//! The start of the machine after an apply that nobody has confirmed: whatever came between, it is not applied again.

use std::fs;
use std::path::PathBuf;

use crate::support::{Place, isolated, said, sh};

const EARLIER: &str = "6d2d7f6e-0000-4000-8000-000000000000";

fn lan(address: &str) -> String {
    format!(
        "owner = \"office\"\n[link.lan]\nkind = \"bridge\"\naddresses = [\"{address}/24\"]\n\
        [firewall]\nrules = \"table inet filter {{ }}\"\n"
    )
}

/// As if the machine had been started anew: what is kept is of an earlier boot, and nothing of it is there.
fn restart(place: &Place) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    for folder in fs::read_dir(place.folder.join("state")).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            if text.contains(&boot) {
                fs::write(file.path(), text.replace(&boot, EARLIER)).unwrap();
            }
        }
    }
    // the watchdogs of this namespace go with the machine
    sh("for p in /proc/[0-9]*; do
        [ \"$(readlink $p/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ] && grep -aq watch[d]og $p/cmdline && kill -KILL ${p#/proc/} || :
        done; ip link del lan 2>/dev/null || :; nft flush ruleset");
}

/// What comes between an apply that waits and the start of the machine.
const BETWEEN: &[&[&str]] = &[
    &["restart"],
    &["restart", "recover"],
    &["restart", "recover", "recover", "status", "history", "plan"],
    &["rollback", "restart"],
    &["rollback", "restart", "recover"],
    &["restart", "recover", "withdraw"],
    &["restart", "boot", "restart"],
    &["restart", "boot", "recover", "restart", "recover", "boot", "restart"],
    &["restart", "recover", "other"],
    &["broken off", "restart"],
    &["broken off", "recover", "restart"],
    &["broken off", "restart", "recover", "status"],
];

fn steps(place: &Place, steps: &[&str], file: &PathBuf) {
    for step in steps {
        match *step {
            "restart" => restart(place),
            "boot" => boots_to(place, file, "10.9.0.1"),
            // as if the machine had gone down in the middle of it
            "broken off" => {
                for folder in fs::read_dir(place.folder.join("state")).unwrap().flatten() {
                    let path = folder.path().join("journal-2.json");
                    let text = fs::read_to_string(&path).unwrap();
                    let text = text.replace("\"phase\":\"waiting\"", "\"phase\":\"running\"");
                    assert!(text.contains("\"phase\":\"running\""), "{text:.300}");
                    fs::write(&path, text).unwrap();
                }
            }
            // another owner's
            "other" => {
                place.apply_well("other.toml", "owner = \"other\"\n[link.dmz]\nkind = \"bridge\"\n");
            }
            "plan" => {
                let (code, told) = said(place.netwright().arg("plan").arg(file));
                assert_eq!(code, Some(0), "{told}");
            }
            command => {
                let (_, told) = said(place.netwright().arg(command));
                assert!(!told.contains("panicked"), "{command}: {told}");
            }
        }
    }
}

fn boots_to(place: &Place, file: &PathBuf, address: &str) {
    let (code, told) = said(place.netwright().args(["apply", "--boot"]).arg(file));
    let gave_way = address == "10.9.0.1";
    assert_eq!(code, Some(if gave_way { 3 } else { 0 }), "{told}");
    assert_eq!(told.contains("never confirmed"), gave_way, "{told}");
    let there = sh("ip -o -4 addr show dev lan");
    assert!(there.contains(address) && sh("nft list tables").contains("filter"), "{there}: {told}");
}

const NAME: &str = "boot::what_was_never_confirmed_is_not_applied_at_the_start";

#[test]
fn what_was_never_confirmed_is_not_applied_at_the_start() {
    for (number, between) in BETWEEN.iter().enumerate() {
        let told = crate::support::isolated_with(NAME, number as u64, |place, number| {
            let (old, new) = (lan("10.9.0.1"), lan("10.9.0.2"));
            place.apply_well("host.toml", &old);
            let file = place.write("host.toml", &new);
            // it was called otherwise when it was tried
            let tried = place.write("tried.toml", &new);
            let (code, told) = said(place.netwright().args(["apply", "--confirm", "600s"]).arg(&tried));
            assert_eq!(code, Some(0), "{told}");
            steps(place, BETWEEN[number as usize], &file);
            boots_to(place, &file, "10.9.0.1");
            // who asks for it gets it, and from then on it is good
            let (code, told) = place.apply(&file);
            assert_eq!(code, Some(0), "{told}");
            restart(place);
            boots_to(place, &file, "10.9.0.2");
            String::new()
        });
        match told {
            None => return,
            Some(Ok(_)) => {}
            Some(Err(text)) => panic!("{between:?}: {text}"),
        }
    }
}

#[test]
fn what_was_confirmed_is_applied_at_the_start() {
    isolated("boot::what_was_confirmed_is_applied_at_the_start", |place| {
        place.apply_well("host.toml", &lan("10.9.0.1"));
        let file = place.write("host.toml", &lan("10.9.0.2"));
        let confirm = || said(place.netwright().args(["apply", "--confirm", "600s"]).arg(&file));
        assert_eq!(confirm().0, Some(0));
        assert_eq!(said(place.netwright().arg("confirm")).0, Some(0));
        restart(place);
        boots_to(place, &file, "10.9.0.2");
        // what would be a change of nothing waits for nobody
        assert_eq!(confirm().0, Some(0));
        restart(place);
        boots_to(place, &file, "10.9.0.2");
        // an owner whose name looks like a file of the folder's
        let odd = "owner = \"unconfirmed-office\"\n[link.dmz]\nkind = \"bridge\"\n";
        place.apply_well("odd.toml", odd);
        restart(place);
        boots_to(place, &file, "10.9.0.2");
    });
}

#[test]
fn a_watch_does_not_apply_what_was_never_confirmed() {
    isolated("boot::a_watch_does_not_apply_what_was_never_confirmed", |place| {
        place.apply_well("host.toml", &lan("10.9.0.1"));
        let file = place.write("host.toml", &lan("10.9.0.2"));
        let (code, told) = said(place.netwright().args(["apply", "--confirm", "600s"]).arg(&file));
        assert_eq!(code, Some(0), "{told}");
        restart(place);
        boots_to(place, &file, "10.9.0.1");
        for text in [lan("10.9.0.2"), format!("{}nonsense", lan("10.9.0.3"))] {
            place.write("host.toml", &text);
            let mut process = place.netwright().args(["watch", "--mend"]).arg(&file).spawn().unwrap();
            sh("sleep 1; ip addr del 10.9.0.1/24 dev lan");
            let back = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                sh("ip -o -4 addr show dev lan").contains("10.9.0.")
            });
            let there = sh("ip -o -4 addr show dev lan");
            sh(&format!("kill -TERM {}", process.id()));
            assert!(process.wait().unwrap().success());
            assert!(back && there.contains("10.9.0.1"), "{there}: {text}");
        }
    });
}
