// What surrounds the phases: batches, epochs and stopping; and prediction.
#include "engine.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "batch_loop.hpp"
#include "epoch_scores.hpp"

namespace multilayer {
namespace {

// x to the nth power by multiplication alone, so that every C library gives the same bits.
double power(double x, std::int64_t n) {
    double result = 1;
    for (; n > 0; n /= 2, x *= x)
        if (n % 2) result *= x;
    return result;
}

template <class T>
void prepare_step(BatchTask<T>& task, const Descent& descent, std::int64_t step, double rate) {
    task.step = static_cast<std::uint64_t>(step);
    const std::vector<double>& number = descent.numbers;
    const auto set = [&](std::initializer_list<double> numbers) {
        std::copy(numbers.begin(), numbers.end(), task.numbers);
    };
    const double beta_1 = number[1], beta_2 = number[2];
    switch (descent.rule) {
        case Rule::gradient_descent:
        case Rule::sgd:
            return set({rate, number[1], number[2]});
        case Rule::adam:
        case Rule::adamw:
            set({rate * std::sqrt(1 - power(beta_2, step)) / (1 - power(beta_1, step)), 1 - beta_1,
                 1 - beta_2, number[3]});
            if (descent.rule == Rule::adamw) task.shrink = static_cast<T>(rate * number[4]);
            return;
        case Rule::nadam: {
            const auto momentum = [&](std::int64_t at) {
                constexpr double each = 0.9998367253526753;  // 0.96 to the power 0.004
                return beta_1 * (1 - 0.5 * power(each, at));
            };
            // A product of more than 64 factors, each little more than ½, is negligible beside 1.
            double so_far = 1;
            for (std::int64_t at = 1; at <= std::min<std::int64_t>(step, 64); ++at)
                so_far *= momentum(at);
            const double root = std::sqrt(1 - power(beta_2, step)), ahead = momentum(step + 1);
            return set({rate * root * (1 - momentum(step)) / (1 - so_far),
                        rate * root * ahead / (1 - so_far * ahead), 1 - beta_1, 1 - beta_2,
                        root * number[3]});
        }
        case Rule::rmsprop:
            return set({rate, 1 - number[1], number[2]});
        case Rule::rprop:
            return set({rate, number[1], number[2], number[3], number[4]});
        case Rule::lion:
            task.shrink = static_cast<T>(rate * number[3]);
            return set({rate, 1 - beta_1, 1 - beta_2});
    }
}

// The extra parameters at the start of an epoch of several steps, restored if the epoch is cut
// short. Θ and its slots need no such copy: the caller's arrays, which are written to only between
// epochs, are one.
template <class T>
class Snapshot {
  public:
    explicit Snapshot(Network<T> network) {
        for (const Parameters<T>* part : network.extra_parameters())
            for (T* array : {part->values, part->slots[0], part->slots[1]})
                if (array)
                    arrays_.push_back(
                        {array, std::vector<T>(static_cast<std::size_t>(part->size))});
    }
    void take() {
        for (auto& [array, copy] : arrays_) std::copy_n(array, copy.size(), copy.begin());
    }
    void restore() const {
        for (const auto& [array, copy] : arrays_) std::copy(copy.begin(), copy.end(), array);
    }

