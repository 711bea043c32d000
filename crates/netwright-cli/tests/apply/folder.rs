//! The folder in which is kept what was applied: full, damaged, of somebody else, and read by users who may not write there.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Place, isolated, said, sh, try_sh};

const LAN: &str = "owner = \"lan\"\n[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n";

/// The folder of this namespace.
fn folder(place: &Place) -> PathBuf {
    let mut found = std::fs::read_dir(place.folder.join("state")).unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.is_dir()).unwrap()
}

#[test]
fn a_history_tells_of_what_cannot_be_read() {
    isolated("folder::a_history_tells_of_what_cannot_be_read", |place| {
        place.apply_well("host.toml", LAN);
        place.apply_well("host.toml", &LAN.replace("10.9.0.1", "10.9.0.2"));
        std::fs::write(folder(place).join("journal-1.json"), "{ \"version\": 1, ").unwrap();
        let (code, text) = said(place.netwright().arg("history"));
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("cannot be read") && text.contains("journal-1.json"), "{text}");
        assert!(!text.contains("Nothing was applied"), "{text}");
        let output = place.netwright().args(["history", "--json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((list[0]["id"].as_u64(), list[1]["id"].as_u64()), (Some(1), Some(2)));
        assert!(list[0]["error"].as_str().unwrap().contains("journal-1.json"), "{list}");
        // the last one decides whether an apply is under way
        let last = folder(place).join("journal-2.json");
        let text = std::fs::read_to_string(&last).unwrap();
        for wrong in [
            "",
            "[]",
            "{}",
            &text.replace("\"id\":2", "\"id\":7"),
            &text.replace("\"version\":1", "\"version\":2"),
        ] {
            std::fs::write(&last, wrong).unwrap();
            let (code, said) = place.apply(&place.folder.join("host.toml"));
            assert_eq!(code, Some(1), "{wrong:.40}: {said}");
            assert!(said.contains("journal-2.json") && said.contains("damaged"), "{wrong:.40}: {said}");
        }
        std::fs::write(&last, text).unwrap();
        // numbers that nobody counts to, and names that are none of ours
        for name in ["18446744073709551615", "99999999999999999999999", "-1", "x", ""] {
            std::fs::write(folder(place).join(format!("journal-{name}.json")), "nonsense").unwrap();
        }
        place.apply_well("host.toml", LAN);
        assert_eq!(said(place.netwright().arg("withdraw")).0, Some(0));
    });
}

#[test]
fn where_nothing_can_be_kept_nothing_stays_changed() {
    isolated("folder::where_nothing_can_be_kept_nothing_stays_changed", |place| {
        let state = place.folder.join("state");
        // large, so that the journal fits where the texts do not
        let comment = format!("# {}\n", "x".repeat(60_000));
        let text = format!("{LAN}{}", comment.repeat(4));
        let path = place.write("host.toml", &text);
        for (size, what) in
            [("4k", "no room for the journal"), ("160k", "no room for what is kept at the end")]
        {
            std::fs::create_dir_all(&state).unwrap();
            if !try_sh(&format!("mount -t tmpfs -o size={size},mode=755 none {}", state.display())) {
                println!("did not run: nothing can be mounted here");
                return;
            }
            let before = sh("ip -o link; ip -o addr; ip route");
            let (code, told) = place.apply(&path);
            assert_eq!(code, Some(1), "{what}: {told}");
            assert_eq!(before, sh("ip -o link; ip -o addr; ip route"), "{what}: {told}");
            assert!(told.contains("No space left"), "{what}: {told}");
            sh(&format!("umount {}", state.display()));
        }
        place.apply_well("host.toml", LAN);
    });
}

#[test]
fn what_is_only_read_needs_no_folder_that_can_be_written() {
    isolated("folder::what_is_only_read_needs_no_folder_that_can_be_written", |place| {
        place.apply_well("host.toml", LAN);
        let state = place.folder.join("state");
        let read_only = |on: bool| {
            let mode = std::fs::Permissions::from_mode(if on { 0o555 } else { 0o755 });
            std::fs::set_permissions(folder(place), mode.clone()).unwrap();
            std::fs::set_permissions(&state, mode).unwrap();
        };
        read_only(true);
        let path = place.write("host.toml", &LAN.replace("10.9.0.1", "10.9.0.2"));
        let (code, told) = said(place.netwright().arg("plan").arg(path));
        read_only(false);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("- address 10.9.0.1/24 on lan"), "{told}");
        // where there is none, none is made
        std::fs::remove_dir_all(&state).unwrap();
        for command in ["status", "history"] {
            assert_eq!(said(place.netwright().arg(command)).0, Some(0));
        }
        assert!(!state.exists());
    });
}

