//! # The same with tokio
//!
//! Every operation returns a future, and no task is ever held up: what may wait for the kernel is done on other threads. Here a thousand
//! routes are added while another task follows them.

use netwright::route::Prefix;
use netwright::watch::{Event, Kinds, Update};
use netwright::{Route, tokio::open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let net = open()?;
    let lo = net.links().get("lo").await?;
    let mut watch = net.watch(Kinds::ROUTES).await?;
    let following = tokio::spawn(async move {
        let mut added = 0;
        while added < 1000 {
            if let Some(Ok(Event::Route(Update::Added(_)))) = watch.next().await {
                added += 1;
            }
        }
        added
    });
    let routes = (0..1000_u32)
        .map(|number| Route::to(Prefix::host((0x0a00_0000 + number).to_be_bytes().into())).dev(&lo));
    let refused = net.routes().add_all(routes).await?;
    println!("{} refused, {} seen", refused.len(), following.await?);
    Ok(())
}
