//! A VPN client: all traffic goes to a TUN interface but for what has the mark, and never past it. Everything is taken
//! back at the end, whichever that is.

use std::fs::File;
use std::io::Read;

use netwright::route::route::RouteKind;
use netwright::route::rule::RuleFlags;
use netwright::route::{Family, Table};
use netwright::sys::Tun;
use netwright::{Change, Namespace, Net, PolicyRule, Prefix, Route};

const MARK: u32 = 51820;
const VPN: Table = Table(51820);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let (device, name) = Tun { name: "vpn0".into(), ..Tun::default() }.open(&Namespace::current()?)?;
    let tunnel = net.links().get(&name)?;

    let mut undo = net.undo();
    undo.on_signals()?;
    undo.add_address(&tunnel, "10.8.0.2/24".parse()?)?;
    undo.add_address(&tunnel, "fd00:8::2/64".parse()?)?;
    undo.set_link(&tunnel, Change::up())?;
    for (family, all) in [(Family::IPV4, Prefix::ALL_IPV4), (Family::IPV6, Prefix::ALL_IPV6)] {
        undo.add_route(Route::to(all).dev(&tunnel).table(VPN))?;
        undo.add_route(Route::to(all).of_kind(RouteKind::UNREACHABLE).priority(u32::MAX).table(VPN))?;
        // Networks that the host is in stay reachable; its default route does not count.
        let known = PolicyRule::lookup(Table::MAIN).family(family).priority(99);
        undo.add_rule(PolicyRule { suppress_prefix_length: Some(0), ..known })?;
        let others = PolicyRule::lookup(VPN).family(family).mark(MARK).priority(100);
        undo.add_rule(PolicyRule { flags: RuleFlags::INVERT, ..others })?;
    }
    println!("connected");

    // A client would encrypt them and send them with the mark.
    let (mut device, mut packet) = (File::from(device), [0; 1500]);
    loop {
        let length = device.read(&mut packet)?;
        println!("a packet of {length} bytes");
    }
}
