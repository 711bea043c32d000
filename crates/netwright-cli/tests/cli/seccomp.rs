//! Under the system calls that a container engine's default profile allows. `seccomp.json` is that of Podman, as the package
//! `golang-github-containers-common` 0.50.1 has it (Apache-2.0).

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value as Json;

use crate::support::{has, isolated, run};

const PROFILE: &str = include_str!("seccomp.json");
/// What an engine leaves to a container's root.
const CAPABILITIES: [&str; 11] = [
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "net_bind_service",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
];
/// The names and numbers of this architecture's system calls.
const CALLS: &str = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";

/// The calls that are refused to who has these capabilities, and how. What depends on a call's arguments is allowed.
fn refused(capabilities: &[&str]) -> BTreeMap<String, &'static str> {
    let profile: Json = serde_json::from_str(PROFILE).expect("the profile");
    let words = |value: &Json| -> Vec<String> {
        let words = value.as_array().into_iter().flatten();
        words.filter_map(|word| Some(word.as_str()?.to_owned())).collect()
    };
    let calls = fs::read_to_string(CALLS).expect("the kernel's headers");
    let names = calls.lines().filter_map(|line| line.strip_prefix("#define __NR_")?.split(' ').next());
    let mut refused: BTreeMap<String, &'static str> = names.map(|name| (name.to_owned(), "ENOSYS")).collect();
    for entry in profile["syscalls"].as_array().expect("the calls") {
        let has =
            |name: &String| capabilities.iter().any(|own| format!("CAP_{}", own.to_uppercase()) == *name);
        let arches = words(&entry["includes"]["arches"]);
        let applies = (arches.is_empty() || arches.iter().any(|arch| arch == "amd64"))
            && words(&entry["includes"]["caps"]).iter().all(has)
            && !words(&entry["excludes"]["caps"]).iter().any(has);
        for name in words(&entry["names"]).into_iter().filter(|_| applies) {
            match entry["action"].as_str() {
                Some("SCMP_ACT_ALLOW") => {
                    refused.remove(&name);
                }
                // of the arguments that it is refused with, nothing is used here
                _ if entry["args"].as_array().is_some_and(|args| !args.is_empty()) => {}
                _ => {
                    refused.insert(name, "EPERM");
                }
            }
        }
    }
    refused
}

/// Tests a host file as the root of a container with these capabilities more.
fn in_a_container(more: &[&str], file: &str, all_alike: bool) -> (i32, String, String) {
    let capabilities: Vec<&str> = CAPABILITIES.iter().chain(more).copied().collect();
    let refused = refused(&capabilities);
    let how = |with: &str| -> String {
        let with = |own: &str, name: &str| match all_alike && name != "clone3" {
            true => with == "EPERM",
            false => own == with,
        };
        let names = refused.iter().filter(|(name, own)| with(own, name));
        names.map(|(name, _)| format!("?{name}")).collect::<Vec<_>>().join(",")
    };
    let bounds: String = capabilities.iter().map(|name| format!(",+{name}")).collect();
    let (refuse, hide) = (how("EPERM"), how("ENOSYS"));
    let all = refused.keys().map(|name| format!("?{name}")).collect::<Vec<_>>().join(",");
    let hide = if hide.is_empty() { String::new() } else { format!("-e inject={hide}:error=ENOSYS") };
    let script = format!(
        r#"setpriv --bounding-set=-all{bounds} strace -f -qq --seccomp-bpf -o /dev/null -e trace={all} \
            -e inject={refuse}:error=EPERM {hide} "$0" test "$1/../../../{file}""#
    );
    run(&mut isolated(&format!("set +e; {script}")))
}

/// The second time as if the engine had one error for all that it refuses.
#[test]
fn flows_are_tried_under_the_profile_of_a_container_engine() {
    if !has("strace") || !has("setpriv") || !fs::exists(CALLS).unwrap_or(false) {
        return;
    }
    for all_alike in [false, true] {
        let (code, out, errors) =
            in_a_container(&["net_admin", "sys_admin"], "examples/host.toml", all_alike);
        assert_eq!(code, 0, "{out}{errors}");
        assert!(out.contains("as expected"), "{out}{errors}");
        let (code, out, errors) = in_a_container(&["net_admin"], "examples/host.toml", all_alike);
        assert_eq!(code, 2, "{out}{errors}");
        assert!(errors.contains("namespace") && errors.contains("seccomp"), "{out}{errors}");
    }
}
