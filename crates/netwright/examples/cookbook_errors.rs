//! # Errors, and what to do about them
//!
//! An error says what was asked, of what, and what the kernel said; `help` says what to do. Programs ask it what it is.

use netwright::{Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let lo = net.links().get("lo")?;

    // Already there, or not there: mostly no error for a program that wants it so.
    let address = || "192.0.2.1/32".parse().map(|address: netwright::Address| address);
    net.addresses().add(&lo, address()?)?;
    match net.addresses().add(&lo, address()?) {
        Err(error) if error.is_exists() => println!("{error}"),
        other => other?,
    }
    match net.links().get("eth77") {
        Err(error) if error.is_not_found() => println!("{error}"),
        other => drop(other?),
    }
    // For a person.
    if let Err(error) = net.routes().add(Route::default_via("198.51.100.1".parse()?)) {
        println!("{error}");
        println!("help: {}", error.help().unwrap_or("none"));
    }
    // Refused before it is sent: the kernel would take it for something else.
    if let Err(error) = net.links().delete(0) {
        println!("{error}");
    }
    // Many at once: the others are done, and each refusal has its place.
    let routes = ["198.51.100.0/24", "198.51.101.5/24", "198.51.102.0/24"];
    let routes: Vec<Route> = routes
        .iter()
        .map(|to| Ok(Route::to(to.parse()?).dev(&lo)))
        .collect::<Result<_, netwright::route::prefix::PrefixError>>()?;
    for failure in net.routes().add_all(&routes)? {
        println!("the {}. route: {}", failure.index + 1, failure.error);
    }
    Ok(())
}
