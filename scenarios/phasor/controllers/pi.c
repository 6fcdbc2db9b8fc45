/* Swartz's PI law of phasor-based control as a shared library; pi.py beside it is the same law, and says what it does.
 *
 *     cc -std=c99 -O2 -shared -fPIC -I hil scenarios/phasor/controllers/pi.c -o libpi.so -lm
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller.h"

#define MOST_PHASES 3
#define MOST_ACTUATORS 64
#define MOST_NAME 128
#define NONE ((size_t)-1)

/* From the error of one quantity to power per unit. */
struct loop {
    double kp, ki, back, integral, asked, told;
    int saturated;
};

/* What is measured: the place of the channel, and its last good value. */
struct seen {
    size_t place;
    double known;
};

/* An actuator's phase: its rating, what it reports, and the places of what it is told. */
struct seat {
    double s_va;
    struct seen p_w, q_var;
    size_t p, q;
};

struct phase {
    struct loop by_angle, by_v;
    struct seen v, angle, reference_angle, target_v, target_angle;
    struct seat seats[MOST_ACTUATORS];
    size_t seat_count;
    double rated_va;
};

struct pi {
    struct phase phases[MOST_PHASES];
    size_t phase_count;
    double base_va;
    int began;
    uint64_t newest; /* one more than the tick of the newest measurement; 0 is none */
};

static double parameter(const struct phasorbench_setup *setup, const char *name, double otherwise)
{
    for (size_t k = 0; k < setup->parameter_count; k++)
        if (strcmp(setup->parameters[k].name, name) == 0)
            return setup->parameters[k].value;
    return otherwise;
}

static size_t place(const char *const *names, size_t count, const char *head, const char *tail)
{
    char name[4 * MOST_NAME];
    snprintf(name, sizeof name, "%s.%s", head, tail);
    for (size_t k = 0; k < count; k++)
        if (strcmp(names[k], name) == 0)
            return k;
    return NONE;
}

static struct seen channel(const struct phasorbench_setup *setup, const char *name, const char *phase)
{
    struct seen seen = {place(setup->input_names, setup->input_count, name, phase), NAN};
    return seen;
}

static double gain(const struct phasorbench_setup *setup, const char *name, const char *phase)
{
    char of_phase[4 * MOST_NAME];
    snprintf(of_phase, sizeof of_phase, "%s.%s", name, phase);
    return parameter(setup, of_phase, parameter(setup, name, 0.0));
}

static struct loop loop(const struct phasorbench_setup *setup, const char *kp, const char *ki, const char *phase)
{
    struct loop loop = {gain(setup, kp, phase), gain(setup, ki, phase), parameter(setup, "back", 0.0), 0, 0, 0, 0};
    return loop;
}

/* Finds the actuators of a phase among the outputs ACT.p_w.PHASE. Whether their ratings are known. */
static int find_seats(const struct phasorbench_setup *setup, struct phase *own, const char *phase)
{
    char tail[MOST_NAME], key[2 * MOST_NAME], actuator[MOST_NAME];
    snprintf(tail, sizeof tail, ".p_w.%s", phase);
    for (size_t k = 0; k < setup->output_count; k++) {
        const char *name = setup->output_names[k];
        size_t length = strlen(name);
        if (length <= strlen(tail) || strcmp(name + length - strlen(tail), tail) != 0)
            continue;
        length -= strlen(tail);
        if (length >= MOST_NAME || own->seat_count == MOST_ACTUATORS)
            return 0;
        memcpy(actuator, name, length);
        actuator[length] = 0;
        snprintf(key, sizeof key, "%s.q_var", actuator);
        struct seat seat = {0.0, {NONE, NAN}, channel(setup, key, phase), k, NONE};
        seat.q = place(setup->output_names, setup->output_count, key, phase);
        snprintf(key, sizeof key, "%s.p_w", actuator);
        seat.p_w = channel(setup, key, phase);
        snprintf(key, sizeof key, "%s.s_va", actuator);
        seat.s_va = parameter(setup, key, NAN);
        if (seat.q == NONE || !(seat.s_va >= 0.0)) {
            snprintf(setup->message, setup->message_size, "%s is not given, or %s.q_var.%s missing", key, actuator, phase);
            return 0;
        }
        own->seats[own->seat_count++] = seat;
        own->rated_va += seat.s_va;
    }
    return 1;
}

static int find_phase(const struct phasorbench_setup *setup, struct phase *own, const char *phase)
{
    own->by_angle = loop(setup, "kp_angle", "ki_angle", phase);
    own->by_v = loop(setup, "kp_v", "ki_v", phase);
    own->v = channel(setup, "v_pu", phase);
    own->angle = channel(setup, "angle_deg", phase);
    own->reference_angle = channel(setup, "reference.angle_deg", phase);
    own->target_v = channel(setup, "target.v_pu", phase);
    own->target_angle = channel(setup, "target.angle_deg", phase);
    return find_seats(setup, own, phase);
}

uint32_t phasorbench_controller_abi(void)
{
    return PHASORBENCH_CONTROLLER_ABI;
}

