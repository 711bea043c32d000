//! `list hooks`: what packets pass, hook by hook, in the words of nft.

use std::io::{self, Write};

use netwright::netfilter::{Family, Hook, Hooked, HookedOwner, ListHooked};
use netwright::wire::Errno;
use netwright::{Error, Net};
use netwright_nft::diagnostic::{nearest, suggestion};
use netwright_nft::table::hook;

use super::style::Style;
use super::unanswered::Unanswered;
use crate::output::{self, WARNING};

/// Families that have hooks of their own, in nft's order.
const FAMILIES: [Family; 5] = [Family::ARP, Family::IPV4, Family::IPV6, Family::BRIDGE, Family::NETDEV];

/// Lists the hooks of a family, or of all; those of one device, where devices have hooks.
pub(super) fn list(
    family: Option<Family>,
    device: Option<&str>,
    net: &Net,
    style: Style<'_>,
    out: &mut impl Write,
) -> Result<(), Unanswered> {
    let families: Vec<Family> = match family {
        None => FAMILIES.to_vec(),
        Some(Family::INET) => vec![Family::IPV4, Family::IPV6],
        Some(family) => vec![family],
    };
    let asked = Asked { net, known: std::cell::Cell::new(false), strict: family == Some(Family::NETDEV) };
    let mut text = Vec::new();
    if let Some(device) =
        device.filter(|_| !families.contains(&Family::NETDEV) && family != Some(Family::INET))
    {
        writeln!(text, "# device keyword ({device}) unexpected for this family")?;
    }
    for family in families {
        let places = match family {
            Family::NETDEV => asked.at_devices(device)?,
            _ => asked.at(family, None)?,
        };
        write_family(family, &places, &mut text)?;
    }
    if !asked.known.get() {
        let message = "this kernel does not tell what sits at its hooks";
        let help =
            "it must have CONFIG_NETFILTER_NETLINK_HOOK, and be allowed to load the module nfnetlink_hook";
        if asked.strict && device.is_some() {
            return Err(Unanswered::Unknown(message.into(), Some(help.into())));
        }
        output::message(&format!("{WARNING}warning{WARNING:#}: {message}: {help}"));
    } else if style.json {
        output::message(&format!("{WARNING}warning{WARNING:#}: hooks are not told in JSON"));
    } else {
        out.write_all(&text)?;
    }
    Ok(())
}

/// What sits at one hook.
struct Place {
    hook: Hook,
    device: Option<String>,
    functions: Vec<Hooked>,
}

struct Asked<'a> {
    net: &'a Net,
    /// Whether the kernel knew one of the questions.
    known: std::cell::Cell<bool>,
    /// Whether devices are what was asked for.
    strict: bool,
}

impl Asked<'_> {
    /// The hooks of a family where something sits.
    fn at(&self, family: Family, device: Option<&str>) -> Result<Vec<Place>, Error> {
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
    fn functions(&self, request: ListHooked) -> Result<Vec<Hooked>, Error> {
        let functions = match self.net.nft().list(request) {
            Ok(functions) => functions,
            Err(error) if error.errno() == Some(Errno::EINVAL) => return Ok(Vec::new()),
            Err(error) if matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::ENOENT)) => Vec::new(),
            Err(error) => return Err(error),
        };
        self.known.set(true);
        Ok(functions)
    }

    /// The hooks of one device, or of all by name.
    fn at_devices(&self, device: Option<&str>) -> Result<Vec<Place>, Unanswered> {
        let mut names: Vec<String> = self.net.links().list()?.into_iter().map(|link| link.name).collect();
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
            write!(out, " device {}", output::plain(device))?;
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
        (None, Some(name)) => write!(out, " {}", output::plain(name))?,
        (None, None) => {}
    }
    match &function.module {
        Some(module) => writeln!(out, " [{}]", output::plain(module)),
        None => writeln!(out),
    }
}

#[cfg(test)]
mod tests;
