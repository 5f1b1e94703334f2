/*
 * The clock network in literal loops: what a scientist would write down from the specification, and
 * hence what the time of simcore's kernels is compared with. Neurons one by one, the synapses that
 * exist in lists; the voltage rule is read naively: in each step in which a neuron is depolarized,
 * potentiation touches all its incoming synapses. The statements and their order follow the
 * specification, sections 1 to 4, with its parameters (a spike sets the threshold; an unstimulated
 * neuron's external events count with -0.8 pF in the excitatory filters).
 *
 *     gcc -O2 -std=c11 -o clock benchmarks/clock.c -lm
 *     ./clock folder mode cluster_size warm_up_steps steps repeats
 *
 * folder         holds the network (below)
 * mode           static, plastic, or stimulated: plastic, the clusters stimulated in turn
 * cluster_size   E neurons of a cluster
 * warm_up_steps  steps before those whose time is taken
 * steps          steps of each repeat
 * repeats        how often so many steps are run and their time taken
 *
 * The network is read from raw files, little endian as the machine must be, n neurons of a kind:
 *
 *     GROUP.row_pointer    int64   [pre + 1]   first synapse of each presynaptic neuron
 *     GROUP.column         uint32  [synapses]  postsynaptic neurons
 *     GROUP.weight         double  [synapses]  pF
 *     V_e, V_i             double  [n]         initial potentials, mV
 *     random_e, random_i   uint32  [4][n]      a xoshiro128++ generator for each neuron
 *
 * GROUP is e_to_e, e_to_i, i_to_e, i_to_i. All other variables start as the specification says; the
 * sums that normalization keeps are those of the weights read.
 *
 * Prints one line of JSON. "cpu_s" and "wall_s" are those of each repeat, "spikes_e" and "spikes_i"
 * are of all repeats, the mean weights (pF) of the end. "sum_of_spike_steps" sums, over all spikes
 * since the first step, the number of the step (1, 2, ...) times the neuron's (1, 2, ..., I neurons
 * behind E), modulo 2^64: two programs that agree on it have the same spikes.
 *
 * Units: ms, mV, pF, pA, kHz.
 */

#define _XOPEN_SOURCE 700

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const double DT = 0.1;

/* Neurons (section 1). */
static const double TAU_M = 20.0, C = 300.0, E_E = 0.0, E_I = -75.0, V_RESET = -60.0;
static const int REFRACTORY_STEPS = 50;
static const double E_L_OF_E = -70.0, V_SPIKE_OF_E = 20.0, D_T = 2.0;
static const double V_T0 = -52.0, A_T = 10.0, TAU_T = 30.0, B = 1000.0, TAU_W = 100.0;
static const double E_L_OF_I = -62.0, V_SPIKE_OF_I = -52.0;

/* Synapses and external input (section 2). */
static const double TAU_RISE_E = 1.0, TAU_DECAY_E = 6.0, TAU_RISE_I = 0.5, TAU_DECAY_I = 2.0;
static const double EXTERNAL_RATE_E = 4.5, EXTERNAL_RATE_I = 2.25;
static const double EXTERNAL_WEIGHT_E = 1.6, EXTERNAL_WEIGHT_I = 1.52;

/* Voltage rule, normalization, inhibitory rule (section 3). */
static const double A_DEPRESSION = 0.0014, A_POTENTIATION = 0.0008, V_THETA = -49.0, E_L = -70.0;
static const double TAU_U = 10.0, TAU_V = 7.0, TAU_X = 3.5;
static const double W_EE_MIN = 1.45, W_EE_MAX = 32.68;
static const int NORMALIZATION_STEPS = 200;
static const double ETA = 1.0, TAU_Y = 20.0, R_0 = 0.003;
static const double W_EI_MIN = 48.7, W_EI_MAX = 243.0;

/* Stimulation (section 4). */
static const int STIMULUS_STEPS = 100, STIMULUS_PERIOD_STEPS = 150;
static const double STIMULUS_RATE = 18.0, UNSTIMULATED_WEIGHT = -0.8;

