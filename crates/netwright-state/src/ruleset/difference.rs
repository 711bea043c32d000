//! The commands that make one table out of another and leave alone what is the same.
//!
//! First all that goes, then all that comes, each in the order in which one thing can refer to another. Rules,
//! elements and objects that stay keep their counters. What refers to something that must be made anew goes before
//! and comes again behind it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use netwright_netfilter::Family;
use netwright_nft::diagnostic::Span;
use netwright_nft::ir::{
    Anchor, Chain, Command, Element, Entity, ObjectKind, Operation, Rule, Selection, Set, Target,
};
use netwright_nft::print;
use netwright_nft::table::{Names, PrintOptions};

use super::compare::{
    element_key, is_dynamic, rule_key, same_element, same_flowtable, same_hook, same_object, same_policy,
    same_set, same_table,
};
use super::execute::kind_of;
use super::order::common;
use super::places::{RulePlace, RulePlaces};
use super::references::{Reference, element_uses, rule_uses};
use super::{Table, TableName};
use crate::step::Sign;

/// What must be done to a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// The commands; none where the table is as it shall be.
    pub(crate) commands: Vec<Command>,
    /// The same in words.
    pub(crate) details: Vec<(Sign, String)>,
    /// The table is made, so that its mark must be set.
    pub(crate) made: bool,
}

/// The commands that make a table where there is none.
pub(crate) fn making(wanted: &Table) -> Vec<Command> {
    let (names, kept) = (Names::new(), HashSet::new());
    let mut difference = Difference::new(&EMPTY, wanted, &names, &kept);
    difference.tells = false;
    difference.push(Operation::Add, Target::Table(wanted.table.clone()));
    difference.run();
    difference.commands()
}

/// What makes a table that is there, if it is, the one that shall be there, if one shall.
///
/// `kept` are the sets in which elements stay that are not declared.
pub(crate) fn between(
    found: Option<&Table>,
    wanted: Option<&Table>,
    names: &Names,
    kept: &HashSet<String>,
) -> Change {
    match (found, wanted) {
        (None, None) => Change::default(),
        (Some(found), None) => {
            let name = found.name();
            let selection = Selection { name: Some(name.name), ..Selection::all(Entity::Table, name.family) };
            let table = Some(found.table.name.clone());
            let target = Target::Selection(Selection { table, ..selection });
            Change { commands: vec![command(Operation::Delete, target, None)], ..Change::default() }
        }
        (None, Some(wanted)) => {
            let mut difference = Difference::new(&EMPTY, wanted, names, kept);
            difference.push(Operation::Add, Target::Table(wanted.table.clone()));
            difference.run();
            let details = std::mem::take(&mut difference.details);
            Change { commands: difference.commands(), details, made: true }
        }
        (Some(found), Some(wanted)) => {
            let mut difference = Difference::new(found, wanted, names, kept);
            let flags = !same_table(&found.table, &wanted.table);
            if flags {
                difference.say(Sign::Change, "flags".to_owned());
            }
            difference.run();
            if flags {
                // the kernel takes no new base chain behind it
                let table = command(Operation::Add, Target::Table(wanted.table.clone()), difference.place);
                difference.new_rules.push(table);
            }
            let details = std::mem::take(&mut difference.details);
            Change { commands: difference.commands(), details, made: false }
        }
    }
}

static EMPTY: Table = Table {
    table: netwright_nft::ir::Table {
        family: Family::UNSPECIFIED,
        name: String::new(),
        flags: 0,
        comment: None,
        handle: None,
        owner: None,
    },
    owner: None,
    chains: Vec::new(),
    sets: Vec::new(),
    objects: Vec::new(),
    flowtables: Vec::new(),
    place: None,
    rule_places: RulePlaces::EMPTY,
};

fn command(operation: Operation, target: Target, span: Option<Span>) -> Command {
    Command { operation, target, span, elements: Vec::new() }
}

/// What a rule says, without what it has counted.
fn stateless() -> PrintOptions {
    PrintOptions { stateless: true, ..PrintOptions::default() }
}

