//! Host files with flows, tried in the kernel: what is reported is what the rules do.

mod examples;
mod fabric;
mod fragments;
mod hidden;
mod holes;
mod keys;
mod only;
#[path = "../shared/oracle.rs"]
mod oracle;
mod order;
mod refusals;
mod state;
mod strange;
mod translation;

use std::path::{Path, PathBuf};

use netwright_lab::{Failure, kernel_tests};
use netwright_simulate::{FlowReport, Options, Report, Verdict};

/// The report of a host file's text.
fn simulate(text: &str) -> Result<Report, Failure> {
    simulate_file(Path::new("host.toml"), text)
}

/// The report of a host file, which may include files that lie beside it.
fn simulate_file(path: &Path, text: &str) -> Result<Report, Failure> {
    oracle::simulate(path, text, Options::default(), &|_| true)
}

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A flow's report by its name.
fn flow<'r>(report: &'r Report, name: &str) -> Result<&'r FlowReport, Failure> {
    let found = report.flows.iter().find(|flow| flow.name == name);
    found.ok_or_else(|| Failure::wrong(format_args!("no flow {name:?} in\n{report}")))
}

/// Where it was decided about a flow; nothing where nobody decided.
fn decided(report: &Report, name: &str) -> Result<String, Failure> {
    Ok(flow(report, name)?.decided())
}

/// All that is said about a flow.
fn told(report: &Report, name: &str) -> Result<String, Failure> {
    Ok(flow(report, name)?.details().collect::<Vec<_>>().join("; "))
}

/// What was found out about a flow.
fn verdict<'r>(report: &'r Report, name: &str) -> Result<&'r Verdict, Failure> {
    flow(report, name)?.verdict().ok_or_else(|| Failure::wrong(format_args!("nothing was seen of {name:?}")))
}

/// A failure with the whole report where a flow is not as expected.
fn all_pass(report: &Report) -> Result<(), Failure> {
    match report.passed() {
        true => Ok(()),
        false => Err(Failure::wrong(report)),
    }
}

kernel_tests! {
    examples::the_router_does_what_it_says,
    examples::the_server_does_what_it_says,
    examples::a_wrong_expectation_fails,
    examples::drops_take_no_time,
    order::the_flows_of_the_router_are_independent_of_their_order,
    order::the_flows_of_the_server_are_independent_of_their_order,
    order::many_flows_are_told_in_the_order_of_the_file,
    order::what_routing_told_a_sender_is_nothing_to_the_next_flow,
    order::what_the_host_learns_of_routes_is_nothing_to_the_next_flow,
    refusals::each_kind_of_refusal_is_told_apart,
    refusals::routes_refuse,
    refusals::the_way_back_can_be_shut,
    refusals::a_host_that_does_not_forward_drops,
    refusals::a_foreign_source_is_filtered,
    refusals::without_neighbour_discovery_nothing_arrives,
    refusals::rules_before_ip_are_seen,
    refusals::whoever_does_not_answer_arp_is_silent,
    refusals::a_link_that_is_down_is_silent,
    only::everything_that_no_flow_names_is_found,
    only::what_rules_look_at_besides_is_tried,
    only::the_host_is_tried_wherever_it_is,
    only::any_number_of_senders_is_tried,
    only::a_host_that_answers_nobody_is_not_shut,
    only::ports_of_a_bridge_have_machines_of_their_own,
    only::what_only_follows_others_is_no_permission,
    only::a_flow_stands_for_those_that_the_rules_do_not_tell_apart,
    only::receivers_send_packets_back,
    only::counters_marks_and_time_are_seen,
    holes::what_is_open_is_exactly_what_is_told,
    hidden::what_asks_for_several_things_at_once_is_found,
    hidden::what_may_be_open_is_told,
    keys::each_key_of_a_flow_makes_a_difference,
    keys::each_expectation_of_a_flow_fails_where_it_is_false,
    keys::the_host_sends_as_any_user_and_group,
    strange::copies_do_not_arrive,
    strange::what_is_for_all_is_for_the_host,
    strange::the_hosts_own_addresses_can_be_pretended,
    strange::a_borrowed_address_gets_no_answer,
    strange::chains_of_every_type_decide,
    strange::what_leaves_can_be_stopped_on_a_device,
    translation::what_is_not_declared_is_found_out,
    translation::a_wrong_end_fails,
    translation::whoever_is_looked_for_is_there,
    translation::the_host_redirects_to_itself,
    state::rates_and_counts_are_reached,
    state::nothing_that_remembers_knows_of_another_flow,
    state::ports_that_are_used_again_are_of_new_connections,
    state::what_follows_is_another_connection,
    state::places_follow_insertions,
    state::every_icmp_type_can_be_sent,
    state::a_source_port_can_be_given,
    state::any_number_of_machines_sends_before,
    fragments::what_becomes_whole_at_the_host_is_judged_as_a_whole,
    fragments::where_nothing_is_tracked_each_fragment_counts,
    fabric::the_host_talks_to_itself,
    fabric::machines_stand_behind_ports_and_upper_links,
    fabric::link_local_addresses_work,
    fabric::what_cannot_be_simulated_fails_alone,
    fabric::what_cannot_be_applied_is_said,
}