#define MOST_THRESHOLDS 64

struct poisson {
    int count;
    uint32_t threshold[MOST_THRESHOLDS];
};

struct synapses {
    int pre;
    int64_t *first;   /* [pre + 1] */
    uint32_t *post;   /* [synapses] */
    double *weight;   /* [synapses] */
    uint32_t *place;  /* [synapses]: where a synapse has its weight; NULL: in the same order */
};

/* The same synapses, in the order of the postsynaptic neurons. */
struct incoming {
    int64_t *first;    /* [post + 1] */
    uint32_t *pre;     /* [synapses] */
    uint32_t *synapse; /* [synapses]: its index among the outgoing ones */
};

struct neurons {
    int n;
    double *V;
    double *V_T, *w;   /* E only */
    double *x_rise_E, *x_decay_E, *x_rise_I, *x_decay_I;
    double *received_E, *received_I;
    double *u, *v, *x; /* E only */
    double *y;
    int *refractory;
    uint32_t (*random)[4];
    int *spikes;       /* of the last step */
    int spike_count;
};

struct network {
    struct neurons e, i;
    struct synapses e_to_e, e_to_i, i_to_e, i_to_i;
    struct incoming onto_e_from_e, onto_e_from_i;
    double *reference;
    struct poisson background_e, background_i, stimulus;
    bool plastic, stimulated;
    int cluster_size;
    int64_t step;      /* steps done */
    int64_t spikes_e, spikes_i;
    uint64_t sum_of_spike_steps;
};

static void fail(const char *message, const char *what)
{
    fprintf(stderr, "clock: %s%s\n", message, what);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory == NULL) {
        fail("out of memory", "");
    }
    return memory;
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Of this process, in MB. In Linux, getrusage may tell that of the parent, which /proc does not. */
static double peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    if (file != NULL) {
        char line[256];
        long kB = 0;
        while (fgets(line, sizeof line, file) != NULL) {
            if (sscanf(line, "VmHWM: %ld", &kB) == 1) {
                break;
            }
        }
        fclose(file);
        if (kB > 0) {
            return (double)kB * 1024.0 / 1e6;
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    return (double)usage.ru_maxrss / 1e6;
#else
    return (double)usage.ru_maxrss * 1024.0 / 1e6;
#endif
}

/* Reading */

static void *read_array(const char *folder, const char *name, const char *part, size_t size,
                        size_t *count)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s%s", folder, name, part) >= (int)sizeof path) {
        fail("too long a path: ", folder);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fail("cannot open ", path);
    }
    long bytes = ftell(file);
    if (bytes < 0 || (size_t)bytes % size != 0) {
        fail("not a whole number of values: ", path);
    }
    rewind(file);
    *count = (size_t)bytes / size;
    void *values = allocate(*count, size);
    if (fread(values, size, *count, file) != *count) {
        fail("cannot read ", path);
    }
    fclose(file);
    return values;
}

static struct synapses read_synapses(const char *folder, const char *name, int pre, int post)
{
    struct synapses group = {.pre = pre};
    size_t pointers, columns, weights;
    group.first = read_array(folder, name, ".row_pointer", sizeof(int64_t), &pointers);
    group.post = read_array(folder, name, ".column", sizeof(uint32_t), &columns);
    group.weight = read_array(folder, name, ".weight", sizeof(double), &weights);
    if (pointers != (size_t)pre + 1 || columns != weights || group.first[0] != 0
        || group.first[pre] != (int64_t)columns || columns > UINT32_MAX) {
        fail("the files do not fit together: ", name);
    }
    for (int j = 0; j < pre; j++) {
        if (group.first[j] > group.first[j + 1]) {
            fail("row_pointer does not ascend: ", name);
        }
    }
    for (size_t s = 0; s < columns; s++) {
        if (group.post[s] >= (uint32_t)post) {
            fail("there is no such postsynaptic neuron: ", name);
        }
    }
    return group;
}

