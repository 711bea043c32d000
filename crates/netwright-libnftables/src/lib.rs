//! The C interface of libnftables(3) on netwright: what programs reach nft through `libnftables.so.1` runs without the C code.
//!
//! The functions are described in `include/nftables/libnftables.h`. What they do is [`Context`]'s; here is what C needs:
//! pointers, strings that end with a null byte, and that no panic leaves a function.

mod context;
mod file;
mod flags;
pub mod fuzz;
mod message;
mod zone;

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use libc::FILE;

pub use context::Context;

/// What commands return that were not carried out, as with C's library.
const FAILED: c_int = -1;

/// What a function returns that cannot do its work.
trait Failed {
    fn failed() -> Self;
}

macro_rules! failed {
    ($($type:ty: $value:expr),+ $(,)?) => {$(
        impl Failed for $type {
            fn failed() -> Self {
                $value
            }
        }
    )+};
}

failed! {
    (): (),
    c_int: FAILED,
    c_uint: 0,
    bool: false,
    *const c_char: c"".as_ptr(),
    *mut FILE: ptr::null_mut(),
    *mut Context: ptr::null_mut(),
}

/// Does something that may panic by mistake.
fn guarded<T: Failed>(work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| T::failed())
}

/// The context that C has a pointer to.
///
/// # Safety
/// The pointer is null, or comes from [`nft_ctx_new`] and was not given to [`nft_ctx_free`], and no other thread uses it
/// meanwhile.
#[allow(unsafe_code)]
unsafe fn context<'c>(pointer: *mut Context) -> Option<&'c mut Context> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_mut() }
}

