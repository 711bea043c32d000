//! TUN and TAP interfaces as streams of packets.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::runtime::Handle;

use crate::{Cause, Error, Namespace, Result, Tun};

/// An open TUN or TAP interface for tasks of tokio, from [`AsyncTun::open`]. One read gives one packet, one write sends one;
/// several tasks may do so at once through a shared reference.
#[derive(Debug)]
pub struct AsyncTun {
    device: AsyncFd<OwnedFd>,
    name: String,
}

impl AsyncTun {
    /// Opens an interface, as [`Tun::open`]. Fails outside a runtime of tokio.
    pub async fn open(tun: Tun, namespace: &Namespace) -> Result<Self> {
        let namespace = namespace.clone();
        let (device, name) = super::blocking(move || tun.open(&namespace)).await??;
        AsyncTun::new(device, name)
    }

    /// Takes an open device over. Fails outside a runtime of tokio.
    pub fn new(device: OwnedFd, name: String) -> Result<Self> {
        let failed = |cause: Cause| Error::new(format!("register the device of {name} with tokio"), cause);
        if let Err(error) = Handle::try_current() {
            return Err(failed(Cause::Invalid(error.to_string())));
        }
        rustix::io::ioctl_fionbio(&device, true).map_err(|errno| failed(errno.into()))?;
        // As for sockets: the newer function's condition holds.
        #[allow(deprecated)]
        let device = AsyncFd::with_interest(device, Interest::READABLE | Interest::WRITABLE);
        let device = device.map_err(|error| failed(error.into()))?;
        Ok(AsyncTun { device, name })
    }

    /// The name of the interface.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Receives a packet that the interface sends; its length. What does not fit into the buffer is lost.
    pub async fn receive(&self, packet: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.device.readable().await?;
            if let Ok(read) = ready.try_io(|device| Ok(rustix::io::read(device.get_ref(), &mut *packet)?)) {
                return read;
            }
        }
    }

    /// Has the interface receive a packet.
    pub async fn send(&self, packet: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.device.writable().await?;
            if let Ok(written) = ready.try_io(|device| Ok(rustix::io::write(device.get_ref(), packet)?)) {
                return written;
            }
        }
    }
}

impl AsFd for AsyncTun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.get_ref().as_fd()
    }
}

impl AsyncRead for AsyncTun {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.device.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            if let Ok(read) = ready.try_io(|device| Ok(rustix::io::read(device.get_ref(), &mut *room)?)) {
                return Poll::Ready(read.map(|length| buffer.advance(length)));
            }
        }
    }
}

impl AsyncWrite for AsyncTun {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, packet: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.device.poll_write_ready(context))?;
            if let Ok(written) = ready.try_io(|device| Ok(rustix::io::write(device.get_ref(), packet)?)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // nothing is held back
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