static struct neurons read_neurons(const char *folder, const char *V, const char *random)
{
    size_t n, words;
    struct neurons cell = {.V = read_array(folder, V, "", sizeof(double), &n)};
    uint32_t *state = read_array(folder, random, "", sizeof(uint32_t), &words);
    if (n < 1 || n > INT32_MAX || words != 4 * n) {
        fail("the files do not fit together: ", random);
    }
    cell.random = allocate(n, sizeof *cell.random);
    for (size_t i = 0; i < n; i++) {
        for (size_t word = 0; word < 4; word++) {
            cell.random[i][word] = state[word * n + i];
        }
    }
    free(state);
    cell.n = (int)n;
    cell.V_T = allocate(n, sizeof(double));
    cell.w = allocate(n, sizeof(double));
    cell.x_rise_E = allocate(n, sizeof(double));
    cell.x_decay_E = allocate(n, sizeof(double));
    cell.x_rise_I = allocate(n, sizeof(double));
    cell.x_decay_I = allocate(n, sizeof(double));
    cell.received_E = allocate(n, sizeof(double));
    cell.received_I = allocate(n, sizeof(double));
    cell.u = allocate(n, sizeof(double));
    cell.v = allocate(n, sizeof(double));
    cell.x = allocate(n, sizeof(double));
    cell.y = allocate(n, sizeof(double));
    cell.refractory = allocate(n, sizeof(int));
    cell.spikes = allocate(n, sizeof(int));
    for (size_t i = 0; i < n; i++) {
        cell.V_T[i] = V_T0;
        cell.u[i] = -60.0;
        cell.v[i] = -60.0;
    }
    return cell;
}

static struct incoming by_postsynaptic(const struct synapses *group, int post)
{
    size_t synapses = (size_t)group->first[group->pre];
    struct incoming in = {
        .first = allocate((size_t)post + 1, sizeof(int64_t)),
        .pre = allocate(synapses, sizeof(uint32_t)),
        .synapse = allocate(synapses, sizeof(uint32_t)),
    };
    for (size_t s = 0; s < synapses; s++) {
        in.first[group->post[s] + 1]++;
    }
    for (int i = 0; i < post; i++) {
        in.first[i + 1] += in.first[i];
    }
    int64_t *next = allocate((size_t)post, sizeof(int64_t));
    memcpy(next, in.first, (size_t)post * sizeof(int64_t));
    for (int j = 0; j < group->pre; j++) {
        for (int64_t s = group->first[j]; s < group->first[j + 1]; s++) {
            int64_t k = next[group->post[s]]++;
            in.pre[k] = (uint32_t)j;
            in.synapse[k] = (uint32_t)s;
        }
    }
    free(next);
    return in;
}

/*
 * Keep the weights of a group in the order of its incoming synapses: most of the accesses to those
 * of E to E are potentiation's.
 */
static void store_by_postsynaptic(struct synapses *group, const struct incoming *in)
{
    size_t synapses = (size_t)group->first[group->pre];
    double *weight = allocate(synapses, sizeof(double));
    group->place = allocate(synapses, sizeof(uint32_t));
    for (size_t k = 0; k < synapses; k++) {
        weight[k] = group->weight[in->synapse[k]];
        group->place[in->synapse[k]] = (uint32_t)k;
    }
    free(group->weight);
    group->weight = weight;
}

/* Random numbers */

static uint32_t rotate_left(uint32_t word, int bits)
{
    return (word << bits) | (word >> (32 - bits));
}

/* xoshiro128++ (Blackman & Vigna). */
static uint32_t next_random(uint32_t s[4])
{
    uint32_t result = rotate_left(s[0] + s[3], 7) + s[0];
    uint32_t t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 11);
    return result;
}