/// The bytes of a string of C, without the null byte.
///
/// # Safety
/// The pointer is null, or to a string that ends with a null byte and does not change for as long as `'s`.
#[allow(unsafe_code)]
unsafe fn bytes<'s>(pointer: *const c_char) -> Option<&'s [u8]> {
    // SAFETY: as the caller promises.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// Writes the exported functions: each has the safety of [`context`] and [`bytes`] as its callers' duty, and fails
/// where there is no context.
macro_rules! exported {
    ($($(#[$about:meta])* fn $name:ident($context:ident $(, $argument:ident: $type:ty)*) $(-> $result:ty)? $work:block;)+) => {$(
        $(#[$about])*
        ///
        /// # Safety
        /// `ctx` comes from [`nft_ctx_new`] and is used by no other thread meanwhile; strings end with a null byte.
        #[allow(unsafe_code)]
        // SAFETY: the name is C's, and only libnftables has it, which this library stands for.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(ctx: *mut Context $(, $argument: $type)*) $(-> $result)? {
            // SAFETY: the caller keeps what is said above.
            let Some($context) = (unsafe { context(ctx) }) else { return Failed::failed() };
            guarded(|| $work)
        }
    )+};
}

/// A new context for the calling thread's network namespace; null where there cannot be one.
#[allow(unsafe_code)]
// SAFETY: the name is C's, and only libnftables has it, which this library stands for.
#[unsafe(no_mangle)]
pub extern "C" fn nft_ctx_new(_flags: u32) -> *mut Context {
    guarded(|| match Context::open() {
        Ok(context) => Box::into_raw(Box::new(context)),
        Err(error) => {
            file::standard_error(format!("{error}\n").as_bytes());
            ptr::null_mut()
        }
    })
}

/// Ends a context, with its socket and all its memory.
///
/// # Safety
/// `ctx` is null, or comes from [`nft_ctx_new`] and is not used any more.
#[allow(unsafe_code)]
// SAFETY: the name is C's, and only libnftables has it, which this library stands for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nft_ctx_free(ctx: *mut Context) {
    if !ctx.is_null() {
        // SAFETY: the pointer was made by `Box::into_raw`, and the caller gives it up.
        let context = unsafe { Box::from_raw(ctx) };
        guarded(|| drop(context));
    }
}

exported! {
    /// Runs commands of a text.
    fn nft_run_cmd_from_buffer(context, buf: *const c_char) -> c_int {
        // SAFETY: the caller's string ends with a null byte.
        #[allow(unsafe_code)]
        let Some(text) = (unsafe { bytes(buf) }) else { return FAILED };
        status(context.run_text(text))
    };

    /// Runs the commands of a file, or of standard input (`-`).
    fn nft_run_cmd_from_filename(context, filename: *const c_char) -> c_int {
        // SAFETY: the caller's string ends with a null byte.
        #[allow(unsafe_code)]
        let Some(name) = (unsafe { bytes(filename) }) else { return FAILED };
        status(context.run_file(name))
    };

    /// Whether changes are only tried.
    fn nft_ctx_get_dry_run(context) -> bool { context.settings.dry_run };

    /// Whether changes are only tried from now on.
    fn nft_ctx_set_dry_run(context, dry: bool) { context.settings.dry_run = dry };

    /// Whether rules are merged.
    fn nft_ctx_get_optimize(context) -> u32 { context.settings.optimize };

    /// Whether rules are merged from now on.
    fn nft_ctx_set_optimize(context, flags: u32) { context.settings.optimize = flags };

    /// How input is read.
    fn nft_ctx_input_get_flags(context) -> c_uint { context.settings.input.bits() };

    /// How input is read from now on; returns how it was.
    fn nft_ctx_input_set_flags(context, flags: c_uint) -> c_uint {
        std::mem::replace(&mut context.settings.input, flags::Input::from_bits_retain(flags)).bits()
    };

    /// What output shows.
    fn nft_ctx_output_get_flags(context) -> c_uint { context.settings.output.bits() };

    /// What output shows from now on.
    fn nft_ctx_output_set_flags(context, flags: c_uint) {
        context.settings.output = flags::Output::from_bits_retain(flags)
    };

    /// What else is shown.
    fn nft_ctx_output_get_debug(context) -> c_uint { context.settings.debug.bits() };

    /// What else is shown from now on.
    fn nft_ctx_output_set_debug(context, mask: c_uint) {
        context.settings.debug = flags::DebugLevel::from_bits_retain(mask)
    };

    /// Where output goes from now on; returns where it went.
    fn nft_ctx_set_output(context, fp: *mut FILE) -> *mut FILE { context.output.set_file(fp) };

    /// Where errors go from now on; returns where they went.
    fn nft_ctx_set_error(context, fp: *mut FILE) -> *mut FILE { context.errors.set_file(fp) };

    /// Keeps output in memory.
    fn nft_ctx_buffer_output(context) -> c_int { context.output.buffer(); 0 };

    /// Keeps errors in memory.
    fn nft_ctx_buffer_error(context) -> c_int { context.errors.buffer(); 0 };

    /// Keeps output no longer.
    fn nft_ctx_unbuffer_output(context) -> c_int { c_int::from(!context.output.unbuffer()) };

    /// Keeps errors no longer.
    fn nft_ctx_unbuffer_error(context) -> c_int { c_int::from(!context.errors.unbuffer()) };

    /// The output that was kept.
    fn nft_ctx_get_output_buffer(context) -> *const c_char { context.output.take().as_ptr() };

    /// The errors that were kept.
    fn nft_ctx_get_error_buffer(context) -> *const c_char { context.errors.take().as_ptr() };

    /// Searches one more directory for what is included.
    fn nft_ctx_add_include_path(context, path: *const c_char) -> c_int {
        // SAFETY: the caller's string ends with a null byte.
        #[allow(unsafe_code)]
        let Some(path) = (unsafe { bytes(path) }) else { return FAILED };
        status(context.add_include_path(path))
    };

    /// Searches no directory for what is included.
    fn nft_ctx_clear_include_paths(context) { context.settings.include_paths.clear() };

    /// Binds a variable: `key=value`.
    fn nft_ctx_add_var(context, var: *const c_char) -> c_int {
        // SAFETY: the caller's string ends with a null byte.
        #[allow(unsafe_code)]
        let Some(variable) = (unsafe { bytes(var) }) else { return FAILED };
        status(context.add_variable(variable))
    };

    /// Binds no variables.
    fn nft_ctx_clear_vars(context) { context.settings.variables.clear() };
}

fn status(done: bool) -> c_int {
    if done { 0 } else { FAILED }
}
