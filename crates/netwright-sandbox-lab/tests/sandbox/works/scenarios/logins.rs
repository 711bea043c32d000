//! Clients of servers with certificates and keys, and resolvers that have to be compiled.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use netwright_lab::{Failure, Lab, Outcome, ensure, wait_until};

use super::{all, folder};
use crate::leak::{World, told};
use crate::run::{Mode, as_user, finish, sandboxed};
use crate::surroundings::surroundings;

const GIT: (&str, &str) = ("git", "git");
const SSL: (&str, &str) = ("openssl", "openssl");
const RELAY: (&str, &str) = ("socat", "socat");
const SSH: (&str, &str) = ("ssh", "openssh-client");
const SSHD: (&str, &str) = ("sshd", "openssh-server");

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a script to its end, which must be good.
fn script(command: &mut Command, text: &str) -> Outcome {
    let ran = finish(command.args(["-euc", text]))?;
    ensure!(ran.status == Some(0), "{text}: {}", told(&ran));
    Ok(())
}

/// Runs a script in the sandbox; it must say something.
fn inside(mode: Mode, folder: &Path, policy: &[&str], text: &str, says: &str) -> Outcome {
    let mut command = sandboxed(mode, policy, &["sh", "-euc", text])?;
    let ran = finish(command.current_dir(folder))?;
    ensure!(ran.status == Some(0) && ran.stdout.contains(says), "{text}: {}", told(&ran));
    Ok(())
}

/// A repository with one commit, which the web servers serve under `/files/NAME/repository.git`.
fn repository(name: &str) -> Result<String, Failure> {
    let files = surroundings()?.folder.join("files").join(name);
    fs::create_dir(&files)?;
    let make = "
        export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org \
            GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
        git init -q work; echo contents > work/file; git -C work add file; git -C work commit -qm first
        git clone -q --bare work repository.git; git -C repository.git update-server-info";
    script(as_user(Mode::Root, "sh")?.current_dir(&files), make)?;
    Ok(format!("files/{name}/repository.git"))
}

pub(super) fn git_over_http(lab: &mut Lab, mode: Mode) -> Outcome {
    all(&[GIT])?;
    let _world = World::new(lab)?;
    let path = repository(&format!("http-{}", mode.name()))?;
    let clone = format!("git clone -q http://git.example.org/{path} clone; cat clone/file");
    inside(mode, &folder(mode)?, &["--allow", "git.example.org:80/tcp"], &clone, "contents")
}

/// A server with a certificate on port 8443 of every address, before the web server.
fn secure(world: &World, folder: &Path) -> Result<Server, Failure> {
    let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
        -days 2 -subj /CN=good.example.org -addext subjectAltName=DNS:good.example.org,DNS:git.example.org 2>/dev/null
        cat key.pem cert.pem > both.pem; chmod a+r *.pem";
    script(as_user(Mode::Root, "sh")?.current_dir(folder), make)?;
    let listen =
        format!("OPENSSL-LISTEN:8443,pf=ip6,fork,reuseaddr,cert={}/both.pem,verify=0", folder.display());
    let mut command = Command::new("socat");
    command.args([&listen, "TCP:127.0.0.1:80"]).stdin(Stdio::null()).stderr(Stdio::null());
    let server = world.internet.node.run(|| command.spawn())??;
    wait_for(world, 8443)?;
    Ok(Server(server))
}

fn wait_for(world: &World, port: u16) -> Outcome {
    wait_until("the server listens", || {
        Ok(world.internet.node.run(|| TcpStream::connect(("127.0.0.1", port)).is_ok())?.then_some(()))
    })
}

fn over_https(lab: &mut Lab, mode: Mode, what: &str, says: &str) -> Outcome {
    all(&[SSL, RELAY])?;
    let world = World::new(lab)?;
    let folder = folder(mode)?;
    let _server = secure(&world, &folder)?;
    let policy = ["--allow", "good.example.org:8443/tcp", "--allow", "git.example.org:8443/tcp"];
    inside(mode, &folder, &policy, what, says)
}

pub(super) fn curl_https(lab: &mut Lab, mode: Mode) -> Outcome {
    all(&[("curl", "curl")])?;
    over_https(lab, mode, "curl -sS --cacert cert.pem https://good.example.org:8443/", "hello from")
}

pub(super) fn wget_https(lab: &mut Lab, mode: Mode) -> Outcome {
    all(&[("wget", "wget")])?;
    over_https(lab, mode, "wget -qO- --ca-certificate=cert.pem https://good.example.org:8443/", "hello from")
}

