//! The instrument's side of SCPI's language: messages in units, headers in short and long forms.
//!
//! `VOLTage:PHASe2` in a description stands for `volt:phas2`, `VOLTAGE:PHASE2` and all between; of a word in capitals alone the
//! long form is known where SCPI has it ([`WORDS`]). `SOURce:` may stand before any header or not, and so may the nodes after
//! it that SCPI takes for granted (`:LEVel:IMMediate:AMPLitude`, `:STATe`, `:NEXT`). A unit after a `;` goes on where the
//! last one was, unless it begins with `:`; common commands (`*IDN?`) change nothing about that.
//!
//! Source: SCPI-99, volume 1, 6.2.1 (forms), 6.2.4 (paths), 5.1 (default nodes); IEEE 488.2-1992, 7.6.

use crate::link::description::scpi::{VALUE, split};

/// Words of instruments that make power, by which a short form is known: the short form is in capitals.
pub const WORDS: [&str; 46] = [
    "ALL",
    "AMPLitude",
    "ANGLe",
    "APPLy",
    "APParent",
    "CONFigure",
    "COUPling",
    "CURRent",
    "DATA",
    "ERRor",
    "FETCh",
    "FIXed",
    "FREQuency",
    "IMMediate",
    "INITiate",
    "INPut",
    "INSTrument",
    "LEVel",
    "LIMit",
    "LOCal",
    "MEASure",
    "MODE",
    "NEXT",
    "NSELect",
    "OFFSet",
    "OUTPut",
    "PHASe",
    "POWer",
    "PROTection",
    "QUEStionable",
    "RANGe",
    "REACtive",
    "READ",
    "REAL",
    "REMote",
    "SCALar",
    "SELect",
    "SENSe",
    "SHAPe",
    "SLEW",
    "SOURce",
    "STATe",
    "SYSTem",
    "TRIGger",
    "VERSion",
    "VOLTage",
];

/// Nodes at a header's end that need not be said.
const GRANTED: [&str; 5] = ["LEVEL", "IMMEDIATE", "AMPLITUDE", "STATE", "NEXT"];
/// Most units in a message, most words in a header, most parameters.
const MOST: usize = 64;

/// Why a unit is none: SCPI's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong(pub i16);

/// A word of a header, with the number after it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    short: String,
    long: String,
    number: u32,
}

impl Word {
    /// As it is written in a description, or by a client.
    fn new(text: &str) -> Option<Self> {
        let letters = text.trim_end_matches(|own: char| own.is_ascii_digit());
        let number = match &text[letters.len()..] {
            "" => 1,
            digits => digits.parse().ok()?,
        };
        let clean = letters.starts_with(|own: char| own.is_ascii_alphabetic())
            && letters.chars().all(|own| own.is_ascii_alphanumeric() || own == '_');
        if !clean {
            return None;
        }
        let short: String = letters.chars().filter(|own| !own.is_ascii_lowercase()).collect();
        let upper = letters.to_ascii_uppercase();
        let known = WORDS.iter().find(|own| own.to_ascii_uppercase() == upper || capitals(own) == upper);
        let (short, long) = match known {
            Some(own) => (capitals(own), own.to_ascii_uppercase()),
            None if short.is_empty() || short.len() == letters.len() => (upper.clone(), upper),
            None => (short, upper),
        };
        Some(Self { short, long, number })
    }

    /// Whether a client's word is this one.
    fn is(&self, said: &str) -> bool {
        let letters = said.trim_end_matches(|own: char| own.is_ascii_digit());
        let number = match &said[letters.len()..] {
            "" => Some(1),
            digits => digits.parse().ok(),
        };
        let name = letters.eq_ignore_ascii_case(&self.short) || letters.eq_ignore_ascii_case(&self.long);
        name && number == Some(self.number)
    }
}

fn capitals(word: &str) -> String {
    word.chars().filter(char::is_ascii_uppercase).collect()
}

/// A unit of a message, its header whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The header's words; of a common command one, with its star.
    pub header: Vec<String>,
    /// Whether it is a question.
    pub question: bool,
    /// What follows, separated by commas.
    pub parameters: Vec<String>,
}

/// The units of a message, each as far as it can be read.
pub fn units(message: &str) -> Vec<Result<Unit, Wrong>> {
    let mut path: Vec<String> = Vec::new();
    let parts = split(message, ';').into_iter().map(str::trim).filter(|own| !own.is_empty());
    parts.take(MOST).map(|own| unit(own, &mut path)).collect()
}

