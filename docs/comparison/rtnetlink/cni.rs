//! A CNI plugin: a pair of veths into a bridge, an address and a default route, masquerading and forwarded ports.

use std::env::var;
use std::error::Error;
use std::fs::File;
use std::io::stdin;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;

use futures::TryStreamExt;
use nftables::batch::Batch;
use nftables::expr::{
    Expression, Fib, FibFlag, FibResult, Meta, MetaKey, NamedExpression, Payload, PayloadField,
};
use nftables::helper::apply_ruleset_async;
use nftables::schema::{Chain, NfCmd, NfListObject, Rule, Table};
use nftables::stmt::{Match, NAT, Operator, Statement};
use nftables::types::{NfChainType, NfFamily, NfHook};
use nix::sched::{CloneFlags, setns};
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder, new_connection};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    bridge: String,
    gateway: String,
    address: String,
    #[serde(default)]
    runtime_config: Runtime,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Runtime {
    port_mappings: Vec<PortMapping>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortMapping {
    host_port: u16,
    container_port: u16,
    protocol: String,
}

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        println!("{}", json!({"cniVersion": "1.0.0", "code": 100, "msg": error.to_string()}));
        std::process::exit(1);
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let config: Config = serde_json::from_reader(stdin())?;
    let id = var("CNI_CONTAINERID")?;
    match var("CNI_COMMAND")?.as_str() {
        "ADD" => add(&config, &id).await,
        "DEL" => delete(&id).await,
        other => Err(format!("{other} is not a command").into()),
    }
}

/// The end of the container's pair of veths on the host.
fn veth(id: &str) -> String {
    format!("veth{id:.11}")
}

fn prefix(text: &str) -> Result<(Ipv4Addr, u8), Box<dyn Error>> {
    let (address, length) = text.split_once('/').ok_or("an address has a length")?;
    Ok((address.parse()?, length.parse()?))
}

fn host() -> Result<Handle, Box<dyn Error>> {
    let (connection, handle, _) = new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}

/// A connection is in the namespace of the thread that opens it.
fn inside(namespace: File) -> Result<Handle, Box<dyn Error>> {
    let runtime = tokio::runtime::Handle::current();
    let opened = std::thread::spawn(move || {
        let _entered = runtime.enter();
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        new_connection()
    });
    let (connection, handle, _) = opened.join().map_err(|_| "the thread has panicked")??;
    tokio::spawn(connection);
    Ok(handle)
}

async fn find(net: &Handle, name: &str) -> Result<Option<u32>, rtnetlink::Error> {
    match net.link().get().match_name(name).execute().try_next().await {
        Ok(link) => Ok(link.map(|link| link.header.index)),
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -nix::libc::ENODEV => Ok(None),
        Err(error) => Err(error),
    }
}

async fn index(net: &Handle, name: &str) -> Result<u32, Box<dyn Error>> {
    Ok(find(net, name).await?.ok_or_else(|| format!("there is no {name}"))?)
}

async fn add(config: &Config, id: &str) -> Result<(), Box<dyn Error>> {
    let (path, name) = (var("CNI_NETNS")?, var("CNI_IFNAME")?);
    let host = host()?;
    let (gateway, length) = prefix(&config.gateway)?;
    if find(&host, &config.bridge).await?.is_none() {
        // An address of its own, for it would change with the ports otherwise.
        let own = [&[2, 0], gateway.octets().as_slice()].concat();
        host.link().add(LinkBridge::new(&config.bridge).address(own).up().build()).execute().await?;
    }
    let bridge = index(&host, &config.bridge).await?;
    host.address().add(bridge, IpAddr::V4(gateway), length).replace().execute().await?;
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;

    let namespace = File::open(&path)?;
    let mut peer = LinkMessage::default();
    peer.attributes.push(LinkAttribute::IfName(name.clone()));
    peer.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
    let pair = LinkVeth::new(&veth(id), &name).set_info_data(InfoData::Veth(InfoVeth::Peer(peer)));
    host.link().add(pair.controller(bridge).up().build()).execute().await?;
    // Whatever fails takes the pair back, and with it all that is inside.
    if let Err(error) = configure(config, id, namespace, &name).await {
        host.link().del(index(&host, &veth(id)).await?).execute().await?;
        return Err(error);
    }

    let interfaces = json!([{"name": name, "sandbox": path}]);
    let ips = json!([{"address": config.address, "gateway": gateway, "interface": 0}]);
    println!("{}", json!({"cniVersion": "1.0.0", "interfaces": interfaces, "ips": ips}));
    Ok(())
}