pub(super) fn git_over_https(lab: &mut Lab, mode: Mode) -> Outcome {
    all(&[GIT, SSL, RELAY])?;
    let path = repository(&format!("https-{}", mode.name()))?;
    let clone = format!(
        "GIT_SSL_CAINFO=$PWD/cert.pem git clone -q https://git.example.org:8443/{path} clone; cat clone/file"
    );
    over_https(lab, mode, &clone, "contents")
}

/// A login server on port 22 of the internet, run by the ordinary user.
fn login_server(world: &World, folder: &Path) -> Result<Server, Failure> {
    let make =
        "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub known
        cat > config <<EOF
HostKey $PWD/host
AuthorizedKeysFile $PWD/known
ListenAddress 0.0.0.0:22
StrictModes no
UsePAM no
PidFile none
EOF";
    script(as_user(Mode::User, "sh")?.current_dir(folder), make)?;
    let mut command = as_user(Mode::User, "/usr/sbin/sshd")?;
    command.args(["-D", "-e", "-f"]).arg(folder.join("config")).stderr(Stdio::null()).stdout(Stdio::null());
    let server = world.internet.node.run(|| command.spawn())??;
    wait_for(world, 22)?;
    Ok(Server(server))
}

const OPTIONS: &str =
    "-F /dev/null -i key -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR";

fn by_login(lab: &mut Lab, mode: Mode, what: &str, says: &str) -> Outcome {
    all(&[SSH, SSHD])?;
    let world = World::new(lab)?;
    // The key must be the server's user's; root may read it, but ssh wants it to be root's.
    let keys = folder(Mode::User)?;
    let _server = login_server(&world, &keys)?;
    let own = folder(mode)?;
    fs::copy(keys.join("key"), own.join("key"))?;
    if mode.is_user() && surroundings()?.really_root {
        std::os::unix::fs::chown(own.join("key"), Some(crate::surroundings::NOBODY), None)?;
    }
    inside(mode, &own, &["--allow", "git.example.org:22/tcp"], what, says)
}

pub(super) fn ssh(lab: &mut Lab, mode: Mode) -> Outcome {
    by_login(lab, mode, &format!("ssh {OPTIONS} nobody@git.example.org echo logged in"), "logged in")
}

pub(super) fn git_over_ssh(lab: &mut Lab, mode: Mode) -> Outcome {
    all(&[GIT])?;
    let path = repository(&format!("ssh-{}", mode.name()))?;
    let path = surroundings()?.folder.join(path).display().to_string();
    let safe = "git config --global --add safe.directory '*'";
    let clone = format!(
        "export HOME=$PWD GIT_SSH_COMMAND='ssh {OPTIONS}'
        ssh {OPTIONS} nobody@git.example.org \"{safe}\"
        git clone -q nobody@git.example.org:{path} clone; cat clone/file"
    );
    by_login(lab, mode, &clone, "contents")
}

pub(super) fn musl(lab: &mut Lab, mode: Mode) -> Outcome {
    const SOURCE: &str = "#include <netdb.h>
        #include <stdio.h>
        int main(void) {
            struct addrinfo *found, *next;
            int error = getaddrinfo(\"good.example.org\", \"80\", 0, &found);
            if (error) { puts(gai_strerror(error)); return 1; }
            char text[64];
            for (next = found; next; next = next->ai_next)
                if (!getnameinfo(next->ai_addr, next->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST)) puts(text);
            return getaddrinfo(\"evil.example.net\", \"80\", 0, &found) == 0;
        }";
    all(&[("musl-gcc", "musl-tools")])?;
    let _world = World::new(lab)?;
    let folder = folder(mode)?;
    fs::write(folder.join("ask.c"), SOURCE)?;
    script(as_user(mode, "sh")?.current_dir(&folder), "musl-gcc -static -o ask ask.c")?;
    inside(mode, &folder, &["--allow", "good.example.org"], "./ask", "198.51.100.10")
}

pub(super) fn java(lab: &mut Lab, mode: Mode) -> Outcome {
    const SOURCE: &str = "
        public class Ask {
            public static void main(String[] arguments) throws Exception {
                for (var address : java.net.InetAddress.getAllByName(\"good.example.org\")) System.out.println(address);
                var stream = new java.net.URL(\"http://good.example.org/\").openStream();
                System.out.println(new String(stream.readAllBytes()));
            }
        }";
    all(&[("java", "default-jdk-headless"), ("javac", "default-jdk-headless")])?;
    let _world = World::new(lab)?;
    let folder = folder(mode)?;
    fs::write(folder.join("Ask.java"), SOURCE)?;
    let run = "java -Xint -XX:TieredStopAtLevel=1 Ask.java";
    inside(mode, &folder, &["--allow", "good.example.org:80"], run, "hello from")
}
