//! The commands of OpenDSS 0.14.5 and what this reader does with them.

/// What is done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    New,
    Edit,
    More,
    Select,
    Set,
    Redirect,
    Compile,
    Clear,
    Open,
    Close,
    Enable,
    Disable,
    BatchEdit,
    CalcVoltageBases,
    SetKvBase,
    BusCoords,
    LatLongCoords,
    Variable,
    Folder,
    /// It solves or prepares a solution; a study does that here.
    Solve,
    /// It only reports or draws.
    Report,
    /// It would change the result.
    Unsupported,
}

/// The command of this name or abbreviation: the full name first, else the first that begins so.
pub fn find(word: &str) -> Option<(&'static str, Command)> {
    let full = TABLE.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    let n = word.len();
    let begins = |name: &str| name.get(..n).is_some_and(|p| p.eq_ignore_ascii_case(word));
    full.or_else(|| TABLE.iter().find(|(name, _)| begins(name))).copied()
}

/// All command names.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

use Command::{
    BatchEdit, BusCoords, CalcVoltageBases, Clear, Close, Compile, Disable, Edit, Enable, Folder, LatLongCoords, More,
    New, Open, Redirect, Report, Select, Set, SetKvBase, Solve, Unsupported, Variable,
};

/// In the order that abbreviations follow.
const TABLE: &[(&str, Command)] = &[
    ("new", New),
    ("edit", Edit),
    ("more", More),
    ("m", More),
    ("~", More),
    ("select", Select),
    ("save", Report),
    ("show", Report),
    ("solve", Solve),
    ("enable", Enable),
    ("disable", Disable),
    ("plot", Report),
    ("reset", Solve),
    ("compile", Compile),
    ("set", Set),
    ("dump", Report),
    ("open", Open),
    ("close", Close),
    ("//", Solve),
    ("redirect", Redirect),
    ("help", Report),
    ("quit", Report),
    ("?", Solve),
    ("next", Solve),
    ("panel", Report),
    ("sample", Solve),
    ("clear", Clear),
    ("about", Report),
    ("calcvoltagebases", CalcVoltageBases),
    ("setkvbase", SetKvBase),
    ("buildy", Solve),
    ("get", Solve),
    ("init", Solve),
    ("export", Report),
    ("fileedit", Report),
    ("voltages", Report),
    ("currents", Report),
    ("powers", Report),
    ("seqvoltages", Report),
    ("seqcurrents", Report),
    ("seqpowers", Report),
    ("losses", Report),
    ("phaselosses", Report),
    ("cktlosses", Report),
    ("allocateloads", Unsupported),
    ("formedit", Report),
    ("totals", Report),
    ("capacity", Report),
    ("classes", Report),
    ("userclasses", Report),
    ("zsc", Report),
    ("zsc10", Report),
    ("zscrefresh", Report),
    ("ysc", Report),
    ("puvoltages", Report),
    ("varvalues", Report),
    ("varnames", Report),
    ("buscoords", BusCoords),
    ("makebuslist", Solve),
    ("makeposseq", Unsupported),
    ("reduce", Unsupported),
    ("interpolate", Report),
    ("alignfile", Report),
    ("top", Report),
    ("rotate", Report),
    ("vdiff", Report),
    ("summary", Report),
    ("distribute", Unsupported),
    ("di_plot", Report),
    ("comparecases", Report),
    ("yearlycurves", Report),
    ("cd", Folder),
    ("visualize", Report),
    ("closedi", Report),
    ("doscmd", Report),
    ("estimate", Unsupported),
    ("reconductor", Unsupported),
    ("_initsnap", Solve),
    ("_solvenocontrol", Solve),
    ("_samplecontrols", Solve),
    ("_docontrolactions", Solve),
    ("_showcontrolqueue", Report),
    ("_solvedirect", Solve),
    ("_solvepflow", Solve),
    ("addbusmarker", Report),
    ("uuids", Report),
    ("setloadandgenkv", Unsupported),
    ("cvrtloadshapes", Report),
    ("nodediff", Report),
    ("rephase", Unsupported),
    ("setbusxy", Report),
    ("updatestorage", Solve),
    ("obfuscate", Unsupported),
    ("latlongcoords", LatLongCoords),
    ("batchedit", BatchEdit),
    ("pstcalc", Report),
    ("variable", Report),
    ("reprocessbuses", Solve),
    ("clearbusmarkers", Report),
    ("relcalc", Report),
    ("var", Variable),
    ("cleanup", Solve),
    ("finishtimestep", Solve),
    ("nodelist", Report),
    ("connect", Report),
    ("disconnect", Report),
    ("remove", Unsupported),
    ("calcincmatrix", Report),
    ("calcincmatrix_o", Report),
    ("refine_buslevels", Report),
    ("calclaplacian", Report),
    ("exportoverloads", Report),
    ("exportvviolations", Report),
    ("zsc012", Report),
    ("allpceatbus", Report),
    ("allpdeatbus", Report),
    ("totalpowers", Report),
    ("giscoords", Report),
    ("clearall", Clear),
    ("comhelp", Report),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_take_the_first_command_that_begins_so() {
        for (word, command) in
            [("NEW", New), ("calcv", CalcVoltageBases), ("se", Select), ("Set", Set), ("red", Redirect), ("so", Solve)]
        {
            assert_eq!(find(word).map(|(_, c)| c), Some(command), "{word}");
        }
        assert_eq!(find("nonsense"), None);
    }
}
