use std::net::UdpSocket;

use super::*;

/// A port that nobody listens at, on the loopback link.
#[test]
fn tells_who_refused() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    IcmpError::keep(&socket, false).unwrap();
    assert_eq!(IcmpError::take(&socket).unwrap(), None);
    socket.connect(closed).unwrap();
    socket.send(b"anyone?").unwrap();
    let error = IcmpError::take(&socket).unwrap().unwrap();
    let expected =
        IcmpError { errno: Errno::ECONNREFUSED, kind: 3, code: 3, from: Some(Ipv4Addr::LOCALHOST.into()) };
    assert_eq!(error, expected);
}

#[test]
fn survives_short_and_foreign_messages() {
    for length in 0..24 {
        assert_eq!(parse(&vec![0; length]), None);
    }
    let mut local = [0; 32];
    local[4] = libc::SO_EE_ORIGIN_LOCAL;
    assert_eq!(parse(&local), None);
}