/// Reads a unit that goes on from a path.
fn unit(text: &str, path: &mut Vec<String>) -> Result<Unit, Wrong> {
    let (header, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (header, question) = header.strip_suffix('?').map_or((header, false), |own| (own, true));
    let parameters: Vec<String> = if rest.trim().is_empty() {
        Vec::new()
    } else {
        split(rest, ',').into_iter().map(|own| own.trim().to_owned()).collect()
    };
    if parameters.len() > MOST {
        return Err(Wrong(-108));
    }
    if let Some(common) = header.strip_prefix('*') {
        let clean = !common.is_empty() && common.chars().all(|own| own.is_ascii_alphabetic());
        let header = vec![format!("*{}", common.to_ascii_uppercase())];
        return if clean { Ok(Unit { header, question, parameters }) } else { Err(Wrong(-101)) };
    }
    let (from, header) = match header.strip_prefix(':') {
        Some(own) => (&[][..], own),
        None => (&path[..], header),
    };
    let words: Vec<&str> = header.split(':').collect();
    let letters = |own: &&str| own.chars().all(|own| own.is_ascii_alphanumeric() || own == '_');
    match () {
        () if !words.iter().all(letters) => return Err(Wrong(-101)),
        () if words.iter().any(|own| own.is_empty()) => return Err(Wrong(-102)),
        () if from.len() + words.len() > MOST => return Err(Wrong(-112)),
        () => {}
    }
    let header: Vec<String> = from.iter().cloned().chain(words.into_iter().map(str::to_owned)).collect();
    *path = header[..header.len() - 1].to_vec();
    Ok(Unit { header, question, parameters })
}

/// A parameter of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parameter {
    /// Where the value goes, with what stands around it.
    Value(String, String),
    /// Always this.
    Fixed(String),
}

/// What a unit is compared with: a question or a command of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    common: Option<String>,
    words: Vec<Word>,
    question: bool,
    parameters: Vec<Parameter>,
}

/// How a unit fits a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is another header.
    Other,
    /// It is, with this value where the pattern has one.
    Fits(Option<String>),
    /// The header is, and the parameters are not.
    Parameters(Wrong),
}

impl Pattern {
    /// A pattern of a question or command; `None` where it is not one unit.
    pub fn new(text: &str) -> Option<Self> {
        let one = units(text);
        let [Ok(own)] = &one[..] else { return None };
        let parameters = own.parameters.iter().map(|own| match own.split_once(VALUE) {
            Some((before, after)) => Parameter::Value(tidy(before), tidy(after)),
            None => Parameter::Fixed(tidy(own)),
        });
        let parameters = parameters.collect();
        if let [common] = &own.header[..]
            && common.starts_with('*')
        {
            return Some(Self { common: Some(common.clone()), words: Vec::new(), question: own.question, parameters });
        }
        let words = own.header.iter().map(|own| Word::new(own)).collect::<Option<Vec<_>>>()?;
        let words = bare(&words, |word| &word.long, |word| word.number == 1).to_vec();
        Some(Self { common: None, words, question: own.question, parameters })
    }

    /// How a unit fits.
    pub fn fit(&self, unit: &Unit) -> Fit {
        if self.question != unit.question || !self.is_header(&unit.header) {
            return Fit::Other;
        }
        let (own, said) = (self.parameters.len(), unit.parameters.len());
        if own != said {
            return Fit::Parameters(Wrong(if said > own { -108 } else { -109 }));
        }
        let mut value = None;
        for (own, said) in self.parameters.iter().zip(&unit.parameters) {
            let said = tidy(said);
            match own {
                Parameter::Fixed(own) if *own == said => {}
                Parameter::Fixed(_) => return Fit::Parameters(Wrong(-224)),
                Parameter::Value(before, after) => {
                    let inner = said.strip_prefix(before.as_str()).unwrap_or(&said);
                    value = Some(inner.strip_suffix(after.as_str()).unwrap_or(inner).to_owned());
                }
            }
        }
        Fit::Fits(value)
    }

    fn is_header(&self, said: &[String]) -> bool {
        match (&self.common, said) {
            (Some(own), [said]) => own == said,
            (Some(_), _) => false,
            (None, [one]) if one.starts_with('*') => false,
            (None, _) => {
                // What no word can be made of is no word of a pattern either.
                let known = |own: &String| Word::new(own).map(|word| (word, own.clone()));
                let Some(all) = said.iter().map(known).collect::<Option<Vec<_>>>() else { return false };
                let kept = bare(&all, |(word, _)| &word.long, |(word, _)| word.number == 1);
                self.words.len() == kept.len() && self.words.iter().zip(kept).all(|(own, (_, said))| own.is(said))
            }
        }
    }
}

