use super::*;

#[test]
fn text_goes_both_ways() {
    let address: HardwareAddress = "02:00:5E:10-00-01".parse().unwrap();
    assert_eq!(address.to_string(), "02:00:5e:10:00:01");
    assert_eq!(address.ethernet(), Some([2, 0, 0x5e, 0x10, 0, 1]));
    assert_eq!(address, HardwareAddress::from([2, 0, 0x5e, 0x10, 0, 1]));
}

#[test]
fn what_is_no_address_is_refused() {
    for text in ["", "02", "02:", "2:0:0:0:0:0", "02:00:5e:10:00:0g", "+2:00", &"00:".repeat(33)] {
        let parsed = text.parse::<HardwareAddress>();
        assert_eq!(parsed.is_ok(), text == "02", "{text:?}: {parsed:?}");
    }
}

#[test]
fn too_many_bytes_are_malformed() {
    assert!(HardwareAddress::view::<netwright_wire::Native>(&[0; 33]).is_err());
    assert_eq!(HardwareAddress::view::<netwright_wire::Native>(&[]).unwrap().as_bytes(), []);
}
