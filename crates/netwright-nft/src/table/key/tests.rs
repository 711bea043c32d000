use super::*;

#[test]
fn keys_are_found_by_name_number_and_layer_3_protocol() {
    for key in all() {
        assert!(by_number(key.kind, key.number).is_some());
        assert!(
            key.data_type.bits() == 0
                || key.data_type == DataType::BOOLEAN
                || key.data_type.bits() == key.bits
        );
        match key.layer3 {
            Layer3::Any | Layer3::Context => assert_eq!(by_name(key.kind, key.name), Some(key)),
            layer3 => {
                assert_eq!(by_layer3(key.kind, layer3, key.name).map(|key| key.layer3), Some(layer3));
                assert_eq!(in_layer3(key, layer3), Some(key));
            }
        }
    }
    let source = by_name(KeyKind::Ct, "saddr").and_then(|key| in_layer3(key, Layer3::Ipv6));
    assert_eq!(source.map(|key| (key.number, key.bits)), Some((8, 128)));
    let source = by_layer3(KeyKind::Ct, Layer3::Ipv6, "saddr");
    assert_eq!(source.map(|key| (key.number, key.bits)), Some((21, 128)));
    assert_eq!(bare("iifname").map(|key| key.number), Some(6));
    assert_eq!(bare("ibriport").map(|key| key.name), Some("ibrname"));
    assert_eq!(bare("length"), None);
    assert_eq!(bare("secpath"), None);
    assert_eq!(by_number(KeyKind::Rt, 1).map(|key| key.layer3), Some(Layer3::Ipv4));
}
