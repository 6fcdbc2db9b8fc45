//! The C side of `hil/controller.h`: the one place outside of numerical kernels with `unsafe`.
//!
//! **Invariants.** The header is a contract that only the library can keep; where it does not, nothing here helps. On this
//! side:
//! 1. `#[repr(C)]` structs and signatures below are the header's, field by field, for the version that the library has
//!    said it was made for; nothing else of it is called before it has said so.
//! 2. Function pointers are used while the library is loaded: [`Loaded`] owns both, and drops the library last.
//! 3. `own` is what `create` returned, not null, and is given back to `destroy` once.
//! 4. Pointers given away point to live, initialised memory for the length of a call: names and parameters end with a zero
//!    byte and live as long as `create` runs; inputs and outputs are slices whose lengths go with them.
//! 5. One thread at a time calls, since a step borrows [`Loaded`] mutably. It need not be the same thread always, which
//!    the header demands of the library: hence `Send`, and no `Sync`.

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;

use libloading::Library;

use super::{ABI, LoadError, message};
use crate::link::Setup;

/// `struct phasorbench_channel`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub value: f64,
    pub age: u64,
    pub valid: u32,
    pub reserved: u32,
}

/// `struct phasorbench_parameter`.
#[repr(C)]
struct Parameter {
    name: *const c_char,
    value: f64,
}

/// `struct phasorbench_setup`.
#[repr(C)]
struct RawSetup {
    step_s: f64,
    input_names: *const *const c_char,
    input_count: usize,
    output_names: *const *const c_char,
    output_count: usize,
    parameters: *const Parameter,
    parameter_count: usize,
    message: *mut c_char,
    message_size: usize,
}

type Abi = unsafe extern "C" fn() -> u32;
type Create = unsafe extern "C" fn(*const RawSetup) -> *mut c_void;
type Step = unsafe extern "C" fn(*mut c_void, u64, f64, *const Input, usize, *mut f64, usize) -> c_int;
type Destroy = unsafe extern "C" fn(*mut c_void);

/// Room for a library's message, in bytes.
const MESSAGE: usize = 512;

/// A loaded library with its controller.
pub(super) struct Loaded {
    own: NonNull<c_void>,
    step: Step,
    destroy: Destroy,
    /// Unloaded last: after `drop` below.
    _library: Library,
}

// SAFETY: invariant 5.
unsafe impl Send for Loaded {}

impl Loaded {
    pub(super) fn open(path: &Path, setup: &Setup) -> Result<Self, LoadError> {
        // SAFETY: runs the library's initialisers, which the header asks to be harmless.
        let library = unsafe { Library::new(path) };
        let library = library.map_err(|error| LoadError::System { path: path.into(), reason: error.to_string() })?;
        // SAFETY: the types are the header's (invariant 1), the library is loaded (2).
        let (abi, create, step, destroy) = unsafe {
            (
                function::<Abi>(&library, path, "phasorbench_controller_abi")?,
                function::<Create>(&library, path, "phasorbench_controller_create")?,
                function::<Step>(&library, path, "phasorbench_controller_step")?,
                function::<Destroy>(&library, path, "phasorbench_controller_destroy")?,
            )
        };
        // SAFETY: invariant 2.
        let found = unsafe { abi() };
        if found != ABI {
            return Err(LoadError::Version { path: path.into(), found });
        }
        let own = made(create, path, setup)?;
        Ok(Self { own, step, destroy, _library: library })
    }

    /// One step; `outputs` hold what it commands.
    pub(super) fn step(&mut self, tick: u64, t_s: f64, inputs: &[Input], outputs: &mut [f64]) -> c_int {
        let (seen, told) = ((inputs.as_ptr(), inputs.len()), (outputs.as_mut_ptr(), outputs.len()));
        // SAFETY: invariants 2 to 5.
        unsafe { (self.step)(self.own.as_ptr(), tick, t_s, seen.0, seen.1, told.0, told.1) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: invariants 2, 3 and 5.
        unsafe { (self.destroy)(self.own.as_ptr()) }
    }
}

/// A function of the library.
///
/// # Safety
/// `T` is the type of the function pointer of that name, and is not called once the library is dropped.
unsafe fn function<T: Copy>(library: &Library, path: &Path, symbol: &'static str) -> Result<T, LoadError> {
    // SAFETY: the caller's promise.
    let found = unsafe { library.get::<T>(symbol.as_bytes()) };
    found.map(|found| *found).map_err(|_| LoadError::Symbol { path: path.into(), symbol })
}

/// Lets the library make a controller.
fn made(create: Create, path: &Path, setup: &Setup) -> Result<NonNull<c_void>, LoadError> {
    let owned =
        |name: &String| CString::new(name.as_str()).map_err(|_| LoadError::Name(name.escape_debug().to_string()));
    let names = |names: &[String]| names.iter().map(owned).collect::<Result<Vec<_>, _>>();
    let (inputs, outputs) = (names(setup.inputs.names())?, names(setup.outputs.names())?);
    let parameter_names = setup.parameters.iter().map(|(name, _)| owned(name)).collect::<Result<Vec<_>, _>>()?;
    let pointers = |names: &[CString]| names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
    let (input_names, output_names) = (pointers(&inputs), pointers(&outputs));
    let parameters = parameter_names.iter().zip(&setup.parameters);
    let parameters: Vec<_> =
        parameters.map(|(name, (_, value))| Parameter { name: name.as_ptr(), value: *value }).collect();
    let mut written = [0_u8; MESSAGE];
    let raw = RawSetup {
        step_s: setup.step_s,
        input_names: input_names.as_ptr(),
        input_count: input_names.len(),
        output_names: output_names.as_ptr(),
        output_count: output_names.len(),
        parameters: parameters.as_ptr(),
        parameter_count: parameters.len(),
        message: written.as_mut_ptr().cast(),
        message_size: written.len(),
    };
    // SAFETY: invariants 2 and 4.
    let own = unsafe { create(&raw const raw) };
    NonNull::new(own).ok_or_else(|| LoadError::Refused { path: path.into(), message: message(&written) })
}
