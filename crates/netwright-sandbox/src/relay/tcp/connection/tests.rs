use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::relay::allowance::Allowance;

const LENGTH: usize = 2 * PORTION;

/// Both ends of a connection; the second takes so many bytes before it is read from.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 2 * LENGTH).unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (connecting, listener.accept().unwrap().0)
}

fn arrives(end: &TcpStream) {
    let mut buffer = vec![0; LENGTH];
    while end.peek(&mut buffer).unwrap() < LENGTH {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_reset_behind_full_portions_is_passed_on() {
    for is_alone in [true, false] {
        let (inside, mut client) = pair();
        let (mut server, outside) = pair();
        server.write_all(&[7; LENGTH]).unwrap();
        arrives(&outside);
        sockopt::set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        drop(server);

        let permit = Allowance::of_process().take(2).unwrap();
        let outside = Outside { socket: outside.into(), permit, tuple: None, judged: 0 };
        let mut connection = Connection::new(inside.into(), outside);
        connection.note(INSIDE, EventFlags::OUT);
        connection.note(OUTSIDE, EventFlags::IN | EventFlags::OUT | EventFlags::HUP | EventFlags::ERR);
        let mut carried = 0;
        let turn = connection.turn(&mut Buffers::default(), is_alone, |end, bytes| {
            assert_eq!(end, INSIDE);
            carried += bytes;
        });
        assert_eq!((turn, carried), (Turn::Over, LENGTH), "alone: {is_alone}");
        drop(connection);

        let mut heard = Vec::new();
        let end = client.read_to_end(&mut heard).map_err(|error| error.kind());
        assert_eq!((end, heard.len()), (Err(ErrorKind::ConnectionReset), LENGTH), "alone: {is_alone}");
    }
}
