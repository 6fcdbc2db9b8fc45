//! Lists, matrices, choices and other values of properties.

use super::codes;
use super::number;
use super::text::{Params, Text};
use crate::diagnostic::Diagnostic;
use crate::feeder::{Connection, Matrix, Terminal, TerminalError, Unit};

/// What a value was read as, or what is wrong with it.
pub type Value<T> = Result<T, Diagnostic>;

/// Fits the nodes written for a terminal to an element: OpenDSS ignores those beyond its conductors, and counts on where
/// fewer are written, with ground beyond the phases. A neutral that is not written stays so.
pub fn fit(terminal: &mut Terminal, phases: usize, connection: Option<Connection>) {
    let (needed, all) = match connection {
        None => (phases, phases),
        Some(Connection::Wye) => (phases, phases + 1),
        Some(Connection::Delta) if phases < 3 => (phases.max(2), phases + 1),
        Some(Connection::Delta) => (phases, phases),
    };
    if !terminal.nodes.is_empty() && terminal.nodes.len() < needed {
        terminal.nodes = terminal.conductors(phases, needed);
    }
    terminal.nodes.truncate(all);
}

/// The tokens of a list.
pub fn items(text: Text<'_>) -> Vec<Text<'_>> {
    let mut params = Params::new(text);
    std::iter::from_fn(|| Some(params.next().value).filter(|value| !value.str.is_empty())).collect()
}

/// The numbers of a list.
pub fn list(text: Text<'_>) -> Value<Vec<f64>> {
    let mut params = Params::of_matrix(text);
    let mut out = Vec::new();
    while let Some((param, row_ends)) = params.next_in_row() {
        out.push(number::token(&param)?);
        if row_ends {
            break;
        }
    }
    Ok(out)
}

/// A symmetric matrix of `order`, written in full or as its lower triangle; rows end with `|`.
pub fn symmetric(text: Text<'_>, order: usize) -> Value<Matrix> {
    let mut matrix = vec![vec![0.0; order]; order];
    let mut params = Params::of_matrix(text);
    let (mut row, mut column) = (0, 0);
    let wrong = |what: String| Diagnostic::error(codes::SIZE, what).at(text.span());
    while let Some((param, row_ends)) = params.next_in_row() {
        let value = number::token(&param)?;
        if row >= order || column >= order {
            return Err(wrong(format!("this matrix is larger than {order} by {order}"))
                .help("the number of phases must come before the matrix"));
        }
        matrix[row][column] = value;
        matrix[column][row] = value;
        column += 1;
        if row_ends {
            (row, column) = (row + 1, 0);
        }
    }
    let rows = if column > 0 { row + 1 } else { row };
    if rows < order {
        return Err(wrong(format!("this matrix has {rows} rows instead of {order}")).help("rows are separated by |"));
    }
    Ok(matrix)
}

/// Yes or no by the first letter; `None` when it is neither (OpenDSS then takes no).
pub fn yes_no(text: Text<'_>) -> Option<bool> {
    match text.str.bytes().next()?.to_ascii_lowercase() {
        b'y' | b't' => Some(true),
        b'n' | b'f' => Some(false),
        _ => None,
    }
}

/// One of `choices`, by any beginning of its name that no other choice shares, or by a longer word that begins alike.
pub fn choice<T: Copy>(text: Text<'_>, choices: &[(&str, T)]) -> Value<T> {
    let word = text.trimmed().lower();
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
        return Ok(*value);
    }
    let alike = |name: &str, n: usize| name.get(..n.min(name.len())) == word.get(..n.min(name.len()));
    for n in 1..=word.len() {
        let mut found = choices.iter().filter(|(name, _)| alike(name, n));
        if let (Some((_, value)), None) = (found.next(), found.next()) {
            return Ok(*value);
        }
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    Err(Diagnostic::error(codes::CHOICE, format!("\"{}\" is none of: {}", text.shown(), names.join(", ")))
        .at(text.span()))
}

/// A winding's or load's connection.
pub fn connection(text: Text<'_>) -> Value<Connection> {
    use Connection::{Delta, Wye};
    choice(text, &[("wye", Wye), ("delta", Delta), ("y", Wye), ("ln", Wye), ("ll", Delta)])
}

/// A length unit; `None` for `none`.
pub fn unit(text: Text<'_>) -> Value<Option<Unit>> {
    let word = text.trimmed().lower();
    let unit = match (word.as_str(), word.get(..2).unwrap_or(&word)) {
        ("m", _) | (_, "me") => Some(Unit::M),
        (_, "no" | "n") => None,
        (_, "mi") => Some(Unit::Mi),
        (_, "kf") => Some(Unit::Kft),
        (_, "km") => Some(Unit::Km),
        (_, "ft" | "f") => Some(Unit::Ft),
        (_, "in" | "i") => Some(Unit::In),
        (_, "cm" | "c") => Some(Unit::Cm),
        (_, "mm") => Some(Unit::Mm),
        _ => {
            let message = format!("\"{}\" is none of: none, mi, kft, km, m, ft, in, cm, mm", text.shown());
            return Err(Diagnostic::error(codes::CHOICE, message).at(text.span()));
        }
    };
    Ok(unit)
}

/// A bus with its nodes.
pub fn terminal(text: Text<'_>) -> Value<Terminal> {
    let parsed = text.str.parse();
    parsed.map_err(|e: TerminalError| Diagnostic::error(codes::BUS, e.to_string()).at(text.span()))
}

/// Metres in one unit; OpenDSS takes a missing unit of a wire or geometry for metres.
pub fn metres(unit: Option<Unit>) -> f64 {
    unit.map_or(1.0, Unit::metres)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::FileId;

    fn text(s: &str) -> Text<'_> {
        Text::new(s, FileId(0), 0)
    }

    #[test]
    fn a_triangle_and_a_full_matrix_are_the_same() {
        let triangle = symmetric(text("1 | 2 3 | 4, (8 2 /) 6"), 3).ok();
        let full = symmetric(text("1 2 4 | 2 3 4 | 4 4 6 |"), 3).ok();
        assert_eq!(triangle, full);
        assert_eq!(full, Some(vec![vec![1.0, 2.0, 4.0], vec![2.0, 3.0, 4.0], vec![4.0, 4.0, 6.0]]));
        assert!(symmetric(text("1 2"), 1).is_err());
        assert!(symmetric(text("1 | 2 3"), 3).is_err());
    }

    #[test]
    fn choices_may_be_shortened() {
        assert_eq!(connection(text("D")).ok(), Some(Connection::Delta));
        assert_eq!(connection(text("LL")).ok(), Some(Connection::Delta));
        assert_eq!(connection(text("Y")).ok(), Some(Connection::Wye));
        assert!(connection(text("L")).is_err());
        assert_eq!(unit(text("meters")).ok(), Some(Some(Unit::M)));
        assert_eq!(unit(text("Miles")).ok(), Some(Some(Unit::Mi)));
    }
}