/* P(count <= k) 2^32 for k = 0, 1, ..., as long as it is below 2^32. */
static struct poisson poisson_of(double mean)
{
    struct poisson poisson = {.count = 0};
    double probability = exp(-mean), cumulative = probability;
    while (rint(cumulative * 4294967296.0) < 4294967296.0 && poisson.count < MOST_THRESHOLDS) {
        poisson.threshold[poisson.count] = (uint32_t)rint(cumulative * 4294967296.0);
        poisson.count++;
        probability *= mean / poisson.count;
        cumulative += probability;
    }
    return poisson;
}

/* A Poisson number by inversion of one random number. */
static int events(const struct poisson *poisson, uint32_t s[4])
{
    uint32_t uniform = next_random(s);
    int count = 0;
    while (count < poisson->count && uniform >= poisson->threshold[count]) {
        count++;
    }
    return count;
}

/* One step */

static double positive(double value)
{
    return value > 0.0 ? value : 0.0;
}

static double clip(double w, double min, double max)
{
    return w < min ? min : w > max ? max : w;
}

static void normalize(struct network *net)
{
    const int64_t *first = net->onto_e_from_e.first;
    double *w = net->e_to_e.weight;
    for (int i = 0; i < net->e.n; i++) {
        double sum = 0.0;
        for (int64_t k = first[i]; k < first[i + 1]; k++) {
            sum += w[k];
        }
        double excess = (sum - net->reference[i]) / (double)(first[i + 1] - first[i]);
        for (int64_t k = first[i]; k < first[i + 1]; k++) {
            w[k] = clip(w[k] - excess, W_EE_MIN, W_EE_MAX);
        }
    }
}

/*
 * Set x to zero where nothing is left of it. This changes no weight; without it x of a neuron that
 * is silent for seconds becomes so small (denormal) that a processor is slow with it.
 */
static void clear_faded(struct neurons *e)
{
    for (int i = 0; i < e->n; i++) {
        if (e->x[i] < 1e-100) {
            e->x[i] = 0.0;
        }
    }
}

/* The last step's spikes of one population arrive at another. */
static void transmit(const struct synapses *group, const struct neurons *pre, double *received)
{
    for (int n = 0; n < pre->spike_count; n++) {
        int j = pre->spikes[n];
        for (int64_t s = group->first[j]; s < group->first[j + 1]; s++) {
            received[group->post[s]] += group->weight[group->place ? group->place[s] : s];
        }
    }
}

