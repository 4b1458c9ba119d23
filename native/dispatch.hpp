// The instruction sets of this build, and the one in use.
#pragma once

#include <vector>

#include "kernel_table.hpp"

namespace multilayer {

// Those that this machine can run, from the least to the most capable.
const std::vector<const InstructionSet*>& instruction_sets();

// The one in use: the most capable one, unless MULTILAYER_ISA names another. Throws
// std::invalid_argument if it names none that this machine can run.
const InstructionSet& instruction_set();

// Uses another one from the next call on: so that tests compare all of them in one process.
void use_instruction_set(const char* name);

template <class T>
const Kernels<T>& kernels_in_use() {
    if constexpr (sizeof(T) == 4)
        return instruction_set().single_precision;
    else
        return instruction_set().double_precision;
}

}  // namespace multilayer
