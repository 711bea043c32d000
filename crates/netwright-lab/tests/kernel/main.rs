//! Every operation of the library against the real kernel, with `ip` and `nft` as second witnesses. Each test has a network
//! namespace of its own, and all run in parallel, as root or as an ordinary user.

mod addresses;
mod common;
mod links;
mod links_kinds;
mod namespaces;
mod neighbours;
mod nftables;
mod routes;
mod rules;
mod settings;
mod tokio;

use netwright_lab::kernel_tests;

kernel_tests! {
    links::a_veth_is_made_found_and_deleted,
    links::the_kernel_chooses_a_name,
    links::a_peer_is_made_in_another_namespace,
    links::a_bridge_has_its_options_and_ports,
    links::macvlans_have_their_mode,
    links::a_vxlan_has_its_tunnel,
    links::tun_and_tap_stay_until_they_are_deleted,
    links::a_kind_is_made_of_its_name_and_raw_data,
    links::every_setting_is_changed_and_read_back,
    links::links_move_to_other_namespaces,
    links::alternative_names_find_their_link,
    links::counters_count,
    links::the_kernel_filters_lists,
    links::errors_are_sentences,
    links::hostile_names_are_refused,
    links::names_of_any_bytes_are_kept,
    links::reading_needs_no_privilege_and_changing_does,
    links::every_attribute_survives_another_way_through_its_bytes,

    links_kinds::a_dummy_is_made,
    links_kinds::an_ifb_is_made,
    links_kinds::a_vlan_has_its_id_flags_and_priorities,
    links_kinds::a_bond_has_its_options_and_ports,
    links_kinds::a_vrf_has_its_table_and_ports,
    links_kinds::a_wireguard_link_is_made,
    links_kinds::ipvlans_have_their_mode_and_flags,
    links_kinds::a_macvlan_takes_the_link_over,
    links_kinds::gre_tunnels_have_their_ends_and_keys,
    links_kinds::ip_tunnels_have_their_ends,
    links_kinds::a_bridge_filters_vlans,
    links_kinds::routes_go_by_nexthops_and_groups,

    addresses::both_families_are_given_and_taken,
    addresses::peer_label_broadcast_and_scope,
    addresses::lifetimes_are_counted_and_changed,
    addresses::flags_beyond_one_byte_metric_and_maker,
    addresses::the_kernel_filters_lists,
    addresses::many_are_given_at_once,
    addresses::hostile_addresses_are_refused,

    routes::routes_are_added_replaced_appended_and_deleted,
    routes::default_routes_of_both_families,
    routes::kinds_without_a_way,
    routes::several_ways_with_their_weights,
    routes::metrics_are_kept,
    routes::table_maker_source_scope_and_on_link,
    routes::an_ipv4_route_goes_by_an_ipv6_gateway,
    routes::the_kernel_looks_up_the_way,
    routes::the_kernel_filters_lists,
    routes::errors_are_sentences,
    routes::a_hundred_thousand,

    rules::rules_are_added_listed_and_deleted,
    rules::every_action_and_inversion,
    rules::the_kernel_filters_by_family,
    rules::many_at_once_and_hostile_ones,

    neighbours::neighbours_of_both_families,
    neighbours::requests_are_answered_for_proxied_ones,
    neighbours::a_bridge_forwards_by_hand,
    neighbours::the_kernel_filters_lists,
    neighbours::many_at_once,

    settings::forwarding_is_turned_on_and_off,
    settings::typed_settings_of_an_interface,
    settings::the_table_agrees_with_the_kernel,
    settings::settings_of_another_namespace,
    settings::errors_are_sentences,

    namespaces::names_are_made_listed_opened_and_deleted,
    namespaces::one_that_ip_made_is_opened,
    namespaces::anonymous_ones_and_those_of_processes,
    namespaces::closures_and_commands_run_inside,
    namespaces::the_thread_stays_even_in_a_panic,
    namespaces::one_net_serves_many_threads,

    nftables::references::tables_chains_sets_and_objects_are_found_by_name_and_deleted_by_either,
    nftables::references::flow_tables_are_found_by_name_and_deleted_by_either,
    nftables::references::rules_go_by_their_handle_alone,
    nftables::references::what_is_listed_is_found_again_and_reset,
    nftables::references::what_was_named_is_changed,
    nftables::tables_of_every_family,
    nftables::chains_at_every_hook,
    nftables::a_chain_changes_its_policy_and_is_deleted,
    nftables::rules_have_their_places_and_handles,
    nftables::verdicts_jumps_and_gotos,
    nftables::objects_are_made_used_reset_and_deleted,
    nftables::a_raw_rule_drops_real_packets,
    nftables::a_dump_builds_the_same_ruleset_elsewhere,

    nftables::expressions::loads_and_comparisons,
    nftables::expressions::a_hash_keeps_its_seed,
    nftables::expressions::statements,
    nftables::expressions::translation_of_addresses,
    nftables::expressions::translation_of_destinations,
    nftables::expressions::statements_before_tracking,
    nftables::expressions::unknown_expressions_go_through,

    nftables::sets::plain_sets_take_and_lose_elements,
    nftables::sets::what_is_destroyed_may_be_missing,
    nftables::sets::intervals_have_a_start_and_an_end,
    nftables::sets::concatenations_with_and_without_ranges,
    nftables::sets::timeouts_counters_and_comments_of_elements,
    nftables::sets::maps_of_values_verdicts_and_objects,
    nftables::sets::a_catch_all_stands_for_the_others,
    nftables::sets::an_anonymous_set_lives_with_its_rule,

    nftables::refusals::one_bad_step_undoes_all,
    nftables::refusals::an_outdated_generation_is_refused,
    nftables::refusals::the_element_at_fault_is_named,
    nftables::refusals::hostile_names_and_sizes_are_refused,
    nftables::refusals::without_privilege_nothing_is_done,

    nftables::scale::a_million_elements_in_one_commit,
    nftables::scale::a_hundred_thousand_elements_are_listed_in_place,
    nftables::scale::a_list_of_a_growing_set_is_complete,
    nftables::scale::intervals_by_the_hundred_thousand,
    nftables::scale::a_hundred_thousand_rules_in_one_commit,

    tokio::links_live_their_life,
    tokio::addresses_routes_rules_and_neighbours,
    tokio::transactions,
    tokio::many_tasks_share_one_net,
    tokio::a_future_that_is_dropped_leaves_the_net_usable,
    tokio::without_a_runtime_it_says_so,
}
