use netwright_wire::{Header, MessageFlags};

use super::*;

fn written(request: &impl Request) -> Vec<u8> {
    let mut writer = Writer::new();
    request.write(&mut writer);
    writer.bytes().to_vec()
}

fn find(transport: Transport) -> Find {
    Find { transport, local: ([10, 0, 0, 1], 40000).into(), remote: ([192, 0, 2, 9], 443).into() }
}

#[test]
fn the_sender_stands_first_for_tcp_and_last_for_udp() {
    let tcp = written(&find(Transport::TCP));
    assert_eq!((tcp.len(), &tcp[..4]), (SocketRequest::SIZE, &[2, 6, 0, 0][..]));
    assert_eq!(&tcp[8..12], [0x9c, 0x40, 0x01, 0xbb]);
    assert_eq!((&tcp[12..16], &tcp[28..32]), (&[10, 0, 0, 1][..], &[192, 0, 2, 9][..]));
    let udp = written(&find(Transport::UDP));
    assert_eq!(&udp[8..12], [0x01, 0xbb, 0x9c, 0x40]);
    assert_eq!(udp[48..], [0xff; 8]);
}

#[test]
fn an_answer_is_read() {
    let mut payload = vec![2, 2, 1, 0, 0x9c, 0x40, 0x01, 0xbb, 10, 0, 0, 1];
    payload.extend([0; 12]);
    payload.extend([192, 0, 2, 9]);
    payload.extend([0; 12 + 4 + 8 + 12]);
    payload.extend(1000u32.to_ne_bytes());
    payload.extend(4711u32.to_ne_bytes());
    assert_eq!(payload.len(), SocketHeader::SIZE);
    let header = Header { length: 88, kind: BY_FAMILY, flags: MessageFlags::empty(), sequence: 1, port: 0 };
    let socket = find(Transport::TCP).read(&Message { header, payload: &payload }).unwrap();
    let expected = Socket {
        state: SocketState::SYN_SENT,
        local: ([10, 0, 0, 1], 40000).into(),
        remote: ([192, 0, 2, 9], 443).into(),
        user: 1000,
        inode: 4711,
    };
    assert_eq!(socket, expected);
}