/// The difference of two tables while it is looked for.
struct Difference<'a> {
    names: &'a Names,
    kept: &'a HashSet<String>,
    name: TableName,
    place: Option<Span>,
    found: &'a Table,
    wanted: &'a Table,
    /// What goes, or is made anew: what refers to it must go before.
    going: BTreeSet<Reference>,
    // The commands by the time at which they can be carried out.
    rules_off: Vec<Command>,
    elements_off: Vec<Command>,
    things_off: Vec<Command>,
    definitions: Vec<Command>,
    elements_on: Vec<Command>,
    new_rules: Vec<Command>,
    details: Vec<(Sign, String)>,
    /// Whether rules and elements are told: their texts cost most.
    tells: bool,
}

impl<'a> Difference<'a> {
    fn new(found: &'a Table, wanted: &'a Table, names: &'a Names, kept: &'a HashSet<String>) -> Self {
        Difference {
            names,
            kept,
            name: wanted.name(),
            place: wanted.place,
            found,
            wanted,
            going: BTreeSet::new(),
            rules_off: Vec::new(),
            elements_off: Vec::new(),
            things_off: Vec::new(),
            definitions: Vec::new(),
            elements_on: Vec::new(),
            new_rules: Vec::new(),
            details: Vec::new(),
            tells: true,
        }
    }

    fn run(&mut self) {
        self.find_going();
        self.objects();
        self.flowtables();
        self.chains();
        self.sets();
        self.rules();
    }

    fn commands(self) -> Vec<Command> {
        // They were noted so that what is referred to comes first, which is the order in which things are made.
        let things_off = self.things_off.into_iter().rev();
        let off = self.rules_off.into_iter().chain(self.elements_off).chain(things_off);
        off.chain(self.definitions).chain(self.elements_on).chain(self.new_rules).collect()
    }

    fn push(&mut self, operation: Operation, target: Target) {
        self.definitions.push(command(operation, target, self.place));
    }

    fn say(&mut self, sign: Sign, what: String) {
        self.details.push((sign, what));
    }

    /// A rule that comes or goes, in words.
    fn say_rule(&mut self, sign: Sign, chain: &str, rule: &Rule) {
        if !self.tells {
            return;
        }
        let text = print::rule(rule, &stateless(), self.names);
        self.say(sign, format!("chain {chain}: {text}"));
    }

    /// Elements that come or go: the first of them, and how many more.
    fn say_elements(&mut self, sign: Sign, set: &str, elements: &[Element]) {
        const SHOWN: usize = 20;
        if !self.tells {
            return;
        }
        for element in elements.iter().take(SHOWN) {
            let text = print::element(element, &stateless(), self.names);
            self.say(sign, format!("{set}: {text}"));
        }
        if let Some(more @ 1..) = elements.len().checked_sub(SHOWN) {
            self.say(sign, format!("{set}: {more} more elements"));
        }
    }

    fn selection(&self, entity: Entity, name: &str) -> Selection {
        Selection {
            table: Some(self.name.name.clone()),
            name: Some(name.to_owned()),
            ..Selection::all(entity, self.name.family)
        }
    }

    fn delete(&self, entity: Entity, name: &str) -> Command {
        let mut selection = self.selection(entity, name);
        if entity == Entity::Chain {
            selection.chain.clone_from(&selection.name);
        }
        command(Operation::Delete, Target::Selection(selection), None)
    }

    /// Whatever is there and does not stay as it is, by the name that others refer to it with.
    fn find_going(&mut self) {
        let Difference { found, wanted, .. } = *self;
        let mut going = BTreeSet::new();
        for object in &found.objects {
            let stays =
                wanted.objects.iter().any(|other| other.name == object.name && same_object(object, other));
            if !stays {
                going.insert(Reference::Object(kind_of(object).unwrap_or(0), object.name.clone()));
            }
        }
        for flowtable in &found.flowtables {
            if !wanted.flowtables.iter().any(|other| same_flowtable(flowtable, other)) {
                going.insert(Reference::Flowtable(flowtable.name.clone()));
            }
        }
        let chains: HashMap<&str, &Chain> =
            wanted.chains.iter().map(|chain| (chain.name.as_str(), chain)).collect();
        for chain in &found.chains {
            if !chains.get(chain.name.as_str()).is_some_and(|other| same_hook(chain, other)) {
                going.insert(Reference::Chain(chain.name.clone()));
            }
        }
        let sets: HashMap<&str, &Set> = wanted.sets.iter().map(|set| (set.name.as_str(), set)).collect();
        for set in &found.sets {
            if !sets.get(set.name.as_str()).is_some_and(|other| same_set(set, other)) {
                going.insert(Reference::Set(set.name.clone()));
            }
        }
        self.going = going;
    }

