//! What README and the page about applying promise, each with the test that shows it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{isolated, said, sh};

const README: &str = include_str!("../../../../README.md");
const PAGE: &str = include_str!("../../../../docs/host/README.md");

/// The start of a sentence, and the tests of it: those of this program by their names, others by file and name.
const PROMISES: &[(&str, &[&str])] = &[
    (
        "`netwright check FILE` finds all mistakes offline",
        &[
            "netwright-state/tests/diagnostics.rs every_mistake_is_told",
            "check::refuses_what_the_kernel_refuses",
        ],
    ),
    (
        "`plan` shows what would change",
        &["sets::a_plan_has_the_text_of_each_rule", "sentences::a_plan_tells_what_of_others_goes_along"],
    ),
    ("`apply` changes it, whole or not at all", &["sentences::what_is_refused_half_way_is_taken_back"]),
    (
        "and leaves alone what it did not make",
        &[
            "sentences::leaves_alone_what_it_did_not_make",
            "property::what_was_applied_is_taken_back_and_what_is_foreign_stays",
        ],
    ),
    ("`test` sends the flows", &["netwright-cli/tests/cli/testing.rs"]),
    (
        "`--confirm 60s` takes an apply back unless it is confirmed",
        &[
            "lockout::who_insists_or_takes_back_gets_it",
            "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new",
        ],
    ),
    (
        "an apply that would cut your ssh session is refused",
        &[
            "lockout::links_addresses_and_routes_of_the_session_stay",
            "lockout::a_firewall_lets_the_session_pass",
        ],
    ),
    (
        "and after a kill at any moment `recover` brings back what there was",
        &["chaos::an_apply_that_is_struck_leaves_the_old_or_the_new"],
    ),
    (
        "`watch` configures links that appear later",
        &["sentences::links_are_configured_when_they_appear_and_drift_is_mended_where_asked_for"],
    ),
    ("`capture` writes a host file of what there is", &["sentences::what_was_captured_changes_nothing"]),
    (
        "and [`packaging/`](packaging) has units for the start of the machine",
        &["units::units_are_what_systemd_and_netwright_take"],
    ),
    (
        "Whole or not at all.",
        &[
            "sentences::what_is_refused_half_way_is_taken_back",
            "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new",
        ],
    ),
    (
        "The firewall first.",
        &["promises::the_firewall_comes_first_and_goes_last", "traffic::reloads_under_load_lose_nothing"],
    ),
    ("Applying twice changes nothing", &["sentences::a_second_apply_changes_nothing"]),
    ("It was looked again.", &["netwright-state/tests/plan_random.rs applying_twice_changes_nothing"]),
    (
        "One at a time.",
        &[
            "promises::two_do_not_change_a_namespace_at_once",
            "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new",
        ],
    ),
    (
        "A journal is on the disk before the first change.",
        &[
            "folder::where_nothing_can_be_kept_nothing_stays_changed",
            "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new",
        ],
    ),
    (
        "What others do stays done.",
        &[
            "meanwhile::what_others_do_during_an_apply_stays_done",
            "meanwhile::what_others_did_since_an_apply_stays_when_it_is_rolled_back",
        ],
    ),
    (
        "a way back that was broken off is gone to its end",
        &["meanwhile::a_way_back_that_is_broken_off_is_gone_to_its_end"],
    ),
    (
        "So does the MTU that others or a router gave a link for IPv6, which the kernel forgets as well when the link comes up",
        &["others::what_others_have_is_there_again_in_the_end"],
    ),
    (
        "No locking out.",
        &[
            "lockout::a_firewall_lets_the_session_pass",
            "lockout::who_insists_or_takes_back_gets_it",
            "check::tells_what_can_hardly_be_meant",
        ],
    ),
    (
        "What is missing is left out.",
        &[
            "promises::what_is_missing_is_left_out",
            "sentences::links_are_configured_when_they_appear_and_drift_is_mended_where_asked_for",
        ],
    ),
    (
        "With `adopt = true`, a link of others may be taken down",
        &["others::what_others_have_is_there_again_in_the_end"],
    ),
    (
        "The MTU of macvlans, VLANs and ipvlans of others",
        &["others::what_others_have_is_there_again_in_the_end"],
    ),
    (
        "A port of a bridge or bond that somebody else put it into",
        &["others::what_comes_in_by_a_link_has_one_receiver"],
    ),
    (
        "A policy rule goes without a more special one",
        &["sentences::a_general_rule_goes_and_a_special_one_stays"],
    ),
    ("Several owners live side by side in a namespace", &["sentences::what_another_owner_applied_stays"]),
    (
        "Everybody may read what root's files made",
        &["folder::what_is_only_read_needs_no_folder_that_can_be_written"],
    ),
    (
        "Options of links and settings of the kernel that no longer stand in the file get the value that they had before",
        &[
            "rows::each_option_is_seen_by_ip_when_it_is_set_changed_and_taken_back",
            "objects::each_key_is_seen_by_ip_when_it_is_set_changed_and_taken_back",
        ],
    ),
    (
        "An address, route, rule or neighbour that the owner made has nothing that the file does not say",
        &["objects::each_key_is_seen_by_ip_when_it_is_set_changed_and_taken_back"],
    ),
    (
        "`adopt = true` of a link, address, route, rule, neighbour or of `[firewall]` takes over what somebody else made",
        &["sentences::what_was_adopted_is_given_back_as_it_was"],
    ),
    (
        "`netwright withdraw [--owner NAME]` removes what an owner made",
        &[
            "chaos::an_apply_that_is_struck_leaves_the_old_or_the_new",
            "property::what_was_applied_is_taken_back_and_what_is_foreign_stays",
        ],
    ),
    (
        "Routes from DHCP and routing daemons, addresses with a lifetime, tables of other programs",
        &[
            "sentences::leaves_alone_what_it_did_not_make",
            "property::what_was_applied_is_taken_back_and_what_is_foreign_stays",
        ],
    ),
    (
        "What a link was made with, such as the id of a VLAN, cannot be changed",
        &[
            "rows::each_option_is_seen_by_ip_when_it_is_set_changed_and_taken_back",
            "sentences::what_of_others_cannot_be_put_back_stands_in_the_plan",
        ],
    ),
    (
        "A link that is deleted takes along what others hung on it",
        &["sentences::a_plan_tells_what_of_others_goes_along"],
    ),
    (
        "Applied where it was captured, it changes nothing",
        &["captured::what_anybody_made_is_captured_and_applying_it_changes_nothing"],
    ),
    (
        "The kernel does not tell who removes an address of IPv6",
        &["meanwhile::what_others_do_during_an_apply_stays_done"],
    ),
    (
        "Folders of namespaces that ended with an earlier start of the machine go",
        &["folder::what_was_kept_of_ended_namespaces_goes"],
    ),
    (
        "a file that is wrong, or whose last apply with `--confirm` was never confirmed",
        &[
            "boot::what_was_never_confirmed_is_not_applied_at_the_start",
            "boot::what_was_confirmed_is_applied_at_the_start",
            "sentences::at_the_start_the_firewall_stands_and_a_wrong_file_gives_way",
        ],
    ),
    (
        "Where IPv6 is switched off on a link, that is as with one that gets too small for it",
        &[
            "others::ipv6_of_others_is_not_switched_off_without_their_leave",
            "others::what_others_have_is_there_again_in_the_end",
        ],
    ),
    ("Nor does it cut a session over IPv6", &["lockout::ipv6_of_the_session_stays"]),
    ("A file gives way there as well", &["boot::a_watch_does_not_apply_what_was_never_confirmed"]),
    (
        "when the link has a carrier, which is waited for",
        &["others::what_others_have_is_there_again_in_the_end"],
    ),
    (
        "The minute is counted from the end of the apply",
        &["folder::a_confirmation_does_not_go_by_a_clock_that_can_be_set"],
    ),
];

