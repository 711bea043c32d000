//! Programs that do the same with this library as with C's.

use std::path::{Path, PathBuf};
use std::process::Command;

use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

/// A folder that is gone in the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("netwright-libnftables-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // what stays is in a folder for temporary files
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The library, in a folder under the name that programs look for.
pub(crate) fn library(folder: &Folder) -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let beside = own.parent().ok_or_else(|| Failure::wrong("the test lies nowhere"))?;
    let built = [beside.join("libnftables.so"), beside.with_file_name("libnftables.so")];
    let built = built.iter().find(|path| path.is_file());
    let built =
        built.ok_or_else(|| Failure::wrong(format_args!("no libnftables.so in {}", beside.display())))?;
    std::os::unix::fs::symlink(built, folder.0.join("libnftables.so.1"))?;
    Ok(())
}

/// A C program of this folder, linked with the library.
pub(crate) fn compiled(name: &str) -> Result<(Folder, PathBuf), Failure> {
    let folder = Folder::new(name)?;
    library(&folder)?;
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.0.join(name);
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread"]);
    compiler.arg("-I").arg(package.join("include")).arg("-o").arg(&program);
    compiler
        .arg(package.join("tests/c").join(name).with_extension("c"))
        .arg(folder.0.join("libnftables.so.1"));
    let output =
        compiler.output().map_err(|error| Failure::missing(format_args!("no C compiler: {error}")))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((folder, program))
}

/// What a program prints, with the libraries of a folder first, or those of the system.
pub(crate) fn printed(program: &mut Command, folder: Option<&Folder>) -> Result<String, Failure> {
    match folder {
        Some(folder) => program.env("LD_LIBRARY_PATH", &folder.0),
        None => program.env_remove("LD_LIBRARY_PATH"),
    };
    let output = program.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program:?}: {}: {errors}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the system has C's library.
pub(crate) fn need_system_library() -> Outcome {
    let there = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let there = there.iter().any(|folder| Path::new(folder).join("libnftables.so.1").exists());
    if there {
        Ok(())
    } else {
        Err(Failure::missing("there is no libnftables.so.1; install the package libnftables1"))
    }
}

pub(crate) fn calls_return_what_they_return_with_c(_: &mut Lab) -> Outcome {
    need_system_library()?;
    let nft = Oracle::nft()?;
    let (folder, program) = compiled("transcript")?;
    let ours = printed(&mut Command::new(&program), Some(&folder))?;
    nft.line("flush ruleset")?;
    let theirs = printed(&mut Command::new(&program), None)?;
    let normal = |text: &str| text.lines().map(normal_line).collect::<Vec<_>>().join("\n");
    let (ours, theirs) = (normal(&ours), normal(&theirs));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        ensure_eq!(ours, theirs);
    }
    ensure_eq!(ours, theirs);
    Ok(())
}

/// Without what tells versions and processes apart.
fn normal_line(line: &str) -> String {
    let line = line.split("# new generation").next().unwrap_or_default();
    // the kernel counts tables on
    let line = line.split("table inet t { # handle").next().unwrap_or_default();
    line.replace("\": ", "\":").replace(", ", ",")
}

pub(crate) fn later_versions_and_null_pointers(_: &mut Lab) -> Outcome {
    let (folder, program) = compiled("versions")?;
    let said = printed(&mut Command::new(&program), Some(&folder))?;
    ensure_eq!(said, "0 0 3 0\n0 0 -1 -1\n0 0\n-1 -1 -1 -1\n<>\n");
    ensure_eq!(Oracle::nft()?.line("list tables")?, "table ip j\n");
    Ok(())
}

/// Without the version's name, which is not that of nft.
fn without_release(text: &str) -> String {
    let Some((before, rest)) = text.split_once("\"release_name\": \"") else { return text.to_owned() };
    format!("{before}{}", rest.split_once('"').map_or("", |(_, behind)| behind))
}

/// Rulesets that nft lists back as they are, and that every kernel takes.
const RULESETS: [&str; 3] = [
    "table inet t {
\tset s {
\t\ttype ipv4_addr . inet_service
\t\tflags interval
\t\telements = { 10.0.0.0/8 . 80-443 }
\t}

\tmap m {
\t\ttype mark : verdict
\t\telements = { 0x00000001 : accept,
\t\t\t     0x00000002 : jump d }
\t}

\tchain c {
\t\ttype filter hook input priority filter; policy accept;
\t\tip saddr . tcp dport @s counter packets 0 bytes 0 accept
\t\tmeta mark vmap @m
\t\tct state { established, related } accept comment \"known\"
\t}

\tchain d {
\t\tlog prefix \"d \" level info
\t\tlimit rate 5/second burst 5 packets drop
\t}
}
",
    "table ip nat {
\tchain post {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\toifname \"lo\" snat to 192.0.2.1
\t}
}
table ip6 f {
\tcounter n {
\t\tpackets 0 bytes 0
\t}

\tchain c {
\t\tip6 saddr 2001:db8::/32 counter name \"n\" drop
\t}
}
",
    "table arp a {
\tchain c {
\t\ttype filter hook input priority filter; policy drop;
\t\tarp operation request counter packets 0 bytes 0 accept
\t}
}
",
];

