//! Keeps a set in step with a file of prefixes, one a line: it reads the file at the start and for each line of its input.

use std::collections::HashSet;
use std::io::stdin;
use std::net::Ipv4Addr;

use nftables::batch::Batch;
use nftables::expr::{Expression, NamedExpression, Payload, PayloadField, Prefix};
use nftables::helper::{DEFAULT_NFT, apply_ruleset_async, get_current_ruleset_with_args_async};
use nftables::schema::{
    Chain, Element, NfListObject, NfObject, Rule, Set, SetFlag, SetType, SetTypeValue, Table,
};
use nftables::stmt::{Counter, Match, Operator, Statement};
use nftables::types::{NfChainType, NfFamily, NfHook};

const FAMILY: NfFamily = NfFamily::INet;
const NAME: &str = "blocklist";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: blocklist FILE")?;
    prepare().await?;
    let mut lines = stdin().lines();
    loop {
        match follow(&file).await {
            Ok((new, gone)) => println!("{new} new, {gone} gone"),
            Err(error) => println!("not changed: {error}"),
        }
        if lines.next().transpose()?.is_none() {
            return Ok(());
        }
    }
}

/// What is there already stays as it is.
async fn prepare() -> Result<(), Failure> {
    let mut batch = Batch::new();
    batch.add(NfListObject::Table(Table { family: FAMILY, name: NAME.into(), ..Table::default() }));
    batch.add(NfListObject::Set(Box::new(Set {
        family: FAMILY,
        table: NAME.into(),
        name: "bad".into(),
        set_type: SetTypeValue::Single(SetType::Ipv4Addr),
        flags: Some([SetFlag::Interval].into()),
        ..Set::default()
    })));
    batch.add(NfListObject::Chain(Chain {
        family: FAMILY,
        table: NAME.into(),
        name: "input".into(),
        _type: Some(NfChainType::Filter),
        hook: Some(NfHook::Input),
        prio: Some(-300),
        ..Chain::default()
    }));
    apply_ruleset_async(&batch.to_nftables()).await?;

    let there =
        get_current_ruleset_with_args_async(DEFAULT_NFT, ["list", "chain", "inet", NAME, "input"]).await?;
    let is_ours = |object: &NfObject| match object {
        NfObject::ListObject(NfListObject::Rule(rule)) => rule.comment.as_deref() == Some(NAME),
        _ => false,
    };
    if there.objects.iter().any(is_ours) {
        return Ok(());
    }
    let field = PayloadField { protocol: "ip".into(), field: "saddr".into() };
    let source = Match {
        left: Expression::Named(NamedExpression::Payload(Payload::PayloadField(field))),
        right: Expression::String("@bad".into()),
        op: Operator::EQ,
    };
    let expr =
        [Statement::Match(source), Statement::Counter(Counter::Anonymous(None)), Statement::Drop(None)];
    let mut batch = Batch::new();
    batch.add(NfListObject::Rule(Rule {
        family: FAMILY,
        table: NAME.into(),
        chain: "input".into(),
        expr: expr.as_slice().into(),
        comment: Some(NAME.into()),
        ..Rule::default()
    }));
    Ok(apply_ruleset_async(&batch.to_nftables()).await?)
}

type Prefixes = HashSet<(Ipv4Addr, u32)>;

async fn follow(file: &str) -> Result<(usize, usize), Failure> {
    let (wanted, there) = (read(file)?, listed().await?);
    let new: Vec<_> = wanted.difference(&there).collect();
    let gone: Vec<_> = there.difference(&wanted).collect();
    let mut batch = Batch::new();
    if !gone.is_empty() {
        batch.delete(elements(&gone));
    }
    if !new.is_empty() {
        batch.add(elements(&new));
    }
    if !(gone.is_empty() && new.is_empty()) {
        apply_ruleset_async(&batch.to_nftables()).await?;
    }
    Ok((new.len(), gone.len()))
}

fn read(file: &str) -> Result<Prefixes, Failure> {
    let one = |line: &str| {
        let (address, length) = line.split_once('/').unwrap_or((line, "32"));
        Ok((address.parse()?, length.parse()?))
    };
    std::fs::read_to_string(file)?.lines().map(one).collect()
}

async fn listed() -> Result<Prefixes, Failure> {
    let there =
        get_current_ruleset_with_args_async(DEFAULT_NFT, ["list", "set", "inet", NAME, "bad"]).await?;
    let mut prefixes = Prefixes::new();
    for object in there.objects.iter() {
        let NfObject::ListObject(NfListObject::Set(set)) = object else { continue };
        for element in set.elem.iter().flat_map(|elements| elements.iter()) {
            let (address, length) = match element {
                Expression::String(address) => (address, 32),
                Expression::Named(NamedExpression::Prefix(Prefix { addr, len })) => match &**addr {
                    Expression::String(address) => (address, *len),
                    other => return Err(format!("an element is {other:?}").into()),
                },
                other => return Err(format!("an element is {other:?}").into()),
            };
            prefixes.insert((address.parse()?, length));
        }
    }
    Ok(prefixes)
}

fn elements(prefixes: &[&(Ipv4Addr, u32)]) -> NfListObject<'static> {
    let one = |&&(address, len): &&(Ipv4Addr, u32)| {
        let addr = Box::new(Expression::String(address.to_string().into()));
        Expression::Named(NamedExpression::Prefix(Prefix { addr, len }))
    };
    let elem: Vec<_> = prefixes.iter().map(one).collect();
    NfListObject::Element(Element {
        family: FAMILY,
        table: NAME.into(),
        name: "bad".into(),
        elem: elem.into(),
    })
}
