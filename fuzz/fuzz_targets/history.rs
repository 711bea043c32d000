#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netwright_nft_lab::fuzz::history(data));
