//! A server for very many connections by one thread: it sends back what comes.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll;
use rustix::fd::AsRawFd;

use super::running::Running;
use netwright_lab::Failure;

/// Its port, at every address.
pub const CROWD_PORT: u16 = 7000;

/// Starts it in the namespace of the calling thread.
pub(super) fn serve() -> Result<Running, Failure> {
    let listener = TcpListener::bind(("::", CROWD_PORT))?;
    listener.set_nonblocking(true)?;
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watch = |socket: &dyn AsFd, data: u64| {
        epoll::add(&ready, socket.as_fd(), epoll::EventData::new_u64(data), epoll::EventFlags::IN)
    };
    watch(&listener, 0)?;
    let mut crowd = Crowd { listener, connections: HashMap::new() };
    // The set is itself readable when one of its sockets is.
    Ok(Running::start("crowd", vec![ready], move |ready| crowd.serve(ready))?)
}

struct Crowd {
    listener: TcpListener,
    connections: HashMap<u64, TcpStream>,
}

impl Crowd {
    fn serve(&mut self, ready: &OwnedFd) {
        const AT_ONCE: usize = 256;
        let mut events = Vec::with_capacity(AT_ONCE);
        let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = epoll::wait(ready, rustix::buffer::spare_capacity(&mut events), Some(&none));
        for event in events {
            match event.data.u64() {
                0 => self.accept(ready),
                number => self.answer(number),
            }
        }
    }

    fn accept(&mut self, ready: &OwnedFd) {
        while let Ok((connection, _)) = self.listener.accept() {
            let number = connection.as_raw_fd().unsigned_abs().into();
            let data = epoll::EventData::new_u64(number);
            let _ = connection.set_nonblocking(true);
            if epoll::add(ready, &connection, data, epoll::EventFlags::IN).is_ok() {
                self.connections.insert(number, connection);
            }
        }
    }

    fn answer(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let mut buffer = [0; 4096];
        let gone = match connection.read(&mut buffer) {
            Ok(0) => true,
            Ok(length) => connection.write_all(buffer.get(..length).unwrap_or_default()).is_err(),
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        if gone {
            self.connections.remove(&number); // which takes it out of the set, too
        }
    }
}
