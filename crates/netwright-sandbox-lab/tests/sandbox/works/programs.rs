//! One command each.

use super::Work;

const GOOD: &[&str] = &["--allow", "good.example.org"];
const ECHO: &[&str] = &["--allow", "good.example.org:7"];
const WEB: &[&str] = &["--allow", "good.example.org:80,443,8080/tcp"];
const WILD: &[&str] = &["--allow", "*.example.org"];
const PING: &[&str] = &["--allow", "good.example.org", "--allow", "icmp"];

const PYTHON: &str = "
import socket, urllib.request
print({family for family, *_ in socket.getaddrinfo('good.example.org', 80)} == {socket.AF_INET, socket.AF_INET6})
print(urllib.request.urlopen('http://good.example.org/').read().decode())
try:
    socket.create_connection(('good.example.org', 81), 5)
except OSError as error:
    print('refused')
";

/// Whatever the other family's sockets inside have, the supervisor's listeners among them, is free for the command.
const PORTS_OF_THE_OTHER_FAMILY: &str = "
import socket
def taken(*names):
    lines = [line for name in names for line in open('/proc/net/' + name).readlines()[1:]]
    return {int(line.split()[1].rsplit(':', 1)[1], 16) for line in lines}
other = [(socket.AF_INET6, '::1', port) for port in taken('udp', 'tcp')]
other += [(socket.AF_INET, '127.0.0.1', port) for port in taken('udp6', 'tcp6')]
for family, host, port in other:
    datagrams, server = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
    try:
        datagrams.bind((host, port))
        server.bind((host, port))
    except OSError:
        continue
    datagrams.settimeout(9)
    datagrams.sendto(b'x', (host, port))
    datagrams.recv(9)
    server.listen()
    socket.create_connection((host, port), 9).close()
print('all are free')
";

const NODE: &str = "
fetch('http://good.example.org/').then(answer => answer.text()).then(text => {
    process.stdout.write(text);
    require('dns').resolve4('good.example.org', (error, found) => console.log(error || found[0]));
});
";

const PERL: &str = "
use Socket; use IO::Socket::INET;
my $socket = IO::Socket::INET->new(PeerAddr => 'good.example.org', PeerPort => 80, Timeout => 5) or die $!;
print $socket \"GET / HTTP/1.0\\r\\n\\r\\n\"; print while <$socket>;
";

/// A server with a path socket and its client, both inside.
const OWN_PATH_SOCKET: &str = r#"d=$(mktemp -d); "$0" serve-path $d/s $d/came & until test -S $d/s; do sleep 0.01; done; "$0" path $d/s; wait; cat $d/came; rm -r $d"#;
/// What has to be allowed where anything about files is decided at all.
const BETWEEN_DIRECTORIES: &str = r#"d=$(mktemp -d); mkdir $d/a $d/b; echo moved >$d/a/f; ln $d/a/f $d/b/g; mv $d/a/f $d/b/f; cat $d/b/f; rm -r $d"#;

