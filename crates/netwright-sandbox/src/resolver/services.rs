//! Labels in front of a name that ask for a service of whoever has the name (RFC 2782, RFC 8552).
//!
//! Only those that are in common use are known: any others would be a way to say something to who answers.

/// Protocols that services are offered by.
const PROTOCOLS: [&str; 7] = ["_tcp", "_udp", "_tls", "_quic", "_sctp", "_dccp", "_msdcs"];

/// Services, and ports that have records of their own (TLSA).
const SERVICES: [&str; 105] = [
    "_25",
    "_443",
    "_465",
    "_587",
    "_853",
    "_993",
    "_995",
    "_8443",
    "_afs3-prserver",
    "_afs3-vlserver",
    "_amqp",
    "_amqps",
    "_autodiscover",
    "_caldav",
    "_caldavs",
    "_carddav",
    "_carddavs",
    "_ceph-mon",
    "_cisco-uds",
    "_collab-edge",
    "_consul",
    "_diameter",
    "_dns",
    "_dns-sd",
    "_docker",
    "_domain",
    "_domain-s",
    "_etcd-client",
    "_etcd-client-ssl",
    "_etcd-server",
    "_etcd-server-ssl",
    "_finger",
    "_ftp",
    "_gc",
    "_git",
    "_grpc",
    "_grpclb",
    "_h323cs",
    "_h323ls",
    "_hkp",
    "_hkps",
    "_http",
    "_https",
    "_imap",
    "_imaps",
    "_ipp",
    "_ipps",
    "_ircs",
    "_jabber",
    "_jmap",
    "_kafka",
    "_kerberos",
    "_kerberos-adm",
    "_kerberos-master",
    "_kpasswd",
    "_ldap",
    "_ldaps",
    "_matrix",
    "_matrix-fed",
    "_minecraft",
    "_mongodb",
    "_mqtt",
    "_mysql",
    "_nats",
    "_nfs",
    "_nfs4",
    "_ntp",
    "_pgpkey-http",
    "_pgpkey-https",
    "_pop3",
    "_pop3s",
    "_postgres",
    "_postgresql",
    "_puppet",
    "_radiustls",
    "_redis",
    "_rediss",
    "_rsync",
    "_rtmp",
    "_secure-mqtt",
    "_sftp-ssh",
    "_sieve",
    "_sip",
    "_sips",
    "_smb",
    "_smtp",
    "_smtps",
    "_ssh",
    "_stun",
    "_stuns",
    "_submission",
    "_submissions",
    "_svn",
    "_telnet",
    "_ts3",
    "_turn",
    "_turns",
    "_vault",
    "_vlmcs",
    "_webdav",
    "_webdavs",
    "_ws",
    "_wss",
    "_xmpp-client",
    "_xmpp-server",
];

/// Labels that stand alone.
const ALONE: [&str; 12] = [
    "_acme-challenge",
    "_adsp",
    "_atproto",
    "_bimi",
    "_dmarc",
    "_dns",
    "_dnslink",
    "_domainkey",
    "_mta-sts",
    "_openpgpkey",
    "_smimecert",
    "_spf",
];

/// How many labels of a service a name begins with.
pub(super) fn labels<'a>(mut labels: impl Iterator<Item = &'a [u8]>) -> usize {
    let is_one =
        |label: &[u8], known: &[&str]| known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(label));
    let Some(first) = labels.next() else { return 0 };
    let is_port = first.get(1).is_some_and(u8::is_ascii_digit);
    match labels.next() {
        Some(second) if is_one(second, &PROTOCOLS) => usize::from(is_one(first, &SERVICES)) * 2,
        // a web server at another port than usual (RFC 9460 section 9.1)
        Some(second) if is_one(second, &["_https"]) => usize::from(is_port && is_one(first, &SERVICES)) * 2,
        _ => is_one(first, &ALONE).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str) -> usize {
        labels(name.split('.').map(str::as_bytes))
    }

    #[test]
    fn services_in_common_use_are_known() {
        for name in
            ["_https._tcp.example.org", "_8443._https.example.org", "_443._TCP.example.org", "_Sip._udp.a"]
        {
            assert_eq!(count(name), 2, "{name}");
        }
        assert_eq!((count("_dmarc.example.org"), count("_dns.example.org")), (1, 1));
    }

    #[test]
    fn nothing_else_is_said_by_them() {
        let names =
            ["_secret._tcp.example.org", "_tcp.example.org", "_54321._tcp.example.org", "_a.example.org"];
        for name in names.into_iter().chain([
            "_https._https._tcp.example.org",
            "_dmarc._tcp.example.org",
            "example.org",
            "",
        ]) {
            assert_eq!(count(name), 0, "{name}");
        }
    }
}