static void advance_excitatory(struct network *net)
{
    struct neurons *e = &net->e;
    const double keep_rise_E = 1.0 - DT / TAU_RISE_E, keep_decay_E = 1.0 - DT / TAU_DECAY_E;
    const double keep_rise_I = 1.0 - DT / TAU_RISE_I, keep_decay_I = 1.0 - DT / TAU_DECAY_I;
    const double scale_E = 1.0 / (TAU_DECAY_E - TAU_RISE_E);
    const double scale_I = 1.0 / (TAU_DECAY_I - TAU_RISE_I);
    const double keep_w = 1.0 - DT / TAU_W, keep_x = 1.0 - DT / TAU_X, keep_y = 1.0 - DT / TAU_Y;

    /* The neurons low, ..., high - 1 are stimulated in this step. */
    int low = 0, high = 0;
    if (net->stimulated && net->step % STIMULUS_PERIOD_STEPS < STIMULUS_STEPS) {
        int clusters = e->n / net->cluster_size;
        low = (int)(net->step / STIMULUS_PERIOD_STEPS % clusters) * net->cluster_size;
        high = low + net->cluster_size;
    }
    double background_weight = net->stimulated ? UNSTIMULATED_WEIGHT : EXTERNAL_WEIGHT_E;

    e->spike_count = 0;
    for (int i = 0; i < e->n; i++) {
        double V = e->V[i];
        double received_E = e->received_E[i], received_I = e->received_I[i];
        e->received_E[i] = 0.0;
        e->received_I[i] = 0.0;
        if (i >= low && i < high) {
            received_E += EXTERNAL_WEIGHT_E * events(&net->stimulus, e->random[i]);
        } else {
            received_E += background_weight * events(&net->background_e, e->random[i]);
        }

        e->x_rise_E[i] = keep_rise_E * e->x_rise_E[i] + received_E;
        e->x_decay_E[i] = keep_decay_E * e->x_decay_E[i] + received_E;
        e->x_rise_I[i] = keep_rise_I * e->x_rise_I[i] + received_I;
        e->x_decay_I[i] = keep_decay_I * e->x_decay_I[i] + received_I;
        e->V_T[i] += DT / TAU_T * (V_T0 - e->V_T[i]);
        e->w[i] = keep_w * e->w[i];
        if (net->plastic) {
            e->y[i] = keep_y * e->y[i];
            e->u[i] += DT / TAU_U * (V - e->u[i]);
            e->v[i] += DT / TAU_V * (V - e->v[i]);
            e->x[i] = keep_x * e->x[i];
        }

        if (e->refractory[i] > 0) {
            e->refractory[i]--;
            e->V[i] = V_RESET;
            continue;
        }
        double g_E = (e->x_decay_E[i] - e->x_rise_E[i]) * scale_E;
        double g_I = (e->x_decay_I[i] - e->x_rise_I[i]) * scale_I;
        V += DT / TAU_M * (E_L_OF_E - V + D_T * exp((V - e->V_T[i]) / D_T))
             + DT / C * (g_E * (E_E - V) + g_I * (E_I - V) - e->w[i]);
        if (V > V_SPIKE_OF_E) {
            V = V_RESET;
            e->refractory[i] = REFRACTORY_STEPS;
            e->V_T[i] = V_T0 + A_T;
            e->w[i] += B;
            e->spikes[e->spike_count++] = i;
        }
        e->V[i] = V;
    }
}

static void advance_inhibitory(struct network *net)
{
    struct neurons *c = &net->i;
    const double keep_rise_E = 1.0 - DT / TAU_RISE_E, keep_decay_E = 1.0 - DT / TAU_DECAY_E;
    const double keep_rise_I = 1.0 - DT / TAU_RISE_I, keep_decay_I = 1.0 - DT / TAU_DECAY_I;
    const double scale_E = 1.0 / (TAU_DECAY_E - TAU_RISE_E);
    const double scale_I = 1.0 / (TAU_DECAY_I - TAU_RISE_I);
    const double keep_y = 1.0 - DT / TAU_Y;

    c->spike_count = 0;
    for (int i = 0; i < c->n; i++) {
        double V = c->V[i];
        double received_E = c->received_E[i], received_I = c->received_I[i];
        c->received_E[i] = 0.0;
        c->received_I[i] = 0.0;
        received_E += EXTERNAL_WEIGHT_I * events(&net->background_i, c->random[i]);

        c->x_rise_E[i] = keep_rise_E * c->x_rise_E[i] + received_E;
        c->x_decay_E[i] = keep_decay_E * c->x_decay_E[i] + received_E;
        c->x_rise_I[i] = keep_rise_I * c->x_rise_I[i] + received_I;
        c->x_decay_I[i] = keep_decay_I * c->x_decay_I[i] + received_I;
        if (net->plastic) {
            c->y[i] = keep_y * c->y[i];
        }

        if (c->refractory[i] > 0) {
            c->refractory[i]--;
            c->V[i] = V_RESET;
            continue;
        }
        double g_E = (c->x_decay_E[i] - c->x_rise_E[i]) * scale_E;
        double g_I = (c->x_decay_I[i] - c->x_rise_I[i]) * scale_I;
        V += DT / TAU_M * (E_L_OF_I - V) + DT / C * (g_E * (E_E - V) + g_I * (E_I - V));
        if (V > V_SPIKE_OF_I) {
            V = V_RESET;
            c->refractory[i] = REFRACTORY_STEPS;
            c->spikes[c->spike_count++] = i;
        }
        c->V[i] = V;
    }
}

