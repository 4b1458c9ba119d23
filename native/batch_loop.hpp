// The way through a batch: chunk by chunk, phase by phase, with the threads that there are.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "dispatch.hpp"
#include "engine.hpp"
#include "team_size.hpp"
#include "threads.hpp"
#include "transposed.hpp"
#include "workspace.hpp"

namespace multilayer {

// Operations on whole groups below which waking another thread costs more than it brings: some
// 20 µs of work, found by measuring (docs/engine.md).
inline constexpr double worth_a_team = 3e4;

// Roughly how many there are in a pass over some rows. products: how often each weight is used.
template <class T>
double operations(const Workspace<T>& work, std::int64_t rows, int products) {
    double each = 0;
    for (const Layer<T>& layer : work.layers) {
        const bool plain =
            &layer != &work.layers.back() &&
            (layer.activation == Activation::relu || layer.activation == Activation::identity);
        const double in = &layer == &work.layers[0] ? work.inputs : static_cast<double>(layer.in);
        each += static_cast<double>(layer.out) * (products * (in + 1) + (plain ? 10 : 60));
    }
    // A periodic feature is a cosine on the way there, and a sine with it on the way back.
    if (work.front)
        each += static_cast<double>(20 * products * work.front->numbers * work.front->frequencies);
    return each * static_cast<double>(rows) / work.kernels().group;
}

// Walks over batches chunk by chunk. `next` is called by one thread while the others wait.
template <class T>
class Walk {
  public:
    Walk(const Network<T>& network,
         const Data<T>& data,
         std::int64_t batch_size,
         bool backward,
         bool own_gradients,
         bool settling = false)
        : work(network, kernels_in_use<T>(), data.X, batch_size, backward, own_gradients, settling),
          objective_(network.objective),
          by_rows_(settling || network.objective.l1 != 0),
          group_costs_(static_cast<std::size_t>(work.capacity / work.kernels().group)),
          penalties_(static_cast<std::size_t>(by_rows_ ? work.row_items : work.items)),
          magnitudes_(static_cast<std::size_t>(by_rows_ ? work.row_items : 0)),
          norms_(static_cast<std::size_t>(settling ? work.row_items : 0)) {
        plan.layers = work.layers.data();
        plan.n_layers = network.layers();
        if (work.front) plan.front = &*work.front;
        plan.first_beside = work.first_beside;
        plan.output = objective_.output;
        plan.groups = objective_.groups.data();
        plan.n_groups = static_cast<int>(objective_.groups.size());
        plan.loss = objective_.loss;
        plan.loss_number = static_cast<T>(objective_.loss_number);
        plan.smoothing = objective_.label_smoothing;
        plan.X = data.X;
        plan.Y = data.Y;
        plan.labels = data.labels;
        plan.weights = data.weights;
        plan.capacity = work.capacity;
        plan.backward = backward;
        plan.group_costs = group_costs_.data();
        plan.penalized = objective_.lambda != 0;
        plan.penalties = penalties_.data();
        plan.magnitudes = magnitudes_.data();
        plan.norms = norms_.data();
        plan.settling = plan.store = settling;
        double step = 0;  // operations of phase 2 that do not depend on the rows
        if (plan.X.sparse()) {
            Layer<T>& first = work.layers[0];
            turned.emplace(work.kernels(), first);
            plan.sparse.turned.in = work.kernels().group - 1;
            plan.sparse.turned.theta = turned->add(first.theta);
            plan.sparse.items = first.panels;
            plan.sparse.inputs_of_item = work.inputs_of_item;
            if (backward) {
                plan.sparse.delta = work.examples_delta;
                by_input_.emplace(data.X, work.capacity).show(plan.sparse);
                if (own_gradients && (batch_size > work.capacity || settling))
                    plan.sparse.turned.gradient = turned->add(nullptr);
                step = 4.0 * static_cast<double>(first.in * first.out) / work.kernels().group;
            }
        }
        alone = operations(work, std::min(batch_size, work.capacity), 3) + step < worth_a_team;
    }

    // Before the first batch, when all that belongs to layer 1 is known.
    void begin(int threads) {
        if (turned) turned->turn(threads);
        if (by_rows_)
            for (std::int64_t item = 0; item < work.row_items; ++item)
                work.kernels().weigh(plan, item);
        else
            for (std::int64_t item = 0; item < work.items && plan.penalized; ++item)
                work.kernels().penalize(plan, item);
    }

    // Starts on a batch: rows order[first] … order[first + n − 1].
    void start_batch(const std::int64_t* order, std::int64_t first, std::int64_t n) {
        plan.order = order;
        plan.first = first;
        batch_first_ = first;
        batch_end_ = first + n;
        sum_ = 0;
        total_ = static_cast<double>(n);
        if (plan.weights) {
            total_ = 0;
            for (std::int64_t at = first; at < first + n; ++at)
                total_ += static_cast<double>(plan.weights[order ? order[at] : at]);
        }
        divisor_ = objective_.penalty_rows > 0 ? objective_.penalty_rows : total_;
        plan.scale = static_cast<T>(1 / total_);
        plan.decay = static_cast<T>(objective_.lambda / divisor_);
        plan.l1 = static_cast<T>(objective_.l1 / divisor_);
        start_chunk();
    }

