//! The engine under real kernels, with `nft` as the second witness.

mod changes;
mod listing;
mod optimized;
mod places;
mod refusals;
mod replacing;
mod running;

use netwright_lab::kernel_tests;

kernel_tests! {
    running::scripts_are_run_and_answered,
    running::answers_are_typed,
    running::rules_are_counted_as_nft_counts_them,
    running::what_is_checked_changes_nothing,
    running::a_session_keeps_its_socket,
    running::json_comes_back_with_handles,
    running::things_are_found_by_their_handles,
    changes::echo_is_as_nft_tells_it,
    changes::json_echo_is_as_nft_tells_it,
    changes::monitors_tell_what_nft_tells,
    changes::monitors_tell_in_json_what_nft_tells,
    listing::listings_are_of_one_moment_while_others_write,
    listing::only_what_is_wanted_is_asked_for,
    listing::listings_are_those_of_nft,
    optimized::packets_do_not_notice_what_is_merged,
    replacing::sets_hold_what_they_shall,
    replacing::maps_hold_what_they_shall,
    replacing::only_what_differs_is_changed,
    replacing::maps_are_read_back_as_values,
    replacing::large_sets_are_changed_by_little,
    replacing::a_set_is_changed_while_others_change_the_rest,
    replacing::rules_are_changed_while_others_change_the_rest,
    replacing::several_programs_change_a_set_at_once,
    replacing::rules_are_kept_by_what_they_are_called,
    places::rules_stand_where_the_table_says,
    refusals::refusals_have_their_true_reasons,
    refusals::all_refusals_of_a_batch_are_told,
    refusals::what_follows_from_another_refusal_is_not_told,
}
