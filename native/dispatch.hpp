// The instruction sets of this build, and the one in use.
#pragma once

#include <vector>

#include "kernel_table.hpp"

namespace multilayer {

// Those that this machine can run, from the least to the most capable.
const std::vector<const InstructionSet*>& instruction_sets();

// The most capable one, or the one that MULTILAYER_ISA names. Throws std::invalid_argument if it
// names none that this machine can run.
const InstructionSet& instruction_set();

template <class T>
const Kernels<T>& kernels_in_use() {
    if constexpr (sizeof(T) == 4)
        return instruction_set().single_precision;
    else
        return instruction_set().double_precision;
}

}  // namespace multilayer
