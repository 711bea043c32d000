//! Documents of JSON that are almost right: those of rules and rulesets that are known, changed.

use netwright_lab::Failure;
use netwright_lab::random::Random;
use serde_json::{Map, Value, json};

use super::Trial;
use crate::conformance::material::Shared;

/// Makes trials of JSON. In them `{F}` and `{N}` stand for family and name of the table.
#[derive(Debug)]
pub struct Documents {
    random: Random,
    seeds: Vec<Document>,
    /// Values and members of all documents, to put elsewhere.
    values: Vec<Value>,
    keys: Vec<String>,
}

/// A document in its world.
#[derive(Clone, Debug)]
struct Document {
    family: String,
    world: String,
    chain: Option<String>,
    content: Value,
}

impl Documents {
    /// Of all that there are; none where the shared material is missing.
    pub fn new(seed: u64) -> Result<Self, Failure> {
        let mut seeds = Vec::new();
        if let Ok(shared) = Shared::find() {
            rules(&shared, &mut seeds)?;
            rulesets(&shared, &mut seeds)?;
        }
        let (mut values, mut keys) = (Vec::new(), Vec::new());
        for seed in &seeds {
            gather(&seed.content, &mut values, &mut keys);
        }
        values.sort_by_cached_key(Value::to_string);
        values.dedup();
        keys.sort();
        keys.dedup();
        Ok(Documents { random: Random::new(seed), seeds, values, keys })
    }

    /// The documents as they are.
    #[must_use]
    pub fn known(&self) -> Vec<Trial> {
        self.seeds.iter().map(|seed| seed.trial("json", &seed.content)).collect()
    }

    /// A changed one; `None` where there are none.
    pub fn trial(&mut self) -> Option<Trial> {
        if self.seeds.is_empty() {
            return None;
        }
        let seed = self.random.pick(&self.seeds).clone();
        let mut content = seed.content.clone();
        for _ in 0..1 + self.random.below(2) {
            let at = self.random.below(size(&content));
            self.change(&mut content, &mut { at });
        }
        Some(seed.trial("json, mutated", &content))
    }

    /// Changes the value that is reached after so many others.
    fn change(&mut self, value: &mut Value, steps: &mut usize) -> bool {
        if *steps == 0 {
            self.change_here(value);
            return true;
        }
        *steps -= 1;
        match value {
            Value::Array(items) => items.iter_mut().any(|item| self.change(item, steps)),
            Value::Object(members) => members.values_mut().any(|member| self.change(member, steps)),
            _ => false,
        }
    }

    fn change_here(&mut self, value: &mut Value) {
        match (self.random.below(10), &mut *value) {
            (0..=3, Value::Array(items)) if !items.is_empty() => self.change_items(items),
            (0..=4, Value::Object(members)) if !members.is_empty() => self.change_members(members),
            (0..=3, Value::Number(number)) => {
                *value = other_number(&mut self.random, number.as_u64().unwrap_or(0))
            }
            (4, Value::Number(number)) => *value = json!(number.to_string()),
            (0..=1, Value::String(text)) => {
                *value = text.parse::<u64>().map_or_else(|_| json!([text]), |number| json!(number));
            }
            (2, Value::String(text)) => *value = json!(format!("{text}x")),
            (5, _) => *value = self.wrapped(value.take()),
            (6, _) => {
                let plain = [
                    json!(null),
                    json!(true),
                    json!(0),
                    json!(""),
                    json!([]),
                    json!({}),
                    json!("@s4"),
                    json!("*"),
                ];
                *value = self.random.pick(&plain).clone();
            }
            _ => *value = self.random.pick(&self.values).clone(),
        }
    }

    fn change_items(&mut self, items: &mut Vec<Value>) {
        let (at, other) = (self.random.below(items.len()), self.random.below(items.len()));
        match self.random.below(4) {
            0 => drop(items.remove(at)),
            1 => items.insert(other, items[at].clone()),
            2 => items.swap(at, other),
            _ => items.insert(at, self.random.pick(&self.values).clone()),
        }
    }

