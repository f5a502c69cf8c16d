#include "core/train/hyper_words.h"

#include <stddef.h>

/* Each list in the order of its enum: X(name, what it is). */

#define ACTIVATIONS(X)                                                                             \
    X("identity", "x itself: layers without a bend are one linear layer")                          \
    X("sigmoid", "1 / (1 + exp(-x))")                                                              \
    X("tanh", "the hyperbolic tangent of x")                                                       \
    X("relu", "x, and 0 below 0")                                                                  \
    X("leaky_relu", "x, and a hundredth of it below 0")                                            \
    X("elu", "x, and exp(x) - 1 below 0")                                                          \
    X("selu", "elu, scaled so that layers keep mean 0 and variance 1")                             \
    X("gelu", "x times the chance that a normal number is below x")                                \
    X("silu", "x times sigmoid(x)")                                                                \
    X("softplus", "log(1 + exp(x)): relu without the bend")                                        \
    X("softsign", "x / (1 + |x|)")                                                                 \
    X("hard_sigmoid", "x / 6 + 1/2, held between 0 and 1")                                         \
    X("sine", "the sine of x")

#define OPTIMIZERS(X)                                                                              \
    X("sgd", "stochastic gradient descent, with momentum where that is above 0")                   \
    X("adam", "steps by running means of the gradient and of its square")                          \
    X("adamw", "adam, and weights shrink by weight_decay beside it")                               \
    X("nadam", "adam with momentum that looks ahead (Nesterov)")                                   \
    X("adagrad", "steps that shrink with the sum of all squared gradients")                        \
    X("rmsprop", "steps by the gradient over the root of its running mean square")                 \
    X("adadelta", "rmsprop, with steps as long as those before")                                   \
    X("lbfgs", "quasi-Newton over all training rows at once, with a line search")

#define INITS(X)                                                                                   \
    X("auto", "he_normal for relu and its kin, lecun_normal for selu, else glorot_uniform")        \
    X("standard_normal", "normal, variance 1")                                                     \
    X("glorot_uniform", "uniform, variance 2 / (inputs + outputs)")                                \
    X("he_normal", "normal, variance 2 / inputs")                                                  \
    X("glorot_normal", "normal, variance 2 / (inputs + outputs)")                                  \
    X("he_uniform", "uniform, variance 2 / inputs")                                                \
    X("lecun_normal", "normal, variance 1 / inputs")                                               \
    X("orthogonal", "rows or columns, whichever are fewer, are orthonormal")                       \
    X("zeros", "all weights 0: of use without hidden layers")

#define LOSSES(X)                                                                                  \
    X("cross_entropy", "minus the log of the true class's probability; for classification")        \
    X("mse", "mean square of the error, over rows and outputs")                                    \
    X("mae", "mean size of the error, over rows and outputs")                                      \
    X("huber", "half the square of the error, and linear beyond huber_delta")

#define SCHEDULES(X)                                                                               \
    X("constant", "one learning rate from the first step to the last")                             \
    X("step", "times decay every step_epochs epochs")                                              \
    X("exponential", "times decay after every epoch")                                              \
    X("inverse_time", "divided by 1 + decay times the epochs so far")                              \
    X("cosine", "half a wave down to final_fraction of it")                                        \
    X("warmup_cosine", "up in a line over warmup_fraction of the steps, then cosine")              \
    X("one_cycle", "up over warmup_fraction of the steps, then down to almost nothing")            \
    X("plateau", "times decay after plateau_patience epochs without a lower loss")

#define SCALINGS(X)                                                                                \
    X("standard", "to mean 0 and standard deviation 1")                                            \
    X("none", "as the numbers are")                                                                \
    X("minmax", "to between 0 and 1")                                                              \
    X("robust", "to median 0 and interquartile range 1")                                           \
    X("quantile", "by rank to a normal distribution")

#define IMPUTES(X)                                                                                 \
    X("mean", "the column's mean stands for missing numbers")                                      \
    X("median", "the column's median stands for missing numbers")

#define CLASS_WEIGHTS(X)                                                                           \
    X("none", "each row counts the same")                                                          \
    X("balanced", "each class counts the same in the loss")

#define NAME(name, summary) name,
#define SUMMARY(name, summary) summary,
#define WORDS(list, words, summaries)                                                              \
    const char *const words[] = {list(NAME) NULL};                                                 \
    const char *const summaries[] = {list(SUMMARY) NULL};

WORDS(ACTIVATIONS, hyper_activations, hyper_activation_summaries)
WORDS(OPTIMIZERS, hyper_optimizers, hyper_optimizer_summaries)
WORDS(INITS, hyper_inits, hyper_init_summaries)
WORDS(LOSSES, hyper_losses, hyper_loss_summaries)
WORDS(SCHEDULES, hyper_schedules, hyper_schedule_summaries)
WORDS(SCALINGS, hyper_scalings, hyper_scaling_summaries)
WORDS(IMPUTES, hyper_imputes, hyper_impute_summaries)
WORDS(CLASS_WEIGHTS, hyper_class_weights, hyper_class_weight_summaries)
