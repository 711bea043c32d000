//! `list hooks`: what packets pass, hook by hook, in the words of nft.

use std::io::{self, Write};

use netwright_netfilter::{Family, Hook, Hooked, HookedOwner, ListHooked};
use netwright_nft::diagnostic::{nearest, suggestion};
use netwright_nft::table::hook;
use netwright_route::link;
use netwright_sys::{Connection, Namespace, protocol};
use netwright_wire::Errno;

use super::answer::Unanswered;
use super::style::Style;
use crate::Result;

/// Families that have hooks of their own, in nft's order.
const FAMILIES: [Family; 5] = [Family::ARP, Family::IPV4, Family::IPV6, Family::BRIDGE, Family::NETDEV];

/// What packets pass, hook by hook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hooks {
    /// The families that were asked for, with their hooks where something sits.
    pub families: Vec<(Family, Vec<Place>)>,
    /// A device that was asked for and that no family of these has hooks of.
    pub odd_device: Option<String>,
    /// Whether the kernel tells hooks at all: it has `CONFIG_NETFILTER_NETLINK_HOOK`.
    pub known: bool,
}

/// What is said where the kernel does not tell hooks.
const UNTOLD: &str = "this kernel does not tell what sits at its hooks";
const UNTOLD_HELP: &str =
    "it must have CONFIG_NETFILTER_NETLINK_HOOK, and be allowed to load the module nfnetlink_hook";

/// Lists the hooks of a family, or of all; those of one device, where devices have hooks.
pub(super) fn list(
    family: Option<Family>,
    device: Option<&str>,
    connection: &mut Connection,
    namespace: &Namespace,
) -> std::result::Result<Hooks, Unanswered> {
    let families: Vec<Family> = match family {
        None => FAMILIES.to_vec(),
        Some(Family::INET) => vec![Family::IPV4, Family::IPV6],
        Some(family) => vec![family],
    };
    let odd = |_: &&str| !families.contains(&Family::NETDEV) && family != Some(Family::INET);
    let mut hooks = Hooks { odd_device: device.filter(odd).map(str::to_owned), ..Hooks::default() };
    let strict = family == Some(Family::NETDEV);
    let mut asked = Asked { connection, namespace, known: false, strict };
    for family in families {
        let places = match family {
            Family::NETDEV => asked.at_devices(device)?,
            _ => asked.at(family, None)?,
        };
        hooks.families.push((family, places));
    }
    hooks.known = asked.known;
    if strict && device.is_some() && !hooks.known {
        return Err(Unanswered::Unknown(UNTOLD.into(), Some(UNTOLD_HELP.into())));
    }
    Ok(hooks)
}

impl Hooks {
    /// What the caller should tell about it beside: that it is not known, or not written in JSON.
    #[must_use]
    pub fn warning(&self, json: bool) -> Option<String> {
        match (self.known, json) {
            (false, _) => Some(format!("{UNTOLD}: {UNTOLD_HELP}")),
            (true, true) => Some("hooks are not told in JSON".into()),
            (true, false) => None,
        }
    }

    /// Writes them as nft does; nothing in JSON.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
        if !self.known || style.json {
            return Ok(());
        }
        if let Some(device) = &self.odd_device {
            writeln!(out, "# device keyword ({device}) unexpected for this family")?;
        }
        self.families.iter().try_for_each(|(family, places)| write_family(*family, places, out))
    }
}

/// What sits at one hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The hook.
    pub hook: Hook,
    /// The device, where devices have hooks.
    pub device: Option<String>,
    /// What packets pass, in order.
    pub functions: Vec<Hooked>,
}

struct Asked<'a> {
    connection: &'a mut Connection,
    namespace: &'a Namespace,
    /// Whether the kernel knew one of the questions.
    known: bool,
    /// Whether devices are what was asked for.
    strict: bool,
}

impl Asked<'_> {
    /// The hooks of a family where something sits.
    fn at(&mut self, family: Family, device: Option<&str>) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        for &hook in hook::hooks(family) {
            let device = device.map(str::to_owned);
            let functions = self.functions(ListHooked { family, hook, device: device.clone() })?;
            if !functions.is_empty() {
                places.push(Place { hook, device, functions });
            }
        }
        Ok(places)
    }

    /// The functions at a hook; none where the kernel has no hooks of this kind.
    fn functions(&mut self, request: ListHooked) -> Result<Vec<Hooked>> {
        let functions = match self.connection.dump_all(&request) {
            Ok(functions) => functions,
            Err(error) if error.errno() == Some(Errno::EINVAL) => return Ok(Vec::new()),
            Err(error) if matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::ENOENT)) => Vec::new(),
            Err(error) => return Err(error),
        };
        self.known = true;
        Ok(functions)
    }

    /// The hooks of one device, or of all by name.
    fn at_devices(&mut self, device: Option<&str>) -> std::result::Result<Vec<Place>, Unanswered> {
        let mut links = Connection::open_in(self.namespace, protocol::ROUTE)?;
        let links = links.dump_all(&link::List::default())?;
        let mut names: Vec<String> = links.into_iter().map(|link| link.name).collect();
        names.sort_unstable();
        if let Some(device) = device {
            if self.strict && !names.iter().any(|name| name == device) {
                let help = nearest(device, names.iter().map(String::as_str)).map(suggestion);
                return Err(Unanswered::Missing(
                    device.to_owned(),
                    format!("there is no device {device}"),
                    help,
                ));
            }
            names.retain(|name| name == device);
        }
        let mut places = Vec::new();
        for name in names {
            places.extend(self.at(Family::NETDEV, Some(&name))?);
        }
        Ok(places)
    }
}

fn write_family(family: Family, places: &[Place], out: &mut impl Write) -> io::Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    writeln!(out, "family {family} {{")?;
    for Place { hook, device, functions } in places {
        write!(out, "\thook {}", hook.name().unwrap_or("unknown"))?;
        if let Some(device) = device {
            write!(out, " device {}", device)?;
        }
        writeln!(out, " {{")?;
        functions.iter().try_for_each(|function| write_function(function, out))?;
        writeln!(out, "\t}}")?;
    }
    writeln!(out, "}}")
}

fn write_function(function: &Hooked, out: &mut impl Write) -> io::Result<()> {
    let sign = match function.priority {
        0 => ' ',
        priority if priority < 0 => '-',
        _ => '+',
    };
    write!(out, "\t\t{sign}{:010}", function.priority.unsigned_abs())?;
    match (&function.owner, &function.function) {
        (Some(HookedOwner::Chain { family, table, name }), _) => {
            write!(out, " chain {family} {table} {name}")?
        }
        (Some(HookedOwner::Flowtable { family, table, name }), _) => {
            write!(out, " flowtable {family} {table} {name}")?;
        }
        (Some(HookedOwner::Bpf(program)), _) => write!(out, " bpf id {program}")?,
        (None, Some(name)) => write!(out, " {}", name)?,
        (None, None) => {}
    }
    match &function.module {
        Some(module) => writeln!(out, " [{}]", module),
        None => writeln!(out),
    }
}

#[cfg(test)]
mod tests;