    fn goes(&self, reference: &Reference) -> bool {
        self.going.contains(reference)
    }

    fn sign(goes: bool, comes: bool) -> Option<Sign> {
        match (goes, comes) {
            (true, true) => Some(Sign::Change),
            (true, false) => Some(Sign::Remove),
            (false, true) => Some(Sign::Add),
            (false, false) => None,
        }
    }

    fn objects(&mut self) {
        let Difference { found, wanted, .. } = *self;
        let reference = |object: &netwright_nft::ir::Object| {
            Reference::Object(kind_of(object).unwrap_or(0), object.name.clone())
        };
        for object in found.objects.iter().filter(|object| self.goes(&reference(object))).collect::<Vec<_>>()
        {
            let kind = ObjectKind(kind_of(object).unwrap_or(0));
            self.things_off.push(self.delete(Entity::Object(kind), &object.name));
            if !wanted.objects.iter().any(|other| reference(other) == reference(object)) {
                self.say(Sign::Remove, format!("{kind} {}", object.name));
            }
        }
        for object in &wanted.objects {
            let there = found.objects.iter().any(|other| reference(other) == reference(object));
            let comes = !there || self.goes(&reference(object));
            if comes {
                self.push(Operation::Add, Target::Object(Box::new(object.clone())));
            }
            if let Some(sign) = Self::sign(there && comes, comes) {
                self.say(sign, format!("{} {}", ObjectKind(kind_of(object).unwrap_or(0)), object.name));
            }
        }
    }

    fn flowtables(&mut self) {
        let Difference { found, wanted, .. } = *self;
        for flowtable in &found.flowtables {
            if self.goes(&Reference::Flowtable(flowtable.name.clone())) {
                self.things_off.push(self.delete(Entity::Flowtable, &flowtable.name));
                if !wanted.flowtables.iter().any(|other| other.name == flowtable.name) {
                    self.say(Sign::Remove, format!("flowtable {}", flowtable.name));
                }
            }
        }
        for flowtable in &wanted.flowtables {
            let there = found.flowtables.iter().any(|other| other.name == flowtable.name);
            let comes = !there || self.goes(&Reference::Flowtable(flowtable.name.clone()));
            if comes {
                self.push(Operation::Add, Target::Flowtable(flowtable.clone()));
            }
            if let Some(sign) = Self::sign(there && comes, comes) {
                self.say(sign, format!("flowtable {}", flowtable.name));
            }
        }
    }

    fn chains(&mut self) {
        let Difference { found, wanted, .. } = *self;
        for chain in &found.chains {
            if self.goes(&Reference::Chain(chain.name.clone())) {
                self.things_off.push(self.delete(Entity::Chain, &chain.name));
                if !wanted.chains.iter().any(|other| other.name == chain.name) {
                    let rules = count(chain.rules.len(), "rule");
                    self.say(Sign::Remove, format!("chain {} ({rules})", chain.name));
                }
            }
        }
        let by_name: HashMap<&str, &Chain> =
            found.chains.iter().map(|chain| (chain.name.as_str(), chain)).collect();
        for chain in &wanted.chains {
            let there = by_name.get(chain.name.as_str()).copied();
            let stays = there.filter(|_| !self.goes(&Reference::Chain(chain.name.clone())));
            let plain = Chain { rules: Vec::new(), handle: None, ..chain.clone() };
            match (there, stays) {
                (_, Some(stays)) if same_policy(stays, chain) => continue,
                (_, Some(_)) => self.say(Sign::Change, format!("chain {}: policy", chain.name)),
                (Some(_), None) => self.say(Sign::Change, format!("chain {}: hook", chain.name)),
                (None, _) => {
                    let rules = count(chain.rules.len(), "rule");
                    self.say(Sign::Add, format!("chain {} ({rules})", chain.name));
                }
            }
            self.push(Operation::Add, Target::Chain(Box::new(plain)));
        }
    }

