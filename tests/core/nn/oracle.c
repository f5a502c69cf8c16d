#include "tests/core/nn/oracle.h"

#include <math.h>
#include <string.h>

/* One row's values: y[0] is the input, z[l] the sums and y[l + 1] the values of layer l. */
struct pass {
    double z[MLP_MAX_LAYERS][ORACLE_WIDTH];
    double y[MLP_MAX_LAYERS + 1][ORACLE_WIDTH];
};

static size_t inputs_of(const struct oracle *o, size_t l)
{
    return l == 0 ? o->shape.n_inputs : o->shape.width[l - 1];
}

/* Where the weights of layer l begin. */
static size_t start_of(const struct oracle *o, size_t l)
{
    size_t at = 0;

    for (size_t i = 0; i < l; i++)
        at += (inputs_of(o, i) + 1) * o->shape.width[i];
    return at;
}

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
    }
    return (double)NAN;
}

static double slope(enum activation a, double z)
{
    double y = activate(a, z);

    switch (a) {
    case ACTIVATION_IDENTITY:
        return 1.0;
    case ACTIVATION_SIGMOID:
        return y * (1.0 - y);
    case ACTIVATION_TANH:
        return 1.0 - y * y;
    case ACTIVATION_RELU:
        return z > 0 ? 1.0 : 0.0;
    }
    return (double)NAN;
}

static void forward(const struct oracle *o, const double *w, size_t row, struct pass *p)
{
    memcpy(p->y[0], o->x[row], sizeof p->y[0]);
    for (size_t l = 0; l < o->shape.n_layers; l++) {
        size_t inputs = inputs_of(o, l), outputs = o->shape.width[l];
        const double *layer = w + start_of(o, l);

        for (size_t j = 0; j < outputs; j++) {
            double sum = layer[inputs * outputs + j];

            for (size_t k = 0; k < inputs; k++)
                sum += p->y[l][k] * layer[k * outputs + j];
            p->z[l][j] = sum;
            p->y[l + 1][j] = activate(o->shape.activation[l], sum);
        }
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

static double squared_distance(const struct oracle *o, size_t row, const double *z)
{
    double p[ORACLE_WIDTH], sum = 0.0;
    size_t n = o->n;

    if (o->output == OUTPUT_IDENTITY) {
        for (size_t j = 0; j < n; j++)
            sum += (z[j] - o->y[row][j]) * (z[j] - o->y[row][j]);
    } else {
        n = probabilities(o, z, p);
        for (size_t j = 0; j < n; j++)
            sum += (p[j] - truth(o, row, j)) * (p[j] - truth(o, row, j));
    }
    return sum / (double)n;
}

static double row_loss(const struct oracle *o, size_t row, const double *z)
{
    double p[ORACLE_WIDTH];

    if (o->loss == LOSS_MSE)
        return squared_distance(o, row, z);
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

    for (size_t i = 0; i < o->rows; i++) {
        struct pass p;

        forward(o, weights, i, &p);
        loss += o->weight[i] / total_weight(o) * row_loss(o, i, p.z[o->shape.n_layers - 1]);
    }
    for (size_t l = 0; l < o->shape.n_layers; l++)
        for (size_t i = 0; i < inputs_of(o, l) * o->shape.width[l]; i++)
            loss += 0.5 * o->l2 * pow(weights[start_of(o, l) + i], 2.0);
    return loss;
}

/* The first equation: the loss's gradient by the last sums. */
static void output_delta(const struct oracle *o, size_t row, const double *z, double *delta)
{
    double p[ORACLE_WIDTH], mean = 0.0;
    size_t n;

    if (o->output == OUTPUT_IDENTITY) {
        for (size_t j = 0; j < o->n; j++)
            delta[j] = 2.0 * (z[j] - o->y[row][j]) / (double)o->n;
        return;
    }
    n = probabilities(o, z, p);
    for (size_t j = 0; j < n; j++)
        mean += 2.0 * (p[j] - truth(o, row, j)) / (double)n * p[j];
    for (size_t j = 0; j < n; j++) {
        double dp = 2.0 * (p[j] - truth(o, row, j)) / (double)n;

        if (o->loss == LOSS_CROSS_ENTROPY)
            delta[j] = p[j] - truth(o, row, j);
        else if (o->output == OUTPUT_SIGMOID)
            delta[j] = dp * p[j] * (1.0 - p[j]);
        else
            delta[j] = p[j] * (dp - mean);
    }
}

/* The third and fourth: gradients of weights and biases. */
static void add_gradient(size_t inputs, size_t outputs, const double *y, const double *delta,
                         double scale, double *g)
{
    for (size_t j = 0; j < outputs; j++) {
        for (size_t k = 0; k < inputs; k++)
            g[k * outputs + j] += scale * y[k] * delta[j];
        g[inputs * outputs + j] += scale * delta[j];
    }
}

static void backward(const struct oracle *o, const double *w, size_t row, double *g)
{
    double delta[ORACLE_WIDTH] = {0}, scale = o->weight[row] / total_weight(o);
    struct pass p;

    forward(o, w, row, &p);
    output_delta(o, row, p.z[o->shape.n_layers - 1], delta);
    for (size_t l = o->shape.n_layers; l-- > 0;) {
        size_t inputs = inputs_of(o, l), outputs = o->shape.width[l];
        double below[ORACLE_WIDTH] = {0};

        add_gradient(inputs, outputs, p.y[l], delta, scale, g + start_of(o, l));
        for (size_t k = 0; l > 0 && k < inputs; k++) { /* the second: one layer down */
            for (size_t j = 0; j < outputs; j++)
                below[k] += w[start_of(o, l) + k * outputs + j] * delta[j];
            below[k] *= slope(o->shape.activation[l - 1], p.z[l - 1][k]);
        }
        memcpy(delta, below, sizeof delta);
    }
}

void oracle_gradient(const struct oracle *o, const double *weights, double *g)
{
    memset(g, 0, mlp_weight_count(&o->shape) * sizeof *g);
    for (size_t i = 0; i < o->rows; i++)
        backward(o, weights, i, g);
    for (size_t l = 0; l < o->shape.n_layers; l++)
        for (size_t i = 0; i < inputs_of(o, l) * o->shape.width[l]; i++)
            g[start_of(o, l) + i] += o->l2 * weights[start_of(o, l) + i];
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

void oracle_step(const struct optimizer_state *s, double rate, int t, size_t n, const double *g,
                 double *w, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        if (s->kind == OPTIMIZER_ADAM)
            adam(s, rate, t, g[i], w + i, a + i, b + i);
        else
            sgd(s, rate, t, g[i], w + i, a + i);
    }
}
