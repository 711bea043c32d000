//! Gives the library its name and its symbol versions.
//!
//! rustc hands the linker a version script of its own, without versions, and linkers take no second one beside it. So the linker
//! is called through a script that leaves that one out.

use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSIONS: &str = "libnftables.map";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={VERSIONS}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnftables.so.1");
    let Some(linker) = linker() else {
        println!("cargo:warning=there is no GNU ld: the library has no symbol versions");
        return Ok(());
    };
    let versions = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(VERSIONS);
    let directory = PathBuf::from(env::var("OUT_DIR")?).join("linker");
    fs::create_dir_all(&directory)?;
    let script = directory.join("ld.bfd");
    fs::write(&script, calling(&linker, &versions))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    println!("cargo:rustc-cdylib-link-arg=-fuse-ld=bfd");
    println!("cargo:rustc-cdylib-link-arg=-B{}", directory.display());
    Ok(())
}

/// GNU ld, as the compiler that links finds it.
fn linker() -> Option<PathBuf> {
    let compiler = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".into());
    let output = Command::new(compiler).arg("-print-prog-name=ld.bfd").output().ok()?;
    let named = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let paths = env::split_paths(&env::var_os("PATH")?).map(|path| path.join(&named)).collect::<Vec<_>>();
    std::iter::once(named).filter(|named| named.is_absolute()).chain(paths).find(|path| path.is_file())
}

fn calling(linker: &Path, versions: &Path) -> String {
    format!(
        "#!/bin/sh
for argument do
    shift
    case $argument in
        --version-script=*) ;;
        *) set -- \"$@\" \"$argument\" ;;
    esac
done
exec '{}' \"$@\" --version-script='{}'
",
        linker.display(),
        versions.display()
    )
}
