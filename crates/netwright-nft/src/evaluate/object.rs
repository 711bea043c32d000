//! Stateful objects.

use netwright_netfilter::Family;

use super::{Eval, Evaluator};
use crate::diagnostic::Span;
use crate::ir::{Object, ObjectData, Statement, TypePart};
use crate::syntax::ast::{self, ObjectBody};
use crate::table::{DataType, symbol, vocabulary};

impl<'a> Evaluator<'a> {
    pub(super) fn object(&mut self, object: &'a ast::Object) -> Eval<Object> {
        let name = self.new_name(object.name)?;
        let data = self.object_data(object.name.span, &object.body)?;
        Ok(Object {
            family: self.family,
            table: self.table.clone(),
            name,
            data,
            comment: object.comment.map(|comment| self.text(comment).to_owned()),
            handle: None,
        })
    }

    fn object_data(&mut self, span: Span, body: &'a ObjectBody) -> Eval<ObjectData> {
        let statement = |statement| ObjectData::Statement(Box::new(statement));
        Ok(match body {
            ObjectBody::Counter(counter) => statement(Statement::Counter(self.counter(counter))),
            ObjectBody::Quota(Some(quota)) => statement(Statement::Quota(self.quota(quota))),
            ObjectBody::Limit(Some(limit)) => statement(Statement::Limit(self.limit(limit)?)),
            ObjectBody::Quota(None) => statement(Statement::Quota(crate::ir::Quota::default())),
            ObjectBody::Limit(None) => return self.error(span, "a limit needs a rate: `rate 10/second`"),
            ObjectBody::Synproxy(proxy) => statement(Statement::Synproxy(self.synproxy_object(proxy)?)),
            ObjectBody::CtHelper(helper) => {
                let (l4proto, l3proto) = self.protocols(span, helper.protocol, helper.l3_protocol)?;
                let Some(helper) = helper.helper else {
                    return self.error(span, "a ct helper needs its kind: `type \"ftp\" protocol tcp`");
                };
                ObjectData::CtHelper { helper: self.text(helper).to_owned(), l4proto, l3proto }
            }
            ObjectBody::CtTimeout(timeout) => {
                let (l4proto, l3proto) = self.protocols(span, timeout.protocol, timeout.l3_protocol)?;
                ObjectData::CtTimeout { l4proto, l3proto, policy: self.policy(l4proto, &timeout.policy)? }
            }
            ObjectBody::CtExpectation(expectation) => self.expectation(span, expectation)?,
            ObjectBody::Secmark(Some(context)) => ObjectData::Secmark(self.text(*context).to_owned()),
            ObjectBody::Secmark(None) => return self.error(span, "a secmark needs its security context"),
            ObjectBody::Tunnel(tunnel) => self.tunnel(span, tunnel)?,
        })
    }

    fn protocols(
        &mut self,
        span: Span,
        l4: Option<ast::Name>,
        l3: Option<ast::Name>,
    ) -> Eval<(u8, Option<Family>)> {
        let Some(l4) = l4 else {
            return self.error(span, "the transport protocol is missing: write `protocol tcp`");
        };
        let word = self.text(l4);
        let Some(number) = symbol::value(vocabulary::CT_OBJECT_PROTOCOL, word) else {
            return self.unknown(l4.span, word, "transport protocol for this", &["tcp", "udp"]);
        };
        let family = match l3 {
            None => None,
            Some(name) => {
                let word = self.text(name);
                match symbol::value(vocabulary::CT_OBJECT_L3PROTO, word) {
                    Some(number) => Some(Family(number as u8)),
                    None => return self.unknown(name.span, word, "family", &["ip", "ip6", "inet"]),
                }
            }
        };
        Ok((number as u8, family))
    }

    fn policy(&mut self, protocol: u8, policy: &[(ast::Name, ast::Time)]) -> Eval<Vec<(u16, u32)>> {
        let states = vocabulary::timeout_states(protocol);
        let mut made = Vec::new();
        for (name, time) in policy {
            let word = self.text(*name);
            let Some(state) = states.iter().find(|state| state.name == word) else {
                let known: Vec<&str> = states.iter().map(|state| state.name).collect();
                return self.unknown(name.span, word, "state of this protocol", &known);
            };
            let seconds = time.milliseconds.unwrap_or(0) / 1000;
            made.push((state.number, u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        Ok(made)
    }

    fn expectation(&mut self, span: Span, expectation: &'a ast::CtExpectation) -> Eval<ObjectData> {
        let (l4proto, l3proto) = self.protocols(span, expectation.protocol, expectation.l3_protocol)?;
        let (Some(port), Some(timeout), Some(size)) =
            (&expectation.port, expectation.timeout, expectation.size)
        else {
            return self.error(span, "a ct expectation needs `protocol`, `dport`, `timeout` and `size`");
        };
        let port = self.value(port, &TypePart::of(DataType::INET_SERVICE))?;
        let dport = port.as_number().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        let timeout = timeout.milliseconds.and_then(|ms| u32::try_from(ms).ok()).unwrap_or(u32::MAX);
        Ok(ObjectData::CtExpectation { l4proto, l3proto, dport, timeout, size: self.fit(size, "a size")? })
    }
}