  private:
    std::vector<std::pair<T*, std::vector<T>>> arrays_;
};

}  // namespace

template <class T>
bool forward(const Network<T>& network, const Matrix<T>& X, T* H, int threads, const Poll& poll) {
    if (X.rows == 0) return true;
    const Kernels<T>& kernels = kernels_in_use<T>();
    Workspace<T> work(network, kernels, X, X.rows, false, false);
    BatchTask<T> task;
    task.layers = work.layers.data();
    task.n_layers = network.layers();
    if (work.embedding) task.embedding = &*work.embedding;
    task.output = network.objective.output;
    task.groups = network.objective.groups.data();
    task.n_groups = static_cast<int>(network.objective.groups.size());
    task.X = X;
    task.H = H;
    // Transposing costs about as much as reading an eighth of all inputs through untransposed Θ.
    WorkingCopies<T> transposed(kernels, work.layers, true);
    if (X.sparse() && X.starts[X.rows] > X.columns / 8) {
        task.sparse.transposed.theta = transposed.add(0, network.thetas[0]);
        transposed.read_all(threads);
    }
    // About a slice of work at a time, between looks for signals.
    const auto rows = std::max<std::int64_t>(
        4096,
        static_cast<std::int64_t>(2.5e7 / operations(work, kernels.group, 1)) * kernels.group);
    for (task.first = 0; task.first < X.rows; task.first += task.count) {
        if (task.first > 0 && poll()) return false;
        task.count = std::min(rows, X.rows - task.first);
        Team team(threads, operations(work, task.count, 1) < worth_waking);
        work.make_scratch(team.size());
        const Pieces<T> pieces(task.count, team.size(), work);
        team.run([&](int thread) {
            team.each(thread, pieces.count, [&](std::int64_t i) {
                const std::int64_t from = pieces.first(i), to = pieces.first(i + 1);
                kernels.predict(task, work.scratch(thread), from, static_cast<int>(to - from));
            });
        });
    }
    return true;
}

template <class T>
bool cost(const Network<T>& network,
          const Data<T>& data,
          const std::vector<T*>& gradients,
          double& J,
          int threads,
          const Poll& poll) {
    const bool backward = !gradients.empty();
    BatchLoop<T> chunks(network, data, data.X.rows, backward, false);
    WorkingCopies<T> results(chunks.work.kernels(), chunks.work.layers, data.X.sparse());
    for (std::size_t l = 0; l < gradients.size(); ++l)
        chunks.arrays_of(static_cast<int>(l)).gradient =
            results.add(static_cast<int>(l), gradients[l]);
    chunks.begin(threads);
    chunks.task.store = true;
    chunks.start_batch(nullptr, 0, data.X.rows);
    const bool done = run_batches(
        chunks, 1, threads, poll, [&] { return chunks.add_costs(), true; },
        [&] { return chunks.next_chunk(); });
    J = chunks.cost;
    results.write_back_all(threads);
    return done;
}

template <class T>
Report train(const Network<T>& network,
             const Data<T>& data,
             const Descent& descent,
             const Slots<T>& slots,
             const Epochs& epochs,
             int threads,
             const Poll& poll,
             Validation<T>* validation) {
    const bool full_gradient = network.objective.l1 != 0 || std::isfinite(descent.clip_norm) ||
                               std::isfinite(descent.max_norm);
    BatchLoop<T> chunks(network, data, descent.batch_size, true, true, full_gradient, &epochs);
    chunks.share = network.objective.cost_share;
    chunks.clip_norm = descent.clip_norm;
    if (std::isfinite(descent.max_norm)) chunks.task.max_norm = static_cast<T>(descent.max_norm);
    for (std::size_t s = 0; s < slots.size(); ++s) {
        for (std::size_t l = 0; l < network.thetas.size(); ++l)
            chunks.arrays_of(static_cast<int>(l)).slots[s] =
                chunks.copies.add(static_cast<int>(l), slots[s][l]);
    }
    chunks.begin(threads);
    chunks.task.rule = descent.rule;
    for (std::size_t l = 0; l < descent.dropout.size(); ++l)
        chunks.work.layers[l].dropout = descent.dropout[l];
    chunks.task.dropout_seed = descent.dropout_seed;

    const std::int64_t m = epochs.order ? epochs.rows_of_epoch : data.X.rows;
    Report report;
    report.best = epochs.best;
    report.stale = epochs.stale;
    std::int64_t epoch = 0, at = 0;  // of the current batch
    std::int64_t epoch_steps = 0;    // of this epoch
    bool scoring = false;            // the epoch that ended has yet to be scored
    double sum = 0;                  // of the epoch's costs
    std::int64_t rows_seen = 0;      // of this epoch, in batches with any weight
    std::exception_ptr failure;      // if memory ran out: work must not throw
    const std::int64_t* order = nullptr;
    std::optional<Snapshot<T>> snapshot;
    if (descent.batch_size < m) snapshot.emplace(network);
    const auto begin_epoch = [&] {
        epoch_steps = 0;
        if (snapshot) snapshot->take();
        chunks.saving = snapshot && report.steps > 0;
        order = epochs.order ? epochs.order + epoch * m : nullptr;
        if (!epochs.shuffle) return;
        shuffle(*epochs.shuffle, m);
        order = epochs.shuffle->rows;
    };
    const auto batch_rows = [&] { return std::min(descent.batch_size, m - at); };
    // After the last batch of an epoch; false if training ends with it.
    const auto end_epoch = [&] {
        const double cost = sum / static_cast<double>(rows_seen);
        sum = 0;
        rows_seen = 0;
        at = 0;
        ++epoch;
        try {
            report.costs.push_back(cost);
        } catch (const std::bad_alloc&) {
            failure = std::current_exception();
            return false;
        }
        scoring = validation;
        report.stale = cost > report.best - epochs.tol ? report.stale + 1 : 0;
        report.best = std::min(report.best, cost);
        if (static_cast<double>(report.stale) <= epochs.patience) return !scoring;
        report.status = Status::converged;
        return false;
    };
    const auto pass_batch = [&] {
        at += batch_rows();
        return at < m || end_epoch();
    };
    const auto end_batch = [&] {
        ++report.steps;
        ++epoch_steps;
        rows_seen += batch_rows();
        return pass_batch();
    };
    const auto start = [&] {
        while (epoch < epochs.count && report.steps < epochs.max_steps) {
            if (at == 0) begin_epoch();
            chunks.start_batch(order, at, batch_rows());
            if (!chunks.weightless()) {
                const std::int64_t step = report.steps;
                prepare_step(chunks.task, descent, epochs.steps_before + step + 1,
                             epochs.rates ? epochs.rates[step] : descent.numbers[0]);
                return true;
            }
            // A batch whose weights are all zero contributes nothing and is skipped.
            if (!pass_batch()) return false;
        }
        return false;
    };
    const auto proceed = [&] {
        chunks.add_costs();
        if (!chunks.task.last_chunk || std::isfinite(chunks.cost)) return true;
        report.status = Status::diverged;
        return false;
    };
    const auto next = [&] {
        if (chunks.next_chunk()) return true;
        sum += chunks.cost * static_cast<double>(batch_rows());
        return end_batch() && start();
    };
    const double batches = std::min(
        static_cast<double>(epochs.count) * static_cast<double>(divide_up(m, descent.batch_size)),
        static_cast<double>(epochs.max_steps));
    std::optional<EpochScores<T>> scores;
    if (validation) scores.emplace(*validation, network, chunks);
    // Scores the epoch that ended; false if training ends with it.
    const auto score = [&] {
        scoring = false;
        if (!scores->note(threads, [] { return false; })) {
            report.status = Status::diverged;
            return false;
        }
        if (scores->better() && !validation->best_thetas.empty()) {
            chunks.copies.write_back_all(threads);
            for (std::size_t l = 0; l < network.thetas.size(); ++l)
                std::copy_n(network.thetas[l], (network.sizes[l] + 1) * network.sizes[l + 1],
                            validation->best_thetas[l]);
        }
        if (scores->end() && report.status == Status::finished) report.status = Status::converged;
        return report.status == Status::finished;
    };
    bool stopped = false, going = start();
    auto asked = TeamSize::Clock::now();  // when the poll was last asked
    while (going) {
        stopped = !run_batches(chunks, batches, threads, poll, proceed, next);
        if (stopped || !scoring || !score()) break;
        if (TeamSize::Clock::now() - asked > TeamSize::slice) {
            asked = TeamSize::Clock::now();
            stopped = poll();
        }
        going = !stopped && start();
    }
    if (stopped) report.status = Status::interrupted;
    if (stopped && at > 0 && !chunks.saving) {
        snapshot->restore();
        report.steps -= epoch_steps;
    } else {
        chunks.copies.write_back_all(threads);
    }
    if (failure) std::rethrow_exception(failure);
    return report;
}

#define MULTILAYER_INSTANTIATE(T)                                                               \
    template bool forward(const Network<T>&, const Matrix<T>&, T*, int, const Poll&);           \
    template bool cost(const Network<T>&, const Data<T>&, const std::vector<T*>&, double&, int, \
                       const Poll&);                                                            \
    template Report train(const Network<T>&, const Data<T>&, const Descent&, const Slots<T>&,   \
                          const Epochs&, int, const Poll&, Validation<T>*);
MULTILAYER_INSTANTIATE(float)
MULTILAYER_INSTANTIATE(double)

}  // namespace multilayer
