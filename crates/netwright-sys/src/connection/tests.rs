use std::fmt;

use netwright_wire::{Errno, Subject, Text};

use super::*;
use crate::protocol;
use crate::socket::tests::CALLS;

/// Asks for the link of this name, or for all of them where it is empty. Reading needs no privilege.
struct Links(Vec<u8>);

impl Subject for Links {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("look at lo")
    }
}

impl Request for Links {
    const PROTOCOL: i32 = protocol::ROUTE;

    fn kind(&self) -> u16 {
        libc::RTM_GETLINK
    }

    fn write(&self, writer: &mut Writer) {
        writer.push(&[0; 16]);
        if !self.0.is_empty() {
            writer.bytes_attribute(libc::IFLA_IFNAME, &self.0);
        }
    }
}

impl Query for Links {
    type Output = usize;

    fn read(&self, message: &Message<'_>) -> std::result::Result<usize, Malformed> {
        Ok(message.payload.len())
    }
}

impl Acknowledged for Links {}

impl Dump for Links {
    type View<'a> = Text<'a>;
    type Output = ();

    fn view<'a>(&self, message: &Message<'a>) -> std::result::Result<Option<Text<'a>>, Malformed> {
        Ok(Some(Text(message.payload)))
    }

    fn own(&self, _: Text<'_>) -> std::result::Result<(), Malformed> {
        Ok(())
    }
}

fn loopback() -> Links {
    Links(b"lo\0".to_vec())
}

fn all() -> Links {
    Links(Vec::new())
}

fn calls(action: impl FnOnce()) -> usize {
    let before = CALLS.get();
    action();
    CALLS.get() - before
}

#[test]
fn a_simple_request_makes_two_system_calls() {
    let mut connection = Connection::open(protocol::ROUTE).unwrap();
    assert_eq!(calls(|| assert!(connection.query(&loopback()).is_ok())), 2);
    // A lookup is acknowledged too, behind its answer: one call more, since it has two.
    assert_eq!(calls(|| assert!(connection.acknowledge(&loopback()).is_ok())), 3);
    let nothing = Links(b"nothing\0".to_vec());
    assert_eq!(calls(|| assert!(connection.query(&nothing).is_err())), 2);
}

#[test]
fn what_is_too_long_is_not_sent() {
    let mut connection = Connection::open(protocol::ROUTE).unwrap();
    let long = Links(vec![b'x'; 70_000]);
    let sent = calls(|| {
        assert!(matches!(connection.query(&long).unwrap_err().cause(), Cause::Unsendable(_)));
    });
    assert_eq!(sent, 0);
    let many = [loopback(), long, loopback()];
    let failures = connection.send_many(&many).unwrap();
    assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1]);
    assert!(matches!(failures[0].error.cause(), Cause::Unsendable(_)));
    let failures = connection.send_many(&many[1..2]).unwrap();
    assert_eq!(failures.len(), 1);
}

#[test]
fn a_cut_answer_is_asked_for_again() {
    let mut connection = Connection::open(protocol::ROUTE).unwrap();
    connection.buffer = vec![0; 40];
    assert_eq!(calls(|| assert!(connection.query(&loopback()).is_ok())), 5); // send, cut, empty; send, whole
    connection.buffer = vec![0; 40];
    assert!(!connection.dump_all(&all()).unwrap().is_empty());
    connection.buffer = vec![0; 40];
    let cut = connection.dump(&all(), |_| Ok(ControlFlow::Continue(())));
    assert!(matches!(cut.unwrap_err().cause(), Cause::Truncated { length } if *length > 40));
    assert!(connection.query(&loopback()).is_ok());
}

#[test]
fn a_dump_is_given_up_after_ten_interruptions() {
    let mut connection = Connection::open(protocol::ROUTE).unwrap();
    let interrupted = Cause::Interrupted { tries: 1 };
    for tries in 1..DUMP_TRIES {
        connection.may_repeat(&loopback(), interrupted.clone(), tries).unwrap();
    }
    let error = connection.may_repeat(&loopback(), interrupted, DUMP_TRIES).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot look at lo: the objects changed while they were listed, 10 times in a row"
    );
    let refused = Cause::System(Errno::ENOENT);
    assert!(connection.may_repeat(&loopback(), refused, 1).is_err());
}

#[test]
fn a_reader_that_fails_leaves_the_connection_usable() {
    let mut connection = Connection::open(protocol::ROUTE).unwrap();
    for _ in 0..2 {
        let wrong = Malformed::new("a link", 9, 1);
        let error = connection.dump(&all(), |_| Err(wrong.clone())).unwrap_err();
        assert_eq!(*error.cause(), Cause::Malformed(wrong));
        assert!(connection.query(&loopback()).is_ok());
    }
}
