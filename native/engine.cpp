// The loop around the phases: batches, epochs, stopping; and prediction.
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

namespace multilayer {
namespace {

template <class T>
void prepare_step(Plan<T>& plan, const Descent& descent, std::int64_t step, double rate) {
    plan.step = static_cast<std::uint64_t>(step);
    const std::vector<double>& number = descent.numbers;
    const double t = static_cast<double>(step);
    const auto set = [&](std::initializer_list<double> numbers) {
        std::copy(numbers.begin(), numbers.end(), plan.numbers);
    };
    const double beta_1 = number[1], beta_2 = number[2];
    switch (descent.rule) {
        case Rule::gradient_descent:
        case Rule::sgd:
            return set({rate, number[1], number[2]});
        case Rule::adam:
        case Rule::adamw:
            set({rate * std::sqrt(1 - std::pow(beta_2, t)) / (1 - std::pow(beta_1, t)), 1 - beta_1,
                 1 - beta_2, number[3]});
            if (descent.rule == Rule::adamw) plan.shrink = static_cast<T>(rate * number[4]);
            return;
        case Rule::nadam: {
            const auto momentum = [&](double at) {
                return beta_1 * (1 - 0.5 * std::pow(0.96, at * 0.004));
            };
            // A product of more than 64, each little more than ½, no longer counts beside 1.
            double so_far = 1;
            for (double at = 1; at <= std::min(t, 64.0); ++at) so_far *= momentum(at);
            const double root = std::sqrt(1 - std::pow(beta_2, t)), ahead = momentum(t + 1);
            return set({rate * root * (1 - momentum(t)) / (1 - so_far),
                        rate * root * ahead / (1 - so_far * ahead), 1 - beta_1, 1 - beta_2,
                        root * number[3]});
        }
        case Rule::rmsprop:
            return set({rate, 1 - number[1], number[2]});
        case Rule::rprop:
            return set({rate, number[1], number[2], number[3], number[4]});
        case Rule::lion:
            plan.shrink = static_cast<T>(rate * number[3]);
            return set({rate, 1 - beta_1, 1 - beta_2});
    }
}

// Θ and slots at the start of an epoch of several steps, to go back to when it is cut short. Those
// of layer 1 need no copy while they are turned: there are two of them already.
template <class T>
class Snapshot {
  public:
    Snapshot(Network<T> network, const Slots<T>& slots, bool turned) {
        for (const Parameters<T>* part : network.extra_parameters())
            for (T* array : {part->values, part->slots[0], part->slots[1]})
                if (array)
                    arrays_.push_back(
                        {array, std::vector<T>(static_cast<std::size_t>(part->size))});
        for (int l = turned ? 1 : 0; l < network.layers(); ++l) {
            const auto size = static_cast<std::size_t>(network.sizes[l + 1]) *
                              static_cast<std::size_t>(network.sizes[l] + 1);
            arrays_.push_back({network.thetas[l], std::vector<T>(size)});
            for (const auto& slot : slots)
                arrays_.push_back({slot[l], std::vector<T>(size)});
        }
    }
    void take() {
        for (auto& [array, copy] : arrays_) std::copy_n(array, copy.size(), copy.begin());
    }
    void give_back() const {
        for (const auto& [array, copy] : arrays_) std::copy(copy.begin(), copy.end(), array);
    }