void *phasorbench_controller_create(const struct phasorbench_setup *setup)
{
    struct pi *pi = calloc(1, sizeof *pi);
    if (pi == NULL)
        return NULL;
    pi->base_va = parameter(setup, "base_va", 5.0e6 / 3.0);
    for (size_t k = 0; k < setup->input_count; k++) {
        const char *name = setup->input_names[k];
        if (strncmp(name, "v_pu.", 5) != 0)
            continue;
        if (pi->phase_count == MOST_PHASES || !find_phase(setup, &pi->phases[pi->phase_count++], name + 5)) {
            if (setup->message[0] == 0)
                snprintf(setup->message, setup->message_size, "too many phases or actuators, or too long a name");
            free(pi);
            return NULL;
        }
    }
    return pi;
}

static void look(struct seen *seen, const struct phasorbench_channel *inputs, size_t count)
{
    if (seen->place < count && inputs[seen->place].valid)
        seen->known = inputs[seen->place].value;
}

static double turn(struct loop *loop, double error, int fresh)
{
    if (!isfinite(error))
        error = 0.0;
    int frozen = loop->back == 0.0 && loop->saturated && loop->integral * loop->ki * error > 0.0;
    if (fresh && !frozen)
        loop->integral += loop->ki * error;
    loop->integral += loop->back * (loop->told - loop->asked);
    return loop->asked = loop->integral + loop->kp * error;
}

/* Whether something of the performance node was measured since the step before. */
static int is_new(struct pi *pi, uint64_t tick, const struct phasorbench_channel *inputs, size_t count)
{
    uint64_t newest = pi->newest;
    for (size_t k = 0; k < pi->phase_count; k++) {
        size_t at = pi->phases[k].v.place;
        if (at < count && inputs[at].valid && inputs[at].age <= tick && tick - inputs[at].age + 1 > newest)
            newest = tick - inputs[at].age + 1;
    }
    int fresh = newest > pi->newest;
    pi->newest = newest;
    return fresh;
}

static void look_at_all(struct phase *own, const struct phasorbench_channel *inputs, size_t count)
{
    struct seen *all[] = {&own->v, &own->angle, &own->reference_angle, &own->target_v, &own->target_angle};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        look(all[k], inputs, count);
    for (size_t k = 0; k < own->seat_count; k++) {
        look(&own->seats[k].p_w, inputs, count);
        look(&own->seats[k].q_var, inputs, count);
    }
}

static void begin_loop(struct loop *loop, double power)
{
    loop->integral = loop->asked = loop->told = power;
}

/* Begins from what actuators report, once both nodes are measured. Whether they are. */
static int begin(struct pi *pi)
{
    pi->began = 1;
    for (size_t k = 0; k < pi->phase_count; k++) {
        struct phase *own = &pi->phases[k];
        double p_w = 0.0, q_var = 0.0;
        for (size_t i = 0; i < own->seat_count; i++) {
            p_w += isnan(own->seats[i].p_w.known) ? 0.0 : own->seats[i].p_w.known;
            q_var += isnan(own->seats[i].q_var.known) ? 0.0 : own->seats[i].q_var.known;
        }
        begin_loop(&own->by_angle, p_w / pi->base_va);
        begin_loop(&own->by_v, q_var / pi->base_va);
        if (isnan(own->v.known) || isnan(own->angle.known) || isnan(own->reference_angle.known))
            pi->began = 0;
    }
    return pi->began;
}

static void step_phase(struct phase *own, double base_va, int fresh, double *outputs)
{
    const double rad_per_deg = 3.14159265358979323846 / 180.0;
    double e_v = own->target_v.known - own->v.known;
    double e_deg = own->target_angle.known - (own->angle.known - own->reference_angle.known);
    e_deg -= 360.0 * floor((e_deg + 180.0) / 360.0);
    double p = turn(&own->by_angle, e_deg * rad_per_deg, fresh), q = turn(&own->by_v, e_v, fresh);
    double size_va = hypot(p, q) * base_va;
    double part = size_va <= own->rated_va ? 1.0 : own->rated_va / size_va;
    own->by_angle.told = p * part;
    own->by_v.told = q * part;
    own->by_angle.saturated = own->by_v.saturated = part < 1.0;
    for (size_t k = 0; k < own->seat_count; k++) {
        double share = own->rated_va > 0.0 ? own->seats[k].s_va / own->rated_va * base_va : 0.0;
        outputs[own->seats[k].p] = p * part * share;
        outputs[own->seats[k].q] = q * part * share;
    }
}

int phasorbench_controller_step(void *self, uint64_t tick, double t_s, const struct phasorbench_channel *inputs,
                                size_t input_count, double *outputs, size_t output_count)
{
    struct pi *pi = self;
    (void)t_s, (void)output_count;
    int fresh = is_new(pi, tick, inputs, input_count);
    for (size_t k = 0; k < pi->phase_count; k++)
        look_at_all(&pi->phases[k], inputs, input_count);
    if (!pi->began)
        fresh = begin(pi);
    if (!pi->began)
        return 0;
    for (size_t k = 0; k < pi->phase_count; k++)
        step_phase(&pi->phases[k], pi->base_va, fresh, outputs);
    return 0;
}

void phasorbench_controller_destroy(void *self)
{
    free(self);
}