    fn change_members(&mut self, members: &mut Map<String, Value>) {
        let names: Vec<String> = members.keys().cloned().collect();
        let name = self.random.pick(&names);
        match self.random.below(3) {
            0 => drop(members.remove(name)),
            1 => {
                let member = members.remove(name).unwrap_or_default();
                members.insert(self.random.pick(&self.keys).clone(), member);
            }
            _ => {
                let value = self.random.pick(&self.values).clone();
                members.insert(self.random.pick(&self.keys).clone(), value);
            }
        }
    }

    fn wrapped(&mut self, value: Value) -> Value {
        let other = self.random.pick(&self.values).clone();
        match self.random.below(6) {
            0 => json!({"set": [value]}),
            1 => json!({"set": [value, other]}),
            2 => json!({"prefix": {"addr": value, "len": self.random.below(34)}}),
            3 => json!({"range": [value, other]}),
            4 => json!({"concat": [value, other]}),
            _ => json!([value]),
        }
    }
}

impl Document {
    fn trial(&self, kind: &'static str, content: &Value) -> Trial {
        Trial {
            kind,
            family: self.family.clone(),
            world: self.world.clone(),
            chain: self.chain.clone(),
            text: content.to_string(),
        }
    }
}

/// The rules of the records, each in the first chain of each of its tables.
fn rules(shared: &Shared, seeds: &mut Vec<Document>) -> Result<(), Failure> {
    for record in shared.records()? {
        let Some(statements) = record.json.as_ref().filter(|_| record.rule.is_some()) else { continue };
        for table in &record.tables {
            let rule = json!({"family": "{F}", "table": "{N}", "chain": "{C}", "expr": statements});
            seeds.push(Document {
                family: table.family.clone(),
                world: format!("add table {{T}}\n{}", record.setup.join("\n")),
                chain: table.chains.first().map(|chain| format!("{};", chain.spec)),
                content: json!({"nftables": [{"add": {"rule": rule}}]}),
            });
        }
    }
    Ok(())
}

/// Rulesets of one table.
fn rulesets(shared: &Shared, seeds: &mut Vec<Document>) -> Result<(), Failure> {
    for ruleset in shared.rulesets()? {
        let Some(json) = &ruleset.json else { continue };
        let mut content: Value = serde_json::from_str(json)?;
        let items = content["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
        let tables: Vec<&Value> = items.iter().filter_map(|item| item.get("table")).collect();
        let [table] = tables[..] else { continue };
        let (Some(family), Some(name)) = (table["family"].as_str(), table["name"].as_str()) else { continue };
        let (family, name) = (family.to_owned(), name.to_owned());
        in_place(&mut content, &family, &name);
        seeds.push(Document { family, world: String::new(), chain: None, content });
    }
    Ok(())
}

/// Puts placeholders where a table is named.
fn in_place(value: &mut Value, family: &str, name: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| in_place(item, family, name)),
        Value::Object(members) => {
            for (key, member) in members {
                let is_table = key == "table";
                match (key.as_str(), &mut *member) {
                    ("family", Value::String(text)) if text == family => *text = "{F}".to_owned(),
                    ("table", Value::String(text)) if text == name => *text = "{N}".to_owned(),
                    ("table", Value::Object(table)) if table["name"] == name => {
                        table.insert("name".to_owned(), json!("{N}"));
                    }
                    _ => {}
                }
                if is_table || member.is_array() || member.is_object() {
                    in_place(member, family, name);
                }
            }
        }
        _ => {}
    }
}

fn gather(value: &Value, values: &mut Vec<Value>, keys: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, values, keys)),
        Value::Object(members) => {
            for (key, member) in members {
                keys.push(key.clone());
                gather(member, values, keys);
            }
        }
        _ => {}
    }
    if size(value) < 12 {
        values.push(value.clone());
    }
}

/// How many values there are in one, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

fn other_number(random: &mut Random, number: u64) -> Value {
    json!(match random.below(6) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number << 8,
        3 => 0,
        4 => 1 << random.below(64),
        _ => (1_u64 << random.below(64)) - 1,
    })
}
