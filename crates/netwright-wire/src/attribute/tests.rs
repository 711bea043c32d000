use super::*;

fn written(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (kind, payload) in attributes {
        writer.bytes_attribute(*kind, payload);
    }
    writer.bytes().to_vec()
}

#[test]
fn attributes_are_walked_and_found() {
    let bytes =
        written(&[(1, b"a"), (2, b""), (NESTED | 3, b"12345678"), (NET_BYTE_ORDER | 4, &[0, 0, 0, 5])]);
    let all: Vec<_> = Attributes::new(&bytes).map(Result::unwrap).collect();
    assert_eq!(
        all.iter().map(|a| (a.kind, a.payload.len())).collect::<Vec<_>>(),
        [(1, 1), (2, 0), (3, 8), (4, 4)]
    );
    assert!(all[2].nested && !all[3].nested);
    assert_eq!(all[3].big::<u32>(), Ok(5));
    assert_eq!(Attributes::new(&bytes).find(2).unwrap().unwrap().payload, b"");
    assert_eq!(Attributes::new(&bytes).find(9), Ok(None));
}

#[test]
fn the_last_attribute_needs_no_padding() {
    let bytes = written(&[(1, b"abcde")]);
    let all: Vec<_> = Attributes::new(&bytes[..9]).collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].as_ref().unwrap().payload, b"abcde");
}

#[test]
fn lengths_that_lie_end_the_walk_with_an_error() {
    for length in [0u16, 1, 3, 13, 1000, u16::MAX] {
        let mut bytes = written(&[(1, b"abcd"), (2, b"efgh")]);
        bytes[8..10].copy_from_slice(&length.to_ne_bytes());
        let mut attributes = Attributes::new(&bytes[..]);
        if length == 13 {
            bytes.truncate(16);
            attributes = Attributes::new(&bytes);
        }
        assert!(matches!(attributes.next(), Some(Ok(_))));
        let result = attributes.next().unwrap();
        let error = result.unwrap_err();
        assert!(error.need > error.have || length < 4, "{length}: {error}");
        assert!(attributes.next().is_none());
    }
    for cut in 1..4 {
        let result: Vec<_> = Attributes::new(&[4, 0, 1, 0][..cut]).collect();
        assert!(matches!(result[..], [Err(_)]));
    }
    assert!(Attributes::new(&written(&[(1, b"abcd")])[..7]).find(1).is_err());
}

#[test]
fn unknown_attributes_go_back_to_their_place() {
    let bytes = written(&[(9, b"first"), (1, b"one"), (NESTED | 7, b"after"), (8, b""), (2, b"two")]);
    let mut unknown = Unknown::default();
    let mut after = u16::MAX;
    for attribute in Attributes::new(&bytes).map(Result::unwrap) {
        if attribute.kind < 5 {
            after = attribute.kind;
        } else {
            unknown.keep(after, attribute);
        }
    }
    assert_eq!(unknown.iter().map(|attribute| attribute.kind).collect::<Vec<_>>(), [9, 7, 8]);
    let mut writer = Writer::new();
    unknown.write_after(u16::MAX, &mut writer);
    for (kind, payload) in [(1, b"one"), (2, b"two")] {
        writer.bytes_attribute(kind, payload);
        unknown.write_after(kind, &mut writer);
    }
    assert_eq!(writer.bytes(), bytes);
    assert!(!unknown.is_empty() && Unknown::default().is_empty());
}
