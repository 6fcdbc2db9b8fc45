//! Choosing what is lost by kind and by name: `lines,transformer.reg*`.

use super::loss::{Loss, LossKind};
use crate::diagnostic::nearest;

/// Words that choose losses; one is chosen that any word names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    words: Vec<String>,
}

/// A word that names nothing there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is neither a kind of element nor the name of one that can be lost")]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// The kind or name that was probably meant.
    pub nearest: Option<String>,
}

impl Only {
    /// Words separated by commas; upper and lower case are the same.
    pub fn new(text: &str) -> Self {
        let words = text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty());
        Self { words: words.collect() }
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Indices of the chosen losses, in order. Without words: everything but banks, whose units stand for them.
    ///
    /// # Errors
    /// A word that chooses nothing and is not a kind.
    pub fn choose(&self, losses: &[Loss]) -> Result<Vec<usize>, UnknownWord> {
        if self.words.is_empty() {
            return Ok((0..losses.len()).filter(|&k| losses[k].kind != LossKind::Bank).collect());
        }
        let mut chosen = vec![false; losses.len()];
        for word in &self.words {
            let kind = kind_of(word);
            let mut any = kind.is_some();
            for (loss, chosen) in losses.iter().zip(&mut chosen) {
                let named = match kind {
                    Some(kind) => loss.kind == kind,
                    None => names(word, loss),
                };
                (*chosen, any) = (*chosen || named, any || named);
            }
            if !any {
                return Err(unknown(word, losses));
            }
        }
        Ok((0..losses.len()).filter(|&k| chosen[k]).collect())
    }
}

fn kind_of(word: &str) -> Option<LossKind> {
    let also = |kind: LossKind| match kind {
        LossKind::Pv => ["pv_systems", "pv_system"],
        LossKind::Storage => ["storage", "storages"],
        other => [other.word(); 2],
    };
    let mut all = LossKind::ALL.into_iter();
    all.find(|(kind, plural)| *plural == word || also(*kind).contains(&word)).map(|(kind, _)| kind)
}

/// Whether a word names a loss: its whole name or the part after its class, with `*` for any text and `?` for any
/// character.
fn names(word: &str, loss: &Loss) -> bool {
    let bare = loss.name.split_once('.').map_or("", |(_, name)| name);
    matches(word, &loss.name) || matches(word, bare)
}

/// Whether `text` is what `pattern` says. Linear in practice: only the last `*` is ever taken back.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn unknown(word: &str, losses: &[Loss]) -> UnknownWord {
    let kinds = LossKind::ALL.iter().map(|(_, plural)| *plural);
    let bare = losses.iter().filter_map(|loss| loss.name.split_once('.').map(|(_, name)| name));
    let names = losses.iter().map(|loss| loss.name.as_str());
    let nearest = nearest(word, kinds.chain(bare).chain(names)).map(str::to_owned);
    UnknownWord { word: word.to_owned(), nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses() -> Vec<Loss> {
        let loss = |name: &str, kind| Loss { name: name.to_owned(), kind, parts: Vec::new() };
        vec![
            loss("line.l1", LossKind::Line),
            loss("line.l115", LossKind::Line),
            loss("line.sw.1", LossKind::Switch),
            loss("transformer.l1", LossKind::Transformer),
            loss("capacitor.c83", LossKind::Capacitor),
            loss("bank.reg1", LossKind::Bank),
        ]
    }

    #[test]
    fn words_choose_by_kind_and_by_name() {
        let choose = |text: &str| Only::new(text).choose(&losses()).unwrap();
        assert_eq!(choose(""), [0, 1, 2, 3, 4], "everything but banks");
        assert_eq!(choose("lines"), [0, 1]);
        assert_eq!(choose("line"), [0, 1]);
        assert_eq!(choose(" Switches , CAPACITOR"), [2, 4]);
        assert_eq!(choose("l1"), [0, 3], "of any class");
        assert_eq!(choose("line.l1"), [0]);
        assert_eq!(choose("l1*"), [0, 1, 3]);
        assert_eq!(choose("line.*1?5,banks"), [1, 5]);
        assert_eq!(choose("sw.1"), [2], "a name may hold a dot");
        assert_eq!(choose("sources"), [0; 0], "a kind that the feeder does not have is no mistake");
    }

    #[test]
    fn a_word_that_names_nothing_is_explained() {
        let error = |text: &str| Only::new(text).choose(&losses()).unwrap_err();
        assert_eq!(error("transfomers").nearest.as_deref(), Some("transformers"));
        assert_eq!(error("lines,line.l116").nearest.as_deref(), Some("line.l115"));
        assert_eq!(error("zzzz*").nearest, None);
        let stars = "*a".repeat(2000);
        assert!(!matches(&stars, &"a".repeat(1999)), "no exponential time");
    }
}
