//! Ports: `443`, `8000-8100`, `80,443`.

use std::ops::RangeInclusive;

use netwright_nft::table::{Database, Names};

use super::{Piece, Ports, Read};

/// Reads a list of ports.
pub(super) fn ports(list: Piece<'_>) -> Read<Ports> {
    if list.text == "*" {
        return Err(list.fault("`*` is no port").help("Leave the ports out to mean all of them."));
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    for item in list.text.split(',') {
        ranges.push(range(list.part(start..start + item.len()))?);
        start += item.len() + 1;
    }
    Ok(Ports::of(ranges))
}

impl Ports {
    /// These ports, put in order; ranges that overlap or touch become one.
    #[must_use]
    pub fn of(mut ranges: Vec<RangeInclusive<u16>>) -> Ports {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u16>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Ports::Only(merged)
    }
}

fn range(item: Piece<'_>) -> Read<RangeInclusive<u16>> {
    let Some(dash) = item.text.find('-').filter(|_| item.text.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return port(item).map(|port| port..=port);
    };
    let (first, last) = (port(item.before(dash))?, port(item.from(dash + 1))?);
    if first > last {
        return Err(item.fault("the range ends before it starts").help(format!("Write `{last}-{first}`.")));
    }
    Ok(first..=last)
}

fn port(item: Piece<'_>) -> Read<u16> {
    let text = item.text;
    if text.is_empty() {
        return Err(item.fault("a port is missing").help("Leave the colon out to mean all ports."));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(0) => Err(item.fault("there is no port 0").help("Leave the ports out to mean all of them.")),
            Ok(port) => Ok(port),
            Err(_) => Err(item.fault(format!("{text} is no port: they go up to 65535"))),
        };
    }
    let fault = item.fault(format!("`{text}` is no port"));
    Err(match Names::new().number(Database::Services, &text.to_ascii_lowercase()) {
        Some(number) => fault.help(format!("Write `{number}`.")),
        None => fault.help("Write a number, a range as in `8000-8100`, or several with commas between."),
    })
}
