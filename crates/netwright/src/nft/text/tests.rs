use super::*;

const RULE: &str = "add rule ip t c ip saddr $bad counter drop";

fn refused<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.map(|_| ()).expect_err("it is refused").to_string()
}

#[test]
fn what_has_not_the_form_is_told_with_its_place() {
    let wrong = refused(parse("add rule ip t c counter }\nadd tabel ip t"));
    assert!(wrong.contains("text:1:25: ") && wrong.contains("text:2:5: "), "{wrong}");
}

#[test]
fn variables_without_a_definition_are_bound() -> Result<()> {
    let text = parse(RULE)?;
    assert_eq!(text.missing(), Some("bad"));
    let text = text.bind("bad", Ipv4Addr::LOCALHOST)?;
    assert_eq!(text.missing(), None);
    assert_eq!(parse("define bad = 192.0.2.1\nadd rule ip t c ip saddr $bad drop")?.missing(), None);
    let wrong = refused(text.bind("good", 1u8));
    assert_eq!(wrong, "cannot bind $good: the text \"text\" has no variable $good to bind");
    Ok(())
}

#[test]
fn values_are_one_value() {
    let write = |value: std::result::Result<String, String>| value.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(write([Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].bound()), "{ 127.0.0.1, 0.0.0.0 }");
    assert_eq!(write(super::super::prefix(Ipv6Addr::LOCALHOST, 64).bound()), "::1/64");
    assert_eq!(write((1u16..=9).bound()), "1-9");
    assert_eq!(write("eth0; flush ruleset".bound()), "\"eth0; flush ruleset\"");
    assert!("eth0\" accept".bound().is_err());
    assert!("a\nb".bound().is_err());
    assert!(Vec::<u8>::new().bound().is_err());
}
