//! Names with addresses of their own.

use std::net::IpAddr;

use super::name::Name;

/// A list of names and addresses, as in `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts(Vec<(Name, IpAddr)>);

impl Hosts {
    /// Of names as text; what is no name is left out.
    pub(super) fn new(hosts: &[(String, IpAddr)]) -> Self {
        Self(hosts.iter().filter_map(|(name, address)| Some((Name::from_text(name)?, *address))).collect())
    }

    /// The addresses of a name; `None` where it is not listed.
    pub(super) fn addresses(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let addresses: Vec<IpAddr> =
            self.0.iter().filter(|(known, _)| known == name).map(|(_, address)| *address).collect();
        (!addresses.is_empty()).then_some(addresses)
    }

    /// The first name of an address.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<Name> {
        self.0.iter().find(|(_, known)| *known == address).map(|(name, _)| name.clone())
    }
}
