//! Cases: what is lost together.

use super::loss::Loss;

/// More cases than this must be asked for.
pub const MOST_CASES: usize = 200_000;

/// One or two losses at once, by their places in the list of losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// What is lost.
    pub first: u32,
    /// What else, in an N-2 case.
    pub second: Option<u32>,
}

/// Why there are no cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// Nothing was chosen, or nothing can be lost.
    #[error("nothing is left to lose: no case")]
    None,
    /// Too many pairs.
    #[error("{losses} elements make {cases} pairs, more than {most}")]
    TooMany {
        /// Chosen elements.
        losses: usize,
        /// Their pairs.
        cases: usize,
        /// Most pairs that were allowed.
        most: usize,
    },
}

impl Case {
    /// The losses of a case.
    pub fn losses<'a>(&self, losses: &'a [Loss]) -> impl Iterator<Item = &'a Loss> {
        let second = self.second.and_then(|k| losses.get(k as usize));
        losses.get(self.first as usize).into_iter().chain(second)
    }

    /// Its losses' names, with ` + ` between them.
    pub fn name(&self, losses: &[Loss]) -> String {
        let names: Vec<&str> = self.losses(losses).map(|loss| loss.name.as_str()).collect();
        names.join(" + ")
    }
}

/// A case for each chosen loss.
///
/// # Errors
/// When nothing is chosen.
pub fn singles(chosen: &[usize]) -> Result<Vec<Case>, CaseError> {
    let case = |&k: &usize| Some(Case { first: u32::try_from(k).ok()?, second: None });
    let cases: Vec<Case> = chosen.iter().filter_map(case).collect();
    if cases.is_empty() { Err(CaseError::None) } else { Ok(cases) }
}

/// A case for each pair of chosen losses, `most` at most.
///
/// # Errors
/// When there is no pair, or there are more.
pub fn pairs(chosen: &[usize], most: usize) -> Result<Vec<Case>, CaseError> {
    let losses = chosen.len();
    let cases = losses * losses.saturating_sub(1) / 2;
    match cases {
        0 => Err(CaseError::None),
        cases if cases > most => Err(CaseError::TooMany { losses, cases, most }),
        _ => {
            let single: Vec<u32> = chosen.iter().filter_map(|&k| u32::try_from(k).ok()).collect();
            let with = |(i, &first): (usize, &u32)| -> Vec<Case> {
                single[i + 1..].iter().map(|&second| Case { first, second: Some(second) }).collect()
            };
            Ok(single.iter().enumerate().flat_map(with).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_a_case_once() {
        let found = pairs(&[0, 3, 4, 7], 6).unwrap();
        let expected = [(0, 3), (0, 4), (0, 7), (3, 4), (3, 7), (4, 7)];
        assert_eq!(found, expected.map(|(first, second)| Case { first, second: Some(second) }));
        assert_eq!(pairs(&[0, 3, 4, 7], 5), Err(CaseError::TooMany { losses: 4, cases: 6, most: 5 }));
        assert_eq!((pairs(&[1], 9), singles(&[])), (Err(CaseError::None), Err(CaseError::None)));
    }
}