/// A header without what need not be said.
fn bare<T>(words: &[T], name: impl Fn(&T) -> &String, plain: impl Fn(&T) -> bool) -> &[T] {
    let mut own = words;
    if let [first, rest @ ..] = own
        && !rest.is_empty()
        && name(first) == "SOURCE"
        && plain(first)
    {
        own = rest;
    }
    while let [rest @ .., last] = own
        && !rest.is_empty()
        && GRANTED.contains(&name(last).as_str())
        && plain(last)
    {
        own = rest;
    }
    own
}

/// A parameter without blanks, in capitals; what is in quotes stays.
fn tidy(text: &str) -> String {
    if text.contains(['"', '\'']) {
        return text.trim().to_owned();
    }
    text.chars().filter(|own| !own.is_whitespace()).map(|own| own.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, said: &str) -> bool {
        let all = units(said);
        let unit = all.last().unwrap().as_ref().unwrap();
        matches!(Pattern::new(pattern).unwrap().fit(unit), Fit::Fits(_))
    }

    #[test]
    fn short_and_long_forms_are_the_same_and_others_are_not() {
        for said in
            ["VOLT:PHAS1 1", "voltage:phase1 1", "Volt:PHAS 1", "SOUR:VOLT:PHAS 1", ":source:volt:phase:lev:imm:ampl 1"]
        {
            assert!(fits("VOLT:PHAS1 {}", said) && fits("VOLTage:PHASe1 {}", said), "{said}");
        }
        for said in [
            "VOLTA:PHAS1 1",
            "VOL:PHAS 1",
            "VOLT:PHAS2 1",
            "VOLT 1",
            "VOLT:PHAS1? 1",
            "VOLT:PHAS1:X 1",
            "SOUR2:VOLT:PHAS 1",
        ] {
            assert!(!fits("VOLT:PHAS1 {}", said), "{said}");
        }
        assert!(fits("OUTP {}", "OUTPUT:STATE 1") && fits("SYST:ERR?", "system:error:next?"));
        assert!(fits("WIDGet {}", "widg 1") && fits("WIDGet {}", "WIDGET 1") && !fits("WIDG {}", "WIDGET 1"));
    }

    #[test]
    fn a_unit_goes_on_where_the_last_was() {
        let header = |message: &str| units(message).pop().unwrap().map(|own| own.header.join(":"));
        assert_eq!(header("VOLT:PHAS1 230;PHAS2 231").as_deref(), Ok("VOLT:PHAS2"));
        assert_eq!(header("VOLT:PHAS1 230;*WAI;PHAS2 231").as_deref(), Ok("VOLT:PHAS2"));
        assert_eq!(header("VOLT:PHAS1 230;:FREQ 50").as_deref(), Ok("FREQ"));
        assert_eq!(header("*rst").as_deref(), Ok("*RST"));
        for (message, code) in [("VOLT::X 1", -102), ("VO!T 1", -101), ("*", -101), ("VOLT?X", -101)] {
            assert_eq!(header(message), Err(Wrong(code)), "{message}");
        }
    }

    #[test]
    fn parameters_are_as_they_must_be() {
        let own = Pattern::new("VOLT {}V,(@1, 2)").unwrap();
        let fit = |said: &str| own.fit(units(said)[0].as_ref().unwrap());
        assert_eq!(fit("VOLT 230 v,(@1,2)"), Fit::Fits(Some("230".into())));
        assert_eq!(fit("VOLT 2.3E2,(@1,2)"), Fit::Fits(Some("2.3E2".into())));
        assert_eq!(fit("VOLT 230"), Fit::Parameters(Wrong(-109)));
        assert_eq!(fit("VOLT 230,(@1,2),3"), Fit::Parameters(Wrong(-108)));
        assert_eq!(fit("VOLT 230,(@3)"), Fit::Parameters(Wrong(-224)));
        assert_eq!(Pattern::new("A 1;B {}"), None);
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(message in "[-*:;?,() A-Za-z0-9\"'!{}]{0,80}") {
            let pattern = Pattern::new("VOLT:PHAS1 {}").unwrap();
            for unit in units(&message).into_iter().flatten() {
                pattern.fit(&unit);
            }
            Pattern::new(&message);
        }
    }
}