/* E spikes first, then I spikes, which see y of this step's E spikes raised. */
static void inhibitory_rule(struct network *net)
{
    struct neurons *e = &net->e, *c = &net->i;
    const struct incoming *in = &net->onto_e_from_i;
    const struct synapses *out = &net->i_to_e;
    double *w = net->i_to_e.weight;
    for (int n = 0; n < e->spike_count; n++) {
        int i = e->spikes[n];
        for (int64_t k = in->first[i]; k < in->first[i + 1]; k++) {
            uint32_t s = in->synapse[k];
            w[s] = clip(w[s] + ETA * c->y[in->pre[k]], W_EI_MIN, W_EI_MAX);
        }
        e->y[i] += 1.0;
    }
    for (int n = 0; n < c->spike_count; n++) {
        int j = c->spikes[n];
        for (int64_t s = out->first[j]; s < out->first[j + 1]; s++) {
            double change = ETA * (e->y[out->post[s]] - 2.0 * R_0 * TAU_Y);
            w[s] = clip(w[s] + change, W_EI_MIN, W_EI_MAX);
        }
        c->y[j] += 1.0;
    }
}

/* Potentiation of the weights onto each depolarized neuron. It only grows a weight. */
static void potentiate(struct network *net)
{
    struct neurons *e = &net->e;
    const struct incoming *in = &net->onto_e_from_e;
    double *w = net->e_to_e.weight;
    for (int i = 0; i < e->n; i++) {
        double depolarized = positive(e->V[i] - V_THETA) * positive(e->v[i] - E_L);
        if (depolarized > 0.0) {
            double rate = DT * A_POTENTIATION * depolarized;
            for (int64_t k = in->first[i]; k < in->first[i + 1]; k++) {
                w[k] += rate * e->x[in->pre[k]];
                if (w[k] > W_EE_MAX) {
                    w[k] = W_EE_MAX;
                }
            }
        }
    }
}

/* Depression of the weights from each neuron that has just fired. It only lessens a weight. */
static void depress(struct network *net)
{
    struct neurons *e = &net->e;
    const struct synapses *out = &net->e_to_e;
    for (int n = 0; n < e->spike_count; n++) {
        int j = e->spikes[n];
        for (int64_t s = out->first[j]; s < out->first[j + 1]; s++) {
            double *w = &out->weight[out->place[s]];
            *w -= DT * A_DEPRESSION * positive(e->u[out->post[s]] - E_L);
            if (*w < W_EE_MIN) {
                *w = W_EE_MIN;
            }
        }
        e->x[j] += 1.0;
    }
}

static void advance(struct network *net)
{
    if (net->plastic && net->step > 0 && net->step % NORMALIZATION_STEPS == 0) {
        normalize(net);
        clear_faded(&net->e);
    }
    transmit(&net->e_to_e, &net->e, net->e.received_E);
    transmit(&net->e_to_i, &net->e, net->i.received_E);
    transmit(&net->i_to_e, &net->i, net->e.received_I);
    transmit(&net->i_to_i, &net->i, net->i.received_I);
    advance_excitatory(net);
    advance_inhibitory(net);
    if (net->plastic) {
        inhibitory_rule(net);
        potentiate(net);
        depress(net);
    }
    net->step++;

    for (int n = 0; n < net->e.spike_count; n++) {
        net->sum_of_spike_steps += (uint64_t)net->step * ((uint64_t)net->e.spikes[n] + 1);
    }
    for (int n = 0; n < net->i.spike_count; n++) {
        uint64_t neuron = (uint64_t)net->e.n + (uint64_t)net->i.spikes[n] + 1;
        net->sum_of_spike_steps += (uint64_t)net->step * neuron;
    }
    net->spikes_e += net->e.spike_count;
    net->spikes_i += net->i.spike_count;
}

/* The end */

