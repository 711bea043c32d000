use super::*;

#[test]
fn what_is_published_is_read_and_written() {
    for (text, whole) in [
        ("8080:80", "8080:80/tcp"),
        ("80", "80:80/tcp"),
        ("192.0.2.1:8080:80/udp", "192.0.2.1:8080:80/udp"),
        ("[::1]:8080:80/tcp", "[::1]:8080:80/tcp"),
        ("[::]:53:53/udp", "[::]:53:53/udp"),
    ] {
        let publish: Publish = text.parse().unwrap();
        assert_eq!(publish.to_string(), whole);
        assert_eq!(whole.parse(), Ok(publish));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in [
        "",
        "0",
        "80:",
        ":80",
        "80:0",
        "x:80:80",
        "65536",
        "80:80/sctp",
        "[::1:80:80",
        "80/tcp/udp",
        "80/tcp/tcp",
    ] {
        assert!(text.parse::<Publish>().is_err(), "{text}");
    }
    assert_eq!(
        "x:80:80".parse::<Publish>().unwrap_err(),
        "`x` is no address: write [ADDRESS:]PORT:PORT-INSIDE"
    );
}
