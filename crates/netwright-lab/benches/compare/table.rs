//! The table of results.

use std::time::Duration;

use crate::measure::Measured;

/// Prints the head.
pub(crate) fn head() {
    println!("| workload | size | peer | wall ms | cpu ms | wall / floor | cpu / floor | peak MiB |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|");
}

/// Prints the medians of a workload, the floor's first.
pub(crate) fn rows(workload: &str, size: usize, results: &[(&str, Vec<Measured>)]) {
    let medians = |measured: &[Measured]| Measured {
        wall: median(measured.iter().map(|measured| measured.wall).collect()),
        processor: median(measured.iter().map(|measured| measured.processor).collect()),
        peak: median(measured.iter().map(|measured| measured.peak).collect()),
    };
    let floor = results.first().map(|(_, measured)| medians(measured));
    for (peer, measured) in results {
        let median = medians(measured);
        let ratio = |time: Duration, floor: Option<Duration>| {
            time.as_secs_f64() / floor.unwrap_or(time).as_secs_f64().max(1e-9)
        };
        println!(
            "| {workload} | {size} | {peer} | {:.1} | {:.1} | {:.2} | {:.2} | {:.1} |",
            milliseconds(median.wall),
            milliseconds(median.processor),
            ratio(median.wall, floor.map(|floor| floor.wall)),
            ratio(median.processor, floor.map(|floor| floor.processor)),
            median.peak as f64 / 1024.0,
        );
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median<T: Ord + Copy + Default>(mut all: Vec<T>) -> T {
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