pub(crate) fn nft_runs_on_it(_: &mut Lab) -> Outcome {
    let (oracle, nft) = (Oracle::nft()?, Oracle::find("nft", "nftables")?);
    let folder = Folder::new("nft")?;
    library(&folder)?;
    let run = |arguments: &[&str]| -> Result<String, Failure> {
        printed(Command::new(nft.program()).args(arguments), Some(&folder))
    };
    ensure!(run(&["--version"])?.starts_with("nftables v"));
    for ruleset in RULESETS {
        let file = folder.0.join("ruleset");
        std::fs::write(&file, ruleset)?;
        let file = file.to_string_lossy();
        run(&["-c", "-f", &file])?;
        ensure_eq!(run(&["list", "ruleset"])?, "");
        run(&["-f", &file])?;
        ensure_eq!(run(&["list", "ruleset"])?, ruleset);
        for options in ["-a", "-s", "-n", "-y", "-t", "-as", "-j", "-ja", "-js"] {
            let listed = run(&[options, "list", "ruleset"])?;
            let expected = oracle.text([options, "list", "ruleset"])?;
            ensure_eq!(without_release(&listed), without_release(&expected), "{options}");
        }
        for asked in ["chains", "sets", "maps", "counters", "tables", "limits", "flowtables"] {
            ensure_eq!(run(&["list", asked])?, oracle.text(["list", asked])?, "{asked}");
        }
        run(&["flush", "ruleset"])?;
    }
    let wrong =
        printed(Command::new(nft.program()).args(["add", "rule", "ip", "t", "c", "accept"]), Some(&folder));
    ensure!(wrong.is_err(), "{wrong:?}");
    // what is in a session stays in it
    let mut session = Command::new("sh");
    session.arg("-c").arg(format!(
        "printf 'add table ip i\\ndefine p = 22\\nadd chain ip i c\\nadd rule ip i c tcp dport $p\\nlist ruleset\\nquit\\n' | {} -i",
        nft.program().display()
    ));
    let said = printed(&mut session, Some(&folder))?;
    ensure!(said.contains("\t\ttcp dport 22\n"), "{said}");
    Ok(())
}

pub(crate) fn what_is_installed_is_found(_: &mut Lab) -> Outcome {
    let folder = Folder::new("installed")?;
    library(&folder)?;
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = folder.0.join("root");
    let mut install = Command::new(package.join("../../packaging/libnftables/install"));
    install.env("DESTDIR", &root).env("PREFIX", "/usr").env("LIBRARY", folder.0.join("libnftables.so.1"));
    printed(&mut install, None)?;
    let usr = root.join("usr");
    // as `pkg-config --cflags --libs libnftables` has it, in that root
    let description = std::fs::read_to_string(usr.join("lib/pkgconfig/libnftables.pc"))?;
    for line in ["prefix=/usr", "libdir=/usr/lib", "Version: 1.1.7", "Libs: -L${libdir} -lnftables"] {
        ensure!(description.lines().any(|found| found == line), "{line} is not in {description}");
    }
    ensure!(!description.contains('@'), "{description}");
    let program = folder.0.join("versions");
    let mut compiler = Command::new("cc");
    compiler
        .arg("-I")
        .arg(usr.join("include"))
        .arg(package.join("tests/c/versions.c"))
        .arg("-o")
        .arg(&program);
    compiler.arg("-L").arg(usr.join("lib")).arg("-lnftables");
    let output =
        compiler.output().map_err(|error| Failure::missing(format_args!("no C compiler: {error}")))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let installed = Folder(usr.join("lib"));
    ensure!(printed(&mut Command::new(&program), Some(&installed))?.starts_with("0 0 3 0\n"));
    Ok(())
}

/// Like Python's module `nftables`: the functions by name, buffers, JSON.
const PYTHON: &str = r#"
import ctypes, json, sys
lib = ctypes.CDLL("libnftables.so.1")
lib.nft_ctx_new.restype = ctypes.c_void_p
for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
    getattr(lib, name).restype = ctypes.c_char_p
    getattr(lib, name).argtypes = [ctypes.c_void_p]
lib.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
lib.nft_ctx_output_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_int]
for name in ("nft_ctx_free", "nft_ctx_buffer_output", "nft_ctx_buffer_error"):
    getattr(lib, name).argtypes = [ctypes.c_void_p]
ctx = lib.nft_ctx_new(0)
lib.nft_ctx_buffer_output(ctx)
lib.nft_ctx_buffer_error(ctx)
lib.nft_ctx_output_set_flags(ctx, 1 << 3 | 1 << 4 | 1 << 5)
table = {"family": "inet", "name": "p"}
commands = [{"add": {"table": table}}] + [
    {"add": {"chain": {"family": "inet", "table": "p", "name": "c%d" % n}}} for n in range(200)]
commands.append({"insert": {"rule": {"family": "inet", "table": "p", "chain": "c7", "expr": [{"drop": None}]}}})
assert lib.nft_run_cmd_from_buffer(ctx, json.dumps({"nftables": commands}).encode()) == 0
made = json.loads(lib.nft_ctx_get_output_buffer(ctx))["nftables"]
assert len(made) == len(commands)
assert all("handle" in next(iter(next(iter(one.values())).values())) for one in made), made
handle = made[-1]["insert"]["rule"]["handle"]
gone = {"delete": {"rule": {"family": "inet", "table": "p", "chain": "c7", "handle": handle}}}
assert lib.nft_run_cmd_from_buffer(ctx, json.dumps({"nftables": [gone]}).encode()) == 0
assert lib.nft_run_cmd_from_buffer(ctx, json.dumps({"nftables": [gone]}).encode()) != 0
assert b"No such file" in lib.nft_ctx_get_error_buffer(ctx)
lib.nft_ctx_free(ctx)
print("done")
"#;

pub(crate) fn python_runs_on_it(_: &mut Lab) -> Outcome {
    let python = Oracle::find("python3", "python3")?;
    let folder = Folder::new("python")?;
    library(&folder)?;
    let said = printed(Command::new(python.program()).args(["-c", PYTHON]), Some(&folder))?;
    ensure_eq!(said, "done\n");
    Ok(())
}
