//! Names that no name server is asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::answer;
use super::message::{Question, code, kind};
use super::name::Name;
use super::query::Outcome;

#[cfg(test)]
mod tests;

/// The answer for names that mean the same everywhere: the local host, and those by which programs look for other name servers.
pub(super) fn reserved(question: &Question) -> Option<Outcome> {
    let within = |name: &str| Name::from_text(name).is_some_and(|name| question.name.is_within(&name));
    if within("localhost") {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        return Some(answer::addresses(question, &addresses, answer::TIME_TO_LIVE));
    }
    if let Some(address) = asked_address(question)
        && address.is_loopback()
    {
        return Some(match Name::from_text("localhost") {
            Some(name) if matches!(address, IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(_)) => {
                answer::reverse(question, &name)
            }
            _ => Outcome::of(code::NO_SUCH_NAME),
        });
    }
    // Discovery of designated resolvers (RFC 9462): there is none but this.
    if within("resolver.arpa") {
        return Some(Outcome::of(code::DONE));
    }
    // Browsers ask for it to learn whether names are filtered, and then leave DNS over HTTPS alone.
    within("use-application-dns.net").then(|| Outcome::of(code::NO_SUCH_NAME))
}

/// The address that a name below `in-addr.arpa` or `ip6.arpa` stands for; `None` where it is no whole one, or written in another way than usual: how it
/// is written would get out with the question.
pub(super) fn reverse_address(name: &Name) -> Option<IpAddr> {
    let text = name.text();
    if let Some(reversed) = text.strip_suffix(".in-addr.arpa") {
        let byte = |part: &str| part.parse::<u8>().ok().filter(|byte| byte.to_string() == part);
        let bytes: Vec<u8> = reversed.split('.').rev().map(byte).collect::<Option<_>>()?;
        return Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?));
    }
    let reversed = text.strip_suffix(".ip6.arpa")?;
    let digit = |part: &str| if part.len() == 1 { u128::from_str_radix(part, 16).ok() } else { None };
    let digits: Vec<u128> = reversed.split('.').rev().map(digit).collect::<Option<_>>()?;
    let value = (digits.len() == 32).then(|| digits.iter().fold(0, |value, digit| value << 4 | digit))?;
    Some(Ipv6Addr::from(value).into())
}

/// The address whose name is asked for; `None` where it is another question.
pub(super) fn asked_address(question: &Question) -> Option<IpAddr> {
    if question.kind == kind::PTR { reverse_address(&question.name) } else { None }
}