async fn configure(config: &Config, id: &str, namespace: File, name: &str) -> Result<(), Box<dyn Error>> {
    let ((gateway, _), (address, length)) = (prefix(&config.gateway)?, prefix(&config.address)?);
    let container = inside(namespace)?;
    let eth0 = index(&container, name).await?;
    container.address().add(eth0, IpAddr::V4(address), length).execute().await?;
    container.link().set(LinkUnspec::new_with_index(eth0).up().build()).execute().await?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).output_interface(eth0);
    container.route().add(route.build()).execute().await?;

    let mut firewall = Batch::new();
    firewall.add_cmd(NfCmd::Create(NfListObject::Table(table(id))));
    firewall.add(chain(id, "prerouting", NfHook::Prerouting, -100));
    firewall.add(chain(id, "postrouting", NfHook::Postrouting, 100));
    let to = Expression::String(address.to_string().into());
    for PortMapping { host_port, container_port, protocol } in &config.runtime_config.port_mappings {
        let fib = Fib { result: FibResult::Type, flags: [FibFlag::Daddr].into() };
        let target = NAT {
            addr: Some(to.clone()),
            family: None,
            port: Some(Expression::Number((*container_port).into())),
            flags: None,
        };
        let statements = vec![
            equal(NamedExpression::Fib(fib), Expression::String("local".into())),
            equal(field(protocol, "dport"), Expression::Number((*host_port).into())),
            Statement::DNAT(Some(target)),
        ];
        firewall.add(rule(id, "prerouting", statements));
    }
    let leaving = Match {
        left: Expression::Named(NamedExpression::Meta(Meta { key: MetaKey::Oifname })),
        right: Expression::String(config.bridge.as_str().into()),
        op: Operator::NEQ,
    };
    let statements =
        vec![equal(field("ip", "saddr"), to), Statement::Match(leaving), Statement::Masquerade(None)];
    firewall.add(rule(id, "postrouting", statements));
    apply_ruleset_async(&firewall.to_nftables()).await?;
    Ok(())
}

fn table<'a>(id: &str) -> Table<'a> {
    Table { family: NfFamily::IP, name: format!("cni-{id}").into(), ..Table::default() }
}

fn chain<'a>(id: &str, name: &'a str, hook: NfHook, priority: i32) -> NfListObject<'a> {
    NfListObject::Chain(Chain {
        family: NfFamily::IP,
        table: table(id).name,
        name: name.into(),
        _type: Some(NfChainType::NAT),
        hook: Some(hook),
        prio: Some(priority),
        ..Chain::default()
    })
}

fn rule<'a>(id: &str, chain: &'a str, statements: Vec<Statement<'a>>) -> NfListObject<'a> {
    NfListObject::Rule(Rule {
        family: NfFamily::IP,
        table: table(id).name,
        chain: chain.into(),
        expr: statements.into(),
        ..Rule::default()
    })
}

fn field<'a>(protocol: &'a str, field: &'a str) -> NamedExpression<'a> {
    let field = PayloadField { protocol: protocol.into(), field: field.into() };
    NamedExpression::Payload(Payload::PayloadField(field))
}

fn equal<'a>(left: NamedExpression<'a>, right: Expression<'a>) -> Statement<'a> {
    Statement::Match(Match { left: Expression::Named(left), right, op: Operator::EQ })
}

async fn delete(id: &str) -> Result<(), Box<dyn Error>> {
    let host = host()?;
    if let Some(index) = find(&host, &veth(id)).await? {
        host.link().del(index).execute().await?;
    }
    // There is no `destroy`: what is added first can be deleted.
    let mut firewall = Batch::new();
    firewall.add(NfListObject::Table(table(id)));
    firewall.delete(NfListObject::Table(table(id)));
    apply_ruleset_async(&firewall.to_nftables()).await?;
    Ok(())
}
