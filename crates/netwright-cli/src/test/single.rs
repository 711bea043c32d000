//! `--flow`: a flow that is written on the command line.

use std::fmt::Write as _;

use netwright_simulate::FlowReport;
use netwright_state::model::Host;

use crate::failure::Failure;

/// What the flows of the command line have in front of their names, so that they are none of the file's.
const MARK: &str = "--flow ";

/// Flows as a host file has them.
pub(super) fn text(flows: &[String]) -> Result<String, Failure> {
    let mut text = String::new();
    for flow in flows {
        let keys = keys(flow)?;
        let _ = writeln!(text, "[[flow]]\nname = {}", quoted(&format!("{MARK}{flow}")));
        for (key, value) in keys {
            let _ = writeln!(text, "{key} = {}", literal(key, value));
        }
    }
    Ok(text)
}

/// Leaves the flows of the command line, and those of the file that they follow.
pub(super) fn keep(host: &mut Host) {
    host.onlys.clear();
    let mut named: Vec<String> = Vec::new();
    let mut open: Vec<String> =
        host.flows.iter().filter(|flow| flow.name.starts_with(MARK)).map(|flow| flow.name.clone()).collect();
    while let Some(name) = open.pop() {
        if !named.contains(&name) {
            let found = host.flows.iter().find(|flow| flow.name == name);
            open.extend(found.into_iter().flat_map(|flow| flow.after.iter().cloned()));
            named.push(name);
        }
    }
    host.flows.retain(|flow| named.contains(&flow.name));
}

/// Whether a flow is one of the command line.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with(MARK)
}

/// Whether a flow says what shall become of it.
pub(super) fn expects(report: &FlowReport) -> bool {
    is_one(&report.name) && report.name.split_whitespace().any(|word| word.starts_with("expect="))
}

/// Each key with its value, which goes as far as the next key.
fn keys(flow: &str) -> Result<Vec<(&str, &str)>, Failure> {
    let wrong = || {
        Failure::said(format!("`{flow}` is no flow")).with_help(Some(
            "Write its keys as in a host file: 'from=wan 192.0.2.1 to=host tcp=22 expect=drop'.",
        ))
    };
    let is_key = |word: &str| {
        word.split_once('=').is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        })
    };
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for word in flow.split(' ') {
        if is_key(word) {
            starts.push(at);
        }
        at += word.len() + 1;
    }
    if starts.first() != Some(&(flow.len() - flow.trim_start().len())) {
        return Err(wrong());
    }
    let ends = starts.iter().skip(1).copied().chain([flow.len()]);
    let parts =
        starts.iter().zip(ends).filter_map(|(&start, end)| flow.get(start..end)?.trim().split_once('='));
    Ok(parts.collect())
}

/// Keys that take a list of numbers or words.
const LISTS: [&str; 7] = ["tcp", "udp", "icmp", "protocol", "source-port", "vlan", "decided-by"];

/// A value as TOML has it.
fn literal(key: &str, value: &str) -> String {
    let one = |value: &str| match value {
        "true" | "false" => value.to_owned(),
        _ if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) && value.len() < 18 => {
            // no number of TOML begins with a zero
            value.parse::<u64>().map_or_else(|_| quoted(value), |number| number.to_string())
        }
        _ => quoted(value),
    };
    match value.contains(',') && LISTS.contains(&key) {
        true => format!("[{}]", value.split(',').map(|part| one(part.trim())).collect::<Vec<_>>().join(", ")),
        false => one(value),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn values_go_as_far_as_the_next_key() {
        let flow = "from=wan 192.0.2.1 to=host tcp=22,80-90 icmp=true expect=reject tcp-reset payload=a\"b";
        let expected = "from = \"wan 192.0.2.1\"\nto = \"host\"\ntcp = [22, \"80-90\"]\nicmp = true\nexpect = \"reject tcp-reset\"\npayload = \"a\\\"b\"\n";
        assert!(text(&[flow.to_owned()]).is_ok_and(|text| text.ends_with(expected)));
    }

    #[test]
    fn what_does_not_begin_with_a_key_is_refused() {
        assert!(text(&["wan 192.0.2.1 to=host".to_owned()]).is_err());
        assert!(text(&[String::new()]).is_err());
    }
}
