//! The symbols of a one-line diagram, each at a point and of a size (half its extent).

use super::super::canvas::Colour;
use super::super::sketch::{Point, circle, number, path};

fn ink() -> String {
    Colour::Ink.hex()
}

fn paper() -> String {
    Colour::Paper.hex()
}

fn d(parts: &[(char, Point)]) -> String {
    parts.iter().map(|(command, (x, y))| format!("{command}{} {}", number(*x), number(*y))).collect()
}

/// A voltage source: a sine in a circle.
pub fn source(at: Point, size: f64) -> String {
    let (x, y) = at;
    let r = size * 1.35;
    let wave = format!(
        "M{} {}q{} {} {} 0t{} 0",
        number(x - 0.6 * r),
        number(y),
        number(0.3 * r),
        number(-0.9 * r),
        number(0.6 * r),
        number(0.6 * r)
    );
    circle(at, r, &paper(), Some((&ink(), 1.4)), "") + &path(&wave, "none", Some((&ink(), 1.3)))
}

/// A transformer: two circles, one behind the other along its direction.
pub fn transformer((x, y): Point, (dx, dy): Point, size: f64) -> String {
    let r = 0.72 * size;
    let ring = |side: f64, fill: &str| {
        circle((x + side * 0.55 * size * dx, y + side * 0.55 * size * dy), r, fill, Some((&ink(), 1.3)), "")
    };
    let both = ring(-1.0, &paper()) + &ring(1.0, &paper());
    // The first ring once more, without filling, so that both are whole.
    both + &ring(-1.0, "none")
}

/// A regulator: a circle with an arrow through it.
pub fn regulator(at: Point, size: f64) -> String {
    let (x, y) = at;
    let s = size * 1.15;
    let arrow = d(&[
        ('M', (x - s, y + s)),
        ('L', (x + s, y - s)),
        ('M', (x + 0.35 * s, y - s)),
        ('L', (x + s, y - s)),
        ('L', (x + s, y - 0.35 * s)),
    ]);
    circle(at, size * 0.95, &paper(), Some((&ink(), 1.3)), "") + &path(&arrow, "none", Some((&ink(), 1.3)))
}

/// A capacitor bank hanging from a bus in a direction.
pub fn capacitor((x, y): Point, (dx, dy): Point, size: f64) -> String {
    let at = |along: f64, aside: f64| (x + along * dx - aside * dy, y + along * dy + aside * dx);
    let (first, second) = (1.7 * size, 2.4 * size);
    let plates = d(&[
        ('M', at(0.0, 0.0)),
        ('L', at(first, 0.0)),
        ('M', at(first, -size)),
        ('L', at(first, size)),
        ('M', at(second, -size)),
        ('L', at(second, size)),
        ('M', at(second, 0.0)),
        ('L', at(3.2 * size, 0.0)),
    ]);
    path(&plates, "none", Some((&ink(), 1.5)))
}

/// A closed switch: a filled square.
pub fn switch((x, y): Point, size: f64) -> String {
    let s = 0.55 * size;
    let square = d(&[('M', (x - s, y - s)), ('L', (x + s, y - s)), ('L', (x + s, y + s)), ('L', (x - s, y + s))]);
    path(&(square + "Z"), &ink(), None)
}

/// The two ends of what is open, `gap` to each side of the middle.
pub fn open((x, y): Point, (dx, dy): Point, gap: f64, size: f64) -> String {
    let half = 0.7 * size;
    let bar = |side: f64| {
        let (cx, cy) = (x + side * gap * dx, y + side * gap * dy);
        d(&[('M', (cx - half * dy, cy + half * dx)), ('L', (cx + half * dy, cy - half * dx))])
    };
    path(&(bar(-1.0) + &bar(1.0)), "none", Some((&ink(), 1.6)))
}

/// A series reactor: a filled bar along its direction.
pub fn reactor((x, y): Point, (dx, dy): Point, size: f64) -> String {
    let (l, w) = (1.1 * size, 0.45 * size);
    let at = |along: f64, aside: f64| (x + along * dx - aside * dy, y + along * dy + aside * dx);
    let bar = d(&[('M', at(-l, -w)), ('L', at(l, -w)), ('L', at(l, w)), ('L', at(-l, w))]);
    path(&(bar + "Z"), &paper(), Some((&ink(), 1.3)))
}

/// Generation: a triangle hanging from a bus in a direction.
pub fn generation((x, y): Point, (dx, dy): Point, size: f64) -> String {
    let (cx, cy) = (x + 2.0 * size * dx, y + 2.0 * size * dy);
    let stem = d(&[('M', (x, y)), ('L', (cx, cy))]);
    let corners = [('M', (cx, cy - size)), ('L', (cx + size, cy + 0.8 * size)), ('L', (cx - size, cy + 0.8 * size))];
    path(&stem, "none", Some((&ink(), 1.3))) + &path(&(d(&corners) + "Z"), &paper(), Some((&ink(), 1.3)))
}

/// A fault: a cross.
pub fn fault((x, y): Point, size: f64) -> String {
    let s = size;
    let cross = d(&[('M', (x - s, y - s)), ('L', (x + s, y + s)), ('M', (x - s, y + s)), ('L', (x + s, y - s))]);
    path(&cross, "none", Some((&Colour::Red.hex(), 2.2)))
}
