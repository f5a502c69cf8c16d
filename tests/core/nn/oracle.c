#include "tests/core/nn/oracle.h"

#include <math.h>
#include <string.h>

/* One row's values: y[0] is the input, z[l] the sums (normalized to h, and shifted, where there is
 * batch normalization) and y[l + 1] the values of layer l, after dropout. */
struct pass {
    double h[ORACLE_LAYERS][ORACLE_WIDTH];
    double z[ORACLE_LAYERS][ORACLE_WIDTH];
    double y[ORACLE_LAYERS + 1][ORACLE_WIDTH];
};

struct batch {
    struct pass row[ORACLE_ROWS];
    double inverse[ORACLE_LAYERS][ORACLE_WIDTH]; /* 1 / deviation */
};

static size_t inputs_of(const struct oracle *o, size_t l)
{
    return l == 0 ? o->shape.n_inputs : o->shape.width[l - 1];
}

static bool has_norm(const struct oracle *o, size_t l)
{
    return o->shape.batch_norm && l + 1 < o->shape.n_layers;
}

/* Where the weights of layer l begin. */
static size_t start_of(const struct oracle *o, size_t l)
{
    size_t at = 0;

    for (size_t i = 0; i < l; i++)
        at += (inputs_of(o, i) + 1 + has_norm(o, i)) * o->shape.width[i];
    return at;
}

static const double SELU_SCALE = 1.0507009873554804934193349852946;
static const double SELU_ALPHA = 1.6732632423543772848170429916717;

static double activate(enum activation a, double z)
{
    switch (a) {
    case ACTIVATION_IDENTITY:
        return z;
    case ACTIVATION_SIGMOID:
        return 1.0 / (1.0 + exp(-z));
    case ACTIVATION_TANH:
        return tanh(z);
    case ACTIVATION_RELU:
        return z > 0 ? z : 0.0;
    case ACTIVATION_LEAKY_RELU:
        return z > 0 ? z : 0.01 * z;
    case ACTIVATION_ELU:
        return z > 0 ? z : expm1(z);
    case ACTIVATION_SELU:
        return SELU_SCALE * (z > 0 ? z : SELU_ALPHA * expm1(z));
    case ACTIVATION_GELU:
        return z * 0.5 * (1.0 + erf(z / sqrt(2.0)));
    case ACTIVATION_SILU:
        return z / (1.0 + exp(-z));
    case ACTIVATION_SOFTPLUS:
        return log1p(exp(z));
    case ACTIVATION_SOFTSIGN:
        return z / (1.0 + fabs(z));
    case ACTIVATION_HARD_SIGMOID:
        return fmin(fmax(z + 3.0, 0.0), 6.0) / 6.0;
    case ACTIVATION_SINE:
        return sin(z);
    }
    return (double)NAN;
}

static double slope(enum activation a, double z)
{
    double y = activate(a, z), s = 1.0 / (1.0 + exp(-z));

    switch (a) {
    case ACTIVATION_IDENTITY:
        return 1.0;
    case ACTIVATION_SIGMOID:
        return y * (1.0 - y);
    case ACTIVATION_TANH:
        return 1.0 - y * y;
    case ACTIVATION_RELU:
        return z > 0 ? 1.0 : 0.0;
    case ACTIVATION_LEAKY_RELU:
        return z > 0 ? 1.0 : 0.01;
    case ACTIVATION_ELU:
        return z > 0 ? 1.0 : exp(z);
    case ACTIVATION_SELU:
        return SELU_SCALE * (z > 0 ? 1.0 : SELU_ALPHA * exp(z));
    case ACTIVATION_GELU:
        return 0.5 * (1.0 + erf(z / sqrt(2.0))) + z * exp(-z * z / 2.0) / sqrt(8.0 * atan(1.0));
    case ACTIVATION_SILU:
        return s * (1.0 + z * (1.0 - s));
    case ACTIVATION_SOFTPLUS:
        return s;
    case ACTIVATION_SOFTSIGN:
        return pow(1.0 + fabs(z), -2.0);
    case ACTIVATION_HARD_SIGMOID:
        return fabs(z) < 3.0 ? 1.0 / 6.0 : 0.0;
    case ACTIVATION_SINE:
        return cos(z);
    }
    return (double)NAN;
}