/// Text in one line, without what makes it bold.
fn plain(text: &str) -> String {
    text.replace("**", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_promise_has_a_test() {
    let output = Command::new(std::env::current_exe().unwrap()).args(["--list"]).output().unwrap();
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let there = |test: &str| match test.split_once(' ') {
        None if test.contains('/') => std::path::Path::new("..").join(test).is_file(),
        None => list.lines().any(|line| line == format!("{test}: test")),
        Some((file, name)) => {
            let text = std::fs::read_to_string(std::path::Path::new("..").join(file)).unwrap_or_default();
            text.contains(&format!("#[test]\nfn {name}("))
        }
    };
    let all = plain(README) + " " + &plain(PAGE);
    for (sentence, tests) in PROMISES {
        assert!(all.contains(sentence), "nobody promises any more: {sentence}");
        for test in *tests {
            assert!(there(test), "there is no test {test}, which is to show: {sentence}");
        }
    }
    // what is promised in bold, and each part of README's paragraph, is in the list
    let told = |text: &str| PROMISES.iter().any(|(sentence, _)| plain(text).starts_with(sentence));
    let relied = PAGE.split("## What may be relied on").nth(1).unwrap().split("\n## ").next().unwrap();
    for item in relied.split("\n- **").skip(1) {
        assert!(told(item), "no test is named for: {item}");
    }
    let owned = PAGE.split("## Whose is what").nth(1).unwrap().split("\n## ").next().unwrap();
    for item in owned.split("\n- ").skip(1) {
        assert!(told(item), "no test is named for: {item}");
    }
    let paragraph = README.split("\n\n").find(|text| text.starts_with("`netwright check FILE`")).unwrap();
    let paragraph = plain(paragraph);
    let paragraph = paragraph.split(" [What may be relied on").next().unwrap();
    let mut rest = paragraph.to_owned();
    for (sentence, _) in PROMISES {
        rest = rest.replace(sentence, "");
    }
    let words: Vec<&str> = rest.split(['.', ',', ' ']).filter(|word| !word.is_empty()).collect();
    assert_eq!(
        words,
        ["each", "with", "line", "column", "caret", "and", "advice"],
        "no test is named for some of it"
    );
}

#[test]
fn two_do_not_change_a_namespace_at_once() {
    isolated("promises::two_do_not_change_a_namespace_at_once", |place| {
        let lan = "[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n";
        place.apply_well("host.toml", lan);
        let path = place.write("host.toml", &lan.replace("10.9.0.1", "10.9.0.2"));
        let folder = std::fs::read_dir(place.folder.join("state")).unwrap().next().unwrap().unwrap().path();
        let file = std::fs::File::options().write(true).open(folder.join("lock")).unwrap();
        assert!(netwright::sys::file_lock::lock(&file, false).unwrap());
        let (code, told) = said(place.netwright().args(["apply", "--no-wait"]).arg(&path));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("another netwright changes this network namespace"), "{told}");
        let mut waits = place.netwright().arg("apply").arg(&path).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(waits.stderr.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.contains("waiting for another netwright"), "{first}");
        assert!(sh("ip -o addr").contains("10.9.0.1"));
        drop(file);
        assert!(waits.wait().unwrap().success());
        assert!(sh("ip -o addr").contains("10.9.0.2"));
    });
}

#[test]
fn what_is_missing_is_left_out() {
    isolated("promises::what_is_missing_is_left_out", |place| {
        let text = "[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n[link.absent0]\naddresses = [\"10.8.0.1/24\"]\n\
            [[route]]\nto = \"10.7.0.0/16\"\nvia = \"10.8.0.9\"\n[firewall]\nrules = \"table inet f { }\"\n";
        let path = place.write("host.toml", text);
        let (code, told) = place.apply(&path);
        assert_eq!(code, Some(3), "{told}");
        assert!(told.contains("there is no link `absent0`") && told.contains("host.toml:4"), "{told}");
        assert!(sh("ip -o addr").contains("10.9.0.1") && sh("nft list tables").contains("inet f"), "{told}");
        place.apply_well("host.toml", &text.replace("[link.absent0]\n", "[link.absent0]\noptional = true\n"));
    });
}

#[test]
fn the_firewall_comes_first_and_goes_last() {
    isolated("promises::the_firewall_comes_first_and_goes_last", |place| {
        let lan = "owner = \"lan\"\n[link.lan]\nkind = \"bridge\"\naddresses = [\"10.9.0.1/24\"]\n";
        let told =
            place.apply_well("host.toml", &format!("{lan}[firewall]\nrules = \"table inet f {{ }}\"\n"));
        assert!(told.starts_with("+ firewall"), "{told}");
        let told = place.apply_well("host.toml", "owner = \"lan\"\n");
        let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with([' ', 'D'])).collect();
        assert_eq!(lines.last(), Some(&"- firewall"), "{told}");
    });
}
