/*
 * Theta neurons trained by recursive least squares in literal loops: what a scientist would write
 * down from the specification, and hence what the time of simcore's kernels is compared with. The
 * statements and their order follow the specification, sections 1.4 and 1.5 (drive training, the
 * step after learning uses the drive of the old weights).
 *
 *     gcc -O2 -o least_squares benchmarks/least_squares.c -lm
 *     ./least_squares N p every updates warmup seed [input output]
 *
 * N        neurons
 * p        probability of a connection; no neuron connects to itself, also not at p = 1
 * every    time steps per learning interval; each interval ends with one update of all neurons
 * updates  learning intervals whose CPU time is taken
 * warmup   learning intervals before them
 * seed     of weights, initial phases and targets
 *
 * There is no external input. The time step is 0.1, b 0.5 and lambda 0.5; the targets are
 * Ornstein-Uhlenbeck processes (rate 1/20, noise 0.3).
 *
 * With an input file the network and the targets are the file's, and so are N, every and the
 * number of intervals, of which the first `warmup` are not timed; p, updates and seed have no
 * effect. Native byte order, no padding:
 *
 *     int32   N, steps, every
 *     double  dt, b, lambda
 *     double  W[N * N]                post by pre, row major, 0 where there is no synapse
 *     double  theta[N]                initial phases
 *     double  targets[intervals * N]  intervals = steps / every; row m ends interval m
 *
 * The output file receives the final W[N * N].
 *
 * Prints one line of JSON. "spikes" and "weight_sum" are of all intervals, the two times are CPU
 * seconds of the timed ones.
 */

#define _POSIX_C_SOURCE 199309L

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double PI = 3.14159265358979323846;

static uint64_t random_state;

