use super::*;

#[test]
fn bytes_read_back() {
    for bytes in [&[][..], &[0], &[0x0f, 0xf0, 0xff]] {
        assert_eq!(unhex(&hex(bytes)).as_deref(), Ok(bytes));
    }
    assert!(unhex("0").is_err() && unhex("0g").is_err() && unhex("é").is_err());
}

#[test]
fn objects_read_back() {
    let route: Route = Route::default_via([192, 0, 2, 1].into()).dev(LinkId::new(3));
    let read = Route::decode(&route.encode()).map(|read| (read.gateway, read.link));
    assert_eq!(read, Ok((route.gateway, route.link)));
    let link = Link {
        index: 7,
        name: "br0".into(),
        alternative_names: vec!["lan".into()],
        mtu: Some(1400),
        kind: Some(netwright_route::link::kind::Bridge::default().priority(7).into()),
        ..Link::default()
    };
    let read =
        Link::decode(&link.encode()).map(|read| (read.index, read.name, read.kind, read.alternative_names));
    assert_eq!(read, Ok((7, "br0".into(), link.kind.clone(), link.alternative_names.clone())));
}

#[test]
fn what_is_no_object_is_an_error() {
    for json in [json!(null), json!("zz"), json!("00"), json!([]), json!({ "message": "00" })] {
        assert!(Route::decode(&json).is_err() || json == json!("00"), "{json}");
        assert!(Address::decode(&json).is_err(), "{json}");
    }
}
