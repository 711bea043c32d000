//! The kernel's settings of a namespace: forwarding, and those of each interface.

use netwright_route::settings::{Key, Of, Setting, SettingValue};
use netwright_sys::{Cause, Error, Sysctl};

use crate::Result;

/// Settings of a namespace, from [`Net::settings`](crate::Net::settings). They are files, so reading and writing them
/// blocks for as long as the kernel needs, which is next to nothing.
///
/// ```no_run
/// use netwright::route::settings::{Of, ipv4};
///
/// let settings = netwright::Net::open()?.settings();
/// settings.set_forwarding(true)?;
/// settings.set(&ipv4::RP_FILTER, Of::Interface("eth0"), netwright::route::settings::ReversePathFilter::STRICT)?;
/// # Ok::<(), netwright::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    sysctl: Sysctl,
}

impl Settings {
    pub(crate) fn new(sysctl: Sysctl) -> Self {
        Settings { sysctl }
    }

    /// Whether packets are forwarded: IPv4 and IPv6.
    pub fn forwarding(&self) -> Result<(bool, bool)> {
        let on = |key: &[&str]| Ok::<_, Error>(self.sysctl.read_as::<i32>(key)? != 0);
        Ok((on(&IPV4_FORWARDING)?, on(&IPV6_FORWARDING)?))
    }

    /// Forwards packets of IPv4 and IPv6, or does not. The kernel sets it for every interface, present and future, and
    /// resets other settings of IPv4 interfaces to what fits a router or a host.
    pub fn set_forwarding(&self, on: bool) -> Result<()> {
        self.sysctl.write(&IPV4_FORWARDING, u8::from(on))?;
        self.sysctl.write(&IPV6_FORWARDING, u8::from(on))
    }

    /// A setting's value.
    pub fn get<T: SettingValue>(&self, setting: &Setting<T>, of: Of<'_>) -> Result<T> {
        let text = self.sysctl.read(&setting.path(of))?;
        setting.value(&text).map_err(|error| invalid("read", &setting.key, of, &error))
    }

    /// Changes a setting.
    pub fn set<T: SettingValue>(&self, setting: &Setting<T>, of: Of<'_>, value: T) -> Result<()> {
        let text = setting.text(&value).map_err(|error| invalid("set", &setting.key, of, &error))?;
        self.sysctl.write(&setting.path(of), text)
    }

    /// The files themselves, for what has no typed setting.
    #[must_use]
    pub fn sysctl(&self) -> &Sysctl {
        &self.sysctl
    }
}

const IPV4_FORWARDING: [&str; 2] = ["ipv4", "ip_forward"];
const IPV6_FORWARDING: [&str; 4] = ["ipv6", "conf", "all", "forwarding"];

fn invalid(verb: &str, key: &Key, of: Of<'_>, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("{verb} {}", key.path(of).join("/")), Cause::Invalid(error.to_string()))
}
