//! A CNI plugin: a pair of veths into a bridge, an address and a default route, masquerading and forwarded ports.

use std::env::var;
use std::error::Error;
use std::io::stdin;
use std::net::IpAddr;

use netwright::nft::{self, Family, Table};
use netwright::route::link::Peer;
use netwright::{Address, Change, Create, Namespace, Net, Route};
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

fn main() {
    if let Err(error) = run() {
        println!("{}", json!({"cniVersion": "1.0.0", "code": 100, "msg": error.to_string()}));
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let config: Config = serde_json::from_reader(stdin())?;
    let id = var("CNI_CONTAINERID")?;
    match var("CNI_COMMAND")?.as_str() {
        "ADD" => add(&config, &id),
        "DEL" => delete(&id),
        other => Err(format!("{other} is not a command").into()),
    }
}

/// The end of the container's pair of veths on the host.
fn veth(id: &str) -> String {
    format!("veth{id:.11}")
}

fn add(config: &Config, id: &str) -> Result<(), Box<dyn Error>> {
    let (path, name) = (var("CNI_NETNS")?, var("CNI_IFNAME")?);
    let (gateway, address): (Address, Address) = (config.gateway.parse()?, config.address.parse()?);
    let IpAddr::V4(router) = gateway.address else { return Err("the gateway is not of IPv4".into()) };
    let namespace = Namespace::open_path(&path)?;
    let (host, container) = (Net::open()?, Net::open_in(&namespace)?);

    // The bridge has a hardware address of its own, for it would change with the ports otherwise.
    let [a, b, c, d] = router.octets();
    let own = Change::address([2, 0, a, b, c, d]).and(Change::up());
    let bridge = host.links().ensure(Create::bridge(&config.bridge).with(own))?.into_object();
    host.addresses().ensure(&bridge, gateway)?;
    host.settings().set_forwarding(true)?;

    // Until the end, whatever fails takes the pair back, and with it all that is inside.
    let mut undo = host.undo();
    let inside = Change::rename(&name).and(Change::namespace(&namespace)).and(Change::up());
    let outside = Change::master(&bridge).and(Change::up());
    undo.create_link(Create::veth(&veth(id), Peer::new(&inside)).with(outside))?;
    let eth0 = container.links().get(&name)?;
    container.addresses().add(&eth0, address.clone())?;
    container.routes().add(Route::default_via(router.into()).dev(&eth0))?;

    let (bridge, to) = (&config.bridge, address.address);
    let mut forwards = String::new();
    for PortMapping { host_port, container_port, protocol } in &config.runtime_config.port_mappings {
        let port = format!("{protocol} dport {host_port}");
        forwards.push_str(&format!("fib daddr type local {port} dnat to {to}:{container_port};"));
    }
    let mut firewall = host.nft().batch();
    firewall.extend(nft::parse(&format!(
        "create table ip cni-{id}
        table ip cni-{id} {{
            chain prerouting {{ type nat hook prerouting priority dstnat; {forwards} }}
            chain postrouting {{
                type nat hook postrouting priority srcnat
                ip saddr {to} oifname != \"{bridge}\" masquerade
            }}
        }}"
    ))?)?;
    firewall.commit()?;
    undo.keep();

    let interfaces = json!([{"name": name, "sandbox": path}]);
    let ips = json!([{"address": config.address, "gateway": router, "interface": 0}]);
    println!("{}", json!({"cniVersion": "1.0.0", "interfaces": interfaces, "ips": ips}));
    Ok(())
}

fn delete(id: &str) -> Result<(), Box<dyn Error>> {
    let host = Net::open()?;
    match host.links().get(&veth(id)) {
        Ok(link) => host.links().delete(&link)?,
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let mut firewall = host.nft().batch();
    firewall.destroy(&Table::new(Family::IPV4, format!("cni-{id}")));
    firewall.commit()?;
    Ok(())
}