/* What dropout multiplies a value by. */
static double factor(const struct oracle *o, size_t l, size_t row, size_t j)
{
    return o->shape.dropout[l] > 0.0 ? o->mask[l][row][j] : 1.0;
}

static void sum_layer(const struct oracle *o, const double *w, size_t l, struct pass *p)
{
    size_t inputs = inputs_of(o, l), outputs = o->shape.width[l];

    for (size_t j = 0; j < outputs; j++) {
        double sum = has_norm(o, l) ? 0.0 : w[inputs * outputs + j];

        for (size_t k = 0; k < inputs; k++)
            sum += p->y[l][k] * w[k * outputs + j];
        p->z[l][j] = sum;
    }
}

/* beta has the place of the bias, gamma the row behind it. */
static void normalize_unit(const struct oracle *o, const double *w, size_t l, size_t j,
                           struct batch *b)
{
    size_t bias = inputs_of(o, l) * o->shape.width[l] + j, rows = o->rows;
    double beta = w[bias], gamma = w[bias + o->shape.width[l]], mean = 0.0, variance = 0.0;

    for (size_t i = 0; i < rows; i++)
        mean += b->row[i].z[l][j] / (double)rows;
    for (size_t i = 0; i < rows; i++)
        variance += pow(b->row[i].z[l][j] - mean, 2.0) / (double)rows;
    b->inverse[l][j] = 1.0 / sqrt(variance + 1e-5);
    for (size_t i = 0; i < rows; i++) {
        struct pass *p = b->row + i;

        p->h[l][j] = (p->z[l][j] - mean) * b->inverse[l][j];
        p->z[l][j] = gamma * p->h[l][j] + beta;
    }
}

static void forward(const struct oracle *o, const double *w, struct batch *b)
{
    for (size_t i = 0; i < o->rows; i++)
        memcpy(b->row[i].y[0], o->x[i], sizeof o->x[i]);
    for (size_t l = 0; l < o->shape.n_layers; l++) {
        size_t outputs = o->shape.width[l];

        for (size_t i = 0; i < o->rows; i++)
            sum_layer(o, w + start_of(o, l), l, b->row + i);
        for (size_t j = 0; has_norm(o, l) && j < outputs; j++)
            normalize_unit(o, w + start_of(o, l), l, j, b);
        for (size_t i = 0; i < o->rows; i++)
            for (size_t j = 0; j < outputs; j++)
                b->row[i].y[l + 1][j] =
                    activate(o->shape.activation[l], b->row[i].z[l][j]) * factor(o, l, i, j);
    }
}

/* Probabilities of all classes; with one logit, of the second class alone. */
static size_t probabilities(const struct oracle *o, const double *z, double *p)
{
    double sum = 0.0;

    if (o->output == OUTPUT_SIGMOID) {
        p[0] = 1.0 / (1.0 + exp(-z[0]));
        return 1;
    }
    for (size_t j = 0; j < o->n; j++)
        sum += exp(z[j]);
    for (size_t j = 0; j < o->n; j++)
        p[j] = exp(z[j]) / sum;
    return o->n;
}

/* What column j of the probabilities should be. */
static double truth(const struct oracle *o, size_t row, size_t j)
{
    return o->classes[row] == (int)j + (o->output == OUTPUT_SIGMOID) ? 1.0 : 0.0;
}

/* The loss of one output's error. */
static double of_error(const struct oracle *o, double e)
{
    if (o->loss == LOSS_MAE)
        return fabs(e);
    if (o->loss == LOSS_HUBER)
        return fabs(e) <= o->delta ? 0.5 * e * e : o->delta * (fabs(e) - 0.5 * o->delta);
    return e * e;
}

static double error_slope(const struct oracle *o, double e)
{
    if (o->loss == LOSS_MAE)
        return e > 0 ? 1.0 : -1.0;
    if (o->loss == LOSS_HUBER)
        return fmin(fmax(e, -o->delta), o->delta);
    return 2.0 * e;
}

static double mean_of_errors(const struct oracle *o, size_t row, const double *z)
{
    double p[ORACLE_WIDTH], sum = 0.0;
    size_t n = o->n;

    if (o->output == OUTPUT_IDENTITY) {
        for (size_t j = 0; j < n; j++)
            sum += of_error(o, z[j] - o->y[row][j]);
    } else {
        n = probabilities(o, z, p);
        for (size_t j = 0; j < n; j++)
            sum += of_error(o, p[j] - truth(o, row, j));
    }
    return sum / (double)n;
}