#[test]
fn a_confirmation_does_not_go_by_a_clock_that_can_be_set() {
    isolated("folder::a_confirmation_does_not_go_by_a_clock_that_can_be_set", |place| {
        let path = place.write("host.toml", LAN);
        let (code, told) = said(place.netwright().args(["apply", "--confirm", "300s"]).arg(path));
        assert_eq!(code, Some(0), "{told}");
        // as if the clock had been set by an hour since
        let journal = folder(place).join("journal-1.json");
        let mut json: Value = serde_json::from_str(&std::fs::read_to_string(&journal).unwrap()).unwrap();
        json["time"] = (json["time"].as_u64().unwrap() - 3600).into();
        std::fs::write(&journal, json.to_string()).unwrap();
        let (code, told) = said(place.netwright().arg("confirm"));
        assert_eq!(code, Some(0), "{told}");
        assert!(sh("ip -o addr").contains("10.9.0.1"), "{told}");
    });
}

#[test]
fn the_folder_may_be_behind_a_symbolic_link() {
    isolated("folder::the_folder_may_be_behind_a_symbolic_link", |place| {
        std::fs::create_dir(place.folder.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(place.folder.join("elsewhere"), place.folder.join("state")).unwrap();
        place.apply_well("host.toml", "[link.lan]\nkind = \"bridge\"\n");
        let (code, told) = said(place.netwright().arg("rollback"));
        assert_eq!(code, Some(0), "{told}");
        assert!(!sh("ip link").contains("lan"), "{told}");
    });
}

#[test]
fn a_device_without_an_end_is_no_host_file() {
    isolated("folder::a_device_without_an_end_is_no_host_file", |place| {
        for command in [
            ["check", "-"],
            ["plan", "-"],
            ["apply", "-"],
            ["check", "/dev/stdin"],
            ["nft", "-i"],
            ["nft", "-f-"],
        ] {
            let zero = std::fs::File::open("/dev/zero").unwrap();
            let (code, told) = said(place.netwright().args(command).stdin(zero));
            assert_eq!(code, Some(1), "{told}");
            assert!(told.contains("but a device"), "{told}");
        }
        let (code, told) = said(place.netwright().args(["check", "-"]));
        assert_eq!(code, Some(0), "{told}");
        let json = std::fs::File::open(place.write("host", "\u{feff}{ \"link\": { \"lo\": {} } }")).unwrap();
        let (code, told) = said(place.netwright().args(["check", "-"]).stdin(json));
        assert_eq!(code, Some(0), "{told}");
    });
}

#[test]
fn what_was_kept_of_ended_namespaces_goes() {
    isolated("folder::what_was_kept_of_ended_namespaces_goes", |place| {
        place.apply_well("host.toml", LAN);
        let own = folder(place);
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
        assert_eq!(std::fs::read_to_string(own.join("boot")).unwrap(), boot);
        let state = place.folder.join("state");
        let make = |name: &str, boot: Option<&str>| {
            let path = state.join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("lock"), "1").unwrap();
            if let Some(boot) = boot {
                std::fs::write(path.join("boot"), boot).unwrap();
            }
            path
        };
        let earlier = Some("6d2d7f6e-0000-4000-8000-000000000000");
        let gone = [make("cookie-ffff00", earlier), make("inode-ffff01", earlier)];
        // not ours to judge: the host's own, of an earlier version, somebody's copies; and one that is in use
        let used = make("cookie-ffff02", earlier);
        let stay = [
            make("main", earlier),
            make("cookie-ffff03", None),
            make("cookie-ffff04.bak", earlier),
            used.clone(),
        ];
        let lock = std::fs::File::open(used.join("lock")).unwrap();
        lock.lock().unwrap();
        place.apply_well("host.toml", &LAN.replace("10.9.0.1", "10.9.0.2"));
        assert!(gone.iter().all(|path| !path.exists()), "{gone:?}");
        assert!(stay.iter().all(|path| path.exists()), "{stay:?}");
        // of this boot the newest stay
        for number in 0..70 {
            make(&format!("cookie-eeee{number:02x}"), Some(&boot));
            sh(&format!(
                "touch -d '2001-01-01 UTC + {number} min' {}/cookie-eeee{number:02x}",
                state.display()
            ));
        }
        place.apply_well("host.toml", LAN);
        // with two that are there besides
        let left: Vec<bool> =
            (0..70).map(|number| state.join(format!("cookie-eeee{number:02x}")).exists()).collect();
        assert_eq!(left.iter().position(|there| *there), Some(8), "{left:?}");
        assert!(own.exists() && left.iter().skip(8).all(|there| *there), "{left:?}");
        assert_eq!(said(place.netwright().arg("history")).0, Some(0));
    });
}

#[test]
fn a_process_that_has_ended_has_no_namespace() {
    isolated("folder::a_process_that_has_ended_has_no_namespace", |place| {
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let number = ended.id().to_string();
        std::thread::sleep(std::time::Duration::from_millis(300));
        // as long as nobody has waited for it, and then
        for _ in 0..2 {
            for command in ["status", "recover", "history"] {
                let (code, told) = said(place.netwright().args([command, "--netns", &number]));
                assert_eq!(code, Some(1), "{told}");
                assert!(told.contains(&format!("there is no process {number}, or it has ended")), "{told}");
            }
            ended.wait().unwrap();
        }
    });
}
