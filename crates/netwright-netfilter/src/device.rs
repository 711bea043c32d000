//! Devices that base chains and flow tables are bound to.

use netwright_wire::{Attributes, Big, ByteOrder, Malformed, Value, Writer};

/// A device by its name, or all whose names start so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// The device of this name (`NFTA_DEVICE_NAME`).
    Name(String),
    /// Every device whose name starts so (`NFTA_DEVICE_PREFIX`).
    Prefix(String),
}

/// A list of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Devices(pub Vec<Device>);

const NAME: u16 = 1;
const PREFIX: u16 = 2;

impl Value for Devices {
    type View<'a> = Attributes<'a>;
    const NESTED: bool = true;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
        Ok(Attributes::new(payload))
    }

    fn own(view: Attributes<'_>) -> Result<Self, Malformed> {
        let mut devices = Vec::new();
        for attribute in view {
            let attribute = attribute?;
            match attribute.kind {
                NAME => devices.push(Device::Name(String::read::<Big>(attribute.payload)?)),
                PREFIX => devices.push(Device::Prefix(String::read::<Big>(attribute.payload)?)),
                _ => {}
            }
        }
        Ok(Devices(devices))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        for device in &self.0 {
            match device {
                Device::Name(name) => writer.attribute::<Big, String>(NAME, name),
                Device::Prefix(prefix) => writer.attribute::<Big, String>(PREFIX, prefix),
            }
        }
    }
}
