//! P–V curves that a report is to have: the bus, what is lost, the points of the run.

use super::check::Checker;
use super::{Branch, CurvesWanted, PvOutput};
use crate::diagnostic::Span;
use crate::diagnostic::yaml::Node;
use crate::quantity::{Step, Tick};

/// Most points on one figure.
const MOST_POINTS: usize = 8;
/// Longest name of a point, in characters: it stands beside its dot.
const LONGEST_NAME: usize = 12;

impl Checker<'_> {
    /// `None` when they cannot be had; what is wrong has then been reported.
    pub(super) fn curves(&mut self, own: &PvOutput, time: Option<(Step, Tick)>) -> Option<CurvesWanted> {
        let node = self.root.get("outputs").and_then(|outputs| outputs.get("pv"));
        let at = |key: &str| node.and_then(|n| n.get(key)).or(node).map_or(self.place, |n| n.span);
        let (at_bus, at_outage, at_points) = (at("at"), at("outage"), at("points"));
        let items = node.and_then(|n| n.get("points")).map(Node::items).unwrap_or_default();
        self.curve_bus(own, at_bus);
        let outage = own.outage.as_ref().map(|name| Some((name.to_lowercase(), self.outage(name, at_outage)?)));
        if own.points.is_empty() || own.points.len() > MOST_POINTS {
            let message = format!("{} points of the run on a P–V curve", own.points.len());
            self.report("E0308", message, at_points, &format!("give one to {MOST_POINTS}"));
        }
        let mut points: Vec<(String, Tick)> = Vec::new();
        for (k, point) in own.points.iter().enumerate() {
            let item = items.get(k);
            let at = |key: &str| item.and_then(|n| n.get(key)).or(item).map_or(self.place, |n| n.span);
            let (at_name, at_time) = (at("name"), at("at_s"));
            if point.name.trim().is_empty() || point.name.chars().count() > LONGEST_NAME {
                let help = format!("give a letter or a word of at most {LONGEST_NAME} characters");
                self.report("E0308", format!("a point cannot be called {:?}", point.name), at_name, &help);
            }
            if points.iter().any(|(name, _)| *name == point.name) {
                self.report("E0309", format!("point {:?} is listed twice", point.name), at_name, "name each one");
            }
            if let Some((step, last)) = time {
                let tick = self.point_tick(point.at_s, step, last, at_time);
                points.extend(tick.map(|tick| (point.name.clone(), tick)));
            }
        }
        // What is lost but not there was reported; the points are looked at all the same.
        let outage = outage.map_or(Some(None), |found| found.map(Some))?;
        Some(CurvesWanted { at: own.at.clone(), outage, points })
    }

    fn curve_bus(&mut self, own: &PvOutput, span: Span) {
        let buses = self.feeder.bus_nodes();
        let Some(nodes) = buses.get(own.at.bus.as_str()) else {
            let names: Vec<String> = buses.keys().map(|bus| (*bus).to_owned()).collect();
            self.unknown("E0305", "bus", &own.at.bus, names.iter(), span);
            return;
        };
        for missing in own.at.nodes.iter().filter(|n| !nodes.contains(n)) {
            let has: Vec<String> = nodes.iter().map(u16::to_string).collect();
            let help = format!("it has {}", has.join(", "));
            self.report("E0305", format!("bus {:?} has no node {missing}", own.at.bus), span, &help);
        }
    }

    fn outage(&mut self, name: &str, span: Span) -> Option<Branch> {
        let branch = self.branch(name, span)?;
        if matches!(branch, Branch::Reactor(_)) {
            let help = "curves are followed without a line or a transformer";
            self.report("E0305", format!("{name:?} is a series reactor"), span, help);
            return None;
        }
        Some(branch)
    }

    fn point_tick(&mut self, at_s: f64, step: Step, last: Tick, span: Span) -> Option<Tick> {
        let tick = step.tick_at(at_s).filter(|tick| (1..=last.0).contains(&tick.0));
        if tick.is_none() {
            let help =
                format!("solutions are {} s apart, from the first of them to {} s", step.seconds(), step.time_s(last));
            self.report("E0304", format!("the run has no solution of its own at {at_s} s"), span, &help);
        }
        tick
    }
}
