//! The library as programs find it: C programs, nft(8) and Python linked with it, in namespaces of their own.

mod following;
mod programs;
mod robust;

use netwright_lab::kernel_tests;

kernel_tests! {
    following::nft_monitors_on_it,
    following::nft_monitors_in_json_on_it,
    programs::calls_return_what_they_return_with_c,
    programs::later_versions_and_null_pointers,
    programs::nft_runs_on_it,
    programs::python_runs_on_it,
    programs::what_is_installed_is_found,
    robust::no_memory_and_no_file_is_lost,
    robust::threads_have_contexts_of_their_own,
    robust::whatever_is_given_is_survived,
}
