//! What is hooked into the packet's way: base chains, flow tables, functions of kernel modules.
//!
//! The kernel tells it where it has `CONFIG_NETFILTER_NETLINK_HOOK`.

use std::fmt;

use netwright_wire::{Big, Dump, Malformed, Message, Request, Subject, Value, Writer};

use crate::item::lacks;
use crate::message::subsystem;
use crate::{Family, Hook, NetfilterHeader};

netwright_wire::open_enum! {
    /// What has put a function at a hook (`enum nfnl_hook_chaintype`).
    pub struct HookedKind(u32) {
        /// A base chain.
        #[doc(alias = "NFNL_HOOK_TYPE_NFTABLES")]
        CHAIN = 1 "chain",
        /// A BPF program.
        #[doc(alias = "NFNL_HOOK_TYPE_BPF")]
        BPF = 2 "bpf",
        /// A flow table.
        #[doc(alias = "NFNL_HOOK_TYPE_NFT_FLOWTABLE")]
        FLOWTABLE = 3 "flowtable",
    }
}

netwright_wire::attrs! {
    /// A function at a hook (`enum nfnl_hook_attributes`).
    pub struct HookedAttrs, HookedView: Big {
        /// Number of the hook in the family, see [`Hook`].
        NFNLA_HOOK_HOOKNUM = 1 => number: u32,
        /// Lower comes first.
        NFNLA_HOOK_PRIORITY = 2 => priority: i32,
        /// The device, where there is one.
        NFNLA_HOOK_DEV = 3 => device: String,
        /// Name of the function in the kernel.
        NFNLA_HOOK_FUNCTION_NAME = 4 => function: String,
        /// The module that it is in, where it is not in the kernel itself.
        NFNLA_HOOK_MODULE_NAME = 5 => module: String,
        NFNLA_HOOK_CHAIN_INFO = 6 => owner: HookedOwnerAttrs,
    }

    /// What has put it there (`enum nfnl_hook_chain_info_attributes`).
    pub struct HookedOwnerAttrs, HookedOwnerView: Big {
        /// Attributes whose meaning depends on the kind: of chains and flow tables [`HookedNameAttrs`].
        NFNLA_HOOK_INFO_DESC = 1 => description: Vec<u8>,
        NFNLA_HOOK_INFO_TYPE = 2 => kind: HookedKind,
    }

    /// Which base chain or flow table (`enum nfnl_hook_chain_desc_attributes`).
    pub struct HookedNameAttrs, HookedNameView: Big {
        NFNLA_CHAIN_TABLE = 1 => table: String,
        NFNLA_CHAIN_FAMILY = 2 => family: Family,
        NFNLA_CHAIN_NAME = 3 => name: String,
    }

    /// Which BPF program (`enum nfnl_hook_bpf_attributes`).
    pub struct HookedBpfAttrs, HookedBpfView: Big { NFNLA_HOOK_BPF_ID = 1 => program: u32 }
}

/// What has put a function at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookedOwner {
    /// A base chain.
    Chain {
        /// Family of its table.
        family: Family,
        /// Its table.
        table: String,
        /// Name.
        name: String,
    },
    /// A flow table.
    Flowtable {
        /// Family of its table.
        family: Family,
        /// Its table.
        table: String,
        /// Name.
        name: String,
    },
    /// A BPF program, by the kernel's number.
    Bpf(u32),
}

/// A function that packets pass at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooked {
    /// Whose packets.
    pub family: Family,
    /// Where in their way.
    pub hook: Hook,
    /// Lower comes first.
    pub priority: i32,
    /// Name of the function in the kernel.
    pub function: Option<String>,
    /// The module that it is in, where it is not in the kernel itself.
    pub module: Option<String>,
    /// What has put it there, where that is not the module itself.
    pub owner: Option<HookedOwner>,
}

impl Hooked {
    /// Reads the attributes of a function.
    ///
    /// # Errors
    /// Where they say nothing of hook or priority, or their bytes are not what they should be.
    pub fn from_attributes(family: Family, attributes: HookedAttrs) -> Result<Self, Malformed> {
        let number = attributes.number.ok_or(lacks("the number of a hook"))?;
        Ok(Hooked {
            family,
            hook: Hook::from_number(family, number),
            priority: attributes.priority.ok_or(lacks("the priority of a function at a hook"))?,
            function: attributes.function,
            module: attributes.module,
            owner: attributes.owner.map(owner).transpose()?.flatten(),
        })
    }
}

/// What an owner says of itself; `None` where it is of a kind that came later.
fn owner(attributes: HookedOwnerAttrs) -> Result<Option<HookedOwner>, Malformed> {
    let description = attributes.description.unwrap_or_default();
    let named = || {
        let HookedNameAttrs { table, family, name, .. } = HookedNameAttrs::read::<Big>(&description)?;
        let (table, name) = (table.unwrap_or_default(), name.unwrap_or_default());
        Ok((family.unwrap_or_default(), table, name))
    };
    Ok(match attributes.kind {
        Some(HookedKind::CHAIN) => {
            let (family, table, name) = named()?;
            Some(HookedOwner::Chain { family, table, name })
        }
        Some(HookedKind::FLOWTABLE) => {
            let (family, table, name) = named()?;
            Some(HookedOwner::Flowtable { family, table, name })
        }
        Some(HookedKind::BPF) => HookedBpfAttrs::read::<Big>(&description)?.program.map(HookedOwner::Bpf),
        _ => None,
    })
}

/// The functions at one hook, in the order in which packets pass them.
///
/// A kernel without hooks in this family refuses it with `EINVAL`, `EOPNOTSUPP` or `ENOENT`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a question says nothing until it is asked"]
pub struct ListHooked {
    /// Whose packets: one family, where `inet` stands for no packets of its own.
    pub family: Family,
    /// Where in their way.
    pub hook: Hook,
    /// The device, in the family `netdev`.
    pub device: Option<String>,
}

/// `NFNL_MSG_HOOK_GET` of its subsystem.
const KIND: u16 = subsystem::HOOK << 8;

impl Subject for ListHooked {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list what sits at hook {} of family {}", self.hook.name().unwrap_or("?"), self.family)?;
        self.device.as_ref().map_or(Ok(()), |device| write!(f, " of device {device}"))
    }
}

impl Request for ListHooked {
    const PROTOCOL: i32 = crate::request::NETFILTER;

    fn kind(&self) -> u16 {
        KIND
    }

    fn write(&self, writer: &mut Writer) {
        NetfilterHeader::new(self.family).write::<Big>(writer);
        let attributes = HookedAttrs {
            number: self.hook.number(self.family),
            device: self.device.clone(),
            ..HookedAttrs::default()
        };
        attributes.write_attributes(writer);
    }
}

impl Dump for ListHooked {
    type View<'a> = (Family, HookedAttrs);
    type Output = Hooked;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Self::View<'a>>, Malformed> {
        if message.header.kind != KIND {
            return Ok(None);
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        Ok(Some((header.family, HookedAttrs::read::<Big>(bytes)?)))
    }

    fn own(&self, (family, attributes): Self::View<'_>) -> Result<Hooked, Malformed> {
        Hooked::from_attributes(family, attributes)
    }
}

#[cfg(test)]
mod tests;
