//! Rules.

mod action;

use std::time::Duration;

use netwright_netfilter::{ChainRef, Expression as KernelExpression, Family};

use super::key::{Fields, Mapping, Member, Membership};
use super::statement::Computed;
use super::value::{Constant, Declared, FlagSet, Scalar};
use super::{Chain, Definition, Existence, Invalid, Map, Object, Operand, Set, Typed, Wanted, written};
use crate::ir::{
    self, Anchor, BinaryOperator, Counter, Entity, Expression, Limit, Log, Match, MatchOperator, ObjectName,
    Quota, Selection, SetUpdate, SetUpdateOperation, Statement, Target, TypePart, Value, Verdict,
};

/// A rule: steps one after the other, of which the first match that fails ends it. What a step needs before it (that a
/// packet is TCP before its port is looked at) is put in by itself.
///
/// ```
/// use netwright_nft::build::{Chain, CtState, Family, Limit, Rule, Set, Table, Verdict, ct, ip, meta, prefix, tcp};
/// use std::net::Ipv4Addr;
///
/// let table = Table::new(Family::IPV4, "filter");
/// let (input, web) = (Chain::new(&table, "input"), Chain::new(&table, "web"));
/// let blocked = Set::<Ipv4Addr>::new(&table, "blocked");
///
/// let rules = [
///     Rule::in_chain(&input).any(ct::STATE, CtState::ESTABLISHED | CtState::RELATED).accept(),
///     Rule::in_chain(&input).is_in(ip::SADDR, &blocked).counter().drop(),
///     Rule::in_chain(&input).eq(meta::IIFNAME, "eth0").is_in(tcp::DPORT, [80, 443]).jump(&web),
///     Rule::in_chain(&input).eq((ip::SADDR, tcp::DPORT), (prefix(Ipv4Addr::new(10, 0, 0, 0), 8), 22)).accept(),
///     Rule::in_chain(&input).vmap(tcp::DPORT, [(25, Verdict::Drop), (53, Verdict::Accept)]),
///     Rule::in_chain(&input).limit(Limit::per_minute(10)).log("dropped: ").comment("the rest"),
/// ];
/// # let _ = rules;
/// ```
///
/// A value of another type does not compile:
///
/// ```compile_fail
/// # use netwright_nft::build::{Chain, Family, Rule, Table, ip};
/// # let input = Chain::new(&Table::new(Family::IPV4, "filter"), "input");
/// Rule::in_chain(&input).eq(ip::SADDR, std::net::Ipv6Addr::LOCALHOST);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing before it is added to a batch"]
pub struct Rule {
    family: Family,
    table: String,
    chain: String,
    rule: ir::Rule,
    anchor: Option<Anchor>,
    sets: Vec<ir::Set>,
    invalid: Option<Invalid>,
}

impl Rule {
    /// A rule of a chain, without any step.
    pub fn in_chain(chain: &Chain) -> Self {
        let (family, table) = chain.table();
        Rule {
            family,
            table: table.to_owned(),
            chain: chain.name().to_owned(),
            rule: ir::Rule::default(),
            anchor: None,
            sets: Vec::new(),
            invalid: None,
        }
    }

    /// The chain that it is for.
    #[must_use]
    pub fn chain(&self) -> ChainRef {
        ChainRef::new(self.family, self.table.clone(), self.chain.clone())
    }

    /// Its place: added behind the rule with this handle, inserted before it, or put in its place.
    pub fn at(mut self, handle: u64) -> Self {
        self.anchor = Some(Anchor::Handle(handle));
        self
    }