  private:
    std::vector<std::pair<T*, std::vector<T>>> arrays_;
};

}  // namespace

template <class T>
bool forward(const Network<T>& network, const Matrix<T>& X, T* H, int threads, const Poll& poll) {
    const Kernels<T>& kernels = kernels_in_use<T>();
    Workspace<T> work(network, kernels, X, X.rows, false, false);
    Plan<T> plan;
    plan.layers = work.layers.data();
    plan.n_layers = network.layers();
    if (work.front) plan.front = &*work.front;
    plan.output = network.objective.output;
    plan.groups = network.objective.groups.data();
    plan.n_groups = static_cast<int>(network.objective.groups.size());
    plan.X = X;
    plan.H = H;
    // Turning costs about as much as some eighth of all inputs read through Θ as it lies.
    std::optional<Turned<T>> turned;
    if (X.sparse() && X.starts[X.rows] > X.columns / 8) {
        turned.emplace(kernels, work.layers[0]);
        plan.sparse.turned.theta = turned->add(work.layers[0].theta);
        turned->turn(threads);
    }
    // About a turn's worth of work at a time, between looks for signals.
    const auto rows = std::max<std::int64_t>(
        4096,
        static_cast<std::int64_t>(2.5e7 / operations(work, kernels.group, 1)) * kernels.group);
    for (plan.first = 0; plan.first < X.rows; plan.first += plan.count) {
        if (plan.first > 0 && poll()) return false;
        plan.count = std::min(rows, X.rows - plan.first);
        Team team(threads, operations(work, plan.count, 1) < worth_a_team);
        work.make_rooms(team.size());
        const std::int64_t groups = divide_up(plan.count, kernels.group);
        const std::int64_t fair = divide_up(groups, team.size());
        const std::int64_t pieces = divide_up(groups, std::min(fair, work.groups_at_a_time));
        team.run([&](int thread) {
            for (std::int64_t piece; (piece = team.next()) < pieces;) {
                const std::int64_t from = piece * groups / pieces;
                const std::int64_t to = (piece + 1) * groups / pieces;
                kernels.predict(plan, work.room(thread), from, static_cast<int>(to - from));
            }
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
    Walk<T> chunks(network, data, data.X.rows, backward, false);
    for (std::size_t l = 0; l < gradients.size(); ++l)
        chunks.work.layers[l].gradient = gradients[l];
    std::optional<Turned<T>> result;
    if (chunks.turned && backward) {
        result.emplace(chunks.work.kernels(), chunks.work.layers[0]);
        chunks.plan.sparse.turned.gradient = result->add(gradients[0]);
    }
    chunks.begin(threads);
    chunks.plan.store = true;
    chunks.start_batch(nullptr, 0, data.X.rows);
    const bool done = walk(
        chunks, threads, poll, [&] { return chunks.add_costs(), true; },
        [&] { return chunks.next_chunk(); });
    J = chunks.cost;
    if (result) result->give_back(threads);
    return done;
}

template <class T>
Report train(const Network<T>& network,
             const Data<T>& data,
             const Descent& descent,
             const Slots<T>& slots,
             const Epochs& epochs,
             int threads,
             const Poll& poll) {
    const bool settling =
        network.objective.l1 != 0 || std::isfinite(descent.clip_norm) || std::isfinite(descent.max_norm);
    Walk<T> chunks(network, data, descent.batch_size, true, true, settling);
    chunks.share = network.objective.cost_share;
    chunks.clip_norm = descent.clip_norm;
    if (std::isfinite(descent.max_norm)) chunks.plan.max_norm = static_cast<T>(descent.max_norm);
    for (std::size_t s = 0; s < slots.size(); ++s) {
        for (std::size_t l = 0; l < network.thetas.size(); ++l)
            chunks.work.layers[l].slots[s] = slots[s][l];
        if (chunks.turned)
            chunks.plan.sparse.turned.slots[s] = chunks.turned->add(slots[s][0]);
    }
    chunks.begin(threads);
    chunks.plan.rule = descent.rule;
    for (std::size_t l = 0; l < descent.dropout.size(); ++l)
        chunks.work.layers[l].dropout = descent.dropout[l];
    chunks.plan.dropout_seed = descent.dropout_seed;

    const std::int64_t m = epochs.order ? epochs.rows_of_epoch : data.X.rows;
    Report report;
    report.best = epochs.best;
    report.stale = epochs.stale;
    std::int64_t epoch = 0, at = 0;  // the batch at hand
    std::int64_t epoch_steps = 0;    // made in this epoch
    double sum = 0;                  // of the epoch's costs
    std::int64_t taught = 0;         // rows of its batches that had any weight
    std::exception_ptr failure;      // where memory ran out: work must not throw
    const std::int64_t* order = nullptr;
    std::optional<Snapshot<T>> snapshot;
    if (descent.batch_size < m) snapshot.emplace(network, slots, chunks.plan.X.sparse());
    const auto begin_epoch = [&] {
        epoch_steps = 0;
        if (snapshot) snapshot->take();
        if (snapshot && chunks.turned && report.steps > 0) chunks.turned->give_back(1);
        order = epochs.order ? epochs.order + epoch * m : nullptr;
        if (!epochs.shuffle) return;
        shuffle(*epochs.shuffle, m);
        order = epochs.shuffle->rows;
    };
    const auto batch_rows = [&] { return std::min(descent.batch_size, m - at); };
    // After the last batch of an epoch; false where training ends with it.
    const auto end_epoch = [&] {
        const double cost = sum / static_cast<double>(taught);
        sum = 0;
        taught = 0;
        at = 0;
        ++epoch;
        try {
            report.costs.push_back(cost);
        } catch (const std::bad_alloc&) {
            failure = std::current_exception();
            return false;
        }
        report.stale = cost > report.best - epochs.tol ? report.stale + 1 : 0;
        report.best = std::min(report.best, cost);
        if (static_cast<double>(report.stale) <= epochs.patience) return true;
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
        taught += batch_rows();
        return pass_batch();
    };
    const auto start = [&] {
        while (epoch < epochs.count && report.steps < epochs.max_steps) {
            if (at == 0) begin_epoch();
            chunks.start_batch(order, at, batch_rows());
            if (!chunks.weightless()) {
                const std::int64_t step = report.steps;
                prepare_step(chunks.plan, descent, epochs.steps_before + step + 1,
                             epochs.rates ? epochs.rates[step] : descent.numbers[0]);
                return true;
            }
            // A batch whose weights are all zero has nothing to teach, and is passed over.
            if (!pass_batch()) return false;
        }
        return false;
    };
    const auto proceed = [&] {
        chunks.add_costs();
        if (!chunks.plan.last_chunk || std::isfinite(chunks.cost)) return true;
        report.status = Status::diverged;
        return false;
    };
    const auto next = [&] {
        if (chunks.next_chunk()) return true;
        sum += chunks.cost * static_cast<double>(batch_rows());
        return end_batch() && start();
    };
    const bool stopped = start() && !walk(chunks, threads, poll, proceed, next);
    if (stopped) report.status = Status::interrupted;
    if (stopped && at > 0) {
        snapshot->give_back();
        report.steps -= epoch_steps;
    } else if (chunks.turned) {
        chunks.turned->give_back(threads);
    }
    if (failure) std::rethrow_exception(failure);
    return report;
}

#define MULTILAYER_INSTANTIATE(T)                                                                 \
    template bool forward(const Network<T>&, const Matrix<T>&, T*, int, const Poll&);             \
    template bool cost(const Network<T>&, const Data<T>&, const std::vector<T*>&, double&, int,   \
                       const Poll&);                                                \
    template Report train(const Network<T>&, const Data<T>&, const Descent&, const Slots<T>&,     \
                          const Epochs&, int, const Poll&);
MULTILAYER_INSTANTIATE(float)
MULTILAYER_INSTANTIATE(double)

}  // namespace multilayer
