//! The elements that a script has made so far, by class and name.

use indexmap::IndexMap;

use crate::diagnostic::Span;
use crate::feeder::Origin;

/// One element and where it was written.
#[derive(Debug)]
pub struct Entry<T> {
    pub value: T,
    pub whole: Span,
    /// The model's keys and where they were last written.
    pub keys: Vec<(&'static str, Span)>,
    pub enabled: bool,
    /// Ends opened by commands: bit 0 for the first, bit 1 for the second.
    pub open: u8,
}

impl<T> Entry<T> {
    /// Remembers where a key was written.
    pub fn remember(&mut self, key: &'static str, span: Span) {
        if key.is_empty() {
            return;
        }
        match self.keys.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = span,
            None => self.keys.push((key, span)),
        }
    }

    /// Where a key was written, or else the element.
    pub fn span(&self, key: &str) -> Span {
        self.keys.iter().find(|(k, _)| *k == key).map_or(self.whole, |(_, span)| *span)
    }

    /// For the model.
    pub fn origin(&self) -> Origin {
        Origin { whole: self.whole, keys: self.keys.iter().map(|(k, span)| ((*k).into(), *span)).collect() }
    }
}

/// The elements of one class, by lower-case name.
#[derive(Debug)]
pub struct Store<T> {
    pub items: IndexMap<String, Entry<T>>,
    pub active: Option<usize>,
    /// The active element is one that another was made like.
    pub by_like: bool,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { items: IndexMap::new(), active: None, by_like: false }
    }
}

impl<T: Default> Store<T> {
    /// Adds an element and makes it the active one.
    pub fn add(&mut self, name: &str, value: T, whole: Span) -> usize {
        let entry = Entry { value, whole, keys: Vec::new(), enabled: true, open: 0 };
        let (index, _) = self.items.insert_full(name.to_owned(), entry);
        (self.active, self.by_like) = (Some(index), false);
        index
    }

    /// The element of this name.
    pub fn get(&self, name: &str) -> Option<&Entry<T>> {
        self.items.get(name)
    }

    /// Makes the element of this name the active one.
    pub fn select(&mut self, name: &str) -> Option<usize> {
        let index = self.items.get_index_of(name)?;
        (self.active, self.by_like) = (Some(index), false);
        Some(index)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(String::as_str)
    }
}
