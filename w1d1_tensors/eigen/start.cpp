// To be filled in: one training step of the two-layer net, on Eigen's maps of numpy's memory: nothing is copied on the way in or out.
// Built by eigen_net.py through torch.utils.cpp_extension.

#include <torch/extension.h>

#include <Eigen/Dense>

// Rows lie one after the other, as in numpy and torch.
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::Matrix<float, 1, Eigen::Dynamic>;

Eigen::Map<Matrix> matrix(const torch::Tensor& t) { return {t.data_ptr<float>(), t.size(0), t.size(1)}; }
Eigen::Map<Row> row(const torch::Tensor& t) { return {t.data_ptr<float>(), t.size(0)}; }

// p = softmax(logits) - onehot, over n, in place; returns the mean cross-entropy.
double cross_entropy(Matrix& logits, const int64_t* labels) {
    const Eigen::VectorXf highest = logits.rowwise().maxCoeff();
    logits.colwise() -= highest;
    const Eigen::VectorXf log_sum = logits.array().exp().rowwise().sum().log().matrix();
    double loss = 0;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) loss += log_sum(i) - logits(i, labels[i]);
    logits.colwise() -= log_sum;
    logits = logits.array().exp().matrix();
    for (Eigen::Index i = 0; i < logits.rows(); ++i) logits(i, labels[i]) -= 1;
    logits /= static_cast<float>(logits.rows());
    return loss / logits.rows();
}

// Forward, backward and one step of gradient descent; the parameters are changed where they lie. Returns the loss before.
double step(torch::Tensor w1_, torch::Tensor b1_, torch::Tensor w2_, torch::Tensor b2_, torch::Tensor x_,
            torch::Tensor labels, double lr_) {
    auto w1 = matrix(w1_), w2 = matrix(w2_), x = matrix(x_);
    auto b1 = row(b1_), b2 = row(b2_);
    const float lr = static_cast<float>(lr_);

    // TODO: hidden = max(0, x w1 + b1), and the logits. (rowwise() adds a row to all rows; cwiseMax is the ReLU.)
    double loss = 0;  // TODO: cross_entropy(logits, labels.data_ptr<int64_t>()) turns the logits into their gradient.

    // TODO: back through the second layer and the ReLU, before w2 changes.

    // TODO: a step for each of the four parameters.
    return loss;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("step", &step); }
