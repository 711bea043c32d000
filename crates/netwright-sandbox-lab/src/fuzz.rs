//! What the fuzzers run of a sandbox: everything that its supervisor reads of what a command or a network that nobody trusts can send.

mod icmp;
mod learned;
mod log;
mod packet;
mod resolver;
mod stream;

use netwright_lab::fuzz::Target;

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "icmp", run: icmp, seeds: icmp::seeds },
    Target { name: "learned", run: learned, seeds: learned::seeds },
    Target { name: "log", run: log, seeds: log::seeds },
    Target { name: "packet", run: packet, seeds: packet::seeds },
    Target { name: "resolver", run: resolver, seeds: resolver::seeds },
    Target { name: "stream", run: stream, seeds: stream::seeds },
];

/// A network answers the echo requests of a command.
pub fn icmp(data: &[u8]) {
    icmp::run(data);
}

/// What a command does is learned, and becomes a policy file.
pub fn learned(data: &[u8]) {
    learned::run(data);
}

/// Messages about packets that the filter has logged.
pub fn log(data: &[u8]) {
    log::run(data);
}

/// A packet that the filter has logged.
pub fn packet(data: &[u8]) {
    packet::run(data);
}

/// A question and a name server's answer to it go through the resolver.
pub fn resolver(data: &[u8]) {
    resolver::run(data);
}

/// A client and a name server send messages of DNS over TCP.
pub fn stream(data: &[u8]) {
    stream::run(data);
}
