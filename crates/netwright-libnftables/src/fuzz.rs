//! What the fuzzer runs: the functions of the interface, with whatever bytes there are.

use std::ffi::CString;

use super::*;

/// What never ends, or reads what the fuzzer has not written.
const WAITING: [&[u8]; 2] = [b"monitor", b"import"];

/// The first bytes are settings, the others commands: a null byte ends each call. Nothing is changed: the contexts only try.
///
/// It asks the kernel for the ruleset of the calling thread's namespace, which should be one of its own.
#[allow(unsafe_code)]
pub fn interface(data: &[u8]) {
    let Some((settings, rest)) = data.split_at_checked(4) else { return };
    if WAITING.iter().any(|word| rest.windows(word.len()).any(|part| part == *word)) {
        return;
    }
    let [output, input, debug, other] = <[u8; 4]>::try_from(settings).unwrap_or_default().map(c_uint::from);
    let context = nft_ctx_new(0);
    let texts = rest.split(|byte| *byte == 0).filter_map(|text| CString::new(text).ok());
    // SAFETY: the context was made above, is not used elsewhere, and is given up at the end; the texts are strings of C.
    unsafe {
        nft_ctx_set_dry_run(context, true);
        nft_ctx_buffer_output(context);
        nft_ctx_buffer_error(context);
        nft_ctx_output_set_flags(context, output | (other & 0x0f) << 8);
        nft_ctx_input_set_flags(context, input);
        nft_ctx_output_set_debug(context, debug);
        nft_ctx_set_optimize(context, other >> 7);
        for (number, text) in texts.enumerate() {
            let text = text.as_ptr();
            match number % 4 {
                3 => drop((nft_ctx_add_var(context, text), nft_ctx_add_include_path(context, text))),
                _ => drop(nft_run_cmd_from_buffer(context, text)),
            }
            for kept in [nft_ctx_get_output_buffer(context), nft_ctx_get_error_buffer(context)] {
                assert!(bytes(kept).is_some());
            }
        }
        nft_ctx_clear_vars(context);
        nft_ctx_free(context);
    }
}

/// Inputs that mean something.
pub fn seeds() -> Vec<Vec<u8>> {
    const TEXTS: [&str; 8] = [
        "add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }\0list ruleset\0list chains",
        "table ip t { set s { type ipv4_addr . inet_service; flags interval,timeout; elements = { 10.0.0.0/8 . 1-2 timeout 1h }; }; }",
        "{\"nftables\": [{\"add\": {\"table\": {\"family\": \"ip\", \"name\": \"t\"}}}, {\"list\": {\"ruleset\": null}}]}",
        "define x = { 1, 2 }\0add table ip t; add chain ip t c; add rule ip t c tcp dport $x accept\0list tables\0y=5\0",
        "include \"/etc/*.nft\"\0describe tcp dport\0list hooks\0reset counters\0get element ip t s { 1 }",
        "delete table ip none; flush ruleset; rename chain ip t c d; replace rule ip t c handle 5 accept",
        "add rule ip t c ip saddr vmap { 10.0.0.1 : jump { accept; }, * : drop } log prefix \"x\" limit rate 5/second",
        "add map ip t m { typeof ip saddr : meta mark; }; add element ip t m { 10.0.0.1 : 5 }; -",
    ];
    let settings = [[0, 0, 0, 0], [0x10, 2, 8, 0x80], [0x38, 0, 0x18, 0x0f], [0xff; 4]];
    let of = |settings: [u8; 4]| {
        TEXTS.iter().map(move |text| [settings.as_slice(), text.as_bytes()].concat()).collect::<Vec<_>>()
    };
    settings.into_iter().flat_map(of).collect()
}
