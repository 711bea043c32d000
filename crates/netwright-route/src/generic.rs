//! Generic netlink: families that are numbered at run time (`linux/genetlink.h`), and how to find one's number.
//!
//! ```no_run
//! use netwright_route::generic::FindFamily;
//!
//! let request = FindFamily::named("wireguard");
//! // net.driver().query(request)?.id is then the type of the family's messages
//! # let _ = request;
//! ```

use std::fmt;

use netwright_wire::{ListItem, Malformed, Message, Native, Query, Request, Subject, Value, Writer};

use crate::message::{refuse_empty, unexpected, write_header};

/// The netlink protocol of these requests (`NETLINK_GENERIC`).
pub const GENERIC_PROTOCOL: i32 = 16;

/// Type of the messages of the family that knows the others (`GENL_ID_CTRL`).
const CONTROL: u16 = 16;
/// `CTRL_CMD_NEWFAMILY`
const NEW_FAMILY: u8 = 1;
/// `CTRL_CMD_GETFAMILY`
const GET_FAMILY: u8 = 3;

netwright_wire::header! {
    /// `struct genlmsghdr`, which begins every message of a family.
    pub struct GenericHeader: Native {
        /// What is asked or told, a number of the family's own.
        command: u8,
        /// Version of the family's interface.
        version: u8,
        reserved: u16,
    }
}

netwright_wire::attrs! {
    /// Attributes of a family (`CTRL_ATTR_*`).
    pub struct FamilyAttrs, FamilyAttrsView: Native {
        /// Number.
        CTRL_ATTR_FAMILY_ID = 1 => id: u16,
        /// Name.
        CTRL_ATTR_FAMILY_NAME = 2 => name: String,
        /// Version.
        CTRL_ATTR_VERSION = 3 => version: u32,
        /// Bytes of the fixed struct behind [`GenericHeader`].
        CTRL_ATTR_HDRSIZE = 4 => header_size: u32,
        /// The largest type of its attributes.
        CTRL_ATTR_MAXATTR = 5 => largest_attribute: u32,
        /// Its commands.
        CTRL_ATTR_OPS = 6 => commands: crate::RawNest,
        /// Groups that notifications are sent to.
        CTRL_ATTR_MCAST_GROUPS = 7 => groups: Vec<GroupAttrs>,
    }

    /// Attributes of a group (`CTRL_ATTR_MCAST_GRP_*`).
    pub struct GroupAttrs, GroupAttrsView: Native {
        /// Name.
        CTRL_ATTR_MCAST_GRP_NAME = 1 => name: String,
        /// Number, to join it by.
        CTRL_ATTR_MCAST_GRP_ID = 2 => id: u32,
    }
}

/// Groups stand in their list under their position; the first is enough to tell that there are any, so the list is read whole
/// by [`GenericFamily`].
impl ListItem for GroupAttrs {
    const KIND: u16 = 1;
}

/// A family of generic netlink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenericFamily {
    /// Type of its messages, until it is unloaded.
    pub id: u16,
    /// Name.
    pub name: String,
    /// Version.
    pub version: u32,
    /// Bytes of the fixed struct behind [`GenericHeader`].
    pub header_size: u32,
    /// Groups that notifications are sent to, with the numbers to join them by.
    pub groups: Vec<(String, u32)>,
}

/// [`GenericFamily`] by the name that it had.
#[deprecated(note = "is called GenericFamily, as Family is of addresses")]
pub type Family = GenericFamily;

impl GenericFamily {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let view = FamilyAttrsView::new(bytes);
        let mut groups = Vec::new();
        if let Some(list) = view.groups()? {
            for group in list.attributes() {
                let group = GroupAttrs::read::<Native>(group?.payload)?;
                groups.extend(group.name.zip(group.id));
            }
        }
        Ok(GenericFamily {
            id: view.id()?.unwrap_or_default(),
            name: view.name()?.map(|name| name.to_string()).unwrap_or_default(),
            version: view.version()?.unwrap_or_default(),
            header_size: view.header_size()?.unwrap_or_default(),
            groups,
        })
    }
}

/// Asks for a family by its name. The kernel loads the module that has it, where it may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "CTRL_CMD_GETFAMILY")]
pub struct FindFamily {
    /// The name, such as `wireguard`, `ethtool` or `nl80211`.
    pub name: String,
}

impl FindFamily {
    /// Asks for the one with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        FindFamily { name: name.to_owned() }
    }
}

impl Subject for FindFamily {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "find the generic netlink family {}", self.name)
    }
}

impl Request for FindFamily {
    const PROTOCOL: i32 = GENERIC_PROTOCOL;

    fn kind(&self) -> u16 {
        CONTROL
    }

    fn write(&self, writer: &mut Writer) {
        refuse_empty(Some(&self.name), "the name of the family is empty", writer);
        write_header(&GenericHeader { command: GET_FAMILY, version: 2, reserved: 0 }, writer);
        FamilyAttrs { name: Some(self.name.clone()), ..FamilyAttrs::default() }.write_attributes(writer);
    }
}

impl Query for FindFamily {
    type Output = GenericFamily;

    fn read(&self, message: &Message<'_>) -> Result<GenericFamily, Malformed> {
        let header: GenericHeader = message.fixed()?;
        if message.header.kind != CONTROL || header.command != NEW_FAMILY {
            return Err(unexpected("the family that was asked for", message.payload));
        }
        GenericFamily::read(message.bytes_after(GenericHeader::SIZE))
    }
}
