//! The world of one test.

use netwright_route::route::{Lookup, RouteKind};
use netwright_sys::Namespace;

use crate::{Failure, Node, wait_until};

/// The world of one test: the host, which is the namespace of the test's thread, and neighbours behind its links.
#[derive(Debug)]
pub struct Lab {
    /// The namespace that the test's thread is in. Its loopback link is up.
    pub host: Node,
}

impl Lab {
    /// The host's addresses on `eth0` after [`Lab::neighbour`].
    pub const HOST: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
    /// The neighbour's addresses.
    pub const NEIGHBOUR: [&str; 2] = ["192.0.2.2", "2001:db8::2"];

    /// A world around the calling thread's namespace, for programs that have moved into one by themselves. Tests are given theirs.
    pub fn around_this_thread() -> Result<Self, Failure> {
        Ok(Lab { host: Node::in_namespace("host", Namespace::current()?)? })
    }

    /// Another namespace, with its loopback link up and nothing else.
    #[track_caller]
    pub fn node(&self, name: &str) -> Result<Node, Failure> {
        Node::in_namespace(name, Namespace::create_anonymous()?)
    }

    /// A neighbour behind the host's `eth0`, at the other end of a veth; both ends are up with addresses
    /// [`Lab::HOST`] and [`Lab::NEIGHBOUR`] (/24 and /64).
    #[track_caller]
    pub fn neighbour(&mut self) -> Result<Node, Failure> {
        let mut neighbour = self.node("neighbour")?;
        self.host.connect("eth0", &mut neighbour, "eth0")?;
        for (node, [v4, v6]) in [(&mut self.host, Lab::HOST), (&mut neighbour, Lab::NEIGHBOUR)] {
            node.address("eth0", &format!("{v4}/24"))?;
            node.address("eth0", &format!("{v6}/64"))?;
            // The kernel leaves the route that takes what comes to it to a worker.
            let own = Lookup::to(v6.parse()?);
            let taken = || Ok((node.look(&own)?.kind == RouteKind::LOCAL).then_some(()));
            wait_until("what comes to an address is taken", taken)?;
        }
        Ok(neighbour)
    }
}
