//! What of a description is SCPI's: questions, commands, and how a command is read back.
//!
//! A command is read back by its own question: the header with a `?`, and its parameters without the one that has the
//! value. `VOLT:PHAS1 {}` is read back by `VOLT:PHAS1?`, `VOLT {},(@2)` by `VOLT? (@2)`; what stands before a `;` selects, and
//! stays. Where a device has it otherwise, the description says so (`read_back_scpi`).
//!
//! Source: SCPI-99, volume 1, 5 and 6 (query forms); IEEE 488.2-1992, 7.6 (headers, separators).

use super::ScpiPlace;

/// Where a command has its value.
pub(crate) const VALUE: &str = "{}";
/// Longest question or command in bytes.
pub(super) const LONGEST: usize = 200;
/// Most values of an answer.
pub(crate) const MOST_PARTS: u16 = 256;

/// A text in parts at a separator that stands in no quotes and no parentheses.
pub(crate) fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut from, mut quote, mut deep) = (Vec::new(), 0, None, 0_usize);
    for (k, own) in text.char_indices() {
        match (quote, own) {
            (Some(open), _) if own == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(own),
            (None, '(') => deep += 1,
            (None, ')') => deep = deep.saturating_sub(1),
            (None, _) if own == at && deep == 0 => {
                parts.push(&text[from..k]);
                from = k + at.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// The question that reads a command back; `None` where the value is not a parameter of it.
pub(super) fn read_back(command: &str) -> Option<String> {
    let units = split(command, ';');
    let last = units.iter().position(|unit| unit.contains(VALUE))?;
    let unit = units[last].trim();
    let (header, parameters) = unit.split_once(char::is_whitespace)?;
    if header.contains(VALUE) || header.contains('?') {
        return None;
    }
    let others: Vec<&str> =
        split(parameters, ',').into_iter().map(str::trim).filter(|own| !own.contains(VALUE)).collect();
    let mut question: String = units[..last].iter().map(|own| format!("{};", own.trim())).collect();
    question.push_str(header);
    question.push('?');
    if !others.is_empty() {
        question.push(' ');
        question.push_str(&others.join(","));
    }
    Some(question)
}

/// What is wrong with a question or a command, if anything.
fn wrong(text: &str, value: usize, question: bool) -> Option<String> {
    let clean = text.is_ascii() && !text.chars().any(|own| own.is_ascii_control());
    match text {
        _ if !clean || text.trim() != text || text.is_empty() || text.len() > LONGEST => {
            Some(format!("SCPI is one line of at most {LONGEST} ASCII characters, without blanks around it"))
        }
        _ if text.matches(VALUE).count() != value || text.contains('?') != question => {
            Some("a question has a ?, a command {} once, where the value goes".into())
        }
        _ => None,
    }
}

/// Makes a place of a question.
pub(super) fn asked(text: &str, part: Option<u16>, scale: f64, offset: f64) -> Result<ScpiPlace, String> {
    if let Some(wrong) = wrong(text, 0, true) {
        return Err(wrong);
    }
    let part = part.unwrap_or(1);
    if !(1..=MOST_PARTS).contains(&part) {
        return Err(format!("part counts the values of an answer from 1 to {MOST_PARTS}"));
    }
    let (text, part) = (text.to_owned(), usize::from(part - 1));
    Ok(ScpiPlace { text, part, scale, offset, question: None, within: 0.0 })
}

/// Makes a place of a command; of one without a value where `bare`.
pub(super) fn told(text: &str, bare: bool, scale: f64, offset: f64) -> Result<ScpiPlace, String> {
    match wrong(text, usize::from(!bare), false) {
        Some(wrong) => Err(wrong),
        None => {
            let question = read_back(text);
            Ok(ScpiPlace { text: text.to_owned(), part: 0, scale, offset, question, within: 0.0 })
        }
    }
}

/// What is wrong with a question that is given beside a command, if anything.
pub(super) fn wrong_question(text: &str) -> Option<String> {
    wrong(text, 0, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_is_read_back_by_its_question() {
        for (command, question) in [
            ("VOLT:PHAS1 {}", Some("VOLT:PHAS1?")),
            ("VOLT {},(@1,2)", Some("VOLT? (@1,2)")),
            ("VOLT A,{}", Some("VOLT? A")),
            ("VOLT {}V", Some("VOLT?")),
            ("INST:NSEL 2;VOLT {}", Some("INST:NSEL 2;VOLT?")),
            ("VOLT {};*WAI", Some("VOLT?")),
            ("NAME \"a;b\",{}", Some("NAME? \"a;b\"")),
            ("VOLT{}", None),
            ("VOLT", None),
        ] {
            assert_eq!(read_back(command).as_deref(), question, "{command}");
        }
    }

    #[test]
    fn what_is_no_question_or_command_is_said() {
        for (text, bare) in [("VOLT", false), ("VOLT {}?", false), ("VOLT {},{}", false), ("", true), ("A\nB", true)] {
            assert!(told(text, bare, 1.0, 0.0).is_err(), "{text:?}");
        }
        for (text, part) in [("VOLT", 1), ("VOLT? {}", 1), ("VOLT?", 0), ("VOLT?", 257), ("VOLT? µ", 1)] {
            assert!(asked(text, Some(part), 1.0, 0.0).is_err(), "{text:?} {part}");
        }
        assert!(told("*TRG", true, 1.0, 0.0).is_ok() && told("VOLT {}", false, 1.0, 0.0).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_split_whole(text in "\\PC{0,60}", at in prop_oneof![Just(','), Just(';')]) {
            prop_assert_eq!(split(&text, at).join(&at.to_string()), text.clone());
            if let Some(question) = read_back(&text) {
                prop_assert!(question.contains('?') && question.len() <= 2 * text.len() + 2);
            }
        }
    }
}