    /// A comment on it, of at most 128 bytes.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.rule.comment = Some(comment.into());
        let written = written::comment(self.rule.comment.as_ref());
        self.right(written);
        self
    }

    /// A step in the terms of the language.
    pub fn statement(mut self, statement: Statement) -> Self {
        self.rule.statements.push(statement);
        self
    }

    /// A step instruction by instruction, as [`raw`](netwright_netfilter::raw) writes it.
    pub fn raw(self, expressions: impl IntoIterator<Item = KernelExpression>) -> Self {
        self.statement(Statement::Raw(expressions.into_iter().collect()))
    }

    /// Notes the first thing that is wrong.
    fn right(&mut self, result: Result<(), Invalid>) {
        if let Err(invalid) = result {
            self.invalid.get_or_insert(invalid);
        }
    }

    /// What is used is of the rule's own table: the kernel knows it by its name alone.
    fn of_this_table(&self, what: &str, name: &str, (family, table): (Family, &str)) -> Result<(), Invalid> {
        if (family, table) == (self.family, self.table.as_str()) {
            return Ok(());
        }
        Err(Invalid::new(format!(
            "{what} {name} is of table {family} {table}, and rules of {} {} cannot use it",
            self.family, self.table
        )))
    }

    /// What is computed; the sets that it looks into are remembered.
    fn take(&mut self, Computed { expression, sets }: Computed) -> Expression {
        self.sets.extend(sets);
        expression
    }

    fn step(mut self, statement: Result<Statement, Invalid>) -> Self {
        match statement {
            Ok(statement) => self.rule.statements.push(statement),
            Err(invalid) => {
                self.invalid.get_or_insert(invalid);
            }
        }
        self
    }

    fn compare<F: Fields>(self, operator: MatchOperator, fields: F, value: impl Member<F::Value>) -> Self {
        let matched = fields.parts().and_then(|parts| {
            let right = match (value.member(&parts)?, parts.len()) {
                (value, 1) => value,
                (values, _) => super::key::anonymous(vec![values]),
            };
            Ok(Statement::Match(Match { operator, left: fields.expression()?, right }))
        });
        self.step(matched)
    }

    /// Goes on if the field is the value, or in the prefix or range.
    pub fn eq<F: Fields>(self, fields: F, value: impl Member<F::Value>) -> Self {
        self.compare(MatchOperator::Equal, fields, value)
    }

    /// Goes on if the field is not the value, or not in the prefix or range.
    pub fn ne<F: Fields>(self, fields: F, value: impl Member<F::Value>) -> Self {
        self.compare(MatchOperator::NotEqual, fields, value)
    }

    fn order<T: Scalar>(self, operator: MatchOperator, field: Typed<T>, value: impl Constant<T>) -> Self {
        let matched = field.part().and_then(|part| {
            let right = Expression::Value(value.into_scalar().value(&part)?);
            Ok(Statement::Match(Match { operator, left: field.expression()?, right }))
        });
        self.step(matched)
    }

    /// Goes on if the field is less than the value.
    pub fn lt<T: Scalar>(self, field: Typed<T>, value: impl Constant<T>) -> Self {
        self.order(MatchOperator::Less, field, value)
    }

    /// Goes on if the field is at most the value.
    pub fn le<T: Scalar>(self, field: Typed<T>, value: impl Constant<T>) -> Self {
        self.order(MatchOperator::LessOrEqual, field, value)
    }

    /// Goes on if the field is greater than the value.
    pub fn gt<T: Scalar>(self, field: Typed<T>, value: impl Constant<T>) -> Self {
        self.order(MatchOperator::Greater, field, value)
    }

    /// Goes on if the field is at least the value.
    pub fn ge<T: Scalar>(self, field: Typed<T>, value: impl Constant<T>) -> Self {
        self.order(MatchOperator::GreaterOrEqual, field, value)
    }

    fn member<F: Fields>(
        mut self,
        operator: MatchOperator,
        fields: F,
        set: impl Membership<F::Value>,
    ) -> Self {
        let matched = fields.parts().and_then(|parts| set.membership(&parts)).and_then(|(right, set)| {
            self.sets.extend(set);
            Ok(Statement::Match(Match { operator, left: fields.expression()?, right }))
        });
        self.step(matched)
    }

    /// Goes on if the field is in a named set, or one of several values.
    pub fn is_in<F: Fields>(self, fields: F, set: impl Membership<F::Value>) -> Self {
        self.member(MatchOperator::Implicit, fields, set)
    }

    /// Goes on if the field is not in a named set, and none of several values.
    pub fn not_in<F: Fields>(self, fields: F, set: impl Membership<F::Value>) -> Self {
        self.member(MatchOperator::NotEqual, fields, set)
    }

    fn with_flags<T: FlagSet>(self, operator: MatchOperator, field: Typed<T>, flags: T) -> Self {
        let matched = field.part().and_then(|part| {
            let all = flags.value(&part)?.as_number().unwrap_or_default();
            let bits = (0..part.bits).map(|bit| 1u128 << bit).filter(|bit| all & bit != 0);
            let mut values: Vec<Value> =
                bits.map(|bit| Value::number(part.data_type, part.bits, bit)).collect();
            let right = match (values.len(), values.pop()) {
                (1, Some(only)) => Expression::Value(only),
                (_, Some(last)) => {
                    values.push(last);
                    Expression::Flags(values)
                }
                (_, None) => return Err(Invalid::new("there are no flags to compare with")),
            };
            Ok(Statement::Match(Match { operator, left: field.expression()?, right }))
        });
        self.step(matched)
    }

    /// Goes on if any of the flags is set: `ct state established,related`.
    pub fn any<T: FlagSet>(self, field: Typed<T>, flags: T) -> Self {
        self.with_flags(MatchOperator::Implicit, field, flags)
    }

    /// Goes on if none of the flags is set.
    pub fn none<T: FlagSet>(self, field: Typed<T>, flags: T) -> Self {
        self.with_flags(MatchOperator::NoneOf, field, flags)
    }

    /// Goes on if of the flags in the mask exactly these are set: `tcp flags & (syn | ack) == syn`.
    pub fn masked<T: Scalar>(self, field: Typed<T>, mask: impl Constant<T>, value: impl Constant<T>) -> Self {
        let matched = field.part().and_then(|part| {
            let mask = Expression::Value(mask.into_scalar().value(&part)?);
            let left = Expression::Binary(BinaryOperator::And, Box::new(field.expression()?), Box::new(mask));
            let right = Expression::Value(value.into_scalar().value(&part)?);
            Ok(Statement::Match(Match { operator: MatchOperator::Equal, left, right }))
        });
        self.step(matched)
    }

    fn existence(self, existence: Existence, there: bool) -> Self {
        let matched = existence.selector().map(|selector| {
            let (left, right) = (Expression::Selector(selector), Expression::Exists(there));
            Statement::Match(Match { operator: MatchOperator::Equal, left, right })
        });
        self.step(matched)
    }

    /// Goes on if the packet has an extension header or option, or the routing table an entry for it.
    pub fn exists(self, existence: Existence) -> Self {
        self.existence(existence, true)
    }

    /// Goes on if the packet has no such extension header or option, or the routing table no entry for it.
    pub fn missing(self, existence: Existence) -> Self {
        self.existence(existence, false)
    }

    /// Decides what a verdict map says about the fields; goes on where it says nothing.
    #[doc(alias = "verdict_map")]
    pub fn vmap<F: Fields>(mut self, fields: F, map: impl Mapping<F::Value, Verdict>) -> Self {
        let decided = fields.parts().and_then(|parts| map.mapping(&parts)).and_then(|(map, set)| {
            self.sets.extend(set);
            Ok(Statement::VerdictMap(fields.expression()?, map))
        });
        self.step(decided)
    }

    /// Counts packets and bytes, from zero.
    pub fn counter(self) -> Self {
        self.statement(Statement::Counter(Counter::default()))
    }

    /// Notes when it was last reached.
    pub fn last(self) -> Self {
        self.statement(Statement::Last(None))
    }

    /// Uses a stateful object: counts with a named counter, and so on.
    pub fn object(mut self, object: &Object) -> Self {
        let table = object.reference().table;
        let same = self.of_this_table("object", object.name(), (table.family, &table.name));
        self.right(same);
        let name = ObjectName::Name(object.name().to_owned());
        self.statement(Statement::Object(object.kind(), name))
    }

    /// Goes on up to, or above, a rate.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.right(a_unit(&limit));
        self.statement(Statement::Limit(limit))
    }

    /// Goes on up to, or above, an amount.
    pub fn quota(self, quota: Quota) -> Self {
        self.statement(Statement::Quota(quota))
    }

    /// Goes on while there are at most so many connections.
    pub fn connections(self, count: u32) -> Self {
        self.statement(Statement::ConnectionLimit { count, over: false })
    }

    /// Goes on once there are more connections.
    pub fn connections_over(self, count: u32) -> Self {
        self.statement(Statement::ConnectionLimit { count, over: true })
    }

    /// Writes to the log: with a prefix, or as a [`Log`] says.
    pub fn log(mut self, log: impl Into<Log>) -> Self {
        let log = log.into();
        self.right(log.prefix.as_ref().map_or(Ok(()), |prefix| written::text("the prefix of a log", prefix)));
        self.statement(Statement::Log(log))
    }

    /// Leaves the packet out of connection tracking.
    pub fn notrack(self) -> Self {
        self.statement(Statement::Notrack)
    }

    /// Sets a mark, a field or what else can be set: to a constant, to what another field has, or what a map holds.
    pub fn set<T: Scalar>(mut self, field: Typed<T>, value: impl Operand<T>) -> Self {
        let assigned = field.part().and_then(|part| value.operand(&part)).and_then(|computed| {
            let computed = self.take(computed);
            Ok(Statement::Assign(field.selector()?, computed))
        });
        self.step(assigned)
    }

    fn update<F: Fields>(
        mut self,
        operation: SetUpdateOperation,
        set: ir::Set,
        fields: F,
        data: Option<Expression>,
        timeout: Option<Duration>,
        statements: Vec<Statement>,
    ) -> Self {
        let name = set.name.clone();
        self.sets.push(set);
        let updated = fields.expression().and_then(|key| {
            let timeout = timeout.map(written::milliseconds).transpose()?;
            let update = SetUpdate { operation, set: name, key, data, timeout, statements, comment: None };
            Ok(Statement::SetUpdate(update))
        });
        self.step(updated)
    }

    /// Adds the fields to a set, unless they are in it; with a timeout where one is given.
    pub fn add_to<F: Fields>(self, set: &Set<F::Value>, fields: F, timeout: Option<Duration>) -> Self {
        self.update(SetUpdateOperation::Add, set.declaration(), fields, None, timeout, Vec::new())
    }

    /// Adds the fields to a set, or starts their timeout again.
    pub fn update_in<F: Fields>(self, set: &Set<F::Value>, fields: F, timeout: Option<Duration>) -> Self {
        self.update(SetUpdateOperation::Update, set.declaration(), fields, None, timeout, Vec::new())
    }

    /// Adds the fields to a set and goes on up to, or above, a rate that each element has for itself.
    pub fn limit_each<F: Fields>(mut self, set: &Set<F::Value>, fields: F, limit: Limit) -> Self {
        self.right(a_unit(&limit));
        let limit = vec![Statement::Limit(limit)];
        self.update(SetUpdateOperation::Update, set.declaration(), fields, None, None, limit)
    }

    /// Adds the fields to a set and counts packets and bytes of each element.
    pub fn count_each<F: Fields>(self, set: &Set<F::Value>, fields: F) -> Self {
        let counter = vec![Statement::Counter(Counter::default())];
        self.update(SetUpdateOperation::Update, set.declaration(), fields, None, None, counter)
    }

    /// Adds the fields to a set and goes on up to, or above, an amount that each element has for itself.
    pub fn quota_each<F: Fields>(self, set: &Set<F::Value>, fields: F, quota: Quota) -> Self {
        let quota = vec![Statement::Quota(quota)];
        self.update(SetUpdateOperation::Update, set.declaration(), fields, None, None, quota)
    }

    /// Adds the fields to a set and goes on once an element has more connections.
    pub fn connections_each_over<F: Fields>(self, set: &Set<F::Value>, fields: F, count: u32) -> Self {
        let limit = vec![Statement::ConnectionLimit { count, over: true }];
        self.update(SetUpdateOperation::Add, set.declaration(), fields, None, None, limit)
    }

    /// Writes into a map what the fields are mapped to from now on, and starts the timeout again.
    pub fn update_map<F: Fields, V: Scalar + Declared>(
        mut self,
        map: &Map<F::Value, V>,
        fields: F,
        value: impl Operand<V>,
        timeout: Option<Duration>,
    ) -> Self {
        match value.operand(&TypePart::of(V::KIND)) {
            Ok(data) => {
                let data = Some(self.take(data));
                self.update(SetUpdateOperation::Update, map.declaration(), fields, data, timeout, Vec::new())
            }
            Err(invalid) => self.step(Err(invalid)),
        }
    }

    /// Deletes the fields from a set.
    pub fn delete_from<F: Fields>(self, set: &Set<F::Value>, fields: F) -> Self {
        self.update(SetUpdateOperation::Delete, set.declaration(), fields, None, None, Vec::new())
    }
}

