//! A CNI plugin: a pair of veths into a bridge, an address and a default route, masquerading and forwarded ports.

use std::env::var;
use std::error::Error;
use std::fs::File;
use std::io::stdin;
use std::net::Ipv4Addr;
use std::path::Path;

use nlink::netlink::addr::Ipv4Address;
use nlink::netlink::config::NetworkConfig;
use nlink::netlink::link::{LinkCreateExt, VethLink};
use nlink::netlink::nftables::{BaseChain, Chain, Family, FibFlags, NatHook, Priority, Rule};
use nlink::netlink::route::Ipv4Route;
use nlink::netlink::types::route::RouteType;
use nlink::netlink::{Connection, Nftables, Route, sysctl};
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

async fn add(config: &Config, id: &str) -> Result<(), Box<dyn Error>> {
    let (path, name) = (var("CNI_NETNS")?, var("CNI_IFNAME")?);
    let (gateway, _) = prefix(&config.gateway)?;
    let [a, b, c, d] = gateway.octets();
    let host = Connection::<Route>::new()?;
    let applied = NetworkConfig::new()
        // An address of its own, for it would change with the ports otherwise.
        .link(&config.bridge, |link| link.bridge().address([2, 0, a, b, c, d]).up())
        .address(&config.bridge, &config.gateway)?
        .apply(&host)
        .await?;
    if !applied.is_success() {
        return Err(applied.summary_text().into());
    }
    sysctl::set("net.ipv4.ip_forward", "1")?;

    let namespace = File::open(&path)?;
    let pair = VethLink::new(veth(id), &name).peer_netns_fd(&namespace);
    host.add_link(pair.master(&config.bridge).up()).await?;
    // Whatever fails takes the pair back, and with it all that is inside.
    if let Err(error) = configure(config, id, &path, &name).await {
        host.del_link(veth(id)).await?;
        return Err(error);
    }

    let interfaces = json!([{"name": name, "sandbox": path}]);
    let ips = json!([{"address": config.address, "gateway": gateway, "interface": 0}]);
    println!("{}", json!({"cniVersion": "1.0.0", "interfaces": interfaces, "ips": ips}));
    Ok(())
}

async fn configure(config: &Config, id: &str, path: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let ((gateway, _), (address, length)) = (prefix(&config.gateway)?, prefix(&config.address)?);
    let container = Connection::<Route>::new_in(Path::new(path))?;
    container.add_address(Ipv4Address::new(name, address, length)).await?;
    container.set_link_up(name).await?;
    container.add_route(Ipv4Route::default_route().gateway(gateway).dev(name)).await?;

    let table = format!("cni-{id}");
    let chain = |name: &str, base| {
        Ok::<_, nlink::Error>(Chain::new(table.as_str(), name)?.family(Family::Ip).base(base))
    };
    let rule = |chain: &str| Rule::new(&table, chain).family(Family::Ip);
    let nft = Connection::<Nftables>::new()?;
    let mut firewall = nft
        .transaction()
        .add_table(&table, Family::Ip)
        .add_chain(chain("prerouting", BaseChain::nat(NatHook::Prerouting, Priority::DstNat))?)
        .add_chain(chain("postrouting", BaseChain::nat(NatHook::Postrouting, Priority::SrcNat))?);
    for PortMapping { host_port, container_port, protocol } in &config.runtime_config.port_mappings {
        let local = rule("prerouting").match_fib_type(FibFlags::DADDR, RouteType::Local);
        let matched = match protocol.as_str() {
            "tcp" => local.match_tcp_dport(*host_port),
            "udp" => local.match_udp_dport(*host_port),
            other => return Err(format!("{other} has no ports to forward").into()),
        };
        firewall = firewall.add_rule(matched.dnat(address, Some(*container_port)));
    }
    let leaving = rule("postrouting").match_saddr_v4(address, 32).match_oif_not(&config.bridge);
    firewall.add_rule(leaving.masquerade()).commit(&nft).await?;
    Ok(())
}

async fn delete(id: &str) -> Result<(), Box<dyn Error>> {
    Connection::<Route>::new()?.del_link_if_exists(veth(id)).await?;
    Connection::<Nftables>::new()?.del_table_if_exists(format!("cni-{id}").as_str(), Family::Ip).await?;
    Ok(())
}
