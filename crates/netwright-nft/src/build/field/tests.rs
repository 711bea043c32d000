use super::*;

#[test]
fn every_field_is_a_row_of_its_type() {
    let mut fields = 0;
    each(|name, part, kind, size| {
        let part = part.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(part.data_type.is_a(kind), "{name}: {} is no {}", part.data_type.name(), kind.name());
        assert!(part.data_type.is_string() || part.bits as usize <= size * 8, "{name}: {} bits", part.bits);
        fields += 1;
    });
    assert!(fields > 90, "{fields}");
}

#[test]
fn fields_of_more_than_a_number_keep_their_meaning() {
    // A plain number must not stand for what has a type of its own, or sets could not be declared with it.
    each(|name, part, kind, _| {
        let part = part.unwrap_or_else(|error| panic!("{name}: {error}"));
        let plain = [DataType::INTEGER, DataType::HEX_INTEGER];
        assert_eq!(plain.contains(&part.data_type), kind == DataType::INTEGER, "{name}");
    });
}
