//! What users write, and what they are told.

use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::diagnostic::{Diagnostic, FileId, Sources, Span, render};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    length_m: Option<f64>,
    length_ft: Option<f64>,
    p_kw: f64,
    count: u32,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    matrix: Vec<Vec<f64>>,
    #[serde(default)]
    shape: Option<Shape>,
    inner: Option<Inner>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Round,
    Square { side_m: f64 },
    Named(String),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    a: f64,
    b: f64,
}

const WHOLE: Span = Span { file: FileId(0), start: 0, end: 0 };

fn thing(text: &str) -> (Option<Thing>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let root = parse(text, FileId(0), &mut found);
    (root.and_then(|root| read(&root, WHOLE, &mut found)), found)
}

fn messages(text: &str) -> Vec<String> {
    let (thing, found) = thing(text);
    assert_eq!(thing.is_some(), found.is_empty());
    found.into_iter().map(|d| d.help.map_or(d.message.clone(), |help| format!("{} | {help}", d.message))).collect()
}

fn syntax(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add(Path::new("f.yaml"), text.to_owned());
    let mut found = Vec::new();
    parse(text, file, &mut found);
    render(&found, &sources, false)
}

#[test]
fn fills_a_type() {
    let text =
        "name: 632.10\np_kw: -1.5e1\ncount: 0x10\non: true\nmatrix: [[1], [.5, 2]]\nshape: {square: {side_m: 2}}\n";
    let (read, found) = thing(text);
    assert_eq!(found, []);
    let read = read.unwrap();
    assert_eq!((read.name.as_str(), read.p_kw, read.count, read.on), ("632.10", -15.0, 16, true));
    assert_eq!(read.matrix, [vec![1.0], vec![0.5, 2.0]]);
    assert_eq!(read.shape, Some(Shape::Square { side_m: 2.0 }));
    let (read, _) = thing("{name: \"5\", p_kw: 1, count: 2, shape: round, length_m: ~}");
    assert_eq!(read.map(|t| (t.name, t.shape, t.length_m)), Some(("5".to_owned(), Some(Shape::Round), None)));
}

#[test]
fn reports_every_mistake_of_an_element() {
    let text = "{nam: x, length_kft: 2, p_mw: 1e400, count: 1.5, on: yes, matrix: [[1, x], [.nan, 2]], \
                shape: rond, inner: {a: true, c: 1}}";
    insta::assert_snapshot!(messages(text).join("\n"), @r#"
    unknown key "nam" | did you mean "name"?
    unknown key "length_kft" | did you mean "length_ft" (or length_m)? The unit is part of the key: convert the value.
    unknown key "p_mw" | did you mean "p_kw"? The unit is part of the key: convert the value.
    expected a whole number, found the number 1.5
    expected true or false, found the text "yes"
    expected a number, found the text "x"
    .nan is not a finite number
    unknown choice "rond" | did you mean "round"? The choices are round, square, named
    expected a number, found true
    unknown key "c" | known keys: a, b
    missing key "b"
    "#);
}

#[test]
fn reports_missing_keys_where_the_element_is_named() {
    let mut found = Vec::new();
    let root = parse("first: {count: 1}\nsecond: {name: a, count: 1, p_kw: 2, inner: {a: 1}}\n", FileId(0), &mut found);
    assert!(read_map::<Thing>(&root.unwrap(), &mut found).is_empty());
    let found: Vec<_> = found.iter().map(|d| (d.message.as_str(), d.span.unwrap().start)).collect();
    assert_eq!(found, [("missing key \"name\"", 0), ("missing key \"p_kw\"", 0), ("missing key \"b\"", 62)]);
}

#[test]
fn one_broken_element_does_not_hide_another() {
    let mut found = Vec::new();
    let text =
        "A: {name: a, count: 1, p_kw: 1}\nb: 7\nc: {name: c, count: -1, p_kw: 1}\na: {name: a, count: 1, p_kw: 2}\n";
    let root = parse(text, FileId(0), &mut found).unwrap();
    let read = read_map::<Thing>(&root, &mut found);
    assert_eq!(read.keys().collect::<Vec<_>>(), ["a"]);
    let found: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        found,
        [
            "expected a mapping, as in {key: value}, found the number 7",
            "expected a whole number, 0 or more, found -1",
            "\"a\" is written twice: upper and lower case are the same",
        ]
    );
}

#[test]
fn explains_numbers() {
    let number = |text: &str| messages(&format!("{{name: a, count: 1, p_kw: {text}}}")).join("; ");
    assert_eq!(number("\"5\""), "expected a number, found the text \"5\" | write it without quotes");
    assert_eq!(number("1_000"), "expected a number, found the text \"1_000\" | write 1000");
    assert_eq!(number("0x"), "expected a number, found the text \"0x\"");
    assert_eq!(number("5kW"), "expected a number, found the text \"5kW\" | write 5: the unit is part of the key");
    assert_eq!(number("1e400"), "1e400 is too large for a number | the largest number is about 1.8e308");
    assert_eq!(number("-.inf"), "-.inf is not a finite number");
    assert_eq!(number("[1]"), "expected a number, found a list");
    assert_eq!(number(""), "expected a number, found nothing");
}

