//! Events in tasks of tokio.

use std::pin::pin;
use std::task::Poll;

use futures_core::Stream;
use netwright::tokio::open;
use tokio::runtime::Builder;

use super::*;

pub(super) fn events_are_a_stream(_: &mut Lab) -> Outcome {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let net = open()?;
        let mut watch = net.watch(Options::new(Kinds::LINKS).existing()).await?;
        // As a stream, and by its own method.
        let mut stream = pin!(&mut watch);
        let first = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await;
        ensure!(matches!(first, Some(Ok(Event::Link(Update::Existing(_))))), "{first:?}");
        while !matches!(watch.next().await, Some(Ok(Event::Listed))) {}
        let waiting = std::future::poll_fn(|context| Poll::Ready(pin!(watch.next()).poll_now(context))).await;
        ensure!(waiting.is_none(), "there is nothing yet");
        net.links().create(Create::bridge("b")).await?;
        let Some(Ok(Event::Link(Update::Added(link)))) = watch.next().await else {
            return Err(Failure::wrong("no link"));
        };
        ensure_eq!(&*link.name, "b");
        ensure!(watch.store().link("b").is_some());
        Ok(())
    })
}

trait PollNow: std::future::Future + Sized {
    fn poll_now(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Option<Self::Output> {
        match self.poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}

impl<F: std::future::Future> PollNow for F {}

pub(super) fn an_overrun_is_made_good_in_a_task(_: &mut Lab) -> Outcome {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let net = open()?;
        let link = net.links().create(Create::bridge("b").with(LinkChange::up())).await?;
        let route =
            |n: u32| Route::to(netwright::Prefix::host((0x0a00_0000 + n).to_be_bytes().into())).dev(&link);
        let mut watch = net.watch(Options::new(Kinds::ROUTES).existing().buffer(50_000)).await?;
        let mut sum = Sum::default();
        ensure_eq!(net.routes().add_all((0..20_000).map(route)).await?, []);
        let own = |sum: &Sum| sum.routes.iter().filter(|route| route.contains("address: 10.")).count();
        while sum.resynchronised == 0 || sum.routes.len() < 20_000 || own(&sum) < 20_000 {
            let event = watch.next().await.ok_or(Failure::wrong("it ended"))??;
            sum.add(&event)?;
        }
        let blocking = Net::open()?;
        let of_link = |routes: &BTreeSet<String>| {
            routes.iter().filter(|route| route.contains("address: 10.")).cloned().collect()
        };
        same("routes", &of_link(&sum.routes), &of_link(&all_routes(&blocking)?))
    })
}
