#![no_main]

#[path = "../../crates/netwright-state/tests/common/fuzz.rs"]
#[allow(dead_code)]
mod state;

libfuzzer_sys::fuzz_target!(|data: &[u8]| state::host(data));
