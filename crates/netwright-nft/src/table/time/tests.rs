use super::*;

/// Two hours east of UTC.
const ZONE: crate::table::Zone = crate::table::Zone::fixed(7200);

fn duration(milliseconds: u64, numeric: bool) -> String {
    let mut text = String::new();
    write_duration(&mut text, milliseconds, numeric).unwrap();
    text
}

#[test]
fn durations_are_read_and_written() {
    for (text, milliseconds) in
        [("1d2h3m4s5ms", 93_784_005), ("41d16h", 3_600_000_000), ("1s500ms", 1500), ("999ms", 999), ("0s", 0)]
    {
        assert_eq!(parse_duration(text), Some(milliseconds));
        assert_eq!(duration(milliseconds, false), text);
    }
    assert_eq!(parse_duration("2m90s"), Some(210_000));
    assert_eq!(duration(93_784_005, true), "93784s");
    for nonsense in ["", "5", "s", "1w", "1s1h", "1s1s", "99999999999999999999d", "18446744073709551615d"] {
        assert_eq!(parse_duration(nonsense), None, "{nonsense}");
    }
}

#[test]
fn hours_belong_to_a_zone() {
    assert_eq!(parse_hour("08:00", ZONE), Some(21_600));
    assert_eq!(parse_hour("00:30", ZONE), Some(81_000));
    assert_eq!(parse_hour("23:59:60", ZONE), parse_hour("00:00", ZONE));
    for nonsense in ["24:00", "12:60", "7", "1:2:3:4", "", "a:b", "-1:00"] {
        assert_eq!(parse_hour(nonsense, ZONE), None, "{nonsense}");
    }
    let mut text = String::new();
    write_hour(&mut text, 8, ZONE).unwrap();
    write_hour(&mut text, 28_800, ZONE).unwrap();
    write_hour(&mut text, u32::MAX, crate::table::Zone::fixed(i32::MIN)).unwrap();
    assert!(text.starts_with("\"02:00:08\"\"10:00\""));
}

#[test]
fn dates_belong_to_a_zone() {
    assert_eq!(parse_date("2019-06-06 17:00", ZONE), Some(1_559_833_200_000_000_000));
    assert_eq!(parse_date("2019-6-6 17:0:0", ZONE), parse_date("2019-06-06 17:00", ZONE));
    assert_eq!(parse_date("2019-02-29", ZONE), parse_date("2019-03-01 00:00:00", ZONE));
    for nonsense in
        ["2019", "2019-13-01", "2019-00-01", "2019-01-32", "2019-01-01 24:00", "1960-01-01", "x", ""]
    {
        assert_eq!(parse_date(nonsense, ZONE), None, "{nonsense}");
    }
    for day in [0, 59, 60, 365, 11_016, 19_782, 20_000, 40_000] {
        let (year, month, date) = civil_from_days(day);
        assert_eq!(days_from_civil(year, month, date), day);
    }
    let mut text = String::new();
    write_date(&mut text, 1_559_837_000_000_000_000, ZONE).unwrap();
    assert_eq!(text, "\"2019-06-06 18:03:20\"");
}

/// A zone that is two hours ahead in the northern summer of 2023 and one hour else, as Central Europe.
fn central_europe(seconds: i64) -> i32 {
    if (1_679_792_400..1_698_541_200).contains(&seconds) { 7200 } else { 3600 }
}

#[test]
fn dates_follow_the_rules_of_their_zone_at_that_date() {
    let zone = super::Zone::with_rules(3600, central_europe);
    for (local, utc) in [
        ("2023-07-01 12:00:00", 1_688_205_600),
        ("2023-01-01 12:00:00", 1_672_570_800),
        // Just before clocks are put forward, and just behind it.
        ("2023-03-26 01:30:00", 1_679_790_600),
        ("2023-03-26 03:30:00", 1_679_794_200),
        // Shown twice: the later one.
        ("2023-10-29 02:30:00", 1_698_543_000),
    ] {
        let moment: u64 = utc * 1_000_000_000;
        assert_eq!(parse_date(local, zone), Some(moment), "{local}");
        let mut text = String::new();
        write_date(&mut text, moment, zone).unwrap();
        assert_eq!(text, format!("\"{local}\""));
    }
    // Never shown: as nft reads it.
    assert_eq!(parse_date("2023-03-26 02:30:00", zone), Some(1_679_790_600_000_000_000));
    assert_eq!(parse_hour("12:00", zone), Some(39_600));
}
