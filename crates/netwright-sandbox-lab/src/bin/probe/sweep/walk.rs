//! Calls on sockets that nobody thought of: any call on any of some sockets, with any arguments that mean something, one after the other.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use netwright_confine::attempt::{Argument, call, owned, socket};
use netwright_lab::random::Random;

use super::counted;
use super::options::{bind, set};
use crate::net::{send_message, socket_address};
use crate::{Came, Outcome, word};

/// So many sockets are there at a time.
const SOCKETS: usize = 40;
const LEVELS: [i32; 8] = [0, 1, 6, 17, 41, 58, 136, 255];
/// Those by which a source or a link is chosen, and programs of packets are set.
const OPTIONS: [(i32, i32); 16] = [
    (0, 1),
    (0, 4),
    (0, 8),
    (0, 15),
    (0, 19),
    (0, 50),
    (1, 2),
    (1, 15),
    (1, 25),
    (41, 50),
    (41, 54),
    (41, 55),
    (41, 57),
    (41, 59),
    (41, 75),
    (41, 78),
];

/// The walk's number and its length in calls.
pub(super) fn walk(words: &[&str]) -> Outcome {
    let (number, calls) = (word(words, 0)?.parse()?, word(words, 1)?.parse::<usize>()?);
    let mut walk = Walk { random: Random::new(number), sockets: Vec::new(), ports: ports() };
    let mut taken = 0;
    for _ in 0..calls {
        if walk.sockets.is_empty() || walk.random.one_in(8) {
            walk.open();
        } else if walk.step().is_ok() {
            taken += 1;
        }
    }
    counted("random-call", calls);
    Ok(Came::Reached(format!("the end: {taken} of {calls} calls were taken")))
}

struct Walk {
    random: Random,
    sockets: Vec<(OwnedFd, bool)>,
    ports: Vec<u16>,
}

const ADDRESSES_V4: [&str; 12] = [
    "198.51.100.10",
    "203.0.113.66",
    "10.77.0.2",
    "10.77.0.1",
    "127.0.0.1",
    "127.0.0.53",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "169.254.169.254",
    "169.254.1.1",
    "10.77.0.255",
];
const ADDRESSES_V6: [&str; 12] = [
    "2001:db8:10::10",
    "2001:db8:bad::66",
    "2001:db8:77::2",
    "2001:db8:77::1",
    "::1",
    "::",
    "ff02::1",
    "ff0e::1",
    "fe80::1",
    "::ffff:203.0.113.66",
    "::ffff:127.0.0.1",
    "64:ff9b::203.0.113.66",
];

/// Those of the supervisor among them.
fn ports() -> Vec<u16> {
    let mut ports = vec![0, 1, 53, 80, 443, 443, 443, 5000, 6001, 7777, u16::MAX];
    for name in ["udp", "udp6", "tcp", "tcp6"] {
        let sockets = fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        let local =
            sockets.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)?.rsplit(':').next());
        ports.extend(local.filter_map(|port| u16::from_str_radix(port, 16).ok()).take(8));
    }
    ports
}

impl Walk {
    fn open(&mut self) {
        let ipv6 = self.random.one_in(2);
        let ping = if ipv6 { libc::IPPROTO_ICMPV6 } else { libc::IPPROTO_ICMP };
        let (kind, protocol) = *self.random.pick(&[
            (libc::SOCK_STREAM, 0),
            (libc::SOCK_STREAM, 0),
            (libc::SOCK_STREAM, 262),
            (libc::SOCK_DGRAM, 0),
            (libc::SOCK_DGRAM, 0),
            (libc::SOCK_DGRAM, ping),
        ]);
        let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        if let Ok(socket) = socket(family, kind | libc::SOCK_NONBLOCK, protocol) {
            self.sockets.push((socket, ipv6));
        }
        if self.sockets.len() > SOCKETS {
            let at = self.random.below(self.sockets.len());
            self.sockets.swap_remove(at);
        }
    }

    fn address(&mut self, ipv6: bool) -> SocketAddr {
        let ipv6 = ipv6 != self.random.one_in(20);
        let all: &[&str] = if ipv6 { &ADDRESSES_V6 } else { &ADDRESSES_V4 };
        let ip: IpAddr = self.random.pick(all).parse().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        SocketAddr::new(ip, *self.random.pick(&self.ports))
    }

