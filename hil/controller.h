/* The C interface of a user's own controller: law: {library: libmine.so}
 *
 *     cc -std=c99 -O2 -shared -fPIC -I hil mine.c -o libmine.so -lm
 *
 * The library is loaded into the bench and has the four functions at the end. scenarios/phasor/controllers/pi.c is an
 * example, docs/models/own-controller.md says more.
 *
 * A fault in the library (a wrong pointer, abort, exit) is the bench's end, and a step that does not return stops the bench
 * with it: nothing is in between. Run what you do not trust, or are still looking for faults in, as a process:
 * law: {process: [...]}.
 *
 * Rules
 * - Names are UTF-8 and end with a zero byte. They, the parameters and everything else that phasorbench_setup points to live
 *   as long as create runs: copy what you need later. The same holds for inputs and outputs and the length of a step.
 * - Channels are known by their place: that of their name in input_names or output_names.
 * - One call at a time. They may come from different threads: keep no thread-local state. Several controllers may be made
 *   from one library: keep state behind the pointer that create returns, not in global variables.
 * - No function throws a C++ exception, calls longjmp out of itself, or changes the floating-point environment.
 * - The library is unloaded after destroy: threads that it began have ended by then.
 * - A result may depend on what it was given only (no clock, no seedless randomness): then a run is repeatable.
 */
#ifndef PHASORBENCH_CONTROLLER_H
#define PHASORBENCH_CONTROLLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface. It changes whenever anything below does. */
#define PHASORBENCH_CONTROLLER_ABI 1

#if defined(_WIN32)
#define PHASORBENCH_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define PHASORBENCH_EXPORT __attribute__((visibility("default")))
#else
#define PHASORBENCH_EXPORT
#endif

/* A number from the scenario. */
struct phasorbench_parameter {
    const char *name;
    double value;
};

/* What a controller is told before its first step. Pointers to nothing (a count of 0) may be anything. */
struct phasorbench_setup {
    double step_s; /* time between its steps */
    const char *const *input_names;
    size_t input_count;
    const char *const *output_names;
    size_t output_count;
    const struct phasorbench_parameter *parameters;
    size_t parameter_count;
    char *message; /* room for why create refuses, all zero; at most message_size - 1 bytes and a zero */
    size_t message_size;
};

/* What is measured. */
struct phasorbench_channel {
    double value;   /* in the unit of its name; NaN where it is not valid */
    uint64_t age;   /* ticks of the bench since it was measured */
    uint32_t valid; /* 1, or 0: the value means nothing */
    uint32_t reserved;
};

/* Returns PHASORBENCH_CONTROLLER_ABI. It is called before anything else. */
PHASORBENCH_EXPORT uint32_t phasorbench_controller_abi(void);

/* Makes a controller. NULL refuses: say why in setup->message. */
PHASORBENCH_EXPORT void *phasorbench_controller_create(const struct phasorbench_setup *setup);

/* One step at a tick of the bench, t_s after the start. outputs are NaN when it is called; NaN is no
 * command. Returns 0; with anything else, or an infinite output, no command of the step is valid. */
PHASORBENCH_EXPORT int phasorbench_controller_step(void *self, uint64_t tick, double t_s,
                                                   const struct phasorbench_channel *inputs, size_t input_count,
                                                   double *outputs, size_t output_count);

/* Ends a controller. It is called once, after the last step. */
PHASORBENCH_EXPORT void phasorbench_controller_destroy(void *self);

#ifdef __cplusplus
}
#endif

#endif
