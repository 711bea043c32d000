//! # A monitor
//!
//! Tells of addresses and routes that come and go, after what is there. Nothing is lost between, and where the kernel had more to tell
//! than could be taken, the differences follow.
//!
//!     ip monitor address route      # without what there is, and without what was lost

use std::time::Duration;

use netwright::Net;
use netwright::watch::{Event, Kinds, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(u64::MAX), |seconds| seconds.parse())?;
    let net = Net::open()?;
    let mut watch = net.watch(Options::new(Kinds::ADDRESSES | Kinds::ROUTES).existing())?;
    while let Some(event) = watch.next_timeout(Duration::from_secs(seconds))? {
        match event {
            Event::Address(change) => println!("{} address {}", change.verb(), change.object()),
            Event::Route(change) => println!("{} route {}", change.verb(), change.object()),
            Event::Listed => println!("from here on, changes"),
            Event::Resynchronised(_) => println!("some were lost; what is different follows"),
            _ => {}
        }
    }
    Ok(())
}
