use super::*;
use crate::{Header, Writer};

#[test]
fn what_follows_a_fixed_struct_is_found() {
    let mut writer = Writer::new();
    let mark = writer.begin_message(24, MessageFlags::REQUEST, 3);
    writer.push(&[1, 2, 3, 0]);
    writer.attribute::<crate::Native, _>(1, &5u32);
    writer.end_message(mark);
    let message = Messages::new(writer.bytes()).next().unwrap().unwrap();
    let head = Header { length: 28, kind: 24, flags: MessageFlags::REQUEST, sequence: 3, port: 0 };
    assert_eq!(message.header, head);
    for size in [3, 4] {
        let found = message.attributes_after(size).find(1).unwrap().unwrap();
        assert_eq!(found.native::<u32>(), Ok(5));
    }
    for beyond in [13, 1000, usize::MAX] {
        assert_eq!(message.bytes_after(beyond), b"");
    }
    assert_eq!(message.fixed::<u32>(), Ok(u32::from_ne_bytes([1, 2, 3, 0])));
}
