//! Plots of cost against size, both by powers of ten.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Row;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Left, right, top and bottom of what is plotted.
const FRAME: [f64; 4] = [60.0, 430.0, 30.0, 320.0];
const COLOURS: [&str; 6] = ["#888888", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00"];

/// The processor's time of each peer against the size.
pub(super) fn costs(workload: &str, rows: &[&Row]) -> String {
    let [left, right, top, bottom] = FRAME;
    let sizes = bounds(rows.iter().map(|row| row.size as f64));
    let times = bounds(rows.iter().map(|row| row.processor.max(0.01)));
    let x = |size: f64| left + (right - left) * share(size, sizes);
    let y = |time: f64| bottom - (bottom - top) * share(time.max(0.01), times);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{left}\" y=\"18\">{workload}: ms of the processor against size</text>\n"
    );
    // writing to a string cannot fail
    for power in sizes.0..=sizes.1 {
        let (at, label) = (x(10f64.powi(power)), 10f64.powi(power));
        let _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#dddddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            bottom + 18.0
        );
    }
    for power in times.0..=times.1 {
        let (at, label) = (y(10f64.powi(power)), 10f64.powi(power));
        let _ = writeln!(svg, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#dddddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    let mut peers: Vec<&str> = Vec::new();
    let mut points: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if !peers.contains(&row.peer.as_str()) {
            peers.push(&row.peer);
        }
        points.entry(&row.peer).or_default().push((x(row.size as f64), y(row.processor)));
    }
    for (place, (peer, colour)) in peers.into_iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        let points = points.get(peer).map(Vec::as_slice).unwrap_or_default();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let line = line.join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let at = top + 14.0 + 18.0 * place as f64;
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{at}\" fill=\"{colour}\">{peer}</text>", right + 14.0);
    }
    svg + "</svg>\n"
}

/// The powers of ten that enclose all values.
fn bounds(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let (least, most) =
        values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    if least > most {
        return (0, 1);
    }
    let (from, to) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    (from, to.max(from + 1))
}

fn share(value: f64, (from, to): (i32, i32)) -> f64 {
    (value.log10() - f64::from(from)) / f64::from(to - from)
}
