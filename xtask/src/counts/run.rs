//! One path at one size, in a namespace of its own.

use std::path::{Path as Place, PathBuf};
use std::process::Command;

use super::Programs;
use super::file::Counts;
use super::paths::Path;
use crate::cargo::root;
use crate::setup::search_path;

/// Counts what a path costs at a size.
pub(super) fn count(path: &Path, size: usize, programs: &Programs) -> Result<Counts, String> {
    let folder = root().join("target/counts");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let write = |name: &str, text: String| -> Result<PathBuf, String> {
        let place = folder.join(name);
        std::fs::write(&place, text).map_err(|e| format!("{}: {e}", place.display()))?;
        Ok(place)
    };
    let input = write("input", (path.input)(size))?;
    let ruleset = write("ruleset", (path.ruleset)(size))?;
    let network = write("network", (path.network)(size))?;
    let (counted, calls) = (folder.join("counted"), folder.join("calls"));
    let dhat = ["valgrind", "--tool=dhat", "--trace-children=no"].map(str::to_owned).into_iter();
    let dhat = dhat.chain([format!("--dhat-out-file={}", counted.display())]).collect::<Vec<_>>();
    let strace = ["strace", "-f", "-o"].map(str::to_owned).into_iter();
    let strace = strace.chain([calls.display().to_string()]).collect::<Vec<_>>();
    for tool in [dhat, strace] {
        let words = path.words.split_whitespace().map(|word| match word {
            "FILE" => input.display().to_string(),
            "COUNT" => size.to_string(),
            word => word.to_owned(),
        });
        let script = "nft -f \"$1\" && ip -batch \"$2\" && shift 2 && exec \"$@\" > /dev/null";
        let mut run = Command::new("unshare");
        run.args(["--net", "sh", "-c", script, "sh"]).args([&ruleset, &network]).args(&tool);
        run.arg(programs.path(path.program)).args(words).env("PATH", search_path()).env("TZ", "");
        run.stdin(std::process::Stdio::null());
        let output = run.output().map_err(|e| format!("unshare cannot be run: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{} {size} ({}) failed: {said}", path.name, path.words));
        }
    }
    let [instructions, allocations, peak] = counts(&counted)?;
    let calls = std::fs::read_to_string(&calls).map_err(|e| format!("{}: {e}", calls.display()))?;
    // a call that another thread interrupts in the listing has two lines
    let calls = calls.lines().filter(|line| line.contains('(') && !line.contains(" resumed>")).count();
    Ok(Counts([instructions, allocations, peak, calls as u64]))
}

/// Instructions, allocations and the most bytes at once, out of what valgrind's `dhat` writes.
fn counts(place: &Place) -> Result<[u64; 3], String> {
    let text = std::fs::read_to_string(place).map_err(|e| format!("{}: {e}", place.display()))?;
    let all: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| format!("{} is no JSON: {e}", place.display()))?;
    let sites = all["pps"].as_array().ok_or("valgrind counted no allocations")?;
    let sum = |key: &str| sites.iter().filter_map(|site| site[key].as_u64()).sum();
    let instructions = all["te"].as_u64().ok_or("valgrind counted no instructions")?;
    Ok([instructions, sum("tbk"), sum("gb")])
}