static double row_loss(const struct oracle *o, size_t row, const double *z)
{
    double p[ORACLE_WIDTH];

    if (o->loss != LOSS_CROSS_ENTROPY)
        return mean_of_errors(o, row, z);
    if (o->output == OUTPUT_SIGMOID) { /* -log p or -log (1 - p), without the cancellation */
        double t = o->classes[row] ? -z[0] : z[0];

        return (t > 0 ? t : 0.0) + log1p(exp(-fabs(t)));
    }
    (void)probabilities(o, z, p);
    return -log(p[o->classes[row]]);
}

static double total_weight(const struct oracle *o)
{
    double sum = 0.0;

    for (size_t i = 0; i < o->rows; i++)
        sum += o->weight[i];
    return sum;
}

double oracle_loss(const struct oracle *o, const double *weights)
{
    double loss = 0.0;
    struct batch b;

    forward(o, weights, &b);
    for (size_t i = 0; i < o->rows; i++)
        loss += o->weight[i] / total_weight(o) * row_loss(o, i, b.row[i].z[o->shape.n_layers - 1]);
    for (size_t l = 0; l < o->shape.n_layers; l++)
        for (size_t i = 0; i < inputs_of(o, l) * o->shape.width[l]; i++)
            loss += 0.5 * o->l2 * pow(weights[start_of(o, l) + i], 2.0) +
                    o->l1 * fabs(weights[start_of(o, l) + i]);
    return loss;
}

/* The first equation: the loss's gradient by the last sums. */
static void output_delta(const struct oracle *o, size_t row, const double *z, double *delta)
{
    double p[ORACLE_WIDTH], mean = 0.0;
    size_t n;

    if (o->output == OUTPUT_IDENTITY) {
        for (size_t j = 0; j < o->n; j++)
            delta[j] = error_slope(o, z[j] - o->y[row][j]) / (double)o->n;
        return;
    }
    n = probabilities(o, z, p);
    for (size_t j = 0; j < n; j++)
        mean += error_slope(o, p[j] - truth(o, row, j)) / (double)n * p[j];
    for (size_t j = 0; j < n; j++) {
        double dp = error_slope(o, p[j] - truth(o, row, j)) / (double)n;

        if (o->loss == LOSS_CROSS_ENTROPY)
            delta[j] = p[j] - truth(o, row, j);
        else if (o->output == OUTPUT_SIGMOID)
            delta[j] = dp * p[j] * (1.0 - p[j]);
        else
            delta[j] = p[j] * (dp - mean);
    }
}

/* The third and fourth: gradients of weights and biases. */
static void add_gradient(const struct oracle *o, size_t l, const double *y, const double *delta,
                         double *g)
{
    size_t inputs = inputs_of(o, l), outputs = o->shape.width[l];

    for (size_t j = 0; j < outputs; j++) {
        for (size_t k = 0; k < inputs; k++)
            g[k * outputs + j] += y[k] * delta[j];
        if (!has_norm(o, l))
            g[inputs * outputs + j] += delta[j];
    }
}

typedef double deltas[ORACLE_ROWS][ORACLE_WIDTH];

/* From the gradient by gamma h + beta to that by the sums; as written by Ioffe and Szegedy. */
static void normalize_back(const struct oracle *o, const double *w, size_t l, const struct batch *b,
                           deltas delta, double *g)
{
    size_t bias = inputs_of(o, l) * o->shape.width[l], n = o->shape.width[l], rows = o->rows;

    for (size_t j = 0; j < n; j++) {
        double sum = 0.0, product = 0.0;

        for (size_t i = 0; i < rows; i++) {
            sum += delta[i][j];
            product += delta[i][j] * b->row[i].h[l][j];
        }
        for (size_t i = 0; i < rows; i++)
            delta[i][j] = w[bias + n + j] * b->inverse[l][j] / (double)rows *
                          ((double)rows * delta[i][j] - sum - b->row[i].h[l][j] * product);
        g[bias + j] = sum;
        g[bias + n + j] = product;
    }
}

