#![no_main]

use std::sync::Once;

// a ruleset of its own is asked for
static ISOLATED: Once = Once::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ISOLATED.call_once(|| netwright_sys::isolate::enter().expect("namespaces of its own"));
    nftables::fuzz::interface(data);
});
