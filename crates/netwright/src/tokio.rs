//! The same operations in tasks of tokio.
//!
//! ```no_run
//! # async fn example() -> Result<(), netwright::Error> {
//! let net = netwright::tokio::open()?;
//! let eth0 = net.links().get("eth0").await?;
//! # let _ = eth0;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;

use netwright_sys::{AsyncConnection, Connection, Namespace, Socket, protocol};
use netwright_wire::Dump;
use tokio::sync::Mutex;

use crate::driver::{Driver, Step};
use crate::{Net, Result};

/// A network namespace to work in, with operations that return futures.
pub type AsyncNet = Net<Tokio>;

/// The network namespace that the calling thread is in. Fails outside a runtime of tokio.
pub fn open() -> Result<AsyncNet> {
    open_in(&Namespace::current()?)
}

/// Another network namespace. Fails outside a runtime of tokio when it is first used.
pub fn open_in(namespace: &Namespace) -> Result<AsyncNet> {
    let (route, netfilter) = (Mutex::default(), Mutex::default());
    Ok(Net::with_driver(Tokio { namespace: namespace.clone(), route, netfilter }))
}

/// Answers with futures. The kernel carries a request out within the system call that sends it, so a single request
/// occupies the thread for as long as the kernel needs; between the parts of a list other tasks have their turn.
#[derive(Debug)]
pub struct Tokio {
    namespace: Namespace,
    route: Mutex<Option<AsyncConnection>>,
    netfilter: Mutex<Option<AsyncConnection>>,
}

impl Tokio {
    fn lazy(&self, protocol: i32) -> &Mutex<Option<AsyncConnection>> {
        if protocol == protocol::NETFILTER { &self.netfilter } else { &self.route }
    }

    fn opened<'c>(
        &self,
        protocol: i32,
        lazy: &'c mut Option<AsyncConnection>,
    ) -> Result<&'c mut AsyncConnection> {
        Ok(match lazy {
            Some(connection) => connection,
            none => none.insert(AsyncConnection::new(Socket::open_in(&self.namespace, protocol)?)?),
        })
    }
}

impl Driver for Tokio {
    type Output<'a, T: 'a> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    fn run<'a, T: Send + 'a>(
        &'a self,
        protocol: i32,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'a,
    ) -> Self::Output<'a, T> {
        Box::pin(async move {
            let mut lazy = self.lazy(protocol).lock().await;
            job(self.opened(protocol, &mut lazy)?.blocking())
        })
    }

    fn list<'a, D>(&'a self, request: D) -> Self::Output<'a, Vec<D::Output>>
    where
        D: Dump + Send + Sync + 'a,
        D::Output: Send,
    {
        Box::pin(async move {
            let mut lazy = self.lazy(D::PROTOCOL).lock().await;
            self.opened(D::PROTOCOL, &mut lazy)?.dump_all(&request).await
        })
    }

    fn each<'a, D, F>(&'a self, request: D, each: F) -> Self::Output<'a, ()>
    where
        D: Dump + Send + Sync + 'a,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a,
    {
        Box::pin(async move {
            let mut lazy = self.lazy(D::PROTOCOL).lock().await;
            self.opened(D::PROTOCOL, &mut lazy)?.dump(&request, each).await
        })
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}
