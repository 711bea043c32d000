use crate::{Attributes, Big, Native, Text, Value, Writer};

crate::attrs! {
    /// Inner attributes.
    pub struct Inner, InnerView: Big {
        /// A number.
        X_NUMBER = 1 => number: u32,
    }

    /// Outer attributes.
    pub struct Outer, OuterView: Native {
        /// A number.
        X_NUMBER = 1 => number: u32,
        /// A name.
        X_NAME = 2 => name: String,
        /// A nest.
        X_INNER = 3 => inner: Inner,
        /// A flag.
        X_FLAG = 4 => flag: (),
    }
}

crate::open_enum! {
    /// Colours.
    pub struct Colour(u8) { RED = 0 "red", BLUE = 2 "blue" }
}

crate::open_flags! {
    /// Bits.
    pub struct Bits(u16) {
        /// One.
        ONE = 1,
        /// Four.
        FOUR = 4,
    }
}

crate::header! {
    /// A head.
    pub struct Head: Big { family: u8, pad: u8, id: u16, colour: Colour }
}

crate::kinds! {
    /// Kinds.
    pub enum Kind {
        /// Inner.
        "inner" => Inner(Inner),
    }
}

fn outer() -> Outer {
    let inner = Inner { number: Some(7), ..Default::default() };
    Outer {
        number: Some(0),
        name: Some("x".into()),
        inner: Some(inner),
        flag: Some(()),
        ..Default::default()
    }
}

fn written(outer: &Outer) -> Vec<u8> {
    let mut writer = Writer::new();
    outer.write_attributes(&mut writer);
    writer.bytes().to_vec()
}

#[test]
fn attributes_come_back_as_they_went() {
    let bytes = written(&outer());
    assert_eq!(Outer::read_attributes(&bytes).unwrap(), outer());
    assert_eq!(written(&Outer::default()), b"", "what is not set is not written");
    let view = OuterView::new(&bytes);
    assert_eq!(view.number(), Ok(Some(0)), "zero is a value");
    assert_eq!(view.name().unwrap().unwrap(), Text(b"x"));
    assert_eq!(view.inner().unwrap().unwrap().number(), Ok(Some(7)));
    assert_eq!(OuterView::new(&[]).flag(), Ok(None));
    let inner = Attributes::new(&bytes).find(3).unwrap().unwrap();
    assert!(inner.nested);
    assert_eq!(inner.payload[4..], [0, 0, 0, 7], "the nest has its own byte order");
    assert_eq!(
        Outer::ROWS.iter().map(|row| row.field).collect::<Vec<_>>(),
        ["number", "name", "inner", "flag"]
    );
}

#[test]
fn unknown_attributes_survive_at_every_depth() {
    let mut writer = Writer::new();
    writer.bytes_attribute(50, b"front");
    writer.attribute::<Native, _>(1, &1u32);
    writer.bytes_attribute(51, b"after one");
    let nest = writer.begin_nest(3);
    writer.bytes_attribute(52, b"inside");
    writer.attribute::<Big, _>(1, &2u32);
    writer.end_nest(nest);
    let stranger = writer.begin_nest(53);
    writer.bytes_attribute(1, b"own");
    writer.end_nest(stranger);
    let read = Outer::read_attributes(writer.bytes()).unwrap();
    assert_eq!(read.number, Some(1));
    assert_eq!(written(&read), writer.bytes());
}

#[test]
fn a_broken_attribute_is_an_error_and_never_a_panic() {
    let bytes = written(&outer());
    for cut in 0..bytes.len() {
        // Behind each attribute, the name's with or without its two bytes of padding.
        let whole = [0, 8, 14, 15, 16, 28].contains(&cut);
        assert_eq!(Outer::read_attributes(&bytes[..cut]).is_ok(), whole, "{cut}");
    }
    for place in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bent = bytes.clone();
            bent[place] = value;
            let _ = Outer::read_attributes(&bent);
            let view = OuterView::new(&bent);
            let _ = (view.number(), view.name(), view.inner().map(|inner| inner.map(|inner| inner.number())));
        }
    }
}

#[test]
fn enumerations_and_flags_keep_what_they_do_not_know() {
    assert_eq!((Colour::BLUE.name(), Colour(9).name()), (Some("blue"), None));
    assert_eq!(Colour::from_name("red"), Some(Colour::RED));
    assert_eq!(Colour::KNOWN, [Colour::RED, Colour::BLUE]);
    assert_eq!(Colour::read::<Native>(&[9]), Ok(Colour(9)));
    assert_eq!(format!("{:?} {}", Colour(9), Colour::RED), "Colour(9) red");
    let bits = Bits::read::<Big>(&[0x80, 5]).unwrap();
    assert!(bits.contains(Bits::ONE | Bits::FOUR));
    let mut writer = Writer::new();
    bits.write::<Big>(&mut writer);
    assert_eq!(writer.bytes(), [0x80, 5]);
}

#[test]
fn fixed_structs_are_read_by_prefix() {
    let whole = Head { family: 1, pad: 0, id: 0x0203, colour: Colour::BLUE };
    assert_eq!(Head::SIZE, 5);
    assert_eq!(Head::read::<Native>(&[1, 0, 2, 3, 2]), Ok(whole));
    assert_eq!(Head::read::<Native>(&[1, 0, 2, 3, 2, 99]), Ok(whole));
    assert_eq!(Head::read::<Native>(&[1]), Ok(Head { family: 1, ..Default::default() }));
    assert_eq!(Head::read::<Native>(&[]), Ok(Head::default()));
    let mut writer = Writer::new();
    whole.write::<Native>(&mut writer);
    assert_eq!(writer.bytes(), [1, 0, 2, 3, 2]);
}

#[test]
fn unknown_kinds_keep_their_data() {
    let kind = Kind::read(Text(b"other"), b"anything").unwrap();
    assert_eq!(kind, Kind::Unknown { name: "other".into(), data: b"anything".to_vec() });
    let mut writer = Writer::new();
    kind.write_data(&mut writer);
    assert_eq!((kind.name(), writer.bytes()), ("other", &b"anything"[..]));

    let inner = Kind::from(Inner { number: Some(3), ..Default::default() });
    let mut writer = Writer::new();
    inner.write_data(&mut writer);
    assert_eq!(Kind::read(Text(b"inner"), writer.bytes()), Ok(inner));
    assert!(Kind::read(Text(b"inner"), &[1]).is_err());
    assert_eq!(Kind::NAMES, ["inner"]);
}