pub(super) const WORKS: &[Work] = &[
    // Programs that people use.
    Work::new("curl", WEB, &["curl", "-sS", "http://good.example.org/"], "hello from").needs("curl", "curl"),
    Work::new("curl-v4", WEB, &["curl", "-4sS", "http://good.example.org/"], "hello from 198.51.100.10:80").needs("curl", "curl"),
    Work::new("curl-v6", WEB, &["curl", "-6sS", "http://good.example.org/"], "hello from [2001:db8:10::10]:80").needs("curl", "curl"),
    Work::new("curl-address", &["--allow", "198.51.100.10:80"], &["curl", "-sS", "http://198.51.100.10/"], "hello from").needs("curl", "curl"),
    Work::new("curl-chunked", WEB, &["curl", "-sS", "http://good.example.org/chunked"], "part 5").needs("curl", "curl"),
    Work::new("curl-many-requests", WEB, &["curl", "-sSZ", "http://good.example.org/[1-40]"], "hello from").needs("curl", "curl"),
    Work::new(
        "curl-download",
        WEB,
        &["sh", "-c", "curl -sS http://good.example.org/bytes/30000000 | md5sum; curl -sS http://good.example.org/bytes/30000000 | wc -c"],
        "30000000",
    )
    .needs("curl", "curl"),
    Work::new(
        "curl-upload",
        WEB,
        &["sh", "-c", "head -c 20000000 /dev/zero | curl -sS --data-binary @- http://good.example.org/"],
        "received 20000000 ",
    )
    .needs("curl", "curl"),
    Work::new("wget", WEB, &["wget", "-qO-", "http://good.example.org/"], "hello from").needs("wget", "wget"),
    Work::new("busybox-wget", WEB, &["busybox", "wget", "-qO-", "http://good.example.org/"], "hello from").needs("busybox", "busybox"),
    Work::new("busybox-nslookup", GOOD, &["busybox", "nslookup", "good.example.org"], "198.51.100.10").needs("busybox", "busybox"),
    Work::new("dig", GOOD, &["dig", "+short", "good.example.org"], "198.51.100.10").needs("dig", "bind9-dnsutils"),
    Work::new("dig-v6", GOOD, &["dig", "+short", "good.example.org", "AAAA"], "2001:db8:10::10").needs("dig", "bind9-dnsutils"),
    Work::new("dig-tcp", GOOD, &["dig", "+tcp", "+short", "good.example.org"], "198.51.100.10").needs("dig", "bind9-dnsutils"),
    Work::new("dig-large", WILD, &["dig", "large.example.org"], "198.51.100.199").needs("dig", "bind9-dnsutils"),
    Work::new("dig-alias", WILD, &["dig", "+short", "alias.example.org"], "alias-three.example.org").needs("dig", "bind9-dnsutils"),
    Work::new("dig-service", WILD, &["dig", "+short", "_xmpp-client._tcp.example.org", "SRV"], "5 10 5222 good.example.org").needs("dig", "bind9-dnsutils"),
    Work::new("dig-binding", WILD, &["dig", "+short", "bound-foreign.example.org", "TYPE65"], "").needs("dig", "bind9-dnsutils"),
    Work::new("host", GOOD, &["host", "good.example.org"], "has address 198.51.100.10").needs("host", "bind9-host"),
    Work::new("nslookup", GOOD, &["nslookup", "good.example.org"], "198.51.100.10").needs("nslookup", "bind9-dnsutils"),
    Work::new("name-that-does-not-exist", WILD, &["host", "nothing.example.org"], "NXDOMAIN").needs("host", "bind9-host").status(1),
    Work::new("psql", &["--allow", "db.example.org:5432/tcp"], &["psql", "-h", "db.example.org", "-U", "nobody", "-Atc", "select", "postgres"], "forty-two")
        .needs("psql", "postgresql-client"),
    // Of more than one, it waits for the last for twice as long as the first took.
    Work::new("ping", PING, &["ping", "-nc1", "-W9", "198.51.100.10"], " 0% packet loss").needs("ping", "iputils-ping"),
    Work::new("ping-v6", PING, &["ping", "-6nc1", "-W9", "2001:db8:10::10"], " 0% packet loss").needs("ping", "iputils-ping"),
    Work::new("ping-name", PING, &["ping", "-c1", "-W9", "good.example.org"], " 0% packet loss").needs("ping", "iputils-ping"),
    Work::new("ping-large", PING, &["probe", "ping", "198.51.100.10", "1400"], "reached"),
    // Interpreters and their resolvers.
    Work::new("python", WEB, &["/usr/bin/python3", "-c", PYTHON], "True").needs("python3", "python3"),
    Work::new("ports-of-the-other-family", WEB, &["/usr/bin/python3", "-c", PORTS_OF_THE_OTHER_FAMILY], "all are free")
        .needs("python3", "python3"),
    Work::new("python-web", WEB, &["/usr/bin/python3", "-c", PYTHON], "hello from").needs("python3", "python3"),
    Work::new("node", WEB, &["node", "-e", NODE], "hello from").needs("node", "nodejs"),
    Work::new("node-resolver", WEB, &["node", "-e", NODE], "198.51.100.10").needs("node", "nodejs"),
    Work::new("go", WEB, &["env", "GODEBUG=netdns=go", "hey", "-n", "20", "-c", "4", "http://good.example.org/"], "[200]\t20 responses").needs("hey", "hey"),
    Work::new("perl", WEB, &["perl", "-e", PERL], "hello from").needs("perl", "perl"),
    Work::new("getent", GOOD, &["getent", "ahosts", "good.example.org"], "2001:db8:10::10"),
    Work::new("search-domains", &["--allow", "intra.corp.example.org"], &["getent", "ahosts", "intra"], "198.51.100.37"),
    Work::new("short-name", &["--allow", "intra:7"], &["probe", "echo", "intra", "7"], "198.51.100.37:7"),
    Work::new("own-name", &[], &["getent", "ahosts", "localhost"], "127.0.0.1"),
    // Connections.
    Work::new("echo", ECHO, &["probe", "echo", "good.example.org", "7"], "reached"),
    Work::new("half-close", ECHO, &["probe", "half-close", "good.example.org", "7"], "reached"),
    Work::new("half-close-by-server", WEB, &["probe", "half-close-by-server", "good.example.org", "80"], "reached"),
    Work::new("idle", ECHO, &["probe", "idle", "good.example.org", "7", "15000"], "reached"),
    Work::new("websocket", WEB, &["probe", "websocket", "good.example.org", "8080"], "reached"),
    Work::new("upload", GOOD, &["probe", "upload", "good.example.org", "9", "50000000"], "reached"),
    Work::new("download", GOOD, &["probe", "download", "good.example.org", "9000", "50000000"], "reached"),
    Work::new("non-blocking", ECHO, &["probe", "non-blocking", "good.example.org", "7"], "reached"),
    Work::new("v6-only-name", WILD, &["probe", "echo", "six.example.org", "7"], "reached"),
    Work::new("v4-only-name", WILD, &["probe", "echo", "four.example.org", "7"], "reached"),
    Work::new("alias", &["--allow", "alias.example.org:7"], &["probe", "echo", "alias.example.org", "7"], "reached"),
    Work::new("foreign-alias", &["--allow", "foreign.example.org:7"], &["probe", "echo", "foreign.example.org", "7"], "reached"),
    Work::new("refused-as-it-is", &["--allow", "198.51.100.10"], &["probe", "refusals", "198.51.100.10", "81", "refused"], "reached"),
    Work::new("refused-as-it-is-v6", &["--allow", "2001:db8:10::10"], &["probe", "refusals", "2001:db8:10::10", "81", "refused"], "reached"),
    Work::new("blocked-at-once", &[], &["probe", "refusals", "203.0.113.66", "443", "refused"], "reached").inside(),
    Work::new("both-families", GOOD, &["probe", "both-families", "good.example.org"], "reached"),
    Work::new("wildcard", &["--allow", "*.wild.example.org:7"], &["probe", "echo", "a.b.wild.example.org", "7"], "reached"),
    Work::new("prefix", &["--allow", "198.51.100.0/24:7/tcp"], &["probe", "echo", "198.51.100.99", "7"], "reached"),
    Work::new("prefix-v6", &["--allow", "[2001:db8:10::]/48:7"], &["probe", "echo", "2001:db8:10::99", "7"], "reached"),
    Work::new("any", &["--allow", "any"], &["probe", "echo", "203.0.113.66", "7"], "reached"),
    Work::new("internet", &["--allow", "internet:7/tcp"], &["probe", "echo", "203.0.113.66", "7"], "reached"),
    Work::new("lan", &["--allow", "lan"], &["probe", "echo", "10.66.0.1", "7"], "reached"),
    Work::new("private-name-that-is-allowed", &["--allow", "rebind-private.example.org", "--allow", "10.66.0.0/16"], &["probe", "echo", "rebind-private.example.org", "7"], "reached"),
    Work::new("name-server-that-is-named", &["--allow", "8.8.8.8:53"], &["dig", "+short", "@8.8.8.8", "good.example.org"], "198.51.100.10").needs("dig", "bind9-dnsutils"),
    // Datagrams.
    Work::new("time", &["--allow", "time.example.org:123/udp"], &["probe", "time", "time.example.org"], "reached"),
    Work::new("bursts", &["--allow", "good.example.org:443/udp"], &["probe", "burst", "good.example.org", "443", "100", "20"], "reached"),
    Work::new("datagrams-connected-and-not", &["--allow", "good.example.org:5000/udp"], &["probe", "udp-kinds", "good.example.org", "5000"], "reached"),
    Work::new("datagrams-v6", &["--allow", "[2001:db8:10::10]:5000/udp"], &["probe", "udp-kinds", "2001:db8:10::10", "5000"], "reached"),
    Work::new("large-datagrams", &["--allow", "198.51.100.10:5000/udp"], &["probe", "large-udp", "198.51.100.10", "5000", "8000"], "reached"),
    // Inside.
    Work::new("own-path-socket", &[], &["sh", "-ec", OWN_PATH_SOCKET, "probe"], "token"),
    Work::new("files-between-directories", &[], &["sh", "-ec", BETWEEN_DIRECTORIES], "moved"),
    Work::new("mounts-of-its-own", &["--mounts"], &["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /mnt && echo mounted"], "mounted").inside(),
    Work::new("own-servers", &[], &["probe", "own-servers"], "reached").contained(),
    Work::new("own-servers-without-network", &["--no-network"], &["probe", "own-servers"], "reached").contained(),
    Work::new("port-of-the-host", &["--allow", "host:7777/tcp"], &["probe", "echo", "127.0.0.1", "7777"], "reached"),
    Work::new("name-by-flag", &["--hosts", "db.local=198.51.100.10", "--allow", "db.local:7"], &["probe", "echo", "db.local", "7"], "reached").inside(),
    Work::new("name-server-by-flag", &["--dns", "203.0.113.53", "--allow", "good.example.org:7"], &["probe", "echo", "good.example.org", "7"], "reached").inside(),
    // The command as such.
    Work::new("status", &[], &["sh", "-c", "exit 37"], "").status(37),
    Work::new("not-found", &[], &["netwright-no-such-program"], "").status(127).inside(),
    Work::new("not-executable", &[], &["/etc/passwd"], "").status(126).inside(),
    Work::new("wrong-rule", &["--allow", "good.example.org:x"], &["true"], "").status(125).inside(),
    Work::new("input", &[], &["sh", "-c", "wc -c </dev/stdin"], "0"),
    Work::new("user", &[], &["sh", "-c", "id -u; test $(id -u) != 65534 || echo same"], ""),
    Work::new("spaces", &[], &["printf", "%s|", "a b", "", "*"], "a b||*|"),
];
