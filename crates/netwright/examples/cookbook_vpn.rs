//! # A VPN with a kill switch
//!
//! All traffic goes by a tunnel, but for what the VPN itself sends (its packets have a mark). While the tunnel is down nothing goes past
//! it, by IPv4 or IPv6: its table ends with unreachable defaults. When the program ends, everything is as before.
//!
//!     ip tuntap add vpn0 mode tun;  ip link set vpn0 up
//!     ip address add 10.8.0.2/24 dev vpn0;  ip address add fd00:8::2/64 dev vpn0
//!     for family in -4 -6; do
//!         ip $family route add default dev vpn0 table 51820
//!         ip $family route add unreachable default metric 4294967295 table 51820
//!         ip $family rule add table main suppress_prefixlength 0 priority 99
//!         ip $family rule add not fwmark 51820 table 51820 priority 100
//!     done

use std::io::Read;

use netwright::route::link::Create;
use netwright::route::route::RouteKind;
use netwright::route::{Family, Table};
use netwright::{Change, Net, PolicyRule, Prefix, Route};

const MARK: u32 = 51820;
const VPN: Table = Table(51820);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let mut undo = net.undo();
    let tunnel = undo.create_link(Create::tun("vpn0"))?;
    undo.add_address(&tunnel, "10.8.0.2/24".parse()?)?;
    undo.add_address(&tunnel, "fd00:8::2/64".parse()?)?;
    undo.set_link(&tunnel, Change::up())?;
    for (family, all) in [(Family::IPV4, Prefix::ALL_IPV4), (Family::IPV6, Prefix::ALL_IPV6)] {
        undo.add_route(Route::to(all).dev(&tunnel).table(VPN))?;
        undo.add_route(Route::to(all).of_kind(RouteKind::UNREACHABLE).priority(u32::MAX).table(VPN))?;
        // Networks that are known here stay reachable; defaults do not count.
        undo.add_rule(PolicyRule::lookup(Table::MAIN).suppress_prefix_length(0).family(family).priority(99))?;
        undo.add_rule(PolicyRule::lookup(VPN).mark(MARK).invert().family(family).priority(100))?;
    }
    println!("connected");

    // Until its input ends. A real client would read packets of the tunnel here, and call `undo.on_signals()` before.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    undo.take_back()?;
    println!("as before");
    Ok(())
}
