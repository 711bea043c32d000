//! Host files with flows, tried in the kernel: what is reported is what the rules do.

mod examples;
mod fabric;
mod oracle;
mod refusals;
mod state;
mod translation;

use netwright_lab::{Failure, kernel_tests};
use netwright_simulate::{FlowReport, Report};

/// A flow's report by its name.
fn flow<'r>(report: &'r Report, name: &str) -> Result<&'r FlowReport, Failure> {
    let found = report.flows.iter().find(|flow| flow.name == name);
    found.ok_or_else(|| Failure::wrong(format_args!("no flow {name:?} in\n{report}")))
}

/// Where it was decided about a flow; nothing where nobody decided.
fn decided<'r>(report: &'r Report, name: &str) -> Result<&'r str, Failure> {
    Ok(flow(report, name)?.decided_by.as_ref().map_or("", |place| place.at.as_str()))
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
    refusals::each_kind_of_refusal_is_told_apart,
    refusals::routes_refuse,
    refusals::the_way_back_can_be_shut,
    refusals::a_host_that_does_not_forward_drops,
    refusals::a_foreign_source_is_filtered,
    refusals::without_neighbour_discovery_nothing_arrives,
    refusals::rules_before_ip_are_seen,
    refusals::whoever_does_not_answer_arp_is_silent,
    refusals::a_link_that_is_down_is_silent,
    translation::what_is_not_declared_is_found_out,
    translation::a_wrong_end_fails,
    translation::the_host_redirects_to_itself,
    state::rates_and_counts_are_reached,
    state::places_follow_insertions,
    state::every_icmp_type_can_be_sent,
    state::a_source_port_can_be_given,
    fabric::the_host_talks_to_itself,
    fabric::machines_stand_behind_ports_and_upper_links,
    fabric::link_local_addresses_work,
    fabric::what_cannot_be_simulated_fails_alone,
    fabric::what_cannot_be_applied_is_said,
}