    fn value(&mut self) -> Vec<u8> {
        let bytes = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let (v4, v6) = (bytes(self.address(false).ip()), bytes(self.address(true).ip()));
        let number = *self.random.pick(&[0_i32, 1, 2, -1, 64, 255, 0x6e77]);
        match self.random.below(8) {
            0 | 1 => number.to_ne_bytes().to_vec(),
            2 => self.random.pick(&[b"lo\0".as_slice(), b"eth0\0", b"lower\0", b"\0"]).to_vec(),
            3 => v4,
            4 => [v6.as_slice(), &number.to_ne_bytes()].concat(),
            5 => [&number.to_ne_bytes(), v4.as_slice(), &v4].concat(),
            6 => [&[0, 2, self.random.byte() % 5, 1, 0, 0, 0, 0], v6.as_slice()].concat(),
            _ => [&[131, 7, 4], v4.as_slice(), &[0]].concat(),
        }
    }

    /// Never the text that marks what this run sends: allowed places are reached.
    fn payload(&mut self) -> Vec<u8> {
        let heads: [&[u8]; 3] = [b"\x08\0\0\0\0\x01\0\x01", b"\x80\0\0\0\0\x01\0\x01", b""];
        let head = *self.random.pick(&heads);
        [head, &b"walk".repeat(1 + self.random.below(200))].concat()
    }

    fn step(&mut self) -> std::io::Result<()> {
        let at = self.random.below(self.sockets.len());
        let Some(ipv6) = self.sockets.get(at).map(|(_, ipv6)| *ipv6) else { return Ok(()) };
        let (address, value, data) = (self.address(ipv6), self.value(), self.payload());
        let (level, option) = match self.random.one_in(2) {
            true => *self.random.pick(&OPTIONS),
            false => (*self.random.pick(&LEVELS), self.random.below(130) as i32),
        };
        let flags = *self.random.pick(&[0, 0, libc::MSG_FASTOPEN, libc::MSG_OOB, libc::MSG_MORE])
            | libc::MSG_NOSIGNAL;
        let action = self.random.below(12);
        let Some((socket, _)) = self.sockets.get(at) else { return Ok(()) };
        let name = socket_address(address);
        let fd = socket.as_raw_fd();
        let length = |bytes: &[u8]| Argument::Number(bytes.len() as i64);
        match action {
            0 => bind(socket, address),
            1 => call(libc::SYS_connect, [fd.into(), Argument::Bytes(&name), length(&name)]).map(drop),
            2 | 3 => {
                let to = [
                    fd.into(),
                    Argument::Bytes(&data),
                    length(&data),
                    flags.into(),
                    Argument::Bytes(&name),
                    length(&name),
                ];
                call(libc::SYS_sendto, to).map(drop)
            }
            4 => call(
                libc::SYS_sendto,
                [fd.into(), Argument::Bytes(&data), length(&data), flags.into(), 0.into(), 0.into()],
            )
            .map(drop),
            5 | 6 => match set(socket, level, option, &value) {
                true => Ok(()),
                false => Err(std::io::Error::last_os_error()),
            },
            7 => {
                /// `sizeof(struct cmsghdr)`
                const HEAD: usize = 16;
                let head = ((HEAD + value.len()) as u64).to_ne_bytes();
                let mut control =
                    [head.as_slice(), &level.to_ne_bytes(), &option.to_ne_bytes(), &value].concat();
                control.resize(control.len().next_multiple_of(8), 0);
                send_message(socket, &name, &data, &control, flags).map(drop)
            }
            8 => call(libc::SYS_listen, [fd.into(), 3.into()]).map(drop),
            9 => {
                let accepted =
                    call(libc::SYS_accept4, [fd.into(), 0.into(), 0.into(), libc::SOCK_NONBLOCK.into()])?;
                self.sockets.push((owned(accepted), ipv6));
                Ok(())
            }
            10 => {
                let mut room = [0; 2048];
                let into = [
                    fd.into(),
                    Argument::Room(&mut room),
                    2048.into(),
                    libc::MSG_DONTWAIT.into(),
                    0.into(),
                    0.into(),
                ];
                call(libc::SYS_recvfrom, into).map(drop)
            }
            _ => call(libc::SYS_shutdown, [fd.into(), i64::from(option % 3).into()]).map(drop),
        }
    }
}
