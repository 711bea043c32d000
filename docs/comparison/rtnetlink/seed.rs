//! An address, a default route, and a firewall that drops one source.

use std::net::{IpAddr, Ipv4Addr};

use futures::TryStreamExt;
use nftables::batch::Batch;
use nftables::expr::{Expression, NamedExpression, Payload, PayloadField};
use nftables::helper::apply_ruleset_async;
use nftables::schema::{Chain, NfListObject, Rule, Table};
use nftables::stmt::{Counter, Match, Operator, Statement};
use nftables::types::{NfChainType, NfFamily, NfHook};
use rtnetlink::{LinkUnspec, RouteMessageBuilder, new_connection};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (connection, net, _) = new_connection()?;
    tokio::spawn(connection);
    let eth0 = net.link().get().match_name("eth0").execute().try_next().await?.ok_or("there is no eth0")?;
    let index = eth0.header.index;
    net.address().add(index, IpAddr::V4(Ipv4Addr::new(192, 168, 1, 10)), 24).execute().await?;
    net.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(Ipv4Addr::new(192, 168, 1, 1));
    net.route().add(route.output_interface(index).build()).execute().await?;

    let (family, table, chain) = (NfFamily::IP, "myFilter", "myChain");
    let mut firewall = Batch::new();
    firewall.add(NfListObject::Table(Table { family, name: table.into(), ..Table::default() }));
    firewall.add(NfListObject::Chain(Chain {
        family,
        table: table.into(),
        name: chain.into(),
        _type: Some(NfChainType::Filter),
        hook: Some(NfHook::Input),
        prio: Some(0),
        ..Chain::default()
    }));
    let field = PayloadField { protocol: "ip".into(), field: "saddr".into() };
    let source = Match {
        left: Expression::Named(NamedExpression::Payload(Payload::PayloadField(field))),
        right: Expression::String("192.168.1.53".into()),
        op: Operator::EQ,
    };
    let expr =
        [Statement::Match(source), Statement::Counter(Counter::Anonymous(None)), Statement::Drop(None)];
    firewall.add(NfListObject::Rule(Rule {
        family,
        table: table.into(),
        chain: chain.into(),
        expr: expr.as_slice().into(),
        ..Rule::default()
    }));
    apply_ruleset_async(&firewall.to_nftables()).await?;
    Ok(())
}
