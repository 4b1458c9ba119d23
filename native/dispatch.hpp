// The instruction sets of this build, and the one in use.
#pragma once

#include <vector>

#include "plan.hpp"

namespace multilayer {

// Those that this machine can run, the best last.
const std::vector<const InstructionSet*>& instruction_sets();

// The best one, or the one that MULTILAYER_ISA names. Throws std::invalid_argument where it names
// none that this machine can run.
const InstructionSet& instruction_set();

template <class T>
const Kernels<T>& kernels_in_use() {
    if constexpr (sizeof(T) == 4)
        return instruction_set().single;
    else
        return instruction_set().twofold;
}

}  // namespace multilayer
