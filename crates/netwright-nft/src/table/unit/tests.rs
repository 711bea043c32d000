use super::*;

#[test]
fn amounts_are_listed_in_the_largest_unit_that_divides_them() {
    for (amount, expected) in [
        (0, "0 bytes"),
        (1536, "1536 bytes"),
        (3072, "3 kbytes"),
        (1 << 20, "1 mbytes"),
        ((1 << 20) + 1, "1048577 bytes"),
        (1025 << 10, "1025 kbytes"),
        (1 << 30, "1024 mbytes"),
    ] {
        let mut text = String::new();
        write_bytes(&mut text, amount).unwrap();
        assert_eq!(text, expected);
        let (number, unit) = expected.split_once(' ').unwrap();
        assert_eq!(bytes(number.parse().unwrap(), unit), Some(amount));
    }
    assert_eq!(bytes(u64::MAX, "kbytes"), None);
    assert_eq!(bytes(1, "gbytes"), None);
}

#[test]
fn rates_name_their_unit() {
    let mut text = String::new();
    write_rate(&mut text, 10, 604_800, false).unwrap();
    text.push(' ');
    write_rate(&mut text, 10 << 20, 1, true).unwrap();
    assert_eq!(text, "10/week 10 mbytes/second");
    assert_eq!(rate_unit("day"), Some(86_400));
}
