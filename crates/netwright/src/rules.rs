//! Policy rules, which choose the routing table of a packet.

use netwright_route::Rule;
use netwright_route::rule::{List, RuleView};
use netwright_sys::Failure;

use crate::driver::{Driver, Step};
use crate::objects;

/// Policy rules of a namespace, from [`Net::rules`](crate::Net::rules).
#[derive(Debug)]
pub struct Rules<'n, D> {
    driver: &'n D,
}

impl<'n, D: Driver> Rules<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Rules { driver }
    }

    /// Adds a policy rule. An error where the same one is there.
    pub fn add(&self, rule: Rule) -> D::Output<'n, ()> {
        objects::add(self.driver, rule)
    }

    /// Deletes the first rule that agrees in everything that is set. An error where there is none.
    pub fn delete(&self, rule: Rule) -> D::Output<'n, ()> {
        objects::delete(self.driver, rule)
    }

    /// Adds many rules, many with each system call; returns those that were refused.
    pub fn add_all(&self, rules: &'n [Rule]) -> D::Output<'n, Vec<Failure>> {
        objects::add_all(self.driver, rules)
    }

    /// Deletes many rules, many with each system call; returns those that were refused.
    pub fn delete_all(&self, rules: &'n [Rule]) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all(self.driver, rules)
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
