//! The time zone of the process.

use netwright_nft::table::Zone;

/// The time zone of the environment, else of the host.
pub(crate) fn zone() -> Zone {
    // SAFETY: `time` takes null.
    #[allow(unsafe_code)]
    let now = unsafe { libc::time(std::ptr::null_mut()) };
    Zone::with_rules(offset_at(now), offset_at)
}

/// Seconds that the zone lies east of UTC at a point in time.
#[allow(unsafe_code)]
fn offset_at(seconds: i64) -> i32 {
    let mut local = std::mem::MaybeUninit::<libc::tm>::uninit();
    // SAFETY: `localtime_r` reads the time, writes `local` and looks at nothing else of ours.
    let filled = unsafe { libc::localtime_r(&seconds, local.as_mut_ptr()) };
    if filled.is_null() {
        return 0;
    }
    // SAFETY: `localtime_r` has returned the pointer that it was given, which is that it has filled it.
    let offset = unsafe { local.assume_init() }.tm_gmtoff;
    i32::try_from(offset).unwrap_or_default()
}
