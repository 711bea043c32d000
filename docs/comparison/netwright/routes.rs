//! A thousand routes in tasks of tokio, and what became of each.

use netwright::{Prefix, Route, tokio::open};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = open()?;
    let eth0 = net.links().get("eth0").await?;
    let prefixes: Vec<Prefix> =
        (0..1000_u32).map(|number| Prefix::host((0x0a00_0000 + number).to_be_bytes().into())).collect();
    let refused = net.routes().add_all(prefixes.iter().map(|&to| Route::to(to).dev(&eth0))).await?;
    for failure in &refused {
        println!("{}: {}", prefixes[failure.index], failure.error);
    }
    println!("{} added", prefixes.len() - refused.len());
    Ok(())
}