/// A rate is per second, minute, hour, day or week.
fn a_unit(limit: &Limit) -> Result<(), Invalid> {
    match limit.seconds {
        1 | 60 | 3600 | 86_400 | 604_800 => Ok(()),
        seconds => Err(Invalid::new(format!(
            "a rate is per second, minute, hour, day or week, and not per {seconds} seconds"
        ))),
    }
}

impl Definition for Rule {
    type Handle = ();

    fn define(mut self) -> (Result<Wanted, Invalid>, ()) {
        let of_table = |set: &ir::Set| self.of_this_table("set", &set.name, (set.family, &set.table));
        let same = self.sets.iter().try_for_each(of_table);
        self.right(same);
        let Rule { family, table, chain, rule, anchor, sets, invalid } = self;
        let wanted = match invalid {
            Some(invalid) => Err(invalid.within(format_args!("a rule in {family} {table} {chain}"))),
            None => {
                let target = Target::Rule { family, table, chain, anchor, rule, spans: Vec::new() };
                Ok(Wanted { sets, ..Wanted::from(target) })
            }
        };
        (wanted, ())
    }

    /// A rule is named by its handle ([`Rule::at`]) alone.
    fn selection(&self) -> Option<Selection> {
        let Some(Anchor::Handle(handle)) = self.anchor else { return None };
        Some(Selection {
            table: Some(self.table.clone()),
            chain: Some(self.chain.clone()),
            handle: Some(handle),
            ..Selection::all(Entity::Rule, self.family)
        })
    }
}

/// A rule that is written instruction by instruction.
///
/// ```
/// use netwright_nft::build::{Chain, Family, RawRule, Table};
/// use netwright_netfilter::raw::*;
///
/// let input = Chain::new(&Table::new(Family::IPV4, "filter"), "input");
/// let rule = RawRule::in_chain(&input, [
///     payload(Base::NETWORK, 12, 4).into(R1),
///     cmp(R1, EQ, [192, 168, 1, 53]),
///     verdict(Verdict::DROP),
/// ]);
/// # let _ = rule;
/// ```
#[derive(Clone, Debug)]
pub struct RawRule;

impl RawRule {
    /// A rule of a chain. It goes on as a [`Rule`].
    pub fn in_chain(chain: &Chain, expressions: impl IntoIterator<Item = KernelExpression>) -> Rule {
        Rule::in_chain(chain).raw(expressions)
    }
}