    fn sets(&mut self) {
        let Difference { found, wanted, .. } = *self;
        for set in &found.sets {
            if self.goes(&Reference::Set(set.name.clone())) {
                self.things_off.push(self.delete(set_entity(set), &set.name));
                if !wanted.sets.iter().any(|other| other.name == set.name) {
                    self.say(Sign::Remove, format!("{} {}", set_noun(set), set.name));
                }
            }
        }
        let by_name: HashMap<&str, &Set> = found.sets.iter().map(|set| (set.name.as_str(), set)).collect();
        for set in &wanted.sets {
            let there = by_name.get(set.name.as_str()).copied();
            match there.filter(|_| !self.goes(&Reference::Set(set.name.clone()))) {
                Some(found) => self.elements(found, set),
                None => {
                    let sign = if there.is_some() { Sign::Change } else { Sign::Add };
                    let elements = count(set.elements.len(), "element");
                    self.say(sign, format!("{} {} ({elements})", set_noun(set), set.name));
                    let plain = Set { elements: Vec::new(), handle: None, ..set.clone() };
                    self.push(Operation::Add, Target::Set(Box::new(plain.clone())));
                    if !set.elements.is_empty() {
                        self.say_elements(
                            Sign::Add,
                            &format!("{} {}", set_noun(set), set.name),
                            &set.elements,
                        );
                        let target =
                            Target::Elements { set: Arc::new(plain), elements: set.elements.clone() };
                        self.elements_on.push(command(Operation::Add, target, self.place));
                    }
                }
            }
        }
    }

    /// The elements that come and go. What the kernel put into a dynamic set stays there.
    fn elements(&mut self, found: &Set, wanted: &Set) {
        let going = &self.going;
        let kept_by_file = self.kept.contains(&wanted.name);
        let uses_going = |element: &Element| {
            !going.is_empty() && element_uses(found, element, &|reference| going.contains(reference))
        };
        let old: HashMap<_, _> =
            found.elements.iter().map(|element| (element_key(element), element)).collect();
        let new: HashMap<_, _> =
            wanted.elements.iter().map(|element| (element_key(element), element)).collect();
        let stays = |old: &Element, new: Option<&&Element>| match new {
            Some(new) => same_element(old, new) && !uses_going(old),
            None => (is_dynamic(wanted) || kept_by_file) && !uses_going(old),
        };
        let off: Vec<Element> = found
            .elements
            .iter()
            .filter(|element| !stays(element, new.get(&element_key(element))))
            .cloned()
            .collect();
        let kept = |element: &&Element| {
            old.get(&element_key(element)).is_some_and(|found| stays(found, Some(element)))
        };
        let on: Vec<Element> = wanted.elements.iter().filter(|element| !kept(element)).cloned().collect();
        let plain = || Arc::new(Set { elements: Vec::new(), handle: None, ..wanted.clone() });
        let name = format!("{} {}", set_noun(wanted), wanted.name);
        if !off.is_empty() {
            self.say_elements(Sign::Remove, &name, &off);
            let target = Target::Elements { set: plain(), elements: off };
            self.elements_off.push(command(Operation::Delete, target, None));
        }
        if !on.is_empty() {
            self.say_elements(Sign::Add, &name, &on);
            let target = Target::Elements { set: plain(), elements: on };
            self.elements_on.push(command(Operation::Add, target, self.place));
        }
    }

    fn rules(&mut self) {
        let Difference { found, wanted, .. } = *self;
        // A chain that goes needs its rules out of the way first: one of them may be what keeps another chain.
        let names: HashSet<&str> = wanted.chains.iter().map(|chain| chain.name.as_str()).collect();
        for chain in found.chains.iter().filter(|chain| !names.contains(chain.name.as_str())) {
            for rule in &chain.rules {
                self.say_rule(Sign::Remove, &chain.name, rule);
                self.rule_off(&chain.name, rule);
            }
        }
        let there: HashMap<&str, &Chain> =
            found.chains.iter().map(|chain| (chain.name.as_str(), chain)).collect();
        for chain in &wanted.chains {
            match there.get(chain.name.as_str()).copied() {
                Some(old) if !self.goes(&Reference::Chain(chain.name.clone())) => {
                    self.chain_rules(old, chain)
                }
                // it comes again with its rules, of which those are told that are others
                Some(old) => {
                    old.rules.iter().for_each(|rule| self.rule_off(&chain.name, rule));
                    self.tells = false;
                    self.rules_on(chain);
                    self.tells = true;
                    self.say_other_rules(old, chain);
                }
                None => self.rules_on(chain),
            }
        }
    }

