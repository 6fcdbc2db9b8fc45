//! `docs/scenario.md` describes every key of the language: its reference part is made from the schema, which is made from
//! the types. To write it anew: `UPDATE_DOCS=1 cargo test --test scenario_doc`.

#![cfg(feature = "solver")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

const BEGIN: &str = "<!-- made from the schema: UPDATE_DOCS=1 cargo test --test scenario_doc -->";

/// Sections for the scenario and for everything it can hold, each once, in the order in which they are met.
fn reference(schema: &Value) -> String {
    let mut text = String::new();
    let mut waiting = vec![("Scenario".to_owned(), schema.clone())];
    let mut seen = BTreeSet::new();
    while !waiting.is_empty() {
        let (name, definition) = waiting.remove(0);
        if !seen.insert(name.clone()) {
            continue;
        }
        section(&mut text, &name, &definition);
        let mut names = Vec::new();
        references(&definition, &mut names);
        waiting.extend(names.into_iter().map(|name| {
            let definition = schema["$defs"][&name].clone();
            (name, definition)
        }));
    }
    text
}

fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "$defs") {
                match value.as_str().filter(|_| key == "$ref") {
                    Some(path) => names.push(path.rsplit('/').next().unwrap().to_owned()),
                    None => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn section(text: &mut String, name: &str, definition: &Value) {
    writeln!(text, "\n### {name}\n\n{}", definition["description"].as_str().unwrap_or_default()).unwrap();
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| definition[*key].as_array());
    for alternative in alternatives.into_iter().flatten() {
        if alternative["properties"].is_object() {
            continue;
        }
        let word = alternative["const"].as_str().map_or_else(|| kind(alternative), |word| format!("`{word}`"));
        writeln!(text, "- {word}: {}", one_line(&alternative["description"])).unwrap();
    }
    let variants = alternatives.into_iter().flatten().filter(|a| a["properties"].is_object());
    let rows: Vec<String> = std::iter::once(definition).chain(variants).flat_map(rows).collect();
    if !rows.is_empty() {
        writeln!(text, "\n| key | value | meaning |\n|---|---|---|\n{}", rows.join("\n")).unwrap();
    }
}

fn rows(definition: &Value) -> Vec<String> {
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = definition["properties"].as_object() else { return Vec::new() };
    let row = |(key, property): (&String, &Value)| {
        let default = match &property["default"] {
            Value::Null => String::new(),
            default => format!(" Default: `{default}`."),
        };
        let needed = if required.contains(&key.as_str()) { " **Required.**" } else { "" };
        let about = property["description"].as_str().map_or_else(|| one_line(&definition["description"]), one_line_of);
        format!("| `{key}` | {} | {about}{default}{needed} |", kind(property))
    };
    let (first, rest): (Vec<_>, Vec<_>) = properties.iter().partition(|(key, _)| required.contains(&key.as_str()));
    first.into_iter().chain(rest).map(row).collect()
}

fn one_line(text: &Value) -> String {
    one_line_of(text.as_str().unwrap_or_default())
}

fn one_line_of(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// What a value is, in words, with a link to what describes it.
fn kind(property: &Value) -> String {
    if let Some(path) = property["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(options) = property["anyOf"].as_array() {
        let options: Vec<String> = options.iter().filter(|o| o["type"] != "null").map(kind).collect();
        return options.join(" or ");
    }
    let one =
        property["type"].as_array().map_or(&property["type"], |types| types.iter().find(|t| *t != "null").unwrap());
    match one.as_str().unwrap_or_default() {
        "array" if property["prefixItems"].is_array() || property["maxItems"].is_u64() => {
            format!("list of {}", property["maxItems"].as_u64().unwrap_or(2))
        }
        "array" => format!("list of {}", kind(&property["items"])),
        "object" if property["additionalProperties"].is_object() => {
            format!("names to {}", kind(&property["additionalProperties"]))
        }
        "integer" => "whole number".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn the_reference_is_that_of_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = text.split_once(BEGIN).unwrap();
    let expected = format!("{by_hand}{BEGIN}\n{}", reference(&phasorbench::scenario::schema()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text == expected, "docs/scenario.md is out of date: UPDATE_DOCS=1 cargo test --test scenario_doc");
}

/// Every example in the part written by hand is a scenario, or a part of one that is read as such.
#[test]
fn the_examples_are_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/scenario.md")).unwrap();
    let (by_hand, _) = text.split_once(BEGIN).unwrap();
    let head = "scenario: example\nfeeder: ../feeders/ieee13.yaml\nduration_s: 3600\nstep_s: 1\n";
    let mut examples = 0;
    for block in by_hand.split("```yaml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        let whole = if example.contains("scenario:") { example.to_owned() } else { format!("{head}{example}") };
        let reading = phasorbench::scenario::Document::from_text(&root.join("docs/example.yaml"), whole).plan();
        let found = phasorbench::diagnostic::render(&reading.diagnostics, &reading.sources, false);
        assert!(reading.plan.is_some(), "{example}\n{found}");
        examples += 1;
    }
    assert!(examples >= 5, "{examples} examples");
}
