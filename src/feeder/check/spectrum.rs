//! Harmonic spectra, who refers to them, and current sources.

use super::super::{CurrentSource, LARGEST_ORDER, ORDER_TOLERANCE, Spectrum};
use super::finding::{Checker, Conductors, Element};
use crate::diagnostic::Diagnostic;

/// Smallest order: below, the multipliers of neighbouring orders could not be told apart.
const SMALLEST_ORDER: f64 = ORDER_TOLERANCE;

/// Most known names that are listed.
const MOST_LISTED: usize = 12;

/// Most orders of a spectrum or a study.
const MOST_ORDERS: usize = 10_000;

/// Checks the spectra, the names of spectra, the orders of a study and the current sources.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.spectra {
        spectrum(checker, Element { section: "spectra", name }, given);
    }
    for (name, given) in &feeder.current_sources {
        current_source(checker, Element { section: "current_sources", name }, given);
    }
    references(checker);
    study(checker);
}

fn spectrum(checker: &mut Checker<'_>, element: Element<'_>, given: &Spectrum) {
    let count = given.orders.len();
    if count == 0 || count > MOST_ORDERS {
        let message = format!("{element} must have from 1 to {MOST_ORDERS} orders, has {count}");
        return checker.error("E0240", element, "orders", message);
    }
    for (key, values) in [("magnitude_percent", &given.magnitude_percent), ("angle_deg", &given.angle_deg)] {
        if values.len() != count && !(key == "angle_deg" && values.is_empty()) {
            let message = format!("{element} has {count} orders, but {} values of {key}", values.len());
            checker.error_with_help("E0240", element, key, message, "one value for each order");
        }
    }
    for percent in &given.magnitude_percent {
        checker.finite(element, "magnitude_percent", *percent);
    }
    for angle in &given.angle_deg {
        checker.finite(element, "angle_deg", *angle);
    }
    if orders(checker, element, &given.orders) && !given.orders.iter().any(|x| (x - 1.0).abs() < ORDER_TOLERANCE) {
        let message = format!("{element} has no order 1");
        let help = "its other orders are relative to order 1: add it, with 100 percent and its angle";
        checker.error_with_help("E0241", element, "orders", message, help);
    }
}

/// Whether all orders are possible ones; twice the same is reported as well.
fn orders(checker: &mut Checker<'_>, element: Element<'_>, given: &[f64]) -> bool {
    let wrong = given.iter().find(|order| !(SMALLEST_ORDER..=LARGEST_ORDER).contains(*order));
    if let Some(order) = wrong {
        let message = format!("{element}: an order must be from {SMALLEST_ORDER} to {LARGEST_ORDER}, is {order}");
        checker.error("E0242", element, "orders", message);
        return false;
    }
    let mut sorted = given.to_vec();
    sorted.sort_by(f64::total_cmp);
    if let Some(pair) = sorted.windows(2).find(|pair| pair[1] - pair[0] < ORDER_TOLERANCE) {
        let message = format!("{element} has order {} twice, as orders {} and {}", pair[0].round(), pair[0], pair[1]);
        let message = if pair[0] == pair[1] { format!("{element} has order {} twice", pair[0]) } else { message };
        let help = format!("orders closer than {ORDER_TOLERANCE} are the same; the first counts");
        checker.error_with_help("E0243", element, "orders", message, help);
    }
    true
}

fn references(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    macro_rules! refer {
        ($($section:ident)*) => { $(
            for (name, given) in &feeder.$section {
                if let Some(spectrum) = &given.spectrum {
                    reference(checker, Element { section: stringify!($section), name }, spectrum);
                }
            }
        )* };
    }
    refer!(sources loads generators pv_systems storages current_sources);
}

fn reference(checker: &mut Checker<'_>, element: Element<'_>, name: &str) {
    if is_known(checker, name) {
        return;
    }
    let finding = unknown(checker, name).at(checker.place(element, "spectrum"));
    checker.push(finding);
}

fn is_known(checker: &Checker<'_>, name: &str) -> bool {
    checker.feeder.spectrum(name).is_some() || checker.feeder.origins.span("spectra", name, None).is_some()
}

fn unknown(checker: &mut Checker<'_>, name: &str) -> Diagnostic {
    let feeder = checker.feeder;
    let mut known: Vec<&str> = feeder.spectra.keys().map(String::as_str).collect();
    // One by one: an iterator of static names would make all of them static.
    Spectrum::built_in_names().for_each(|own| known.push(own));
    let help = match checker.near(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("known: {}", known.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ")),
    };
    Diagnostic::error("E0202", format!("spectrum \"{name}\" is not in feeder \"{}\"", feeder.feeder)).help(help)
}

/// What `solve` says about orders and loads.
fn study(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    let place = feeder.origins.top("solve");
    if let Some(name) = feeder.solve.load_spectrum.as_ref().filter(|name| !is_known(checker, name)) {
        let finding = unknown(checker, name).at(place);
        checker.push(finding);
    }
    let Some(given) = &feeder.solve.orders else { return };
    let wrong = given.iter().find(|order| !(SMALLEST_ORDER..=LARGEST_ORDER).contains(*order));
    if let Some(order) = wrong {
        let message = format!("an order must be from {SMALLEST_ORDER} to {LARGEST_ORDER}, is {order}");
        checker.push(Diagnostic::error("E0242", message).at(place));
    }
    if given.len() > MOST_ORDERS {
        let message = format!("a study has {MOST_ORDERS} orders at most, not {}", given.len());
        checker.push(Diagnostic::error("E0240", message).at(place));
    }
}

fn current_source(checker: &mut Checker<'_>, element: Element<'_>, given: &CurrentSource) {
    if checker.phases(element, given.phases) {
        checker.terminal(element, "bus", &given.bus, Conductors::phases(given.phases));
        if let Some(terminal) = &given.return_bus {
            checker.terminal(element, "return_bus", terminal, Conductors::phases(given.phases));
        }
    }
    checker.finite(element, "i_a", given.i_a);
    checker.finite(element, "angle_deg", given.angle_deg);
    checker.positive_if_given(element, "frequency_hz", given.frequency_hz);
}
