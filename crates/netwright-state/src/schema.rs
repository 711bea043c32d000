//! The JSON Schema of the host file, made from the key tables that read it.

use serde_json::{Map, Value as Json, json};

use crate::model::{Host, Link, LinkKind};
use crate::section::{Key, Section};

/// Schemas that others refer to by name.
#[derive(Default)]
pub(crate) struct Definitions(Map<String, Json>);

impl Definitions {
    /// A reference to a named schema, made on first use.
    pub(crate) fn refer(&mut self, name: &str, make: impl FnOnce(&mut Definitions) -> Json) -> Json {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Json::Null);
            let schema = make(self);
            self.0.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// The JSON Schema (draft 2020-12) of the host file.
///
/// It holds what one value can say about itself: keys, types, words, ranges. What needs a second look at the
/// file, such as a route through a link that does not exist, only [`read`](crate::read()) finds.
#[must_use]
pub fn schema() -> Json {
    let mut definitions = Definitions::default();
    let mut root = object(Host::KEYS, Host::DOC, &mut definitions);
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        root.insert("title".into(), "netwright host file".into());
        root.insert("additionalProperties".into(), false.into());
        root.insert("$defs".into(), Json::Object(definitions.0));
    }
    root
}

/// The schema of a section, by reference.
pub(crate) fn section<S: Section>(definitions: &mut Definitions) -> Json {
    let name = S::NOUN.trim_start_matches("an ").trim_start_matches("a ").trim_start_matches("the ");
    definitions.refer(&name.replace(' ', "-"), |definitions| {
        let mut schema = object(S::KEYS, S::DOC, definitions);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("additionalProperties".into(), false.into());
        }
        schema
    })
}

/// The schema of a link: the keys of every link together with those of its kind.
pub(crate) fn link(definitions: &mut Definitions) -> Json {
    definitions.refer("link", |definitions| {
        let mut schema = object(Link::KEYS, Link::DOC, definitions);
        let mut kinds = vec![json!({ "not": { "required": ["kind"] } })];
        for kind in LinkKind::TABLES {
            let mut table = object(kind.keys, kind.doc, definitions);
            table["properties"]["kind"] = json!({ "const": kind.name });
            let mut required = vec![Json::from("kind")];
            required.extend(kind.keys.iter().filter(|key| key.required).map(|key| Json::from(key.name)));
            table["required"] = required.into();
            kinds.push(table);
        }
        schema["oneOf"] = kinds.into();
        schema["unevaluatedProperties"] = false.into();
        schema
    })
}

fn object(keys: &[Key], doc: &[&str], definitions: &mut Definitions) -> Json {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = (key.schema)(definitions);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), prose(key.doc).into());
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "description": prose(doc), "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Lines of a doc comment as running text.
fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
