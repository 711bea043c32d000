//! The public items of a crate in rustdoc's JSON, as lines.

use std::collections::BTreeSet;

use serde_json::Value;

/// One line for each item, field, variant, method and implementation that a program can name.
pub(super) fn lines(documentation: &Value) -> BTreeSet<String> {
    let mut lines = Lines { index: &documentation["index"], lines: BTreeSet::new(), within: Vec::new() };
    let root = lines.index[documentation["root"].to_string()].clone();
    let name = text(&root["name"]).to_owned();
    lines.children(&root["inner"]["module"]["items"], &name);
    lines.lines
}

struct Lines<'a> {
    index: &'a Value,
    lines: BTreeSet<String>,
    /// The items that are being listed, since a module may export itself.
    within: Vec<String>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The kind of an item, and what it is.
fn kind(item: &Value) -> Option<(&str, &Value)> {
    item["inner"].as_object()?.iter().next().map(|(kind, inner)| (kind.as_str(), inner))
}

impl<'a> Lines<'a> {
    fn item(&self, id: &Value) -> Option<&'a Value> {
        self.index.get(id.to_string())
    }

    fn items(&self, ids: &Value) -> Vec<&'a Value> {
        each(ids).filter_map(|id| self.item(id)).collect()
    }

    fn add(&mut self, item: &Value, line: String) {
        let marked = item["attrs"].to_string().contains("non_exhaustive");
        let deprecated = if item["deprecation"].is_null() { "" } else { "#[deprecated] " };
        let marked = if marked { "#[non_exhaustive] " } else { "" };
        self.lines.insert(format!("{deprecated}{marked}{line}"));
    }

    fn children(&mut self, ids: &Value, path: &str) {
        for id in each(ids) {
            if let Some(item) = self.item(id).filter(|item| item["visibility"] == "public") {
                self.public(id, item, path, None);
            }
        }
    }

    fn public(&mut self, id: &Value, item: &'a Value, path: &str, name: Option<&str>) {
        let Some((kind, inner)) = kind(item) else { return };
        let path = format!("{path}::{}", name.unwrap_or_else(|| text(&item["name"])));
        let generics = generics(&inner["generics"]);
        match kind {
            "use" => self.export(inner, path.rsplit_once("::").map_or("", |(module, _)| module)),
            "module" => {
                self.add(item, format!("mod {path}"));
                if !self.within.contains(&id.to_string()) {
                    self.within.push(id.to_string());
                    self.children(&inner["items"], &path);
                    self.within.pop();
                }
            }
            "struct" | "union" => {
                let tuple = each(&inner["kind"]["tuple"]).map(|field| self.field(field));
                let tuple = tuple.collect::<Vec<_>>().join(", ");
                let tuple = if tuple.is_empty() { tuple } else { format!("({tuple})") };
                self.add(item, format!("{kind} {path}{generics}{tuple}"));
                self.fields(&inner["kind"]["plain"]["fields"], &path);
                self.implementations(&inner["impls"], &path);
            }
            "enum" => {
                self.add(item, format!("enum {path}{generics}"));
                for variant in each(&inner["variants"]) {
                    self.variant(variant, &path);
                }
                self.implementations(&inner["impls"], &path);
            }
            "trait" => {
                self.add(item, format!("trait {path}{generics}{}", colon(&bounds(&inner["bounds"]))));
                self.members(&inner["items"], &path, true);
            }
            "function" => self.add(item, function(&path, inner)),
            "constant" | "static" => self.add(item, format!("{kind} {path}: {}", type_of(&inner["type"]))),
            "type_alias" => self.add(item, format!("type {path}{generics} = {}", type_of(&inner["type"]))),
            _ => self.add(item, format!("{kind} {path}")),
        }
    }

    fn export(&mut self, inner: &Value, path: &str) {
        let (source, name) = (text(&inner["source"]), text(&inner["name"]));
        match self.item(&inner["id"]) {
            Some(item) if inner["is_glob"] == true => {
                if let Some((_, module)) = kind(item) {
                    self.children(&module["items"], path);
                }
            }
            Some(item) => self.public(&inner["id"], item, path, Some(name)),
            None => drop(self.lines.insert(format!("use {path}::{name} = {source}"))),
        }
    }

    fn field(&self, id: &Value) -> String {
        match self.item(id) {
            Some(field) if field["visibility"] == "public" || field["visibility"] == "default" => {
                type_of(&field["inner"]["struct_field"])
            }
            _ => "_".to_owned(),
        }
    }

    fn fields(&mut self, ids: &Value, path: &str) {
        for field in self.items(ids) {
            if field["visibility"] == "public" || field["visibility"] == "default" {
                let of = type_of(&field["inner"]["struct_field"]);
                self.add(field, format!("field {path}::{}: {of}", text(&field["name"])));
            }
        }
    }

    fn variant(&mut self, id: &Value, path: &str) {
        let Some(variant) = self.item(id) else { return };
        let path = format!("{path}::{}", text(&variant["name"]));
        let kind = &variant["inner"]["variant"]["kind"];
        let tuple = each(&kind["tuple"]).map(|field| self.field(field)).collect::<Vec<_>>().join(", ");
        let tuple = if tuple.is_empty() { tuple } else { format!("({tuple})") };
        self.add(variant, format!("variant {path}{tuple}"));
        self.fields(&kind["struct"]["fields"], &path);
    }

    fn implementations(&mut self, ids: &Value, path: &str) {
        for implementation in self.items(ids) {
            let inner = &implementation["inner"]["impl"];
            let marker = text(&inner["trait"]["path"]).ends_with("StructuralPartialEq");
            if marker || inner["is_synthetic"] == true || !inner["blanket_impl"].is_null() {
                continue;
            }
            if inner["trait"].is_null() {
                self.members(&inner["items"], path, false);
            } else {
                let generics = generics(&inner["generics"]);
                let line = format!("impl{generics} {} for {path}", path_of(&inner["trait"]));
                self.add(implementation, line);
            }
        }
    }

    /// What is in an implementation or in a trait.
    fn members(&mut self, ids: &Value, path: &str, all: bool) {
        for member in self.items(ids) {
            if !all && member["visibility"] != "public" {
                continue;
            }
            let Some((kind, inner)) = kind(member) else { continue };
            let path = format!("{path}::{}", text(&member["name"]));
            let line = match kind {
                "function" => function(&path, inner),
                "assoc_const" => format!("const {path}: {}", type_of(&inner["type"])),
                "assoc_type" => format!("type {path}{}", colon(&bounds(&inner["bounds"]))),
                _ => format!("{kind} {path}"),
            };
            let provided = all && (inner["has_body"] == true || !inner["value"].is_null());
            self.add(member, if provided { format!("provided {line}") } else { line });
        }
    }
}

