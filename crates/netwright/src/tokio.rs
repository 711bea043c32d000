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
//!
//! No task is held up: what may have to wait for the kernel, which even a small request may, happens on the runtime's threads for
//! blocking work. Requests are written in the task, and callbacks on lists are called in it.
//!
//! A future does nothing until it is polled. One that is dropped half-way gives up its answer; what was sent already is done all
//! the same.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use netwright_sys::asynchronous::AsyncTun;
use netwright_sys::{Failure, Namespace, asynchronous};
use netwright_wire::{Acknowledged, Dump};

use crate::driver::{Blocking, Driver, Lent, Step};
use crate::{Net, Result, watch};

/// A network namespace to work in, with operations that return futures.
pub type AsyncNet = Net<Tokio>;

/// The network namespace that the calling thread is in. Its futures fail outside a runtime of tokio.
pub fn open() -> Result<AsyncNet> {
    open_in(&Namespace::current()?)
}

/// Another network namespace. Its futures fail outside a runtime of tokio.
pub fn open_in(namespace: &Namespace) -> Result<AsyncNet> {
    Ok(Net::with_driver(Tokio { blocking: Blocking::new(namespace.clone()) }))
}

impl AsyncNet {
    /// Follows what changes in the namespace: [`watch`](crate::watch) tells how.
    pub async fn watch(&self, options: impl Into<watch::Options>) -> Result<watch::AsyncWatch> {
        watch::AsyncWatch::open(self.driver().blocking.clone(), options.into()).await
    }
}

/// Answers with futures.
#[derive(Clone, Debug)]
pub struct Tokio {
    blocking: Blocking,
}

impl Driver for Tokio {
    type Output<'a, T: 'a> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    fn with<'a, T: Send + 'static>(
        &'a self,
        job: impl FnOnce(&Blocking) -> Result<T> + Send + 'static,
    ) -> Self::Output<'a, T> {
        let blocking = self.blocking.clone();
        Box::pin(async { asynchronous::blocking(move || job(&blocking)).await? })
    }

    fn lend<'a, S: Lent, T: Send + 'static>(
        &'a self,
        state: &'a mut S,
        job: impl FnOnce(&Blocking, &mut S) -> Result<T> + Send + 'static,
    ) -> Self::Output<'a, T> {
        let blocking = self.blocking.clone();
        Box::pin(async move {
            let mut lent = std::mem::replace(state, S::away());
            let (back, result) = asynchronous::blocking(move || {
                let result = job(&blocking, &mut lent);
                (lent, result)
            })
            .await?;
            *state = back;
            result
        })
    }

    fn each<'a, D, F>(&'a self, request: D, each: F) -> Self::Output<'a, ()>
    where
        D: Dump + Send + Sync + 'static,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a,
    {
        Box::pin(async {
            let blocking = self.blocking.clone();
            let lease = asynchronous::blocking(move || blocking.lease(D::PROTOCOL)).await??;
            asynchronous::dump(lease, Arc::new(request), each).await
        })
    }

    fn send_many<'a, R, I>(&'a self, requests: I) -> Self::Output<'a, Vec<Failure>>
    where
        R: Acknowledged + Send + 'a,
        I: IntoIterator<Item = R, IntoIter: Send + 'a>,
    {
        let requests = requests.into_iter();
        Box::pin(async {
            let blocking = self.blocking.clone();
            let lease = asynchronous::blocking(move || blocking.lease(R::PROTOCOL)).await??;
            asynchronous::send_many(lease, requests).await
        })
    }

    fn namespace(&self) -> &Namespace {
        self.blocking.namespace()
    }
}
