//! What a statement loads.

use super::{Expression, Match, ObjectName, QueueTarget, Selector, Statement};

impl Statement {
    /// Everything that is loaded, in the order in which it is; what is written comes first.
    #[must_use]
    pub fn selectors(&self) -> Vec<&Selector> {
        let mut found = Vec::new();
        if let Statement::Assign(selector @ (Selector::Payload(_) | Selector::Exthdr(_)), _) = self {
            found.push(selector);
        }
        for expression in self.expressions() {
            expression.collect(&mut found);
        }
        found
    }

    /// Everything that is loaded to be looked up in a set or map.
    pub(crate) fn looked_up(&self) -> Vec<&Selector> {
        let key = match self {
            Statement::Match(Match { left, right: Expression::Set(_), .. }) => Some(left),
            Statement::VerdictMap(key, _) => Some(key),
            Statement::Object(_, ObjectName::Map(key, _)) => Some(&**key),
            Statement::SetUpdate(update) => Some(&update.key),
            Statement::Match(_)
            | Statement::Verdict(_)
            | Statement::Counter(_)
            | Statement::Quota(_)
            | Statement::Limit(_)
            | Statement::ConnectionLimit { .. }
            | Statement::Last(_)
            | Statement::Object(..)
            | Statement::Log(_)
            | Statement::Reject(_)
            | Statement::Nat(_)
            | Statement::Tproxy(_)
            | Statement::Synproxy(_)
            | Statement::Duplicate(_)
            | Statement::Forward(_)
            | Statement::Queue(_)
            | Statement::Notrack
            | Statement::FlowAdd(_)
            | Statement::Assign(..)
            | Statement::ResetTcpOption(_)
            | Statement::Extension(_)
            | Statement::Raw(_) => None,
        };
        let maps = self.expressions().filter_map(|expression| match expression {
            Expression::Map(key, _) => Some(&**key),
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Exists(_) => None,
        });
        let mut found = Vec::new();
        key.into_iter().chain(maps).for_each(|key| key.collect(&mut found));
        found
    }

    /// The expressions that a statement computes.
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let pair = match self {
            Statement::Match(matched) => [Some(&matched.left), Some(&matched.right)],
            Statement::VerdictMap(key, _) => [Some(key), None],
            Statement::Object(_, ObjectName::Map(key, _)) => [Some(&**key), None],
            Statement::Assign(_, value) => [Some(value), None],
            Statement::Nat(nat) => [nat.address.as_ref(), nat.port.as_ref()],
            Statement::Tproxy(proxy) => [proxy.address.as_ref(), proxy.port.as_ref()],
            Statement::Duplicate(copy) => [copy.address.as_ref(), copy.device.as_ref()],
            Statement::Forward(forward) => [Some(&forward.device), forward.address.as_ref()],
            Statement::Queue(queue) => match &queue.to {
                QueueTarget::Computed(expression) => [Some(&**expression), None],
                QueueTarget::Numbers(..) => [None, None],
            },
            Statement::SetUpdate(update) => [Some(&update.key), update.data.as_ref()],
            Statement::Verdict(_)
            | Statement::Counter(_)
            | Statement::Quota(_)
            | Statement::Limit(_)
            | Statement::ConnectionLimit { .. }
            | Statement::Last(_)
            | Statement::Object(..)
            | Statement::Log(_)
            | Statement::Reject(_)
            | Statement::Synproxy(_)
            | Statement::Notrack
            | Statement::FlowAdd(_)
            | Statement::ResetTcpOption(_)
            | Statement::Extension(_)
            | Statement::Raw(_) => [None, None],
        };
        pair.into_iter().flatten()
    }
}

impl Expression {
    /// Adds everything that is loaded here.
    fn collect<'a>(&'a self, found: &mut Vec<&'a Selector>) {
        match self {
            Expression::Selector(selector) => {
                if let Selector::Hash(hash) = selector
                    && let Some(of) = &hash.of
                {
                    of.collect(found);
                }
                found.push(selector);
            }
            Expression::Concatenation(parts) => parts.iter().for_each(|part| part.collect(found)),
            Expression::Binary(_, left, right) => {
                left.collect(found);
                right.collect(found);
            }
            Expression::Map(key, _) => key.collect(found),
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Set(_)
            | Expression::Exists(_) => {}
        }
    }
}
