//! The time zone of this host.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use netwright_nft::table::Zone;

/// The time zone of the environment (`TZ`), else of the host; UTC where it cannot be found out. It stays as it was when it
/// was first asked for.
pub(crate) fn zone() -> Zone {
    match &*RULES {
        Some(_) => Zone::with_rules(offset_at(now()), offset_at),
        None => Zone::UTC,
    }
}

static RULES: LazyLock<Option<tz::TimeZone>> = LazyLock::new(|| match std::env::var("TZ") {
    Ok(text) if text.is_empty() => None,
    Ok(text) => tz::TimeZone::from_posix_tz(&text).ok(),
    Err(_) => tz::TimeZone::local().ok(),
});

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds that the zone lies east of UTC at a point in time. Behind the last change that is known, it stays as it was.
fn offset_at(seconds: i64) -> i32 {
    let Some(zone) = &*RULES else { return 0 };
    if let Ok(local) = zone.find_local_time_type(seconds) {
        return local.ut_offset();
    }
    let zone = zone.as_ref();
    let last = zone.transitions().last().map_or(0, |last| last.local_time_type_index());
    zone.local_time_types().get(last).map_or(0, |local| local.ut_offset())
}