static void fail(const char *message)
{
    fprintf(stderr, "least_squares: %s\n", message);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* xorshift64*; in (0, 1), never 0 because of the logarithm below. */
static double uniform(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return ((double)((random_state * 2685821657736338717ULL) >> 11) + 0.5) / 9007199254740992.0;
}

/* Box-Muller. */
static double normal(void)
{
    double radius = sqrt(-2.0 * log(uniform()));
    return radius * cos(2.0 * PI * uniform());
}

/* fmod has the sign of the dividend; the spike rule needs that of the divisor. */
static double mod(double x, double y)
{
    double m = fmod(x, y);
    return m < 0.0 ? m + y : m;
}

static double slope(double theta, double current)
{
    return 1.0 - cos(theta) + current * (1.0 + cos(theta));
}

static void read_all(void *data, size_t size, size_t count, FILE *file)
{
    if (fread(data, size, count, file) != count) {
        fail("the input file is too short");
    }
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 9) {
        fail("usage: least_squares N p every updates warmup seed [input output]");
    }
    int N = atoi(argv[1]);
    double p = atof(argv[2]);
    int every = atoi(argv[3]);
    int warmup = atoi(argv[5]);
    int intervals = warmup + atoi(argv[4]);
    double dt = 0.1, b = 0.5, lambda = 0.5;
    double *W, *theta, *targets;

    if (argc == 9) {
        FILE *file = fopen(argv[7], "rb");
        if (file == NULL) {
            fail("cannot open the input file");
        }
        int32_t header[3];
        double parameters[3];
        read_all(header, sizeof(int32_t), 3, file);
        read_all(parameters, sizeof(double), 3, file);
        N = header[0];
        every = header[2];
        if (N < 1 || every < 1 || header[1] % every != 0) {
            fail("the steps of the input file are not whole intervals");
        }
        intervals = header[1] / every;
        dt = parameters[0];
        b = parameters[1];
        lambda = parameters[2];
        W = allocate((size_t)N * N, sizeof(double));
        theta = allocate(N, sizeof(double));
        targets = allocate((size_t)intervals * N, sizeof(double));
        read_all(W, sizeof(double), (size_t)N * N, file);
        read_all(theta, sizeof(double), N, file);
        read_all(targets, sizeof(double), (size_t)intervals * N, file);
        fclose(file);
    } else {
        if (N < 1 || every < 1 || intervals < 1) {
            fail("N, every and the number of intervals must be positive");
        }
        random_state = (uint64_t)atoi(argv[6]) * 0x9E3779B97F4A7C15ULL + 0x2545F4914F6CDD1DULL;
        W = allocate((size_t)N * N, sizeof(double));
        theta = allocate(N, sizeof(double));
        targets = allocate((size_t)intervals * N, sizeof(double));
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                if (i != j && uniform() < p) {
                    W[(size_t)i * N + j] = normal() / sqrt(N * p);
                }
            }
        }
        for (int i = 0; i < N; i++) {
            theta[i] = 2.0 * PI * uniform();
        }
        for (int i = 0; i < N; i++) {
            double x = 0.0;
            for (int m = 0; m < intervals; m++) {
                for (int step = 0; step < every; step++) {
                    x += -x / 20.0 * dt + 0.3 * sqrt(dt) * normal();
                }
                targets[(size_t)m * N + i] = x;
            }
        }
    }

    /* The presynaptic neurons J[i][0..n[i]-1] of neuron i, ascending, and its P. */
    int *n = allocate(N, sizeof(int));
    int **J = allocate(N, sizeof(int *));
    double **P = allocate(N, sizeof(double *));
    double presynaptic = 0.0;
    for (int i = 0; i < N; i++) {
        J[i] = allocate(N, sizeof(int));
        for (int j = 0; j < N; j++) {
            if (W[(size_t)i * N + j] != 0.0) {
                J[i][n[i]] = j;
                n[i]++;
            }
        }
        P[i] = allocate((size_t)n[i] * n[i], sizeof(double));
        for (int a = 0; a < n[i]; a++) {
            P[i][(size_t)a * n[i] + a] = 1.0 / lambda;
        }
        presynaptic += n[i];
    }

    double *r = allocate(N, sizeof(double));
    double *u = allocate(N, sizeof(double));
    double *q = allocate(N, sizeof(double));
    double *k = allocate(N, sizeof(double));
    double z = b * dt;
    double c = 1.0 - z + z * z / 2.0 - z * z * z / 6.0 + z * z * z * z / 24.0;
    double simulation_seconds = 0.0, rls_seconds = 0.0;
    long spikes = 0;

    for (int m = 0; m < intervals; m++) {
        double start = cpu_seconds();

        for (int step = 0; step < every; step++) {
            for (int i = 0; i < N; i++) {
                double current = u[i];
                double k1 = slope(theta[i], current);
                double k2 = slope(theta[i] + dt / 2.0 * k1, current);
                double k3 = slope(theta[i] + dt / 2.0 * k2, current);
                double k4 = slope(theta[i] + dt * k3, current);
                double old = theta[i];
                theta[i] = old + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
                double d = theta[i] - old;
                r[i] = c * r[i];
                if (d > 0.0 && d > mod(PI - mod(old, 2.0 * PI), 2.0 * PI)) {
                    r[i] += b;
                    spikes++;
                }
            }
            for (int i = 0; i < N; i++) {
                double sum = 0.0;
                for (int j = 0; j < N; j++) {
                    sum += W[(size_t)i * N + j] * r[j];
                }
                u[i] = sum;
            }
        }

        double middle = cpu_seconds();

        for (int i = 0; i < N; i++) {
            int n_i = n[i];
            int *J_i = J[i];
            double *P_i = P[i];
            double *w = W + (size_t)i * N;

            for (int x = 0; x < n_i; x++) {
                q[x] = r[J_i[x]];
            }
            for (int x = 0; x < n_i; x++) {
                double sum = 0.0;
                for (int y = 0; y < n_i; y++) {
                    sum += P_i[(size_t)x * n_i + y] * q[y];
                }
                k[x] = sum;
            }
            double den = 1.0;
            for (int x = 0; x < n_i; x++) {
                den += q[x] * k[x];
            }
            den = 1.0 / den;
            double e = -targets[(size_t)m * N + i];
            for (int x = 0; x < n_i; x++) {
                e += w[J_i[x]] * q[x];
            }
            for (int x = 0; x < n_i; x++) {
                for (int y = 0; y < n_i; y++) {
                    P_i[(size_t)x * n_i + y] -= den * k[x] * k[y];
                }
            }
            for (int x = 0; x < n_i; x++) {
                w[J_i[x]] -= e * den * k[x];
            }
        }

        double end = cpu_seconds();
        if (m >= warmup) {
            simulation_seconds += middle - start;
            rls_seconds += end - middle;
        }
    }

    double weight_sum = 0.0;
    for (size_t s = 0; s < (size_t)N * N; s++) {
        weight_sum += W[s];
    }
    if (argc == 9) {
        FILE *file = fopen(argv[8], "wb");
        if (file == NULL || fwrite(W, sizeof(double), (size_t)N * N, file) != (size_t)N * N
            || fclose(file) != 0) {
            fail("cannot write the output file");
        }
    }
    printf("{\"N\": %d, \"every\": %d, \"warmup\": %d, \"intervals\": %d, "
           "\"rls_seconds\": %.9g, \"simulation_seconds\": %.9g, "
           "\"presynaptic_mean\": %.9g, \"spikes\": %ld, \"weight_sum\": %.17g}\n",
           N, every, warmup, intervals > warmup ? intervals - warmup : 0, rls_seconds,
           simulation_seconds, presynaptic / N, spikes, weight_sum);
    return 0;
}
