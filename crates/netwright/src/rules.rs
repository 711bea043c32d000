//! Policy rules, which choose the routing table of a packet.

use std::borrow::Borrow;

use netwright_route::rule::{DeleteListed, List, RuleView};
use netwright_route::{Add, Delete, Rule};
use netwright_sys::{Cause, Error, Failure, protocol};
use netwright_wire::Errno;

use crate::Result;
use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};
use crate::objects;

/// Policy rules of a namespace, from [`Net::rules`](crate::Net::rules).
#[derive(Debug)]
pub struct Rules<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Rules<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Rules { driver }
    }

    /// Adds a policy rule. An error where the same one is there. One without a priority gets one before all that were added
    /// so, and can be there twice: [`Rules::ensure`] adds it once.
    pub fn add(&self, rule: Rule) -> D::Output<'n, ()> {
        self.driver.with(move |driver| add(driver, &rule).map(drop))
    }

    /// Adds a policy rule, unless one is there that agrees in everything that is set.
    pub fn ensure(&self, rule: Rule) -> D::Output<'n, Ensured<Rule>> {
        self.driver.with(move |driver| ensure::rule(driver, &rule))
    }

    /// Deletes the first rule that agrees in everything that is set. An error where there is none, and where nothing is set.
    pub fn delete(&self, rule: Rule) -> D::Output<'n, ()> {
        self.driver.with(move |driver| delete(driver, &rule))
    }

    /// Adds many rules, many with each system call; returns those that were refused. Kernels that do not know a code point, a flow
    /// label or masks of ports ([`Rule::dscp`]) pass over them here; [`Rules::add`] refuses them.
    pub fn add_all<B: Borrow<Rule> + Send + 'n>(
        &self,
        rules: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::add_all::<_, Rule, _>(self.driver, rules)
    }

    /// Deletes many rules; returns those that were refused.
    pub fn delete_all<B: Borrow<Rule>>(
        &self,
        rules: impl IntoIterator<Item = B>,
    ) -> D::Output<'n, Vec<Failure>> {
        let rules: Vec<Rule> = rules.into_iter().map(|rule| rule.borrow().clone()).collect();
        self.driver.with(move |driver| {
            let refused = |(index, rule)| Some(Failure { index, error: delete(driver, rule).err()? });
            Ok(rules.iter().enumerate().filter_map(refused).collect())
        })
    }

    /// All policy rules of all families.
    pub fn list(&self) -> D::Output<'n, Vec<Rule>> {
        self.filter(List::default())
    }

    /// The rules that a request asks for; the kernel filters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Rule>> {
        self.driver.list(list)
    }

    /// Hands out the rules that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(RuleView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }
}

/// Adds a rule, and tells how it is listed, where the kernel does. Older kernels make one without those attributes that they do not
/// know, which is taken back.
pub(crate) fn add(driver: &Blocking, rule: &Rule) -> Result<Option<Rule>> {
    let made = driver.run(protocol::ROUTE, |connection| connection.make(&Add(rule)))?;
    match made {
        Some(made) if !rule.fits(&made) && rule.has_recent_attributes() => {
            delete(driver, &made)?;
            let what = "the kernel passes over the code point, the flow label or the masks of ports";
            Err(Error::request(&Add(rule), Cause::Invalid(what.into())))
        }
        made => Ok(made),
    }
}

/// The kernel does not compare everything, and takes some zeros for any: such a rule is looked for in the list first.
pub(crate) fn delete(driver: &Blocking, rule: &Rule) -> Result<()> {
    if rule.is_any() || rule.is_exact() {
        return driver.acknowledge(Delete(rule));
    }
    let listed = driver.list(List { family: rule.effective_family() })?;
    match DeleteListed::find(rule, &listed) {
        Some(found) => driver.acknowledge(found),
        None => Err(Error::request(&Delete(rule), Errno::ENOENT)),
    }
}
