//! A monitor: tells as lines what there is (`+`), what comes (`+`) and what goes (`-`).

use netwright::Net;
use netwright::netfilter::SetRef;
use netwright::watch::{Event, Kinds, Options, Update};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kinds = Kinds::LINKS | Kinds::ADDRESSES | Kinds::ROUTES | Kinds::NEIGHBOURS | Kinds::RULESET;
    let watch = Net::open()?.watch(Options::new(kinds).existing())?;
    for event in watch {
        match event? {
            Event::Link(change) => tell(&change, |link| format!("link {}", link.name)),
            Event::Address(change) => {
                tell(&change, |one| format!("address {}/{} dev {}", one.address, one.prefix_length, one.link))
            }
            Event::Route(change) => tell(&change, |route| {
                let dev = route.link.as_ref().map_or_else(String::new, |link| format!(" dev {link}"));
                format!("route {}{dev} table {}", route.destination, route.effective_table().0)
            }),
            Event::Neighbour(change) => tell(&change, |neighbour| format!("neighbour {neighbour}")),
            Event::Table(change) => tell(&change, |table| format!("table {} {}", table.family, table.name)),
            Event::Chain(change) => {
                tell(&change, |chain| format!("chain {} {} {}", chain.family, chain.table, chain.name))
            }
            Event::FirewallRule(change) => tell(&change, |rule| {
                let handle = rule.handle.unwrap_or_default();
                format!("rule {} {} {} {handle}", rule.family, rule.table, rule.chain)
            }),
            Event::Set(change) => {
                tell(&change, |set| format!("set {} {} {}", set.family, set.table, set.name))
            }
            Event::Element(change) => tell(&change, |element| {
                let SetRef { table, name, .. } = &element.set;
                let key = element.element.key_bytes().unwrap_or_default();
                format!("element {} {} {name} {key:02x?}", table.family, table.name)
            }),
            Event::Listed => println!("listed"),
            Event::Resynchronised(_) => println!("some were lost, what differs follows"),
            _ => {}
        }
    }
    Ok(())
}

fn tell<T>(change: &Update<T>, text: impl Fn(&T) -> String) {
    if let Some(before) = change.before() {
        println!("- {}", text(before));
    }
    if let Some(now) = change.now() {
        println!("+ {}", text(now));
    }
}