#[test]
fn tells_each_key_that_is_written_twice() {
    insta::assert_snapshot!(syntax("a: 1\nb: {c: 1, c: 2, \"c\": 3}\na: {x: 1}\n"), @r#"
    error[E0005]: "c" is written twice
     --> f.yaml:2:11
      |
    2 | b: {c: 1, c: 2, "c": 3}
      |           ^
      |
     ::: f.yaml:2:5
      |
    2 | b: {c: 1, c: 2, "c": 3}
      |     - first written here
      |
      = help: rename or remove one of them

    error[E0005]: "c" is written twice
     --> f.yaml:2:17
      |
    2 | b: {c: 1, c: 2, "c": 3}
      |                 ^^^
      |
     ::: f.yaml:2:5
      |
    2 | b: {c: 1, c: 2, "c": 3}
      |     - first written here
      |
      = help: rename or remove one of them

    error[E0005]: "a" is written twice
     --> f.yaml:3:1
      |
    3 | a: {x: 1}
      | ^
      |
     ::: f.yaml:1:1
      |
    1 | a: 1
      | - first written here
      |
      = help: rename or remove one of them

    3 errors
    "#);
}

#[test]
fn names_that_are_equal_only_as_numbers_are_two_names() {
    let mut found = Vec::new();
    let root = parse("16: 1\n0x10: 2\n", FileId(0), &mut found).unwrap();
    assert_eq!(found, []);
    assert_eq!(root.entries().iter().map(|(k, _)| k.name.as_str()).collect::<Vec<_>>(), ["16", "0x10"]);
}

#[test]
fn many_keys_written_twice_end() {
    let text: String = (0..200).map(|k| format!("k{}: 1\n", k % 100)).collect();
    let mut found = Vec::new();
    assert!(parse(&text, FileId(0), &mut found).is_some());
    assert!(found.len() >= 40, "{}", found.len());
}

#[test]
fn anchors_and_merge_keys_work() {
    let text =
        "base: &base {count: 1, p_kw: 2}\nthings:\n  a: {<<: *base, name: x}\n  b: {<<: *base, name: y, count: 3}\n";
    let mut found = Vec::new();
    let root = parse(text, FileId(0), &mut found).unwrap();
    let things = read_map::<Thing>(root.get("things").unwrap(), &mut found);
    assert_eq!(found, []);
    assert_eq!((things["a"].count, things["b"].count, things["b"].p_kw), (1, 3, 2.0));
}

#[test]
fn places_are_right_after_a_byte_order_mark_and_umlauts() {
    let text = "\u{feff}ä: 1\nname: {}\n";
    let mut found = Vec::new();
    let root = parse(text, FileId(0), &mut found).unwrap();
    let span = root.get("name").unwrap().span;
    assert_eq!(&text[span.start as usize..span.end as usize], "{");
    let found = syntax("ä: 1\nö: [ü: , }\n");
    assert!(found.contains("f.yaml:2:"), "{found}");
}

#[test]
fn hostile_texts_end_in_a_finding() {
    let laughs: String =
        (1..30).map(|k| format!("a{k}: &a{k} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", k - 1)).collect();
    let cases = [
        "[".repeat(3_000_000),
        "{a: ".repeat(500_000),
        "- ".repeat(1_000_000),
        (0..2000).map(|k| format!("{}a:\n", " ".repeat(k))).collect(),
        format!("a0: &a0 [1, 2, 3]\n{laughs}"),
        "[],".repeat(3_000_000),
        "? ".repeat(100_000),
        "&a ".repeat(100_000),
        "!".repeat(1_000_000),
        "\"".to_owned() + &"\\".repeat(1_000_001),
        "a: &a [*a]".to_owned(),
        "---\n".repeat(100_000),
    ];
    for text in &cases {
        let shown = syntax(text);
        let start: String = text.chars().take(30).collect();
        assert!(shown.contains("error[E000"), "{start}: {shown}");
        assert!(shown.len() < 3000, "{start}: {}", shown.len());
    }
}

#[test]
fn too_many_values_are_refused() {
    let mut found = Vec::new();
    let text = format!("x: [{}]", "[],".repeat(2000));
    assert!(super::parse::parse_within(2000, &text, FileId(0), &mut found).is_none());
    assert_eq!((found[0].code, found[0].message.as_str()), ("E0004", "the file has more than 4000000 values"));
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = syntax(&text);
    }

    #[test]
    fn no_yaml_like_text_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "a", "b", ": ", "\n", "  ", "{", "}", "[", "]", ", ", "- ", "? ", "&x ", "*x", "!t ", "\"", "'", "|\n", ">\n", "#",
        "---\n", "<<: ", "1", "0x1", ".nan", "~", "\t", "\r", "ä", "\u{feff}", "%",
    ]), 0..40)) {
        let text = parts.concat();
        let _ = (syntax(&text), thing(&text));
    }

    #[test]
    fn no_value_panics(values in prop::collection::vec(prop::sample::select(vec![
        "1", "x", "[1]", "[[x]]", "{a: 1}", "~", "true", "1e999", "-1", "\"\"", "{round: 1}", "{square: {side_m: x}}",
    ]), 9)) {
        let keys = ["name", "length_m", "length_ft", "p_kw", "count", "on", "matrix", "shape", "inner"];
        let entries: Vec<String> = keys.iter().zip(&values).map(|(k, v)| format!("{k}: {v}")).collect();
        let (read, found) = thing(&format!("{{{}}}", entries.join(", ")));
        prop_assert_eq!(read.is_none(), !found.is_empty());
    }
}