/* The second: one layer down. */
static void delta_below(const struct oracle *o, const double *w, size_t l, const struct batch *b,
                        deltas delta)
{
    for (size_t i = 0; i < o->rows; i++) {
        double below[ORACLE_WIDTH] = {0};

        for (size_t k = 0; k < inputs_of(o, l); k++) {
            for (size_t j = 0; j < o->shape.width[l]; j++)
                below[k] += w[k * o->shape.width[l] + j] * delta[i][j];
            below[k] *=
                factor(o, l - 1, i, k) * slope(o->shape.activation[l - 1], b->row[i].z[l - 1][k]);
        }
        memcpy(delta[i], below, sizeof below);
    }
}

static void backward(const struct oracle *o, const double *w, double *g)
{
    size_t last = o->shape.n_layers - 1;
    deltas delta = {{0}};
    struct batch b;

    forward(o, w, &b);
    for (size_t i = 0; i < o->rows; i++) {
        output_delta(o, i, b.row[i].z[last], delta[i]);
        for (size_t j = 0; j < o->shape.width[last]; j++)
            delta[i][j] *= o->weight[i] / total_weight(o);
    }
    for (size_t l = o->shape.n_layers; l-- > 0;) {
        size_t at = start_of(o, l);

        if (has_norm(o, l))
            normalize_back(o, w + at, l, &b, delta, g + at);
        for (size_t i = 0; i < o->rows; i++)
            add_gradient(o, l, b.row[i].y[l], delta[i], g + at);
        if (l > 0)
            delta_below(o, w + at, l, &b, delta);
    }
}

static double penalty_slope(const struct oracle *o, double w)
{
    return o->l2 * w + o->l1 * ((w > 0) - (w < 0));
}

void oracle_gradient(const struct oracle *o, const double *weights, double *g)
{
    memset(g, 0, mlp_weight_count(&o->shape) * sizeof *g);
    backward(o, weights, g);
    for (size_t l = 0; l < o->shape.n_layers; l++)
        for (size_t i = 0; i < inputs_of(o, l) * o->shape.width[l]; i++)
            g[start_of(o, l) + i] += penalty_slope(o, weights[start_of(o, l) + i]);
}

void oracle_differences(const struct oracle *o, double *weights, double *g)
{
    const double H = 1e-5;

    for (size_t i = 0; i < mlp_weight_count(&o->shape); i++) {
        double w = weights[i], above, below;

        weights[i] = w + H;
        above = oracle_loss(o, weights);
        weights[i] = w - H;
        below = oracle_loss(o, weights);
        weights[i] = w;
        g[i] = (above - below) / (2.0 * H);
    }
}

/* Distance of a sum from where its activation is not smooth. */
static double activation_kink(enum activation a, double z)
{
    switch (a) {
    case ACTIVATION_RELU:
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_ELU:
    case ACTIVATION_SELU:
    case ACTIVATION_SOFTSIGN:
        return fabs(z);
    case ACTIVATION_HARD_SIGMOID:
        return fabs(fabs(z) - 3.0);
    case ACTIVATION_IDENTITY:
    case ACTIVATION_SIGMOID:
    case ACTIVATION_TANH:
    case ACTIVATION_GELU:
    case ACTIVATION_SILU:
    case ACTIVATION_SOFTPLUS:
    case ACTIVATION_SINE:
        break;
    }
    return (double)INFINITY;
}

/* Probabilities never reach the truth, where mae has its kink. */
static double loss_kink(const struct oracle *o, size_t row, const double *z)
{
    double p[ORACLE_WIDTH], nearest = (double)INFINITY;
    bool identity = o->output == OUTPUT_IDENTITY;
    size_t n = identity ? o->n : probabilities(o, z, p);

    for (size_t j = 0; j < n; j++) {
        double e = identity ? z[j] - o->y[row][j] : p[j] - truth(o, row, j);

        if (o->loss == LOSS_MAE && identity)
            nearest = fmin(nearest, fabs(e));
        if (o->loss == LOSS_HUBER)
            nearest = fmin(nearest, fabs(fabs(e) - o->delta));
    }
    return nearest;
}

