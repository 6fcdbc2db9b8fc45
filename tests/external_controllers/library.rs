//! Libraries that `cc` makes, good and bad.

use std::path::{Path, PathBuf};

use phasorbench::link::library::{LibraryController, LoadError};
use phasorbench::link::{Answer, Setup};
use phasorbench::quantity::Tick;
use phasorbench::signal::Frame;
use tempfile::TempDir;

use crate::compiled::compile;
use crate::{allocations, measured, setup, valid};

fn compiled_text(text: &str) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (source, library) = (place.path().join("mine.c"), place.path().join("libmine.so"));
    std::fs::write(&source, text).unwrap();
    compile(&source, &library);
    (place, library)
}

/// A controller whose step is this, with the gain of its set-up in `own->gain`.
fn controller(step: &str) -> String {
    format!(
        r#"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controller.h"
struct own {{ double gain, step_s; }};
uint32_t phasorbench_controller_abi(void) {{ return PHASORBENCH_CONTROLLER_ABI; }}
void *phasorbench_controller_create(const struct phasorbench_setup *setup)
{{
    if (setup->input_count != 2 || strcmp(setup->input_names[1], "v_pu.b") != 0 || setup->output_count != 2
        || strcmp(setup->output_names[1], "ev.q_var.a") != 0 || setup->parameter_count != 1) {{
        snprintf(setup->message, setup->message_size, "%d inputs are not mine", (int)setup->input_count);
        return NULL;
    }}
    struct own *own = malloc(sizeof *own);
    own->gain = strcmp(setup->parameters[0].name, "gain") == 0 ? setup->parameters[0].value : 0.0;
    own->step_s = setup->step_s;
    return own;
}}
int phasorbench_controller_step(void *self, uint64_t tick, double t_s, const struct phasorbench_channel *inputs,
                                size_t input_count, double *outputs, size_t output_count)
{{
    struct own *own = self;
    (void)own, (void)tick, (void)t_s, (void)inputs, (void)input_count, (void)outputs, (void)output_count;
    {step}
}}
void phasorbench_controller_destroy(void *self) {{ free(self); }}
"#
    )
}

fn stepped(step: &str) -> (Answer, Vec<Option<f64>>) {
    let (_place, library) = compiled_text(&controller(step));
    let mut controller = LibraryController::load(&library, &setup()).unwrap();
    let mut commands = Frame::new(2);
    let answer = controller.step(Tick(4), 0.4, &measured(4), &mut commands);
    (answer, valid(&commands))
}

fn refused(path: &Path, setup: &Setup) -> LoadError {
    LibraryController::load(path, setup).map(|_| ()).unwrap_err()
}

#[test]
fn a_library_is_told_everything_and_its_outputs_are_the_commands() {
    let step = "int right = tick == 4 && t_s == 0.4 && input_count == 2 && output_count == 2 && own->step_s == 0.1 \
                && inputs[0].valid == 1 && inputs[0].age == 0 && inputs[1].valid == 0 && inputs[1].age == 4 \
                && isnan(inputs[1].value) && isnan(outputs[0]) && isnan(outputs[1]); \
                outputs[0] = own->gain * inputs[0].value; return right ? 0 : 1;";
    assert_eq!(stepped(step), (Answer::Fresh, vec![Some(2.5), None]));
}

#[test]
fn a_library_that_fails_or_commands_infinity_lied() {
    let (answer, commands) = stepped("outputs[0] = 1.0; return -3;");
    assert_eq!((answer, commands), (Answer::Lied("its step returned -3".into()), vec![None, None]));
    let (answer, commands) = stepped("outputs[0] = 1.0; outputs[1] = HUGE_VAL; return 0;");
    assert_eq!((answer, commands), (Answer::Lied("it commands infinity".into()), vec![None, None]));
}

#[test]
fn a_step_of_a_library_allocates_nothing_in_the_bench() {
    let (_place, library) = compiled_text(&controller("outputs[0] = own->gain; return 0;"));
    let mut controller = LibraryController::load(&library, &setup()).unwrap();
    let (frame, mut commands) = (measured(1), Frame::new(2));
    let mut step = |tick: u64| assert_eq!(controller.step(Tick(tick), 0.1, &frame, &mut commands), Answer::Fresh);
    assert_eq!(allocations(|| (1..=100).for_each(&mut step)), 0);
}

#[test]
fn two_controllers_of_one_library_are_two() {
    let (_place, library) = compiled_text(&controller("own->gain += 1.0; outputs[0] = own->gain; return 0;"));
    let mut both = [0, 1].map(|_| LibraryController::load(&library, &setup()).unwrap());
    let mut commands = Frame::new(2);
    let mut step = |k: usize| {
        both[k].step(Tick(1), 0.1, &measured(1), &mut commands);
        commands.get(0).value
    };
    assert_eq!([step(0), step(0), step(1)], [3.5, 4.5, 3.5]);
}

#[test]
fn a_library_may_refuse_and_say_why() {
    let (_place, library) = compiled_text(&controller("return 0;"));
    let setup = Setup { inputs: crate::channels(&["v_pu.a"]), ..setup() };
    let error = refused(&library, &setup).to_string();
    assert!(error.ends_with("refuses the set-up: `1 inputs are not mine`"), "{error}");
}

#[test]
fn a_library_of_another_version_is_refused() {
    let text = controller("return 0;").replace("return PHASORBENCH_CONTROLLER_ABI", "return 7");
    let (_place, library) = compiled_text(&text);
    let error = refused(&library, &setup());
    assert!(matches!(error, LoadError::Version { found: 7, .. }), "{error}");
}

#[test]
fn a_library_without_a_function_is_refused_by_its_name() {
    let text = controller("return 0;").replace("phasorbench_controller_destroy(void *self) {", "destroy(void *self) {");
    let (_place, library) = compiled_text(&text);
    let error = refused(&library, &setup());
    assert!(matches!(error, LoadError::Symbol { symbol: "phasorbench_controller_destroy", .. }), "{error}");
}

#[test]
fn what_is_no_library_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("libmine.so");
    assert!(matches!(refused(&path, &setup()), LoadError::Missing(_)));
    assert!(matches!(refused(Path::new("libm.so.6"), &setup()), LoadError::Missing(_)), "names are not searched for");
    std::fs::write(&path, "this is no library").unwrap();
    assert!(matches!(refused(&path, &setup()), LoadError::System { .. }));
    assert!(matches!(refused(place.path(), &setup()), LoadError::System { .. }), "a directory");
}

#[test]
fn a_name_with_a_zero_in_it_is_refused() {
    let (_place, library) = compiled_text(&controller("return 0;"));
    let setup = Setup { outputs: crate::channels(&["a\0b"]), ..setup() };
    assert!(matches!(refused(&library, &setup), LoadError::Name(_)));
}
