use super::*;
use crate::raw::*;
use crate::{Data, VerdictAttrs};

fn written(expression: &Expression) -> Vec<u8> {
    let mut writer = Writer::new();
    expression.write::<Big>(&mut writer);
    writer.bytes().to_vec()
}

/// Every expression of the table, without attributes.
fn all() -> Vec<Expression> {
    let name = |name: &&str| Expression::read(Text(name.as_bytes()), &[]).unwrap();
    Expression::NAMES.iter().map(name).collect()
}

/// Expressions that carry values, texts and other expressions.
fn carrying() -> Vec<Expression> {
    let inner = Expression::Inner(InnerAttrs {
        expression: Some(Box::new(payload(Base::TRANSPORT, 0, 2).into(R1))),
        flags: Some(InnerFlags::all()),
        ..Default::default()
    });
    let dynset = Expression::DynamicSet(DynamicSetAttrs {
        set: Some("s".into()),
        timeout: Some(5000),
        expressions: Some(Carried(vec![counter(), limit(1, 60, 5)])),
        ..Default::default()
    });
    vec![
        inner,
        dynset,
        jump("there"),
        cmp(R2, LTE, [1; 16]),
        range(R1, RangeOp::NEQ, [0, 1], [0, 9]),
        bitwise(R1, R1, [255, 0], [0, 1]),
        log("prefix: "),
        map(R1, "m", Register::VERDICT),
    ]
}

#[test]
fn what_is_written_is_read() {
    for expression in all().into_iter().chain(carrying()) {
        assert_eq!(Expression::read_value(&written(&expression)), expression, "{expression}");
    }
}

impl Expression {
    fn read_value(bytes: &[u8]) -> Self {
        <Expression as Value>::read::<Big>(bytes).unwrap()
    }
}

/// As `nft` sends them: `log` has an empty nest, `notrack` has none.
#[test]
fn an_expression_without_data_has_none() {
    assert_eq!(written(&LogAttrs::default().into()), b"\x08\0\x01\0log\0\x04\0\x02\x80");
    assert_eq!(written(&notrack()), b"\x0c\0\x01\0notrack\0");
}

#[test]
fn a_payload_load_is_what_the_kernel_expects() {
    let expected = b"\x0c\0\x01\0payload\0\x24\0\x02\x80\
        \x08\0\x01\0\0\0\0\x01\x08\0\x02\0\0\0\0\x01\x08\0\x03\0\0\0\0\x0c\x08\0\x04\0\0\0\0\x04";
    assert_eq!(written(&payload(Base::NETWORK, 12, 4).into(R1)), expected);
}

#[test]
fn unknown_names_numbers_bits_and_attributes_are_kept() {
    let mut data = Writer::new();
    data.attribute::<Big, u32>(2, &77);
    data.bytes_attribute(99, b"newer");
    data.attribute::<Big, u32>(1, &40);
    let meta = Expression::read(Text(b"meta"), data.bytes()).unwrap();
    let Expression::Meta(attrs) = &meta else { panic!("{meta:?}") };
    assert_eq!((attrs.key, attrs.destination), (Some(MetaKey(77)), Some(Register(40))));
    let mut again = Writer::new();
    meta.write_data(&mut again);
    assert_eq!(again.bytes(), data.bytes());
    let newer = Expression::read(Text(b"newer"), data.bytes()).unwrap();
    assert_eq!(Expression::read_value(&written(&newer)), newer);
}

#[test]
fn data_of_another_kind_are_kept() {
    let mut nest = Writer::new();
    nest.bytes_attribute(7, b"newer");
    let data = Data::read::<Big>(nest.bytes()).unwrap();
    assert_eq!(data, Data::Unknown(nest.bytes().to_vec()));
    let mut long = Writer::new();
    long.bytes_attribute(1, &[1; 65]);
    let data = Data::read::<Big>(long.bytes()).unwrap();
    let mut again = Writer::new();
    data.write::<Big>(&mut again);
    assert_eq!(again.bytes(), long.bytes());
}

#[test]
fn a_verdict_has_a_sign() {
    let jump = VerdictAttrs::into_chain(Verdict::JUMP, "c");
    let mut writer = Writer::new();
    jump.write_attributes(&mut writer);
    assert_eq!(writer.bytes(), b"\x08\0\x01\0\xff\xff\xff\xfd\x06\0\x02\0c\0\0\0");
}

/// Reading must neither overflow the stack nor take long, however deep expressions are nested.
#[test]
fn nesting_has_an_end() {
    let mut nested = written(&counter());
    for _ in 0..1500 {
        let mut writer = Writer::new();
        writer.bytes_attribute(NAME, b"inner\0");
        let data = writer.begin_nest(DATA);
        let inner = writer.begin_nest(5);
        writer.push(&nested);
        writer.end_nest(inner);
        writer.end_nest(data);
        if writer.check().is_err() {
            break;
        }
        nested = writer.bytes().to_vec();
    }
    let read = Expression::read_value(&nested);
    let Expression::Inner(InnerAttrs { expression: Some(inner), .. }) = &read else { panic!("{read:?}") };
    assert!(matches!(&**inner, Expression::Unknown { name, .. } if name == "inner"));
    assert_eq!(written(&read), nested);
}

#[test]
fn no_bytes_make_it_panic() {
    for expression in all().into_iter().chain(carrying()) {
        let bytes = written(&expression);
        for place in 0..bytes.len() {
            for change in [0, 1, 4, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] = change;
                check_hostile(&changed);
                check_hostile(&changed[..place]);
            }
        }
    }
}

fn check_hostile(bytes: &[u8]) {
    if let Ok(expression) = <Expression as Value>::read::<Big>(bytes) {
        let rule = [expression.clone(), expression];
        assert_eq!(crate::bytecode::bytecode(&rule, crate::bytecode::Form::Bytes).len(), 2);
        written(&rule[0]);
    }
}

/// The kernel dumps flags of 0 with a header that is written to, and takes none.
#[test]
fn a_written_header_is_sent_without_flags() {
    let write =
        |flags| written(&ExtensionHeaderAttrs { source: Some(R1), flags, ..Default::default() }.into());
    assert_eq!(write(Some(ExtensionHeaderFlags::empty())), write(None));
    assert_ne!(write(Some(ExtensionHeaderFlags::PRESENT)), write(None));
    let read = ExtensionHeaderAttrs {
        destination: Some(R1),
        flags: Some(ExtensionHeaderFlags::empty()),
        ..Default::default()
    };
    assert_eq!(Expression::read_value(&written(&read.clone().into())), read.into());
}
