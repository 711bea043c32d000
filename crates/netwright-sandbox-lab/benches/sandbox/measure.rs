//! Numbers about processes.

use std::fs;

/// The proportional share of memory of a process, in kB.
pub(crate) fn memory_of(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// All processes below one, with their command names.
pub(crate) fn below(process: u32) -> Vec<(u32, String)> {
    let all = || fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = numbers.filter_map(|number| {
        let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
        let field =
            |name: &str| Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned());
        (field("PPid:")?.parse() == Ok(process)).then_some((number, field("Name:")?))
    });
    let children: Vec<(u32, String)> = children.collect();
    let deeper = children.iter().flat_map(|(number, _)| below(*number)).collect::<Vec<_>>();
    children.into_iter().chain(deeper).collect()
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
