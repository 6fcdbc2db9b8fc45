//! The known name that a user probably meant.
//!
//! Optimal string alignment distance (insert, delete, substitute, swap neighbours), ignoring case. Cost is bounded:
//! names longer than [`LONGEST`] characters are not compared, nor are those whose lengths differ too much.

/// Longest name compared, in characters.
const LONGEST: usize = 64;

/// The candidate nearest to `name`, if one is near enough to be what was meant: at most a third of the name's
/// characters apart (but at least one). The first of equally near ones.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = characters(name)?;
    let mut best = None;
    let mut allowed = (wanted.len() / 3).max(1);
    for candidate in candidates {
        let Some(known) = characters(candidate) else { continue };
        if wanted.len().abs_diff(known.len()) > allowed {
            continue;
        }
        let distance = distance(&wanted, &known);
        // A name of one or two letters with every letter changed is another name.
        if distance <= allowed && distance < wanted.len().max(known.len()) {
            best = Some(candidate);
            match distance.checked_sub(1) {
                Some(less) => allowed = less,
                None => break,
            }
        }
    }
    best
}

fn characters(name: &str) -> Option<Vec<char>> {
    (name.len() <= 4 * LONGEST)
        .then(|| name.chars().flat_map(char::to_lowercase).collect::<Vec<_>>())
        .filter(|c| !c.is_empty() && c.len() <= LONGEST)
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(x != y));
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_that_was_meant() {
        assert_eq!(nearest("6x5", ["645", "692", "634"]), Some("645"));
        assert_eq!(nearest("p_mw", ["q_kvar", "p_kw", "phases"]), Some("p_kw"));
        assert_eq!(nearest("lenght_ft", ["length_m", "length_ft"]), Some("length_ft"));
        assert_eq!(nearest("MTX601", ["mtx602", "mtx601"]), Some("mtx601"));
    }

    #[test]
    fn finds_nothing_rather_than_something_else() {
        assert_eq!(nearest("b7", ["a", "xyz", "c9"]), None);
        assert_eq!(nearest("capacitor", ["load", "line"]), None);
        assert_eq!(nearest("", ["a"]), None);
        let long = "x".repeat(10_000);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }

    #[test]
    fn counts_a_swap_as_one_change() {
        assert_eq!(distance(&['a', 'b'], &['b', 'a']), 1);
        assert_eq!(distance(&['k', 'i', 't', 't', 'e', 'n'], &['s', 'i', 't', 't', 'i', 'n', 'g']), 3);
    }
}