    // After phase 1: adds up its costs in their order. The batch's cost is known after its last
    // chunk.
    void add_costs() {
        for (std::int64_t g = 0; g < groups(); ++g)
            sum_ += group_costs_[static_cast<std::size_t>(g)];
        if (!plan.last_chunk) return;
        double squares = 0, magnitudes = 0;
        if (plan.penalized)
            for (const double square : penalties_) squares += square;
        for (const double magnitude : magnitudes_) magnitudes += magnitude;
        cost = share * sum_ / total_ +
               (objective_.lambda / 2 * squares + objective_.l1 * magnitudes) / divisor_;
    }

    // Between phases 2 and 3: how D is to be scaled so that it is no longer than `longest`.
    void clip(double longest) {
        double squares = 0;
        for (const double square : norms_) squares += square;
        const double norm = std::sqrt(squares);
        plan.clip = static_cast<T>(norm > longest ? longest / norm : 1);
    }

    // To the next chunk of the batch; false where there is none.
    bool next_chunk() {
        if (plan.last_chunk) return false;
        plan.first += plan.count;
        start_chunk();
        return true;
    }

    bool weightless() const { return total_ == 0; }

    // All of phase 1, by all the threads of a team.
    void first_phase(Team& team, int thread) {
        const std::int64_t pieces = pieces_of(team.size());
        // One more where X is sparse, before all others: what phase 2 wants to know of it.
        const std::int64_t before = by_input_ ? 1 : 0;
        for (std::int64_t piece; (piece = team.next() - before) < pieces;) {
            if (piece < 0) {
                by_input_->sort(plan);
                continue;
            }
            const std::int64_t from = piece * groups() / pieces;
            const std::int64_t to = (piece + 1) * groups() / pieces;
            work.kernels().propagate(plan, work.room(thread), from, static_cast<int>(to - from));
        }
    }

    void second_phase(Team& team) {
        for (std::int64_t item; (item = team.next()) < work.items;)
            work.kernels().update(plan, item);
    }

    void measure(Team& team) {
        for (std::int64_t item; (item = team.next()) < work.row_items;)
            work.kernels().measure(plan, item);
    }

    void third_phase(Team& team) {
        for (std::int64_t item; (item = team.next()) < work.row_items;)
            work.kernels().settle(plan, item);
    }

    Workspace<T> work;
    Plan<T> plan;
    std::optional<Turned<T>> turned;  // where X is sparse
    double cost = 0;
    double share = 1;  // of the data's part of the cost that is reported
    double clip_norm = std::numeric_limits<double>::infinity();
    bool alone = false;

  private:
    std::int64_t groups() const { return divide_up(plan.count, work.kernels().group); }

    std::int64_t pieces_of(int threads) const {
        const std::int64_t fair = divide_up(groups(), threads);
        return divide_up(groups(), std::min(fair, work.groups_at_a_time));
    }

    void start_chunk() {
        plan.count = std::min(work.capacity, batch_end_ - plan.first);
        plan.place = plan.first - batch_first_;
        plan.first_chunk = plan.place == 0;
        plan.last_chunk = plan.first + plan.count == batch_end_;
    }

    const Objective& objective_;
    bool by_rows_;  // penalties are added up by the items of phase 3
    std::vector<double> group_costs_, penalties_, magnitudes_, norms_;
    double divisor_ = 1;
    std::optional<ByInput<T>> by_input_;
    std::int64_t batch_first_ = 0, batch_end_ = 0;
    double sum_ = 0, total_ = 0;
};

// Repeats chunk after chunk in turns, until next() says that there is no other. next() is called
// by one thread between two chunks; proceed() by one thread between the phases, and where it is
// false, the walk ends there. False where the poll stopped it.
template <class T, class Proceed, class Next>
bool walk(Walk<T>& chunks, int threads, const Poll& poll, Proceed proceed, Next next) {
    bool ended = false;
    Pace pace(chunks.alone);
    while (!ended) {
        Team team(threads, !pace.start());
        chunks.work.make_rooms(team.size());
        double count = 0;
        bool over = false;
        team.run([&](int thread) {
            while (!over) {
                chunks.first_phase(team, thread);
                team.barrier([&] { over = ended = !proceed(); });
                if (over) return;
                if (chunks.plan.backward) chunks.second_phase(team);
                if (chunks.plan.settling && chunks.plan.last_chunk) {
                    if (std::isfinite(chunks.clip_norm)) {
                        team.barrier([] {});
                        chunks.measure(team);
                    }
                    team.barrier([&] { chunks.clip(chunks.clip_norm); });
                    chunks.third_phase(team);
                }
                team.barrier([&] {
                    ended = !next();
                    ++count;
                    over = ended || pace.over();
                });
            }
        });
        pace.end(count);
        if (!ended && poll()) return false;
    }
    return true;
}

}  // namespace multilayer