static double mean_weight(const struct synapses *group)
{
    int64_t synapses = group->first[group->pre];
    double sum = 0.0;
    for (int64_t s = 0; s < synapses; s++) {
        sum += group->weight[s];
    }
    return synapses > 0 ? sum / (double)synapses : 0.0;
}

static void print_list(const char *name, const double *values, int count)
{
    printf("\"%s\": [", name);
    for (int n = 0; n < count; n++) {
        printf("%s%.9g", n ? ", " : "", values[n]);
    }
    printf("], ");
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fail("usage: clock folder mode cluster_size warm_up_steps steps repeats", "");
    }
    const char *folder = argv[1], *mode = argv[2];
    long warm_up = atol(argv[4]), steps = atol(argv[5]);
    int repeats = atoi(argv[6]);
    struct network net = {.cluster_size = atoi(argv[3])};
    net.stimulated = strcmp(mode, "stimulated") == 0;
    net.plastic = net.stimulated || strcmp(mode, "plastic") == 0;
    if (!net.plastic && strcmp(mode, "static") != 0) {
        fail("the mode is static, plastic or stimulated, not ", mode);
    }
    if (warm_up < 0 || steps < 1 || repeats < 1) {
        fail("steps and repeats must be positive", "");
    }

    net.e = read_neurons(folder, "V_e", "random_e");
    net.i = read_neurons(folder, "V_i", "random_i");
    if (net.cluster_size < 1 || net.e.n % net.cluster_size != 0) {
        fail("the E neurons are not whole clusters of ", argv[3]);
    }
    net.e_to_e = read_synapses(folder, "e_to_e", net.e.n, net.e.n);
    net.e_to_i = read_synapses(folder, "e_to_i", net.e.n, net.i.n);
    net.i_to_e = read_synapses(folder, "i_to_e", net.i.n, net.e.n);
    net.i_to_i = read_synapses(folder, "i_to_i", net.i.n, net.i.n);
    net.background_e = poisson_of(EXTERNAL_RATE_E * DT);
    net.background_i = poisson_of(EXTERNAL_RATE_I * DT);
    net.stimulus = poisson_of((EXTERNAL_RATE_E + STIMULUS_RATE) * DT);
    if (net.plastic) {
        net.onto_e_from_e = by_postsynaptic(&net.e_to_e, net.e.n);
        net.onto_e_from_i = by_postsynaptic(&net.i_to_e, net.e.n);
        net.reference = allocate((size_t)net.e.n, sizeof(double));
        for (int64_t s = 0; s < net.e_to_e.first[net.e.n]; s++) {
            net.reference[net.e_to_e.post[s]] += net.e_to_e.weight[s];
        }
        store_by_postsynaptic(&net.e_to_e, &net.onto_e_from_e);
    }

    for (long n = 0; n < warm_up; n++) {
        advance(&net);
    }
    net.spikes_e = 0;
    net.spikes_i = 0;
    double *cpu = allocate((size_t)repeats, sizeof(double));
    double *wall = allocate((size_t)repeats, sizeof(double));
    for (int repeat = 0; repeat < repeats; repeat++) {
        double cpu_begun = cpu_seconds(), wall_begun = wall_seconds();
        for (long n = 0; n < steps; n++) {
            advance(&net);
        }
        cpu[repeat] = cpu_seconds() - cpu_begun;
        wall[repeat] = wall_seconds() - wall_begun;
    }

    printf("{");
    print_list("cpu_s", cpu, repeats);
    print_list("wall_s", wall, repeats);
    printf("\"peak_memory_MB\": %.6g, \"spikes_e\": %lld, \"spikes_i\": %lld, "
           "\"mean_e_to_e\": %.17g, \"mean_i_to_e\": %.17g, \"sum_of_spike_steps\": %llu}\n",
           peak_memory(), (long long)net.spikes_e, (long long)net.spikes_i,
           mean_weight(&net.e_to_e), mean_weight(&net.i_to_e),
           (unsigned long long)net.sum_of_spike_steps);
    return 0;
}
