use super::*;

fn sockets() -> Vec<SocketRequest> {
    let ipv6 = "[fe80::1%3]:53".parse().unwrap();
    vec![
        SocketRequest::tcp(false),
        SocketRequest {
            nonblocking: true,
            v6_only: Some(true),
            bind: Some(ipv6),
            ..SocketRequest::udp(true)
        },
        SocketRequest {
            transparent: true,
            mark: Some(0x6e77),
            listen: Some(u16::MAX),
            v6_only: Some(false),
            connect: Some("192.0.2.1:80".parse().unwrap()),
            receive_buffer: Some(u32::MAX),
            send_buffer: Some(0),
            ..SocketRequest::raw(false)
        },
    ]
}

fn requests() -> Vec<Request> {
    let masks = [
        MaskKind::File,
        MaskKind::Directory,
        MaskKind::ReadOnly,
        MaskKind::Devices,
        MaskKind::AllReadOnly,
        MaskKind::Writable,
        MaskKind::Private,
        MaskKind::System,
    ];
    let masks = masks.map(Request::Mask);
    let sockets = sockets().into_iter().map(Request::Socket);
    [Request::Begin, Request::Pair, Request::Settle, Request::Sysctl]
        .into_iter()
        .chain(masks)
        .chain(sockets)
        .collect()
}

#[test]
fn requests_are_read_as_they_were_written() {
    for request in requests() {
        let fields = request.write();
        assert!(fields.bytes().len() < FIELDS, "{request:?}");
        let message = [fields.bytes(), b"text\0"].concat();
        assert_eq!(Request::read(&message), Some((request, 5)));
    }
}

#[test]
fn cut_and_foreign_requests_are_refused() {
    assert_eq!(Request::read(b""), None);
    assert_eq!(Request::read(b"\0"), None);
    assert_eq!(Request::read(b"\xff"), None);
    for request in sockets() {
        let fields = Request::Socket(request).write();
        let bytes = fields.bytes();
        assert!((0..bytes.len()).all(|length| Request::read(&bytes[..length]).is_none()));
        for (at, value) in (0..bytes.len()).flat_map(|at| (0..=u8::MAX).map(move |value| (at, value))) {
            let mut changed = bytes.to_vec();
            changed[at] = value;
            // Whatever is read is one of the values that there are: written again, it is read as the same.
            if let Some((read, text)) = Request::read(&changed) {
                assert_eq!(Request::read(read.write().bytes()), Some((read, 0)), "{text}");
            }
        }
    }
}

#[test]
fn answers_are_read_as_they_were_written() {
    for (number, &step) in Step::ALL.iter().enumerate() {
        assert_eq!(step as usize, number);
        let answer = Answer { step, errno: -5 };
        assert_eq!(Answer::read(answer.write().bytes()), Some(answer));
    }
    assert_eq!(Answer::read(&[Step::ALL.len() as u8, 0, 0, 0, 0]), None);
    assert_eq!(Answer::read(&[0, 0, 0, 0]), None);
    assert_eq!(Answer::read(&[0, 0, 0, 0, 0, 0]), None);
}