fn colon(bounds: &str) -> String {
    if bounds.is_empty() { String::new() } else { format!(": {bounds}") }
}

fn function(path: &str, inner: &Value) -> String {
    let header = &inner["header"];
    let words = [("is_const", "const "), ("is_async", "async "), ("is_unsafe", "unsafe ")];
    let words: String = words.iter().filter(|(key, _)| header[*key] == true).map(|(_, word)| *word).collect();
    let inputs = each(&inner["sig"]["inputs"]).map(|input| type_of(&input[1]));
    let inputs = inputs.collect::<Vec<_>>().join(", ");
    let output = &inner["sig"]["output"];
    let output = if output.is_null() { String::new() } else { format!(" -> {}", type_of(output)) };
    format!("{words}fn {path}{}({inputs}){output}", generics(&inner["generics"]))
}

/// Parameters and what is demanded of them. Those that stand for `impl Trait` are seen where it stands.
fn generics(generics: &Value) -> String {
    let named = each(&generics["params"]).filter(|param| param["kind"]["type"]["is_synthetic"] != true);
    let params = named.map(|param| {
        let (name, kind) = (text(&param["name"]), &param["kind"]);
        match kind.as_object().and_then(|kind| kind.keys().next()).map(String::as_str) {
            Some("const") => format!("const {name}: {}", type_of(&kind["const"]["type"])),
            Some("type") => format!("{name}{}", colon(&bounds(&kind["type"]["bounds"]))),
            _ => name.to_owned(),
        }
    });
    let params = params.collect::<Vec<_>>().join(", ");
    let conditions = each(&generics["where_predicates"]).map(|condition| {
        let of = &condition["bound_predicate"];
        if of.is_null() { other(condition) } else { type_of(&of["type"]) + &colon(&bounds(&of["bounds"])) }
    });
    let conditions = conditions.collect::<Vec<_>>().join(", ");
    let params = if params.is_empty() { params } else { format!("<{params}>") };
    if conditions.is_empty() { params } else { format!("{params}[where {conditions}]") }
}