    fn rules_on(&mut self, chain: &Chain) {
        let places = &self.wanted.rule_places;
        for (index, rule) in chain.rules.iter().enumerate() {
            self.say_rule(Sign::Add, &chain.name, rule);
            self.rule_on(&chain.name, None, rule, places.of(&chain.name, index));
        }
    }

    /// The rules that one of two chains has and the other has not.
    fn say_other_rules(&mut self, old: &Chain, new: &Chain) {
        let (old_keys, new_keys): (Vec<_>, Vec<_>) =
            (old.rules.iter().map(rule_key).collect(), new.rules.iter().map(rule_key).collect());
        let kept = common(&old_keys, &new_keys);
        let mut stays = kept.iter().peekable();
        for (place, rule) in old.rules.iter().enumerate() {
            if stays.next_if(|(old, _)| *old == place).is_none() {
                self.say_rule(Sign::Remove, &new.name, rule);
            }
        }
        let mut stays = kept.iter().peekable();
        for (place, rule) in new.rules.iter().enumerate() {
            if stays.next_if(|(_, new)| *new == place).is_none() {
                self.say_rule(Sign::Add, &new.name, rule);
            }
        }
    }

    fn chain_rules(&mut self, old: &Chain, new: &Chain) {
        let wanted = self.wanted;
        // What must go gets a key that no other rule has.
        let key = |(index, rule): (usize, &Rule)| {
            let goes = rule.handle.is_none()
                || !self.going.is_empty() && rule_uses(rule, &|reference| self.goes(reference));
            if goes { Err(index) } else { Ok(rule_key(rule)) }
        };
        let old_keys: Vec<_> = old.rules.iter().enumerate().map(key).collect();
        let new_keys: Vec<_> = new.rules.iter().map(|rule| Ok(rule_key(rule))).collect();
        let kept = common(&old_keys, &new_keys);
        let mut stays = kept.iter().peekable();
        for (place, rule) in old.rules.iter().enumerate() {
            match stays.next_if(|(old, _)| *old == place) {
                Some(_) => {}
                None => {
                    self.say_rule(Sign::Remove, &new.name, rule);
                    self.rule_off(&new.name, rule);
                }
            }
        }
        let mut stays = kept.iter().peekable();
        for (place, rule) in new.rules.iter().enumerate() {
            if stays.next_if(|(_, new)| *new == place).is_some() {
                continue;
            }
            self.say_rule(Sign::Add, &new.name, rule);
            let next = stays.peek().and_then(|(place, _)| old.rules.get(*place)).and_then(|rule| rule.handle);
            self.rule_on(&new.name, next, rule, wanted.rule_places.of(&new.name, place));
        }
    }

    fn rule_off(&mut self, chain: &str, rule: &Rule) {
        let selection = Selection {
            table: Some(self.name.name.clone()),
            chain: Some(chain.to_owned()),
            handle: rule.handle,
            ..Selection::all(Entity::Rule, self.name.family)
        };
        self.rules_off.push(command(Operation::Delete, Target::Selection(selection), None));
    }

    /// Puts a rule in front of another, or at the end.
    fn rule_on(&mut self, chain: &str, next: Option<u64>, rule: &Rule, place: RulePlace) {
        let target = Target::Rule {
            family: self.name.family,
            table: self.name.name.clone(),
            chain: chain.to_owned(),
            anchor: next.map(Anchor::Handle),
            rule: Rule { handle: None, ..rule.clone() },
            spans: place.statements,
        };
        let operation = if next.is_some() { Operation::Insert } else { Operation::Add };
        self.new_rules.push(command(operation, target, place.rule.or(self.place)));
    }
}

fn set_noun(set: &Set) -> &'static str {
    if set.target.is_some() { "map" } else { "set" }
}

fn set_entity(set: &Set) -> Entity {
    if set.target.is_some() { Entity::Map } else { Entity::Set }
}

/// `1 rule`, `2 rules`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
