//! TUN and TAP interfaces: they are made by opening `/dev/net/tun`, not by netlink.

use std::fs::File;
use std::os::fd::OwnedFd;

use netwright_wire::{Errno, text};

use crate::ioctl::{self, InterfaceRequest, Number, ioctl};
use crate::{Cause, Error, Namespace, Result};

/// A TUN or TAP interface to be made or opened (`linux/if_tun.h`).
///
/// ```no_run
/// use netwright_sys::{Namespace, Tun};
///
/// let tun = Tun { name: "tun0".into(), ..Tun::default() };
/// tun.create(&Namespace::current()?)?;
/// # Ok::<(), netwright_sys::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "TUNSETIFF")]
pub struct Tun {
    /// Its name, of at most 15 bytes. The kernel chooses one where it is empty, and numbers a name with `%d` in it.
    pub name: String,
    /// Index to have when it is made; the kernel chooses one where it is `None`.
    pub index: Option<u32>,
    /// Whether it carries Ethernet frames (TAP) instead of IP packets (TUN).
    pub ethernet: bool,
    /// User who may open it; everybody who may configure the network where it is `None`.
    pub owner: Option<u32>,
    /// Group whose members may open it.
    pub group: Option<u32>,
    /// Whether packets have four bytes of protocol information in front.
    pub packet_information: bool,
    /// Whether packets have a virtio header in front.
    pub virtio_header: bool,
    /// Whether it can be opened several times, for a queue each.
    pub multiple_queues: bool,
}

impl Tun {
    /// Makes one that stays until it is deleted, and tells its name. An error where there is one of that name.
    pub fn create(&self, namespace: &Namespace) -> Result<String> {
        let (device, name) =
            self.attach(namespace, libc::IFF_TUN_EXCL).map_err(|cause| self.failed(cause))?;
        let persistent = || {
            let settings = [(ioctl::TUNSETOWNER, self.owner), (ioctl::TUNSETGROUP, self.group)];
            for (request, user) in settings.into_iter().filter_map(|(request, user)| Some((request, user?))) {
                ioctl(&device, &request, &mut Number(user.into()))?;
            }
            ioctl(&device, &ioctl::TUNSETPERSIST, &mut Number(1))
        };
        persistent().map_err(|errno| self.failed(errno.into()))?;
        Ok(name)
    }

    /// Opens the one of that name, or makes one that ends with the descriptor. What is written to the descriptor is
    /// received by the interface, what the interface sends is read from it, one packet each time.
    pub fn open(&self, namespace: &Namespace) -> Result<(OwnedFd, String)> {
        self.attach(namespace, 0).map_err(|cause| self.failed(cause))
    }

    /// The device belongs to the namespace of the thread that opens it.
    fn attach(&self, namespace: &Namespace, flags: i32) -> std::result::Result<(OwnedFd, String), Cause> {
        let mut request =
            InterfaceRequest { name: self.interface()?, flags: self.flags() | flags as u16, rest: [0; 22] };
        let open = || File::options().read(true).write(true).open("/dev/net/tun");
        let device = match namespace.is_current() {
            true => open(),
            false => namespace.run(open).map_err(|error| error.cause().clone())?,
        };
        let device = OwnedFd::from(device?);
        if let Some(mut index) = self.index {
            ioctl(&device, &ioctl::TUNSETIFINDEX, &mut index)?;
        }
        ioctl(&device, &ioctl::TUNSETIFF, &mut request)?;
        let name = request.name.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok((device, text::from_bytes(name).into_owned()))
    }

    fn interface(&self) -> std::result::Result<[u8; libc::IFNAMSIZ], Cause> {
        let mut name = [0; libc::IFNAMSIZ];
        let bytes = text::to_bytes(&self.name);
        match name.get_mut(..bytes.len()) {
            Some(place) if bytes.len() < libc::IFNAMSIZ && !bytes.contains(&0) => {
                place.copy_from_slice(&bytes);
                Ok(name)
            }
            _ => Err(Cause::Invalid("a name has at most 15 bytes and no NUL".into())),
        }
    }

    fn flags(&self) -> u16 {
        let flag = |on: bool, flag: i32| if on { flag } else { 0 };
        let flags = flag(self.ethernet, libc::IFF_TAP)
            | flag(!self.ethernet, libc::IFF_TUN)
            | flag(!self.packet_information, libc::IFF_NO_PI)
            | flag(self.virtio_header, libc::IFF_VNET_HDR)
            | flag(self.multiple_queues, libc::IFF_MULTI_QUEUE);
        flags as u16
    }

    fn failed(&self, cause: Cause) -> Error {
        let kind = if self.ethernet { "tap" } else { "tun" };
        let error = Error::new(format!("create {kind} link {}", self.name), cause);
        match error.errno() {
            Some(Errno::ENOENT | Errno::ENODEV) => {
                error.with_help("The kernel has no /dev/net/tun here: `modprobe tun`, or give the container the device.")
            }
            Some(Errno::EACCES) => error.with_help("The device file /dev/net/tun is not for this user: run it as root, or change who may open it."),
            Some(Errno::EBUSY) => error.with_help("There is an interface of that name already."),
            Some(Errno::EINVAL) => error.with_help("The name is not one, or belongs to an interface of another kind."),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests;
