#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netwright_sandbox_lab::fuzz::log(data));
