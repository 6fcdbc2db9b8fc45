//! Amplifiers: grid simulators that give a real device the network's voltage.

use super::check::Spots;
use super::seat::Replaced;
use crate::link::description::Description;
use crate::link::description::language::Kind;
use crate::scenario::HilSetting;
use crate::scenario::check::Checker;

const PHASES: [&str; 3] = ["a", "b", "c"];

impl Checker<'_> {
    /// The device that an amplifier feeds: a real one of this scenario, with as many phases as the amplifier has.
    pub(super) fn feeds(
        &mut self,
        name: &str,
        setting: &HilSetting,
        description: &Description,
        spots: &Spots,
    ) -> Option<Replaced> {
        let Some(fed) = &setting.feeds else {
            let help = "say with feeds which real device gets its voltage, as in feeds: ev634";
            self.report("E0341", format!("{name:?} is an amplifier and feeds nobody"), spots.at("is"), help);
            return None;
        };
        if description.kind != Kind::Amplifier {
            let message = format!("{:?} is no amplifier", description.name);
            self.report("E0341", message, spots.at("feeds"), "give a description of kind amplifier");
            return None;
        }
        let Some(device) = self.equipment.device(fed).filter(|_| self.described.contains_key(fed)) else {
            let message = format!("{fed:?} is no device with a real one in its place");
            self.report("E0341", message, spots.at("feeds"), "it feeds what else stands under hil");
            return None;
        };
        let phases = self.equipment.devices[device].phases.len().clamp(1, PHASES.len());
        for phase in &PHASES[..phases] {
            if description.set_point(&format!("v_v.{phase}")).is_none() {
                let message = format!("{:?} sets no voltage of phase {phase}", description.name);
                self.report("E0341", message, spots.at("is"), &format!("it needs a set-point v_v.{phase}"));
                return None;
            }
        }
        Some(Replaced::Amplifier(device))
    }
}
