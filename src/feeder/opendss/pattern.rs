//! Name patterns of `batchedit`: a regular expression found anywhere in the name, in any case.
//!
//! Literals, `.`, `[…]`, `\x`, the repetitions `* + ?` and the anchors `^ $` are supported. Matching follows all
//! possibilities at once, so its time is the product of the two lengths.

#[derive(Clone, Debug)]
enum Item {
    Any,
    Char(char),
    /// Ranges; `true` for those not in them.
    Class(Vec<(char, char)>, bool),
}

impl Item {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Char(own) => *own == c,
            Self::Class(ranges, not) => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *not,
        }
    }
}

/// One pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Each item, whether it may be missing, and whether it may repeat.
    items: Vec<(Item, bool, bool)>,
    from_start: bool,
    to_end: bool,
}

impl Pattern {
    /// The pattern of this text, if it is supported.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let from_start = text.starts_with('^');
        let mut chars = text.chars().skip(usize::from(from_start)).peekable();
        let (mut items, mut to_end) = (Vec::new(), false);
        while let Some(c) = chars.next() {
            let item = match c {
                '.' => Item::Any,
                '[' => class(&mut chars)?,
                '\\' => Item::Char(chars.next().filter(|c| !c.is_ascii_alphanumeric())?),
                '$' if chars.peek().is_none() => {
                    to_end = true;
                    break;
                }
                '(' | ')' | '|' | '{' | '}' | '*' | '+' | '?' | '^' | '$' => return None,
                c => Item::Char(c),
            };
            let (missing, repeats) = match chars.next_if(|c| "*+?".contains(*c)) {
                Some('*') => (true, true),
                Some('+') => (false, true),
                Some(_) => (true, false),
                None => (false, false),
            };
            items.push((item, missing, repeats));
        }
        Some(Self { items, from_start, to_end })
    }

    /// Whether a lower-case name matches.
    pub fn matches(&self, name: &str) -> bool {
        let n = self.items.len();
        // `at[i]`: the items before i have been matched by what ends here.
        let mut at = vec![false; n + 1];
        at[0] = true;
        self.skip_missing(&mut at);
        for c in name.chars() {
            if at[n] && !self.to_end {
                return true;
            }
            let mut next = vec![false; n + 1];
            next[0] = !self.from_start;
            for (i, (item, _, repeats)) in self.items.iter().enumerate() {
                if item.takes(c) {
                    next[i + 1] |= at[i] || (*repeats && at[i + 1]);
                }
            }
            self.skip_missing(&mut next);
            at = next;
        }
        at[n]
    }

    fn skip_missing(&self, at: &mut [bool]) {
        for (i, (_, missing, _)) in self.items.iter().enumerate() {
            at[i + 1] |= at[i] && *missing;
        }
    }
}

fn class(chars: &mut std::iter::Peekable<impl Iterator<Item = char>>) -> Option<Item> {
    let not = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' => return Some(Item::Class(ranges, not)),
            '\\' => chars.next()?,
            c => c,
        };
        let mut last = first;
        if chars.next_if_eq(&'-').is_some() {
            match chars.next()? {
                ']' => {
                    ranges.extend([(first, first), ('-', '-')]);
                    return Some(Item::Class(ranges, not));
                }
                c => last = c,
            }
        }
        ranges.push((first, last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, name: &str) -> Option<bool> {
        Pattern::new(pattern).map(|p| p.matches(name))
    }

    #[test]
    fn patterns_are_found_anywhere() {
        assert_eq!(found("..*", "load1"), Some(true));
        assert_eq!(found(".*", ""), Some(true));
        assert_eq!(found("AD", "load1"), Some(true));
        assert_eq!(found("^ad", "load1"), Some(false));
        assert_eq!(found("d[0-9]+$", "load12"), Some(true));
        assert_eq!(found("d[^0-9]$", "load1"), Some(false));
        assert_eq!(found("s70a?", "s7"), Some(false));
        assert_eq!(found("a(b|c)", "ab"), None);
    }

    #[test]
    fn long_repetitions_do_not_explode() {
        let pattern = format!("{}b", "a*".repeat(40));
        assert_eq!(found(&pattern, &"a".repeat(2000)), Some(false));
    }
}