double oracle_kink(const struct oracle *o, const double *weights)
{
    double nearest = (double)INFINITY;
    struct batch b;

    forward(o, weights, &b);
    for (size_t i = 0; i < o->rows; i++) {
        const struct pass *p = b.row + i;

        for (size_t l = 0; l < o->shape.n_layers; l++)
            for (size_t j = 0; j < o->shape.width[l]; j++)
                nearest = fmin(nearest, activation_kink(o->shape.activation[l], p->z[l][j]));
        nearest = fmin(nearest, loss_kink(o, i, p->z[o->shape.n_layers - 1]));
    }
    for (size_t i = 0; o->l1 > 0.0 && i < mlp_weight_count(&o->shape); i++)
        nearest = fmin(nearest, fabs(weights[i]));
    return nearest;
}

double oracle_distance(size_t n, const double *a, const double *b)
{
    double difference = 0.0, size = 0.0;

    for (size_t i = 0; i < n; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

static void sgd(const struct optimizer_state *s, double rate, int t, double g, double *w, double *a)
{
    if (s->momentum != 0.0) {
        *a = t == 1 ? g : s->momentum * *a + g;
        g = s->nesterov ? g + s->momentum * *a : *a;
    }
    *w -= rate * g;
}

static void adam(const struct optimizer_state *s, double rate, int t, double g, double *w,
                 double *a, double *b)
{
    double mean, square;

    *a = s->beta1 * *a + (1.0 - s->beta1) * g;
    *b = s->beta2 * *b + (1.0 - s->beta2) * g * g;
    mean = *a / (1.0 - pow(s->beta1, t));
    square = *b / (1.0 - pow(s->beta2, t));
    *w -= rate * mean / (sqrt(square) + s->epsilon);
}

static double nadam_momentum(const struct optimizer_state *s, int t)
{
    return s->beta1 * (1.0 - 0.5 * pow(0.96, t * 0.004));
}

static void nadam(const struct optimizer_state *s, double rate, int t, double g, double *w,
                  double *a, double *b)
{
    double product = 1.0, now = nadam_momentum(s, t), next = nadam_momentum(s, t + 1), root;

    for (int i = 1; i <= t; i++)
        product *= nadam_momentum(s, i);
    *a = s->beta1 * *a + (1.0 - s->beta1) * g;
    *b = s->beta2 * *b + (1.0 - s->beta2) * g * g;
    root = sqrt(*b / (1.0 - pow(s->beta2, t))) + s->epsilon;
    *w -= rate * (1.0 - now) / (1.0 - product) * g / root;
    *w -= rate * next / (1.0 - product * next) * *a / root;
}

static void adadelta(const struct optimizer_state *s, double rate, double g, double *w, double *a,
                     double *b)
{
    double d;

    *a = s->rho * *a + (1.0 - s->rho) * g * g;
    d = sqrt(*b + s->epsilon) / sqrt(*a + s->epsilon) * g;
    *b = s->rho * *b + (1.0 - s->rho) * d * d;
    *w -= rate * d;
}

static void step(const struct optimizer_state *s, double rate, int t, double g, double *w,
                 double *a, double *b)
{
    switch (s->kind) {
    case OPTIMIZER_SGD:
        sgd(s, rate, t, g, w, a);
        break;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW: /* the decay is the caller's, who knows which are biases */
        adam(s, rate, t, g, w, a, b);
        break;
    case OPTIMIZER_NADAM:
        nadam(s, rate, t, g, w, a, b);
        break;
    case OPTIMIZER_ADAGRAD:
        *a += g * g;
        *w -= rate * g / (sqrt(*a) + s->epsilon);
        break;
    case OPTIMIZER_RMSPROP:
        *a = s->rho * *a + (1.0 - s->rho) * g * g;
        *w -= rate * g / (sqrt(*a) + s->epsilon);
        break;
    case OPTIMIZER_ADADELTA:
        adadelta(s, rate, g, w, a, b);
        break;
    case OPTIMIZER_LBFGS: /* no rule for one weight */
        break;
    }
}

void oracle_decay(const struct oracle *o, double share, double *weights)
{
    for (size_t l = 0; l < o->shape.n_layers; l++)
        for (size_t i = 0; i < inputs_of(o, l) * o->shape.width[l]; i++)
            weights[start_of(o, l) + i] *= 1.0 - share;
}

void oracle_step(const struct optimizer_state *s, double rate, int t, size_t n, const double *g,
                 double *w, double *a, double *b)
{
    for (size_t i = 0; i < n; i++)
        step(s, rate, t, g[i], w + i, a + i, b + i);
}
