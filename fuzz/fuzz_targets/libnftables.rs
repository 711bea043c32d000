#![no_main]

libfuzzer_sys::fuzz_target!(
    // a ruleset of its own is asked for; later there are threads, which could not go along
    init: netwright_sys::isolate::enter().expect("namespaces of its own"),
    |data: &[u8]| nftables::fuzz::interface(data)
);
