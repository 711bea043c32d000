//! The relay with real packets: an inside of its own, the test's namespace as the host, and servers in a neighbour's.

mod datagrams;
mod echo;
mod many;
mod refusals;
mod streams;
mod world;

netwright_lab::kernel_tests! {
    streams::data_goes_both_ways,
    streams::each_direction_ends_by_itself,
    streams::resets_are_passed_on,
    streams::data_before_a_reset_arrives,
    streams::a_slow_reader_slows_its_writer,
    streams::ports_of_the_host_are_its_loopback,
    refusals::connecting_fails_as_it_would_without_a_relay,
    refusals::nobody_is_connected_before_the_destination_answers,
    refusals::what_the_policy_refuses_is_told_first,
    refusals::what_the_policy_allows_is_told,
    refusals::listeners_take_nothing_that_was_not_held,
    refusals::data_of_no_connection_is_reset,
    datagrams::a_burst_is_answered_from_the_right_address,
    datagrams::datagrams_of_all_lengths_pass,
    datagrams::one_socket_has_many_destinations,
    datagrams::nobody_listens,
    echo::replies_have_the_original_payload,
    echo::what_cannot_be_reached_is_told,
    many::two_thousand_connections_at_once,
    many::a_relay_that_is_dropped_is_gone,
    many::what_was_sent_before_the_end_arrives,
}
