//! Namespaces, child processes and settings in them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use common::{Link, SetUp, isolated, route, route_in};
use netwright_sys::{Namespace, Sysctl, capability, isolate};

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn an_anonymous_one_is_another_one() {
    isolated("an_anonymous_one_is_another_one", || {
        let here = Namespace::current().unwrap();
        let other = Namespace::create_anonymous().unwrap();
        assert!(!here.same_as(&other).unwrap());
        assert!(other.run(Namespace::current).unwrap().unwrap().same_as(&other).unwrap());
        assert!(Namespace::current().unwrap().same_as(&here).unwrap(), "the caller did not move");

        let mut inside = route_in(&other);
        inside.acknowledge(&SetUp(1, true)).unwrap();
        assert_eq!(
            other.run(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap().lines().count()).unwrap(),
            3
        );
        assert_eq!(route().query(&Link("lo")).unwrap(), 1);
    });
}

#[test]
fn a_panic_inside_goes_on_outside() {
    isolated("a_panic_inside_goes_on_outside", || {
        let here = Namespace::current().unwrap();
        let other = Namespace::create_anonymous().unwrap();
        let before = threads();
        let text = String::from("borrowed");
        let result = catch_unwind(AssertUnwindSafe(|| other.run(|| panic!("inside: {text}"))));
        let panic = result.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("inside: borrowed"));
        assert_eq!(threads(), before, "no thread is left behind");
        assert!(Namespace::current().unwrap().same_as(&here).unwrap());
        assert_eq!(other.run(|| 7).unwrap(), 7);
    });
}

#[test]
fn a_named_one_is_seen_by_ip_and_goes_again() {
    isolated("a_named_one_is_seen_by_ip_and_goes_again", || {
        assert_eq!(Namespace::list_named().unwrap(), [""; 0]);
        let blue = Namespace::create_named("blue").unwrap();
        Namespace::create_named("a.red").unwrap();
        assert!(Namespace::create_named("blue").unwrap_err().is_exists());
        assert_eq!(Namespace::list_named().unwrap(), ["a.red", "blue"]);
        let opened = Namespace::open_named("blue").unwrap();
        assert!(opened.same_as(&blue).unwrap());
        assert_eq!(opened.name(), Some("blue"));
        if let Ok(output) =
            Command::new("ip").args(["netns", "exec", "blue", "readlink", "/proc/self/ns/net"]).output()
        {
            let (_, inode) = blue.identity().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("net:[{inode}]"), "{errors}");
        }

        Namespace::delete_named("blue").unwrap();
        assert_eq!(Namespace::list_named().unwrap(), ["a.red"]);
        assert!(Namespace::delete_named("blue").unwrap_err().is_not_found());
        assert!(Namespace::open_named("blue").unwrap_err().is_not_found());
        assert_eq!(blue.run(|| 1).unwrap(), 1, "the descriptor keeps it alive");

        fs::write("/run/netns/stale", "").unwrap();
        assert_eq!(Namespace::list_named().unwrap(), ["a.red"]);
        assert!(Namespace::open_named("stale").unwrap_err().help().unwrap().contains("delete it"));
        assert!(Namespace::create_named("stale").unwrap_err().is_exists());
        Namespace::delete_named("stale").unwrap();
        Namespace::delete_named("a.red").unwrap();
        assert_eq!(fs::read_dir("/run/netns").unwrap().count(), 0);
    });
}

#[test]
fn a_name_that_ip_made_is_ours_too() {
    isolated("a_name_that_ip_made_is_ours_too", || {
        let Ok(status) = Command::new("ip").args(["netns", "add", "theirs"]).status() else {
            return eprintln!("there is no `ip`: nothing to compare with");
        };
        assert!(status.success());
        assert_eq!(Namespace::list_named().unwrap(), ["theirs"]);
        Namespace::create_named("ours").unwrap();
        let listed = Command::new("ip").args(["netns", "list"]).output().unwrap();
        assert!(String::from_utf8_lossy(&listed.stdout).contains("ours"));
        Namespace::delete_named("theirs").unwrap();
        assert!(Command::new("ip").args(["netns", "delete", "ours"]).status().unwrap().success());
        assert_eq!(Namespace::list_named().unwrap(), [""; 0]);
    });
}

#[test]
fn a_failed_creation_leaves_nothing() {
    isolated("a_failed_creation_leaves_nothing", || {
        // The limit below is that of a user namespace, so it must be one that nobody else uses.
        const NESTED: &str = "NETWRIGHT_TEST_NESTED";
        if std::env::var_os(NESTED).is_none() {
            let mut again = Command::new("unshare");
            again.args(["-Urnm"]).arg(std::env::current_exe().unwrap()).env(NESTED, "1");
            let output = again.args(["a_failed_creation_leaves_nothing", "--exact"]).output().unwrap();
            return assert!(output.status.success(), "{output:?}");
        }
        fs::write("/proc/sys/user/max_net_namespaces", "0").unwrap();
        assert!(Namespace::create_named("blue").is_err());
        assert_eq!(fs::read_dir("/run/netns").unwrap().count(), 0);
    });
}

#[test]
fn commands_run_inside() {
    isolated("commands_run_inside", || {
        let other = Namespace::create_anonymous().unwrap();
        let (_, inode) = other.identity().unwrap();
        let output = other.command("readlink").arg("/proc/self/ns/net").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("net:[{inode}]"));
        assert!(other.command("/no/such/program").spawn().is_err());
    });
}

#[test]
fn commands_see_their_namespace_in_the_file_system() {
    isolated("commands_see_their_namespace_in_the_file_system", || {
        let blue = Namespace::create_named("blue").unwrap();
        let mut command = blue.command_with_files("sh").unwrap();
        let output = command.args(["-c", "ls /sys/class/net; readlink /proc/self/ns/net"]).output().unwrap();
        let (_, inode) = blue.identity().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("lo\nnet:[{inode}]\n"));
    });
}

#[test]
fn settings_belong_to_their_namespace() {
    isolated("settings_belong_to_their_namespace", || {
        let here = Sysctl::new(&Namespace::current().unwrap());
        let other = Sysctl::new(&Namespace::create_anonymous().unwrap());
        let key = ["ipv4", "conf", "all", "forwarding"];
        other.write(&key, 1).unwrap();
        assert!(other.read_as::<u8>(&key).unwrap() == 1);
        assert_eq!(here.read(&key).unwrap(), "0");
        here.write(&key, "1").unwrap();
        other.write(&key, "0").unwrap();
        assert_eq!(here.read(&key).unwrap(), "1");

        let error = here.read(&["ipv4", "conf", "eth7.5", "forwarding"]).unwrap_err();
        assert!(error.is_not_found());
        let text = "cannot read the setting net/ipv4/conf/eth7.5/forwarding: no such object (ENOENT)";
        assert_eq!(error.to_string(), text);
        assert!(here.write(&["ipv4", "conf", "no", "such"], 1).is_err());
        let error = here.write(&key, "green").unwrap_err();
        assert!(error.help().unwrap().contains("value"), "{error}");
        assert!(here.read_as::<std::net::IpAddr>(&key).is_err());
    });
}

#[test]
fn the_isolated_process_is_root_there() {
    isolated("the_isolated_process_is_root_there", || {
        assert!(capability::net_admin() && capability::sys_admin());
        assert!(rustix::process::geteuid().is_root());
        let nested = isolate::command("readlink").arg("/proc/self/ns/net").output().unwrap();
        let here = fs::read_link("/proc/self/ns/net").unwrap();
        assert_ne!(String::from_utf8_lossy(&nested.stdout).trim(), here.to_string_lossy());
    });
}