fn bounds(bounds: &Value) -> String {
    let each = each(bounds).map(|bound| match &bound["trait_bound"] {
        Value::Null => bound["outlives"].as_str().map_or_else(|| other(bound), str::to_owned),
        of => {
            let optional = if of["modifier"] == "maybe" { "?" } else { "" };
            format!("{optional}{}", path_of(&of["trait"]))
        }
    });
    each.collect::<Vec<_>>().join(" + ")
}

/// A path by its last name, with its arguments: how it was written in the source is nothing of the interface.
fn path_of(path: &Value) -> String {
    let name = text(&path["path"]);
    format!("{}{}", name.rsplit("::").next().unwrap_or(name), arguments(&path["args"]))
}

fn arguments(arguments: &Value) -> String {
    let between = &arguments["angle_bracketed"];
    if between.is_null() {
        let call = &arguments["parenthesized"];
        if call.is_null() {
            return String::new();
        }
        let inputs = each(&call["inputs"]).map(type_of).collect::<Vec<_>>().join(", ");
        let output = &call["output"];
        return if output.is_null() {
            format!("({inputs})")
        } else {
            format!("({inputs}) -> {}", type_of(output))
        };
    }
    let given = each(&between["args"]).map(|argument| match argument {
        Value::Object(of) if of.contains_key("type") => type_of(&argument["type"]),
        Value::Object(of) if of.contains_key("lifetime") => text(&argument["lifetime"]).to_owned(),
        Value::Object(of) if of.contains_key("const") => text(&argument["const"]["expr"]).to_owned(),
        _ => "_".to_owned(),
    });
    let bound = each(&between["constraints"]).map(|constraint| {
        let (name, binding) = (text(&constraint["name"]), &constraint["binding"]);
        match &binding["equality"]["type"] {
            Value::Null => format!("{name}{}", colon(&bounds(&binding["constraint"]))),
            equal => format!("{name} = {}", type_of(equal)),
        }
    });
    let all = given.chain(bound).collect::<Vec<_>>().join(", ");
    if all.is_empty() { all } else { format!("<{all}>") }
}

fn type_of(of: &Value) -> String {
    let Some((kind, inner)) = of.as_object().and_then(|of| of.iter().next()) else {
        return text(of).to_owned();
    };
    let pointed = |sign: &str, mutable: &str, constant: &str| {
        let lifetime = inner["lifetime"].as_str().map_or_else(String::new, |lifetime| format!("{lifetime} "));
        let mutable = if inner["is_mutable"] == true { mutable } else { constant };
        format!("{sign}{lifetime}{mutable}{}", type_of(&inner["type"]))
    };
    match kind.as_str() {
        "resolved_path" => path_of(inner),
        "generic" | "primitive" => text(inner).to_owned(),
        "borrowed_ref" => pointed("&", "mut ", ""),
        "raw_pointer" => pointed("*", "mut ", "const "),
        "slice" => format!("[{}]", type_of(inner)),
        "array" => format!("[{}; {}]", type_of(&inner["type"]), text(&inner["len"])),
        "tuple" => format!("({})", each(inner).map(type_of).collect::<Vec<_>>().join(", ")),
        "impl_trait" => format!("impl {}", bounds(inner)),
        "dyn_trait" => {
            let traits = each(&inner["traits"]).map(|of| path_of(&of["trait"]));
            let lifetime = inner["lifetime"].as_str().map(str::to_owned);
            format!("dyn {}", traits.chain(lifetime).collect::<Vec<_>>().join(" + "))
        }
        "qualified_path" => {
            let (of, name) = (type_of(&inner["self_type"]), text(&inner["name"]));
            let arguments = arguments(&inner["args"]);
            match path_of(&inner["trait"]).as_str() {
                "" => format!("{of}::{name}{arguments}"),
                as_trait => format!("<{of} as {as_trait}>::{name}{arguments}"),
            }
        }
        "function_pointer" => {
            let inputs = each(&inner["sig"]["inputs"]).map(|input| type_of(&input[1]));
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            let output = &inner["sig"]["output"];
            if output.is_null() {
                format!("fn({inputs})")
            } else {
                format!("fn({inputs}) -> {}", type_of(output))
            }
        }
        _ => other(of),
    }
}

/// What has no form of its own, without the numbers that are others each time.
fn other(value: &Value) -> String {
    fn without(value: &Value) -> Value {
        match value {
            Value::Object(of) => {
                let kept = of.iter().filter(|(key, _)| *key != "id");
                kept.map(|(key, value)| (key.clone(), without(value))).collect()
            }
            Value::Array(of) => of.iter().map(without).collect(),
            plain => plain.clone(),
        }
    }
    without(value).to_string()
}
